//===- Intervals.h - What holds on a whole tile -----------------*- C++ -*-===//
//
// Interval arithmetic on the index expressions of a kernel, emitted as scalar
// code: from the least and greatest coordinate of a box it bounds every integer
// field, and so tells whether a predicate holds everywhere in the box (the tile
// is full), nowhere (it is empty), or must be tested (it is partial). What
// depends on data within the box is unknown, hence partial: always sound.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_INTERVALS_H
#define EINFALL_PASSES_LOWER_INTERVALS_H

#include "passes/Lower/FieldEmitter.h"

namespace einfall {

struct Interval {
  mlir::Value low, high; ///< i64, inclusive
};

/// Whether a predicate holds at all, and at some, coordinates of the box. Null
/// `always` is false, null `ever` is true: nothing is known.
struct Extremes {
  mlir::Value always, ever;
};

class IntervalEmitter : public FieldEmitter {
protected:
  using FieldEmitter::FieldEmitter;

  struct Box {
    std::map<llvm::StringRef, Interval> ranks;
    Point point; ///< the coordinates that are the same in the whole box
  };

  /// Where `field` is present.
  Extremes presentOn(mlir::Value field, const Box &box);

  Extremes allOf(Extremes x, Extremes y);
  Extremes anyOf(Extremes x, Extremes y);

private:
  std::optional<Interval> bounds(mlir::Value field, const Box &box);
  Extremes truth(mlir::Value field, const Box &box);
  Extremes known(bool value);
  bool varies(mlir::Value field, const Box &box);
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_INTERVALS_H
