//===- Definitions.h - Assumptions that define a symbol ---------*- C++ -*-===//
//
// An assumption `x = t`, with x a symbol that t does not contain, defines x. It
// can be used by putting t for x everywhere (the one-point rule): the statement
// stays equivalent and has fewer unknowns. Elimination needs it where x stands
// in an exponent, so that exp(x) becomes exp(t) and no congruence of exp is
// needed; it leaves other definitions to the solver. The search for points
// needs it everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_DEFINITIONS_H
#define EINFALL_PASSES_PROOF_DEFINITIONS_H

#include "passes/Proof/Obligation.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace einfall::proof {

/// `term` with other operands, made anew (and so normalised again).
Term rebuild(Term term, llvm::ArrayRef<Term> operands);

/// `term` with every key replaced by its value.
Term substitute(Term term, const llvm::DenseMap<Term, Term> &values);

/// Adds the symbols of `term` to `symbols`.
void collectSymbols(Term term, llvm::SetVector<Term> &symbols);

enum class Solve {
  Everywhere,
  /// Only symbols that stand in the argument of exp, log, sqrt or a function.
  UnderFunctions
};

/// An obligation in which such assumptions do not define a symbol any more.
struct SolvedObligation {
  /// Symbol and value; no value contains a defined symbol.
  std::vector<std::pair<Term, Term>> definitions;
  std::vector<Term> assumptions;
  Term goal;
};

SolvedObligation solveDefinitions(const Obligation &obligation, Solve which);

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_DEFINITIONS_H
