//===- LayoutTest.cpp - The form: construction, evaluation, text ----------===//

#include "dialect/Layout/Layout.h"

#include <gtest/gtest.h>

#include <random>

using namespace einfall::layout;

namespace {
/// 80 rows of 64 halves under the 128-byte swizzle, as the header writes it.
const char *swizzledTile =
    "[row 80: ^byte 144, ^byte 288, ^byte 576, 10 x byte 1024; "
    "column 64: 8 x byte 2, ^byte 16, ^byte 32, ^byte 64] -> [byte 10240]";

TEST(Layout, AppliesDigitsAndBits) {
  OrError<Layout> tile = Layout::parse(swizzledTile);
  ASSERT_TRUE(tile) << tile.message();
  EXPECT_EQ(tile->at("byte", {{"row", 1}}), 144);
  EXPECT_EQ(tile->at("byte", {{"row", 1}, {"column", 1}}), 146);
  EXPECT_EQ(tile->at("byte", {{"row", 9}, {"column", 8}}), 1152);
  EXPECT_EQ(tile->at("byte", {{"row", 79}}), 9 * 1024 + 7 * 128 + 7 * 16);
  EXPECT_EQ(tile->inputSize(), 5120);
  EXPECT_TRUE(tile->isInjective());
  EXPECT_FALSE(tile->isSurjective()); // odd bytes
}

TEST(Layout, PrintsWhatItParses) {
  for (std::string text :
       {std::string(swizzledTile),
        std::string("[register 8: 2 x column 1, 2 x row 8, 2 x column 8; lane "
                    "32: 4 x column 2, 8 x row 1] -> [row 16, column 16]"),
        std::string("[lane 32: 4 x 0, 8 x row 1 + column 3; warp 1] -> "
                    "[row 8, column 22]"),
        std::string("[] -> []")}) {
    OrError<Layout> layout = Layout::parse(text);
    ASSERT_TRUE(layout) << layout.message();
    EXPECT_EQ(layout->str(), text);
  }
}

TEST(Layout, RefusesBadText) {
  struct {
    const char *text, *message;
  } cases[] = {
      {"row 4", "expected '[' at position 0"},
      {"[row 4: 4 x byte 1] -> [byte 3]",
       "output dimension 'byte' has extent 3, but 3 is reached"},
      {"[row 4: 2 x byte 1] -> [byte 8]",
       "input dimension 'row' of extent 4 has digits for 2"},
      {"[row 4: 4 x byte 1, 2 x byte 4] -> [byte 8]",
       "input dimension 'row' of extent 4 has more digits than it needs"},
      {"[row 4: 4 x bit 1] -> [byte 8]",
       "a step names 'bit', which is no output dimension"},
      {"[row 2: 2 x byte 1; row 2: 2 x byte 2] -> [byte 8]",
       "input dimension 'row' appears twice"},
      {"[row 2: 1 x byte 1] -> [byte 8]",
       "input dimension 'row' has a digit of radix 1"},
      {"[row 0] -> [byte 8]", "input dimension 'row' has extent 0"},
      {"[row 2: 2 x byte 1] -> [byte 8] x", "expected the end at position 32"},
      {"[row 2: 2 x byte] -> [byte 8]", "expected a number at position 16"},
      {"[row 4000000000000: 4000000000000 x byte 4000000000000] -> [byte 8]",
       "input dimension 'row' has a step of 4000000000000"},
      {"[row 4000000000000: 4000000000000 x byte 1] -> [byte 8]",
       "a layout has at most 4194304 points"},
      {"[] -> [a 4000000000000, b 4000000000000]",
       "the box of outputs has more than 2^62 points"},
      {"[] -> [a 0]", "expected a positive extent at position 10"},
      {"[row 99999999999999999999] -> []",
       "expected a smaller number at position 21"},
  };
  for (auto &[text, message] : cases) {
    OrError<Layout> layout = Layout::parse(text);
    EXPECT_FALSE(layout) << text;
    EXPECT_EQ(layout.message(), message) << text;
  }
}

TEST(Layout, EveryPrefixOfATextIsRefusedOrRead) {
  std::string text = swizzledTile;
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(Layout::parse(text.substr(0, length))) << length;
}

TEST(Layout, NoTextBreaksTheParser) {
  std::mt19937 random(7);
  const std::string letters = "[]():;,^+->x 0123456789abyte\n\t\xff";
  int read = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    std::string text = swizzledTile;
    for (int edit = 0; edit < 1 + trial % 4; ++edit) {
      size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 5);
      else
        text[at] = letters[random() % letters.size()];
    }
    OrError<Layout> layout = Layout::parse(text);
    EXPECT_EQ(bool(layout), layout.message().empty());
    if (layout && ++read) {
      EXPECT_EQ(Layout::parse(layout->str())->str(), layout->str());
    }
  }
  EXPECT_GT(read, 100);
}

