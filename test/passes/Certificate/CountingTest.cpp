//===- CountingTest.cpp - What masks leave, counted -----------------------===//

#include "passes/Certificate/Counting.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>
#include <set>

using namespace einfall::certificate;
using JSON = nlohmann::ordered_json;
using Extents = std::map<std::string, int64_t>;

static Expression read(const char *text) {
  Result<Expression> e = Expression::fromJSON(JSON::parse(text));
  EXPECT_TRUE(e) << e.error();
  return e ? *e : Expression(0);
}

static std::string count(const std::vector<std::string> &ranks,
                         const Expression &condition, const Extents &extents) {
  Result<ConditionCount> counted = countCondition(ranks, condition, extents);
  if (!counted)
    return "error: " + counted.error();
  std::string text = counted->count.get_str();
  for (const std::string &rank : ranks)
    text += " " + rank + " " + counted->distinct(rank).get_str();
  return text;
}

TEST(CountCondition, CausalMasks) {
  Expression causal = read(R"(["<=", "m", "p"])");
  EXPECT_EQ(count({"p", "m"}, causal, {{"p", 8192}, {"m", 8192}}),
            "33558528 p 8192 m 8192");
  EXPECT_EQ(count({"p", "m"}, causal, {{"p", 100}, {"m", 8192}}),
            "5050 p 100 m 100");
  EXPECT_EQ(count({"b", "p", "m"}, causal, {{"b", 3}, {"p", 2}, {"m", 2}}),
            "9 b 3 p 2 m 2");
}

TEST(CountCondition, AMillionRowsOfAWindow) {
  Expression window =
      read(R"(["and", ["<=", "m", "p"], ["<", ["-", "p", "m"], 4096]])");
  EXPECT_EQ(count({"p", "m"}, window, {{"p", 1 << 20}, {"m", 1 << 20}}),
            "4286580736 p 1048576 m 1048576");
}

TEST(CountCondition, BlocksAndResidues) {
  EXPECT_EQ(count({"p", "m"},
                  read(R"(["<=", ["/", "m", 64], ["/", "p", 128]])"),
                  {{"p", 4096}, {"m", 4096}}),
            "4325376 p 4096 m 2048");
  EXPECT_EQ(count({"p", "m"},
                  read(R"(["==", ["mod", "m", 4], ["mod", "p", 4]])"),
                  {{"p", 8192}, {"m", 8192}}),
            "16777216 p 8192 m 8192");
  EXPECT_EQ(count({"p", "m"}, read(R"(["or", ["<", "m", 4], ["<", 90, "p"]])"),
                  {{"p", 100}, {"m", 50}}),
            "814 p 100 m 50");
}

TEST(CountCondition, RefusesWhatItCannotCount) {
  Expression three = read(R"(["<", ["+", "i", "j"], "k"])");
  EXPECT_EQ(count({"i", "j", "k"}, three,
                  {{"i", 100000}, {"j", 100000}, {"k", 100000}}),
            "error: too large to count: a condition over 100000 x 100000 x "
            "100000 coordinates");
  EXPECT_EQ(count({"p"}, read(R"(["<", "p", "q"])"), {{"p", 3}}),
            "error: unknown name 'q'");
  EXPECT_EQ(count({"p"}, read(R"(["<", "p", 3])"), {}),
            "error: rank 'p' has no extent");
  EXPECT_EQ(count({"p"}, read(R"(["<", ["/", 3, "p"], 3])"), {{"p", 3}}),
            "error: condition has a divisor that is not positive");
  EXPECT_EQ(count({"p"}, read(R"(["sum", "i", 0, "p", 1])"), {{"p", 3}}),
            "error: 'sum' has no place in a condition or an index");
}

namespace {
class RandomCondition {
public:
  explicit RandomCondition(unsigned seed) : random(seed) {}
  int64_t pick(int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(random);
  }
  Expression number(unsigned depth) {
    if (depth == 0)
      return pick(0, 4) ? Expression::coordinate(
                              pick(0, 2) ? pick(0, 1) ? "p" : "m" : "h")
                        : Expression(pick(-5, 30));
    Expression a = number(depth - 1), b = number(depth - 1);
    switch (pick(0, 7)) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return a * pick(-3, 4);
    case 3:
      return floorDivide(a, pick(1, 9));
    case 4:
      return modulo(a, pick(1, 9));
    case 5:
      return ceilDivide(a, pick(1, 9));
    case 6:
      return minimum(a, b);
    default:
      return select(truth(0), a, b);
    }
  }
  Expression truth(unsigned depth) {
    if (depth == 0) {
      Expression a = number(pick(0, 2)), b = number(pick(0, 2));
      Expression (*compares[])(const Expression &, const Expression &) = {
          less, lessEqual, equal, notEqual};
      return compares[pick(0, 3)](a, b);
    }
    Expression a = truth(depth - 1), b = truth(depth - 1);
    switch (pick(0, 3)) {
    case 0:
      return conjunction(a, b);
    case 1:
      return disjunction(a, b);
    case 2:
      return negation(a);
    default:
      return select(truth(0), a, b);
    }
  }

private:
  std::mt19937 random;
};
} // namespace

