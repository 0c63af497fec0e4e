//===- LoopsTest.cpp - Kernels as plain loops, run in this process --------===//

#include "Jit.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace einfall;

namespace {

class Loops : public JitTest {
protected:
  Loops() {
    lower = [](PassManager &pm) {
      pm.addPass(createLowerCascadeToLoopsPass());
    };
  }
};

TEST_F(Loops, CausalSoftmaxWithAnEmptyRowAndPoisonedKeys) {
  // Row p sees keys m < p: row 0 sees none, and no row sees the last key, which
  // holds NaN.
  compile(R"(
cascade.kernel @k {
  %S = cascade.input "S" [p, m] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %s0 = cascade.read %S[%p, %m] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[m]>) -> !cascade.field<real[m, p]>
  %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
  %c = cascade.map lt(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
  %x = cascade.reduce max over ["m"] %s : <real[m, p]> -> <real[p]>
  %d = cascade.map sub(%s, %x) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %n = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
  %l = cascade.reduce sum over ["m"] %n : <real[m, p]> -> <real[p]>
  %a = cascade.map div(%n, %l) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
  %av = cascade.map mul(%a, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
  %o = cascade.reduce sum over ["m"] %av : <real[f, m, p]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %o : <real[f, p]>
  %lg = cascade.map log(%l) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
  %lse = cascade.map add(%x, %lg) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
  %none = cascade.const -7.0 : f64 -> <real[]>
  cascade.output "L" [p] : f32 = %lse : <real[p]> else %none : !cascade.field<real[]>
})");
  const int64_t n = 9, width = 3;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> s(n * n), v(n * width), o(n * width, NAN), l(n, NAN);
  for (float &x : s)
    x = normal(random);
  for (float &x : v)
    x = normal(random);
  for (int64_t i = 0; i < n; ++i)
    s[i * n + n - 1] = NAN;
  for (int64_t i = 0; i < width; ++i)
    v[(n - 1) * width + i] = NAN;
  run({s.data(), v.data(), o.data(), l.data()}, {n, 1, width, 1, width, 1, 1},
      {n, n, width});
  EXPECT_EQ(l[0], -7.0f);
  for (int64_t i = 0; i < width; ++i)
    EXPECT_EQ(o[i], 0.0f);
  for (int64_t p = 1; p < n; ++p) {
    double max = -INFINITY, sum = 0;
    for (int64_t m = 0; m < p; ++m)
      max = std::max<double>(max, s[p * n + m]);
    for (int64_t m = 0; m < p; ++m)
      sum += std::exp(s[p * n + m] - max);
    EXPECT_NEAR(l[p], max + std::log(sum), 1e-5);
    for (int64_t i = 0; i < width; ++i) {
      double expected = 0;
      for (int64_t m = 0; m < p; ++m)
        expected += std::exp(s[p * n + m] - max) / sum * v[m * width + i];
      EXPECT_NEAR(o[p * width + i], expected, 1e-5);
    }
  }
}

TEST_F(Loops, ReadsOutsideATensorAndSubstitutionsAreAbsent) {
  // Y[m] = X[m-1] + (X at m+1), with 100 for what does not exist.
  compile(R"(
cascade.kernel @k {
  %X = cascade.input "X" [m] : <f32, 1>
  %m = cascade.coord "m" : <int[m]>
  %one = cascade.const 1 : i64 -> <int[]>
  %hundred = cascade.param "filler" : f32 -> <real[]>
  %left = cascade.map sub(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
  %right = cascade.map add(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<int[m]>
  %a = cascade.read %X[%left] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %b = cascade.at %x ["m"](%right) : <real[m]>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %a1 = cascade.or_else %a, %hundred : <real[m]>, <real[]> -> <real[m]>
  %b1 = cascade.or_else %b, %hundred : <real[m]>, <real[]> -> <real[m]>
  %y = cascade.map add(%a1, %b1) : (!cascade.field<real[m]>, !cascade.field<real[m]>) -> !cascade.field<real[m]>
  cascade.output "Y" [m] : f32 = %y : <real[m]>
})");
  float x[] = {1, 2, 3}, y[] = {NAN, NAN, NAN};
  double filler = 100;
  run({x, y}, {1, 1}, {3}, {&filler});
  EXPECT_EQ(y[0], 102);
  EXPECT_EQ(y[1], 4);
  EXPECT_EQ(y[2], 102);
  // Backwards through memory.
  float backwards[] = {3, 2, 1};
  run({backwards + 2, y}, {-1, 1}, {3}, {&filler});
  EXPECT_EQ(y[1], 4);
}

TEST_F(Loops, EveryMonoid) {
  compile(R"(
cascade.kernel @k {
  %X = cascade.input "X" [m] : <f32, 1>
  %m = cascade.coord "m" : <int[m]>
  %x0 = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  %c = cascade.map ge(%x0, %zero) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<bool[m]>
  %x = cascade.where %x0, %c : <real[m]>, <bool[m]> -> <real[m]>
  %min = cascade.reduce min over ["m"] %x : <real[m]> -> <real[]>
  %arg = cascade.reduce argmax over ["m"] %x : <real[m]> -> <int[]>
  %count = cascade.reduce count over ["m"] %x : <real[m]> -> <int[]>
  %any = cascade.reduce any over ["m"] %c : <bool[m]> -> <bool[]>
  %all = cascade.reduce all over ["m"] %c : <bool[m]> -> <bool[]>
  %first = cascade.reduce first over ["m"] %x : <real[m]> -> <real[]>
  %none = cascade.const -1 : i64 -> <int[]>
  %filler = cascade.const -1.0 : f64 -> <real[]>
  cascade.output "Min" [] : f32 = %min : <real[]> else %filler : !cascade.field<real[]>
  cascade.output "Arg" [] : i32 = %arg : <int[]> else %none : !cascade.field<int[]>
  cascade.output "Count" [] : i32 = %count : <int[]>
  cascade.output "Any" [] : i1 = %any : <bool[]>
  cascade.output "All" [] : i1 = %all : <bool[]>
  cascade.output "First" [] : f32 = %first : <real[]> else %filler : !cascade.field<real[]>
})");
  float min, first;
  int32_t arg, count;
  uint8_t any, all;
  float x[] = {-3, 2, 7, 1, 7, -1};
  run({x, &min, &arg, &count, &any, &all, &first}, {1}, {6});
  EXPECT_EQ(min, 1);
  EXPECT_EQ(arg, 2); // the lower of two equal ones
  EXPECT_EQ(count, 4);
  EXPECT_EQ(any, 1);
  EXPECT_EQ(all, 0);
  EXPECT_EQ(first, 2);
  run({x, &min, &arg, &count, &any, &all, &first}, {1}, {0});
  EXPECT_EQ(min, -1);
  EXPECT_EQ(arg, -1);
  EXPECT_EQ(count, 0);
  EXPECT_EQ(any, 0);
  EXPECT_EQ(all, 1);
  float nan[] = {1, NAN, 5, NAN};
  run({nan, &min, &arg, &count, &any, &all, &first}, {1}, {4});
  EXPECT_EQ(arg, 2); // NaN >= 0 is false: those coordinates do not exist
}

} // namespace
