//===- FoldTest.cpp - Folds are streamed as the operation says ------------===//

#include "Fixture.h"

#include <fstream>
#include <random>
#include <sstream>

using namespace einfall::interpreter;

namespace {
class FoldTest : public InterpreterTest {
protected:
  std::string softmax() {
    std::ifstream file(EINFALL_SOURCE_DIR "/test/dialect/Cascade/softmax.mlir");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void attentionInputs(int64_t p, int64_t m, int64_t e, int64_t f,
                       double spread) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    auto fill = [&](int64_t size, double scale) {
      std::vector<float> values(size);
      for (float &value : values)
        value = static_cast<float>(scale * normal(random));
      return values;
    };
    input("Q", {p, e}, fill(p * e, spread));
    input("K", {m, e}, fill(m * e, spread));
    input("V", {m, f}, fill(m * f, 1));
  }
};

void expectClose(const std::vector<double> &found,
                 const std::vector<double> &expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance) << "at " << i;
}

TEST_F(FoldTest, SoftmaxWrittenAndDerivedAgree) {
  for (double spread : {0.5, 1.0, 30.0}) {
    attentionInputs(65, 70, 5, 9, spread);
    auto written = run(parse(softmax(), "written"), "O");
    auto derived = run(parse(softmax(), "derived"), "O");
    expectClose(derived, written, 1e-12);
  }
}

TEST_F(FoldTest, SoftmaxMatchesPlainLoops) {
  int64_t p = 17, m = 300, e = 3, f = 2;
  attentionInputs(p, m, e, f, 1);
  const float *q = storage[0].data(), *k = storage[1].data(),
              *v = storage[2].data();
  std::vector<double> expected(p * f);
  for (int64_t row = 0; row < p; ++row) {
    double sum = 0, greatest = -inf;
    std::vector<double> scores;
    for (int64_t key = 0; key <= row && key < m; ++key) {
      double score = 0;
      for (int64_t i = 0; i < e; ++i)
        score += static_cast<double>(q[row * e + i]) * k[key * e + i];
      scores.push_back(score);
      greatest = std::max(greatest, score);
    }
    for (size_t key = 0; key < scores.size(); ++key) {
      double weight = std::exp(scores[key] - greatest);
      sum += weight;
      for (int64_t i = 0; i < f; ++i)
        expected[row * f + i] += weight * v[key * f + i];
    }
    for (int64_t i = 0; i < f; ++i)
      expected[row * f + i] /= sum;
  }
  expectClose(run(parse(softmax(), "written"), "O"), expected, 1e-13);
}

TEST_F(FoldTest, SinglePrecisionIsClose) {
  attentionInputs(40, 300, 8, 8, 1);
  auto kernel = parse(softmax(), "derived");
  auto exact = run(kernel, "O");
  auto naive = run(kernel, "O", {Precision::Single});
  expectClose(naive, exact, 1e-5);
  EXPECT_NE(naive, exact);
}

TEST_F(FoldTest, EmptyStreamsGiveTheFinish) {
  attentionInputs(3, 0, 2, 2, 1);
  expectSame(run(parse(softmax(), "written"), "O"), {0, 0, 0, 0, 0, 0});
  expectSame(run(parse(softmax(), "derived"), "O"), {0, 0, 0, 0, 0, 0});
}

/// The order of act and step, by an act that is no identity: t' = 2 t + x.
TEST_F(FoldTest, ActBeforeEachStep) {
  input("X", {4}, {1, 2, 3, 4});
  expectSame(run(R"mlir(
    %X = cascade.input "X" [m] : <f32, 1>
    %m = cascade.coord "m" : <int[m]>
    %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %r = cascade.fold over ["m"] references 0 monoids [sum] step {
      cascade.yield %x : !cascade.field<real[m]>
    } act {
    ^bb0(%t: !cascade.field<real[]>):
      %two = cascade.map add(%t, %t) : (!cascade.field<real[]>, !cascade.field<real[]>) -> !cascade.field<real[]>
      cascade.yield %two : !cascade.field<real[]>
    } : !cascade.field<real[]>
    cascade.output "Y" [] : f32 = %r : <real[]>
  )mlir"),
             {1 * 8 + 2 * 4 + 3 * 2 + 4});
}

