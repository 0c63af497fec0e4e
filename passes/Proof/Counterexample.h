//===- Counterexample.h - Exact points by random search ---------*- C++ -*-===//
//
// Looks for a rational point at which an obligation's assumptions hold and its
// goal fails, or at which the assumptions alone hold. It shares nothing with
// the solver and does not go through elimination (Evaluate.h), so that a broken
// rule is refuted twice. It decides nothing: finding no point means nothing.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_COUNTEREXAMPLE_H
#define EINFALL_PASSES_PROOF_COUNTEREXAMPLE_H

#include "passes/Proof/Obligation.h"

#include <optional>

namespace einfall::proof {

/// A symbol and its value as text, in the order of creation.
using Assignment = std::vector<std::pair<std::string, std::string>>;

struct SearchOptions {
  unsigned samples = 4096;
  uint64_t seed = 1;
};

/// A point where the assumptions hold and the goal is false or has no value.
std::optional<Assignment> findCounterexample(const Obligation &obligation,
                                             SearchOptions options = {});

/// A point where the assumptions hold: they do not contradict each other.
std::optional<Assignment> findModel(const Obligation &obligation,
                                    SearchOptions options = {});

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_COUNTEREXAMPLE_H
