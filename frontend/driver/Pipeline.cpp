//===- Pipeline.cpp - From a cascade to machine code ----------------------===//

#include "frontend/driver/Pipeline.h"
#include "dialect/Cascade/Schedules.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Cache.h"

#include "codegen/cpu/CpuModule.h"
#include "codegen/cpu/LowerToLLVM.h"
#include "codegen/emulated/DeviceToImage.h"
#include "codegen/nvidia/Assembler.h"
#include "codegen/nvidia/Ptx.h"
#include "passes/Derive/Algebra.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Lower/Device/FoldToDevice.h"
#include "passes/Lower/FoldToRows.h"
#include "passes/Lower/Threads/WarpProgram.h"
#include "passes/Lower/TileToVector.h"
#include "passes/Proof/EmitSMT.h"
#include "passes/Proof/Prover.h"
#include "passes/Regions/KernelMasks.h"
#include "passes/Schedule/Candidates.h"
#include "passes/Schedule/LaunchWays.h"
#include "passes/Schedule/TileSizes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

#include <thread>

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

std::optional<Stage> einfall::driver::stageNamed(StringRef name) {
  return llvm::StringSwitch<std::optional<Stage>>(name)
      .Case("cascade", Stage::Cascade)
      .Case("fold", Stage::Fold)
      .Case("smt2", Stage::Proofs)
      .Case("schedule", Stage::Schedule)
      .Case("device", Stage::Device)
      .Case("mlir", Stage::Loops)
      .Case("llvm", Stage::LLVM)
      .Case("ll", Stage::LLVMIR)
      .Case("s", Stage::Assembly)
      .Case("o", Stage::Object)
      .Case("ptx", Stage::Ptx)
      .Case("cubin", Stage::Cubin)
      .Default(std::nullopt);
}

std::optional<Stage> einfall::driver::stageOfPath(StringRef path) {
  return llvm::StringSwitch<std::optional<Stage>>(
             llvm::sys::path::extension(path))
      .Case(".smt2", Stage::Proofs)
      .Case(".mlir", Stage::Loops)
      .Case(".ll", Stage::LLVMIR)
      .Case(".s", Stage::Assembly)
      .Case(".o", Stage::Object)
      .Case(".ptx", Stage::Ptx)
      .Case(".cubin", Stage::Cubin)
      .Default(std::nullopt);
}

StringRef einfall::driver::stageName(Stage stage) {
  switch (stage) {
  case Stage::Cascade:
    return "cascade";
  case Stage::Fold:
    return "fold";
  case Stage::Proofs:
    return "proofs";
  case Stage::Schedule:
    return "schedule";
  case Stage::Device:
    return "device";
  case Stage::Loops:
    return "loops";
  case Stage::LLVM:
    return "llvm";
  case Stage::LLVMIR:
    return "optimised";
  case Stage::Assembly:
    return "assembly";
  case Stage::Object:
    return "object";
  case Stage::Ptx:
    return "ptx";
  case Stage::Cubin:
    return "cubin";
  }
  return "";
}

StringRef einfall::driver::stageSuffix(Stage stage) {
  switch (stage) {
  case Stage::Proofs:
    return ".smt2";
  case Stage::LLVMIR:
    return ".ll";
  case Stage::Assembly:
    return ".s";
  case Stage::Object:
    return ".o";
  case Stage::Ptx:
    return ".ptx";
  case Stage::Cubin:
    return ".cubin";
  default:
    return ".mlir";
  }
}

namespace {
class Compiler {
public:
  Compiler(cascade::KernelOp kernel, const PipelineOptions &options,
           Session &session)
      : written(kernel), options(options), session(session) {}

