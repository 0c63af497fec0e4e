//===- Targets.cpp - All targets, or those without MLIR -------------------===//

#include "test/fuzz/Target.h"

using namespace einfall::fuzz;

static constexpr Target targets[] = {
    {"syntax", true, runSyntax},    {"analysis", true, runAnalysis},
    {"package", false, runPackage}, {"image", false, runImage},
    {"npy", false, runNpy},         {"safetensors", false, runSafetensors},
    {"verdict", false, runVerdict}, {"certificate", false, runCertificate},
    {"machine", false, runMachine},
#ifdef EINFALL_FUZZ_WITH_MLIR
    {"cascade", true, runCascade},  {"interpreter", true, runInterpreter},
    {"server", false, runServer},
#endif
};

llvm::ArrayRef<Target> einfall::fuzz::allTargets() { return targets; }

const Target *einfall::fuzz::findTarget(std::string_view name) {
  for (const Target &target : targets)
    if (target.name == name)
      return &target;
  return nullptr;
}
