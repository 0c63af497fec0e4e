//===- DeviceFunctions.cpp - Scalar functions on a GPU --------------------===//

#include "passes/Lower/Threads/DeviceFunctions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace einfall;
using cascade::Function;
using Predicate = arith::CmpFPredicate;

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double ln2 = 0.693147180559945309;

//===----------------------------------------------------------------------===//
// Short names
//===----------------------------------------------------------------------===//

Value DeviceFunctions::real(double value) {
  return arith::ConstantOp::create(
      b, loc, b.getF32FloatAttr(static_cast<float>(value)));
}
Value DeviceFunctions::add(Value x, Value y) {
  return arith::AddFOp::create(b, loc, x, y);
}
Value DeviceFunctions::sub(Value x, Value y) {
  return arith::SubFOp::create(b, loc, x, y);
}
Value DeviceFunctions::mul(Value x, Value y) {
  return arith::MulFOp::create(b, loc, x, y);
}
Value DeviceFunctions::div(Value x, Value y) {
  return arith::DivFOp::create(b, loc, x, y);
}
Value DeviceFunctions::negate(Value x) {
  return arith::NegFOp::create(b, loc, x);
}
Value DeviceFunctions::absolute(Value x) {
  return arith::MaximumFOp::create(b, loc, x, negate(x));
}
Value DeviceFunctions::select(Value condition, Value x, Value y) {
  return arith::SelectOp::create(b, loc, condition, x, y);
}
Value DeviceFunctions::test(Predicate predicate, Value x, Value y) {
  return arith::CmpFOp::create(b, loc, predicate, x, y);
}
Value DeviceFunctions::fma(Value x, Value y, Value z) {
  return device::FmaOp::create(b, loc, x, y, z);
}
Value DeviceFunctions::exp2(Value x) {
  return device::ApproximateOp::create(b, loc, device::Approximate::Exp2, x);
}
Value DeviceFunctions::polynomial(Value x, ArrayRef<double> coefficients) {
  Value p = real(coefficients.front());
  for (double c : coefficients.drop_front())
    p = fma(p, x, real(c));
  return p;
}
Value DeviceFunctions::integer(int64_t value, unsigned bits) {
  return arith::ConstantIntOp::create(b, loc, value, bits);
}
Value DeviceFunctions::bitsOf(Value x) {
  return arith::BitcastOp::create(b, loc, b.getI32Type(), x);
}
Value DeviceFunctions::fromBits(Value x) {
  return arith::BitcastOp::create(b, loc, b.getF32Type(), x);
}

//===----------------------------------------------------------------------===//
// Exponentials and logarithms
//===----------------------------------------------------------------------===//

/// e^x = 2^(high + low) with x log2(e) in two parts: |x| ulps are not lost.
Value DeviceFunctions::exp(Value x) {
  Value high = mul(x, real(1.44269504088896341));
  Value finite = test(Predicate::OLT, absolute(high), real(128));
  Value low = fma(x, real(1.44269502162933349609), negate(high));
  low = fma(x, real(1.92596299112661746887e-8), low);
  Value e = exp2(high);
  return select(finite, fma(mul(e, real(ln2)), low, e), e);
}

/// A polynomial near 0, where the quotient of exponentials would cancel.
Value DeviceFunctions::tanh(Value x) {
  Value square = mul(x, x);
  Value p = polynomial(square,
                       {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
                        1.33314422036e-1, -3.33332819422e-1});
  Value small = fma(mul(p, square), x, x);
  Value e = exp2(mul(x, real(2.885390081777927)));
  Value large = sub(real(1), div(real(2), add(e, real(1))));
  return select(test(Predicate::OLT, absolute(x), real(0.625)), small, large);
}

DeviceFunctions::Parts DeviceFunctions::takeApart(Value x) {
  // Subnormal numbers are made normal first.
  Value small = test(Predicate::OLT, x, real(0x1p-126));
  x = select(small, mul(x, real(0x1p25)), x);
  constexpr int64_t one = 0x3f800000, rootOfHalf = 0x3f3504f3;
  Value bits =
      arith::AddIOp::create(b, loc, bitsOf(x), integer(one - rootOfHalf));
  Value power = arith::ShRSIOp::create(b, loc, bits, integer(23));
  power = arith::SubIOp::create(
      b, loc, power,
      arith::SelectOp::create(b, loc, small, integer(127 + 25), integer(127)));
  Value fraction = arith::AndIOp::create(b, loc, bits, integer(0x7fffff));
  fraction = arith::AddIOp::create(b, loc, fraction, integer(rootOfHalf));
  return {fromBits(fraction),
          arith::SIToFPOp::create(b, loc, b.getF32Type(), power)};
}

