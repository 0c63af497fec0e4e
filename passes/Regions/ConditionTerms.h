//===- ConditionTerms.h - Conditions as terms -------------------*- C++ -*-===//
//
// Reads bool and int fields of the cascade dialect as terms over coordinates:
// what can be read becomes arithmetic, what is the same for a whole block
// becomes a leaf, and the rest of a condition an opaque truth value.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_CONDITIONTERMS_H
#define EINFALL_PASSES_REGIONS_CONDITIONTERMS_H

#include "passes/Regions/Region.h"

#include "llvm/ADT/DenseMap.h"

namespace einfall::cascade {
class ReadOp;
} // namespace einfall::cascade

namespace einfall::regions {

class ConditionReader {
public:
  /// Fills `leaves` and `opaque` of `regions`, whose axes are set.
  explicit ConditionReader(MaskRegions &regions) : regions(regions) {}

  /// `condition` is a bool field.
  Term truth(mlir::Value condition);
  /// That index `dim` of a read lies inside its tensor.
  Term inside(cascade::ReadOp read, unsigned dim);

private:
  /// An int field as a term, or null where it has no closed form.
  Term integer(mlir::Value value);
  Term opaque(mlir::Value value);
  Term leaf(mlir::Value value);
  Term extent(llvm::StringRef rank);
  Term coordinate(llvm::StringRef rank);
  /// No rank of the tile occurs in the field.
  bool isUniform(mlir::Value value) const;

  MaskRegions &regions;
  llvm::DenseMap<mlir::Value, Term> values;
};

/// Whether a field is present at all coordinates of its ranks: it reads nothing
/// outside a tensor and no `where` restricts it.
bool isAlwaysPresent(mlir::Value field);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_CONDITIONTERMS_H
