//===- TilePasses.cpp - Scheduling and tiles as passes --------------------===//

#include "passes/Lower/TilePasses.h"

#include "passes/Lower/TileToVector.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace einfall;

namespace {

/// What both passes share: their options, and a plan for every kernel.
template <typename PassT>
struct TilePass : PassWrapper<PassT, OperationPass<ModuleOp>> {
  TilePass() = default;
  TilePass(const TilePass &other)
      : PassWrapper<PassT, OperationPass<ModuleOp>>(other) {}

  void getDependentDialects(DialectRegistry &registry) const override {
    registry
        .insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                math::MathDialect, vector::VectorDialect, LLVM::LLVMDialect>();
  }

  /// Calls `use` with every kernel that can be tiled. An extent that is no
  /// number and a schedule that cannot be obeyed are errors.
  LogicalResult
  forEachPlan(function_ref<void(cascade::KernelOp, const TilePlan &,
                                const CpuMachine &)>
                  use) {
    CpuMachine machine{lanes, registers, l1};
    llvm::StringMap<int64_t> known;
    for (StringRef entry : extents) {
      auto [rank, size] = entry.split('=');
      int64_t value;
      if (size.getAsInteger(10, value) || value < 0)
        return this->getOperation().emitError()
               << "extent \"" << entry << "\" is not of the form rank=size";
      known[rank] = value;
    }
    for (auto kernel : llvm::to_vector(
             this->getOperation().template getOps<cascade::KernelOp>())) {
      std::string reason;
      bool failed = false;
      ScopedDiagnosticHandler errors(
          &this->getContext(), [&](Diagnostic &diag) {
            failed |= diag.getSeverity() == DiagnosticSeverity::Error;
            return failure(); // someone else prints it
          });
      std::optional<TilePlan> plan = planTiles(kernel, machine, known, reason);
      if (failed)
        return failure();
      if (plan)
        use(kernel, *plan, machine);
      else
        kernel.emitRemark() << "not tiled: " << reason;
    }
    return success();
  }

  Pass::ListOption<std::string> extents{
      *this, "extents", llvm::cl::desc("extents that are known, rank=size")};
  Pass::Option<unsigned> lanes{*this, "lanes", llvm::cl::init(16),
                               llvm::cl::desc("f32 elements of a vector")};
  Pass::Option<unsigned> registers{*this, "registers", llvm::cl::init(32),
                                   llvm::cl::desc("vector registers")};
  Pass::Option<int64_t> l1{*this, "l1", llvm::cl::init(49152),
                           llvm::cl::desc("bytes of the first-level cache")};
};

struct ScheduleTiles : TilePass<ScheduleTiles> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScheduleTiles)
  StringRef getArgument() const override { return "schedule-tiles"; }
  StringRef getDescription() const override {
    return "decide how folds are tiled and write it down as the schedule";
  }
  void runOnOperation() override {
    if (failed(forEachPlan([&](cascade::KernelOp kernel, const TilePlan &plan,
                               const CpuMachine &) {
          kernel.setScheduleAttr(scheduleOf(plan, &getContext()));
        })))
      signalPassFailure();
  }
};

struct LowerTilesToVector : TilePass<LowerTilesToVector> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerTilesToVector)
  StringRef getArgument() const override { return "lower-tiles-to-vector"; }
  StringRef getDescription() const override {
    return "lower scheduled folds to loops over vectors";
  }
  void runOnOperation() override {
    if (failed(forEachPlan([&](cascade::KernelOp kernel, const TilePlan &plan,
                               const CpuMachine &machine) {
          lowerTilesToVector(kernel, plan, machine);
          kernel.erase();
        })))
      signalPassFailure();
  }
};

} // namespace

void einfall::registerTilePasses() {
  PassRegistration<ScheduleTiles>();
  PassRegistration<LowerTilesToVector>();
}
