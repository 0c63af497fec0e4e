//===- Passes.cpp - The passes of derivation for einfall-opt --------------===//

#include "passes/Derive/Passes.h"

#include "dialect/Cascade/Cascade.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"

using namespace mlir;
using namespace einfall;

namespace {

struct PrintPasses : PassWrapper<PrintPasses, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PrintPasses)
  StringRef getArgument() const override { return "print-passes"; }
  StringRef getDescription() const override {
    return "print how often a kernel traverses each rank, and why";
  }
  void runOnOperation() override {
    for (auto kernel : getOperation().getOps<cascade::KernelOp>()) {
      llvm::outs() << "passes of " << kernel.getSymName() << ":\n";
      analysePasses(kernel).print(llvm::outs());
    }
    markAllAnalysesPreserved();
  }
};

struct DeriveFolds : PassWrapper<DeriveFolds, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DeriveFolds)
  StringRef getArgument() const override { return "derive-folds"; }
  StringRef getDescription() const override {
    return "derive folds from the reductions of each kernel";
  }
  void runOnOperation() override {
    for (auto kernel : llvm::make_early_inc_range(
             getOperation().getOps<cascade::KernelOp>())) {
      DerivationLog log;
      if (failed(deriveKernel(kernel, log)))
        return signalPassFailure();
      emitRemarks(log);
    }
  }
};

} // namespace

void einfall::registerDerivePasses() {
  PassRegistration<PrintPasses>();
  PassRegistration<DeriveFolds>();
}
