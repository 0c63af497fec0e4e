//===- Exponents.h - Exponents as linear combinations -----------*- C++ -*-===//
//
// What exp distributes over: an exponent is split into atoms with rational
// coefficients, sums being multiplied out of products and numerators, so that
// equal exponents have equal splittings as far as linear algebra sees.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_EXPONENTS_H
#define EINFALL_PASSES_PROOF_EXPONENTS_H

#include "passes/Proof/Term.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace einfall::proof {

/// Atoms and their coefficients, by the age of the atom. The atom of a constant
/// is the number 1. Coefficients of unusual size (those of a rounded 1/sqrt(e),
/// say) belong to the atom: no unknown can be raised to such a power.
using LinearForm = llvm::SmallVector<std::pair<Rational, Term>, 4>;

LinearForm linearize(Term real);

/// A choice within an exponent: max, min or a conditional.
struct Choice {
  Term condition, then, otherwise;
};

/// The choice that `atom` is, or holds as a factor, lifted out of it.
std::optional<Choice> choiceIn(Term atom);

/// For each atom of an exponent within `roots` the greatest number of which all
/// its coefficients are multiples: exp(unit * atom) is the atom's unknown, and
/// every exponential that has the atom is an integer power of it.
llvm::DenseMap<Term, Rational> exponentUnits(llvm::ArrayRef<Term> roots);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_EXPONENTS_H
