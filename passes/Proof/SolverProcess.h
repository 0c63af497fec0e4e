//===- SolverProcess.h - A solver that can be killed ------------*- C++ -*-===//
//
// Runs an SMT-LIB solver (`z3 -in`) as a child and talks to it over a socket.
// Solvers do not keep their own time limits, so the clock on the wall decides:
// a query that takes longer is answered by killing the process, and the next
// query starts another one. The child also dies with its parent and has a limit
// on its memory.
//
// Not thread-safe.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_SOLVERPROCESS_H
#define EINFALL_PASSES_PROOF_SOLVERPROCESS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace einfall::proof {

class SolverProcess {
public:
  /// `command` is the program and its arguments; it reads SMT-LIB from its
  /// standard input. `memoryBytes` bounds its address space.
  SolverProcess(std::vector<std::string> command, uint64_t memoryBytes);
  ~SolverProcess();
  SolverProcess(const SolverProcess &) = delete;
  SolverProcess &operator=(const SolverProcess &) = delete;

  /// Starts the child if there is none; what fails is reported by `ask`.
  void start();

  /// Sends `script` and gives what the solver printed. Fails where the solver
  /// cannot be started, ends, or takes longer than `seconds`, in which case it
  /// is killed: "killed after 5.0 s".
  llvm::Expected<std::string> ask(llvm::StringRef script, double seconds);

  /// How often a child was started.
  unsigned starts() const { return numStarts; }

private:
  void stop();
  llvm::Error send(llvm::StringRef text, double until);

  std::vector<std::string> command;
  uint64_t memoryBytes;
  int child = -1;
  int socket = -1;
  unsigned numStarts = 0;
  unsigned numQueries = 0;
  std::string startError;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_SOLVERPROCESS_H
