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
    const Chip *chip = findChip(target.getValue());
    if (!chip) {
      getOperation().emitError() << "there is no target " << target.getValue();
      return signalPassFailure();
    }
    DeviceMachine machine = DeviceMachine::of(*chip);
    for (auto kernel :
         llvm::to_vector(getOperation().getOps<cascade::KernelOp>())) {
      std::string reason;
      bool lowered = false;
      // The version that relies on most first: the first that applies is taken.
      for (Staging staging :
           {Staging::Boxes, Staging::Chunks, Staging::Elements}) {
        std::optional<BlockPlan> plan =
            planBlocks(kernel, machine, known, staging, reason);
        if (plan)
          lowerFoldToDevice(kernel, *plan, machine);
        lowered |= plan.has_value();
      }
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
};

} // namespace

void einfall::registerDeviceLoweringPasses() {
  PassRegistration<LowerFoldToDevice>();
}
