//===- AlgebraTest.cpp - The laws of layouts on random layouts ------------===//

#include "dialect/Layout/Layout.h"

#include <gtest/gtest.h>

#include <random>

using namespace einfall::layout;

namespace {
class Algebra : public testing::Test {
protected:
  std::mt19937 random{2026};
  int64_t below(int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  }

  /// A random matrix over GF(2) as a layout; injective and surjective ones come
  /// up by chance.
  Layout randomLinear(const std::vector<Dim> &inputs,
                      const std::vector<Dim> &outputs) {
    LayoutBuilder builder(outputs);
    for (const Dim &dim : inputs) {
      builder.input(dim.name);
      for (int64_t bit = 1; bit < dim.extent; bit *= 2) {
        Steps steps;
        for (const Dim &out : outputs)
          steps.push_back({out.name, below(out.extent)});
        builder.bit(steps);
      }
    }
    return *builder.build();
  }

  /// Bits and digits of any radix in any order.
  Layout randomMixed(const std::vector<std::string> &inputs,
                     const std::vector<std::string> &outputs) {
    std::vector<Dim> dims;
    for (const std::string &name : outputs)
      dims.push_back({name, 0});
    LayoutBuilder builder(dims);
    for (const std::string &name : inputs) {
      builder.input(name);
      for (int64_t digit = 0, count = 1 + below(3); digit < count; ++digit) {
        Steps steps;
        for (const std::string &out : outputs)
          steps.push_back({out, below(2) ? below(32) : 0});
        if (below(2))
          builder.bit(steps);
        else
          builder.repeat(2 + below(4), steps);
      }
    }
    return *builder.build();
  }

