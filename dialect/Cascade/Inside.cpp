//===- Inside.cpp - Indices that never leave a tensor ---------------------===//

#include "dialect/Cascade/Inside.h"

using namespace einfall::cascade;

bool einfall::cascade::isInside(mlir::Value index, llvm::StringRef rank) {
  if (auto coord = index.getDefiningOp<CoordOp>())
    return coord.getRank() == rank;
  auto quotient = index.getDefiningOp<MapOp>();
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
