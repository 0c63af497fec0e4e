//===- OnDevice.cpp - A kernel on an emulated GPU -------------------------===//

#include "test/numerics/OnDevice.h"

#include "codegen/emulated/DeviceToImage.h"
#include "dialect/Cascade/KernelInterface.h"
#include "passes/Derive/Derive.h"
#include "passes/Lower/Device/FoldToDevice.h"
#include "passes/Lower/Threads/WarpProgram.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::numerics;
using namespace einfall::interpreter;

void numerics::loadDeviceDialects(MLIRContext &context) {
  context.loadDialect<cascade::CascadeDialect, device::DeviceDialect,
                      arith::ArithDialect, scf::SCFDialect,
                      vector::VectorDialect>();
}

/// Emits programs beside `kernel`; false with a reason where none fits.
static bool lowerToPrograms(cascade::KernelOp kernel, DeviceLowering lowering,
                            const GpuTarget &target,
                            const llvm::StringMap<int64_t> &extents,
                            std::string &reason, bool &failed) {
  if (lowering == DeviceLowering::Warps ||
      lowering == DeviceLowering::AnyExtent) {
    llvm::StringMap<int64_t> known;
    if (lowering == DeviceLowering::Warps)
      known = extents;
    failed = mlir::failed(lowerToWarps(
        kernel, target.name,
        planWarps(kernel, target.reference().block.sharedBytes, known)));
    return !failed;
  }
  DerivationLog log;
  if (mlir::failed(deriveKernel(kernel, log))) {
    failed = true;
    return false;
  }
  DeviceMachine machine = DeviceMachine::of(target.reference());
  machine.tf32 = lowering == DeviceLowering::Tf32;
  machine.splits = lowering == DeviceLowering::Parts ? 3 : 1;
  return visitVersions(
      kernel, machine, extents,
      [&](const BlockPlan &plan) { lowerFoldToDevice(kernel, plan, machine); },
      reason);
}

std::optional<OnDevice>
OnDevice::compile(cascade::KernelOp written, DeviceLowering lowering,
                  StringRef target, const llvm::StringMap<int64_t> &extents,
                  std::string &reason, bool &failed) {
  failed = false;
  OwningOpRef<ModuleOp> module = ModuleOp::create(written.getLoc());
  auto kernel = cast<cascade::KernelOp>(written->clone());
  module->push_back(kernel);
  if (!lowerToPrograms(kernel, lowering, *findTarget(target), extents, reason,
                       failed))
    return std::nullopt;
  kernel.erase();
  PassManager pm(written.getContext());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  failed = mlir::failed(pm.run(*module));
  OnDevice result;
  result.written = written;
  for (const auto &version : device::versionsOf(*module)) {
    auto &programs = result.images.emplace_back();
    for (device::KernelOp program : version) {
      auto image = translateToImage(program);
      auto loaded = succeeded(image)
                        ? emulated::DeviceImage::make(*image, reason)
                        : std::nullopt;
      if (!loaded) {
        failed = true;
        return std::nullopt;
      }
      programs.push_back(std::move(*loaded));
    }
  }
  if (failed)
    return std::nullopt;
  return result;
}

/// The bytes that a tensor's elements lie in.
static emulated::Buffer bufferOf(const Tensor &view, StringRef name,
                                 bool writable) {
  int64_t low = 0, high = 0;
  for (auto [extent, stride] : llvm::zip_equal(view.shape, view.strides)) {
    if (extent == 0)
      return {view.data, 0, writable, name.str()};
    int64_t last = (extent - 1) * stride;
    (last < 0 ? low : high) += last;
  }
  int64_t size = elementBits(view.element) / 8;
  return {static_cast<char *>(view.data) + low * size,
          uint64_t((high - low + 1) * size), writable, name.str()};
}

std::vector<OwnedTensor> OnDevice::run(size_t version,
                                       const Arguments &arguments,
                                       Layout layout, uint64_t seed,
                                       emulated::Report &report) {
  auto interface = cascade::KernelInterface::of(written);
  auto bound = bindExtents(written, arguments);
  std::vector<OwnedTensor> outputs;
  if (mlir::failed(bound))
    return outputs;
  emulated::Launch launch;
  launch.image = &images[version].front();
  for (const emulated::DeviceImage &next : llvm::drop_begin(images[version]))
    launch.then.push_back(&next);
  launch.seed = seed;
  launch.threads = 2;
  std::vector<uint64_t> strides;
  auto pass = [&](const Tensor &tensor, StringRef name, bool writable) {
    launch.arguments.push_back(reinterpret_cast<uintptr_t>(tensor.data));
    llvm::append_range(strides, tensor.strides);
    launch.buffers.push_back(bufferOf(tensor, name, writable));
  };
  for (const auto &input : interface.inputs)
    pass(arguments.inputs.lookup(input.name), input.name, false);
  for (const auto &output : interface.outputs) {
    SmallVector<int64_t> shape;
    for (const std::string &rank : output.dims)
      shape.push_back(bound->lookup(rank));
    outputs.push_back(OwnedTensor::make(*elementOf(output.element), shape,
                                        layout, outputs.size()));
    pass(outputs.back().view, output.name, true);
  }
  llvm::append_range(launch.arguments, strides);
  for (const std::string &rank : interface.ranks)
    launch.arguments.push_back(bound->lookup(rank));
  for (const auto &param : interface.params) {
    auto found = arguments.params.find(param.name);
    bool given = found != arguments.params.end();
    double value = given ? found->second : 0;
    launch.arguments.push_back(
        isa<FloatType>(param.storage)
            ? llvm::bit_cast<uint32_t>(static_cast<float>(value))
            : static_cast<uint64_t>(static_cast<int64_t>(value)));
    launch.arguments.push_back(given);
  }
  report = emulated::run(launch);
  if (!report.ok)
    outputs.clear();
  return outputs;
}
