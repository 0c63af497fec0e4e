//===- FoldToRows.h - One fold for few rows (decode) ------------*- C++ -*-===//
//
// Lowers a derived kernel for the case that there are few rows and a long
// stream: one query against a cache of keys. There is nothing to reuse, so the
// kernel reads every key once, at the speed of memory, and finds its parallelism
// in *splits* of the stream (FlashDecoding; FuseMax, the 2-pass local-max form).
//
// A work item is one row and one split. Scores have consecutive keys in the
// lanes of a vector: the contraction over e runs along e for as many keys as
// there are lanes, then sums across. Accumulators with a column rank f have f in
// the lanes. A second phase merges the splits of a row: both states are acted to
// a joint reference and added, then the finish is computed and stored. How many
// splits there are depends on extents only, so results do not depend on the
// number of threads.
//
//   phase 0, item (row, split):   state(row, split) = fold over its keys
//   phase 1, item row:            merge, finish, outputs
//
// Keys that do not exist are never read past the end of a tensor and never enter
// a state, whatever they hold.
//
// Not handled, with the reason as a diagnostic at the offending place: several
// folds, a fold over several ranks, accumulators with more than one rank besides
// the rows', sums over several ranks inside the step, outputs without the rows'
// ranks.
//
// Output: the functions of runtime/devices/cpu/Launch.h.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_FOLDTOROWS_H
#define EINFALL_PASSES_LOWER_FOLDTOROWS_H

#include "dialect/Cascade/Cascade.h"

namespace einfall {

struct FoldToRowsOptions {
  unsigned lanes = 16; ///< f32 elements of a vector
};

/// Whether the kernel has the form above; if not, `reason` says why.
bool canLowerFoldToRows(cascade::KernelOp kernel, std::string *reason = nullptr);

/// Emits the functions of `kernel` before it. The kernel itself is left alone.
llvm::LogicalResult lowerFoldToRows(cascade::KernelOp kernel,
                                    const FoldToRowsOptions &options = {});

/// `--lower-fold-to-rows`: lowers and erases every kernel of a module.
std::unique_ptr<mlir::Pass>
createLowerFoldToRowsPass(const FoldToRowsOptions &options = {});

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_FOLDTOROWS_H