  static bool isIdentity(const Layout &layout) {
    bool same = true;
    layout.forEach([&](const Point &x, const Point &y) {
      for (size_t i = 0; i < x.size(); ++i)
        same &= y[layout.outputIndex(layout.inputs()[i].dim.name)] == x[i];
    });
    return same;
  }
};

TEST_F(Algebra, PseudoInversesOfMatrices) {
  int bijections = 0, injections = 0, surjections = 0;
  for (int trial = 0; trial < 600; ++trial) {
    std::vector<Dim> ins{{"a", 4}, {"b", int64_t(1) << below(4)}};
    std::vector<Dim> outs{{"x", int64_t(1) << below(4)}, {"y", 4}};
    Layout l = randomLinear(ins, outs);
    OrError<Layout> p = pseudoInverse(l);
    ASSERT_TRUE(p) << p.message();
    OrError<Layout> pl = compose(*p, l), lp = compose(l, *p);
    ASSERT_TRUE(pl && lp);
    ASSERT_TRUE(compose(l, *pl)->isEquivalent(l)) << l.str();
    EXPECT_TRUE(isIdentity(*pl) || !l.isInjective()) << l.str();
    EXPECT_TRUE(isIdentity(*lp) || !l.isSurjective()) << l.str();
    bool bijection = l.isInjective() && l.isSurjective();
    OrError<Layout> inv = inverse(l);
    EXPECT_EQ(bool(inv), bijection);
    if (bijection) {
      EXPECT_TRUE(inverse(*inv)->isEquivalent(l));
    }
    bijections += bijection;
    injections += l.isInjective();
    surjections += l.isSurjective();
  }
  EXPECT_GT(bijections, 5);
  EXPECT_GT(injections, bijections);
  EXPECT_GT(surjections, bijections);
}

TEST_F(Algebra, KernelIsWhatMapsToZero) {
  for (int trial = 0; trial < 200; ++trial) {
    Layout l = randomLinear({{"a", 8}, {"b", 8}}, {{"x", 4}, {"y", 4}});
    LinearMap map = *l.linear();
    std::vector<Point> free = l.freeDirections();
    EXPECT_EQ(free.size() + map.rank(), 6u);
    for (const Point &x : free)
      EXPECT_EQ(l.apply(x), (Point{0, 0}));
    // The directions are independent: each has a last bit of its own.
    int64_t zeros = 0;
    l.forEach([&](const Point &, const Point &y) {
      zeros += y == Point{0, 0};
    });
    EXPECT_EQ(zeros, int64_t(1) << free.size());
  }
}

TEST_F(Algebra, SolvesWhatIsInTheImage) {
  for (int trial = 0; trial < 200; ++trial) {
    Layout l = randomLinear({{"a", 16}}, {{"x", 32}});
    LinearMap map = *l.linear();
    int64_t solved = 0;
    for (uint64_t y = 0; y < 32; ++y)
      if (auto x = map.solve(y)) {
        EXPECT_EQ(map.apply(*x), y);
        ++solved;
      }
    EXPECT_EQ(solved, int64_t(1) << map.rank());
  }
}

TEST_F(Algebra, CompositionIsAssociative) {
  for (int trial = 0; trial < 200; ++trial) {
    Layout h = randomLinear({{"a", 8}, {"b", 4}}, {{"c", 4}, {"d", 8}});
    Layout g = randomLinear({{"d", 8}, {"c", 4}}, {{"e", 16}});
    Layout f = randomLinear({{"e", 16}}, {{"x", 8}, {"y", 2}});
    OrError<Layout> left = compose(*compose(f, g), h);
    OrError<Layout> right = compose(f, *compose(g, h));
    ASSERT_TRUE(left && right);
    EXPECT_TRUE(left->isEquivalent(*right));
    left->forEach([&](const Point &x, const Point &y) {
      Point hx = h.apply(x);
      Point gx = g.apply(Steps{{"c", hx[0]}, {"d", hx[1]}});
      ASSERT_EQ(y, f.apply(gx));
    });
  }
}

TEST_F(Algebra, CompositionOfStridedLayoutsIsRightOrRefused) {
  int composed = 0, refused = 0;
  for (int trial = 0; trial < 400; ++trial) {
    Layout g = randomMixed({"a", "b"}, {"c", "d"});
    LayoutBuilder builder({{"x", 0}});
    for (const Dim &dim : g.outputs()) {
      builder.input(dim.name, dim.extent);
      int64_t covered = 1;
      while (covered < dim.extent) {
        int64_t radix = below(3) ? 2 : 2 + below(7);
        if (radix == 2 && below(2))
          builder.bit({{"x", below(64)}});
        else
          builder.repeat(radix, {{"x", below(64)}});
        covered *= radix;
      }
    }
    Layout f = *builder.build();
    OrError<Layout> fg = compose(f, g);
    if (!fg) {
      ++refused;
      continue;
    }
    ++composed;
    fg->forEach([&](const Point &x, const Point &y) {
      ASSERT_EQ(y, f.apply(g.apply(x))) << f.str() << " o " << g.str();
    });
  }
  EXPECT_GT(composed, 20);
  EXPECT_GT(refused, 20);
}

TEST_F(Algebra, CompositionNeedsMatchingExtents) {
  Layout inner = *Layout::parse("[a 8: 8 x row 1] -> [row 8]");
  Layout outer = *Layout::parse("[row 4: 4 x byte 2] -> [byte 8]");
  EXPECT_EQ(compose(outer, inner).message(),
            "dimension 'row' has extent 8, but the outer layout takes 4");
}

TEST_F(Algebra, ComposesTilesOfAnyExtent) {
  // An accumulator of 176 columns stored into rows with a pitch of 368 bytes.
  Layout fragment = *Layout::parse(
      "[register 88: 2 x column 1, 2 x row 8, 22 x column 8; lane 32: 4 x "
      "column 2, 8 x row 1; warp 4: 4 x row 16] -> [row 64, column 176]");
  Layout memory = *Layout::parse(
      "[row 64: 64 x byte 368; column 176: 176 x byte 2] -> [byte 23552]");
  OrError<Layout> address = compose(memory, fragment);
  ASSERT_TRUE(address) << address.message();
  EXPECT_EQ(address->str(),
            "[register 88: 2 x byte 2, 2 x byte 2944, 22 x byte 16; lane 32: "
            "4 x byte 4, 8 x byte 368; warp 4: 4 x byte 5888] -> [byte 23552]");
}

TEST_F(Algebra, InvertsTilesOfAnyExtent) {
  Layout tile = *Layout::parse(
      "[row 80: ^at 9, ^at 18, ^at 36, 10 x at 64; column 8: ^at 1, ^at 2, "
      "^at 4] -> [at 640]");
  OrError<Layout> inv = inverse(tile);
  ASSERT_TRUE(inv) << inv.message();
  EXPECT_TRUE(isIdentity(*compose(*inv, tile)));
  EXPECT_TRUE(isIdentity(*compose(tile, *inv)));
  EXPECT_TRUE(inverse(*inv)->isEquivalent(tile));
  Layout pitch = *Layout::parse("[row 7: 7 x at 80; column 80: 80 x at 1] -> "
                                "[at 560]");
  EXPECT_EQ(inverse(pitch)->str(),
            "[at 560: 80 x column 1, 7 x row 1] -> [row 7, column 80]");
  // Of replicated elements the first holder is taken.
  Layout replicas = *Layout::parse("[a 3: 3 x at 1; copy 2: 2 x 0] -> [at 3]");
  EXPECT_EQ(pseudoInverse(replicas)->str(), "[at 3: 3 x a 1] -> [a 3, copy 2]");
  EXPECT_EQ(inverse(replicas).message(),
            "the layout has no inverse: it holds elements twice");
  Layout holes = *Layout::parse("[row 7: 7 x at 3] -> [at 21]");
  EXPECT_EQ(pseudoInverse(holes).message(),
            "the layout reaches 7 of 21 outputs; a layout that is not linear "
            "has an inverse only where it is surjective");
}

TEST_F(Algebra, ProductsAreAssociativeAndDivide) {
  int products = 0, divided = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Layout a = randomMixed({"a", "b"}, {"x"});
    Layout b = randomMixed({"b", "c"}, {"x", "y"});
    Layout c = randomMixed({"a"}, {"y"});
    OrError<Layout> ab = product(a, b), bc = product(b, c);
    if (!ab || !bc || ab->inputSize() * c.inputSize() > 4000)
      continue;
    a.forEach([&](const Point &x, const Point &) {
      int64_t c = below(b.inputExtent("c")), high = below(b.inputExtent("b"));
      Point low = a.apply(x), up = b.apply(Steps{{"b", high}, {"c", c}});
      Point both = ab->apply(Steps{
          {"a", x[0]}, {"b", x[1] + a.inputExtent("b") * high}, {"c", c}});
      ASSERT_EQ(both[0], low[0] + a.outputExtent("x") * up[0]);
      ASSERT_EQ(both[1], up[1]);
    });
    if (OrError<Layout> quotient = divide(*ab, a)) {
      ++divided;
      EXPECT_TRUE(product(a, *quotient)->isEquivalent(*ab));
    }
    OrError<Layout> left = product(*ab, c), right = product(a, *bc);
    if (!left || !right)
      continue;
    ++products;
    ASSERT_TRUE(left->isEquivalent(*right)) << a.str() << b.str() << c.str();
  }
  EXPECT_GT(products, 20);
  EXPECT_GT(divided, 20);
}

