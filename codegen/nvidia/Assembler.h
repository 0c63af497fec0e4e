//===- Assembler.h - From PTX to a cubin ------------------------*- C++ -*-===//
//
// Two ways lead from PTX to machine code, both NVIDIA's: the program ptxas and
// the library nvJitLink, which runs in process. They share one code generator;
// at equal versions the program is taken, because the library compiles for
// linking (a small kernel took 27 registers there and 19 by the program, 13.0)
// and cannot be stopped by a clock.
//
// The newest version found is used. Faults of versions that are known to
// compile a program wrongly are a table (`knownFaults`); a report names those
// that the program may meet, and it is for the caller to refuse or to lower
// more carefully.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_ASSEMBLER_H
#define EINFALL_CODEGEN_NVIDIA_ASSEMBLER_H

#include "codegen/nvidia/AssemblyReport.h"
#include "codegen/targets/Machine.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace einfall::nvidia {

/// Versions [from, fixed) compile some programs wrongly.
struct KnownFault {
  ToolVersion from, fixed;
  /// Only programs with matrix products whose A is in registers.
  bool needsRegisterWgmma;
  /// Only programs for this; empty: all.
  llvm::StringRef target;
  std::string_view what;
  std::string_view source;
};
llvm::ArrayRef<KnownFault> knownFaults();

/// The faults of `version` that `ptx` for `target` may meet.
std::vector<std::string> faultsOf(const ToolVersion &version,
                                  llvm::StringRef ptx, const GpuTarget &target);

struct Assembly {
  std::vector<char> cubin;
  AssemblyReport report;
};

struct AssembleOptions {
  double seconds = 300; ///< until the program is killed
  /// More arguments for the assembler, such as "-maxrregcount=128".
  std::vector<std::string> arguments;
};

class Assembler {
public:
  enum class Kind { Program, Library };

  /// The newest one on this machine. The variable EINFALL_PTXAS names one to
  /// take instead; else they are looked for in PATH, in CUDA_HOME and
  /// CUDA_PATH, in /usr/local/cuda*, and among the Python packages of the
  /// active environment. Error: there is none, with what to install.
  static llvm::Expected<Assembler> find();

  /// All that `find` chooses from, best first.
  static std::vector<Assembler> candidates();

  /// The program or library at this path. Error: it is none or does not run.
  static llvm::Expected<Assembler> open(llvm::StringRef path);

  /// Errors: the assembler's own messages, a time limit.
  llvm::Expected<Assembly> assemble(llvm::StringRef ptx,
                                    const GpuTarget &target,
                                    const AssembleOptions &options = {}) const;

  Kind kind;
  std::string path;
  ToolVersion version;

private:
  Assembler(Kind kind, std::string path, ToolVersion version)
      : kind(kind), path(std::move(path)), version(version) {}
};

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_ASSEMBLER_H
