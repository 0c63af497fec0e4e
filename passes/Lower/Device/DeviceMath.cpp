//===- DeviceMath.cpp - Scalar functions on a GPU -------------------------===//
//
// Functions that a GPU has no exact instruction for, from those it has:
// 2^x and log2 x to about two units in the last place.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

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
  Monoid monoid =
      fold.getMonoid(reference.getArgNumber() % fold.getReferences());
  if (monoid != Monoid::Max)
    return apply(Function::Exp, {distance});
  return exp2(
      arith::MulFOp::create(b, loc(), distance, real(1.44269504088896341)));
}

/// A polynomial near 0, where the quotient of exponentials would cancel.
Value BlockEmitter::tanh(Value x) {
  Value square = arith::MulFOp::create(b, loc(), x, x);
  Value p = real(-5.70498872745e-3);
  for (double c : {2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1,
                   -3.33332819422e-1})
    p = fmaScalar(p, square, real(c));
  Value small = fmaScalar(arith::MulFOp::create(b, loc(), p, square), x, x);
  Value e = exp2(arith::MulFOp::create(b, loc(), x, real(2.885390081777927)));
  Value quotient = arith::DivFOp::create(
      b, loc(), real(2), arith::AddFOp::create(b, loc(), e, real(1)));
  Value large = arith::SubFOp::create(b, loc(), real(1), quotient);
  Value negated = arith::NegFOp::create(b, loc(), x);
  Value size = arith::MaximumFOp::create(b, loc(), x, negated);
  Value isSmall = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OLT,
                                        size, real(0.625));
  return arith::SelectOp::create(b, loc(), isSmall, small, large);
}

/// The greatest integer not above x; x itself where it has no fraction bits.
Value BlockEmitter::floorOf(Value x) {
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  Value negated = arith::NegFOp::create(b, loc(), x);
  Value size = arith::MaximumFOp::create(b, loc(), x, negated);
  Value has = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OLT, size,
                                    real(8388608));
  Value safe = arith::SelectOp::create(b, loc(), has, x, real(0));
  Value cut = arith::SIToFPOp::create(
      b, loc(), f32, arith::FPToSIOp::create(b, loc(), i32, safe));
  Value above =
      arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OGT, cut, safe);
  Value less = arith::SubFOp::create(b, loc(), cut, real(1));
  Value floor = arith::SelectOp::create(b, loc(), above, less, cut);
  return arith::SelectOp::create(b, loc(), has, floor, x);
}

Value BlockEmitter::apply(Function function, ArrayRef<Value> operands) {
  Value x = operands[0];
  auto mul = [&](Value y, Value z) -> Value {
    return arith::MulFOp::create(b, loc(), y, z);
  };
  auto sub = [&](Value y, Value z) -> Value {
    return arith::SubFOp::create(b, loc(), y, z);
  };
  bool isReal = isa<FloatType>(x.getType());
  switch (function) {
  case Function::Exp: {
    // e^x = 2^(high + low) with x log2(e) in two parts: |x| ulps are not lost.
    Value high = mul(x, real(1.44269504088896341));
    Value finite = arith::CmpFOp::create(
        b, loc(), arith::CmpFPredicate::OLT,
        arith::MaximumFOp::create(b, loc(), x,
                                  arith::NegFOp::create(b, loc(), x)),
        real(128));
    Value low = fmaScalar(x, real(1.44269502162933349609),
                          arith::NegFOp::create(b, loc(), high));
    low = fmaScalar(x, real(1.92596299112661746887e-8), low);
    Value e = exp2(high);
    Value corrected = fmaScalar(mul(e, real(0.693147180559945309)), low, e);
    return arith::SelectOp::create(b, loc(), finite, corrected, e);
  }
  case Function::Log: {
    Value log2 =
        device::ApproximateOp::create(b, loc(), device::Approximate::Log2, x);
    return mul(log2, real(0.693147180559945309));
  }
  case Function::Sqrt:
    return device::ApproximateOp::create(b, loc(), device::Approximate::Sqrt,
                                         x);
  case Function::Tanh:
    return tanh(x);
  case Function::Floor:
    return floorOf(x);
  case Function::Ceil: {
    Value negated = arith::NegFOp::create(b, loc(), x);
    return arith::NegFOp::create(b, loc(), floorOf(negated));
  }
  case Function::Round: {
    // To the nearest even: the sum with 1.5 * 2^23 has no fraction.
    Value magic = real(12582912);
    Value rounded = sub(arith::AddFOp::create(b, loc(), x, magic), magic);
    Value size = arith::MaximumFOp::create(b, loc(), x,
                                           arith::NegFOp::create(b, loc(), x));
    Value has = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OLT, size,
                                      real(4194304));
    return arith::SelectOp::create(b, loc(), has, rounded, x);
  }
  case Function::Abs: {
    if (isReal)
      return arith::MaximumFOp::create(b, loc(), x,
                                       arith::NegFOp::create(b, loc(), x));
    Value negated = arith::SubIOp::create(b, loc(), constant(0), x);
    return arith::MaxSIOp::create(b, loc(), x, negated);
  }
  default:
    return PresenceEmitter::apply(function, operands);
  }
}
