//===- Traffic.h - What a device program moves, in closed form --*- C++ -*-===//
//
// The sectors of 32 bytes that the warps of a device program ask of global
// memory, as expressions over the extents of the kernel: read off the program
// itself, the form one step before text, whatever plan it came from. The
// emulated device counts the same when it executes the program; both are equal
// where a term is exact.
//
// Assumed: tensors are dense, row-major, and begin at multiples of 32 bytes.
// Each access of a warp is counted by itself (global memory to SM, before any
// cache).
//
// A term that depends on what memory holds (documents, page tables, rows that
// have no key) is an upper bound: as if nothing were skipped.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_TRAFFIC_H
#define EINFALL_PASSES_TRAFFIC_TRAFFIC_H

#include "dialect/Cascade/KernelInterface.h"
#include "dialect/Device/Device.h"
#include "passes/Certificate/Expression.h"
#include "passes/Traffic/Walk.h"

#include "llvm/ADT/StringMap.h"

namespace einfall::traffic {

struct TrafficTerm {
  static constexpr int64_t sectorBytes = 32;
  /// A tensor of the kernel, or "workspace".
  std::string what;
  Direction direction;
  /// Over extents; parameters of the kernel are coordinates named as they are,
  /// and "has w" is 1 where w is given.
  certificate::Expression sectors;
  /// False: an upper bound.
  bool isExact = true;
  /// Why it is not exact; else empty.
  std::string note;
};

struct Traffic {
  /// Of all programs of the version, one for each tensor and direction.
  std::vector<TrafficTerm> terms;
  /// 1 where a launch with these extents may take the version.
  certificate::Expression applies;
  /// Of the first program, and bytes of workspace.
  certificate::Expression blocks, workspace;

  /// Sectors in a direction, of all terms.
  certificate::Expression total(Direction direction) const;
  bool isExact() const;
};

/// The traffic of a version: programs launched one after the other
/// (device::versionsOf). `fixed` are extents that the programs were compiled
/// for, `numbers` parameters of the launch and 1 for "has w"; both are numbers
/// in the expressions, which become smaller.
llvm::Expected<Traffic> trafficOf(llvm::ArrayRef<device::KernelOp> version,
                                  const cascade::KernelInterface &interface,
                                  const llvm::StringMap<int64_t> &fixed,
                                  const llvm::StringMap<int64_t> &numbers = {});

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_TRAFFIC_H
