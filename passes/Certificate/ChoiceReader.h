//===- ChoiceReader.h - Claims of choice, read from JSON --------*- C++ -*-===//

#ifndef EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H
#define EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H

#include "passes/Certificate/Choice.h"
#include "passes/Certificate/Reader.h"

namespace einfall::certificate {

/// `launches`: it may say how blocks of a launch share work.
void readChoice(const JSON &json, const std::string &path, Errors &errors,
                Choice &out, bool launches = true);

// CheckChoice.cpp
/// Whole clocks of a tile of each fold, of a block that is alone on a unit or
/// of one among as many as it has room for.
std::vector<mpz_class> tileClocks(const Choice &choice,
                                  const Choice::Candidate &shape, bool lone);

// CheckLaunch.cpp
/// Adds what is wrong of the launch that `choice` has.
void checkLaunch(const Choice &choice, std::vector<ChoiceProblem> &problems);
std::string describeLaunch(const Choice::Launch &launch);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CHOICEREADER_H
