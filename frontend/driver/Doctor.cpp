//===- Doctor.cpp - einfall doctor ----------------------------------------===//
//
// What of the things that the compiler uses is on this machine, what for, and
// what to do about those that are not.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvidia/Assembler.h"
#include "codegen/targets/Machine.h"
#include "frontend/compiler/PackageCache.h"
#include "frontend/driver/Cache.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Tools.h"
#include "runtime/core/HostFeatures.h"
#include "runtime/devices/cuda/Driver.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <thread>

using namespace einfall;
using namespace einfall::driver;

namespace {
class Findings {
public:
  void found(llvm::StringRef what, const llvm::Twine &text) {
    llvm::outs() << llvm::formatv("{0,-10} {1}\n", what, text.str());
  }
  /// `remedy` says what does not work and what to do.
  void missing(llvm::StringRef what, const llvm::Twine &text,
               llvm::StringRef remedy) {
    found(what, text);
    llvm::outs() << llvm::formatv("{0,-10}   {1}\n", "", remedy);
  }
};
} // namespace

static void lookAtProcessor(Findings &findings) {
  std::vector<std::string> features;
  for (const runtime::HostFeature &feature : runtime::hostFeatures())
    if (feature.present)
      features.emplace_back(feature.name);
  findings.found("cpu", llvm::sys::getHostCPUName() + ", " +
                            llvm::Twine(std::thread::hardware_concurrency()) +
                            " threads; " + llvm::join(features, " "));
}

static void lookAtAssemblers(Findings &findings) {
  std::vector<nvidia::Assembler> assemblers = nvidia::Assembler::candidates();
  for (const nvidia::Assembler &assembler : assemblers)
    findings.found("assembler",
                   (assembler.kind == nvidia::Assembler::Kind::Program
                        ? "ptxas "
                        : "nvJitLink ") +
                       assembler.version.str() + ", " + assembler.path);
  if (assemblers.empty())
    findings.missing(
        "assembler", "no ptxas and no libnvJitLink",
        "packages hold PTX for GPUs, which the driver assembles at "
        "the first launch; the CUDA Toolkit has ptxas");
}

static void lookAtGpus(Findings &findings) {
  cuda::Failure failure;
  unsigned count = 0;
  while (auto device = cuda::Device::open(count, failure)) {
    findings.found("cuda:" + std::to_string(count++),
                   device->name + ", compute capability " +
                       llvm::Twine(device->major) + "." +
                       llvm::Twine(device->minor));
  }
  if (count == 0)
    findings.missing("cuda", failure.text,
                     "kernels for GPUs run on emulated devices: --device "
                     "emulated:sm_80");
}

static void lookAtCache(Findings &findings) {
  std::string folder = cacheDirectory("packages");
  compiler::PackageCache cache(folder);
  if (cache.whyNot().empty())
    findings.found("cache", folder);
  else
    findings.missing("cache", cache.whyNot(),
                     "kernels that a program compiles are compiled every time");
}

int einfall::driver::doctor(const Options &) {
  Findings findings;
  version();
  lookAtProcessor(findings);
  bool complete = true;
  if (std::string solver = firstLine("z3", "--version"); !solver.empty()) {
    findings.found("solver", solver);
  } else {
    complete = false;
    findings.missing("solver", "z3 is not on the PATH",
                     "what is not proved is not used, so kernels run pass by "
                     "pass: install z3");
  }
  std::string linker;
  for (const char *name : {"ld.lld-22", "ld.lld", "ld"})
    if (auto path = llvm::sys::findProgramByName(name); path && linker.empty())
      linker = *path;
  if (!linker.empty()) {
    findings.found("linker", linker);
  } else {
    complete = false;
    findings.missing("linker", "no lld and no ld",
                     "packages for the CPU cannot be made: install lld");
  }
  lookAtAssemblers(findings);
  lookAtGpus(findings);
  lookAtCache(findings);
  findings.found("targets", llvm::join(targetNames(), " "));
  findings.found("devices", deviceNames());
  return complete ? exitSuccess : exitMissing;
}
