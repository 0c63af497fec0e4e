//===- FoldToRows.h - One fold for few rows (decode) ------------*- C++ -*-===//
//
// Lowers a derived kernel for the case that there are few rows and a long
// stream: one query against a cache of keys. There is nothing to reuse, so the
// kernel reads every key once, at the speed of memory, and finds its
// parallelism in *splits* of the stream (FlashDecoding; FuseMax, the 2-pass
// local-max form).
//
// A work item is one block of rows and one split. Rows that read the same keys
// make a block: several queries of a sequence, and query heads that share a key
// head through an index such as h * |g| / |h|. They are found from the indices
// of what is streamed, and every key is read from memory once for a block and
// from its place in a register for the rows worked on together.
//
// Scores have consecutive keys in the lanes of a vector: the contraction over e
// runs along e for a few keys and all rows at a time, then sums across.
// Accumulators with a column rank f have f in the lanes. A second phase merges
// the splits of a row: both states are acted to a joint reference and added,
// then the finish is computed and stored. How many splits there are depends on
// extents only, so results do not depend on the number of threads.
//
//   phase 0, item (block, split):  state(row, split) = fold over its keys,
//                                  for the rows of the block
//   phase 1, item row:             merge, finish, outputs
//
// Keys that do not exist are never read past the end of a tensor and never
// enter a state, whatever they hold.
//
// Not handled, with the reason as a diagnostic at the offending place: several
// folds, a fold over several ranks, accumulators with more than one rank
// besides the rows', sums over several ranks inside the step, outputs without
// the rows' ranks.
//
// Output: the functions of runtime/devices/cpu/Launch.h.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_FOLDTOROWS_H
#define EINFALL_PASSES_LOWER_FOLDTOROWS_H

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/StringMap.h"

namespace einfall {

struct FoldToRowsOptions {
  unsigned lanes = 16;     ///< f32 elements of a vector
  unsigned registers = 32; ///< vector registers
  /// Extents that are likely; others work as well, with less in registers.
  llvm::StringMap<int64_t> extents;
};

/// Whether the kernel has the form above; if not, `reason` says why.
bool canLowerFoldToRows(cascade::KernelOp kernel,
                        std::string *reason = nullptr);

/// Emits the functions of `kernel` before it. The kernel itself is left alone.
llvm::LogicalResult lowerFoldToRows(cascade::KernelOp kernel,
                                    const FoldToRowsOptions &options = {});

/// `--lower-fold-to-rows`: lowers and erases every kernel of a module.
std::unique_ptr<mlir::Pass>
createLowerFoldToRowsPass(const FoldToRowsOptions &options = {});

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_FOLDTOROWS_H
