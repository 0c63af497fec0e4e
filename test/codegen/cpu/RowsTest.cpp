//===- RowsTest.cpp - Few rows and a long stream, run in this process -----===//

#include "Jit.h"

#include <cmath>
#include <random>

using namespace einfall;

namespace {

/// Causal softmax attention after derivation.
constexpr const char *attention = R"(
cascade.kernel @k {
  %Q = cascade.input "Q" [p, e] : <f32, 2>
  %K = cascade.input "K" [m, e] : <f32, 2>
  %V = cascade.input "V" [m, f] : <f32, 2>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  // CHECK: cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[p]>):
    %q = cascade.read %Q[%p, %e] : <f32, 2>, (!cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, p]>
    %k = cascade.read %K[%m, %e] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, m]>
    %v = cascade.read %V[%m, %f] : <f32, 2>, (!cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, m]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, p]>, !cascade.field<real[e, m]>) -> !cascade.field<real[e, m, p]>
    %s0 = cascade.reduce sum over ["e"] %qk : <real[e, m, p]> -> <real[m, p]>
    %c = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
    %s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> <real[m, p]>
    %d = cascade.map sub(%s, %ref) : (!cascade.field<real[m, p]>, !cascade.field<real[p]>) -> !cascade.field<real[m, p]>
    %w = cascade.map exp(%d) : (!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[m, p]>, !cascade.field<real[f, m]>) -> !cascade.field<real[f, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[m, p]>, !cascade.field<real[m, p]>, !cascade.field<real[f, m, p]>
  // CHECK: } act {
  } act {
  ^bb0(%old: !cascade.field<real[p]>, %new: !cascade.field<real[p]>, %l: !cascade.field<real[p]>, %o: !cascade.field<real[f, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %chi = cascade.map exp(%d) : (!cascade.field<real[p]>) -> !cascade.field<real[p]>
    %l2 = cascade.map mul(%l, %chi) : (!cascade.field<real[p]>, !cascade.field<real[p]>) -> !cascade.field<real[p]>
    %o2 = cascade.map mul(%o, %chi) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[p]>, !cascade.field<real[f, p]>
  } : !cascade.field<real[p]>, !cascade.field<real[p]>, !cascade.field<real[f, p]>
  // A row without keys: its sum is 0 as written, so the quotient must not be.
  %some = cascade.present %r#0 : <real[p]> -> <bool[p]>
  %quot = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, p]>, !cascade.field<real[p]>) -> !cascade.field<real[f, p]>
  %there = cascade.where %quot, %some : <real[f, p]>, <bool[p]> -> <real[f, p]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  %out = cascade.or_else %there, %zero : <real[f, p]>, <real[]> -> <real[f, p]>
  cascade.output "O" [p, f] : f32 = %out : <real[f, p]>
}
)";

class Rows : public JitTest {
protected:
  Rows() {
    lower = [](mlir::PassManager &pm) {
      pm.addPass(createLowerFoldToRowsPass({16}));
    };
  }
};

struct Problem {
  int64_t p, m, e, f;
  std::vector<float> q, k, v, o;
  bool causal = true; ///< row i sees the keys up to i; else all

  Problem(int64_t p, int64_t m, int64_t e, int64_t f)
      : p(p), m(m), e(e), f(f), q(p * e), k(m * e), v(m * f), o(p * f, NAN) {
    std::mt19937 random(static_cast<unsigned>(p + 31 * m + 7 * e + f));
    std::normal_distribution<float> normal;
    for (auto *array : {&q, &k, &v})
      for (float &x : *array)
        x = normal(random);
  }

