//===- Pipeline.cpp - From a cascade to folds, and on ---------------------===//

#include "frontend/driver/KernelCompiler.h"

#include "codegen/targets/Machine.h"
#include "dialect/Cascade/Schedules.h"
#include "dialect/Device/Device.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Cache.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Lower/CascadeToLoops.h"
#include "passes/Proof/EmitSMT.h"
#include "passes/Proof/Prover.h"
#include "passes/Regions/KernelMasks.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::StringRef;

cascade::KernelOp KernelCompiler::kernel() {
  return *module->getOps<cascade::KernelOp>().begin();
}

void KernelCompiler::takeWritten() {
  module->push_back(written->clone());
  cascade::chooseSchedule(kernel(), options.target);
}

bool KernelCompiler::show(Stage stage,
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

bool KernelCompiler::show(Stage stage, mlir::Operation *op) {
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

void KernelCompiler::countPasses(const PassReport &before) {
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
void KernelCompiler::proveMasks(
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
bool KernelCompiler::derive() {
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

void KernelCompiler::warnOfOpenExtent(StringRef rank, StringRef without) {
  if (options.explains)
    return;
  session.diagnostics
      .warning({}, ein::Rule::None,
               "kernel `" + written.getSymName() + "` is compiled for " +
                   options.target + " without " + without + ": the extent of " +
                   rank + " is not known when the kernel is compiled")
      .remedy("bind it, as in -D " + rank +
              "=64; `einfall explain` shows what that changes");
}

void KernelCompiler::warnOfNoTiles(StringRef whyNotTiles) {
  StringRef rank = whyNotTiles;
  if (rank.consume_front("the extent of ") &&
      rank.consume_back(" is not known when the kernel is compiled"))
    warnOfOpenExtent(rank, "tiles");
}

void KernelCompiler::warnOfOpenSums(const TilePlan &tiles) {
  for (StringRef rank : tiles.openSums)
    warnOfOpenExtent(rank, ("products of tiles for sums over " + rank).str());
}

std::optional<PipelineResult> KernelCompiler::run() {
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
  return lowerToProcessor() || done ? finish() : std::nullopt;
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
  return KernelCompiler(kernel, options, session).run();
}
