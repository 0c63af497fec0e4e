//===- FunctionsTest.cpp - Functions of threads against double precision --===//
//
// Every function runs on the emulated device at bit patterns spread over all
// f32, and where it is hardest. Errors are in units in the last place of the
// exact result (of 2^-126 below the normal range).
//
//===----------------------------------------------------------------------===//

#include "codegen/emulated/DeviceToImage.h"
#include "passes/Lower/Threads/DeviceFunctions.h"
#include "runtime/devices/emulated/Emulator.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <functional>
#include <random>

using namespace mlir;
using namespace einfall;
using cascade::Function;

namespace {

/// Stores f(x[i], y[i]) to z[i]; the subtraction stands for f.
const char *program = R"(
device.kernel @test target "sm_80" threads 256 shared 0
    parameters ["x", "y", "z", "n"] grid {
^bb0(%x: i64, %y: i64, %z: i64, %n: i64):
  %one = arith.constant 1 : i64
  %threads = arith.constant 256 : i64
  %blocks = arith.ceildivui %n, %threads : i64
  device.launch %blocks, %one, %one
} body {
^bb0(%x: i64, %y: i64, %z: i64, %n: i64):
  %t = device.thread
  %b = device.block x
  %threads = arith.constant 256 : i32
  %before = arith.muli %b, %threads : i32
  %number = arith.addi %before, %t : i32
  %i = arith.extui %number : i32 to i64
  %four = arith.constant 4 : i64
  %o = arith.muli %i, %four : i64
  %exists = arith.cmpi slt, %i, %n : i64
  scf.if %exists {
    %p = device.load global %x[%o : i64] : i64 -> f32
    %q = device.load global %y[%o : i64] : i64 -> f32
    %r = arith.subf %p, %q : f32
    device.store global %r, %z[%o : i64] : i64, f32
  }
  device.return
}
)";

std::vector<float> runFunction(Function function, std::vector<float> x,
                               std::vector<float> y) {
  MLIRContext context;
  context.disableMultithreading();
  context.loadDialect<device::DeviceDialect, arith::ArithDialect,
                      scf::SCFDialect, vector::VectorDialect>();
  auto module = parseSourceString<ModuleOp>(program, &context);
  if (!module) {
    ADD_FAILURE() << "cannot parse";
    return {};
  }
  auto kernel = *module->getOps<device::KernelOp>().begin();
  kernel.getBody().walk([&](arith::SubFOp place) {
    OpBuilder builder(place);
    Value result = DeviceFunctions(builder, place.getLoc())
                       .apply(function, {place.getLhs(), place.getRhs()});
    place.replaceAllUsesWith(result);
    place.erase();
    return WalkResult::interrupt();
  });
  auto made = translateToImage(kernel);
  std::string error;
  auto image = succeeded(made) ? emulated::DeviceImage::make(*made, error)
                               : std::nullopt;
  if (!image) {
    ADD_FAILURE() << "no image: " << error;
    return {};
  }
  std::vector<float> z(x.size());
  emulated::Launch launch;
  launch.image = &*image;
  size_t bytes = x.size() * sizeof(float);
  launch.buffers = {{x.data(), bytes, false, "x"},
                    {y.data(), bytes, false, "y"},
                    {z.data(), bytes, true, "z"}};
  for (auto *data : {x.data(), y.data(), z.data()})
    launch.arguments.push_back(reinterpret_cast<uintptr_t>(data));
  launch.arguments.push_back(x.size());
  emulated::Report report = emulated::run(launch);
  EXPECT_TRUE(report.ok) << report.str();
  return z;
}

/// The distance of f32 numbers next to `value`.
double unitOf(double value) {
  if (std::abs(value) < 0x1p-126)
    return 0x1p-149;
  return std::ldexp(1.0, std::max(std::ilogb(value), -126) - 23);
}

struct Worst {
  double error = 0;
  float x = 0, y = 0, found = 0;
  double exact = 0;
};

using Exact = std::function<double(double, double)>;

/// The greatest error where both are finite; elsewhere they must agree.
/// `flushes`: results below the normal range may be 0.
Worst check(Function function, const Exact &exact, const std::vector<float> &x,
            std::vector<float> y = {}, bool flushes = false) {
  if (y.empty())
    y.assign(x.size(), 0);
  std::vector<float> found = runFunction(function, x, y);
  Worst worst;
  for (size_t i = 0; i < found.size(); ++i) {
    double expected = exact(x[i], y[i]);
    auto say = [&] {
      return "at " + std::to_string(x[i]) + ", " + std::to_string(y[i]);
    };
    if (std::isnan(expected) || std::isinf(expected)) {
      EXPECT_EQ(std::isnan(expected), std::isnan(found[i])) << say();
      if (std::isinf(expected)) {
        EXPECT_EQ(found[i], float(expected)) << say();
      }
      continue;
    }
    if (std::abs(expected) > 0x1.ffffffp127) {
      EXPECT_TRUE(std::abs(found[i]) > 0x1.fffff0p127f) << say();
      continue;
    }
    if (flushes && std::abs(expected) < 0x1p-125 && found[i] == 0)
      continue;
    double error = std::abs(found[i] - expected) / unitOf(expected);
    if (error > worst.error)
      worst = {error, x[i], y[i], found[i], expected};
  }
  return worst;
}

