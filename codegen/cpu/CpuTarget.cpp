//===- CpuTarget.cpp - What the CPU code generator compiles for -----------===//

#include "codegen/cpu/CpuTarget.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>
#include <unistd.h>

using namespace einfall::cpu;

static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    // Code for other processors can be read, if not run.
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
  });
}

CpuTarget CpuTarget::host() {
  CpuTarget target;
  target.triple = llvm::sys::getProcessTriple();
  target.processor = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> found = llvm::sys::getHostCPUFeatures();
  llvm::SubtargetFeatures features;
  for (const auto &feature : found)
    features.AddFeature(feature.getKey(), feature.getValue());
  target.features = features.getString();
  bool avx512 = found.lookup("avx512f") && found.lookup("avx512vl") &&
                found.lookup("avx512dq") && found.lookup("avx512bw");
  bool avx2 = found.lookup("avx2") && found.lookup("fma");
  bool arm = llvm::Triple(target.triple).isAArch64();
  target.vectorBits = avx512 ? 512 : avx2 ? 256 : 128;
  target.vectorRegisters = avx512 || arm ? 32 : 16;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  if (long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); bytes > 0)
    target.l1Bytes = bytes;
#endif
#ifdef _SC_LEVEL2_CACHE_SIZE
  if (long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE); bytes > 0)
    target.l2Bytes = bytes;
#endif
  return target;
}

bool CpuTarget::roundsToBf16() const {
  return !llvm::Triple(triple).isX86() ||
         llvm::StringRef(features).contains("+avx512bf16");
}

CpuTarget CpuTarget::portable() {
  std::string triple = llvm::sys::getProcessTriple();
  if (llvm::Triple(triple).isX86())
    return {triple, "x86-64-v3", "", 256, 16};
  return {triple, "", "", 128, 32};
}

namespace {
/// A kind of processor that can be named.
struct KnownProcessor {
  llvm::StringLiteral name, triple, processor, features;
  unsigned vectorBits, vectorRegisters;
  /// What it has beyond every processor of its architecture, as LLVM names it.
  llvm::StringLiteral needs;
};
} // namespace

static constexpr KnownProcessor knownProcessors[] = {
    {"x86-64", "x86_64-unknown-linux-gnu", "x86-64", "", 128, 16, ""},
    {"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, 16,
     "avx2 fma f16c bmi bmi2 lzcnt movbe"},
    {"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "", 512, 32,
     "avx2 fma f16c bmi bmi2 lzcnt movbe avx512f avx512bw avx512cd avx512dq "
     "avx512vl"},
    {"aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", 128, 32, ""},
};

static const KnownProcessor *findProcessor(llvm::StringRef name) {
  const auto *found = llvm::find_if(
      knownProcessors, [&](const auto &known) { return known.name == name; });
  return found == std::end(knownProcessors) ? nullptr : found;
}

std::optional<CpuTarget> CpuTarget::named(llvm::StringRef name) {
  if (name == "native")
    return host();
  const KnownProcessor *known = findProcessor(name);
  if (!known)
    return std::nullopt;
  return CpuTarget{known->triple.str(), known->processor.str(),
                   known->features.str(), known->vectorBits,
                   known->vectorRegisters};
}

std::vector<std::string> CpuTarget::names() {
  std::vector<std::string> names = {"native"};
  for (const KnownProcessor &known : knownProcessors)
    names.push_back(known.name.str());
  return names;
}

std::string CpuTarget::lackingHere() const {
  llvm::Triple here(llvm::sys::getProcessTriple()), wanted(triple);
  if (here.getArch() != wanted.getArch())
    return "this is an " + here.getArchName().str() + " processor";
  const KnownProcessor *known = findProcessor(processor);
  if (!known)
    return "";
  llvm::StringMap<bool> found = llvm::sys::getHostCPUFeatures();
  std::string missing;
  llvm::SmallVector<llvm::StringRef> needs;
  known->needs.split(needs, ' ', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (llvm::StringRef feature : needs)
    if (!found.lookup(feature))
      missing +=
          (missing.empty() ? "this processor lacks " : ", ") + feature.str();
  return missing;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
CpuTarget::createMachine() const {
  initializeTargets();
  std::string message;
  llvm::Triple parsed(triple);
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(parsed, message);
  if (!target)
    return llvm::createStringError("no code generator for " + triple + ": " +
                                   message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      parsed, processor, features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive, /*JIT=*/false));
  if (!machine)
    return llvm::createStringError("cannot generate code for " + processor +
                                   " of " + triple);
  return machine;
}
