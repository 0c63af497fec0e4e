//===- LaneMath.cpp - Scalar functions on lane values ---------------------===//
//
// Arithmetic maps to arith and math one to one. The exponential is our own, as
// it is the one function on the hot path: 2^n * e^r with r in [-ln 2 / 2,
// ln 2 / 2] from a two-part ln 2 (Cody and Waite) and a polynomial of degree 6;
// at most 1.5 units in the last place, 0 below -104, infinity above 88.73, NaN
// of NaN.
//
// The exponential of a distance d to a reference is 2^t for t = d log2 e in one
// product, as 2^floor(t) times a polynomial of degree 5 on [0, 1]. The product
// costs a relative error of 1.3 |d| 2^-24, as much as the rounding of d itself
// (1 |d| 2^-24) and little where it counts: the term is e^d of the greatest. To
// this come 2.5 units in the last place; 1 of 0, 0 of -infinity, NaN of NaN.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Lanes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using cascade::Function;

/// A function of AVX-512 that takes its `operands`, then what lanes keep that
/// are masked out, a mask and a rounding mode.
static Value avx512(OpBuilder &b, Location loc, StringRef name,
                    SmallVector<Value> operands) {
  Type type = operands.front().getType();
  Type i16 = b.getIntegerType(16);
  operands.push_back(
      arith::ConstantOp::create(b, loc, type, b.getZeroAttr(type)));
  operands.push_back(
      arith::ConstantOp::create(b, loc, b.getIntegerAttr(i16, -1)));
  operands.push_back(arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(4)));
  return LLVM::CallIntrinsicOp::create(
             b, loc, type, b.getStringAttr("llvm.x86.avx512.mask." + name),
             operands)
      .getResult(0);
}

Value LaneBuilder::polynomial(Value x, ArrayRef<double> coefficients) {
  Value p = splat(coefficients.front());
  for (double c : coefficients.drop_front())
    p = fma(p, x, splat(c));
  return p;
}

Value LaneBuilder::exponential(Value x) {
  // The clamps keep r finite where x is not; a NaN goes through.
  x = smaller(splat(89.0), greater(splat(-104.0), x));
  Value n = math::RoundEvenOp::create(
      b, loc(), arith::MulFOp::create(b, loc(), x, splat(1.44269504)));
  Value r = fma(n, splat(-0.693145751953125), x);
  r = fma(n, splat(-1.42860682030941723212e-6), r);
  Value p = polynomial(r, {1.39484689e-3, 8.37503933e-3, 4.16662194e-2,
                           1.66664162e-1, 0.5, 1.0, 1.0});
  return scale(p, n);
}

Value LaneBuilder::exponentialOfDistance(Value x) {
  // Minimax in the relative error, 1.4 * 2^-24, with 1 at 0.
  const double power[] = {1.86695263e-3, 9.01748054e-3, 5.57995141e-2,
                          2.40164593e-1, 6.93151295e-1, 1.0};
  Value t = arith::MulFOp::create(b, loc(), x, splat(1.44269504));
  if (scalef) {
    // t - floor(t), and 0 of an infinity; `scale` takes the floor.
    Value floor =
        arith::ConstantOp::create(b, loc(), b.getI32IntegerAttr(0b1001));
    Value r = avx512(b, loc(), "reduce.ps.512", {t, floor});
    return scale(polynomial(r, power), t);
  }
  t = smaller(splat(129.0), greater(splat(-151.0), t));
  Value n = math::FloorOp::create(b, loc(), t);
  Value r = arith::SubFOp::create(b, loc(), t, n);
  return scale(polynomial(r, power), n);
}

/// p * 2^floor(n); without scalef, of a whole n in [-151, 129].
Value LaneBuilder::scale(Value p, Value n) {
  if (scalef)
    return avx512(b, loc(), "scalef.ps.512", {p, n});
  // 2^n as the product of two powers, each in the range of a normal number. A
  // NaN has no n to convert; p is NaN already.
  VectorType ints = vectorOf(b.getI32Type());
  Value zero = zeroVector();
  Value ordered =
      arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::ORD, n, n);
  Value whole = arith::FPToSIOp::create(
      b, loc(), ints, arith::SelectOp::create(b, loc(), ordered, n, zero));
  auto integer = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(b, loc(),
                                     DenseElementsAttr::get(ints, value));
  };
  Value half = arith::ShRSIOp::create(b, loc(), whole, integer(1));
  Value rest = arith::SubIOp::create(b, loc(), whole, half);
  auto power = [&](Value k) -> Value {
    Value biased = arith::AddIOp::create(b, loc(), k, integer(127));
    Value bits = arith::ShLIOp::create(b, loc(), biased, integer(23));
    return arith::BitcastOp::create(b, loc(), p.getType(), bits);
  };
  p = arith::MulFOp::create(b, loc(), p, power(half));
  return arith::MulFOp::create(b, loc(), p, power(rest));
}

