//===- TilesTest.cpp - Tile programs of folds, run in this process --------===//

#include "codegen/cpu/CpuModule.h"
#include "codegen/cpu/LowerToLLVM.h"
#include "passes/Lower/TileToVector.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace einfall;

namespace {

/// Attention with grouped queries as a fold: O is 0 and L is -7 for rows
/// without keys. `mask` is a condition on %m, %p and %d = m - p.
std::string attention(StringRef mask, StringRef type = "f32") {
  std::string text = R"(
cascade.kernel @k {
  %Q = cascade.input "Q" [h, p, e] : <TYPE, 3>
  %K = cascade.input "K" [g, m, e] : <TYPE, 3>
  %V = cascade.input "V" [g, m, f] : <TYPE, 3>
  %h = cascade.coord "h" : <int[h]>
  %p = cascade.coord "p" : <int[p]>
  %e = cascade.coord "e" : <int[e]>
  %m = cascade.coord "m" : <int[m]>
  %f = cascade.coord "f" : <int[f]>
  %ng = cascade.extent "g" : <int[]>
  %nh = cascade.extent "h" : <int[]>
  %np = cascade.extent "p" : <int[]>
  %nm = cascade.extent "m" : <int[]>
  %hg = cascade.map mul(%h, %ng) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %g = cascade.map floordiv(%hg, %nh) : (!cascade.field<int[h]>, !cascade.field<int[]>) -> !cascade.field<int[h]>
  %scale = cascade.param "scale" : f32 -> <real[]>
  %d = cascade.map sub(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<int[m, p]>
  MASK
  %q = cascade.read %Q[%h, %p, %e] : <TYPE, 3>, (!cascade.field<int[h]>, !cascade.field<int[p]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, p]>
  %k = cascade.read %K[%g, %m, %e] : <TYPE, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[e]>) -> !cascade.field<real[e, h, m]>
  %v = cascade.read %V[%g, %m, %f] : <TYPE, 3>, (!cascade.field<int[h]>, !cascade.field<int[m]>, !cascade.field<int[f]>) -> !cascade.field<real[f, h, m]>
  %qk = cascade.map mul(%q, %k) : (!cascade.field<real[e, h, p]>, !cascade.field<real[e, h, m]>) -> !cascade.field<real[e, h, m, p]>
  %s0 = cascade.reduce sum over ["e"] %qk : <real[e, h, m, p]> -> <real[h, m, p]>
  %s1 = cascade.map mul(%s0, %scale) : (!cascade.field<real[h, m, p]>, !cascade.field<real[]>) -> !cascade.field<real[h, m, p]>
  %s = cascade.where %s1, %c : <real[h, m, p]>, <bool[m, p]> -> <real[h, m, p]>
  %r:3 = cascade.fold over ["m"] references 1 monoids [max, sum, sum] step {
  ^bb0(%ref: !cascade.field<real[h, p]>):
    %x = cascade.map sub(%s, %ref) : (!cascade.field<real[h, m, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, m, p]>
    %w = cascade.map exp(%x) : (!cascade.field<real[h, m, p]>) -> !cascade.field<real[h, m, p]>
    %wv = cascade.map mul(%w, %v) : (!cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m]>) -> !cascade.field<real[f, h, m, p]>
    cascade.yield %s, %w, %wv : !cascade.field<real[h, m, p]>, !cascade.field<real[h, m, p]>, !cascade.field<real[f, h, m, p]>
  } act {
  ^bb0(%old: !cascade.field<real[h, p]>, %new: !cascade.field<real[h, p]>, %l: !cascade.field<real[h, p]>, %o: !cascade.field<real[f, h, p]>):
    %y = cascade.map sub(%old, %new) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
    %chi = cascade.map exp(%y) : (!cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
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
  %lg = cascade.map log(%r#1) : (!cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
  %lse = cascade.map add(%r#0, %lg) : (!cascade.field<real[h, p]>, !cascade.field<real[h, p]>) -> !cascade.field<real[h, p]>
  %none = cascade.const -7.0 : f64 -> <real[]>
  cascade.output "L" [h, p] : f32 = %lse : <real[h, p]> else %none : !cascade.field<real[]>
})";
  auto replace = [&](StringRef from, StringRef to) {
    for (size_t at; (at = text.find(from)) != std::string::npos;)
      text.replace(at, from.size(), to);
  };
  replace("MASK", mask);
  replace("TYPE", type);
  return text;
}

const char *const kCausal =
    R"(%off = cascade.map sub(%nm, %np) : (!cascade.field<int[]>, !cascade.field<int[]>) -> !cascade.field<int[]>
  %c = cascade.map le(%d, %off) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>)";
/// p - m < 20 and m <= p, or m < 3.
const char *const kWindow = R"(%far = cascade.const -20 : i64 -> <int[]>
  %sink = cascade.const 3 : i64 -> <int[]>
  %c0 = cascade.map gt(%d, %far) : (!cascade.field<int[m, p]>, !cascade.field<int[]>) -> !cascade.field<bool[m, p]>
  %c1 = cascade.map lt(%m, %sink) : (!cascade.field<int[m]>, !cascade.field<int[]>) -> !cascade.field<bool[m]>
  %c2 = cascade.map le(%m, %p) : (!cascade.field<int[m]>, !cascade.field<int[p]>) -> !cascade.field<bool[m, p]>
  %c3 = cascade.map or(%c0, %c1) : (!cascade.field<bool[m, p]>, !cascade.field<bool[m]>) -> !cascade.field<bool[m, p]>
  %c = cascade.map and(%c2, %c3) : (!cascade.field<bool[m, p]>, !cascade.field<bool[m, p]>) -> !cascade.field<bool[m, p]>)";

struct Shape {
  int64_t h, g, p, m, e, f;
};

using Mask = std::function<bool(const Shape &, int64_t p, int64_t m)>;

class Tiles : public ::testing::Test {
protected:
  Tiles() {
    context.loadDialect<cascade::CascadeDialect, arith::ArithDialect,
                        func::FuncDialect, math::MathDialect, scf::SCFDialect,
                        vector::VectorDialect, LLVM::LLVMDialect>();
  }

  void compile(StringRef source, const Shape &shape, bool portable = false) {
    auto module = parseSourceString<ModuleOp>(source, &context);
    ASSERT_TRUE(module);
    cpu::CpuCompileOptions options;
    if (portable)
      options.target = cpu::CpuTarget::portable();
    CpuMachine machine;
    machine.lanes = options.target.lanes();
    machine.registers = options.target.vectorRegisters;
    llvm::StringMap<int64_t> extents;
    extents["e"] = shape.e;
    extents["f"] = shape.f;
    auto kernelOp = *module->getOps<cascade::KernelOp>().begin();
    std::string reason;
    auto plan = planTiles(kernelOp, machine, extents, reason);
    ASSERT_TRUE(plan.has_value()) << reason;
    lowerTilesToVector(kernelOp, *plan, machine);
    kernelOp.erase();
    PassManager pm(&context);
    cpu::addLowerToLLVM(pm);
    ASSERT_TRUE(succeeded(pm.run(*module)));
    auto object = cpu::compileObject(*module, options);
    ASSERT_TRUE(static_cast<bool>(object)) << toString(object.takeError());
    auto loaded = cpu::CpuModule::load(std::move(*object));
    ASSERT_TRUE(static_cast<bool>(loaded)) << toString(loaded.takeError());
    code = std::move(*loaded);
    auto found = code->lookup("k");
    ASSERT_TRUE(static_cast<bool>(found)) << toString(found.takeError());
    kernel = *found;
  }

  void run(const Shape &s, std::vector<float> &q, std::vector<float> &k,
           std::vector<float> &v, std::vector<float> &o, std::vector<float> &l,
           double scale, int64_t spread = 1) {
    const double *params[] = {&scale};
    void *data[] = {q.data(), k.data(), v.data(), o.data(), l.data()};
    int64_t strides[] = {s.p * s.e * spread,
                         s.e * spread,
                         spread,
                         s.m * s.e * spread,
                         s.e * spread,
                         spread,
                         s.m * s.f * spread,
                         s.f * spread,
                         spread,
                         s.p * s.f,
                         s.f,
                         1,
                         s.p,
                         1};
    int64_t extents[] = {s.h, s.p, s.e, s.g, s.m, s.f};
    EinfallCpuArguments arguments{data, strides, extents, params};
    cpu::CpuExecutor executor(2);
    std::vector<char> workspace(executor.workspaceSize(kernel, arguments) + 64,
                                char(0xff));
    auto address = reinterpret_cast<uintptr_t>(workspace.data());
    executor.launch(kernel, arguments,
                    reinterpret_cast<void *>((address + 63) / 64 * 64));
  }

  /// Runs attention on random inputs and compares every row. Keys that no row
  /// sees hold NaN. `spread` is the distance of elements along e and f.
  void check(const Shape &s, const Mask &mask, int64_t spread = 1) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 1);
    auto make = [&](int64_t size) {
      std::vector<float> values(size * spread);
      for (float &value : values)
        value = normal(random);
      return values;
    };
    auto q = make(s.h * s.p * s.e), k = make(s.g * s.m * s.e),
         v = make(s.g * s.m * s.f);
    std::vector<float> o(s.h * s.p * s.f, NAN), l(s.h * s.p, NAN);
    for (int64_t m = 0; m < s.m; ++m) {
      bool seen = false;
      for (int64_t p = 0; p < s.p; ++p)
        seen |= mask(s, p, m);
      for (int64_t g = 0; !seen && g < s.g; ++g) {
        for (int64_t e = 0; e < s.e; ++e)
          k[((g * s.m + m) * s.e + e) * spread] = NAN;
        for (int64_t f = 0; f < s.f; ++f)
          v[((g * s.m + m) * s.f + f) * spread] = NAN;
      }
    }
    double scale = 1.5 / std::sqrt(double(s.e));
    run(s, q, k, v, o, l, scale, spread);
    for (int64_t h = 0; h < s.h; ++h)
      for (int64_t p = 0; p < s.p; ++p) {
        int64_t g = h * s.g / s.h;
        std::vector<double> w(s.m, 0);
        double max = -INFINITY, sum = 0;
        for (int64_t m = 0; m < s.m; ++m) {
          if (!mask(s, p, m))
            continue;
          for (int64_t e = 0; e < s.e; ++e)
            w[m] += double(q[((h * s.p + p) * s.e + e) * spread]) *
                    k[((g * s.m + m) * s.e + e) * spread];
          w[m] *= static_cast<float>(scale);
          max = std::max(max, w[m]);
        }
        for (int64_t m = 0; m < s.m; ++m)
          if (mask(s, p, m))
            sum += std::exp(w[m] - max);
        int64_t row = h * s.p + p;
        double expected = sum > 0 ? max + std::log(sum) : -7;
        ASSERT_NEAR(l[row], expected, 1e-5 * (1 + std::abs(expected)))
            << "h " << h << " p " << p;
        for (int64_t f = 0; f < s.f; ++f) {
          double value = 0;
          for (int64_t m = 0; m < s.m; ++m)
            if (mask(s, p, m))
              value += std::exp(w[m] - max) / sum *
                       v[((g * s.m + m) * s.f + f) * spread];
          ASSERT_NEAR(o[row * s.f + f], value, 1e-5)
              << "h " << h << " p " << p << " f " << f;
        }
      }
  }

