//===- StatementsTest.cpp - Sums that bounds are about, by hand -----------===//

#include "passes/Bounds/Statements.h"
#include "test/passes/Written.h"

#include <gtest/gtest.h>

using namespace einfall;
using namespace einfall::bounds;

static std::string textOf(const Words &words) {
  std::string text = words.tensor + "[";
  for (const Expression &index : words.index)
    text += (text.back() == '[' ? "" : ",") + index.str();
  return text + "]";
}

static std::string join(llvm::ArrayRef<std::string> names) {
  return llvm::join(names, ",");
}

/// All statements, a line each.
static std::string statements(std::string source) {
  Written written(std::move(source));
  if (!written.kernel)
    return written.text();
  std::map<std::string, double> parameters;
  IndexExpressions::Extents extents;
  for (const char *rank : {"p", "m", "e", "f", "c", "d", "h", "g"})
    extents[rank] = 8;
  extents["g"] = 4;
  Statements found =
      statementsOf(written.kernel, IndexExpressions(parameters, extents));
  std::string text;
  auto output = [](cascade::OutputOp op) {
    return op ? op.getName().str() : std::string("-");
  };
  for (ProductSum &sum : found.sums) {
    text += output(sum.output) + " = sum over " + join(sum.summed) + " of " +
            join(sum.ranks) + ":";
    for (const Words &words : sum.arrays)
      text += " " + textOf(words);
    text += "; " + sum.surely.str() + "\n";
  }
  for (Attention &attention : found.attentions) {
    text += "attention " + output(attention.output) + " of " +
            join(attention.pairs) + " x " + join(attention.features) + ":";
    for (const ScoreSum &score : attention.scores)
      text += " " + textOf(score.query) + " " + textOf(score.key) + " over " +
              join(score.summed) + ",";
    text += " " + textOf(attention.value) +
            (attention.isShared ? ", shared" : "") + "; " +
            attention.surely.str() + "\n";
  }
  for (Backward &backward : found.backwards)
    text += "backward " + output(backward.queryGradient) + " " +
            output(backward.keyGradient) + " " +
            output(backward.valueGradient) + "\n";
  for (const std::string &refusal : found.refusals)
    text += "no attention: " + refusal + "\n";
  return text;
}

TEST(Statements, OfAMatrixProduct) {
  EXPECT_EQ(statements(R"(
kernel k(A[p,e]: f16, B[e,m]: f16) -> C[p,m]: f32 {
  C[p,m] = A[p,e] * B[e,m]   where e <= p
})"),
            "C = sum over e of e,m,p: A[p,e] B[e,m]; e <= p\n");
}

TEST(Statements, OfCausalAttention) {
  EXPECT_EQ(statements(R"(
kernel k(Q[h,p,e]: f16, K[g,m,e]: f16, V[g,m,f]: f16) -> O[h,p,f]: f16 {
  S[h,p,m] = Q[h,p,e] * K[h*|g|/|h|,m,e]   where m <= p
  O[h,p,f] = softmax[m](S[h,p,m]) * V[h*|g|/|h|,m,f]
})"),
            "O = sum over m of f,h,m,p: V[floor(h |g| / |h|),m,f]; m <= p\n"
            "- = sum over e of e,h,m,p: Q[h,p,e] K[floor(h |g| / |h|),m,e]; "
            "m <= p\n"
            "attention O of h,m,p x f: Q[h,p,e] K[floor(h |g| / |h|),m,e] over "
            "e, V[floor(h |g| / |h|),m,f]; m <= p\n");
}

