//===- Fraction.h - Terms over a common denominator -------------*- C++ -*-===//
//
// Arithmetic on quotients of division-free terms. A denominator is a product of
// powers of factors; factors that numerator and denominator share are
// cancelled, which is sound because every factor of a denominator is known, or
// has to be proved, not to be 0.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_FRACTION_H
#define EINFALL_PASSES_PROOF_FRACTION_H

#include "passes/Proof/Term.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

namespace einfall::proof {

/// Factors and their powers, by the age of the factor.
using Factors = llvm::SmallVector<std::pair<Term, int64_t>, 2>;

struct Fraction {
  Term numerator;
  Factors denominator;

  explicit Fraction(Term numerator) : numerator(numerator) {}
  Fraction(Term numerator, Factors denominator);

  Fraction operator+(const Fraction &other) const;
  Fraction operator*(const Fraction &other) const;
  /// `other` is not 0 wherever the result is looked at.
  Fraction operator/(const Fraction &other) const;
  Fraction power(int64_t exponent) const;

  Term denominatorTerm() const;
};

/// The product of `factors`, 1 of none.
Term product(TermContext &context, const Factors &factors);

/// The least common multiple of two denominators.
Factors commonMultiple(const Factors &a, const Factors &b);

/// What has to multiply a numerator over `part` to stand over `whole`.
Term cofactor(TermContext &context, const Factors &whole, const Factors &part);

/// The constant and the factors of a product.
std::pair<Rational, Factors> factorsOf(Term term);

/// The comparison of two fractions without denominators. `positive` holds the
/// factors that are known to be positive: others are squared for the sake of
/// the direction of an inequality.
Term equal(const Fraction &a, const Fraction &b);
Term less(const Fraction &a, const Fraction &b, bool orEqual,
          const llvm::DenseSet<Term> &positive);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_FRACTION_H