TEST(Layout, FindsTheLeastExtents) {
  OrError<Layout> layout = LayoutBuilder({{"byte", 0}})
                               .input("row", 5) // the last digit is cut short
                               .repeat(2, {{"byte", 1}})
                               .repeat(4, {{"byte", 10}})
                               .build();
  ASSERT_TRUE(layout) << layout.message();
  EXPECT_EQ(layout->outputExtent("byte"), 21); // row 4 lies at 20
  // 6 ^ 5 = 3, so the largest value of the bits is 6, of all 6 + 30.
  layout = LayoutBuilder({{"byte", 0}})
               .input("row")
               .bit({{"byte", 6}})
               .bit({{"byte", 5}})
               .repeat(4, {{"byte", 10}})
               .build();
  ASSERT_TRUE(layout) << layout.message();
  EXPECT_EQ(layout->outputExtent("byte"), 37);
  // 12 ^ 10 ^ 9 = 15.
  layout = LayoutBuilder({{"byte", 0}})
               .input("row")
               .bit({{"byte", 12}})
               .bit({{"byte", 10}})
               .bit({{"byte", 9}})
               .build();
  EXPECT_EQ(layout->outputExtent("byte"), 16);
}

TEST(Layout, PartsCombineAsTheySay) {
  // The address of a lane's row and the constant of an instruction.
  Layout address = *Layout::parse(
      "[lane 32: ^byte 144, ^byte 288, ^byte 576, 2 x byte 1024, ^byte 16; "
      "instruction 16: ^byte 32, ^byte 64, 4 x byte 8192] -> [byte 32768]");
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t instruction = 0; instruction < 16; ++instruction) {
      Parts base = address.parts({lane, 0});
      Parts constant = address.parts({0, instruction});
      EXPECT_EQ((base.atom[0] ^ constant.atom[0]) + base.sum[0] +
                    constant.sum[0],
                address.apply(Point{lane, instruction})[0]);
    }
  Parts parts = address.parts({9, 7});
  EXPECT_EQ(parts.atom, (Point{144 ^ 32 ^ 64}));
  EXPECT_EQ(parts.sum, (Point{1024 + 8192}));
}

TEST(Layout, LinearWhereNothingCarries) {
  EXPECT_TRUE(Layout::parse("[a 4: 4 x y 1; b 2: 2 x y 4] -> [y 8]")->linear());
  EXPECT_TRUE(Layout::parse("[a 4: 4 x y 9] -> [y 64]")->linear());
  // 3 + 3 carries, 5 + 4 carries, 5 is no power of two.
  EXPECT_FALSE(Layout::parse("[a 4: 4 x y 3] -> [y 16]")->linear());
  EXPECT_FALSE(Layout::parse("[a 2: ^y 5; b 2: 2 x y 4] -> [y 16]")->linear());
  EXPECT_FALSE(Layout::parse("[a 5: 5 x y 1] -> [y 8]")->linear());
  auto map = Layout::parse("[a 2: ^y 5; b 2: ^y 4] -> [x 2, y 8]")->linear();
  ASSERT_TRUE(map);
  EXPECT_EQ(*map, LinearMap(4, {5 << 1, 4 << 1}));
}

TEST(Layout, FreeDirectionsAreReplicas) {
  // A row maximum: the four lanes of a quad hold the same row.
  Layout rows = *Layout::parse("[lane 32: 4 x 0, 8 x row 1] -> [row 8]");
  EXPECT_EQ(rows.freeDirections(), (std::vector<Point>{{1}, {2}}));
  EXPECT_FALSE(rows.isInjective());
  EXPECT_TRUE(rows.isSurjective());
  // Bits whose XOR cancels.
  Layout atom = *Layout::parse("[a 4: ^y 3, ^y 1; b 2: ^y 2] -> [y 4]");
  EXPECT_EQ(atom.freeDirections(), (std::vector<Point>{{3, 1}}));
  // The same beside a repetition that is not linear.
  Layout both = *Layout::parse(
      "[a 12: ^y 3, ^y 1, 3 x y 4; b 2: ^y 2; c 7: 7 x 0] -> [y 12]");
  EXPECT_EQ(both.freeDirections(), (std::vector<Point>{{0, 0, 1}, {3, 1, 0}}));
}

