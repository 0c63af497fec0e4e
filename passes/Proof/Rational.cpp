//===- Rational.cpp - Exact rational numbers ------------------------------===//

#include "passes/Proof/Rational.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using llvm::DynamicAPInt;

namespace einfall::proof {

Rational::Rational(DynamicAPInt numerator, DynamicAPInt denominator)
    : num(std::move(numerator)), den(std::move(denominator)) {
  assert(den != 0 && "a fraction over 0");
  if (den < 0) {
    num = -num;
    den = -den;
  }
  if (den == 1)
    return;
  DynamicAPInt divisor = gcd(abs(num), den);
  if (divisor != 1) {
    num /= divisor;
    den /= divisor;
  }
}

Rational Rational::exactly(double value) {
  assert(std::isfinite(value) && "not a number");
  int exponent = 0;
  double mantissa = std::frexp(value, &exponent);
  auto digits = static_cast<int64_t>(std::ldexp(mantissa, 53));
  return Rational(digits) * Rational(2).power(exponent - 53);
}

std::optional<int64_t> Rational::asInteger() const {
  if (den != 1 || num > DynamicAPInt(INT64_MAX) ||
      num < DynamicAPInt(INT64_MIN))
    return std::nullopt;
  return static_cast<int64_t>(num);
}

unsigned Rational::bits() const {
  unsigned bits = 0;
  for (DynamicAPInt rest : {abs(num), den})
    while (rest > 0) {
      rest = rest / (int64_t(1) << 32);
      bits += 32;
    }
  return bits;
}

Rational Rational::operator-() const {
  Rational result = *this;
  result.num = -result.num;
  return result;
}

Rational Rational::operator+(const Rational &other) const {
  return Rational(num * other.den + other.num * den, den * other.den);
}

Rational Rational::operator-(const Rational &other) const {
  return Rational(num * other.den - other.num * den, den * other.den);
}

Rational Rational::operator*(const Rational &other) const {
  return Rational(num * other.num, den * other.den);
}

Rational Rational::operator/(const Rational &other) const {
  return Rational(num * other.den, den * other.num);
}

Rational Rational::floor() const {
  return Rational(floorDiv(num, den), DynamicAPInt(1));
}

Rational Rational::power(int64_t exponent) const {
  Rational base = exponent < 0 ? Rational(1) / *this : *this;
  Rational result(1);
  for (uint64_t n = exponent < 0 ? -exponent : exponent; n; n >>= 1) {
    if (n & 1)
      result = result * base;
    if (n > 1)
      base = base * base;
  }
  return result;
}

/// The integer root of a square, or nothing; by Newton's method.
static std::optional<DynamicAPInt> integerRoot(const DynamicAPInt &value) {
  if (value < 0)
    return std::nullopt;
  if (value < 2)
    return value;
  DynamicAPInt root = value;
  while (true) {
    DynamicAPInt next = (root + value / root) / 2;
    if (next >= root)
      break;
    root = next;
  }
  if (root * root != value)
    return std::nullopt;
  return root;
}

std::optional<Rational> Rational::squareRoot() const {
  std::optional<DynamicAPInt> top = integerRoot(num), bottom = integerRoot(den);
  if (!top || !bottom)
    return std::nullopt;
  return Rational(*top, *bottom);
}

std::string Rational::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << num;
  if (den != 1)
    os << "/" << den;
  return text;
}

llvm::hash_code hash_value(const Rational &value) {
  return llvm::hash_combine(hash_value(value.numerator()),
                            hash_value(value.denominator()));
}

} // namespace einfall::proof
