//===- DevicePasses.cpp - Lowering to device programs as a pass -----------===//

#include "passes/Lower/Device/DevicePasses.h"

#include "passes/Lower/Device/FoldToDevice.h"

#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace einfall;

namespace {

struct LowerFoldToDevice
    : PassWrapper<LowerFoldToDevice, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerFoldToDevice)
  LowerFoldToDevice() = default;
  LowerFoldToDevice(const LowerFoldToDevice &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "lower-fold-to-device"; }
  StringRef getDescription() const override {
    return "lower folds to programs of GPU threads";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<device::DeviceDialect, arith::ArithDialect, scf::SCFDialect,
                    vector::VectorDialect>();
  }
  void runOnOperation() override {
    llvm::StringMap<int64_t> known;
    for (StringRef entry : extents) {
      auto [rank, size] = entry.split('=');
      int64_t value;
      if (size.getAsInteger(10, value) || value < 0) {
        getOperation().emitError()
            << "extent \"" << entry << "\" is not of the form rank=size";
        return signalPassFailure();
      }
      known[rank] = value;
    }
    const GpuTarget *gpu = findTarget(target.getValue());
    if (!gpu) {
      getOperation().emitError() << "there is no target " << target.getValue();
      return signalPassFailure();
    }
    DeviceMachine machine = DeviceMachine::of(gpu->reference());
    if (splits)
      machine.splits = splits;
    for (auto kernel :
         llvm::to_vector(getOperation().getOps<cascade::KernelOp>())) {
      std::string reason;
      bool lowered = visitVersions(
          kernel, machine, known,
          [&](const BlockPlan &plan) {
            lowerFoldToDevice(kernel, plan, machine);
          },
          reason);
      if (!lowered) {
        kernel.emitRemark()
            << "not lowered to " << machine.target << ": " << reason;
        continue;
      }
      kernel.erase();
    }
  }

  ListOption<std::string> extents{
      *this, "extents", llvm::cl::desc("extents that are known, rank=size")};
  Option<std::string> target{*this, "target", llvm::cl::init("sm_80"),
                             llvm::cl::desc("the machine")};
  Option<int64_t> splits{*this, "splits", llvm::cl::init(0),
                         llvm::cl::desc("parts of a stream; 0: by extents")};
};

} // namespace

void einfall::registerDeviceLoweringPasses() {
  PassRegistration<LowerFoldToDevice>();
}