  std::optional<PipelineResult> run();

private:
  /// Each step shows its stage; true: go on, false: stop here (done or failed).
  bool show(Stage stage, llvm::function_ref<void(llvm::raw_ostream &)> print);
  bool show(Stage stage, mlir::Operation *op);
  cascade::KernelOp kernel() {
    return *module->getOps<cascade::KernelOp>().begin();
  }
  /// Puts the kernel as written into the module, with its schedule for the
  /// target.
  void takeWritten() {
    module->push_back(written->clone());
    cascade::chooseSchedule(kernel(), options.target);
  }
  /// Warns where tiles want an extent that the user can bind.
  void warnOfOpenExtent(llvm::StringRef whyNotTiles);
  /// The processor that is compiled for.
  cpu::CpuTarget processor() const {
    std::optional<cpu::CpuTarget> target = options.processor;
    if (!target)
      target = cpu::CpuTarget::named(session.options.processor);
    return target ? *target : cpu::CpuTarget::host();
  }
  void countPasses(const PassReport &before);
  bool derive();
  void proveMasks(llvm::function_ref<bool(const proof::Obligation &)> prove);
  bool lower();
  bool chooseProgram();
  void reportSizes();
  bool lowerToLLVM();
  bool generate();
  bool lowerToDevice();
  void reportPlan(const BlockPlan &blocks, const DeviceMachine &gpu);
  void reportChoice(const DeviceMachine &gpu);
  bool lowerToWarps(const Machine &machine, const std::string &whyNotBlocks);
  bool assemble(const GpuTarget &target);

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
} // namespace

bool Compiler::show(Stage stage,
                    llvm::function_ref<void(llvm::raw_ostream &)> print) {
  bool wanted = stage == options.until;
  if (!wanted && session.options.dumpDir.empty())
    return true;
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os);
  if (!session.options.dumpDir.empty()) {
    if (std::error_code code =
            llvm::sys::fs::create_directories(session.options.dumpDir)) {
      session.error("cannot make " + session.options.dumpDir + ": " +
                    code.message());
      failed = true;
      return false;
    }
    llvm::SmallString<128> path(session.options.dumpDir);
    llvm::sys::path::append(
        path, llvm::formatv("{0}-{1,0+2}-{2}{3}", written.getSymName(),
                            ++dumped, stageName(stage), stageSuffix(stage))
                  .str());
    if (!session.succeeded(writeFile(path, text))) {
      failed = true;
      return false;
    }
  }
  if (wanted) {
    result.text = std::move(text);
    done = true;
  }
  return !wanted;
}

bool Compiler::show(Stage stage, mlir::Operation *op) {
  return show(stage, [&](llvm::raw_ostream &os) {
    op->print(os, mlir::OpPrintingFlags().useLocalScope());
    os << "\n";
  });
}

static std::vector<ChainLink> toChain(const std::vector<PassLink> &links) {
  std::vector<ChainLink> chain;
  for (const PassLink &link : links)
    chain.push_back({link.level, link.name, link.what, link.location});
  return chain;
}

void Compiler::countPasses(const PassReport &before) {
  PassReport after = analysePasses(kernel());
  for (const RankPasses &rank : before.ranks) {
    RankReport report{
        rank.rank, rank.passes, rank.passes, toChain(rank.chain), {}};
    if (const RankPasses *found = after.find(rank.rank)) {
      report.derived = found->passes;
      report.derivedChain = toChain(found->chain);
    }
    result.report.passes.push_back(std::move(report));
  }
}

/// Proves where the tiles of masks are full and empty; a mask of which that is
/// not proved is tested element by element.
void Compiler::proveMasks(
    llvm::function_ref<bool(const proof::Obligation &)> prove) {
  for (const regions::Unproved &mask :
       regions::proveMasks(kernel(), prove, written.getSymName())) {
    std::string text = "every element of this mask is tested: obligation " +
                       mask.obligation + " is not proved";
    mlir::emitRemark(mask.loc) << text;
    result.report.rules.push_back(
        {"regions", describe(mask.loc), text, /*applied=*/false});
  }
}

