//===- Polynomial.cpp - Polynomials of one variable -----------------------===//

#include "passes/Certificate/Polynomial.h"

#include <algorithm>

namespace einfall::certificate {

void Polynomial::trim() {
  while (!coefficients.empty() && coefficients.back() == 0)
    coefficients.pop_back();
}

Polynomial Polynomial::affine(const mpz_class &slope,
                              const mpz_class &constant) {
  Polynomial result;
  result.coefficients = {constant, slope};
  result.trim();
  return result;
}

mpz_class Polynomial::at(const mpz_class &k) const {
  mpz_class value = 0;
  for (size_t d = coefficients.size(); d-- > 0;) {
    value *= k;
    value += coefficients[d];
  }
  return value;
}

void Polynomial::add(const Polynomial &other) {
  if (coefficients.size() < other.coefficients.size())
    coefficients.resize(other.coefficients.size());
  for (size_t d = 0; d < other.coefficients.size(); ++d)
    coefficients[d] += other.coefficients[d];
  trim();
}

void Polynomial::subtract(const Polynomial &other) {
  if (coefficients.size() < other.coefficients.size())
    coefficients.resize(other.coefficients.size());
  for (size_t d = 0; d < other.coefficients.size(); ++d)
    coefficients[d] -= other.coefficients[d];
  trim();
}

void Polynomial::scale(const mpz_class &factor) {
  for (mpz_class &coefficient : coefficients)
    coefficient *= factor;
  trim();
}

Polynomial operator*(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  if (a.coefficients.empty() || b.coefficients.empty())
    return result;
  result.coefficients.resize(a.coefficients.size() + b.coefficients.size() - 1);
  for (size_t i = 0; i < a.coefficients.size(); ++i)
    for (size_t j = 0; j < b.coefficients.size(); ++j)
      result.coefficients[i + j] += a.coefficients[i] * b.coefficients[j];
  return result;
}

/// The sum of 0^d + ... + (n-1)^d, by Bernoulli's formula; n may be negative,
/// as the formula telescopes.
static mpz_class powerSum(size_t d, const mpz_class &n) {
  // Coefficients of n^(d+1), n^d, ..., n, times their common denominator.
  static const struct {
    long denominator;
    long coefficients[7];
  } table[] = {
      {1, {1}},
      {2, {1, -1}},
      {6, {2, -3, 1}},
      {4, {1, -2, 1, 0}},
      {30, {6, -15, 10, 0, -1}},
      {12, {2, -6, 5, 0, -1, 0}},
      {42, {6, -21, 21, 0, -7, 0, 1}},
  };
  mpz_class value = 0;
  for (size_t i = 0; i <= d; ++i)
    value = value * n + table[d].coefficients[i];
  value *= n;
  mpz_divexact_ui(value.get_mpz_t(), value.get_mpz_t(), table[d].denominator);
  return value;
}

mpz_class Polynomial::sumOver(const mpz_class &begin,
                              const mpz_class &end) const {
  mpz_class total = 0;
  for (size_t d = 0; d < coefficients.size(); ++d)
    total += coefficients[d] * (powerSum(d, end) - powerSum(d, begin));
  return total;
}

} // namespace einfall::certificate
