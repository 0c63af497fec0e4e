//===- ExpressionTest.cpp - The language of counts ------------------------===//

#include "passes/Certificate/Expression.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

using namespace einfall::certificate;
using JSON = nlohmann::ordered_json;

static Expression name(const char *text) {
  return Expression::coordinate(text);
}
static Expression extent(const char *text) { return Expression::extent(text); }

static Environment environment(int64_t p = 8192, int64_t m = 5000) {
  Environment result;
  result.extents = {{"p", p}, {"m", m}, {"b", 4}};
  return result;
}

static std::string valueOf(const Expression &e,
                           const Environment &in = environment()) {
  Result<mpz_class> value = e.evaluate(in);
  return value ? value->get_str() : "error: " + value.error();
}

static std::string readBack(const char *text) {
  Result<Expression> e = Expression::fromJSON(JSON::parse(text));
  return e ? e->str() : "error: " + e.error();
}

TEST(Expression, IsReadAndPrintedAsMathematics) {
  EXPECT_EQ(readBack(R"(["*", ["extent","b"], ["ceil", ["extent","p"], 128]])"),
            "|b| ceil(|p| / 128)");
  EXPECT_EQ(readBack(R"(["sum", "i", 0, "n", ["+", "i", 1]])"),
            "sum_{i < n} (i + 1)");
  EXPECT_EQ(readBack(R"(["sum", "i", ["+", "a", 1], "n", ["-", "i", "a"]])"),
            "sum_{a + 1 <= i < n} (i - a)");
  EXPECT_EQ(readBack(R"(["if", ["and", ["<=", "m", "p"],
                         ["<", ["-", "p", "m"], 512]], ["*", 3, "m"], 0])"),
            "(3 m if m <= p and p - m < 512 else 0)");
  EXPECT_EQ(readBack(R"(["sectors", "l", 32, ["<", "l", 7],
                         ["*", "l", 4], 4])"),
            "sectors_{l < 32}(4 bytes at 4 l where l < 7)");
  EXPECT_EQ(readBack(R"("123456789012345678901234567890")"),
            "123456789012345678901234567890");
  EXPECT_EQ(readBack(R"(["min", ["mod", "p", 4], ["/", "p", 4], -1])"),
            "min(p mod 4, floor(p / 4), -1)");
}

TEST(Expression, FoldsLightly) {
  EXPECT_EQ((2 * extent("p") * 3).str(), "6 |p|");
  EXPECT_EQ((extent("p") * 0).str(), "0");
  EXPECT_EQ((name("i") + 2 + 3).str(), "i + 5");
  EXPECT_EQ((name("i") - 5).str(), "i - 5");
  EXPECT_EQ(ceilDivide(130, 128).str(), "2");
  EXPECT_EQ(floorDivide(-1, 128).str(), "-1");
  EXPECT_EQ(minimum(minimum(name("i"), 7), 3).str(), "min(i, 3)");
  EXPECT_EQ(conjunction(1, less(name("i"), 3)).str(), "i < 3");
  EXPECT_EQ(disjunction(1, less(name("i"), 3)).str(), "1");
}

TEST(Expression, WritesTheJSONThatItReads) {
  for (
      const char *text :
      {R"(["sum","i",0,["extent","p"],["if",["not",["==","i",3]],["mod","i",7],-2]])",
       R"(["sectors","l",32,["or",["<","l",7],["!=","l","k"]],["*",4,"l"],4])",
       R"(["max",["/","i",3],["ceil","i",3],"-99999999999999999999"])"}) {
    Result<Expression> e = Expression::fromJSON(JSON::parse(text));
    ASSERT_TRUE(e) << e.error();
    EXPECT_EQ(e->toJSON().dump(), text);
  }
}

TEST(Expression, RefusesWhatIsNoExpression) {
  EXPECT_EQ(readBack("1.5"), "error: expected an integer, a name or an array "
                             "that begins with an operator");
  EXPECT_EQ(readBack("{}"), readBack("1.5"));
  EXPECT_EQ(readBack("[]"), readBack("1.5"));
  EXPECT_EQ(readBack(R"(["exp", 1])"), "error: unknown operator 'exp'");
  EXPECT_EQ(readBack(R"(["-", 1])"), "error: '-' does not take 1 operands");
  EXPECT_EQ(readBack(R"(["if", 1, 2])"),
            "error: 'if' does not take 2 operands");
  EXPECT_EQ(readBack(R"(["sum", 0, 0, 1, 1])"), "error: 'sum' needs a name");
  EXPECT_EQ(readBack(R"("1x")"), "error: '1x' is neither a name nor a number");
  EXPECT_EQ(readBack(R"("")"), "error: '' is neither a name nor a number");
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += R"(["not",)";
  deep += "\"p\"" + std::string(100, ']');
  EXPECT_EQ(readBack(deep.c_str()), "error: expression is deeper than 64");
  std::string wide = R"(["+")";
  for (int i = 0; i < 9000; ++i)
    wide += ",\"p\"";
  EXPECT_EQ(readBack((wide + "]").c_str()),
            "error: expression has more than 8000 parts");
  EXPECT_EQ(readBack(("\"" + std::string(401, '9') + "\"").c_str()),
            "error: number of more than 400 digits");
}

