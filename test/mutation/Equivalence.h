//===- Equivalence.h - Mutants that a solver proves to be none --*- C++ -*-===//
//
// A comparison that is off by one or gone is no fault where every branch and
// every selection that depends on it goes the same way whatever the launch.
// This asks Z3: the integers that a comparison is computed from are written as
// unbounded integers, with every extent that the program does not rely on free
// (0 or more), every thread, block and iteration free within its bounds, and
// what memory holds unknown. The claim is then that no such numbers tell the
// two programs apart at any place that a changed truth value reaches. Nor is
// anything a fault in a loop or a branch that no launch enters.
//
// Limits: integers are taken not to overflow; a product or quotient of two
// unknowns is unknown, but that a block's number divided by one factor of the
// grid is below the other. "Not proved" says nothing.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_EQUIVALENCE_H
#define EINFALL_TEST_MUTATION_EQUIVALENCE_H

#include "passes/Proof/SolverProcess.h"
#include "test/mutation/Mutants.h"

#include <map>

namespace einfall::mutation {

class Equivalence {
public:
  /// `fixed`: extents that a launch is refused without, by rank.
  explicit Equivalence(std::map<std::string, int64_t> fixed);

  /// True where it is proved that `mutant` of `kernel`, which has no fault,
  /// changes nothing.
  bool proves(device::KernelOp kernel, const Mutant &mutant);

private:
  bool refutes(llvm::StringRef script, llvm::StringRef claim);
  bool isNeverReached(device::KernelOp kernel, const Mutant &mutant,
                      mlir::Operation *op);
  bool isNeverEntered(device::KernelOp kernel, mlir::Region *region);

  std::map<std::string, int64_t> fixed;
  /// Of loops and branches that were asked for.
  llvm::DenseMap<mlir::Region *, bool> neverEntered;
  proof::SolverProcess solver;
};

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_EQUIVALENCE_H
