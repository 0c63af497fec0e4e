//===- Integer.h - Integers without bound -----------------------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_INTEGER_H
#define EINFALL_PASSES_CERTIFICATE_INTEGER_H

#include <gmpxx.h>

#include <cstdint>

namespace einfall::certificate {

static_assert(sizeof(long) == sizeof(int64_t));

inline mpz_class toInteger(int64_t value) {
  return mpz_class(static_cast<long>(value));
}
inline mpz_class toInteger(uint64_t value) {
  return mpz_class(static_cast<unsigned long>(value));
}

inline mpz_class floorQuotient(const mpz_class &a, const mpz_class &b) {
  mpz_class quotient;
  mpz_fdiv_q(quotient.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return quotient;
}
inline mpz_class floorRemainder(const mpz_class &a, const mpz_class &b) {
  mpz_class remainder;
  mpz_fdiv_r(remainder.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return remainder;
}
inline mpz_class ceilQuotient(const mpz_class &a, const mpz_class &b) {
  mpz_class quotient;
  mpz_cdiv_q(quotient.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return quotient;
}
inline mpz_class floorOf(const mpq_class &a) {
  return floorQuotient(a.get_num(), a.get_den());
}
inline mpz_class greatestDivisor(const mpz_class &a, const mpz_class &b) {
  mpz_class divisor;
  mpz_gcd(divisor.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return divisor;
}
inline mpz_class leastMultiple(const mpz_class &a, const mpz_class &b) {
  mpz_class multiple;
  mpz_lcm(multiple.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return multiple;
}
inline mpz_class power(const mpz_class &base, unsigned long exponent) {
  mpz_class result;
  mpz_pow_ui(result.get_mpz_t(), base.get_mpz_t(), exponent);
  return result;
}
/// The greatest integer whose `degree`-th power is at most a >= 0.
inline mpz_class floorRoot(const mpz_class &a, unsigned long degree) {
  mpz_class root;
  mpz_root(root.get_mpz_t(), a.get_mpz_t(), degree);
  return root;
}

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_INTEGER_H