  MLIRContext context;
  std::unique_ptr<cpu::CpuModule> code;
  cpu::CpuKernel kernel{};
};

bool everything(const Shape &, int64_t, int64_t) { return true; }
bool causal(const Shape &s, int64_t p, int64_t m) { return m - p <= s.m - s.p; }
bool window(const Shape &, int64_t p, int64_t m) {
  return m <= p && (p - m < 20 || m < 3);
}

/// A condition that holds everywhere and is known to.
const char *const kTrue =
    R"(%c = cascade.map ge(%nm, %nm) : (!cascade.field<int[]>, !cascade.field<int[]>) -> !cascade.field<bool[]>)";

std::string dense(StringRef type = "f32") {
  std::string text = attention(kTrue, type);
  std::string from = "%s1, %c : <real[h, m, p]>, <bool[m, p]>";
  text.replace(text.find(from), from.size(),
               "%s1, %c : <real[h, m, p]>, <bool[]>");
  return text;
}

TEST_F(Tiles, DenseAtOddSizes) {
  Shape shape{4, 2, 1, 1, 33, 17};
  compile(dense(), shape);
  for (int64_t p : {1, 17, 65, 400})
    for (int64_t m : {1, 3, 63, 129, 300}) {
      shape.p = p;
      shape.m = m;
      check(shape, everything);
      if (HasFatalFailure())
        FAIL() << "p " << p << " m " << m;
    }
}

