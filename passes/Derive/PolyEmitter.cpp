//===- PolyEmitter.cpp - Polynomials as maps ------------------------------===//

#include "passes/Derive/PolyEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

static double toDouble(const llvm::DynamicAPInt &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return std::strtod(text.c_str(), nullptr);
}

static double toDouble(const Rational &value) {
  return toDouble(value.numerator()) / toDouble(value.denominator());
}

Value PolyEmitter::map(Function function, ArrayRef<Value> operands) {
  return MapOp::create(builder, loc, function, operands);
}

Value PolyEmitter::constant(double value) {
  return ConstOp::create(builder, loc, value);
}

Value PolyEmitter::power(Value value, int power) {
  assert(power >= 1 && "divisors are collected elsewhere");
  Value result = value;
  for (int i = 1; i < power; ++i)
    result = map(Function::Mul, {result, value});
  return result;
}

Value PolyEmitter::atom(AtomId id) {
  const Atom &atom = algebra[id];
  switch (atom.kind) {
  case Atom::Leaf:
    return field(atom.value);
  case Atom::Apply:
    return map(atom.function, {poly(atom.argument)});
  case Atom::Sum:
    return poly(atom.argument);
  case Atom::Component:
    return component(atom.number);
  case Atom::Choice:
  case Atom::Symbol:
    break;
  }
  return {};
}

Value PolyEmitter::monomial(const Monomial &monomial,
                            const Rational &coefficient) {
  return times({}, monomial, coefficient);
}

Value PolyEmitter::times(Value value, const Monomial &monomial,
                         const Rational &coefficient) {
  Value under;
  auto multiply = [&](Value &into, Value factor) {
    into = into ? map(Function::Mul, {into, factor}) : factor;
  };
  if (monomial.exponent)
    multiply(value,
             map(Function::Exp, {poly(algebra.exponent(monomial.exponent))}));
  // Accumulators first: the rest are factors of theirs.
  for (bool accumulators : {true, false})
    for (auto [id, k] : monomial.factors) {
      const Atom &factor = algebra[id];
      if (factor.kind == Atom::Choice ||
          (factor.kind == Atom::Component) != accumulators)
        continue;
      multiply(k > 0 ? value : under, power(atom(id), std::abs(k)));
    }
  bool negate = coefficient == Rational(-1) && value;
  if (!coefficient.isOne() && !negate)
    multiply(value, constant(toDouble(coefficient)));
  if (!value)
    value = constant(1.0);
  if (under)
    value = map(Function::Div, {value, under});
  if (negate)
    value = map(Function::Neg, {value});
  for (auto [id, k] : monomial.factors) {
    const Atom &factor = algebra[id];
    if (factor.kind != Atom::Choice)
      continue;
    Value zero = constant(0.0), condition = field(factor.value);
    value = factor.truth ? map(Function::Select, {condition, value, zero})
                         : map(Function::Select, {condition, zero, value});
  }
  return value;
}

Value PolyEmitter::poly(const Poly &poly) {
  if (poly.isZero())
    return constant(0.0);
  if (poly.isSingle())
    return monomial(poly.terms.begin()->first, poly.terms.begin()->second);
  // What all terms share is written once.
  Monomial common = poly.terms.begin()->first;
  for (auto &[term, coefficient] : poly.terms) {
    if (term.exponent != common.exponent)
      common.exponent = 0;
    std::vector<std::pair<AtomId, int>> kept;
    for (auto [id, k] : common.factors) {
      int other = term.power(id);
      if (algebra[id].kind == Atom::Choice || (k > 0) != (other > 0) ||
          other == 0)
        continue;
      kept.push_back({id, k > 0 ? std::min(k, other) : std::max(k, other)});
    }
    common.factors = kept;
  }
  if (common.isOne())
    return sum(poly);
  Poly reduced;
  for (auto &[term, coefficient] : poly.terms) {
    Monomial rest;
    rest.exponent = common.exponent ? 0 : term.exponent;
    for (auto [id, k] : term.factors)
      if (int left = k - common.power(id))
        rest.factors.push_back({id, left});
    reduced.terms[rest] = coefficient;
  }
  return times(sum(reduced), common);
}

Value PolyEmitter::sum(const Poly &poly) {
  Value result;
  for (auto &[term, coefficient] : poly.terms)
    if (coefficient.sign() > 0) {
      Value value = monomial(term, coefficient);
      result = result ? map(Function::Add, {result, value}) : value;
    }
  for (auto &[term, coefficient] : poly.terms) {
    if (coefficient.sign() > 0)
      continue;
    result = result ? map(Function::Sub, {result, monomial(term, -coefficient)})
                    : monomial(term, coefficient);
  }
  return result;
}