/// log(2^k (1 + f)) = k ln 2 + f - (f^2/2 - s (f^2/2 + R(s^2))), s = f/(2+f).
Value DeviceFunctions::log(Value x) {
  auto [mantissa, k] = takeApart(x);
  Value f = sub(mantissa, real(1));
  Value s = div(f, add(f, real(2)));
  Value z = mul(s, s);
  Value r = mul(z, polynomial(z, {0.24279078841, 0.28498786688, 0.40000972152,
                                  0.66666662693}));
  Value half = mul(mul(real(0.5), f), f);
  Value low = fma(s, add(half, r), mul(k, real(9.0580006145e-06)));
  Value result = add(add(sub(low, half), f), mul(k, real(6.9313812256e-01)));
  // 0 has -infinity, infinity itself; no other has none, and a NaN is kept.
  result =
      select(test(Predicate::OLT, x, real(infinity)), result, mul(x, real(1)));
  result = select(test(Predicate::OEQ, x, real(0)), real(-infinity), result);
  return select(test(Predicate::OLT, x, real(0)),
                real(std::numeric_limits<double>::quiet_NaN()), result);
}

/// 2^(y log2 |x|) with the logarithm, and its product with y, in two parts.
Value DeviceFunctions::pow(Value x, Value y) {
  Value size = absolute(x);
  auto [mantissa, k] = takeApart(size);
  // s = f / (2 + f) and what its rounding, and that of 2 + f, leave.
  Value f = sub(mantissa, real(1));
  Value u = add(f, real(2));
  Value rest = sub(f, sub(u, real(2)));
  Value s = div(f, u);
  Value low = div(fma(negate(s), rest, fma(negate(s), u, f)), u);
  Value z = mul(s, s);
  // ln(1 + f) = 2 s + 2 s^3 (1/3 + z/5 + ...).
  Value tail = mul(mul(s, z), polynomial(z, {0.09090909091, 0.11111111111,
                                             0.14285714286, 0.2, 1.0 / 3}));
  constexpr float twoLog2E = 2.8853900817779268f;
  constexpr double remainder = 2.8853900817779268147 - double(twoLog2E);
  Value high = mul(s, real(twoLog2E));
  Value error = fma(s, real(twoLog2E), negate(high));
  error = fma(add(low, tail), real(twoLog2E), error);
  error = fma(s, real(remainder), error);
  // k + high: exactly in two parts, |k| being 0 or the greater.
  Value sum = add(k, high);
  error = add(error, sub(high, sub(sum, k)));
  Value log2 = add(sum, error);
  error = add(error, sub(sum, log2));
  log2 = select(test(Predicate::OLT, size, real(infinity)), log2,
                mul(size, real(1)));
  log2 = select(test(Predicate::OEQ, size, real(0)), real(-infinity), log2);

  Value t = mul(y, log2);
  Value e = exp2(t);
  Value fraction = fma(y, error, fma(y, log2, negate(t)));
  Value finite = test(Predicate::OLT, absolute(t), real(128));
  e = select(finite, fma(mul(e, real(ln2)), fraction, e), e);
  // Of a negative base: only whole powers, and odd ones have its sign.
  Value floored = floor(y), half = mul(y, real(0.5));
  Value whole = test(Predicate::OEQ, floored, y);
  Value odd = arith::AndIOp::create(b, loc, whole,
                                    test(Predicate::UNE, floor(half), half));
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                         bitsOf(x), integer(0));
  Value flips = arith::AndIOp::create(b, loc, negative, odd);
  e = select(flips, negate(e), e);
  Value undefined = arith::AndIOp::create(
      b, loc,
      arith::AndIOp::create(b, loc, test(Predicate::OLT, x, real(0)),
                            test(Predicate::OGT, x, real(-infinity))),
      test(Predicate::ONE, floored, y));
  e = select(undefined, real(std::numeric_limits<double>::quiet_NaN()), e);
  // x^0 and 1^y are 1 whatever the other is, and (-1)^(+-infinity) too.
  Value one = arith::OrIOp::create(
      b, loc, test(Predicate::OEQ, y, real(0)),
      arith::OrIOp::create(
          b, loc, test(Predicate::OEQ, x, real(1)),
          arith::AndIOp::create(
              b, loc, test(Predicate::OEQ, x, real(-1)),
              test(Predicate::OEQ, absolute(y), real(infinity)))));
  return select(one, real(1), e);
}

