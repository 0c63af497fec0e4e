//===- AnalysisTest.cpp - Names, ranks, types and absence -----------------===//
//
// Every diagnostic of the analysis, with its notes where they say something
// that the message does not; and that nothing more is reported.
//
//===----------------------------------------------------------------------===//

#include "Analysed.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
struct Case {
  const char *text;
  std::vector<const char *> messages;
};

void expectErrors(const std::vector<Case> &cases) {
  for (const Case &test : cases) {
    Analysed analysed(test.text);
    EXPECT_FALSE(analysed.ok()) << test.text;
    for (const char *message : test.messages)
      EXPECT_NE(analysed.text().find(message), std::string::npos)
          << test.text << "\nexpected: " << message << "\n"
          << analysed.text();
  }
}

std::string kernel(const std::string &body) {
  return "kernel k(x[m]: f32, c[m]: bool, i[m]: i32, A[p,e]: f32, n: i32)\n"
         "    -> y[m]: f32 {\n" +
         body + "\n}\n";
}

void expectBodyErrors(
    const std::vector<std::pair<const char *, const char *>> &cases) {
  for (auto &[body, message] : cases) {
    Analysed analysed(kernel(body));
    EXPECT_FALSE(analysed.ok()) << body;
    EXPECT_NE(analysed.text().find(message), std::string::npos)
        << body << "\nexpected: " << message << "\n"
        << analysed.text();
  }
}

void expectAccepted(const std::string &text) {
  Analysed analysed(text);
  EXPECT_TRUE(analysed.ok()) << text << "\n" << analysed.text();
}
} // namespace

TEST(Analysis, Names) {
  expectBodyErrors({
      {"y[m] = z[m]", "unknown name `z`"},
      {"y[m] = sofmax[m](x[m])", "did you mean `softmax`?"},
      {"y[m] = x[m] + X", "did you mean `x`?"},
      {"y[m] = x[mm]", "unknown name `mm`"},
      {"y[m] = |q| * x[m]", "unknown rank `q`"},
      {"y[m] = sum[q](x[m])", "unknown rank `q`"},
      {"y[m] = m[m]", "`m` is a rank, not a tensor"},
      {"y[m] = x(m)", "indices stand in brackets: `x[...]`"},
      {"y[m] = sum[m,m](x[m])", "rank `m` is bound twice by these brackets"},
      {"y[m] = exp[m](x[m])", "`exp` takes no ranks in brackets"},
      {"y[m] = argmax[p,e](A[p,e]) * x[m]", "`argmax` takes one rank"},
      {"y[m] = topk[p,e](A[p,e], 3)", "`topk` selects along one rank"},
      {"y[m] = exp(x[m], 1)", "`exp` takes 1 argument, it is given 2"},
      {"y[m] = softmax(x[m])",
       "`softmax` has 1 rank parameter, the call binds 0"},
      {"rank m = 3\n rank m = 4\n y[m] = x[m]", "is declared twice"},
      {"x[m] = 1\n y[m] = 2", "`x` is an input and cannot be defined"},
      {"m = 1\n y[m] = 2", "`m` is declared twice"},
      {"y[m] = sum[(p,e)](A[p,e])", "a reduction lists its ranks without"},
  });
  expectErrors({
      {"def f(x) -> y { y = x }\ndef f(x) -> y { y = x }",
       {"def `f` is declared twice", "declared here before"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }\n"
       "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }",
       {"kernel `k` is declared twice"}},
      {"def f(x) -> y { y = x + z }", {"unknown name `z`"}},
      {"def f(x[m]) -> y { y = x[m] }",
       {"rank `m` of `x` is no rank parameter of `f`",
        "write `def f[m](...)`"}},
      {"def f(x) -> y[m] { y[m] = x }", {"rank `m` of `y` is no rank"}},
      {"def f(x) -> y { z = x }", {"the result `y` is never defined"}},
      {"def f(x) -> y { y = x\n z[k] = x }",
       {"nothing binds the extent of rank `k`", "make it a rank parameter"}},
      {"def f(x) -> y { require x > 0\n y = x }", {"a def has no `require`"}},
      {"def f(x) -> y { default m = 0\n y = x }", {"a def has no `default`"}},
  });
}