TEST(CountCondition, AgreesWithEnumeration) {
  std::vector<std::string> ranks = {"h", "p", "m"};
  unsigned nontrivial = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    RandomCondition random(seed);
    Expression condition = random.truth(seed % 4);
    Extents extents = {{"h", random.pick(1, 4)},
                       {"p", random.pick(1, 14)},
                       {"m", random.pick(1, 14)}};
    int64_t points = 0;
    std::map<std::string, std::set<int64_t>> distinct;
    Environment at;
    for (int64_t h = 0; h < extents["h"]; ++h)
      for (int64_t p = 0; p < extents["p"]; ++p)
        for (int64_t m = 0; m < extents["m"]; ++m) {
          at.coordinates = {{"h", h}, {"p", p}, {"m", m}};
          Result<mpz_class> value = condition.evaluate(at);
          ASSERT_TRUE(value) << value.error();
          if (*value == 0)
            continue;
          ++points;
          distinct["h"].insert(h);
          distinct["p"].insert(p);
          distinct["m"].insert(m);
        }
    std::string expected = std::to_string(points);
    for (const std::string &rank : ranks)
      expected += " " + rank + " " + std::to_string(distinct[rank].size());
    EXPECT_EQ(count(ranks, condition, extents), expected) << condition.str();
    nontrivial +=
        points > 0 && points < extents["h"] * extents["p"] * extents["m"];
  }
  EXPECT_GT(nontrivial, 300u);
}

// --- elements ---------------------------------------------------------------

static std::string elements(std::vector<int64_t> dimensions,
                            std::vector<const char *> index,
                            const Extents &extents,
                            const char *condition = nullptr) {
  Tensor tensor;
  tensor.name = "T";
  tensor.dimensions = dimensions;
  for (const char *entry : index)
    tensor.index.push_back(entry ? std::optional(read(entry)) : std::nullopt);
  Condition needs;
  ConditionCount counted;
  if (condition) {
    needs.ranks = {"p", "m"};
    needs.condition = read(condition);
    Result<ConditionCount> result =
        countCondition(needs.ranks, needs.condition, extents);
    EXPECT_TRUE(result) << result.error();
    counted = *result;
  }
  Result<mpz_class> count =
      countElements(tensor, condition ? &needs : nullptr,
                    condition ? &counted : nullptr, extents);
  return count ? count->get_str() : "error: " + count.error();
}

TEST(CountElements, OfIndices) {
  Extents extents = {{"b", 4}, {"h", 48}, {"p", 100}, {"m", 200}, {"e", 128}};
  EXPECT_EQ(elements({4, 8, 200, 128},
                     {R"("b")", R"(["/","h",6])", R"("m")", R"("e")"}, extents),
            "819200");
  // Outside the tensor there is nothing.
  EXPECT_EQ(elements({150}, {R"("m")"}, extents), "150");
  EXPECT_EQ(elements({150}, {R"(["-","m",20])"}, extents), "150");
  EXPECT_EQ(elements({500}, {R"(["-","m",20])"}, extents), "180");
  EXPECT_EQ(elements({500}, {R"(["*","m",2])"}, extents), "200");
  EXPECT_EQ(elements({500}, {R"(["+","p",["*","h",3]])"}, extents), "241");
  EXPECT_EQ(elements({100, 100}, {R"("p")", R"("p")"}, extents), "100");
  EXPECT_EQ(
      elements({13, 16}, {R"(["/","m",16])", R"(["mod","m",16])"}, extents),
      "200");
  EXPECT_EQ(elements({64, 16}, {nullptr, R"(["mod","m",16])"}, extents), "16");
  EXPECT_EQ(elements({500}, {R"("q")"}, extents),
            "error: rank 'q' has no extent");
}

TEST(CountElements, ThatPairsNeed) {
  Extents extents = {{"h", 2}, {"p", 10}, {"m", 20}};
  const char *causal = R"(["<=","m","p"])";
  EXPECT_EQ(elements({2, 20}, {R"("h")", R"("m")"}, extents, causal), "20");
  EXPECT_EQ(elements({10, 20}, {R"("p")", R"("m")"}, extents, causal), "55");
  EXPECT_EQ(elements({20}, {R"(["/","m",4])"}, extents, causal), "3");
  // Distances: 0 to 9.
  EXPECT_EQ(elements({40}, {R"(["-","p","m"])"}, extents, causal), "10");
  EXPECT_EQ(elements({5, 20}, {R"(["/","p",2])", R"("m")"}, extents, causal),
            "30");
  EXPECT_EQ(elements({20}, {R"("m")"}, extents, R"(["<","m",["-",0,"p"]])"),
            "0");
}
