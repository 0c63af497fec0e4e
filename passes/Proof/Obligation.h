//===- Obligation.h - What a rewrite has to prove ---------------*- C++ -*-===//
//
// An obligation is a closed statement: for all values of its symbols, the
// assumptions imply the goal, and every part of either has a value (no quotient
// by 0, no logarithm of a number that is not positive).
//
// A rule that replaces a reduction by a fold leaves a few of them, by induction
// on the streamed rank: init, step, final, and one for combine. Sums of unknown
// length are symbols with a step equation, never unrolled.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_OBLIGATION_H
#define EINFALL_PASSES_PROOF_OBLIGATION_H

#include "passes/Proof/Term.h"

#include <string>
#include <vector>

namespace einfall::proof {

struct Obligation {
  /// Unique within a kernel and stable: "attention.m.step.2".
  std::string name;
  /// The rule and the part of its proof: "R2 step".
  std::string rule;
  /// Where in the source, as diagnostics print it: "attention.ein:7:14".
  std::string location;
  /// Taken as given. They must have a model (vacuity).
  std::vector<Term> assumptions;
  /// What is claimed. Bool.
  Term goal;
  /// Also assume that exp is increasing: for each argument t of an exp,
  /// exp(t) <= 1 exactly where t <= 0. Only range obligations need it.
  bool monotoneExp = false;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_OBLIGATION_H
