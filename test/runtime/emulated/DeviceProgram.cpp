//===- DeviceProgram.cpp - Device programs in tests -----------------------===//

#include "DeviceProgram.h"

#include "codegen/emulated/DeviceToImage.h"
#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::test;

std::string test::kernelText(const std::string &body, int threads, int shared,
                             int blocks) {
  return "device.kernel @test target \"sm_80\" threads " +
         std::to_string(threads) + " shared " + std::to_string(shared) +
         R"( parameters ["x", "y", "n", "a"] grid {
^bb0(%x: i64, %y: i64, %n: i64, %a: f32):
  %one = arith.constant 1 : i64
  %blocks = arith.constant )" +
         std::to_string(blocks) + R"( : i64
  device.launch %blocks, %one, %one
} body {
^bb0(%x: i64, %y: i64, %n: i64, %a: f32):
  %t = device.thread
  %tw = arith.extui %t : i32 to i64
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %zerow = arith.constant 0 : i64
)" + body +
         "\n  device.return\n}\n";
}

emulated::DeviceImage test::buildImage(const std::string &text) {
  MLIRContext context;
  context.disableMultithreading();
  context.loadDialect<device::DeviceDialect, arith::ArithDialect,
                      scf::SCFDialect, vector::VectorDialect>();
  emulated::DeviceImage image;
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, &context, "test.mlir");
  if (!module) {
    ADD_FAILURE() << "cannot parse\n" << text;
    return image;
  }
  auto kernel = *module->getOps<device::KernelOp>().begin();
  FailureOr<emulated::Image> made = translateToImage(kernel);
  if (failed(made)) {
    ADD_FAILURE() << "cannot translate\n" << text;
    return image;
  }
  std::string error;
  auto loaded = emulated::DeviceImage::load(emulated::write(*made), error);
  if (!loaded) {
    ADD_FAILURE() << error;
    return image;
  }
  return *loaded;
}

emulated::Report TestLaunch::run(const emulated::DeviceImage &image) {
  // Both start at a multiple of 128 bytes, as memory of a device does.
  constexpr size_t line = 32;
  auto rounded = [](size_t words) {
    return (words + 2 * line - 1) / line * line;
  };
  std::vector<uint32_t> storage(rounded(x.size()) + rounded(y.size()) + line);
  uintptr_t start = reinterpret_cast<uintptr_t>(storage.data());
  uint32_t *xs = storage.data() + (128 - start % 128) % 128 / 4;
  uint32_t *ys = xs + rounded(x.size());
  std::copy(x.begin(), x.end(), xs);
  std::copy(y.begin(), y.end(), ys);
  emulated::Launch launch;
  launch.image = &image;
  launch.buffers = {{xs, 4 * x.size(), false, "x"},
                    {ys, 4 * y.size(), true, "y"}};
  launch.arguments = {reinterpret_cast<uintptr_t>(xs),
                      reinterpret_cast<uintptr_t>(ys), uint64_t(n), asWord(a)};
  launch.seed = seed;
  launch.threads = threads;
  launch.limit = limit;
  emulated::Report report = emulated::run(launch);
  std::copy(ys, ys + y.size(), y.begin());
  return report;
}

emulated::Report test::runBody(const std::string &body, int threads, int shared,
                               TestLaunch &launch) {
  return launch.run(buildImage(kernelText(body, threads, shared)));
}
