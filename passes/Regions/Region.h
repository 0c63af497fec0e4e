//===- Region.h - Where a mask is full, empty or neither --------*- C++ -*-===//
//
// A mask is a truth-valued field over rows (say p) and a streamed rank (say m),
// the condition of a `cascade.where`. A kernel walks it in tiles: a block of
// rows times a tile of the stream. This says in closed form, for any tile,
//
//   full    every element of the tile is inside: no test is needed,
//   empty   none is: the tile is skipped,
//   (else)  partial: the condition is evaluated per element,
//
// and, for a block of rows, which part of the stream has to be walked at all.
// The forms are found by interval arithmetic, so they are sound by construction
// and proved nevertheless (RegionProof.h), once for all tiles, with symbolic
// origins, sizes and extents.
//
// Everything is a `proof::Term` over integers or truth values. Its symbols are
//
//   rows[i].lo, rows[i].hi   the block: rows lo <= x < hi, lo < hi
//   stream.lo, stream.hi     the tile, likewise
//   leaves                   what is the same for all elements of all tiles of
//                            a block: extents, parameters, other coordinates,
//                            and integers read at such coordinates
//
// To use them: `evaluate` (Classify.h) on numbers, `emitIndex` (EmitIndex.h) as
// arith operations. A typical walk, for each disjunct after the other, or for
// the one disjunct that causal and window masks have:
//
//   for m in [lo, min(fullLo, hi))       partial   (align lo down to a tile)
//   for m in [fullLo, fullHi)            full tiles only
//   for m in [max(fullHi, fullLo), hi)   partial
//
// or, with several disjuncts, walk [streamLo, streamHi) and ask `empty` and
// `full` at each tile. Disjuncts may overlap: walk their union, not each.
//
// Ranges passed in must be clipped to the extents of their ranks; a tail is not
// part of a mask.
//
// What is closed form: and, or, not, comparisons of integers that are affine in
// the coordinates, quotients of such by constants, min and max. Remainders (a
// dilated mask) are bounded by their divisor only. Everything else (documents,
// block lists, comparisons of reals) is *opaque*: partial wherever the rest
// does not decide, and named in `opaque`.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_REGION_H
#define EINFALL_PASSES_REGIONS_REGION_H

#include "passes/Proof/Term.h"

#include "mlir/IR/Value.h"
#include "mlir/Support/LLVM.h"

#include <memory>
#include <string>
#include <vector>

namespace einfall::cascade {
class ReadOp;
} // namespace einfall::cascade

namespace einfall::regions {

using proof::Term;

/// A rank of the tile: its coordinate and its bounds, lo <= coordinate < hi.
struct Axis {
  std::string rank;
  Term coordinate, lo, hi;
};

/// What a symbol that is not of the tile stands for.
struct Leaf {
  enum class Kind {
    Extent,     // of `rank`
    Coordinate, // of `rank`, which is neither a row nor the stream
    Value       // the int or bool field `value`, over other ranks only
  };
  Term symbol;
  Kind kind;
  std::string rank;
  mlir::Value value;
};

/// A part of the condition that has no closed form: a bool field, or the index
/// of a read.
struct Opaque {
  Term symbol; // Bool
  mlir::Value value;
};

/// One alternative of the condition, as bounds on the stream for a block of
/// rows: over row bounds and leaves.
struct Disjunct {
  /// What it is, over coordinates: a conjunction.
  Term condition;
  /// Elements that satisfy it have lo <= m < hi for every row of the block.
  Term lo, hi;
  /// Elements with fullLo <= m < fullHi satisfy it, for every row of the block.
  /// Empty (fullLo >= fullHi) where nothing can be said.
  Term fullLo, fullHi;
};

struct MaskRegions {
  /// Owns the terms.
  std::shared_ptr<proof::TermContext> terms;
  std::vector<Axis> rows;
  Axis stream;
  /// The extent of the stream.
  Term streamExtent;
  std::vector<Leaf> leaves;
  std::vector<Opaque> opaque;
  /// The conditions, over coordinates; the conjunction of what was given.
  Term predicate;
  /// Over row bounds, stream bounds and leaves. Bool.
  Term full, empty;
  std::vector<Disjunct> disjuncts;
  /// What satisfies the predicate lies in streamLo <= m < streamHi, for every
  /// row of the block; over row bounds and leaves. streamLo is not negative and
  /// streamHi not greater than the extent.
  Term streamLo, streamHi;

  /// No element needs a test that the closed forms do not know.
  bool isClosedForm() const { return opaque.empty(); }
};

/// Analyses the conjunction of `conditions`, bool fields, for tiles of
/// `rowRanks` and `streamRank`. Without conditions everything is full. Fails if
/// a condition is not a bool field.
mlir::FailureOr<MaskRegions>
analyzeMask(llvm::ArrayRef<mlir::Value> conditions,
            llvm::ArrayRef<llvm::StringRef> rowRanks,
            llvm::StringRef streamRank);

/// The same for where all indices of `read` lie inside its tensor.
MaskRegions analyzeRead(cascade::ReadOp read,
                        llvm::ArrayRef<llvm::StringRef> rowRanks,
                        llvm::StringRef streamRank);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_REGION_H
