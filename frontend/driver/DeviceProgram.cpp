//===- DeviceProgram.cpp - From folds to programs of a GPU ----------------===//

#include "frontend/driver/KernelCompiler.h"

#include "codegen/emulated/DeviceToImage.h"
#include "codegen/nvidia/Assembler.h"
#include "codegen/nvidia/Ptx.h"
#include "passes/Derive/Algebra.h"
#include "passes/Lower/Device/FoldToDevice.h"
#include "passes/Lower/Threads/WarpProgram.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

/// PTX and, where that is wanted or an assembler is there, a cubin.
bool KernelCompiler::assemble(const GpuTarget &target) {
  auto ptx = nvidia::compileToPtx(*module, target);
  if (!ptx)
    return session.succeeded(ptx.takeError());
  result.ptx = *ptx;
  if (!show(Stage::Ptx, [&](llvm::raw_ostream &os) { os << *ptx; }))
    return false;
  auto assembler = nvidia::Assembler::find();
  if (!assembler && options.until != Stage::Cubin) {
    llvm::consumeError(assembler.takeError());
    return true;
  }
  if (!assembler) {
    session.isToolMissing = true;
    return session.succeeded(assembler.takeError());
  }
  auto assembly = assembler->assemble(*ptx, target);
  if (!assembly)
    return session.succeeded(assembly.takeError());
  for (auto program : module->getOps<device::KernelOp>())
    if (const nvidia::KernelResources *resources =
            assembly->report.find(program.getSymName()))
      if (!session.succeeded(nvidia::checkResources(
              *resources, target, program.getThreads(), program.getShared())))
        return false;
  result.cubin.assign(assembly->cubin.data(), assembly->cubin.size());
  return show(Stage::Cubin, [&](llvm::raw_ostream &os) {
    os.write(assembly->cubin.data(), assembly->cubin.size());
  });
}

/// The program of the kernel as written, which takes any.
bool KernelCompiler::lowerToWarps(const Machine &machine,
                                  const std::string &whyNotBlocks) {
  kernel().erase();
  takeWritten();
  std::vector<WarpPlan> plans =
      planWarps(kernel(), machine.block.sharedBytes, options.fixedExtents);
  const WarpPlan &first = plans.front();
  std::vector<std::string> kept;
  for (auto &[field, how] : first.kept)
    if (!how.ranks.empty())
      kept.push_back(derive::fieldName(field) +
                     (how.lanes.along ? " (lanes along " : " (lanes over ") +
                     how.lanes.rank.str() + ")");
  result.report.planKind = "warps";
  result.report.plan = {{"target", options.target},
                        {"not blocks", whyNotBlocks},
                        {"items", llvm::join(first.items, ", ")},
                        {"warps", std::to_string(first.warps)},
                        {"kept", llvm::join(kept, ", ")},
                        {"shared bytes", std::to_string(first.shared)},
                        {"matrix units", "none: it sums as written"},
                        {"versions", std::to_string(plans.size())}};
  return mlir::succeeded(
      einfall::lowerToWarps(kernel(), options.target, plans));
}

/// All versions of the program for a GPU, the one that relies on most first.
bool KernelCompiler::lowerToDevice() {
  const GpuTarget *target = findTarget(options.target);
  assert(target && "the command line knows the targets");
  llvm::Expected<Machine> described =
      machineFor(*target, session.options.machine);
  if (!described)
    return session.succeeded(described.takeError());
  DeviceMachine gpu = DeviceMachine::of(*described);
  gpu.tf32 = session.options.tf32;
  if (session.options.splits)
    gpu.splits = session.options.splits;
  static constexpr const char *smallerTiles =
      "fix smaller tiles by a schedule, or describe the machine as it is";
  std::string reason;
  bool warned = false; // all versions have the same folds
  visitVersions(
      kernel(), gpu, options.fixedExtents,
      [&](const BlockPlan &blocks) {
        // The machine may be described as larger than the target is.
        if (std::string why = whyNotRegisters(blocks, target->reference());
            !why.empty()) {
          session.error("kernel '" + kernel().getSymName() + "': " + why)
              .remedy(smallerTiles);
          return;
        }
        if (!std::exchange(warned, true))
          warnOfOpenSums(blocks.tiles);
        lowerFoldToDevice(kernel(), blocks, gpu);
        // The plan to look at is that of the first version which does not
        // depend on extents that are not known.
        bool shares = blocks.splits || blocks.packed;
        bool isSure = !shares || blocks.applies(options.fixedExtents);
        if (isSure && result.report.plan.empty())
          reportPlan(blocks, gpu);
      },
      reason);
  if (session.diagnostics.hasErrors())
    return false;
  if (options.explains && !module->getOps<device::KernelOp>().empty())
    reportChoice(gpu);
  if (module->getOps<device::KernelOp>().empty()) {
    warnOfNoTiles(reason);
    if (!lowerToWarps(*described, reason))
      return false;
  }
  kernel().erase();
  mlir::PassManager pm(&session.context);
  pm.addPass(mlir::createCSEPass());
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
  if (mlir::failed(pm.run(*module)))
    return false;
  // Whatever machine the tiles were chosen for.
  const BlockLimits &limits = target->reference().block;
  for (auto program : module->getOps<device::KernelOp>()) {
    int64_t shared = program.getShared(), threads = program.getThreads();
    std::string wrong;
    if (shared > limits.sharedBytes)
      wrong = llvm::formatv("asks for {0} bytes of shared memory; a block of "
                            "{1} has {2}",
                            shared, target->name, limits.sharedBytes);
    else if (threads > limits.threads)
      wrong = llvm::formatv("has {0} threads; a block of {1} has {2}", threads,
                            target->name, limits.threads);
    if (!wrong.empty()) {
      session.error("program '" + program.getSymName() + "' " + wrong)
          .remedy(smallerTiles);
      return false;
    }
  }
  if (options.observeDevice)
    options.observeDevice(*module);
  if (!show(Stage::Device, *module))
    return false;
  bool wanted = options.until == Stage::Ptx || options.until == Stage::Cubin ||
                options.machineCode || !session.options.dumpDir.empty();
  if (wanted && !assemble(*target))
    return false;
  for (llvm::ArrayRef<device::KernelOp> version : device::versionsOf(*module)) {
    auto &programs = result.versions.emplace_back();
    for (device::KernelOp program : version) {
      auto image = translateToImage(program);
      if (mlir::failed(image))
        return false;
      programs.push_back({program.getSymName().str(), emulated::write(*image)});
    }
  }
  return true;
}
