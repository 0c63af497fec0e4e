//===- Prover.h - Verdicts on obligations -----------------------*- C++ -*-===//
//
// Decides obligations: elimination (Eliminate.h), SMT-LIB through MLIR's `smt`
// dialect (EmitSMT.h), a look into the cache (VerdictCache.h), and Z3 in a
// process of its own (SolverProcess.h), one per prover, with a limit per query
// and one for all.
//
// An obligation is *proved* only if its assumptions have a model and the solver
// says that they and the negated claim have none. That they have one is shown
// by an exact rational point where one is found quickly, else by the solver.
// Everything else, a time limit included, is not a proof; the caller then
// leaves the rewrite out.
//
// Not thread-safe: one prover per compile.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_PROVER_H
#define EINFALL_PASSES_PROOF_PROVER_H

#include "passes/Proof/Counterexample.h"
#include "passes/Proof/Obligation.h"

#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace einfall::proof {

struct ProverOptions {
  /// The solver's path; empty: `z3` next to this program, then on PATH.
  std::string solver;
  /// Where verdicts are kept; empty: nowhere.
  std::string cacheDirectory;
  /// Wall-clock seconds for a query, and for all queries of this prover.
  double querySeconds = 5;
  double totalSeconds = 20;
  /// The solver's address space.
  uint64_t memoryBytes = uint64_t(4) << 30;
};

enum class Status {
  Proved,
  Refuted, // there is a model of the assumptions in which the claim fails
  Unknown  // see the reason
};

/// "proved", "refuted", "unknown".
llvm::StringRef toString(Status status);

struct Verdict {
  Status status = Status::Unknown;
  /// Why it is unknown: "killed after 5.0 s", "the assumptions contradict each
  /// other", "no solver: ...".
  std::string reason;
  /// Where it was refuted: the solver's model of the unknowns that elimination
  /// left, and an exact point over the obligation's own symbols if one was
  /// found.
  Assignment model, point;
  /// The assumptions have no model: the statement says nothing.
  bool vacuous = false;
  /// From the cache, or asked before; then `seconds` is the time of looking up.
  bool cached = false;
  double seconds = 0;
  /// SHA-256 of the script and the solver: what the cache knows it by.
  std::string hash;
  /// The SMT-LIB text with its header, for `--emit=smt2` and `--dump-dir`.
  std::string script;

  bool isProved() const { return status == Status::Proved; }
};

class Prover {
public:
  explicit Prover(ProverOptions options = {});
  ~Prover();

  Verdict prove(const Obligation &obligation);

  /// What was asked so far, with the answers, in order.
  struct Record {
    std::string name, rule, location;
    Verdict verdict;
  };
  const std::vector<Record> &history() const;
  /// "Z3 4.8.12", or empty if there is no solver.
  std::string solverVersion();
  /// Why the cache directory is not used; empty where it is.
  llvm::StringRef cacheRefusal() const;
  /// Solver processes started so far: 1, and 1 more for each that was killed.
  unsigned solverStarts() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_PROVER_H