/// Accumulators are stored relative to the newest reference, and act sees the
/// old and the new one: t' = t + (new - old), entering x - new.
TEST_F(FoldTest, ReferencesOldAndNew) {
  input("X", {4}, {1, 5, 2, 7});
  expectSame(run(R"mlir(
    %X = cascade.input "X" [m] : <f32, 1>
    %m = cascade.coord "m" : <int[m]>
    %x = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %r:2 = cascade.fold over ["m"] references 1 monoids [max, sum] step {
    ^bb0(%ref: !cascade.field<real[]>):
      %d = cascade.map sub(%x, %ref) : (!cascade.field<real[m]>, !cascade.field<real[]>) -> !cascade.field<real[m]>
      cascade.yield %x, %d : !cascade.field<real[m]>, !cascade.field<real[m]>
    } act {
    ^bb0(%old: !cascade.field<real[]>, %new: !cascade.field<real[]>, %t: !cascade.field<real[]>):
      %d = cascade.map sub(%new, %old) : (!cascade.field<real[]>, !cascade.field<real[]>) -> !cascade.field<real[]>
      %s = cascade.map add(%t, %d) : (!cascade.field<real[]>, !cascade.field<real[]>) -> !cascade.field<real[]>
      cascade.yield %s : !cascade.field<real[]>
    } : !cascade.field<real[]>, !cascade.field<real[]>
    cascade.output "R" [] : f32 = %r#0 : <real[]>
    cascade.output "Y" [] : f32 = %r#1 : <real[]>
  )mlir"),
             {0 + 4 + 0 - 3 + 2}); // steps: 0; +4, 0; +0, -3; +2, 0
}

/// A state that a region reduces is held whole: t'[k] = sum_j t[j] + x[m, k].
TEST_F(FoldTest, ActMayReduceTheState) {
  input("X", {2, 2}, {1, 2, 10, 20});
  expectSame(run(R"mlir(
    %X = cascade.input "X" [m, k] : <f32, 2>
    %m = cascade.coord "m" : <int[m]>
    %k = cascade.coord "k" : <int[k]>
    %x = cascade.read %X[%m, %k] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[k]>) -> !cascade.field<real[k, m]>
    %r = cascade.fold over ["m"] references 0 monoids [sum] step {
      cascade.yield %x : !cascade.field<real[k, m]>
    } act {
    ^bb0(%t: !cascade.field<real[k]>):
      %all = cascade.reduce sum over ["k"] %t : <real[k]> -> <real[]>
      %zero = cascade.map sub(%t, %t) : (!cascade.field<real[k]>, !cascade.field<real[k]>) -> !cascade.field<real[k]>
      %s = cascade.map add(%zero, %all) : (!cascade.field<real[k]>, !cascade.field<real[]>) -> !cascade.field<real[k]>
      cascade.yield %s : !cascade.field<real[k]>
    } : !cascade.field<real[k]>
    cascade.output "Y" [k] : f32 = %r : <real[k]>
  )mlir"),
             {3 + 10, 3 + 20});
}

TEST_F(FoldTest, EveryMonoid) {
  input("X", {4}, {1, 5, 5, 2});
  std::string body = R"mlir(
    %X = cascade.input "X" [m] : <f32, 1>
    %m = cascade.coord "m" : <int[m]>
    %x0 = cascade.read %X[%m] : <f32, 1>, (!cascade.field<int[m]>) -> !cascade.field<real[m]>
    %one = cascade.const 1 : i64 -> <int[]>
    %c = cascade.map ge(%m, %one) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
    %x = cascade.where %x0, %c : <real[m]>, <bool[m]> -> <real[m]>
    %r:6 = cascade.fold over ["m"] references 0 monoids [max, min, count, argmax, first, any] step {
      cascade.yield %x, %x, %x, %x, %x, %c : !cascade.field<real[m]>, !cascade.field<real[m]>, !cascade.field<real[m]>, !cascade.field<real[m]>, !cascade.field<real[m]>, !cascade.field<bool[m]>
    } act {
    ^bb0(%a: !cascade.field<real[]>, %b: !cascade.field<real[]>, %d: !cascade.field<int[]>, %e: !cascade.field<int[]>, %f: !cascade.field<real[]>, %g: !cascade.field<bool[]>):
      cascade.yield %a, %b, %d, %e, %f, %g : !cascade.field<real[]>, !cascade.field<real[]>, !cascade.field<int[]>, !cascade.field<int[]>, !cascade.field<real[]>, !cascade.field<bool[]>
    } : !cascade.field<real[]>, !cascade.field<real[]>, !cascade.field<int[]>, !cascade.field<int[]>, !cascade.field<real[]>, !cascade.field<bool[]>
    cascade.output "Max" [] : f32 = %r#0 : <real[]>
    cascade.output "Min" [] : f32 = %r#1 : <real[]>
    cascade.output "Count" [] : i32 = %r#2 : <int[]>
    cascade.output "Arg" [] : i32 = %r#3 : <int[]>
    cascade.output "First" [] : f32 = %r#4 : <real[]>
    cascade.output "Any" [] : i1 = %r#5 : <bool[]>
  )mlir";
  expectSame(run(body, "Max"), {5});
  expectSame(run(body, "Min"), {2});
  expectSame(run(body, "Count"), {3});
  expectSame(run(body, "Arg"), {1});
  expectSame(run(body, "First"), {5});
  expectSame(run(body, "Any"), {1});
}
} // namespace
