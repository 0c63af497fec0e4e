//===- ExplicitTest.cpp - Where implied sums stand ------------------------===//

#include "Analysed.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
/// The equation of `y` in its explicit form.
std::string explicitOf(const std::string &equation,
                       const std::string &ranks = "p") {
  Analysed analysed("kernel k(A[p,e]: f32, B[m,e]: f32, C[m,p]: f32,\n"
                    "         u[p]: f32, w[e]: f32, i[p]: i32, s: f32)\n"
                    "    -> y[" +
                    ranks + "]: f32 else 0 {\n  y[" + ranks +
                    "] = " + equation + "\n}\n");
  if (!analysed.ok())
    return analysed.text();
  std::string text = analysed.explicitly();
  size_t from = text.find("  y[");
  return text.substr(from, text.find('\n', from) - from);
}
} // namespace

TEST(Explicit, SumsStandAtTheSmallestProduct) {
  EXPECT_EQ(explicitOf("A[p,e] * w[e]"), "  y[p] = sum[e](A[p,e] * w[e])");
  EXPECT_EQ(explicitOf("s * A[p,e] * w[e]"),
            "  y[p] = s * sum[e](A[p,e] * w[e])");
  EXPECT_EQ(explicitOf("A[p,e] * s * w[e] / 2"),
            "  y[p] = sum[e](A[p,e] * w[e]) * s / 2.0");
  EXPECT_EQ(explicitOf("A[p,e] / w[e]"), "  y[p] = sum[e](A[p,e] / w[e])");
  EXPECT_EQ(explicitOf("s / w[e] * A[p,e]"),
            "  y[p] = s * sum[e](1.0 / w[e] * A[p,e])");
  EXPECT_EQ(explicitOf("exp(A[p,e] * w[e])"),
            "  y[p] = exp(sum[e](A[p,e] * w[e]))");
  EXPECT_EQ(explicitOf("u[p] * (s - A[p,e] * w[e])"),
            "  y[p] = u[p] * (s - sum[e](A[p,e] * w[e]))");
  EXPECT_EQ(explicitOf("s * (A[p,e] * w[e] + B[m,e] * B[m,e] * C[m,p])"),
            "  y[p] = s * (sum[e](A[p,e] * w[e]) + "
            "sum[m](sum[e](B[m,e] * B[m,e]) * C[m,p]))");
}

TEST(Explicit, SignsStayWithTheirOperand) {
  EXPECT_EQ(explicitOf("u[p] * ((-i[p]) % 3)"),
            "  y[p] = u[p] * ((-i[p]) % 3)");
  EXPECT_EQ(explicitOf("u[p] where (-i[p]) / 3 == 1"),
            "  y[p] = u[p]  where (-i[p]) / 3 == 1");
}

TEST(Explicit, ConversionsStandWhereNothingElseConverts) {
  EXPECT_EQ(explicitOf("real(i[p]) / real(p + 1)"),
            "  y[p] = real(i[p]) / real(p + 1)");
  EXPECT_EQ(explicitOf("s * real(i[p]) / 2"), "  y[p] = s * i[p] / 2.0");
  EXPECT_EQ(explicitOf("real(p + 1) * s"), "  y[p] = (p + 1) * s");
  EXPECT_EQ(explicitOf("real(i[p])"), "  y[p] = i[p]");
  EXPECT_EQ(explicitOf("exp(i[p])"), "  y[p] = exp(i[p])");
  EXPECT_EQ(explicitOf("sum[p](real(i[p])) / max[m](real(m))"),
            "  y[p] = sum[p](real(i[p])) / max[m](real(m))");
  EXPECT_EQ(explicitOf("s + floor(i[p] / 3)"), "  y[p] = s + floor(i[p] / 3)");
  EXPECT_EQ(explicitOf("real(floor(i[p] / 3)) / real(i[p])"),
            "  y[p] = real(floor(i[p] / 3)) / real(i[p])");
}