TEST(Expression, IsExact) {
  EXPECT_EQ(valueOf(extent("b") * ceilDivide(extent("p"), 100)), "328");
  Expression big = 1;
  for (int i = 0; i < 5; ++i)
    big = big * extent("p") * extent("p");
  EXPECT_EQ(valueOf(big), "1361129467683753853853498429727072845824");
  EXPECT_EQ(valueOf(floorDivide(0 - extent("p"), 3)), "-2731");
  EXPECT_EQ(valueOf(modulo(0 - extent("p"), 3)), "1");
  EXPECT_EQ(valueOf(extent("q")), "error: rank 'q' has no extent");
  EXPECT_EQ(valueOf(name("q")), "error: unknown name 'q'");
  EXPECT_EQ(valueOf(floorDivide(1, extent("p") - extent("p"))),
            "error: divisor 0 is not positive");
}

TEST(Expression, CountsSectors) {
  Expression lane = name("l");
  // 32 lanes of 4 bytes, aligned and off by one element.
  EXPECT_EQ(valueOf(sectors("l", 32, 1, lane * 4, 4)), "4");
  EXPECT_EQ(valueOf(sectors("l", 32, 1, lane * 4 + 4, 4)), "5");
  EXPECT_EQ(valueOf(sectors("l", 32, less(lane, 9), lane * 4, 4)), "2");
  EXPECT_EQ(valueOf(sectors("l", 32, 1, lane * 256, 16)), "32");
  EXPECT_EQ(valueOf(sectors("l", 32, 1, 0, 4)), "1");
  EXPECT_EQ(valueOf(sectors("l", 2, 1, lane * 16, 64)), "3");
  EXPECT_EQ(valueOf(sectors("l", 32, 0, lane, 4)), "0");
}

TEST(Expression, SumsLongRangesQuickly) {
  Environment large = environment(1000000);
  Expression i = name("i"), p = extent("p");
  EXPECT_EQ(valueOf(sum("i", 0, p, 7), large), "7000000");
  EXPECT_EQ(valueOf(sum("i", 0, p, i * i), large), "333332833333500000");
  // The steps that a causal mask leaves to blocks of 128 rows and 64 columns.
  Expression blocks = ceilDivide(p, 128);
  Expression causal =
      sum("i", 0, blocks,
          minimum(ceilDivide(i * 128 + 128, 64), ceilDivide(p, 64)));
  EXPECT_EQ(valueOf(causal, large), "61050781");
  Expression window = sum("i", 0, p, minimum(i + 1, 4096) * 3);
  EXPECT_EQ(valueOf(window, large), "12262840320");
  // 20 million steps would not be enough to add these up.
  Expression rows =
      sum("i", 0, 1000 * p, sectors("l", 32, 1, i * 36 + name("l") * 4, 4));
  EXPECT_EQ(valueOf(rows, large), "4875000000");
}

TEST(Expression, LimitsWork) {
  Environment large = environment(100000);
  // A product of squares has no affine roots to split at.
  Expression i = name("i"), j = name("j"), p = extent("p");
  Expression hard =
      sum("i", 0, p, sum("j", 0, p, maximum(i * i - j * j * 2, 0)));
  EXPECT_EQ(valueOf(hard, large), "error: too much work: more than 20000000 "
                                  "steps");
}

// Random sums: closed forms are those of terms added one by one.
namespace {
class RandomExpression {
public:
  explicit RandomExpression(unsigned seed) : random(seed) {}

  int64_t pick(int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(random);
  }
  Expression affine() { return name("i") * pick(-3, 9) + pick(-40, 200); }
  Expression value(unsigned depth) {
    if (depth == 0)
      return pick(0, 3) ? affine() : Expression(pick(-9, 9));
    Expression a = value(depth - 1), b = value(depth - 1);
    switch (pick(0, 9)) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return minimum(a, b);
    case 3:
      return maximum(a, b);
    case 4:
      return floorDivide(a, pick(1, 12));
    case 5:
      return modulo(a, pick(1, 12));
    case 6:
      return ceilDivide(a, pick(1, 12));
    case 7:
      return select(pick(0, 1) ? lessEqual(a, b) : notEqual(a, b), a,
                    pick(0, 9));
    case 8:
      return sum("j", 0, pick(0, 5), a + name("j") * 3);
    default:
      return sectors("l", pick(1, 8), less(name("l"), a),
                     name("l") * 8 + b * pick(1, 16), 8);
    }
  }

private:
  std::mt19937 random;
};
} // namespace

TEST(Expression, ClosedFormsAreTheSumsOfTerms) {
  unsigned compared = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    RandomExpression random(seed);
    Expression body = random.value(1 + seed % 4);
    int64_t lo = random.pick(-20, 20), length = random.pick(0, 300);
    Result<mpz_class> closed =
        sum("i", lo, lo + length, body).evaluate(Environment());
    ASSERT_TRUE(closed) << closed.error();
    mpz_class total = 0;
    for (int64_t i = lo; i < lo + length; ++i) {
      Environment at;
      at.coordinates["i"] = static_cast<long>(i);
      Result<mpz_class> term = body.evaluate(at);
      ASSERT_TRUE(term) << term.error();
      total += *term;
    }
    EXPECT_EQ(*closed, total) << body.str() << " from " << lo << ", " << length;
    ++compared;
  }
  EXPECT_EQ(compared, 400u);
}
