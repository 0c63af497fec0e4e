//===- Rules.h - Instances of the rules and their broken twins --*- C++ -*-===//
//
// The obligations of the rules R1 to R6 as derivation writes them, each with a
// twin that is wrong in one place: a rescale that is skipped, a sign, a factor.
// The rules are those of docs/decisions and of FuseMax, Chan et al. (moments)
// and Milakov and Gimelshein (online softmax).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_PASSES_PROOF_RULES_H
#define EINFALL_TEST_PASSES_PROOF_RULES_H

#include "passes/Proof/Obligation.h"

#include <functional>

namespace einfall::proof {

struct RuleCase {
  Obligation right, broken;
};

/// All cases; `context` owns their terms.
std::vector<RuleCase> ruleCases(TermContext &context);

} // namespace einfall::proof

#endif // EINFALL_TEST_PASSES_PROOF_RULES_H