TEST_F(Tiles, CausalWithEmptyRowsAndPoison) {
  Shape shape{2, 1, 1, 1, 64, 64};
  compile(attention(kCausal), shape);
  for (int64_t p : {1, 47, 100, 450})
    for (int64_t m : {1, 17, 97, 200}) {
      shape.p = p;
      shape.m = m;
      check(shape, causal);
      if (HasFatalFailure())
        FAIL() << "p " << p << " m " << m;
    }
}

TEST_F(Tiles, WindowWithSinksSkipsTheGap) {
  Shape shape{2, 2, 300, 310, 16, 32};
  compile(attention(kWindow), shape);
  check(shape, window);
}

TEST_F(Tiles, StridedInputs) {
  Shape shape{2, 2, 70, 90, 24, 40};
  compile(attention(kCausal), shape);
  check(shape, causal, 3);
}

/// Two keys, one with the score 0 and one with -d: O is the weight of the
/// second over the sum, from which the weight follows.
TEST_F(Tiles, WeightsOfDistances) {
  for (bool portable : {false, true}) {
    const int64_t rows = 9000;
    Shape shape{1, 1, rows, 2, 1, 1};
    compile(dense(), shape, portable);
    std::vector<float> q(rows), k{0, 1}, v{0, 1}, o(rows, NAN), l(rows, NAN);
    for (int64_t p = 0; p < rows; ++p)
      q[p] = -87.0f * p / (rows - 4);
    q[rows - 3] = -200;
    q[rows - 2] = -1e30f;
    q[rows - 1] = INFINITY;
    run(shape, q, k, v, o, l, /*scale=*/1);
    for (int64_t p = 0; p < rows - 3; ++p) {
      double d = -double(q[p]), expected = std::exp(-d);
      double weight = double(o[p]) / (1 - double(o[p]));
      // Sum and division add to what LaneMath.cpp states.
      double tolerance = 5.5 * 0x1p-23 + 1.3 * d * 0x1p-24;
      ASSERT_NEAR(weight / expected, 1, tolerance) << "d " << d;
    }
    EXPECT_EQ(o[0], 0.5f);
    EXPECT_EQ(o[rows - 3], 0);
    EXPECT_EQ(o[rows - 2], 0);
    EXPECT_TRUE(std::isnan(o[rows - 1]));
  }
}

TEST_F(Tiles, PortableVectors) {
  Shape shape{2, 1, 100, 131, 40, 24};
  compile(attention(kCausal), shape, /*portable=*/true);
  check(shape, causal);
}

} // namespace
