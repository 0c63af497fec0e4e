//===- Target.h - What is fed with inputs that nobody checked ---*- C++ -*-===//
//
// A target takes any bytes and does with them what the project does with what
// users, files and editors give it. It returns, whatever the bytes are: a
// diagnosed error is a success. What must not be is a crash, a hang, a report
// of a sanitizer, or a broken promise, which `fault` ends the process with.
//
// The same targets are driven three ways: by libFuzzer (LibFuzzer.cpp, with
// coverage, `./dev fuzz`), by the seeds of test/fuzz/corpus (Seeds.cpp, in
// `./dev test`), and by the mutations of Mutator.h from those seeds.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_FUZZ_TARGET_H
#define EINFALL_TEST_FUZZ_TARGET_H

#include "llvm/ADT/ArrayRef.h"

#include <string_view>

namespace einfall::fuzz {

struct Target {
  const char *name;
  /// Inputs are programs: Mutator.h knows their grammar, and the examples are
  /// seeds.
  bool takesPrograms;
  void (*run)(std::string_view input);
};

llvm::ArrayRef<Target> allTargets();
/// The target of that name, or null.
const Target *findTarget(std::string_view name);

/// Ends the process: a promise is broken.
[[noreturn]] void fault(std::string_view what, std::string_view input);

// Without MLIR, so that `./dev test` can afford them under sanitizers.
void runSyntax(std::string_view text);   ///< parser, diagnostics
void runAnalysis(std::string_view text); ///< analysis, printed explicitly
void runPackage(std::string_view bytes); ///< packages and cache entries
void runImage(std::string_view bytes);   ///< programs of the emulated device
void runNpy(std::string_view bytes);     ///< arrays of NumPy
void runSafetensors(std::string_view bytes); ///< and of safetensors
void runVerdict(std::string_view bytes);     ///< entries of the cache of proofs
void runCertificate(std::string_view text);  ///< certificates, checked
void runMachine(std::string_view text);      ///< descriptions of machines
// With MLIR.
void runCascade(std::string_view text);     ///< to verified IR
void runInterpreter(std::string_view text); ///< to numbers
void runServer(std::string_view bytes);     ///< messages of an editor

} // namespace einfall::fuzz

#endif // EINFALL_TEST_FUZZ_TARGET_H
