//===- Groups.h - Which reductions become folds -----------------*- C++ -*-===//
//
// A reduction is *inner* if its result ranges over a rank that a later
// reduction takes away: it is part of that reduction's body and is evaluated in
// its step. The others are outermost, and the outermost reductions over the
// same ranks form a group.
//
// An inner reduction joins (or forms) a group too where running it inside a
// step would cost more than keeping its result: where members of its ranks
// would run it whole in their step, where its group re-references an
// exponential, as attention whose heads are summed afterwards, or where members
// of its ranks are streamed through the same scores and only sums use it, as a
// latent attention whose values are projected afterwards.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_GROUPS_H
#define EINFALL_PASSES_DERIVE_GROUPS_H

#include "dialect/Cascade/Cascade.h"

#include <string>
#include <vector>

namespace einfall::derive {

struct Group {
  llvm::SmallVector<llvm::StringRef> ranks;
  /// In the order of definition.
  llvm::SmallVector<cascade::ReduceOp> members;
};

/// The groups of the kernel's own block, by their first members.
std::vector<Group> findGroups(cascade::KernelOp kernel);

/// R1 on inner sums: factors without the summed ranks move out of the sum,
/// where something is summed or the factors are numbers for sure.
void pullFactorsOut(cascade::KernelOp kernel);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_GROUPS_H
