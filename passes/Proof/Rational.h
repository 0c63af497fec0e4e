//===- Rational.h - Exact rational numbers ----------------------*- C++ -*-===//
//
// Numbers of the proofs: reduced fractions of unbounded integers, so that a
// counterexample found by evaluation is one over the reals, whatever its size.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_RATIONAL_H
#define EINFALL_PASSES_PROOF_RATIONAL_H

#include "llvm/ADT/DynamicAPInt.h"

#include <optional>
#include <string>

namespace einfall::proof {

/// A reduced fraction; the denominator is positive.
class Rational {
public:
  Rational(int64_t value = 0) : num(value), den(1) {}
  /// `denominator` is not 0.
  Rational(llvm::DynamicAPInt numerator, llvm::DynamicAPInt denominator);
  static Rational fraction(int64_t numerator, int64_t denominator) {
    return Rational(llvm::DynamicAPInt(numerator),
                    llvm::DynamicAPInt(denominator));
  }
  /// The exact value of a finite binary64.
  static Rational exactly(double value);

  const llvm::DynamicAPInt &numerator() const { return num; }
  const llvm::DynamicAPInt &denominator() const { return den; }
  bool isZero() const { return num == 0; }
  bool isOne() const { return num == 1 && den == 1; }
  bool isInteger() const { return den == 1; }
  int sign() const { return num > 0 ? 1 : num < 0 ? -1 : 0; }
  /// The value as a machine integer, or nothing if it is none.
  std::optional<int64_t> asInteger() const;
  /// Bits of numerator and denominator together: a measure of size.
  unsigned bits() const;

  Rational operator-() const;
  Rational operator+(const Rational &other) const;
  Rational operator-(const Rational &other) const;
  Rational operator*(const Rational &other) const;
  /// `other` is not 0.
  Rational operator/(const Rational &other) const;
  bool operator==(const Rational &o) const {
    return num == o.num && den == o.den;
  }
  bool operator!=(const Rational &o) const { return !(*this == o); }
  bool operator<(const Rational &o) const { return num * o.den < o.num * den; }
  bool operator<=(const Rational &o) const {
    return num * o.den <= o.num * den;
  }

  /// The greatest integer that is not greater.
  Rational floor() const;
  /// This to an integer power; the base is not 0 where `exponent` is negative.
  Rational power(int64_t exponent) const;
  /// The rational square root, or nothing where there is none.
  std::optional<Rational> squareRoot() const;
  /// "3", "-7/2".
  std::string str() const;

private:
  llvm::DynamicAPInt num, den;
};

llvm::hash_code hash_value(const Rational &value);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_RATIONAL_H
