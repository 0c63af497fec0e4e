//===- WrittenPlan.h - What a kernel as written keeps -----------*- C++ -*-===//
//
// The decisions that every program of a kernel as written takes first, on any
// machine: which ranks become *items* that are computed independently, and
// which fields are worth keeping while an item is computed.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_WRITTENPLAN_H
#define EINFALL_PASSES_SCHEDULE_WRITTENPLAN_H

#include "dialect/Cascade/Cascade.h"

namespace einfall {

/// Ranks of all outputs that nothing sums over or substitutes, without those
/// that would only repeat the work of a row.
llvm::SmallVector<llvm::StringRef> itemRanksOf(cascade::KernelOp kernel);

/// Ranks of `field` that an item ranges over.
llvm::SmallVector<llvm::StringRef>
ranksWithin(mlir::Value field, llvm::ArrayRef<llvm::StringRef> items);

/// Reductions, and costly maps that are used more than once, in the order of
/// their definition.
llvm::SmallVector<mlir::Value>
fieldsToKeep(cascade::KernelOp kernel, llvm::ArrayRef<llvm::StringRef> items);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_WRITTENPLAN_H