TEST(Explicit, SumsOfWholeTerms) {
  EXPECT_EQ(explicitOf("A[p,e]"), "  y[p] = sum[e](A[p,e])");
  EXPECT_EQ(explicitOf("u[p] - A[p,e]"), "  y[p] = u[p] - sum[e](A[p,e])");
  EXPECT_EQ(explicitOf("-A[p,e]"), "  y[p] = -sum[e](A[p,e])");
  EXPECT_EQ(explicitOf("A[p,e] + A[p,e] * w[e]"),
            "  y[p] = sum[e](A[p,e]) + sum[e](A[p,e] * w[e])");
  EXPECT_EQ(explicitOf("max(A[p,e], w[e])"),
            "  y[p] = sum[e](max(A[p,e], w[e]))");
}

TEST(Explicit, SeveralRanks) {
  // Joined where the sets of factors cross.
  EXPECT_EQ(explicitOf("A[p,e] * B[m,e] * C[m,p]"),
            "  y[p] = sum[e,m](A[p,e] * B[m,e] * C[m,p])");
  EXPECT_EQ(explicitOf("w[e] * A[p,e] * C[m,p] * C[m,p]"),
            "  y[p] = sum[e](w[e] * A[p,e]) * sum[m](C[m,p] * C[m,p])");
  EXPECT_EQ(explicitOf("softmax[m](C[m,p]) * B[m,e] * w[e]"),
            "  y[p] = sum[e,m](softmax.a[p,m] * B[m,e] * w[e])");
}

TEST(Explicit, WhereRestrictsTheInnermostSum) {
  EXPECT_EQ(explicitOf("A[p,e] * w[e] where e < 4"),
            "  y[p] = sum[e](A[p,e] * w[e] where e < 4)");
  EXPECT_EQ(explicitOf("A[p,e] * w[e] where e < 4 and p < 3"),
            "  y[p] = sum[e](A[p,e] * w[e] where e < 4)  where p < 3");
  EXPECT_EQ(explicitOf("u[p] + A[p,e] * w[e] where e < p"),
            "  y[p] = u[p] + sum[e](A[p,e] * w[e] where e < p)");
  EXPECT_NE(explicitOf("B[m,e] * w[e] * C[m,p] + A[p,e] * w[e] where e < m")
                .find("sums only in part"),
            std::string::npos);
}

TEST(Explicit, BracketsBindAfresh) {
  EXPECT_EQ(explicitOf("C[m,p] * sum[m](C[m,p] where m <= p)", "m,p"),
            "  y[m,p] = C[m,p] * sum[m](C[m,p] where m <= p)");
  EXPECT_NE(explicitOf("exp(A[p,e])").find("write `sum[e](...)`"),
            std::string::npos);
  EXPECT_NE(explicitOf("s * A[p,e]").find("write `sum[e](...)`"),
            std::string::npos);
  EXPECT_NE(explicitOf("s * (u[p] + A[p,e])").find("write `sum[e](...)`"),
            std::string::npos);
}

TEST(Explicit, AccessesOutsideExcludeWhatTheirIndexNames) {
  EXPECT_EQ(explicitOf("A[p,e] * B[i[p],e]"),
            "  y[p] = sum[e](A[p,e] * B[i[p],e])  where i[p] >= 0 and i[p] < "
            "|m|");
  EXPECT_EQ(explicitOf("A[p,e] * w[p - e]"),
            "  y[p] = sum[e](A[p,e] * w[p - e])");
}

TEST(Explicit, Ceilings) {
  Analysed analysed("kernel k(x[m]: f32) -> y[c]: f32 {\n"
                    " rank c = ceil(|m| / 64)\n y[c] = 1 }");
  EXPECT_NE(analysed.explicitly().find("rank c = ceil(|m| / 64)"),
            std::string::npos)
      << analysed.explicitly();
}

TEST(Explicit, IsEinAgain) {
  const char *text = "kernel k(Q[b,h,p,e]: bf16, K[b,g,m,e]: bf16,\n"
                     "  scale: f32 = 1/sqrt(|e|)) -> S[b,h,p,m]: f32 else 0 {\n"
                     "  S[b,h,p,m] = scale * Q[b,h,p,e] * K[b,h*|g|/|h|,m,e]"
                     " where m - p <= |m| - |p| }";
  Analysed first(text);
  ASSERT_TRUE(first.ok()) << first.text();
  Analysed second(first.explicitly());
  ASSERT_TRUE(second.ok()) << second.text();
  EXPECT_EQ(first.explicitly(), second.explicitly());
}
