//===- Eliminate.h - From exponentials to polynomials -----------*- C++ -*-===//
//
// Solvers know polynomials; obligations have exponentials, logarithms, roots
// and quotients. Elimination gives an equivalent statement, or a stronger one,
// over polynomial constraints alone (QF_NRA, with integers where there are
// any):
//
//   exp     Each atom of an exponent gets one positive unknown, and exp of a
//           linear combination of atoms is a product of its powers: with x and
//           y/2 about, exp(2*x - y/2) = E(x)^2 * E(1/2*y)^-1. An atom that is a
//           max, min or conditional is defined by cases: E(max(a, b)) = E(a) if
//           a >= b else E(b). No axiom of exp is quantified; that exp is
//           increasing is said per exponent, where the obligation asks.
//   log     Of a product it is a sum; log E(a) is a; the rest is one unknown
//   per
//           argument, equal for equal arguments.
//   sqrt    The unknown r >= 0 with r*r = t.
//   a / b   Never a quotient: numbers are kept as fractions, whose denominators
//           are multiplied out in comparisons. A denominator that is only
//           nonzero in one branch of a conditional gives an unknown q, q*b = a.
//   f(...)  One unknown per application; equal arguments give equal values.
//
// Side conditions (b != 0, t > 0 under log, t >= 0 under sqrt) are part of what
// has to be proved, weakened by the conditions under which the place is looked
// at: `l = 0 or o/l = x` is fine. See `Elimination::sideConditions`.
//
// What is lost: exp of equal exponents that are not equal as linear
// combinations of atoms; values of log, roots and functions beyond the above. A
// true statement may then be "refuted" in the weaker theory; a false one is
// never proved.
//
// Source: the quotient encoding of online softmax in the style of VOLTA and of
// Neptune's side conditions, freed of divisions.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_ELIMINATE_H
#define EINFALL_PASSES_PROOF_ELIMINATE_H

#include "passes/Proof/Obligation.h"

namespace einfall::proof {

/// A statement without exp, log, sqrt, quotients, functions, max and min.
struct Elimination {
  /// Owns all terms below.
  std::unique_ptr<TermContext> context;
  /// What is true of the unknowns that were introduced.
  std::vector<Term> axioms;
  /// The obligation's assumptions, less those that define a symbol.
  std::vector<Term> assumptions;
  /// The obligation's goal.
  Term goal;
  /// What has to hold for all of it to have a value; proved with the goal.
  std::vector<Term> sideConditions;

  /// The conjunction of the goal and the side conditions.
  Term claim() const;
};

Elimination eliminate(const Obligation &obligation);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_ELIMINATE_H
