//===- TilePlan.h - How a kernel of folds is tiled for the CPU --*- C++ -*-===//
//
// Decides whether the folds of a kernel fit the tile program of the CPU, and
// how: which rank lies in the lanes, which are streamed, which reductions are
// contractions, what is packed.
//
// The program, for one item (a coordinate of every item rank and a block of
// rows): lanes are rows (the orientation S^T = K Q^T), so no reduction goes
// across lanes. The stream is cut into tiles of keys; what depends on the key
// alone is packed once per tile and shared by several groups of rows. In a
// tile, values move in two passes over (key, row): the first gives the
// references their new values, the second the summands; matrix accumulators
// follow.
//
// Limits: one row rank, one streamed rank per fold, one feature rank per matrix
// accumulator; contracted and feature ranks of known extent; references by max,
// min or first; accumulators by sum. What does not fit is refused with a reason
// and lowered to plain loops instead.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILEPLAN_H
#define EINFALL_PASSES_SCHEDULE_TILEPLAN_H

#include "dialect/Cascade/Cascade.h"

#include <gmpxx.h>

namespace einfall {

/// What tiling needs to know of a processor; sizes and rates of one core.
struct CpuMachine {
  unsigned lanes = 8;         ///< f32 elements in a vector
  unsigned registers = 16;    ///< vector registers
  int64_t l1Bytes = 32768;    ///< first-level data cache
  int64_t l2Bytes = 1048576;  ///< second-level cache
  mpq_class arithmetic = 2;   ///< instructions on vectors in a clock
  mpq_class loads = 2;        ///< of vectors, from the first level, in a clock
  mpq_class bytesFromL2 = 64; ///< in a clock
  mpq_class bytesBeyondL2 = 16; ///< from what lies outside it, in a clock
  unsigned cores = 8;           ///< that share the items of a kernel
};

/// A factor of a product: a field or its reciprocal.
struct Factor {
  mlir::Value value;
  bool inverted = false;
  friend bool operator==(const Factor &, const Factor &) = default;
};
using Factors = llvm::SmallVector<Factor>;

/// A field as a product of fields under conditions.
struct Product {
  Factors factors;
  llvm::SmallVector<mlir::Value> conditions;
  static Product of(mlir::Value field);
};

/// `sum over e` of rows' factors times keys' factors, times the rest.
struct Contraction {
  mlir::Value result; ///< the sum, or what it is scaled to
  llvm::StringRef rank;
  int64_t extent;
  Factors rows, keys, rest;
  llvm::SmallVector<mlir::Value> conditions; ///< without the contracted rank
};

/// One state component of a fold.
struct Component {
  unsigned number;
  mlir::Value value; ///< what the step yields
  cascade::Monoid monoid;
  // Of accumulators over a feature rank:
  bool isMatrix = false;
  llvm::StringRef feature;
  int64_t extent = 0;
  Factors weight, panel;
  llvm::SmallVector<mlir::Value> conditions;
};

struct FoldPlan {
  cascade::FoldOp fold;
  llvm::StringRef stream;
  llvm::SmallVector<Component> components;
  llvm::MapVector<mlir::Value, Contraction> contractions;
};

/// What a schedule fixes; what it leaves open is empty.
struct AskedSizes {
  std::optional<unsigned> rowVectors, keyTile, groups;
};

struct TilePlan {
  llvm::SmallVector<llvm::StringRef> items; ///< outermost first
  llvm::StringRef row;
  unsigned lanes;      ///< elements of a vector
  unsigned rowVectors; ///< vectors of rows in a group
  unsigned keyBlock;   ///< keys (or features) of a register block
  unsigned keyTile;    ///< keys of a tile
  unsigned groups;     ///< most groups of rows in an item
  std::vector<FoldPlan> folds;
  AskedSizes asked; ///< what the sizes were chosen around
  /// Ranks whose extents are not known and over which sums of products of rows
  /// and keys are therefore no contractions: they are evaluated one by one.
  llvm::SmallVector<llvm::StringRef> openSums;
};

/// The plan for `kernel`, or nothing and the `reason` in words. What the
/// kernel's `schedule` fixes is obeyed, unless it is meant for another program;
/// where it cannot be, that is an error at the kernel as well as the reason.
std::optional<TilePlan> planTiles(cascade::KernelOp kernel,
                                  const CpuMachine &machine,
                                  const llvm::StringMap<int64_t> &extents,
                                  std::string &reason,
                                  bool obeysSchedule = true);

/// The choices of `plan` as a complete `schedule` of a kernel: with it,
/// `planTiles` makes the same plan again. `{tile = {m = 80, p = 768},
/// row_vectors = 3}`: rows of an item and keys of a tile, row vectors of a
/// group.
mlir::DictionaryAttr scheduleOf(const TilePlan &plan,
                                mlir::MLIRContext *context);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TILEPLAN_H