TEST(Layout, SimplifiesToTheLeastStructure) {
  Layout bits =
      *Layout::parse("[a 8: ^y 1, ^y 2, ^y 4; b 6: 2 x y 8, 3 x y 16] -> "
                     "[y 48]");
  EXPECT_EQ(bits.simplified().str(), "[a 8: 8 x y 1; b 6: 6 x y 8] -> [y 48]");
  // Bits that meet stay bits.
  Layout swizzle = *Layout::parse("[a 4: ^y 5, ^y 2; b 2: ^y 1] -> [y 8]");
  EXPECT_EQ(swizzle.simplified().str(),
            "[a 4: ^y 5, 2 x y 2; b 2: ^y 1] -> [y 8]");
}

TEST(Layout, EqualUpToOrderAndNames) {
  Layout a = *Layout::parse("[a 4: 4 x x 1; b 2: 2 x y 1] -> [x 4, y 2]");
  Layout b = *Layout::parse("[b 2: ^y 1; a 4: ^x 1, ^x 2] -> [y 2, x 4]");
  Layout c = *Layout::parse("[p 4: 4 x u 1; q 2: 2 x v 1] -> [u 4, v 2]");
  Layout d = *Layout::parse("[p 4: 4 x u 1; q 2: 2 x u 1] -> [u 5, v 2]");
  EXPECT_TRUE(a.isEquivalent(b));
  EXPECT_FALSE(a == b);
  EXPECT_FALSE(a.isEquivalent(c));
  EXPECT_TRUE(a.isEquivalentUpToNames(c));
  EXPECT_FALSE(a.isEquivalentUpToNames(d));
  EXPECT_TRUE(renamed(a, {{"a", "p"}, {"b", "q"}, {"x", "u"}, {"y", "v"}})
                  ->isEquivalent(c));
}

TEST(Layout, APadIsALongerStride) {
  Layout rows = *Layout::parse(
      "[row 16: 16 x byte 128; column 64: 64 x byte 2] -> [byte 2048]");
  OrError<Layout> padded = einfall::layout::padded(rows, "byte", 128, 16);
  ASSERT_TRUE(padded) << padded.message();
  EXPECT_EQ(padded->str(), "[row 16: 16 x byte 144; column 64: 64 x byte 2] "
                           "-> [byte 2288]");
  // A pad in the middle of rows of 160 bytes is no stride.
  Layout uneven = *Layout::parse(
      "[row 16: 16 x byte 160; column 80: 80 x byte 2] -> [byte 2560]");
  EXPECT_FALSE(einfall::layout::padded(uneven, "byte", 128, 16));
}

TEST(Layout, SplitsFlattensAndRestricts) {
  Layout tile = *Layout::parse(
      "[row 80: 8 x byte 16, 10 x byte 1024; column 8: 8 x byte 2] -> "
      "[byte 9344]");
  OrError<Layout> parts = split(tile, "row", 16, "in", "out");
  ASSERT_TRUE(parts) << parts.message();
  EXPECT_EQ(parts->str(),
            "[in 16: 8 x byte 16, 2 x byte 1024; out 5: 5 x byte 2048; "
            "column 8: 8 x byte 2] -> [byte 9344]");
  EXPECT_TRUE(flattened(*parts, {"in", "out"}, "row")->isEquivalent(tile));
  EXPECT_FALSE(split(tile, "row", 32, "in", "out"));
  Layout thirds = *Layout::parse("[a 12: 3 x y 1, 4 x y 8] -> [y 27]");
  EXPECT_EQ(split(thirds, "a", 4, "in", "out").message(),
            "a digit of radix 4 of dimension 'a' cannot be split at 4");
  EXPECT_EQ(restricted(tile, "row", 12)->str(),
            "[row 12: 8 x byte 16, 10 x byte 1024; column 8: 8 x byte 2] -> "
            "[byte 9344]");
  EXPECT_EQ(dropped(tile, "row")->str(),
            "[column 8: 8 x byte 2] -> [byte 9344]");
  EXPECT_EQ(unscaled(tile, "byte", 2, "half")->str(),
            "[row 80: 8 x half 8, 10 x half 512; column 8: 8 x half 1] -> "
            "[half 4672]");
  EXPECT_EQ(unscaled(tile, "byte", 4, "word").message(),
            "byte 9342 is no multiple of 4");
}
} // namespace