  /// The largest error against a double evaluation of the cascade as written.
  double error() {
    double worst = 0;
    for (int64_t i = 0; i < p; ++i) {
      std::vector<double> s;
      double max = -INFINITY, sum = 0;
      for (int64_t j = 0; j < (causal ? std::min(i + 1, m) : m); ++j) {
        double score = 0;
        for (int64_t x = 0; x < e; ++x)
          score += double(q[i * e + x]) * k[j * e + x];
        s.push_back(score);
        max = std::max(max, score);
      }
      for (double score : s)
        sum += std::exp(score - max);
      for (int64_t x = 0; x < f; ++x) {
        double expected = 0;
        for (size_t j = 0; j < s.size(); ++j)
          expected += std::exp(s[j] - max) / sum * v[j * f + x];
        double difference = std::abs(o[i * f + x] - expected);
        if (!(difference <= worst)) // NaN counts
          worst = difference;
      }
    }
    return worst;
  }
};

/// Values are of order one; a row of 1500 exponentials may lose a few units in
/// the last place of f32 (6e-8 each) more than a row of one.
constexpr double tolerance = 4e-6;

TEST_F(Rows, AttentionAtOddSizes) {
  compile(attention);
  for (auto [p, m, e, f] :
       std::vector<std::array<int64_t, 4>>{{1, 1, 1, 1},
                                           {3, 17, 16, 16},
                                           {17, 17, 5, 33},
                                           {40, 65, 64, 64},
                                           {1500, 1500, 8, 3},
                                           {5, 0, 4, 4},
                                           {2, 129, 24, 80}}) {
    SCOPED_TRACE(::testing::Message() << p << " " << m << " " << e << " " << f);
    Problem problem(p, m, e, f);
    run({problem.q.data(), problem.k.data(), problem.v.data(),
         problem.o.data()},
        {e, 1, e, 1, f, 1, f, 1}, {p, e, m, f});
    EXPECT_LE(problem.error(), tolerance);
  }
}

TEST_F(Rows, KeysThatDoNotExistMayHoldAnything) {
  compile(attention);
  Problem problem(20, 60, 32, 32);
  // Rows see keys up to their own number: those from 20 on do not exist.
  for (int64_t j = 20; j < 60; ++j)
    for (int64_t x = 0; x < 32; ++x)
      problem.k[j * 32 + x] = problem.v[j * 32 + x] = NAN;
  for (int64_t x = 0; x < 32; ++x)
    problem.v[19 * 32 + x] = INFINITY; // seen by row 19 alone
  run({problem.q.data(), problem.k.data(), problem.v.data(), problem.o.data()},
      {32, 1, 32, 1, 32, 1, 32, 1}, {20, 32, 60, 32});
  for (int64_t i = 0; i < 19 * 32; ++i)
    EXPECT_TRUE(std::isfinite(problem.o[i]));
  for (int64_t x = 0; x < 32; ++x) {
    EXPECT_EQ(problem.o[19 * 32 + x], INFINITY);
    problem.v[19 * 32 + x] = 0;
  }
}

TEST_F(Rows, SplitsMergeWhereverTheGreatestScoreLies) {
  // Two rows and 3000 keys make six splits of each row. The greatest score lies
  // in the first split of one row and in the last of the other, and every split
  // has a reference of its own.
  std::string source = attention;
  std::string_view mask = "%s = cascade.where %s0, %c : <real[m, p]>, "
                          "<bool[m, p]> -> <real[m, p]>";
  size_t at = source.find(mask);
  ASSERT_NE(at, std::string::npos);
  source.replace(at, mask.size(),
                 "%zero = cascade.const 0.0 : f64 -> <real[]>\n"
                 "%s = cascade.map add(%s0, %zero) : (!cascade.field<real[m, "
                 "p]>, !cascade.field<real[]>) -> !cascade.field<real[m, p]>");
  compile(source);
  const int64_t p = 2, m = 3000, e = 4, f = 16;
  Problem problem(p, m, e, f);
  problem.causal = false;
  for (int64_t x = 0; x < e; ++x) {
    problem.q[x] = 1;
    problem.q[e + x] = -1;
    for (int64_t j = 0; j < m; ++j)
      problem.k[j * e + x] = static_cast<float>(j) / 2000;
  }
  run({problem.q.data(), problem.k.data(), problem.v.data(), problem.o.data()},
      {e, 1, e, 1, f, 1, f, 1}, {p, e, m, f});
  EXPECT_LE(problem.error(), tolerance);
}