/// Derives folds in place and proves what that takes.
bool Compiler::derive() {
  PassReport before = analysePasses(kernel());
  proof::ProverOptions solver;
  solver.cacheDirectory = cacheDirectory("proofs");
  solver.querySeconds = session.options.proofSeconds;
  solver.totalSeconds = 4 * session.options.proofSeconds;
  proof::Prover prover(solver);
  DerivationLog log;
  DeriveOptions deriveOptions;
  if (session.options.prove)
    deriveOptions.prove = [&](const proof::Obligation &obligation) {
      return prover.prove(obligation).isProved();
    };
  if (!session.options.asWritten &&
      mlir::failed(deriveKernel(kernel(), log, deriveOptions)))
    return false;
  for (const DerivationEntry &entry : log.entries)
    result.report.rules.push_back({entry.rules, describe(entry.loc), entry.text,
                                   entry.kind == DerivationEntry::Applied});
  // What is not asked for is listed all the same.
  std::string scripts;
  auto skip = [&](const proof::Obligation &obligation) {
    result.report.obligations.push_back({obligation.name, obligation.rule,
                                         obligation.location, "", "skipped", 0,
                                         false});
    if (auto script = proof::toSMTLIB(obligation); mlir::succeeded(script))
      scripts += *script + "(reset)\n";
    return true;
  };
  if (!session.options.prove)
    llvm::for_each(log.obligations, skip);
  proveMasks(session.options.prove ? deriveOptions.prove : skip);
  for (const auto &record : prover.history()) {
    const proof::Verdict &verdict = record.verdict;
    result.report.obligations.push_back({record.name, record.rule,
                                         record.location, verdict.hash,
                                         proof::toString(verdict.status).str(),
                                         verdict.seconds, verdict.cached});
    scripts += verdict.script + "(reset)\n";
  }
  countPasses(before);
  if (options.observeDerived)
    options.observeDerived(kernel());
  return show(Stage::Proofs, [&](llvm::raw_ostream &os) { os << scripts; }) &&
         show(Stage::Fold, *module);
}

void Compiler::warnOfOpenExtent(llvm::StringRef whyNotTiles) {
  llvm::StringRef rank = whyNotTiles;
  if (options.explains || !rank.consume_front("the extent of ") ||
      !rank.consume_back(" is not known when the kernel is compiled"))
    return;
  session.diagnostics
      .warning({}, ein::Rule::None,
               "kernel `" + written.getSymName() + "` is compiled for " +
                   options.target + " without tiles: " + whyNotTiles)
      .remedy("bind it, as in -D " + rank +
              "=64; `einfall explain` shows what that changes");
}

