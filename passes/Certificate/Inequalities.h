//===- Inequalities.h - What the theorems rest on, for a solver -*- C++ -*-===//
//
// The universal inequalities over the reals that the proofs in
// docs/bounds/attention.md use, by the names that they have there. A solver
// shows that premises and the negated conclusion have no model.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_INEQUALITIES_H
#define EINFALL_PASSES_CERTIFICATE_INEQUALITIES_H

#include "passes/Certificate/Result.h"

#include <optional>
#include <string>
#include <vector>

namespace einfall::certificate {

/// In SMT-LIB; all variables are reals and not negative.
struct Inequality {
  std::string name;
  std::string variables; ///< separated by spaces
  std::vector<std::string> premises;
  std::string conclusion;

  /// Satisfiable if and only if the inequality is wrong.
  std::string script() const;
};

/// F1 to F17; F17 is six, F17.1 to F17.6.
const std::vector<Inequality> &allInequalities();
const Inequality *findInequality(const std::string &name);

/// x_1^n_1 ... <= n_1^n_1 ... where x_1 + ... <= n_1 + ...: means, weighted by
/// integers. Nothing where there are so many that a solver is no help.
std::optional<Inequality> meansInequality(const std::vector<unsigned> &weights);

enum class Answer { Unsat, Sat, Unknown };

/// Asks `solver` (a path; empty: z3 next to this program, else on PATH) about
/// each. One process, killed after `seconds` on the wall. Fails where there is
/// no solver.
Result<std::vector<Answer>> solve(const std::vector<Inequality> &inequalities,
                                  const std::string &solver, double seconds);

/// The solver's path, or nothing.
std::string findSolver(const std::string &solver);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_INEQUALITIES_H