#define EXPECT_ERROR_BELOW(worst, limit)                                       \
  do {                                                                         \
    Worst w = worst;                                                           \
    EXPECT_LT(w.error, limit) << "at " << w.x << ", " << w.y << ": found "     \
                              << w.found << ", exactly " << w.exact;           \
    RecordProperty("error", std::to_string(w.error));                          \
  } while (false)

/// Bit patterns over all f32, NaN, infinities and subnormals among them.
std::vector<float> everywhere() {
  std::vector<float> all = {0.0f,
                            -0.0f,
                            1.0f,
                            -1.0f,
                            0x1p-149f,
                            std::numeric_limits<float>::infinity(),
                            -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()};
  for (uint64_t bits = 12345; bits < uint64_t(1) << 32; bits += 65521)
    all.push_back(std::bit_cast<float>(uint32_t(bits)));
  return all;
}

std::vector<float> between(double low, double high, unsigned count = 20000) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> draw(low, high);
  std::vector<float> all;
  for (unsigned i = 0; i < count; ++i)
    all.push_back(float(draw(random)));
  return all;
}

std::vector<float> join(std::vector<float> a, const std::vector<float> &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

} // namespace

TEST(Functions, Exponential) {
  auto exact = [](double x, double) { return std::exp(x); };
  EXPECT_ERROR_BELOW(check(Function::Exp, exact,
                           join(everywhere(), between(-87, 88.7)), {}, true),
                     3);
}

TEST(Functions, Logarithm) {
  auto exact = [](double x, double) { return std::log(x); };
  EXPECT_ERROR_BELOW(
      check(Function::Log, exact, join(everywhere(), between(0.5, 2))), 2);
}

TEST(Functions, HyperbolicTangent) {
  auto exact = [](double x, double) { return std::tanh(x); };
  EXPECT_ERROR_BELOW(
      check(Function::Tanh, exact, join(everywhere(), between(-4, 4))), 8);
}

TEST(Functions, SineAndCosine) {
  // Where pi / 2 in three parts ends, the greatest number, and 16367173 * 2^72,
  // the f32 nearest to a multiple of pi / 2.
  std::vector<float> hard = {
      105614.9f,       105615.0f,      105615.1f, -105615.1f,
      0x1.fffffep127f, 0x1.f37c8ap95f, 355.0f,    22.0f};
  std::vector<float> x = join(join(everywhere(), between(-1000, 1000)),
                              join(between(-1e6, 1e6), hard));
  auto sine = [](double x, double) { return std::sin(x); };
  auto cosine = [](double x, double) { return std::cos(x); };
  EXPECT_ERROR_BELOW(check(Function::Sin, sine, x), 3);
  EXPECT_ERROR_BELOW(check(Function::Cos, cosine, x), 3);
}

TEST(Functions, ErrorFunction) {
  auto exact = [](double x, double) { return std::erf(x); };
  EXPECT_ERROR_BELOW(
      check(Function::Erf, exact, join(everywhere(), between(-4, 4))), 2);
}

TEST(Functions, Power) {
  auto exact = [](double x, double y) { return std::pow(x, y); };
  // Powers that reach far, near 1 and away from it; whole ones of negatives.
  std::vector<float> x = between(0, 4), y = between(-60, 60);
  x = join(x, between(0.99, 1.01));
  y = join(y, between(-8000, 8000));
  for (int base : {-3, -2, -1, 0, 1, 2, 10})
    for (int power = -30; power <= 30; ++power) {
      x.push_back(base);
      y.push_back(power);
      x.push_back(base);
      y.push_back(power + 0.5f);
    }
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (float base : {-infinity, -2.0f, -1.0f, -0.5f, -0.0f, 0.0f, 0.5f, 1.0f,
                     2.0f, infinity, nan, 0x1p-140f})
    for (float power : {-infinity, -3.0f, -2.0f, -0.5f, 0.0f, 0.5f, 2.0f, 3.0f,
                        infinity, nan, 16777217.0f, 1e30f}) {
      x.push_back(base);
      y.push_back(power);
    }
  EXPECT_ERROR_BELOW(check(Function::Pow, exact, x, y, true), 4);
}

TEST(Functions, Rounding) {
  std::vector<float> x =
      join(join(everywhere(), between(-10, 10)), between(-1e7, 1e7));
  for (int i = -9; i < 9; ++i)
    x.push_back(i + 0.5f);
  auto exactly = [&](Function function, double (*exact)(double)) {
    auto of = [&](double x, double) { return exact(x); };
    EXPECT_EQ(check(function, of, x).error, 0);
  };
  exactly(Function::Floor, std::floor);
  exactly(Function::Ceil, std::ceil);
  exactly(Function::Round, std::nearbyint);
  exactly(Function::Abs, std::abs);
}
