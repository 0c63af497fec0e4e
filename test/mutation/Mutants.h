//===- Mutants.h - Device programs with one fault each ----------*- C++ -*-===//
//
// Enumerates what can go wrong at one operation of a device program and makes
// the program in which it has gone wrong: a wait that is missing, a bound that
// is one off, a copy that lands in another stage. The emulated device, or the
// comparison of results, has to notice each (Trials.h), or there is a written
// reason why it is no fault (Reasons.h).
//
// A mutant is found again by the position of its operation, so that any number
// of threads can make mutants, each from its own copy of the program.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_MUTANTS_H
#define EINFALL_TEST_MUTATION_MUTANTS_H

#include "dialect/Device/Device.h"

#include <string>
#include <vector>

namespace einfall::mutation {

enum class Kind {
  WaitRemoved,
  WaitLoosened, ///< one group more may be pending
  CommitRemoved,
  BarrierRemoved,
  WarpBarrierRemoved,
  CopyMoved,        ///< by a stage, or by 16 bytes where there are no stages
  CopyUnbounded,    ///< always copies all its bytes
  StageNotWrapped,  ///< runs past the last stage
  StageNotAdvanced, ///< stays in the stage
  MatrixTransposed, ///< ldmatrix
  MatrixMoved,      ///< ldmatrix from one row further
  LoadMoved,        ///< a shared load, by its own size
  StoreMoved,       ///< by its own size
  CompareShifted,   ///< < is <= and so on
  CompareDropped,   ///< always true
  MaskDropped,      ///< a value is taken where it does not exist
  ShuffleMoved,     ///< from another lane
  PowerDropped,     ///< 2^x is 1
  SentinelKept,     ///< no value stands for the reference of nothing
  LoopBound,        ///< one step more or less at either end
  ConditionDropped, ///< one that a version of the kernel relies on
};
llvm::StringRef name(Kind kind);

struct Mutant {
  Kind kind;
  unsigned operation; ///< position in a walk over the kernel
  unsigned variant = 0;
  /// What the operation is for, in words: what the reasons are matched with.
  std::string role;
  /// The operation's text, cut short.
  std::string text;
};

/// All mutants of a kernel, in the order of their operations.
std::vector<Mutant> enumerate(device::KernelOp kernel);

/// Makes the fault in `kernel`, a copy of what was enumerated.
void apply(device::KernelOp kernel, const Mutant &mutant);

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_MUTANTS_H