TEST(Analysis, Ranks) {
  expectErrors({
      {"kernel k(Q[p,e]: f32) -> S[p,q]: f32 { S[p,q] = Q[p,e] * Q[q,e] }",
       {"nothing binds the extent of rank `q`", "pass `-D q=...`"}},
      {"kernel k(x[m]: f32) -> y: f32 {\n rank a = |b|, b = |a|\n"
       " y = sum[m](x[m]) }",
       {"the extent of rank `a` depends on itself"}},
      {"kernel k(x[m]: f32) -> y: f32 {\n rank a = -3\n y = sum[m](x[m]) }",
       {"the extent of rank `a` is -3"}},
      {"kernel k(x[m]: f32) -> y: f32 {\n rank a = m\n y = sum[m](x[m]) }",
       {"an extent may not vary along rank `m`"}},
      {"kernel k(x[2*m]: f32) -> y: f32 { y = 1 }",
       {"a dimension of `x` is declared as a rank, a rank plus a number"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 {\n default m = 1.5\n y[m] = x[m] }",
       {"the default of rank `m` is a non-negative number"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 {\n default q = 2\n y[m] = x[m] }",
       {"unknown rank `q`"}},
      {"default q = 2\nkernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m] }",
       {"no kernel of this file has a rank `q`"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 { each m { each m { y = x } } }",
       {"rank `m` is in an enclosing `each` already"}},
      {"kernel k(c[s]: i32, x[t]: f32) -> y[s]: f32 {\n"
       " rank p of s in 0 .. c[t]\n y[s] = sum[p](x[p]) }",
       {"the bounds of `p` vary along `t`, they may along `s` only"}},
      {"kernel k(c[s]: i32, x[t]: f32) -> y: f32 {\n"
       " rank p of s in 0 .. c[s]\n y = sum[p](sum[s](c[s] * x[p])) }",
       {"rank `s` is reduced before the ragged rank `p`"}},
      {"kernel k(c[s]: i32, x[p]: f32) -> y[s]: f32 {\n"
       " rank p of s in 0 .. c[s]\n y[s] = sum[p](x[p]) }",
       {"the ragged rank `p` is no dimension of an input"}},
  });
  FrontendOptions options;
  options.defines["q"] = 4;
  EXPECT_TRUE(Analysed("kernel k(x[m]: f32) -> y[m,q]: f32 "
                       "{ y[m,q] = x[m] * q }",
                       options)
                  .ok());
  Analysed conflict("kernel k(x[m]: f32) -> y[m]: f32 {\n rank q = 3\n"
                    " y[m] = x[m] }",
                    options);
  EXPECT_NE(conflict.text().find("`-D q=4` cannot bind it"), std::string::npos);
}

TEST(Analysis, Tensors) {
  expectErrors({
      {"kernel k(x[m]: f32) -> y[m]: f32 { y[q] = x[m] }",
       {"the output `y` has the ranks [m] but is defined with [q]"}},
      {"kernel k(x[m]: f32, i[m]: i32) -> y[m]: f32 {\n"
       " z[i[m]] = x[m]\n y[m] = 1 }",
       {"an index expression on the left defines an output only"}},
      {"kernel k(x[m]: f32, i[m]: i32) -> y[m]: f32 else 0 {\n"
       " y[i[m]] = x[m]\n y[m] = x[m] where m > 3 }",
       {"a tensor with an index expression on the left has one equation"}},
      {"kernel k(x[m]: f32, i[m]: i32) -> y[m]: f32 { y[i[m]] = x[m] }",
       {"the output `y` may be absent", "no equation may write"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 {\n z[m] = x[m]  where m < 3\n"
       " z[q] = 2\n y[m] = 1 }",
       {"the equations of `z` have different ranks on the left",
        "the first equation"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 {\n z[m] = x[m]\n z[m] = 2\n"
       " y[m] = z[m] }",
       {"have disjoint domains", "the equation before"}},
  });
}

TEST(Analysis, DisjointDomains) {
  auto two = [](const std::string &a, const std::string &b) {
    return "kernel k(x[m]: f32, c[m]: bool, n: i32) -> y[m]: f32 else 0 {\n"
           " y[m] = x[m] where " +
           a + "\n y[m] = 1 where " + b + "\n}";
  };
  for (auto &[a, b] : std::vector<std::pair<std::string, std::string>>{
           {"m < n", "m >= n"},
           {"m < n", "n <= m"},
           {"m + 1 <= n", "m - n >= 0"},
           {"2 * m < n", "m * 2 > n"},
           {"m == n", "m > n"},
           {"c[m]", "not c[m]"},
           {"m > 3 and c[m]", "m <= 3 and not c[m]"},
           {"m < n and m > 2", "m == 1"}}) {
    expectAccepted(two(a, b));
    expectAccepted(two(b, a));
  }
  for (auto &[a, b] : std::vector<std::pair<std::string, std::string>>{
           {"m <= n", "m >= n"},
           {"m < n", "m >= 3"},
           {"c[m]", "m < 3"},
           {"x[m] < 1", "x[m] >= 1"}}) {
    Analysed analysed(two(a, b));
    EXPECT_FALSE(analysed.ok()) << a << " / " << b;
  }
}

TEST(Analysis, Types) {
  expectBodyErrors({
      {"y[m] = c[m] + 1", "a sum takes numbers, this is a bool"},
      {"y[m] = -c[m]", "`-` takes numbers"},
      {"y[m] = -c[m] + 1", "a sum takes numbers"},
      {"y[m] = exp(c[m])", "expected a number, this is a bool"},
      {"y[m] = max(c[m], 1)", "`max` takes numbers"},
      {"y[m] = if(x[m], 1, 0)", "the first argument of `if` is a condition"},
      {"y[m] = if(c[m], c[m], 0)", "here a bool meets a number"},
      {"y[m] = x[m] where x[m]", "is a condition, this is a real"},
      {"y[m] = if(c[m] < c[m], 1, 0)", "bools have no order"},
      {"y[m] = if(c[m] == x[m], 1, 0)", "a bool meets a number"},
      {"y[m] = if(not i[m], 1, 0)", "compare it, as in `... != 0`"},
      {"y[m] = x[m] % 2", "an operand of `%` is an integer, this is a real"},
      {"y[m] = sum[m](c[m])", "`sum` takes numbers"},
      {"y[m] = if(any[m](x[m]), 1, 0)", "is a condition, this is a real"},
      {"y[m] = 1 / |m|", "this quotient of integers is floored"},
      {"y[m] = exp(m / 2)", "this quotient of integers is floored"},
      {"y[m] = 1 / |m| * x[m]",
       "the quotient of integers on the left is floored"},
      {"z[m] = m / 2\n y[m] = z[m] * 0.5", "is floored"},
      {"y[m] = or_else(c[m], 1)", "a bool meets a number"},
      {"y[m] = c[m]", "is stored as f32, its value is a bool"},
  });
  expectAccepted(kernel("y[m] = floor(m / 2) + 1.0 / |m| + ceil(m / 3) * 0.5"));
  expectAccepted(kernel("y[m] = if(c[m] == (x[m] > 0), real(m), 1 / sqrt(n))"));
  expectErrors({
      {"kernel k(x[m]: bf61) -> y[m]: f32 { y[m] = x[m] }",
       {"unknown element type `bf61`", "did you mean `bf16`?"}},
      {"kernel k(x[m]: f32) -> y[m]: u4 { y[m] = m }",
       {"an output is not stored as `u4`"}},
      {"kernel k(x[m]: f32 packed m) -> y[m]: f32 { y[m] = x[m] }",
       {"`f32` is not packed", "drop `packed`"}},
      {"kernel k(x[m]: u4 packed q) -> y[m]: f32 { y[m] = x[m] }",
       {"`x` has no rank `q` to be packed along"}},
      {"kernel k(x[m]: f32 = 1) -> y[m]: f32 { y[m] = x[m] }",
       {"only a scalar input has a default"}},
      {"kernel k(x[m]: f32, n: i32 = 1.5) -> y[m]: f32 { y[m] = x[m] }",
       {"the default of `n` is one int"}},
      {"kernel k(x[m]: f32, n: i32 = w, w: i32) -> y[m]: f32 { y[m] = x[m] }",
       {"uses a scalar that is not declared before it"}},
      {"kernel k(x[m]: f32 else 0) -> y[m]: f32 { y[m] = x[m] }",
       {"an input has no filler"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 = 0 { y[m] = x[m] }",
       {"an output has no default", "a filler is written `else value`"}},
      {"kernel k(x[m]: f32) -> y[m]: f32 else m { y[m] = x[m] }",
       {"the filler of `y` is one real"}},
      {"kernel k(x[m]: f32) -> y[m]: bool else 0 { y[m] = x[m] > 0 }",
       {"the filler of `y` is one bool"}},
  });
}

TEST(Analysis, Absence) {
  // What may be absent needs a filler.
  expectBodyErrors({
      {"y[m] = x[m] where m > 3", "this condition excludes"},
      {"y[m] = x[m + 1]", "may lie outside"},
      {"y[m] = x[i[m]]", "may lie outside"},
      {"y[m] = max[p,e](A[p,e])", "where there is nothing to reduce"},
      {"y[m] = mean[p,e](A[p,e])", "may be absent and declares no filler"},
      {"y[m] = argmax[p](A[p,0]) * 1.0", "may be absent"},
      {"z[m] = x[m] where c[m]\n y[m] = or_else(z[m], x[m + 1])",
       "may be absent"},
      {"y[m] = x[m / 2 * 3]", "may lie outside"},
  });
  // What is seen to be present does not.
  for (const char *body : {
           "y[m] = softmax[m](x[m])",
           "y[m] = x[m] - max[m](x[m])",
           "y[m] = sum[p](max(A[p,0], x[m + 1]))",
           "y[m] = or_else(x[m + 1], 0)",
           "y[m] = or_else(max[p,e](A[p,e]), -inf)",
           "y[m] = x[(m + 3) % |m|]",
           "y[m] = if(any[p](A[p,0] > 0), 1, 0)",
           "y[m] = x[m] * count[m](x[m] where m < 3)",
           "rank r = |m|\n z[r] = x[r]\n y[m] = z[m]",
           "require i in 0 .. |m|\n y[m] = x[i[m]]",
           "require |p| > 0, |e| >= 1\n y[m] = max[p,e](A[p,e])",
           "rank r = 4\n y[m] = x[m] + max[r](r)",
           "s[m] = x[m] where c[m]\n"
           "y[m] = or_else(softmax[m](s[m]), 0)",
       })
    expectAccepted(kernel(body));
  // Softmax of a masked row exists where the row's score does.
  expectAccepted("kernel k(Q[p,e]: f32, K[m,e]: f32) -> O[p,e]: f32 {\n"
                 " S[p,m] = Q[p,e] * K[m,e]  where m <= p\n"
                 " O[p,e] = softmax[m](S[p,m]) * K[m,e] }");
  // Grouped heads stay inside.
  expectAccepted("kernel k(Q[h,e]: f32, K[g,e]: f32) -> S[h]: f32 {\n"
                 " S[h] = Q[h,e] * K[h*|g|/|h|, e] }");
  expectErrors({{"kernel k(Q[h,e]: f32, K[g,e]: f32) -> S[h]: f32 {\n"
                 " S[h] = Q[h,e] * K[h / 4, e] }",
                 {"may lie outside"}}});
  expectAccepted("kernel k(x[m]: f32, t[c]: f32) -> y[m]: f32 {\n"
                 " rank c = ceil(|m| / 16)\n y[m] = x[m] * t[m / 16] }");
}

TEST(Analysis, Defs) {
  expectErrors({
      {"def f(x) -> y { y = f(x) }", {"def `f` calls itself"}},
      {"def f[a,b](x[a,b]) -> y { y = sum[a,b](x[a,b]) }\n"
       "kernel k(x[m,n]: f32) -> y: f32 { y = f[m](x[m,0]) }",
       {"`f` has 2 rank parameters, the call binds 1"}},
      {"def f[m](x[m]) -> y { y = sum[m](x[m] * m) }\n"
       "kernel k(x[i,j]: f32) -> y: f32 { y = f[i,j](x[i,j]) }",
       {"rank parameter `m` is bound to 2 ranks, but is used as a number",
        "in the call of `f` here"}},
      {"def f[m](x[m]) -> y { y = argmax[m](x[m]) }\n"
       "kernel k(x[i,j]: f32) -> y: i32 else 0 { y = f[i,j](x[i,j]) }",
       {"`argmax` takes one rank, it is given 2"}},
  });
  expectAccepted("def f[a,b](x[a,b]) -> y[b] { y[b] = sum[a](x[a,b] * b) }\n"
                 "kernel k(x[i,j,m]: f32) -> y[m]: f32 "
                 "{ y[m] = f[(i,j),m](x[i,j,m]) }");
  // Hygiene: the def's own rank is not the caller's.
  expectAccepted("def f(x) -> y {\n rank m = 3\n y = sum[m](x * m) }\n"
                 "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = f(x[m]) }");
  // A file's def replaces the prelude's.
  Analysed own("def relu(x) -> y { y = max(x, 7) }\n"
               "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = relu(x[m]) }");
  EXPECT_NE(own.explicitly().find("max(x[m], 7.0)"), std::string::npos);
}

TEST(Analysis, Recurrences) {
  expectErrors({
      {"kernel k(a[t]: f32) -> y: f32 {\n H[1] = 0\n H[t+1] = H[t] + a[t]\n"
       " y = H[|t|] }",
       {"the recurrence `H` starts at 0"}},
      {"kernel k(a[t]: f32) -> y: f32 {\n H[0] = 0\n H[t-1] = H[t] + a[t]\n"
       " y = H[0] }",
       {"the recurrence `H` starts at |t|-1"}},
      {"kernel k(a[t]: f32) -> y: f32 {\n H[0] = 0\n H[t+1] = H[t+1] + a[t]\n"
       " y = H[|t|] }",
       {"`H` depends on itself"}},
      {"kernel k(a[t]: f32) -> y[t]: f32 {\n y[0] = 0\n y[t+1] = y[t] + a[t] }",
       {"the output `y` cannot be a recurrence itself"}},
  });
  expectAccepted("kernel k(a[t]: f32) -> y: f32 {\n H[|t|-1] = 0\n"
                 " H[t-1] = H[t] + a[t]\n y = H[-1] }");
}

TEST(Analysis, PreconditionsGradientsSchedules) {
  const char *forward =
      "kernel f(x[m]: f32, i[m]: i32) -> y[m]: f32 { y[m] = x[m] * i[m] }\n";
  auto with = [&](const char *rest) { return std::string(forward) + rest; };
  for (auto &[rest, message] :
       std::vector<std::pair<const char *, const char *>>{
           {"kernel b = grad g wrt x", "no kernel `g` to differentiate"},
           {"kernel b = grad f wrt i",
            "stored as i32, a gradient needs a real"},
           {"kernel b = grad f wrt x saving z", "has no output `z`"},
           {"schedule g { tile m = 4 }", "no kernel `g` to schedule"},
           {"schedule f { tile m = 0 }", "a tile size is a positive number"},
           {"schedule f { tile m = 4, m = 8 }", "rank `m` is tiled twice"},
           {"schedule f { stages -1 }", "the number of stages is a positive"},
           {"schedule f { shard q over ring }", "has no rank `q`"},
           {"shard q over ring", "no kernel of this file has the ranks"},
       }) {
    Analysed analysed(with(rest));
    EXPECT_FALSE(analysed.ok()) << rest;
    EXPECT_NE(analysed.text().find(message), std::string::npos)
        << analysed.text();
  }
  Analysed good(with("kernel b = grad f wrt x saving y\n"
                     "schedule f for cpu { tile m = 4 * 16; stages 3 }"));
  ASSERT_TRUE(good.ok()) << good.text();
  const ElaboratedKernel *gradient = good.program->find("b");
  ASSERT_NE(gradient, nullptr);
  std::vector<std::string> inputs, outputs;
  for (const InputInfo &input : gradient->inputs)
    inputs.push_back(input.name);
  for (const OutputInfo &output : gradient->outputs)
    outputs.push_back(output.name);
  EXPECT_EQ(inputs, (std::vector<std::string>{"x", "i", "y", "dy"}));
  EXPECT_EQ(outputs, std::vector<std::string>{"dx"});
  const ScheduleInfo &schedule = good.program->find("f")->schedules.at(0);
  EXPECT_EQ(schedule.tiles.at(0).second, 64);
  EXPECT_EQ(schedule.stages, 3);

  expectBodyErrors({
      {"require monotone(A)\n y[m] = x[m]",
       "`monotone` takes the name of an input with one rank"},
      {"require x[m]\n y[m] = x[m]", "a precondition is a condition"},
      {"require y[m] > 0\n y[m] = x[m]", "a precondition uses inputs only"},
      {"require z in 0..3\n y[m] = x[m]", "unknown name `z`"},
  });
}

TEST(Analysis, ReportsSeveralErrors) {
  Analysed analysed("kernel a(x[m]: f32) -> y[m]: f32 { y[m] = z[m] }\n"
                    "kernel b(x[m]: f32) -> y[m]: f32 { y[m] = exp() }\n"
                    "kernel c(x[m]: f32) -> y[q]: f32 { y[q] = 1 }\n");
  // The second is a syntax error, which stops the analysis.
  EXPECT_EQ(analysed.diagnostics.getErrorCount(), 1u);
  Analysed names("kernel a(x[m]: f32) -> y[m]: f32 { y[m] = z[m] + u }\n"
                 "kernel c(x[m]: f32) -> y[q]: f32 { y[q] = 1 }\n");
  EXPECT_EQ(names.diagnostics.getErrorCount(), 3u) << names.text();
}

TEST(Analysis, BoundsTheExpansion) {
  std::string chain = "def a0(x) -> y { y = x }\n";
  for (int i = 1; i < 3000; ++i)
    chain += "def a" + std::to_string(i) + "(x) -> y { y = a" +
             std::to_string(i - 1) + "(x * 2) }\n";
  Analysed deep(chain + "kernel k(x[m]: f32) -> y[m]: f32 "
                        "{ y[m] = a2999(x[m]) }");
  EXPECT_NE(deep.text().find("the calls of defs nest more than 50 deep"),
            std::string::npos);
  // Long is not deep.
  std::string sum = "kernel k(x[m]: f32) -> y[m]: f32 { y[m] = x[m]";
  for (int i = 0; i < 20000; ++i)
    sum += " + x[m]";
  expectAccepted(sum + " }");
  std::string list = "kernel k(x[m]: f32) -> y[m]: f32 {\n z0[m] = x[m]\n";
  for (int i = 1; i <= 10000; ++i)
    list += " z" + std::to_string(i) + "[m] = z" + std::to_string(i - 1) +
            "[m] * 2\n";
  expectAccepted(list + " y[m] = z10000[m] }");
}

TEST(Analysis, WhatStepsOfRecurrencesRead) {
  struct {
    const char *body, *message;
  } cases[] = {
      {"H[0] = 0\n H[t+1] = H[t] + H[t+2]\n y = H[|t|]", "depends on itself"},
      {"H[0] = 0\n U[t] = H[t] * x[t]\n H[t+1] = H[t] + or_else(U[t-1], 0)\n y "
       "= H[|t|]",
       "takes a value that stands on its state at other coordinates of `t`"},
      {"H[0] = 0\n U[t] = H[t] * x[t]\n H[t+1] = sum[t](U[t])\n y = H[|t|]",
       "takes a value that stands on its state at other coordinates of `t`"},
      {"H[0] = 0\n H[t+1] = H[t] + G[t]\n G[|t|-1] = 0\n"
       " G[t-1] = G[t] + H[t]\n y = H[|t|]",
       "are defined from each other, but not along one rank in one direction"},
  };
  for (auto &test : cases) {
    Analysed analysed(std::string("kernel k(x[t]: f32) -> y: f32 {\n ") +
                      test.body + " }");
    EXPECT_FALSE(analysed.ok()) << test.body;
    EXPECT_NE(analysed.text().find(test.message), std::string::npos)
        << analysed.text();
  }
}
