//===- Mutants.h - Device programs with one fault each ----------*- C++ -*-===//
//
// Enumerates what can go wrong at one operation of a device program and makes
// the program in which it has gone wrong (Apply.cpp): a wait that is missing, a
// bound that is one off, a copy that lands in another stage. The emulated
// device, or the comparison of results, has to notice each (Trials.h), or there
// is a written reason why it is no fault (Reasons.h).
//
// A mutant is found again by the position of its operation, so that any number
// of threads can make mutants, each from its own copy of the program.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_MUTANTS_H
#define EINFALL_TEST_MUTATION_MUTANTS_H

#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>
#include <string>
#include <vector>

namespace einfall::mutation {

enum class Kind {
  WaitRemoved,
  WaitLoosened,  ///< one group more may be pending
  ParityFlipped, ///< of a wait for a barrier in shared memory
  ArrivalRemoved,
  CountChanged, ///< arrivals that complete a phase: one less, one more
  BytesChanged, ///< announced: 16 less, 16 more
  CommitRemoved,
  FenceRemoved,
  BarrierRemoved,
  WarpBarrierRemoved,
  CopyMoved,         ///< by a stage, or by its own size where there are none
  CopyUnbounded,     ///< always copies all its bytes
  BoxMoved,          ///< one element further along a dimension
  BarrierMistaken,   ///< signals or awaits the next barrier in shared memory
  StageNotWrapped,   ///< runs past the last stage
  StageNotAdvanced,  ///< stays in the stage
  MapExtentChanged,  ///< one less, one more
  MapStrideChanged,  ///< by 16 bytes
  MapBoxChanged,     ///< one less along a dimension
  SwizzleChanged,    ///< of a map or a descriptor
  DescriptorStrides, ///< leading or stride, 16 bytes more
  OperandTransposed, ///< of a product of a warpgroup
  RegistersKept,     ///< a warpgroup does not change how many it has
  MatrixTransposed,  ///< ldmatrix, stmatrix
  MatrixMoved,       ///< from or to one row further
  LoadMoved,         ///< a shared load, by its own size
  StoreMoved,        ///< by its own size
  CompareShifted,    ///< < is <= and so on
  CompareDropped,    ///< always true
  MaskDropped,       ///< a value is taken where it does not exist
  ShuffleMoved,      ///< from another lane
  PowerDropped,      ///< 2^x is 1
  SentinelKept,      ///< no value stands for the reference of nothing
  LoopBound,         ///< one step more or less at either end
  ConditionDropped,  ///< one that a version of the kernel relies on
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

/// The operation of a mutant, in what was enumerated or a copy.
mlir::Operation *operationOf(device::KernelOp kernel, const Mutant &mutant);

/// `<` for `<=` and so on; nothing for equality.
std::optional<mlir::arith::CmpIPredicate>
shifted(mlir::arith::CmpIPredicate predicate);

/// Makes the fault in `kernel`, a copy of what was enumerated.
void apply(device::KernelOp kernel, const Mutant &mutant);

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_MUTANTS_H
