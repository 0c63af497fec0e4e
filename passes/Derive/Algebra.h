//===- Algebra.h - Exponential polynomials over fields ----------*- C++ -*-===//
//
// The normal form in which derivation looks at the body of a reduction: a sum
// of
//
//     coefficient * product of atoms to integer powers * exp(polynomial)
//
// with exact rational coefficients. Finite-rank families that are closed under
// translation are exactly the exponential polynomials, so this is the class of
// bodies for which "pull out what is complete" (R1), "several accumulators"
// (R4) and "change the reference" (R2) are one and the same linear algebra.
//
// An *atom* is what the algebra does not look into: a field of the cascade, a
// function of a polynomial, a whole sum (as a divisor), the result of a fold
// component, the truth of a condition as 0 or 1. With respect to the streamed
// ranks an atom is
//   streamed   it ranges over them (`carries`);
//   complete   it does not, and needs traversals 1 to `level` to be over
//              (level 0: it needs none);
//   mixed      streamed, and known only in traversal level + 1.
//
// Limits: integer powers only; logarithms and roots split only over factors
// known to be positive; powers of sums are expanded up to degree 6.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_ALGEBRA_H
#define EINFALL_PASSES_DERIVE_ALGEBRA_H

#include "dialect/Cascade/Cascade.h"
#include "passes/Proof/Rational.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace einfall::derive {

using proof::Rational;
using AtomId = unsigned;

/// A product of atoms and one exponential, without coefficient.
struct Monomial {
  /// Atoms in ascending order with powers that are not 0.
  std::vector<std::pair<AtomId, int>> factors;
  /// Which polynomial stands in the exponential; 0 is none (Algebra::exponent).
  unsigned exponent = 0;

  bool isOne() const { return factors.empty() && exponent == 0; }
  int power(AtomId atom) const;
  bool operator<(const Monomial &o) const {
    return std::tie(factors, exponent) < std::tie(o.factors, o.exponent);
  }
  bool operator==(const Monomial &o) const {
    return factors == o.factors && exponent == o.exponent;
  }
};

/// A sum of monomials with coefficients that are not 0. Empty: zero.
struct Poly {
  std::map<Monomial, Rational> terms;

  bool isZero() const { return terms.empty(); }
  bool isSingle() const { return terms.size() == 1; }
  std::optional<Rational> asConstant() const;
  bool operator<(const Poly &o) const { return terms < o.terms; }
  bool operator==(const Poly &o) const { return terms == o.terms; }
};

struct Atom {
  enum Kind {
    Leaf,      // a field: `value`
    Apply,     // `function` of `argument`
    Sum,       // `argument` as a whole
    Choice,    // 1 where the condition `value` is `truth`, else 0
    Component, // the result of component `number` of the plan
    Symbol     // `name`, for tests
  } kind;
  mlir::Value value;
  cascade::Function function = cascade::Function::Add;
  Poly argument;
  bool truth = true;
  unsigned number = 0;
  std::string name;

  bool carries = false;
  unsigned level = 0;
  /// Greater than 0 wherever some streamed coordinate is present.
  bool positive = false;
};

/// Makes atoms and computes with polynomials over them.
class Algebra {
public:
  Algebra();

  AtomId leaf(mlir::Value value, bool carries, unsigned level,
              bool positive = false);
  AtomId component(unsigned number, unsigned level, bool positive);
  AtomId choice(mlir::Value condition, bool truth, bool carries,
                unsigned level);
  AtomId symbol(llvm::StringRef name, bool carries, unsigned level,
                bool positive = false);
  /// A polynomial as one atom.
  AtomId sum(const Poly &poly);
  AtomId apply(cascade::Function function, const Poly &argument);

  const Atom &operator[](AtomId atom) const { return atoms[atom]; }
  /// The polynomial of an exponential.
  const Poly &exponent(unsigned id) const { return exponents[id]; }
  unsigned exponentId(const Poly &poly);

  Poly constant(const Rational &value) const;
  Poly of(AtomId atom, int power = 1) const;
  Poly of(const Monomial &monomial, const Rational &coefficient = 1) const;

  Poly add(const Poly &a, const Poly &b) const;
  Poly sub(const Poly &a, const Poly &b) const;
  Poly scale(const Poly &a, const Rational &factor) const;
  Poly mul(const Poly &a, const Poly &b);
  Monomial mul(const Monomial &a, const Monomial &b);
  /// Nothing where `power` is negative and the inverse is no polynomial, or
  /// where the expansion would be too long.
  std::optional<Poly> power(const Poly &a, int power);
  /// 1/a. A sum becomes one atom, its common exponential pulled out before:
  /// 1/(1 + exp(r) l) is exp(-r)/(exp(-r) + l).
  std::optional<Poly> inverse(const Poly &a);
  Poly exp(const Poly &a);
  /// Nothing unless `a` is one product of positive factors.
  std::optional<Poly> log(const Poly &a);
  std::optional<Poly> sqrt(const Poly &a);

  /// Splits `a` = exp(first) * second such that second has an accumulator of a
  /// fold without exponential: it neither overflows nor vanishes with the
  /// reference. First is 0 where there is nothing to pull out.
  std::pair<Poly, Poly> pullExponent(const Poly &a);
  /// Replaces the atoms for which `by` has something, wherever they stand.
  Poly rewrite(const Poly &in,
               llvm::function_ref<std::optional<Poly>(AtomId)> by);
  /// Replaces an atom, where it has a positive power or stands in an
  /// exponential, by a polynomial.
  Poly substitute(const Poly &in, AtomId atom, const Poly &by);

  bool carries(const Monomial &monomial) const;
  bool carries(const Poly &poly) const;
  unsigned level(const Monomial &monomial) const;
  unsigned level(const Poly &poly) const;

  /// "exp(S - x)*V/l"; fields are printed by `name`.
  std::string str(const Poly &poly) const;
  std::string str(AtomId atom) const;

private:
  AtomId intern(std::string key, Atom atom);
  std::string key(const Poly &poly) const;

  std::vector<Atom> atoms;
  std::map<std::string, AtomId> atomIds;
  std::vector<Poly> exponents;
  std::map<Poly, unsigned> exponentIds;
};

/// What people call a field: its given name, or what computes it.
std::string fieldName(mlir::Value value);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_ALGEBRA_H
