//===- EquationsTest.cpp - Kernels as people read them --------------------===//

#include "passes/Derive/Equations.h"
#include "passes/Derive/Derive.h"
#include "test/passes/Written.h"

#include <gtest/gtest.h>

using namespace einfall;

/// A line for every equation, and for every row of a fold.
static std::string equations(std::string source, bool isDerived = false) {
  Written written(std::move(source));
  if (!written.kernel)
    return written.text();
  DerivationLog log;
  if (isDerived && failed(deriveKernel(written.kernel, log)))
    return "not derived";
  std::string text;
  for (const Equation &equation : equationsOf(written.kernel)) {
    text += equation.text + "\n";
    for (const std::string &definition : equation.definitions)
      text += "  " + definition + "\n";
    for (const StateEquation &row : equation.state)
      text += "  " + row.name + " " + row.monoid + " " + row.value +
              (row.act.empty() ? "" : " -> " + row.act) + "\n";
  }
  return text;
}

static const char *const softmaxed = R"(
kernel k(Q[p,e]: f32, K[m,e]: f32, V[m,f]: f32) -> O[p,f]: f32 {
  S[p,m] = Q[p,e] * K[m,e]   where m <= p
  O[p,f] = softmax[m](S[p,m]) * V[m,f]
})";

TEST(Equations, AsWritten) {
  EXPECT_EQ(equations(softmaxed),
            "S[m,p] = sum[e](Q[p,e] * K[m,e]) where m <= p\n"
            "x[p] = max[m](S)\n"
            "n[m,p] = exp(S - x)\n"
            "O[p,f] = sum[m](n / sum[m](n) * V[m,f])\n");
}

TEST(Equations, OfAFold) {
  EXPECT_EQ(equations(softmaxed, /*isDerived=*/true),
            "fold over m\n"
            "  S[m,p] = sum[e](Q[p,e] * K[m,e]) where m <= p\n"
            "  t[m,p] = exp(S - r)\n"
            "  r[p] max S\n"
            "  s[p] sum t -> s * exp(r - r')\n"
            "  O[f,p] sum t * V[m,f] -> O * exp(r - r')\n"
            "O[p,f] = (O / s where r is present) else 0\n");
}

/// Operands that bind less are in parentheses, and so is what stands right of
/// a sign that is not associative: 2 * (p / 4) is whole.
TEST(Equations, ParenthesesWhereTheyAreNeeded) {
  EXPECT_EQ(equations(R"(
kernel k(X[p]: f32, Y[p]: f32)
    -> A[p]: f32, B[p]: f32, C[p]: f32 else 1, D[p]: f32,
       E[p]: f32 else 0 {
  A[p] = X[p] - (Y[p] - 1)
  B[p] = (X[p] + Y[p]) * (X[p] / (Y[p] * 2))
  C[p] = -(X[p] + Y[p])   where (p < 3 or p > 5) and p % 2 == 0
  D[p] = if(X[p] > Y[p], X[p], Y[p]) + 1
  E[p] = X[p]   where 2 * (p / 4) < 3 * p / 4
})"),
            "A[p] = X[p] - (Y[p] - 1)\n"
            "B[p] = (X[p] + Y[p]) * X[p] / (Y[p] * 2)\n"
            "C[p] = -(X[p] + Y[p]) where (p < 3 or p > 5) and p % 2 == 0 else "
            "1\n"
            "D[p] = (if X[p] > Y[p] then X[p] else Y[p]) + 1\n"
            "E[p] = X[p] where 2 * (p / 4) < 3 * p / 4 else 0\n");
}

TEST(Equations, NamesThatAreTaken) {
  EXPECT_EQ(equations(R"(
kernel k(x[p,m]: f32) -> O[p,m]: f32 {
  O[p,m] = softmax[m](x[p,m])
})"),
            "x1[p] = max[m](x[p,m])\n"
            "n[m,p] = exp(x[p,m] - x1)\n"
            "O[p,m] = n / sum[m](n)\n");
}

TEST(Equations, OfARecurrence) {
  EXPECT_EQ(equations(R"(
kernel k(X[p]: f32, A[p]: f32) -> O[p]: f32 {
  H[0] = 0
  H[p+1] = A[p] * H[p] + X[p]
  O[p] = H[p+1]
})"),
            "recurrence along p: H' = A[p] * H + X[p]\n"
            "O[p] = H[p_state := p + 1]\n");
}
