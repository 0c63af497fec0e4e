//===- CpuKernel.h - Runs a compiled kernel on the CPU's threads -*- C++ -*-==//
//
// Hands the work items of a kernel to threads, one at a time and in order, so
// that the longest, which come first, do not end last. Knows nothing of
// compilers.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CPU_CPUKERNEL_H
#define EINFALL_RUNTIME_DEVICES_CPU_CPUKERNEL_H

#include "runtime/devices/cpu/Launch.h"

#include <cstddef>
#include <memory>

namespace einfall::cpu {

/// The entry points of Launch.h. Valid as long as the code that they lie in.
struct CpuKernel {
  EinfallCpuKernel run;
  EinfallCpuItems items;
  EinfallCpuSize workspace;
  EinfallCpuSize shared;
};

/// Threads that run kernels. Made once; a launch allocates nothing.
class CpuExecutor {
public:
  /// `threads` workers, or one for every processor when 0.
  explicit CpuExecutor(unsigned threads = 0);
  ~CpuExecutor();

  unsigned threads() const;

  /// Bytes that `launch` needs: the shared workspace and one for each worker.
  size_t workspaceSize(const CpuKernel &kernel,
                       const EinfallCpuArguments &arguments) const;

  /// Runs all phases and returns when they are done. `workspace` holds
  /// `workspaceSize` bytes, aligned to 64.
  void launch(const CpuKernel &kernel, const EinfallCpuArguments &arguments,
              void *workspace) const;

private:
  struct Pool;
  std::unique_ptr<Pool> pool;
};

} // namespace einfall::cpu

#endif // EINFALL_RUNTIME_DEVICES_CPU_CPUKERNEL_H