Value LaneBuilder::apply(Function function, ArrayRef<Value> operands) {
  SmallVector<Value> x(operands);
  if (x.size() == 2)
    match(x[0], x[1]);
  Type element = getElementTypeOrSelf(x.back().getType());
  bool isReal = isa<FloatType>(element), isBool = element.isInteger(1);
  auto contract = arith::FastMathFlags::contract;
  auto compare = [&](arith::CmpFPredicate real,
                     arith::CmpIPredicate integer) -> Value {
    if (isReal)
      return arith::CmpFOp::create(b, loc(), real, x[0], x[1]);
    return arith::CmpIOp::create(b, loc(), integer, x[0], x[1]);
  };
  auto shaped = [&](Type type) -> Type {
    if (isVector(x[0]))
      return vectorOf(type);
    return type;
  };
  switch (function) {
  case Function::Add:
    if (isReal)
      return arith::AddFOp::create(b, loc(), x[0], x[1], contract);
    return arith::AddIOp::create(b, loc(), x[0], x[1]);
  case Function::Sub:
    if (isReal)
      return arith::SubFOp::create(b, loc(), x[0], x[1], contract);
    return arith::SubIOp::create(b, loc(), x[0], x[1]);
  case Function::Mul:
    if (isReal)
      return arith::MulFOp::create(b, loc(), x[0], x[1], contract);
    return arith::MulIOp::create(b, loc(), x[0], x[1]);
  case Function::Div:
    return arith::DivFOp::create(b, loc(), x[0], x[1]);
  case Function::FloorDiv:
    return arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
  case Function::Mod: {
    Value quotient = arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
    return arith::SubIOp::create(
        b, loc(), x[0], arith::MulIOp::create(b, loc(), quotient, x[1]));
  }
  case Function::Neg:
    if (isReal)
      return arith::NegFOp::create(b, loc(), x[0]);
    return arith::SubIOp::create(
        b, loc(),
        arith::ConstantOp::create(b, loc(), b.getZeroAttr(x[0].getType())),
        x[0]);
  case Function::Abs:
    if (isReal)
      return math::AbsFOp::create(b, loc(), x[0]);
    return math::AbsIOp::create(b, loc(), x[0]);
  case Function::Max:
    if (isReal)
      return arith::MaximumFOp::create(b, loc(), x[0], x[1]);
    return arith::MaxSIOp::create(b, loc(), x[0], x[1]);
  case Function::Min:
    if (isReal)
      return arith::MinimumFOp::create(b, loc(), x[0], x[1]);
    return arith::MinSIOp::create(b, loc(), x[0], x[1]);
  case Function::Pow:
    return math::PowFOp::create(b, loc(), x[0], x[1]);
  case Function::Exp:
    if (isVector(x[0]))
      return exponential(x[0]);
    return math::ExpOp::create(b, loc(), x[0]);
  case Function::Log:
    return math::LogOp::create(b, loc(), x[0]);
  case Function::Sqrt:
    return math::SqrtOp::create(b, loc(), x[0]);
  case Function::Tanh:
    return math::TanhOp::create(b, loc(), x[0]);
  case Function::Sin:
    return math::SinOp::create(b, loc(), x[0]);
  case Function::Cos:
    return math::CosOp::create(b, loc(), x[0]);
  case Function::Erf:
    return math::ErfOp::create(b, loc(), x[0]);
  case Function::Floor:
    return math::FloorOp::create(b, loc(), x[0]);
  case Function::Ceil:
    return math::CeilOp::create(b, loc(), x[0]);
  case Function::Round:
    return math::RoundEvenOp::create(b, loc(), x[0]);
  case Function::Eq:
    return compare(arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq);
  case Function::Ne:
    return compare(arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne);
  case Function::Lt:
    return compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt);
  case Function::Le:
    return compare(arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle);
  case Function::Gt:
    return compare(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt);
  case Function::Ge:
    return compare(arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge);
  case Function::And:
    return arith::AndIOp::create(b, loc(), x[0], x[1]);
  case Function::Or:
    return arith::OrIOp::create(b, loc(), x[0], x[1]);
  case Function::Not: {
    Value one = truth(true);
    match(one, x[0]);
    return arith::XOrIOp::create(b, loc(), x[0], one);
  }
  case Function::Select:
    return select(x[0], x[1], x[2]);
  case Function::ToReal:
    if (isBool)
      return arith::UIToFPOp::create(b, loc(), shaped(b.getF32Type()), x[0]);
    return arith::SIToFPOp::create(b, loc(), shaped(b.getF32Type()), x[0]);
  case Function::ToInt: {
    Type type =
        isVector(x[0]) ? Type(vectorOf(b.getI32Type())) : Type(b.getI64Type());
    if (isReal)
      return arith::FPToSIOp::create(b, loc(), type, x[0]);
    return arith::ExtUIOp::create(b, loc(), type, x[0]);
  }
  }
  llvm_unreachable("all functions are handled");
}