//===----------------------------------------------------------------------===//
// Sine and cosine
//===----------------------------------------------------------------------===//

DeviceFunctions::Angle DeviceFunctions::reduceSmall(Value x) {
  Value magic = real(12582912); // 1.5 * 2^23: the sum has no fraction
  Value turns = sub(fma(x, real(0.636619772367581343), magic), magic);
  Value rest = fma(turns, real(-1.57079601287841796875), x);
  rest = fma(turns, real(-3.13916473249127855e-07), rest);
  rest = fma(turns, real(-5.39030253403037790e-15), rest);
  return {rest, arith::FPToSIOp::create(b, loc, b.getI32Type(), turns)};
}

/// The mantissa times the 96 bits of 4 / pi that count for its exponent.
DeviceFunctions::Angle DeviceFunctions::reduceLarge(Value x) {
  // 4 / pi after three bytes of zeros, from the highest bits down.
  static constexpr uint32_t words[] = {0x000000a2, 0xf9836e4e, 0x441529fc,
                                       0x2757d1f5, 0x34ddc0db, 0x6295993c,
                                       0x439041fe};
  auto wide = [&](Value value) -> Value {
    return arith::ExtUIOp::create(b, loc, b.getI64Type(), value);
  };
  auto narrow = [&](Value value) -> Value {
    return arith::TruncIOp::create(b, loc, b.getI32Type(), value);
  };
  auto bit = [&](Value value, int64_t from, int64_t mask) -> Value {
    Value moved = arith::ShRUIOp::create(b, loc, value, integer(from));
    return arith::AndIOp::create(b, loc, moved, integer(mask));
  };
  Value bits = bitsOf(x);
  // Three words, `byte` bytes behind the first of four that are chosen by the
  // two upper bits of the exponent.
  Value block = bit(bits, 28, 3), byte = bit(bits, 26, 3);
  Value chosen[4];
  for (unsigned i = 0; i < 4; ++i) {
    chosen[i] = integer(words[i + 3]);
    for (int j = 2; j >= 0; --j)
      chosen[i] = arith::SelectOp::create(
          b, loc,
          arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, block,
                                integer(j)),
          integer(words[i + j]), chosen[i]);
  }
  Value shift = wide(arith::ShLIOp::create(b, loc, byte, integer(3)));
  Value part[3];
  for (unsigned i = 0; i < 3; ++i) {
    Value pair =
        arith::ShLIOp::create(b, loc, wide(chosen[i]), integer(32, 64));
    pair = arith::OrIOp::create(b, loc, pair, wide(chosen[i + 1]));
    pair = arith::ShLIOp::create(b, loc, pair, shift);
    part[i] = arith::ShRUIOp::create(b, loc, pair, integer(32, 64));
  }
  Value mantissa =
      arith::OrIOp::create(b, loc, bit(bits, 0, 0x7fffff), integer(0x800000));
  mantissa = arith::ShLIOp::create(b, loc, mantissa, bit(bits, 23, 7));
  Value m = wide(mantissa);
  auto times = [&](Value word) -> Value {
    return arith::MulIOp::create(b, loc, m, word);
  };
  // Quadrants with 62 bits of fraction.
  Value high = wide(narrow(times(part[0])));
  Value sum = arith::AddIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, high, integer(32, 64)),
      arith::ShRUIOp::create(b, loc, times(part[2]), integer(32, 64)));
  sum = arith::AddIOp::create(b, loc, sum, times(part[1]));
  Value quadrant = arith::ShRUIOp::create(
      b, loc, arith::AddIOp::create(b, loc, sum, integer(int64_t(1) << 61, 64)),
      integer(62, 64));
  sum = arith::SubIOp::create(
      b, loc, sum, arith::ShLIOp::create(b, loc, quadrant, integer(62, 64)));
  Value rest = mul(arith::SIToFPOp::create(b, loc, b.getF32Type(), sum),
                   real(1.5707963267948966 * 0x1p-62));
  // Of a negative angle everything is.
  Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                         bits, integer(0));
  Value whole = narrow(quadrant);
  Value opposite = arith::SubIOp::create(b, loc, integer(0), whole);
  return {select(negative, negate(rest), rest),
          arith::SelectOp::create(b, loc, negative, opposite, whole)};
}

