//===- Probes.h - What this machine can do at most --------------*- C++ -*-===//
//
// Measured peaks that speeds are given as shares of: fused multiply-adds in
// registers, and reads from memory. A probe takes a fraction of a second and
// uses as many threads as the kernel does.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PROBES_H
#define EINFALL_FRONTEND_DRIVER_PROBES_H

#include "frontend/driver/HostTensor.h"

#include <string>

namespace einfall::cpu {
class CpuExecutor;
} // namespace einfall::cpu

namespace einfall::driver {

/// What multiply-adds in registers reach, in the widest vectors of the
/// processor.
struct FmaRate {
  double flops;   ///< f32 operations a second, two for each fused multiply-add
  double seconds; ///< how long the probe took
};

/// Independent chains of fused multiply-adds on the executor's threads for
/// about `seconds`, launched as a kernel is. An average, not the best moment:
/// on a machine that others use too, a rate is to be compared with what was to
/// be had just before and just after it.
FmaRate measureFmaRate(const cpu::CpuExecutor &executor, double seconds);

/// The clock that one thread observes while it multiplies and adds, in cycles a
/// second: from a chain of dependent multiply-adds, `latency` cycles each (4 on
/// every x86 core since Skylake and Zen). The best of several rounds.
double measureClock();

/// f32 operations a cycle of one core with two multiply-add units, which the
/// data sheets of server processors give.
double operationsPerCycle();

/// Reads memory with the executor's threads, launched as a kernel is. Like the
/// FMA rate an average, to be taken just before and after what is compared.
class ReadProbe {
public:
  explicit ReadProbe(const cpu::CpuExecutor &executor);

  /// Bytes a second over about `seconds`: sweeps through 512 MiB, each of which
  /// goes on where the last one ended, so that caches hold nothing of it. 0
  /// where that memory is not to be had.
  double measure(double seconds);

private:
  double sweep(int64_t pieces);

  const cpu::CpuExecutor &executor;
  AlignedBytes memory, workspace;
  int64_t next = 0; ///< the piece to go on with
  double rate = 0;  ///< the last one seen
};

/// The processor's name and the vectors the probe used, "... (AVX-512)".
std::string describeProcessor();

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PROBES_H
