//===- Quotient.h - Indices that are equal along runs -----------*- C++ -*-===//

#ifndef EINFALL_PASSES_SCHEDULE_QUOTIENT_H
#define EINFALL_PASSES_SCHEDULE_QUOTIENT_H

#include "dialect/Cascade/Cascade.h"

namespace einfall {

/// An index `coordinate * times / by`, rounded down: where `times` divides `by`
/// it is equal along runs of by / times coordinates. Both are fields without
/// ranks.
struct Quotient {
  mlir::Value times; ///< null: 1
  mlir::Value by;
};

/// `index` in this form, or nothing.
inline std::optional<Quotient> quotientOf(mlir::Value index) {
  using namespace cascade;
  auto isConstant = [](mlir::Value field) {
    return fieldType(field).getRankNames().empty();
  };
  auto isCoordinate = [](mlir::Value field) {
    return field.getDefiningOp<CoordOp>() != nullptr;
  };
  auto division = index.getDefiningOp<MapOp>();
  if (!division || division.getFunction() != Function::FloorDiv ||
      !isConstant(division.getOperands()[1]))
    return std::nullopt;
  mlir::Value dividend = division.getOperands()[0];
  mlir::Value by = division.getOperands()[1];
  if (isCoordinate(dividend))
    return Quotient{{}, by};
  auto product = dividend.getDefiningOp<MapOp>();
  if (!product || product.getFunction() != Function::Mul)
    return std::nullopt;
  for (unsigned i : {0, 1})
    if (isCoordinate(product.getOperands()[i]) &&
        isConstant(product.getOperands()[1 - i]))
      return Quotient{product.getOperands()[1 - i], by};
  return std::nullopt;
}

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_QUOTIENT_H