TEST_F(Rows, ABiasOfAnyStrideBesideDenseKeys) {
  // Every row sees every key, and a bias that is stored with rows innermost.
  std::string source = attention;
  auto replace = [&](std::string_view from, std::string_view to) {
    size_t at = source.find(from);
    ASSERT_NE(at, std::string::npos);
    source.replace(at, from.size(), to);
  };
  replace("  %p = cascade.coord",
          "  %B = cascade.input \"B\" [p, m] : <f32, 2>\n"
          "  %p = cascade.coord");
  replace("%s = cascade.where %s0, %c : <real[m, p]>, <bool[m, p]> -> "
          "<real[m, p]>",
          "%bias = cascade.read %B[%p, %m] : <f32, 2>, "
          "(!cascade.field<int[p]>, !cascade.field<int[m]>) -> "
          "!cascade.field<real[m, p]>\n"
          "%s = cascade.map add(%s0, %bias) : (!cascade.field<real[m, p]>, "
          "!cascade.field<real[m, p]>) -> !cascade.field<real[m, p]>");
  compile(source);
  const int64_t p = 3, m = 50, e = 16, f = 16;
  Problem problem(p, m, e, f);
  // The bias hides what causal masking would hide.
  std::vector<float> bias(m * p);
  for (int64_t j = 0; j < m; ++j)
    for (int64_t i = 0; i < p; ++i)
      bias[j * p + i] = j <= i ? 0 : -1e30f;
  run({problem.q.data(), problem.k.data(), problem.v.data(), bias.data(),
       problem.o.data()},
      {e, 1, e, 1, f, 1, 1, p, f, 1}, {p, e, m, f});
  EXPECT_LE(problem.error(), tolerance);
}

TEST_F(Rows, PortableVectors) {
  options.target = cpu::CpuTarget::portable();
  unsigned lanes = options.target.lanes();
  lower = [lanes](mlir::PassManager &pm) {
    pm.addPass(createLowerFoldToRowsPass({lanes}));
  };
  compile(attention);
  for (auto [p, m, e, f] : std::vector<std::array<int64_t, 4>>{
           {3, 17, 16, 16}, {40, 65, 13, 64}, {2, 1500, 8, 3}}) {
    SCOPED_TRACE(::testing::Message() << p << " " << m << " " << e << " " << f);
    Problem problem(p, m, e, f);
    run({problem.q.data(), problem.k.data(), problem.v.data(),
         problem.o.data()},
        {e, 1, e, 1, f, 1, f, 1}, {p, e, m, f});
    EXPECT_LE(problem.error(), tolerance);
  }
}

TEST_F(Rows, AnyStrides) {
  compile(attention);
  const int64_t p = 4, m = 37, e = 20, f = 19;
  Problem dense(p, m, e, f);
  // K transposed, V with gaps that hold NaN, Q backwards.
  std::vector<float> k(m * e), v(m * f * 3, NAN), q(p * e);
  for (int64_t j = 0; j < m; ++j) {
    for (int64_t x = 0; x < e; ++x)
      k[x * m + j] = dense.k[j * e + x];
    for (int64_t x = 0; x < f; ++x)
      v[(j * f + x) * 3] = dense.v[j * f + x];
  }
  for (int64_t i = 0; i < p * e; ++i)
    q[p * e - 1 - i] = dense.q[i];
  run({q.data() + p * e - 1, k.data(), v.data(), dense.o.data()},
      {-e, -1, 1, m, 3 * f, 3, f, 1}, {p, e, m, f});
  EXPECT_LE(dense.error(), tolerance);
}

} // namespace
