//===- NeedsTest.cpp - What outputs need, by hand -------------------------===//

#include "passes/Bounds/Needs.h"
#include "test/passes/Written.h"

#include <gtest/gtest.h>

#include <set>

using namespace einfall;
using namespace einfall::bounds;

/// The ways to inputs, sorted: "K[m,e] if m <= p", or "if surely ..., maybe
/// ..." where data decide.
static std::set<std::string> needs(std::string source) {
  Written written(std::move(source));
  if (!written.kernel)
    return {written.text()};
  std::map<std::string, double> parameters;
  IndexExpressions::Extents extents;
  for (const char *rank : {"p", "m", "e", "f", "h", "g", "n"})
    extents[rank] = 8;
  extents["g"] = 4;
  std::set<std::string> lines;
  for (const Need &need :
       needsOf(written.kernel, IndexExpressions(parameters, extents)).inputs) {
    std::string line = cascade::InputOp(need.input).getName().str() + "[";
    for (const std::optional<Expression> &index : need.index)
      line += (line.back() == '[' ? "" : ",") + (index ? index->str() : "?");
    std::string surely = need.conditions.surely.str();
    std::string maybe = need.conditions.maybe.str();
    line += "]";
    if (surely != maybe)
      line += " if surely " + surely + ", maybe " + maybe;
    else if (surely != "1")
      line += " if " + surely;
    lines.insert(line);
  }
  return lines;
}

using Lines = std::set<std::string>;

TEST(Needs, MasksReachAllFactors) {
  EXPECT_EQ(
      needs(R"(
kernel k(Q[p,e]: f32, K[m,e]: f32, V[m,f]: f32) -> O[p,f]: f32 {
  S[p,m] = Q[p,e] * K[m,e]   where m <= p
  O[p,f] = S[p,m] * V[m,f]
})"),
      (Lines{"K[m,e] if m <= p", "Q[p,e] if m <= p", "V[m,f] if m <= p"}));
}

TEST(Needs, IndicesAreExpressions) {
  EXPECT_EQ(needs(R"(
kernel k(K[g,m]: f32, X[h,m]: f32) -> O[h,m]: f32 else 0 {
  O[h,m] = K[h*|g|/|h|, m] * X[h, |m| - 1 - m]
})"),
            (Lines{"K[floor(h |g| / |h|),m]", "X[h,|m| - 1 - m]"}));
}

TEST(Needs, DataChoose) {
  EXPECT_EQ(needs(R"(
kernel k(X[m,f]: f32, table[p]: i32, keep[p]: i32)
    -> O[p,f]: f32 else 0 {
  O[p,f] = X[table[p], f]   where keep[p] > 0 and p > 2
})"),
            (Lines{"X[?,f] if surely 0, maybe 2 < p", "keep[p] if 2 < p",
                   "table[p] if surely 0, maybe 2 < p"}));
}

TEST(Needs, OfAFallback) {
  EXPECT_EQ(needs(R"(
kernel k(X[p]: f32, Y[p]: f32) -> O[p]: f32 {
  A[p] = X[p]   where p < 3
  O[p] = or_else(A[p], Y[p])
})"),
            (Lines{"X[p] if p < 3", "Y[p] if not (p < 3)"}));
}

TEST(Needs, ReductionsEndConditions) {
  EXPECT_EQ(needs(R"(
kernel k(X[p,m]: f32) -> O[p,m]: f32 else 0 {
  x[p] = max[m](X[p,m])
  O[p,m] = X[p,m] - x[p]   where m <= p
})"),
            (Lines{"X[p,m] if m <= p"}));
}

TEST(Needs, StepsOutsideAreAbsent) {
  EXPECT_EQ(needs(R"(
kernel k(X[m]: f32, Y[m]: f32) -> O[m]: f32 else 0 {
  O[m] = X[m - 1] * Y[m]
})"),
            (Lines{"X[m - 1] if 0 <= m - 1 and m - 1 < |m|",
                   "Y[m] if 0 <= m - 1 and m - 1 < |m|"}));
}

/// What a condition or a choice does not let decide may stay where it is.
TEST(Needs, OperandsThatDoNotDecide) {
  EXPECT_EQ(needs(R"(
kernel k(X[p]: f32, Y[p]: f32) -> O[p]: f32 {
  O[p] = if(p < 3, X[p], Y[p])
})"),
            (Lines{"X[p] if p < 3", "Y[p] if not (p < 3)"}));
  // Either of two that data decide is enough, so that neither is sure.
  EXPECT_EQ(needs(R"(
kernel k(X[p]: f32, a[p]: i32, b[p]: i32) -> O[p]: f32 else 0 {
  O[p] = X[p]   where (a[p] > 0 or b[p] > 0) or p == 1
})"),
            (Lines{"X[p] if surely 0 or 0 or p == 1, maybe 1",
                   "a[p] if surely 0, maybe not (p == 1)",
                   "b[p] if surely 0, maybe not (p == 1)"}));
  EXPECT_EQ(needs(R"(
kernel k(X[p]: f32, c[p]: i32) -> O[p]: f32 {
  O[p] = if(c[p] > 0, X[p] + 1, X[p])
})"),
            (Lines{"X[p] if surely 0, maybe 1", "c[p]"}));
}
