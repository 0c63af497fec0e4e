//===- CpuTarget.cpp - What the CPU code generator compiles for -----------===//

#include "codegen/cpu/CpuTarget.h"

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
  return target;
}

CpuTarget CpuTarget::portable() {
  std::string triple = llvm::sys::getProcessTriple();
  if (llvm::Triple(triple).isX86())
    return {triple, "x86-64-v3", "", 256, 16};
  return {triple, "", "", 128, 32};
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