TEST(Statements, OfLatentAttention) {
  EXPECT_EQ(statements(R"(
kernel k(Q[h,p,c]: f16, R[h,p,d]: f16, K[m,c]: f16, T[m,d]: f16) -> O[h,p,c]: f16 {
  S[h,p,m] = sum[c](Q[h,p,c] * K[m,c]) + sum[d](R[h,p,d] * T[m,d])
  O[h,p,c] = softmax[m](S[h,p,m]) * K[m,c]
})"),
            "O = sum over m of c,h,m,p: K[m,c]; 1\n"
            "- = sum over c of c,h,m,p: Q[h,p,c] K[m,c]; 1\n"
            "- = sum over d of d,h,m,p: R[h,p,d] T[m,d]; 1\n"
            "attention O of h,m,p x c: Q[h,p,c] K[m,c] over c, R[h,p,d] T[m,d] "
            "over d, K[m,c], shared; 1\n");
}

TEST(Statements, ValuesThatAreSummedAreNoWords) {
  EXPECT_EQ(
      statements(R"(
kernel k(Q[p,e]: f16, K[m,e]: f16, X[m,d]: f16, W[d,f]: f16) -> O[p,f]: f16 {
  V[m,f] = X[m,d] * W[d,f]
  S[p,m] = Q[p,e] * K[m,e]
  O[p,f] = softmax[m](S[p,m]) * V[m,f]
})"),
      "- = sum over e of e,m,p: Q[p,e] K[m,e]; 1\n"
      "- = sum over d of d,f,m: X[m,d] W[d,f]; 1\n"
      "no attention: O: values are not words of an input: they are summed "
      "or made of several inputs in the kernel\n");
}

TEST(Statements, KeysThatServeTwice) {
  EXPECT_EQ(statements(R"(
kernel k(Q[p,e]: f16, R[p,e]: f16, K[m,e]: f16, V[m,f]: f16) -> O[p,f]: f16 {
  S[p,m] = sum[e](Q[p,e] * K[m,e]) * sum[e](R[p,e] * K[m,e])
  O[p,f] = softmax[m](S[p,m]) * V[m,f]
})"),
            "O = sum over m of f,m,p: V[m,f]; 1\n"
            "- = sum over e of e,m,p: Q[p,e] K[m,e]; 1\n"
            "- = sum over e of e,m,p: R[p,e] K[m,e]; 1\n"
            "no attention: O: words of K serve twice in one score\n");
}

TEST(Statements, WeightsThatAreNoScores) {
  EXPECT_EQ(statements(R"(
kernel k(S[p,m]: f16, V[m,f]: f16) -> O[p,f]: f16 {
  O[p,f] = softmax[m](S[p,m]) * V[m,f]
})"),
            "O = sum over m of f,m,p: S[p,m] V[m,f]; 1\n"
            "- = sum over m of m,p: S[p,m]; 1\n");
}

TEST(Statements, OfTheBackwardPass) {
  EXPECT_EQ(statements(R"(
kernel k(Q[p,e]: f16, K[m,e]: f16, V[m,f]: f16, G[p,f]: f16, L[p]: f32,
         D[p]: f32)
    -> A[p,e]: f16, B[m,e]: f16, C[m,f]: f16 {
  W[p,m] = exp(sum[e](Q[p,e] * K[m,e]) - L[p])
  T[p,m] = W[p,m] * (sum[f](G[p,f] * V[m,f]) - D[p])
  A[p,e] = T[p,m] * K[m,e]
  B[m,e] = T[p,m] * Q[p,e]
  C[m,f] = W[p,m] * G[p,f]
})"),
            "A = sum over m of e,m,p: K[m,e]; 1\n"
            "- = sum over e of e,m,p: Q[p,e] K[m,e]; 1\n"
            "- = sum over f of f,m,p: G[p,f] V[m,f]; 1\n"
            "B = sum over p of e,m,p: Q[p,e]; 1\n"
            "C = sum over p of f,m,p: G[p,f]; 1\n"
            "attention A of m,p x e: Q[p,e] K[m,e] over e, G[p,f] V[m,f] over "
            "f, K[m,e], shared; 1\n"
            "attention B of m,p x e: K[m,e] Q[p,e] over e, V[m,f] G[p,f] over "
            "f, Q[p,e], shared; 1\n"
            "attention C of m,p x f: K[m,e] Q[p,e] over e, G[p,f]; 1\n"
            "backward A B C\n");
}
