//===- CpuTraffic.h - What a CPU program moves, in closed form --*- C++ -*-===//
//
// The bytes that a CPU program asks of its tensors, as expressions over the
// extents: read off its loops and vectors, the form one step before LLVM,
// whichever lowering they came from (tiles, rows, plain loops). Each load and
// store counts by itself, before any cache and before LLVM merges any (a load
// of the same address twice in a row counts once where the caller has merged
// them); a lane that a mask leaves out does not count, nor do prefetches.
// Running the program with every access counted (codegen/cpu/CountAccesses.h)
// gives the same number where a term is exact.
//
// What crosses between caches is a model of that (CpuModel.h).
//
// Assumed: tensors are dense and row-major.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_CPUTRAFFIC_H
#define EINFALL_PASSES_TRAFFIC_CPUTRAFFIC_H

#include "dialect/Cascade/KernelInterface.h"
#include "passes/Certificate/Expression.h"
#include "passes/Traffic/Walk.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace einfall::traffic {

/// Bytes, over extents; parameters of the kernel are coordinates, as in
/// TrafficTerm.
struct CpuTerm {
  std::string what; ///< a tensor
  Direction direction;
  certificate::Expression bytes;
  bool isExact = true; ///< else an upper bound
  std::string note;    ///< why it is not exact
};

/// Rounds that visit a part of the workspace, and what they touch there.
struct CpuVisits {
  mlir::DictionaryAttr touched; ///< bytes by name (passes/Lower/TileStream.cpp)
  certificate::Expression loops, rounds;      ///< of the loop over visits
  certificate::Expression keys, keysOfRounds; ///< each times keys of its tile
  int64_t operator[](llvm::StringRef name) const;
};

struct CpuTraffic {
  /// Asked of tensors, one for each tensor and direction.
  std::vector<CpuTerm> asked;
  /// Bytes asked of workspaces and of what threads share; of a program that
  /// says what its visits touch, nothing: those are instead.
  certificate::Expression workspaceAsked, sharedAsked;
  std::vector<CpuVisits> visits;
  certificate::Expression items;
  /// Bytes of a thread's workspace, and of what threads share.
  certificate::Expression workspace, shared;

  bool isExact() const;
};

/// The traffic of the functions in `module`, run by `threads`. `fixed` are
/// extents that are known, `numbers` parameters of the launch and 1 for "has
/// w"; all become numbers.
llvm::Expected<CpuTraffic>
cpuTrafficOf(mlir::ModuleOp module, const cascade::KernelInterface &interface,
             const llvm::StringMap<int64_t> &fixed,
             const llvm::StringMap<int64_t> &numbers, int64_t threads);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_CPUTRAFFIC_H
