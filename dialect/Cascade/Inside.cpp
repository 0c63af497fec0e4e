//===- Inside.cpp - Indices that never leave a tensor ---------------------===//

#include "dialect/Cascade/Inside.h"

using namespace einfall::cascade;

/// An integer that exists: coordinates, extents and numbers, added up.
static bool isPlainInteger(mlir::Value field) {
  mlir::Operation *op = field.getDefiningOp();
  auto map = mlir::dyn_cast_or_null<MapOp>(op);
  if (!map)
    return mlir::isa_and_nonnull<ConstOp, CoordOp, ExtentOp>(op);
  switch (map.getFunction()) {
  case Function::Add:
  case Function::Sub:
  case Function::Mul:
  case Function::Neg:
    return llvm::all_of(map.getOperands(), isPlainInteger);
  case Function::FloorDiv: {
    auto divisor = map.getOperands()[1].getDefiningOp<ConstOp>();
    auto number = divisor
                      ? mlir::dyn_cast<mlir::IntegerAttr>(divisor.getValue())
                      : mlir::IntegerAttr();
    return number && !number.getValue().isZero() &&
           isPlainInteger(map.getOperands()[0]);
  }
  default:
    return false;
  }
}

bool einfall::cascade::isInside(mlir::Value index, llvm::StringRef rank) {
  if (auto coord = index.getDefiningOp<CoordOp>())
    return coord.getRank() == rank;
  auto quotient = index.getDefiningOp<MapOp>();
  // Where the rank has a coordinate, its extent is no 0.
  if (quotient && quotient.getFunction() == Function::Mod) {
    auto divisor = quotient.getOperands()[1].getDefiningOp<ExtentOp>();
    return divisor && divisor.getRank() == rank &&
           fieldType(quotient.getOperands()[0]).hasRank(rank) &&
           isPlainInteger(quotient.getOperands()[0]);
  }
  if (!quotient || quotient.getFunction() != Function::FloorDiv)
    return false;
  auto product = quotient.getOperands()[0].getDefiningOp<MapOp>();
  auto divisor = quotient.getOperands()[1].getDefiningOp<ExtentOp>();
  if (!product || !divisor || product.getFunction() != Function::Mul)
    return false;
  for (unsigned i : {0u, 1u}) {
    auto coord = product.getOperands()[i].getDefiningOp<CoordOp>();
    auto extent = product.getOperands()[1 - i].getDefiningOp<ExtentOp>();
    if (coord && extent && coord.getRank() == divisor.getRank() &&
        extent.getRank() == rank)
      return true;
  }
  return false;
}

bool einfall::cascade::isInside(ReadOp read, unsigned dim) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  return input && isInside(read.getIndices()[dim], names(input.getDims())[dim]);
}
