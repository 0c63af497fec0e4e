//===- Intervals.h - Bounds of terms over a tile ----------------*- C++ -*-===//
//
// Interval arithmetic with symbolic ends: least and greatest value of an
// integer term when coordinates range over a tile, and when a truth value is
// the same everywhere. The ends of an affine term are exact.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_INTERVALS_H
#define EINFALL_PASSES_REGIONS_INTERVALS_H

#include "passes/Regions/Region.h"

#include "llvm/ADT/DenseMap.h"

namespace einfall::regions {

/// Both ends belong to it.
struct Interval {
  Term least, greatest;
};

class Ranges {
public:
  /// Coordinates not among `axes` are taken as they are.
  explicit Ranges(llvm::ArrayRef<Axis> axes) : axes(axes.begin(), axes.end()) {}

  /// Nothing where no bound is known.
  std::optional<Interval> of(Term integer) const;
  /// A condition under which `truth` holds everywhere, and one under which it
  /// holds nowhere.
  Term full(Term truth) const;
  Term empty(Term truth) const;
  /// Whether the term has a coordinate of the axes.
  bool varies(Term term) const;

private:
  std::vector<Axis> axes;
};

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_INTERVALS_H