/// Decides by which program of the processor the kernel runs: tiles of rows,
/// few rows along the stream, or (no folds, or none that fit) loops as written.
bool Compiler::chooseProgram() {
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
      warnOfOpenExtent(whyNotTiles);
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

/// The sizes that `--why-not` asks about, by rank or by name.
static llvm::StringMap<int64_t> askedSizes(const Options &options,
                                           std::string &name) {
  llvm::StringMap<int64_t> asked;
  name = "why not";
  for (const auto &[what, size] : options.whyNot) {
    StringRef rank = what;
    rank.consume_front("tile.");
    asked[rank] = size;
    name += " " + what + "=" + std::to_string(size);
  }
  return asked;
}

/// Why the sizes of the CPU's tiles are what they are.
void Compiler::reportSizes() {
  auto &entries = result.report.plan;
  const llvm::StringMap<int64_t> &extents = options.fixedExtents;
  std::vector<SizedTile> space =
      sizesOf(*plan, machine, extents, plan->asked);
  std::vector<SizedTile> fitting = ranked(space);
  if (fitting.empty()) {
    entries.push_back({"chosen", llvm::formatv("of {0} sizes none fits, as {1}",
                                               space.size(),
                                               space.front().rejection)
                                     .str()});
  } else {
    std::string certified =
        "not certified: what its mask leaves is too long to be listed";
    if (auto claim = claimOf(*plan, machine, extents)) {
      std::map<std::string, int64_t> named;
      for (const auto &entry : extents)
        named[entry.first().str()] = entry.second;
      auto wrong = certificate::checkSizes(*claim, named);
      certified = wrong.empty() ? "certified"
                                : "not certified: " + wrong.front().path +
                                      ": " + wrong.front().message;
      if (wrong.empty())
        result.report.sizes = std::move(*claim);
    }
    const TileClocks &clocks = *fitting.front().clocks;
    entries.push_back(
        {"chosen", llvm::formatv("the least of {0} sizes that fit, of {1}, "
                                 "{2}: {3:f1} clocks of a core a row, most of "
                                 "them {4} (modelled)",
                                 fitting.size(), space.size(), certified,
                                 clocks.total().get_d(), clocks.limit())
                       .str()});
  }
  StringRef name = session.options.machine;
  result.report.choice =
      sizesToJson(*plan, machine, extents, name.empty() ? "x86-64" : name);
  if (session.options.whyNot.empty())
    return;
  std::string question;
  llvm::StringMap<int64_t> asked = askedSizes(session.options, question);
  entries.push_back({question, whyNotSizes(*plan, machine, extents, asked)});
}

bool Compiler::lower() {
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

bool Compiler::lowerToLLVM() {
  mlir::PassManager pm(&session.context);
  cpu::addLowerToLLVM(pm, processor());
  return mlir::succeeded(pm.run(*module));
}

bool Compiler::generate() {
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

/// PTX and, where that is wanted or an assembler is there, a cubin.
bool Compiler::assemble(const GpuTarget &target) {
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
bool Compiler::lowerToWarps(const Machine &machine,
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

/// How many contractions of a program go to matrix units, and what the others
/// would need.
static std::string onMatrixUnits(const BlockPlan &blocks) {
  unsigned all = 0, there = 0;
  for (const BlockFold &fold : blocks.folds) {
    for (const BlockContraction &contraction : fold.contractions)
      ++all, there += contraction.rows.pair.has_value();
    for (const BlockMatrix &matrix : fold.matrices)
      ++all, there += matrix.panel.pair.has_value();
  }
  if (all == 0)
    return "nothing to contract";
  if (there == all || blocks.tf32)
    return "all " + std::to_string(all) + " contractions";
  return (there ? std::to_string(there) : "none") + " of " +
         std::to_string(all) +
         " contractions: they take factors that are one input of bf16 or f16 "
         "each, or, with --tf32, f32 rounded to tf32";
}

/// The plan of a version, for people.
void Compiler::reportPlan(const BlockPlan &blocks, const DeviceMachine &gpu) {
  bool hasBoxes = blocks.staging == Staging::Boxes;
  result.report.planKind = hasBoxes ? "warpgroups" : "blocks";
  auto &plan = result.report.plan;
  plan = {{"target", gpu.target},
          {"rows", std::to_string(blocks.rows())},
          {"keys", std::to_string(blocks.keys)},
          {"stages", std::to_string(blocks.stages)},
          {"threads", std::to_string(blocks.threads())},
          {"shared bytes", std::to_string(blocks.shared)},
          {"items", llvm::join(blocks.tiles.items, ", ")},
          {"matrix units", onMatrixUnits(blocks)}};
  if (blocks.packed)
    plan.push_back({"rows of a block", blocks.packed->rank.str() + " and " +
                                           blocks.tiles.row.str() +
                                           ", which read the same keys"});
  std::string whyNot = whyNotSplit(blocks);
  if (blocks.splits)
    plan.push_back(
        {"parts of the stream",
         (blocks.splitCount
              ? std::to_string(*blocks.splitCount)
              : "as many as make " + std::to_string(blocks.slots) + " blocks") +
             ", merged by a second launch"});
  else if (!whyNot.empty())
    plan.push_back({"not split", whyNot});
  // Some assemblers move writes of a product's registers before a wait that
  // leaves others in flight (docs/decisions/0006).
  if (hasBoxes)
    plan.push_back(
        {"operands in registers", "written after all products have landed"});
  if (blocks.tf32)
    plan.push_back({"f32 factors",
                    "rounded to tf32: each by at most 2^-11 of itself, a sum "
                    "of products x y by (2^-10 + 2^-22) sum |x y|"});
}

/// Why the tiles are what they are, and what others would break or cost.
void Compiler::reportChoice(const DeviceMachine &gpu) {
  auto &plan = result.report.plan;
  const llvm::StringMap<int64_t> &extents = options.fixedExtents;
  std::string reason, notShared;
  Staging staging = preferredStaging(kernel(), gpu, extents);
  std::optional<CandidateSpace> space =
      candidatesOf(kernel(), gpu, extents, staging, reason);
  std::optional<LaunchWays> ways =
      waysOf(kernel(), gpu, extents, staging, notShared);
  if (space)
    result.report.choice = einfall::toJson(*space, gpu.description);
  if (space && space->chosen) {
    certificate::Choice claim = claimOf(*space, gpu.description);
    if (ways)
      claim.launch = claimOf(*ways, gpu.description);
    std::vector<certificate::ChoiceProblem> wrong =
        certificate::checkChoice(claim);
    const BlockCost &cost = space->candidates[*space->chosen].cost;
    plan.push_back(
        {"chosen",
         llvm::formatv(
             "the least of {0} shapes that fit, of {1}, {2}: {3:f4} clocks of "
             "an {4} for a row and a key, limited by {5} (modelled)",
             space->fitting(), space->candidates.size(),
             wrong.empty() ? "certified"
                           : "not certified: " + wrong.front().path + ": " +
                                 wrong.front().message,
             cost.perScore.get_d(), gpu.description.unit,
             cost.folds.back().limit)
             .str()});
    if (wrong.empty())
      result.report.claim = std::move(claim);
  } else if (space) {
    plan.push_back(
        {"chosen",
         llvm::formatv("of {0} shapes, none of which has registers "
                       "enough, the one that takes fewest, {1}",
                       space->candidates.size(), space->plan.registers)
             .str()});
  }
  if (ways)
    plan.push_back({"launch", textOf(*ways)});
  if (session.options.whyNot.empty())
    return;
  std::string name;
  llvm::StringMap<int64_t> asked = askedSizes(session.options, name);
  auto take = [&](const char *what) {
    auto it = asked.find(what);
    auto value = it == asked.end() ? std::nullopt : std::optional(it->second);
    asked.erase(what);
    return value;
  };
  std::optional<int64_t> parts = take("splits"), packed = take("packed");
  std::string answer;
  if (parts || packed)
    answer = ways ? whyNotShared(*ways, parts, packed) : notShared;
  if (!asked.empty())
    answer += (answer.empty() ? "" : "; ") +
              einfall::whyNot(kernel(), gpu, extents, asked);
  plan.push_back({name, answer});
}

/// All versions of the program for a GPU, the one that relies on most first.
bool Compiler::lowerToDevice() {
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
    warnOfOpenExtent(reason);
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

std::optional<PipelineResult> Compiler::run() {
  mlir::MLIRContext &context = session.context;
  context.loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect,
                      mlir::math::MathDialect, mlir::memref::MemRefDialect,
                      mlir::scf::SCFDialect, mlir::vector::VectorDialect,
                      mlir::LLVM::LLVMDialect, device::DeviceDialect>();
  result.report.kernel = written.getSymName().str();
  module = mlir::ModuleOp::create(written.getLoc());
  takeWritten();
  auto finish = [&]() -> std::optional<PipelineResult> {
    if (failed || session.diagnostics.hasErrors())
      return std::nullopt;
    return std::move(result);
  };
  if (!show(Stage::Cascade, *module))
    return finish();
  if (mlir::failed(prepareForLowering(kernel())))
    return std::nullopt;
  if (!derive())
    return done ? finish() : std::nullopt;
  if (options.target != "cpu")
    return lowerToDevice() || done ? finish() : std::nullopt;
  if (!chooseProgram())
    return std::nullopt;
  if (session.diagnostics.hasErrors())
    return std::nullopt;
  if (!show(Stage::Schedule, *module))
    return finish();
  if (!lower())
    return std::nullopt;
  if (options.observeLoops)
    options.observeLoops(*module);
  if (!show(Stage::Loops, *module))
    return finish();
  if (!lowerToLLVM())
    return std::nullopt;
  if (!show(Stage::LLVM, *module))
    return finish();
  if (!generate())
    return std::nullopt;
  return finish();
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

llvm::StringMap<int64_t> einfall::driver::knownExtents(cascade::KernelOp kernel,
                                                       const Options &options,
                                                       bool defaults) {
  llvm::StringMap<int64_t> extents;
  for (const auto &[rank, extent] : options.defines)
    extents[rank] = extent;
  if (defaults)
    for (auto op : kernel.getBody().getOps<cascade::RankOp>())
      if (op.getSize() && !op.getExtent())
        extents.try_emplace(op.getName(), *op.getSize());
  return extents;
}

std::optional<PipelineResult>
einfall::driver::compileKernel(cascade::KernelOp kernel,
                               const PipelineOptions &options,
                               Session &session) {
  return Compiler(kernel, options, session).run();
}
