//===- Check.h - Derives every number of a certificate again ----*- C++ -*-===//
//
// Input: a certificate from anyone. Output: accepted, or what is wrong, each
// with its JSON path, what is claimed and what is derived. All arithmetic is
// exact; bounds are rounded down to whole bytes, with roots compared by raising
// to powers. The inequalities that the theorems of the bounds rest on are put
// to an SMT solver.
//
// Not checked: that the certificate's tensors, indices, conditions and
// barriers are those of the kernel it names (see docs/bounds/attention.md, "the
// certificate").
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_CHECK_H
#define EINFALL_PASSES_CERTIFICATE_CHECK_H

#include "passes/Certificate/Certificate.h"

namespace einfall::certificate {

struct CheckOptions {
  /// Without, inequalities are taken from the text, and that is said.
  bool useSolver = true;
  std::string solver;  ///< a path; empty: z3 next to this program, else on PATH
  double seconds = 10; ///< on the wall, for all of the solver's work
};

struct CheckResult {
  enum class Verdict {
    Accepted,
    Refused,
    NoSolver ///< nothing is wrong, but there is no solver
  };
  struct Problem {
    std::string path; ///< "boundaries[0].bounds[1].bytes"
    std::string message;
  };
  Verdict verdict = Verdict::Refused;
  std::vector<Problem> problems;
  /// One for each boundary: the bound, the schedule and their ratio.
  std::vector<std::string> boundaries;
  /// What was chosen, of how many; empty where nothing is claimed of it.
  std::string choice;
  std::string sizes; ///< the same of a processor's tiles
  /// What the inequalities rest on: "10 inequalities proved by z3".
  std::string inequalities;
};

CheckResult check(const Certificate &certificate, const CheckOptions &options);

/// What `check` derives, for whoever makes certificates and for tests: the
/// certificate with every claim of it that can be derived replaced. Fails where
/// `check` would refuse whatever the claims.
Result<Certificate> complete(const Certificate &certificate);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_CHECK_H
