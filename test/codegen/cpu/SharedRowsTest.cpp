//===- SharedRowsTest.cpp - Rows that read the same keys, run here --------===//

#include "Jit.h"

#include <cmath>
#include <numeric>
#include <random>

using namespace einfall;

namespace {

/// Grouped queries after derivation: heads h read key head h * |g| / |h|, and
/// see as many keys as N says. %bound holds what is compared with N.
constexpr const char *grouped = R"(
cascade.kernel @k {
  %Q = cascade.input "Q" [h, p, e] : <f32, 3>
  %K = cascade.input "K" [g, m, e] : <f32, 3>
  %V = cascade.input "V" [g, m, f] : <f32, 3>
  %N = cascade.input "N" [h, p] : <i32, 2>
  %h = cascade.coord "h" : <int[h]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %eg = cascade.extent "g" : <int[]>
  %eh = cascade.extent "h" : <int[]>
  %hg = cascade.map mul(%h, %eg) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %g = cascade.map floordiv(%hg, %eh) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %q = cascade.read %Q[%h, %p, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, p]>
  %n = cascade.read %N[%h, %p] : <i32, 2>, (!cascade.field<int[h]>, !cascade.field<int[p]>) -> !cascade.field<int[h, p]>
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[h, p]>):
    %k = cascade.read %K[%g, %m, %e] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, m]>
    %v = cascade.read %V[%g, %m, %f] : <f32, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, h, m]>
    %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, h, p]>, !cascade.field<real[e, h, m]>) -> !cascade.field<real[e, h, m, p]>
    %s0 = cascade.reduce sum over ["e"] %qk : <real[e, h, m, p]> -> <real[h, m, p]>
    %c = cascade.map lt(%m, %n) : (!cascade.field<int[m]>, !cascade.field<int[h, p]>) -> !cascade.field<bool[h, m, p]>
    %s = cascade.where %s0, %c : <real[h, m, p]>, <bool[h, m, p]> -> <real[h, m, p]>
    %d = cascade.map sub(%s, %ref) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
    %w = cascade.map exp(%d) : (!cascade.field<real[h, m, p]>) -> !cascade.field<real[h, m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m]>) -> !cascade.field<real[f, h, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[h, m, p]>, !cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m, p]>
  } act {
  ^bb0(%old: !cascade.field<real[h, p]>, %new: !cascade.field<real[h, p]>, %l: !cascade.field<real[h, p]>, %o: !cascade.field<real[f, h, p]>):
    %d = cascade.map sub(%old, %new) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %chi = cascade.map exp(%d) : (!cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %l2 = cascade.map mul(%l, %chi) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %o2 = cascade.map mul(%o, %chi) : (!cascade.field<real[f, h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[f, h, p]>
    cascade.yield %l2, %o2 : !cascade.field<real[h, p]>, !cascade.field<real[f, h, p]>
  } : !cascade.field<real[h, p]>, !cascade.field<real[h, p]>, !cascade.field<real[f, h, p]>
  %some = cascade.present %r#0 : <real[h, p]> -> <bool[h, p]>
  %quot = cascade.map div(%r#2, %r#1) : (!cascade.field<real[f, h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[f, h, p]>
  %there = cascade.where %quot, %some : <real[f, h, p]>, <bool[h, p]> -> <real[f, h, p]>
  %zero = cascade.const 0.0 : f64 -> <real[]>
  %out = cascade.or_else %there, %zero : <real[f, h, p]>, <real[]> -> <real[f, h, p]>
  cascade.output "O" [h, p, f] : f32 = %out : <real[f, h, p]>
}
)";

/// An array in memory: every element at its place, NaN between them.
struct Laid {
  std::vector<float> memory;
  std::vector<int64_t> strides;
  float *origin;

  Laid(const std::vector<float> &dense, const std::array<int64_t, 3> &extents,
       const std::array<int64_t, 3> &strides)
      : strides(strides.begin(), strides.end()) {
    int64_t low = 0, high = 0;
    for (int i = 0; i < 3; ++i) {
      int64_t reach = strides[i] * std::max<int64_t>(extents[i] - 1, 0);
      (reach < 0 ? low : high) += reach;
    }
    memory.assign(high - low + 1, NAN);
    origin = memory.data() - low;
    for (int64_t i = 0, n = 0; i < extents[0]; ++i)
      for (int64_t j = 0; j < extents[1]; ++j)
        for (int64_t k = 0; k < extents[2]; ++k)
          origin[i * strides[0] + j * strides[1] + k * strides[2]] = dense[n++];
  }
};

struct Problem {
  int64_t h, g, p, m, e, f;
  std::vector<float> q, k, v, o;
  std::vector<int32_t> n; ///< by head and query

  Problem(int64_t h, int64_t g, int64_t p, int64_t m, int64_t e = 24,
          int64_t f = 40)
      : h(h), g(g), p(p), m(m), e(e), f(f), q(h * p * e), k(g * m * e),
        v(g * m * f), o(h * p * f, NAN), n(h * p, static_cast<int32_t>(m)) {
    std::mt19937 random(static_cast<unsigned>(h + 31 * g + 7 * p + m));
    std::normal_distribution<float> normal;
    for (auto *array : {&q, &k, &v})
      for (float &x : *array)
        x = normal(random);
  }

  /// The largest error against a double evaluation of the cascade as written.
  double error() {
    double worst = 0;
    for (int64_t i = 0; i < h * p; ++i) {
      int64_t head = i / p * g / h;
      std::vector<double> s;
      double max = -INFINITY, sum = 0;
      for (int64_t j = 0; j < std::min<int64_t>(n[i], m); ++j) {
        double score = 0;
        for (int64_t x = 0; x < e; ++x)
          score += double(q[i * e + x]) * k[(head * m + j) * e + x];
        s.push_back(score);
        max = std::max(max, score);
      }
      for (double score : s)
        sum += std::exp(score - max);
      for (int64_t x = 0; x < f; ++x) {
        double expected = 0;
        for (size_t j = 0; j < s.size(); ++j)
          expected += std::exp(s[j] - max) / sum * v[(head * m + j) * f + x];
        double difference = std::abs(o[i * f + x] - expected);
        if (!(difference <= worst)) // NaN counts
          worst = difference;
      }
    }
    return worst;
  }
};

constexpr double tolerance = 4e-6; // as in RowsTest.cpp

class SharedRows : public JitTest {
protected:
  /// Compiles for these extents, or for any.
  void compileFor(
      std::initializer_list<std::pair<llvm::StringRef, int64_t>> extents = {}) {
    FoldToRowsOptions rows;
    rows.lanes = options.target.lanes();
    rows.registers = options.target.vectorRegisters;
    for (auto [rank, extent] : extents)
      rows.extents[rank] = extent;
    lower = [rows](mlir::PassManager &pm) {
      pm.addPass(createLowerFoldToRowsPass(rows));
    };
    compile(grouped);
  }

  /// Runs with keys and values that lie as given, and returns the error.
  double run(Problem &x, const std::array<int64_t, 3> &keys,
             const std::array<int64_t, 3> &values) {
    SCOPED_TRACE(::testing::Message()
                 << x.h << " " << x.g << " " << x.p << " " << x.m);
    Laid k(x.k, {x.g, x.m, x.e}, keys), v(x.v, {x.g, x.m, x.f}, values);
    std::vector<int64_t> strides{x.p * x.e, x.e, 1};
    strides.insert(strides.end(), keys.begin(), keys.end());
    strides.insert(strides.end(), values.begin(), values.end());
    strides.insert(strides.end(), {x.p, 1, x.p * x.f, x.f, 1});
    JitTest::run({x.q.data(), k.origin, v.origin, x.n.data(), x.o.data()},
                 strides, {x.h, x.p, x.e, x.g, x.m, x.f});
    return x.error();
  }
  double run(Problem &x) {
    return run(x, {x.m * x.e, x.e, 1}, {x.m * x.f, x.f, 1});
  }
};

TEST_F(SharedRows, AnyCounts) {
  compileFor();
  for (auto [h, g, p, m] :
       std::vector<std::array<int64_t, 4>>{{8, 2, 1, 100},
                                           {6, 2, 1, 65},
                                           {5, 5, 1, 33},
                                           {7, 1, 1, 129},
                                           {6, 2, 3, 64},
                                           {5, 2, 1, 47}, // runs of 3 and 2
                                           {3, 7, 2, 20}, // key heads unread
                                           {1, 1, 70, 50},
                                           {64, 1, 3, 17},
                                           {4, 1, 1, 1},
                                           {4, 2, 3, 0},
                                           {4, 2, 0, 16}}) {
    Problem problem(h, g, p, m);
    EXPECT_LE(run(problem), tolerance) << h << " " << g << " " << p << " " << m;
  }
}

TEST_F(SharedRows, CompiledForCountsThatMayBeOthers) {
  // Eight rows and seven rows in registers; both kernels take other counts.
  for (int64_t heads : {16, 14}) {
    compileFor({{"h", heads}, {"g", 2}, {"p", 1}});
    for (auto [h, g, p, m] : std::vector<std::array<int64_t, 4>>{
             {heads, 2, 1, 300}, {9, 1, 1, 40}, {5, 2, 3, 40}, {2, 2, 1, 40}}) {
      Problem problem(h, g, p, m);
      EXPECT_LE(run(problem), tolerance) << heads << ": " << h << " " << g;
    }
  }
}

TEST_F(SharedRows, RowsOfABlockSeeDifferentKeys) {
  compileFor();
  Problem problem(8, 2, 2, 200);
  // Some see nothing, some one key, some all; nobody sees the last ten keys.
  for (size_t i = 0; i < problem.n.size(); ++i)
    problem.n[i] = static_cast<int32_t>(std::min<size_t>(i * i, 190));
  for (int64_t head = 0; head < 2; ++head)
    for (int64_t j = 190; j < 200; ++j) {
      for (int64_t x = 0; x < problem.e; ++x)
        problem.k[(head * 200 + j) * problem.e + x] = NAN;
      for (int64_t x = 0; x < problem.f; ++x)
        problem.v[(head * 200 + j) * problem.f + x] = NAN;
    }
  EXPECT_LE(run(problem), tolerance);
}

TEST_F(SharedRows, SplitsMergeWhereverTheGreatestScoreLies) {
  compileFor();
  // Two blocks of four heads, and 3000 keys in six splits. Scores grow along
  // the keys for even heads and fall for odd ones.
  Problem problem(8, 2, 1, 3000, 4, 16);
  for (int64_t x = 0; x < 4; ++x) {
    for (int64_t i = 0; i < 8; ++i)
      problem.q[i * 4 + x] = i % 2 ? -1.0f : 1.0f;
    for (int64_t j = 0; j < 6000; ++j)
      problem.k[j * 4 + x] = static_cast<float>(j % 3000) / 2000;
  }
  EXPECT_LE(run(problem), tolerance);
}

TEST_F(SharedRows, RowsTakeTurns) {
  compileFor({{"h", 32}, {"g", 2}, {"p", 1}});
  // Sixteen heads of a group, eight in registers; several turns of keys, the
  // last of them short.
  Problem problem(32, 2, 1, 700, 16, 16);
  EXPECT_LE(run(problem), tolerance);
}

TEST_F(SharedRows, AnyStrides) {
  compileFor();
  const int64_t h = 6, g = 2, p = 2, m = 70, e = 24, f = 40;
  using Strides = std::array<int64_t, 3>;
  for (auto [keys, values] :
       std::vector<std::pair<Strides, Strides>>{{{e, g * e, 1},
                                                 {f, g * f, 1}}, // keys first
                                                {{m * e, 1, m},
                                                 {m * f, 1, m}}, // transposed
                                                {{-m * e, -e, 1},
                                                 {m * f, -f, 1}}, // backwards
                                                {{m * e * 3, e * 3, 3},
                                                 {m * f * 2, f * 2, 2}}, // gaps
                                                {{m * e, e, -1},
                                                 {m * f, f, -1}}, // reversed
                                                {{m * (e + 5), e + 5, 1},
                                                 {m * (f + 3), f + 3,
                                                  1}}}) // padded rows
  {
    Problem problem(h, g, p, m, e, f);
    EXPECT_LE(run(problem, keys, values), tolerance)
        << keys[0] << " " << keys[1];
  }
  // One key head stands for both.
  Problem problem(h, g, p, m, e, f);
  std::copy_n(problem.k.begin(), m * e, problem.k.begin() + m * e);
  std::copy_n(problem.v.begin(), m * f, problem.v.begin() + m * f);
  EXPECT_LE(run(problem, {0, e, 1}, {0, f, 1}), tolerance);
}

TEST_F(SharedRows, PortableVectors) {
  options.target = cpu::CpuTarget::portable();
  compileFor({{"h", 12}, {"g", 2}, {"p", 1}});
  Problem problem(12, 2, 1, 150);
  EXPECT_LE(run(problem), tolerance);
}

} // namespace
