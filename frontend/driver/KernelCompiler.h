//===- KernelCompiler.h - One kernel on its road ----------------*- C++ -*-===//
//
// What compileKernel (Pipeline.h) is made of: a kernel, what it has become, and
// the report of how. Each part of the road has a file of its own.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_KERNELCOMPILER_H
#define EINFALL_FRONTEND_DRIVER_KERNELCOMPILER_H

#include "frontend/driver/Pipeline.h"

namespace einfall {
struct BlockPlan;
struct DeviceMachine;
struct GpuTarget;
struct Machine;
struct PassReport;
namespace proof {
struct Obligation;
} // namespace proof
} // namespace einfall

namespace einfall::driver {

class KernelCompiler {
public:
  KernelCompiler(cascade::KernelOp kernel, const PipelineOptions &options,
                 Session &session)
      : written(kernel), options(options), session(session) {}

  std::optional<PipelineResult> run();

private:
  // Pipeline.cpp: the road to folds.

  /// Each step shows its stage; true: go on, false: stop here (done or failed).
  bool show(Stage stage, llvm::function_ref<void(llvm::raw_ostream &)> print);
  bool show(Stage stage, mlir::Operation *op);
  cascade::KernelOp kernel();
  /// Puts the kernel as written into the module, with its schedule for the
  /// target.
  void takeWritten();
  void countPasses(const PassReport &before);
  bool derive();
  void proveMasks(llvm::function_ref<bool(const proof::Obligation &)> prove);
  /// Warns where tiles, or the products of sums, want an extent that the user
  /// can bind.
  void warnOfNoTiles(llvm::StringRef whyNotTiles);
  void warnOfOpenSums(const TilePlan &tiles);
  void warnOfOpenExtent(llvm::StringRef rank, llvm::StringRef without);

  // ProcessorProgram.cpp: from folds to an object file.

  /// The processor that is compiled for.
  cpu::CpuTarget processor() const;
  bool lowerToProcessor();
  bool chooseProgram();
  bool lower();
  bool lowerToLLVM();
  bool generate();

  // DeviceProgram.cpp: from folds to programs of a GPU.

  bool lowerToDevice();
  bool lowerToWarps(const Machine &machine, const std::string &whyNotBlocks);
  bool assemble(const GpuTarget &target);

  // ChoiceReport.cpp: why tiles are what they are.

  void reportSizes();
  void reportPlan(const BlockPlan &blocks, const DeviceMachine &gpu);
  void reportChoice(const DeviceMachine &gpu);

  cascade::KernelOp written;
  const PipelineOptions &options;
  Session &session;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  PipelineResult result;
  CpuMachine machine;
  std::optional<TilePlan> plan; ///< when the program is tiles
  bool done = false, failed = false;
  unsigned dumped = 0;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_KERNELCOMPILER_H
