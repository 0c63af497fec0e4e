//===- ProcessorProgram.cpp - From folds to an object file ----------------===//

#include "frontend/driver/KernelCompiler.h"

#include "codegen/cpu/CpuModule.h"
#include "codegen/cpu/LowerToLLVM.h"
#include "codegen/targets/Machine.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Lower/FoldToRows.h"
#include "passes/Lower/TileToVector.h"
#include "passes/Schedule/TileSizes.h"

#include "mlir/Pass/PassManager.h"

#include <thread>

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

cpu::CpuTarget KernelCompiler::processor() const {
  std::optional<cpu::CpuTarget> target = options.processor;
  if (!target)
    target = cpu::CpuTarget::named(session.options.processor);
  return target ? *target : cpu::CpuTarget::host();
}

/// Decides by which program of the processor the kernel runs: tiles of rows,
/// few rows along the stream, or (no folds, or none that fit) loops as written.
bool KernelCompiler::chooseProgram() {
  KernelReport &report = result.report;
  report.planKind = "loops";
  if (!kernel().getBody().getOps<cascade::FoldOp>().empty()) {
    llvm::Expected<CpuMachine> described =
        cpuMachineFor(processor(), session.options);
    if (!described)
      return session.succeeded(described.takeError());
    machine = *described;
    std::string whyNotTiles, whyNotRows;
    plan = planTiles(kernel(), machine, options.fixedExtents, whyNotTiles);
    if (!plan)
      warnOfNoTiles(whyNotTiles);
    auto rows = options.fixedExtents.end();
    if (plan)
      rows = options.fixedExtents.find(plan->row);
    bool fewRows =
        !plan || (rows != options.fixedExtents.end() &&
                  rows->second * 2 <= static_cast<int64_t>(machine.lanes));
    if (fewRows && canLowerFoldToRows(kernel(), &whyNotRows)) {
      plan.reset();
      report.planKind = "rows";
      report.plan.push_back({"lanes", std::to_string(machine.lanes)});
      return true;
    }
    if (plan) {
      warnOfOpenSums(*plan);
      report.planKind = "tiles";
      report.plan = {{"rows", plan->row.str()},
                     {"lanes", std::to_string(plan->lanes)},
                     {"row vectors", std::to_string(plan->rowVectors)},
                     {"key block", std::to_string(plan->keyBlock)},
                     {"key tile", std::to_string(plan->keyTile)},
                     {"groups", std::to_string(plan->groups)},
                     {"items", llvm::join(plan->items, ", ")}};
      for (const FoldPlan &fold : plan->folds)
        report.plan.push_back({"stream", fold.stream.str()});
      if (options.explains)
        reportSizes();
      kernel().setScheduleAttr(scheduleOf(*plan, &session.context));
      return true;
    }
    report.plan.push_back({"not tiles", whyNotTiles});
    report.plan.push_back({"not rows", whyNotRows});
  }
  kernel().erase();
  takeWritten();
  return true;
}

bool KernelCompiler::lower() {
  if (plan)
    lowerTilesToVector(kernel(), *plan, machine);
  else if (mlir::failed(result.report.planKind == "rows"
                            ? lowerFoldToRows(kernel(),
                                              {machine.lanes, machine.registers,
                                               options.fixedExtents})
                            : lowerCascadeToLoops(kernel())))
    return false;
  kernel().erase();
  return true;
}

bool KernelCompiler::lowerToLLVM() {
  mlir::PassManager pm(&session.context);
  cpu::addLowerToLLVM(pm, processor());
  return mlir::succeeded(pm.run(*module));
}

bool KernelCompiler::generate() {
  cpu::CpuCompileOptions compile;
  compile.target = processor();
  compile.countsAccesses = options.countsAccesses;
  std::string ir, assembly;
  bool all = !session.options.dumpDir.empty();
  if (all || options.until == Stage::LLVMIR)
    compile.llvmIR = &ir;
  if (all || options.until == Stage::Assembly)
    compile.assembly = &assembly;
  auto object = cpu::compileObject(*module, compile);
  if (!object)
    return session.succeeded(object.takeError());
  if (show(Stage::LLVMIR, [&](llvm::raw_ostream &os) { os << ir; }) &&
      show(Stage::Assembly, [&](llvm::raw_ostream &os) { os << assembly; }))
    show(Stage::Object,
         [&](llvm::raw_ostream &os) { os << (*object)->getBuffer(); });
  return !failed;
}

/// True where the road goes to its end.
bool KernelCompiler::lowerToProcessor() {
  if (!chooseProgram())
    return false;
  if (session.diagnostics.hasErrors())
    return false;
  if (!show(Stage::Schedule, *module))
    return false;
  if (!lower())
    return false;
  if (options.observeLoops)
    options.observeLoops(*module);
  if (!show(Stage::Loops, *module))
    return false;
  if (!lowerToLLVM())
    return false;
  if (!show(Stage::LLVM, *module))
    return false;
  if (!generate())
    return false;
  return true;
}

llvm::Expected<CpuMachine>
einfall::driver::cpuMachineFor(const cpu::CpuTarget &target,
                               const Options &options) {
  llvm::Expected<Machine> described = loadMachine(
      options.machine.empty() ? "x86-64" : StringRef(options.machine));
  if (!described)
    return described.takeError();
  if (described->block.threads)
    return llvm::createStringError(
        "machine " + options.machine + " is of architecture " +
        described->architecture + ", not of a processor");
  CpuMachine machine = cpuMachineOf(*described);
  machine.lanes = target.lanes();
  machine.registers = target.vectorRegisters;
  if (options.machine.empty()) {
    machine.l1Bytes = target.l1Bytes;
    machine.l2Bytes = target.l2Bytes;
    if (options.processor == "native")
      machine.cores = std::max(1u, std::thread::hardware_concurrency());
  }
  return machine;
}