Value DeviceFunctions::sinOrCos(Value x, bool isCos) {
  Value isSmall = test(Predicate::OLT, absolute(x), real(105615));
  auto branch = scf::IfOp::create(
      b, loc, TypeRange{b.getF32Type(), b.getI32Type()}, isSmall, true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Angle angle = reduceSmall(x);
    scf::YieldOp::create(b, loc, ValueRange{angle.rest, angle.quadrant});
    b.setInsertionPointToStart(branch.elseBlock());
    angle = reduceLarge(x);
    scf::YieldOp::create(b, loc, ValueRange{angle.rest, angle.quadrant});
  }
  Value r = branch.getResult(0), quadrant = branch.getResult(1);
  if (isCos)
    quadrant = arith::AddIOp::create(b, loc, quadrant, integer(1));
  Value z = mul(r, r);
  Value sine = fma(
      mul(polynomial(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1}),
          z),
      r, r);
  Value cosine = polynomial(z, {2.443315711809948e-5, -1.388731625493765e-3,
                                4.166664568298827e-2, -0.5, 1});
  auto isSet = [&](int64_t mask) -> Value {
    Value bits = arith::AndIOp::create(b, loc, quadrant, integer(mask));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, bits,
                                 integer(0));
  };
  Value result = select(isSet(1), cosine, sine);
  result = select(isSet(2), negate(result), result);
  // An infinity has no angle, and a NaN stays one.
  return select(test(Predicate::OLT, absolute(x), real(infinity)), result,
                sub(x, x));
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

/// x + x P(x^2) near 0, else 1 - e^Q(|x|).
Value DeviceFunctions::erf(Value x) {
  Value size = absolute(x);
  Value square = mul(x, x);
  Value small =
      fma(polynomial(square, {-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
                              1.12819925e-1, -3.76125336e-1, 1.28379166e-1}),
          x, x);
  // 1 in f32 from 3.92 on.
  Value t = arith::MinimumFOp::create(b, loc, size, real(4));
  Value q = polynomial(t, {-1.72853470e-5, 3.83197126e-4, -3.88396438e-3,
                           2.42546219e-2, -1.06777877e-1, -6.34846687e-1,
                           -1.28717512e-1});
  Value large = sub(real(1), exp(fma(q, t, negate(t))));
  large = select(test(Predicate::OLT, x, real(0)), negate(large), large);
  return select(test(Predicate::OGT, size, real(0.927734375)), large, small);
}

/// The greatest integer not above x; x itself where it has no fraction bits.
Value DeviceFunctions::floor(Value x) {
  Type i32 = b.getI32Type(), f32 = b.getF32Type();
  Value has = test(Predicate::OLT, absolute(x), real(8388608));
  Value safe = select(has, x, real(0));
  Value cut = arith::SIToFPOp::create(
      b, loc, f32, arith::FPToSIOp::create(b, loc, i32, safe));
  Value above = test(Predicate::OGT, cut, safe);
  return select(has, select(above, sub(cut, real(1)), cut), x);
}

/// To the nearest even: the sum with 2^23 of its sign has no fraction.
Value DeviceFunctions::round(Value x) {
  Value magic =
      select(test(Predicate::OLT, x, real(0)), real(-8388608), real(8388608));
  Value rounded = sub(add(x, magic), magic);
  Value has = test(Predicate::OLT, absolute(x), real(8388608));
  return select(has, rounded, x);
}

Value DeviceFunctions::apply(Function function, ArrayRef<Value> operands) {
  Value x = operands[0];
  switch (function) {
  case Function::Exp:
    return exp(x);
  case Function::Log:
    return log(x);
  case Function::Sqrt:
    return device::ApproximateOp::create(b, loc, device::Approximate::Sqrt, x);
  case Function::Tanh:
    return tanh(x);
  case Function::Sin:
  case Function::Cos:
    return sinOrCos(x, function == Function::Cos);
  case Function::Erf:
    return erf(x);
  case Function::Pow:
    return pow(x, operands[1]);
  case Function::Floor:
    return floor(x);
  case Function::Ceil:
    return negate(floor(negate(x)));
  case Function::Round:
    return round(x);
  case Function::Abs: {
    if (isa<FloatType>(x.getType()))
      return absolute(x);
    Value negated = arith::SubIOp::create(b, loc, integer(0, 64), x);
    return arith::MaxSIOp::create(b, loc, x, negated);
  }
  default:
    return {};
  }
}
