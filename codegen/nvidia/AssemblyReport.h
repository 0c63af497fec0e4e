//===- AssemblyReport.h - What the assembler says of a kernel ---*- C++ -*-===//
//
// The log of ptxas (-v) as data: resources per kernel and the warnings that
// mean lost speed (C7508 to C7515: setmaxnreg ignored, wgmma serialized, ...).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_ASSEMBLYREPORT_H
#define EINFALL_CODEGEN_NVIDIA_ASSEMBLYREPORT_H

#include "codegen/targets/Machine.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <compare>
#include <optional>
#include <string>
#include <vector>

namespace einfall::nvidia {

struct ToolVersion {
  unsigned major = 0, minor = 0, build = 0;

  auto operator<=>(const ToolVersion &) const = default;
  std::string str() const;
  /// Reads "13.0.88"; the build may be missing.
  static std::optional<ToolVersion> parse(llvm::StringRef text);
};

/// What one kernel takes. Bytes are per thread unless they are shared.
struct KernelResources {
  std::string name;
  int64_t registers = 0;
  int64_t barriers = 0;
  int64_t stackBytes = 0; ///< local memory
  int64_t spillStoreBytes = 0;
  int64_t spillLoadBytes = 0;
  int64_t staticSharedBytes = 0; ///< per block, beside what the launch gives
};

struct AssemblyWarning {
  std::string code; ///< "C7513"; empty for a warning without a number
  std::string text;
};

struct AssemblyReport {
  std::string tool; ///< path of the program or the library
  ToolVersion version;
  std::vector<KernelResources> kernels;
  std::vector<AssemblyWarning> warnings;
  /// Known faults of this version that this program may meet.
  std::vector<std::string> faults;

  const KernelResources *find(llvm::StringRef kernel) const;
  /// No kernel spills or has local memory, and nothing was warned of.
  bool clean() const;
};

/// Reads kernels and warnings; lines of other kinds are passed over.
AssemblyReport parseAssemblyLog(llvm::StringRef log);

/// Error where a block of `threads` cannot be launched: its registers and its
/// shared memory (`sharedBytes` given at the launch) must fit what the
/// architecture has (GpuTarget::reference).
llvm::Error checkResources(const KernelResources &kernel,
                           const GpuTarget &target, int64_t threads,
                           int64_t sharedBytes);

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_ASSEMBLYREPORT_H