TEST_F(Algebra, DivisionFindsTheRepetition) {
  Layout fragment = *Layout::parse(
      "[register 4: 2 x column 1, 2 x row 8; lane 32: 4 x column 2, 8 x row 1]"
      " -> [row 16, column 8]");
  Layout tile = *Layout::parse(
      "[register 40: 2 x column 1, 2 x row 8, 10 x column 8; lane 32: 4 x "
      "column 2, 8 x row 1; warp 4: 4 x row 16] -> [row 64, column 80]");
  OrError<Layout> quotient = divide(tile, fragment);
  ASSERT_TRUE(quotient) << quotient.message();
  EXPECT_EQ(quotient->str(), "[register 10: 10 x column 1; lane 1; warp 4: 4 x "
                             "row 1] -> [row 4, column 10]");
  EXPECT_TRUE(product(fragment, *quotient)->isEquivalent(tile));
  // The same registers in another order are no repetition of the atom.
  Layout other = *Layout::parse(
      "[register 40: 2 x row 8, 2 x column 1, 10 x column 8; lane 32: 4 x "
      "column 2, 8 x row 1; warp 4: 4 x row 16] -> [row 64, column 80]");
  EXPECT_EQ(divide(other, fragment).message(),
            "the layout is no repetition of the atom");
}

TEST_F(Algebra, FitFindsRandomLayoutsOrRefuses) {
  int found = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Layout l = randomMixed({"a", "b"}, {"x", "y"});
    OrError<Layout> again = fit(l.inputDims(), l.outputs(),
                                [&](const Point &x) { return l.apply(x); });
    if (!again)
      continue;
    ++found;
    EXPECT_TRUE(again->isEquivalent(l)) << l.str();
    EXPECT_TRUE(l.simplified().isEquivalent(l)) << l.str();
    EXPECT_EQ(Layout::parse(l.str())->str(), l.str());
  }
  EXPECT_GT(found, 250);
}

TEST_F(Algebra, FitRefusesWhatIsNoLayout) {
  std::vector<Dim> box{{"a", 8}, {"b", 8}};
  EXPECT_EQ(
      fit(box, {{"x", 100}}, [](const Point &x) { return Point{x[0] * x[1]}; })
          .message(),
      "the function is no layout: it leaves the form at a 1, b 1");
  EXPECT_EQ(
      fit(box, {{"x", 100}}, [](const Point &x) { return Point{x[0] + 1}; })
          .message(),
      "a layout maps zero to zero");
  // One wrong point among 64.
  EXPECT_FALSE(fit(box, {{"x", 100}}, [](const Point &x) {
    return Point{x[0] + 8 * x[1] + (x[0] == 5 && x[1] == 6)};
  }));
}
} // namespace
