//===- DeviceMath.cpp - Scalar functions in the block program -------------===//
//
// Functions come from DeviceFunctions.h; the weight of a key needs less.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"
#include "passes/Lower/Threads/DeviceFunctions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

Value BlockEmitter::fmaScalar(Value x, Value y, Value z) {
  return device::FmaOp::create(b, loc(), x, y, z);
}

Value BlockEmitter::exp2(Value value) {
  return device::ApproximateOp::create(b, loc(), device::Approximate::Exp2,
                                       value);
}

/// A weight is at most 1 where the reference is the greatest value: an error of
/// |t| units in the last place of 2^t, t <= 0, is less than one unit of the
/// greatest weight. The distance is exact near the greatest value, whose weight
/// so is exactly 1: with the reference folded into a multiply-add, it would be
/// 2^(its rounding), which a 16-bit weight shows where scores are in the
/// thousands.
Value BlockEmitter::weightOf(MapOp op, Value distance, const Point &point,
                             Memo &memo) {
  auto reference = cast<BlockArgument>(op.getOperands()[1]);
  auto fold = cast<FoldOp>(reference.getOwner()->getParentOp());
  unsigned number = reference.getArgNumber() % fold.getReferences();
  if (fold.getMonoid(number) != Monoid::Max)
    return apply(Function::Exp, {distance});
  return exp2(arith::MulFOp::create(b, loc(), distance,
                                    scaled(number, real(1.44269504088896341))));
}

Value BlockEmitter::apply(Function function, ArrayRef<Value> operands) {
  if (Value result = DeviceFunctions(b, loc()).apply(function, operands))
    return result;
  return PresenceEmitter::apply(function, operands);
}
