//===- RulesTest.cpp - What every rule makes a kernel compute -------------===//
//
// Small kernels with numbers worked by hand, one or more for every rule of
// docs/language.md that decides a value, evaluated by the reference
// interpreter. The rules that only decide what is accepted are listed at the
// end, so that a new rule cannot be forgotten.
//
//===----------------------------------------------------------------------===//

#include "Analysed.h"
#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Interpreter.h"
#include "frontend/sema/Emit.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace einfall;
using namespace einfall::ein;

namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double inf = std::numeric_limits<double>::infinity();

struct Array {
  const char *name;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

struct Case {
  const char *rule, *text;
  std::vector<Array> inputs;
  std::vector<std::pair<const char *, std::vector<double>>> outputs;
  std::vector<std::pair<const char *, double>> params = {};
};

const std::vector<Case> &cases() {
  static const std::vector<Case> list = {
      {"name.4", // order carries no meaning
       "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = z[m] + 1\n z[m] = x[m] * "
       "x[m] }",
       {{"x", {2}, {2, 3}}},
       {{"y", {5, 10}}}},
      {"rank.1", // a rank by itself is its coordinate
       "kernel k(x[m]: f32) -> y[m,r]: f32 {\n rank r = 3\n y[m,r] = x[m] * r "
       "}",
       {{"x", {2}, {1, 10}}},
       {{"y", {0, 1, 2, 0, 10, 20}}}},
      {"rank.2",
       "kernel k(x[m]: f32, cu[s+1]: i32) -> y[c]: f32 else -1, z: i32 {\n"
       " rank c = ceil(|m| / 2)\n y[c] = x[2*c + 1]\n z = |s| + |m| }",
       {{"x", {3}, {1, 2, 3}}, {"cu", {3}, {0, 0, 0}}},
       {{"y", {2, -1}}, {"z", {5}}}},
      {"rank.2", // in any order
       "kernel k(cu[s+1]: i32, x[m]: f32) -> y[a]: f32 else 0, n: i32 {\n"
       " rank a = |c| + 1, c = ceil(|m| / 2), s = |m| - 1\n"
       " y[a] = x[2 * a]\n n = |s| }",
       {{"cu", {3}, {0, 0, 0}}, {"x", {3}, {1, 2, 3}}},
       {{"y", {1, 3, 0}}, {"n", {2}}}},
      {"rank.3", // pieces of 2, 0 and 3; |p| is the piece's
       "kernel k(cu[s+1]: i32, x[t]: f32) -> y[s]: f32, n[s]: i32, "
       "l[s]: f32 else -1 {\n"
       " rank p of s in 0 .. cu[s+1] - cu[s]\n"
       " y[s] = sum[p](x[cu[s] + p])\n n[s] = sum[p](1 + 0 * p)\n"
       " l[s] = x[cu[s] + |p| - 1] where |p| > 0 }",
       {{"cu", {4}, {0, 2, 2, 5}}, {"x", {5}, {1, 2, 3, 4, 5}}},
       {{"y", {3, 0, 12}}, {"n", {2, 0, 3}}, {"l", {2, -1, 5}}}},
      {"rank.3", // coordinates begin at the lower bound
       "kernel k(lo[s]: i32, hi[s]: i32) -> y[s]: i32, z[s]: i32 else -1 {\n"
       " rank p of s in lo[s] .. hi[s]\n y[s] = sum[p](p)\n z[s] = max[p](p) }",
       {{"lo", {2}, {1, 3}}, {"hi", {2}, {4, 3}}},
       {{"y", {6, 0}}, {"z", {3, -1}}}},
      {"rank.5",
       "kernel k(x[b,m]: f32) -> y[b]: f32 {\n each b { z[m] = x[m] * x[m]\n"
       " y = sum[m](z[m]) } }",
       {{"x", {2, 2}, {1, 2, 3, 4}}},
       {{"y", {5, 25}}}},
      {"tensor.2", // an index is looked up
       "kernel k(x[n]: f32, page[m]: i32) -> y[m]: f32 else 0 "
       "{ y[m] = x[page[m] * 2 + 1] }",
       {{"x", {4}, {1, 2, 3, 4}}, {"page", {3}, {1, 0, 7}}},
       {{"y", {4, 2, 0}}}},
      {"tensor.3", // a permuted left side, and one that is looked up
       "kernel k(x[p,m]: f32, at[m]: i32, v[m]: f32) -> y[m,p]: f32, "
       "z[n]: f32 else -1 {\n rank n = 4\n y[m,p] = x[p,m]\n"
       " z[at[m]] = v[m] }",
       {{"x", {2, 3}, {1, 2, 3, 4, 5, 6}},
        {"at", {3}, {3, -5, 0}},
        {"v", {3}, {7, 8, 9}}},
       {{"y", {1, 4, 2, 5, 3, 6}}, {"z", {9, -1, -1, 7}}}},
      {"tensor.5",
       "kernel k(a[m]: f32, b[t]: f32, n: i32) -> y[m]: f32 else 0 {\n"
       " y[m] = a[m] where m < n\n y[m] = b[m - n] where m >= n }",
       {{"a", {4}, {1, 2, 3, 4}}, {"b", {1}, {9}}},
       {{"y", {1, 2, 9, 0}}},
       {{"n", 2}}},
      {"sum.1", // each term has its own sum; an extent is no occurrence
       "kernel k(Q[p,e]: f32, K[e]: f32, r[p]: f32) -> y[p]: f32 "
       "{ y[p] = r[p] * |e| + Q[p,e] * K[e] }",
       {{"Q", {2, 2}, {1, 2, 3, 4}}, {"K", {2}, {10, 1}}, {"r", {2}, {1, 2}}},
       {{"y", {14, 38}}}},
      {"sum.2", // the sum stands at the product, not outside of tanh or exp
       "kernel k(Q[e]: f32, K[e]: f32, c: f32) -> y: f32, z: f32 {\n"
       " y = 2 * abs(Q[e] * K[e] * c) - 1\n z = c * (Q[e] * K[e] - 1) }",
       {{"Q", {2}, {1, 2}}, {"K", {2}, {-3, 1}}},
       {{"y", {9}}, {"z", {-10}}},
       {{"c", 5}}},
      {"sum.3", // a condition restricts the sum that holds its free rank
       "kernel k(x[m]: f32, y[m]: f32) -> z[p]: f32 else -1 {\n rank p = 3\n"
       " z[p] = x[m] * y[m] where m <= p and p < 2 }",
       {{"x", {3}, {1, 2, 3}}, {"y", {3}, {1, 10, 100}}},
       {{"z", {1, 21, -1}}}},
      {"sum.4", // brackets bind afresh
       "kernel k(x[m]: f32) -> y[m]: f32 "
       "{ y[m] = x[m] - sum[m](x[m] where m < 2) }",
       {{"x", {3}, {1, 2, 3}}},
       {{"y", {-2, -1, 0}}}},
      {"sum.5",
       "kernel k(a[p,e]: i32, b[e]: i32) -> y[p]: i32 "
       "{ y[p] = sum[e](a[p,e] * b[e]) / 2 }",
       {{"a", {2, 2}, {1, 2, -3, 0}}, {"b", {2}, {1, 1}}},
       {{"y", {1, -2}}}},
      {"sum.6", // padding by -1 selects nothing, not a row of zeros
       "kernel k(Q[e]: f32, K[m,e]: f32, pick[j]: i32) -> S[j]: f32 else -9, "
       "n: i32 {\n S[j] = Q[e] * K[pick[j], e]\n n = count[j](S[j]) }",
       {{"Q", {2}, {1, 2}},
        {"K", {2, 2}, {1, 1, 5, 5}},
        {"pick", {3}, {1, -1, 0}}},
       {{"S", {15, -9, 3}}, {"n", {2}}}},
      {"abs.1", // what does not exist is not read
       "kernel k(x[m]: f32) -> y: f32, z[m]: f32 else 0 {\n"
       " w[m] = x[m] where m % 2 == 0\n y = sum[m](2 * w[m])\n"
       " z[m] = if(m < 2, w[m], 1) }",
       {{"x", {3}, {1, nan, 5}}},
       {{"y", {12}}, {"z", {1, 0, 1}}}},
      {"abs.2",
       "kernel k(x[m]: f32) -> s: f32, c: i32, a: bool, b: bool, "
       "M: f32 else -7, A: i32 else -8, e: f32 else -9 {\n"
       " s = sum[m](x[m] where x[m] > 9)\n c = count[m](x[m] where x[m] > 9)\n"
       " a = any[m](true where x[m] > 9)\n b = all[m](false where x[m] > 9)\n"
       " M = max[m](x[m] where x[m] > 9)\n A = argmax[m](x[m] where x[m] > 9)\n"
       " e = mean[m](x[m] where x[m] > 9) }",
       {{"x", {2}, {1, 2}}},
       {{"s", {0}},
        {"c", {0}},
        {"a", {0}},
        {"b", {1}},
        {"M", {-7}},
        {"A", {-8}},
        {"e", {-9}}}},
      {"abs.3", // a causal convolution has no tap before its beginning
       "kernel k(x[t]: f32, w[d]: f32) -> y[t]: f32, z[t]: f32 else -1 {\n"
       " y[t] = sum[d](w[d] * x[t - d])\n z[t] = x[t] - x[t - 1] }",
       {{"x", {3}, {1, 2, 3}}, {"w", {2}, {10, 1}}},
       {{"y", {10, 21, 32}}, {"z", {-1, 1, 1}}}},
      {"abs.4",
       "kernel k(x[m]: f32) -> y: f32 else -inf, z: f32 {\n"
       " y = max[m](x[m] where x[m] > 9)\n"
       " z = or_else(max[m](x[m] where x[m] > 9), 4) }",
       {{"x", {2}, {1, 2}}},
       {{"y", {-inf}}, {"z", {4}}}},
      {"abs.5", // descending, ties to the lower coordinate, NaN last
       "kernel k(s[c]: f32) -> p[j]: i32 else -1, q[i]: i32 else -1, n: i32 {\n"
       " p[j] = topk[c](s[c], 4)\n q[i] = select[c](s[c] > 1)\n"
       " n = argmax[c](s[c])\n require |c| > 0 }",
       {{"s", {5}, {1, 5, nan, 5, 2}}},
       {{"p", {1, 3, 4, 0}}, {"q", {1, 3, 4, -1, -1}}, {"n", {2}}}},
      {"type.1",
       "kernel k(x[m]: f32, c[m]: bool) -> y[m]: f32, z[m]: bool {\n"
       " y[m] = if(c[m] or x[m] > 2, x[m], 0)\n z[m] = not c[m] }",
       {{"x", {3}, {1, 2, 3}}, {"c", {3}, {1, 0, 0}}},
       {{"y", {1, 0, 3}}, {"z", {0, 1, 1}}}},
      {"type.2", // reals keep their precision until they are stored
       "kernel k(x[m]: f32) -> y[m]: f32, z: bf16 {\n y[m] = x[m] + 2 * m\n"
       " z = sum[m](x[m]) / 3 + 1 - 1 }",
       {{"x", {2}, {0.5, 0.5}}},
       {{"y", {0.5, 2.5}}, {"z", {1.0 / 3}}}},
      {"type.3", // floor, and a remainder that is not negative
       "kernel k(x[m]: i32) -> q[m]: i32, r[m]: i32, c[m]: i32, f[m]: f32 {\n"
       " q[m] = x[m] / 4\n r[m] = x[m] % 4\n c[m] = ceil(x[m] / 4)\n"
       " f[m] = real(x[m]) / 4 }",
       {{"x", {3}, {7, -7, -8}}},
       {{"q", {1, -2, -2}},
        {"r", {3, 1, 0}},
        {"c", {2, -1, -2}},
        {"f", {1.75, -1.75, -2}}}},
      {"type.4", // decoding equations of packed codes
       "kernel k(x[m,e]: u4 packed e, zero[m]: f32, step[m]: f32) "
       "-> y[m,e]: f32 { y[m,e] = (x[m,e] - zero[m]) * step[m] }",
       {{"x", {2, 2}, {0, 15, 8, 1}},
        {"zero", {2}, {8, 1}},
        {"step", {2}, {2, 0.5}}},
       {{"y", {-16, 14, 3.5, 0}}}},
      {"type.5",
       "kernel k(x[m]: f32, w: i32 = 4) -> y[m]: i32 "
       "{ y[m] = round(x[m]) + w }",
       {{"x", {4}, {0.5, 1.5, -2.5, 3.4}}},
       {{"y", {4, 6, 2, 7}}}},
      {"def.1",
       "def axpy(a, x, y) -> z { z = a * x + y }\n"
       "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = axpy(2, x[m], m) }",
       {{"x", {2}, {3, 4}}},
       {{"y", {6, 9}}}},
      {"def.2", // two ranks for one parameter
       "def share[m](x[m]) -> y[m] { y[m] = x[m] / sum[m](x[m]) }\n"
       "kernel k(s[j,r]: f32) -> y[j,r]: f32, n: i32 {\n"
       " y[j,r] = share[j,r](s[j,r])\n n = size[j,r](s[j,r]) }\n"
       "def size[m](x[m]) -> n { n = |m| }",
       {{"s", {2, 2}, {1, 2, 3, 2}}},
       {{"y", {0.125, 0.25, 0.375, 0.25}}, {"n", {4}}}},
      {"def.3",
       "def shift[m](x[m]) -> y[m] { y[m] = or_else(x[m - 1], 0) }\n"
       "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = shift[m](x[m]) }",
       {{"x", {3}, {1, 2, 3}}},
       {{"y", {0, 1, 2}}}},
      {"def.4", // ranks that a def does not name are carried through
       "def total[t](x[t]) -> y[t] {\n H[0] = 0\n H[t+1] = H[t] + x[t]\n"
       " y[t] = H[t+1] }\n"
       "kernel k(x[b,t]: f32) -> y[b,t]: f32 { y[b,t] = total[t](x[b,t]) }",
       {{"x", {2, 3}, {1, 2, 3, 10, 20, 30}}},
       {{"y", {1, 3, 6, 10, 30, 60}}}},
      {"rec.1", // the delta rule, with tensors between the states
       "kernel k(K[t]: f32, V[t]: f32, beta[t]: f32) -> O[t]: f32, HT: f32 {\n"
       " H[0] = 1\n U[t] = beta[t] * (V[t] - K[t] * H[t])\n"
       " H[t+1] = H[t] + K[t] * U[t]\n O[t] = H[t+1] + U[t]\n HT = H[|t|] }",
       {{"K", {2}, {1, 2}}, {"V", {2}, {3, 1}}, {"beta", {2}, {1, 0.5}}},
       // H: 1, 1 + 2 = 3, U = 0.5 (1 - 6) = -2.5, 3 - 5 = -2
       {{"O", {5, -4.5}}, {"HT", {-2}}}},
      {"rec.1", // backwards in time
       "kernel k(a[t]: f32) -> y[t]: f32, z: f32 {\n G[|t|-1] = 1\n"
       " G[t-1] = 2 * G[t] + a[t]\n y[t] = G[t]\n z = G[-1] }",
       {{"a", {3}, {1, 2, 3}}},
       // G[2] = 1, G[1] = 5, G[0] = 12, G[-1] = 25
       {{"y", {12, 5, 1}}, {"z", {25}}}},
      {"rec.1", // defined from each other, one of them already at its next
                // state
       "kernel k(f[t]: f32) -> y: f32 {\n M[0] = 0\n M[t+1] = max(M[t], f[t])\n"
       " A[0] = 1\n A[t+1] = A[t] * M[t+1] + B[t]\n B[0] = 0\n"
       " B[t+1] = B[t] + A[t]\n y = A[|t|] + 100 * B[|t|] }",
       {{"f", {2}, {2, 1}}},
       // A: 1, 2, 2 * 2 + 1 = 5; B: 0, 1, 3
       {{"y", {305}}}},
      {"rec.1", // one inside the step of another: s' = sum over i of (s + i)
       "def total[i](x[i]) -> y {\n G[0] = 0\n G[i+1] = G[i] + x[i]\n"
       " y = G[|i|] }\n"
       "kernel k(x[t]: f32) -> y[t]: f32 {\n rank i = 2\n H[0] = 1\n"
       " H[t+1] = total[i](H[t] + i) + x[t]\n y[t] = H[t+1] }",
       {{"x", {2}, {10, 0}}},
       // 1 + 2 + 10 = 13, 13 + 14 = 27
       {{"y", {13, 27}}}},
      {"rec.1", // along a ragged rank, in both directions
       "kernel k(cu[s+1]: i32, x[n]: f32) -> f[s]: f32, b[s]: f32 else -1 {\n"
       " rank t of s in 0 .. cu[s+1] - cu[s]\n"
       " F[s,0] = 100\n F[s,t+1] = 2 * F[s,t] + or_else(x[cu[s] + t], 0)\n"
       " B[s,|t|-1] = 0\n B[s,t-1] = 2 * B[s,t] + or_else(x[cu[s] + t], 0)\n"
       " f[s] = or_else(F[s,|t|], -1)\n b[s] = B[s,-1] }",
       {{"cu", {4}, {0, 2, 2, 3}}, {"x", {3}, {1, 2, 3}}},
       // forwards 2 (200 + 1) + 2, none, 203; backwards 2 * 2 + 1, none, 3
       {{"f", {404, 100, 203}}, {"b", {5, 0, 3}}}},
      {"rec.2", // resets
       "kernel k(x[t]: f32, start[t]: bool) -> y[t]: f32 {\n H[0] = 5\n"
       " H[t+1] = if(start[t], 0, H[t]) + x[t]\n y[t] = H[t+1] }",
       {{"x", {4}, {1, 2, 3, 4}}, {"start", {4}, {0, 0, 1, 0}}},
       {{"y", {6, 8, 3, 7}}}},
      {"sched.1",
       "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
       "schedule k { tile m = 128; stages 2 }",
       {{"x", {3}, {1, 2, 3}}},
       {{"y", {6}}}},
      {"shard.1", // where it runs changes no value
       "kernel k(x[m]: f32) -> y: f32 { y = sum[m](x[m]) }\n"
       "schedule k { shard m over ring }",
       {{"x", {3}, {1, 2, 3}}},
       {{"y", {6}}}},
      {"req.1", // a permutation of a rank that is declared
       "kernel k(o[h,i]: i32, x[p]: f32) -> y[h,i]: f32 {\n rank i = |p|\n"
       " require permutation(o)\n y[h,i] = x[o[h,i]] }",
       {{"o", {1, 3}, {2, 0, 1}}, {"x", {3}, {5, 6, 7}}},
       {{"y", {7, 5, 6}}}},
      {"req.1",
       "kernel k(page[i]: i32, x[n]: f32) -> y[i]: f32 {\n"
       " require page in 0 .. |n|\n y[i] = x[page[i]] }",
       {{"page", {2}, {1, 0}}, {"x", {2}, {5, 6}}},
       {{"y", {6, 5}}}},
  };
  return list;
}

class Rules : public testing::TestWithParam<unsigned> {};

std::string caseName(const testing::TestParamInfo<unsigned> &info) {
  std::string name = cases()[info.param].rule;
  std::replace(name.begin(), name.end(), '.', '_');
  return name + "_case" + std::to_string(info.param);
}
} // namespace

