//===- Polynomial.h - Polynomials of one variable ---------------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_POLYNOMIAL_H
#define EINFALL_PASSES_CERTIFICATE_POLYNOMIAL_H

#include <gmpxx.h>

#include <vector>

namespace einfall::certificate {

/// Over the integers, of low degree: coefficients[d] belongs to k^d, the last
/// is not zero, and zero has none.
class Polynomial {
public:
  Polynomial() = default;
  Polynomial(const mpz_class &constant) {
    if (constant != 0)
      coefficients.push_back(constant);
  }
  static Polynomial affine(const mpz_class &slope, const mpz_class &constant);

  size_t degree() const {
    return coefficients.empty() ? 0 : coefficients.size() - 1;
  }
  bool isConstant() const { return coefficients.size() <= 1; }
  mpz_class constant() const { return coefficient(0); }
  mpz_class coefficient(size_t d) const {
    return d < coefficients.size() ? coefficients[d] : mpz_class(0);
  }
  mpz_class at(const mpz_class &k) const;

  void add(const Polynomial &other);
  void subtract(const Polynomial &other);
  friend Polynomial operator*(const Polynomial &a, const Polynomial &b);
  void scale(const mpz_class &factor);

  /// The sum over begin <= k < end, for degrees up to `maxSumDegree`.
  mpz_class sumOver(const mpz_class &begin, const mpz_class &end) const;
  static constexpr size_t maxSumDegree = 6;

  std::vector<mpz_class> coefficients;

private:
  void trim();
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_POLYNOMIAL_H
