//===- Fraction.cpp - Terms over a common denominator ---------------------===//

#include "passes/Proof/Fraction.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using llvm::SmallVector;

namespace einfall::proof {

static int64_t powerIn(const Factors &factors, Term factor) {
  for (auto &[term, power] : factors)
    if (term == factor)
      return power;
  return 0;
}

static void multiplyInto(Factors &factors, Term factor, int64_t power) {
  for (auto &[term, have] : factors)
    if (term == factor) {
      have += power;
      return;
    }
  factors.emplace_back(factor, power);
  llvm::sort(factors,
             [](auto &a, auto &b) { return a.first.id() < b.first.id(); });
}

std::pair<Rational, Factors> factorsOf(Term term) {
  if (term.isConstant())
    return {term.value(), {}};
  auto [coefficient, rest] = splitCoefficient(term);
  Factors factors;
  auto add = [&](Term factor) {
    if (factor.is(TermKind::Pow))
      multiplyInto(factors, factor.operand(0), *factor.value().asInteger());
    else
      multiplyInto(factors, factor, 1);
  };
  if (rest.is(TermKind::Mul))
    llvm::for_each(rest.operands(), add);
  else
    add(rest);
  return {coefficient, factors};
}

Term product(TermContext &context, const Factors &factors) {
  SmallVector<Term> terms;
  for (auto &[factor, power] : factors)
    terms.push_back(context.pow(factor, power));
  return context.mul(terms);
}

Factors commonMultiple(const Factors &a, const Factors &b) {
  Factors result = a;
  for (auto &[factor, power] : b)
    if (int64_t have = powerIn(a, factor); have < power)
      multiplyInto(result, factor, power - have);
  return result;
}

Term cofactor(TermContext &context, const Factors &whole, const Factors &part) {
  Factors rest;
  for (auto &[factor, power] : whole)
    if (int64_t missing = power - powerIn(part, factor))
      rest.emplace_back(factor, missing);
  return product(context, rest);
}

/// The power of `factor` that divides `term` evidently.
static int64_t divides(Term factor, Term term) {
  if (term == factor)
    return 1;
  if (!term.is(TermKind::Add))
    return powerIn(factorsOf(term).second, factor);
  int64_t least = INT64_MAX;
  for (Term addend : term.operands())
    least = std::min(least, divides(factor, addend));
  return least;
}

/// `term` without `factor` to the power `power`, which divides it.
static Term divideOut(Term term, Term factor, int64_t power) {
  TermContext &context = term.context();
  if (term.is(TermKind::Add) && term != factor) {
    SmallVector<Term> addends;
    for (Term addend : term.operands())
      addends.push_back(divideOut(addend, factor, power));
    return context.add(addends);
  }
  auto [coefficient, factors] = factorsOf(term);
  Factors rest;
  for (auto &[other, have] : factors)
    if (int64_t left = other == factor ? have - power : have)
      rest.emplace_back(other, left);
  return context.mul({context.real(coefficient), product(context, rest)});
}

Fraction::Fraction(Term top, Factors bottom) : numerator(top) {
  if (numerator.isConstant(0))
    return;
  for (auto &[factor, power] : bottom) {
    int64_t shared = std::min(power, divides(factor, numerator));
    if (shared > 0)
      numerator = divideOut(numerator, factor, shared);
    if (power > shared)
      denominator.emplace_back(factor, power - shared);
  }
}

Term Fraction::denominatorTerm() const {
  return product(numerator.context(), denominator);
}

Fraction Fraction::operator+(const Fraction &other) const {
  TermContext &context = numerator.context();
  Factors whole = commonMultiple(denominator, other.denominator);
  Term sum = numerator * cofactor(context, whole, denominator) +
             other.numerator * cofactor(context, whole, other.denominator);
  return Fraction(sum, whole);
}

Fraction Fraction::operator*(const Fraction &other) const {
  Factors whole = denominator;
  for (auto &[factor, power] : other.denominator)
    multiplyInto(whole, factor, power);
  return Fraction(numerator * other.numerator, whole);
}

Fraction Fraction::operator/(const Fraction &other) const {
  TermContext &context = numerator.context();
  auto [coefficient, factors] = factorsOf(other.numerator);
  Rational inverse =
      coefficient.isZero() ? Rational(0) : Rational(1) / coefficient;
  Fraction reciprocal(
      context.mul({context.real(inverse), other.denominatorTerm()}), factors);
  return *this * reciprocal;
}

Fraction Fraction::power(int64_t exponent) const {
  TermContext &context = numerator.context();
  if (exponent < 0)
    return Fraction(context.real(1)) / power(-exponent);
  Factors bottom;
  for (auto &[factor, power] : denominator)
    if (exponent)
      bottom.emplace_back(factor, power * exponent);
  return Fraction(context.pow(numerator, exponent), bottom);
}

Term equal(const Fraction &a, const Fraction &b) {
  TermContext &context = a.numerator.context();
  Factors whole = commonMultiple(a.denominator, b.denominator);
  return eq(a.numerator * cofactor(context, whole, a.denominator),
            b.numerator * cofactor(context, whole, b.denominator));
}

Term less(const Fraction &a, const Fraction &b, bool orEqual,
          const llvm::DenseSet<Term> &positive) {
  TermContext &context = a.numerator.context();
  Factors whole = commonMultiple(a.denominator, b.denominator);
  SmallVector<Term> signs;
  for (auto &[factor, power] : whole)
    if (power % 2 && !positive.contains(factor))
      signs.push_back(factor);
  Term sign = context.mul(signs);
  Term left = a.numerator * cofactor(context, whole, a.denominator) * sign;
  Term right = b.numerator * cofactor(context, whole, b.denominator) * sign;
  return orEqual ? le(left, right) : lt(left, right);
}

} // namespace einfall::proof
