//===- Probes.h - What this machine can do at most --------------*- C++ -*-===//
//
// Measured peaks that speeds are given as shares of: fused multiply-adds in
// registers, and reads from memory. A probe takes a fraction of a second and
// uses as many threads as the kernel does.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PROBES_H
#define EINFALL_FRONTEND_DRIVER_PROBES_H

#include <string>

namespace einfall::driver {

/// f32 operations a second of all threads together, two for each fused
/// multiply-add: the best of several rounds of independent chains in registers,
/// in the widest vectors of the processor.
double measureFmaPeak(unsigned threads);

/// Bytes a second that all threads together read from memory: the best of
/// several sweeps over 512 MiB, which no cache of today holds.
/// 0 where that memory is not to be had.
double measureReadBandwidth(unsigned threads);

/// The processor's name and the vectors the probe used, "... (AVX-512)".
std::string describeProcessor();

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PROBES_H
