//===- WarpPlan.h - How a kernel as written runs on a GPU -------*- C++ -*-===//
//
// The program that takes any cascade: a warp computes one item (a coordinate of
// every rank that all outputs have and nothing sums over), field by field in
// the order of their definition.
//
// A field that is worth keeping (passes/Schedule/WrittenPlan.h) lies in the
// warp's part of shared memory, over the ranks that remain within the item; one
// without such ranks lies in registers. The lanes of the warp share its work in
// one of two ways, whichever is estimated to move less:
//
//   elements   a lane computes every 32nd element; a reduction is its own loop
//   along      all lanes reduce one element together: each takes every 32nd
//              coordinate of a reduced rank, and shuffles finish
//
// What is not kept is computed again wherever it is used. So a kernel is
// correct whatever fits; where extents are not known when it is compiled there
// are several plans, and a launch takes the first whose memory is enough.
//
// Limits: a kernel with few items uses few warps. Kept fields do not leave
// shared memory: where |m| is in the tens of thousands, a field over m that is
// used for every m is computed again each time.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_THREADS_WARPPLAN_H
#define EINFALL_PASSES_LOWER_THREADS_WARPPLAN_H

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace einfall {

/// How lanes share the work on a field.
struct LaneSharing {
  /// That lanes run along: one of the field's own ranks within the item or,
  /// with `along`, a rank that it reduces. Empty: there is no such rank.
  llvm::StringRef rank;
  bool along = false;
};

/// A field that is kept while an item is computed.
struct KeptField {
  llvm::SmallVector<llvm::StringRef> ranks; ///< of shared memory, row-major
  LaneSharing lanes;
  bool mayBeAbsent = false; ///< a byte of presence lies beside each value
  /// Bytes of an element, its presence included.
  int64_t bytes = 0;
};

struct WarpPlan {
  llvm::SmallVector<llvm::StringRef> items;
  llvm::MapVector<mlir::Value, KeptField> kept;
  /// By the name of the output: how its elements are shared.
  llvm::StringMap<LaneSharing> outputs;
  unsigned warps = 4; ///< of a block
  /// Bytes of shared memory: of a warp, and of a block.
  int64_t warpBytes = 0, shared = 0;
  /// Kept fields fit whatever the extents are.
  bool always = true;
};

/// The plans for `kernel`, the one that keeps most first; the last one always
/// applies. `sharedBytes`: what a block may have.
std::vector<WarpPlan> planWarps(cascade::KernelOp kernel, int64_t sharedBytes,
                                const llvm::StringMap<int64_t> &extents);

/// Where values, and presence, of a kept field may begin: a multiple of this.
constexpr int64_t keptAlignment = 16;

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_THREADS_WARPPLAN_H
