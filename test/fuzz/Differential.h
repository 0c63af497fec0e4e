//===- Differential.h - One program in several ways -------------*- C++ -*-===//
//
// What a random program computes must not depend on how it is run:
//
// * as it is written and as `check --explicit` writes it, by the interpreter;
// * as it is written and without its recurrences, lists and ragged ranks (the
//   twin), by the interpreter;
// * by the interpreter and compiled, for the processor or an emulated GPU,
//   under the rule of dialect/Interpreter/Compare.h.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_FUZZ_DIFFERENTIAL_H
#define EINFALL_TEST_FUZZ_DIFFERENTIAL_H

#include "test/fuzz/RandomProgram.h"

#include <cstdint>
#include <string>

namespace einfall::fuzz {

enum class Outcome : char {
  Agreed = 'a',
  Rejected = 'r',    ///< the front end diagnoses an error
  Unevaluated = 'u', ///< the interpreter diagnoses one: two values in one place
  Refused = 'n',     ///< accepted and interpreted; the compiler says it cannot
  Differed = 'd',    ///< a fault
};

struct Trial {
  Outcome outcome = Outcome::Agreed;
  /// What was reported, and for a fault what differs.
  std::string text;
};

/// Runs a program in all ways, on `device` ("cpu", "emulated:sm_80") as well;
/// `seed` decides inputs and layouts.
Trial tryProgram(const RandomProgram &program, uint64_t seed,
                 const std::string &device);

} // namespace einfall::fuzz

#endif // EINFALL_TEST_FUZZ_DIFFERENTIAL_H