TEST_P(Rules, GivesTheNumbersWorkedByHand) {
  const Case &test = cases()[GetParam()];
  Analysed analysed(test.text);
  ASSERT_TRUE(analysed.ok()) << analysed.text();
  mlir::MLIRContext context;
  auto module = emitCascade(context, *analysed.program, analysed.sources,
                            analysed.diagnostics);
  ASSERT_TRUE(succeeded(module)) << analysed.text();
  auto kernel = *(*module)->getOps<cascade::KernelOp>().begin();
  std::deque<std::vector<char>> memory;
  interpreter::Arguments arguments;
  for (const Array &array : test.inputs) {
    interpreter::Tensor tensor;
    for (auto input : kernel.getBody().getOps<cascade::InputOp>())
      if (input.getName() == array.name)
        tensor.element =
            *interpreter::elementOf(input.getResult().getType().getElement());
    tensor.shape.assign(array.shape.begin(), array.shape.end());
    tensor.strides = interpreter::Tensor::denseStrides(tensor.shape);
    memory.emplace_back(array.values.size() * 8);
    tensor.data = memory.back().data();
    for (auto [i, value] : llvm::enumerate(array.values))
      interpreter::storeElement(tensor.element, tensor.data, i, value);
    arguments.inputs[array.name] = tensor;
  }
  for (auto [name, value] : test.params)
    arguments.params[name] = value;
  ASSERT_TRUE(succeeded(interpreter::checkPreconditions(kernel, arguments)));
  auto evaluator = interpreter::Interpreter::create(kernel, arguments);
  ASSERT_TRUE(succeeded(evaluator));
  for (const auto &[name, expected] : test.outputs) {
    auto found = evaluator->evaluateAll(evaluator->getOutput(name));
    ASSERT_TRUE(succeeded(found));
    ASSERT_EQ(found->size(), expected.size()) << name;
    for (size_t i = 0; i < expected.size(); ++i)
      if (std::isinf(expected[i]))
        EXPECT_EQ((*found)[i], expected[i]) << name << " at " << i;
      else
        EXPECT_NEAR((*found)[i], expected[i], 1e-12) << name << " at " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Language, Rules,
                         testing::Range(0u, unsigned(cases().size())),
                         caseName);

TEST(Rules, EveryRuleHasACaseOrDecidesNoValue) {
  std::set<std::string> covered;
  for (const Case &test : cases())
    covered.insert(test.rule);
  // What they accept and reject is in docs/language.md; they give no values.
  for (const char *rule :
       {"lex.1", "lex.2", "syn.1", "syn.2", "syn.3", "name.1", "name.2",
        "name.3", "rank.4", "tensor.1", "tensor.4", "def.5", "def.6", "grad.1"})
    EXPECT_TRUE(covered.insert(rule).second) << rule << " has a case";
#define EIN_RULE(name, number, text)                                           \
  EXPECT_TRUE(covered.count(number)) << number << " has no case";
#include "frontend/syntax/Rules.def"
}
