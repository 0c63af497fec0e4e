//===- Emit.h - A plan as folds ---------------------------------*- C++ -*-===//
//
// Writes a plan into the kernel: one cascade.fold a level with its step and act
// regions, and the finish of each member as ordinary maps, all at the end of
// the kernel's block. Nothing is replaced yet: the caller first proves what was
// written, then commits or discards it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_EMIT_H
#define EINFALL_PASSES_DERIVE_EMIT_H

#include "passes/Derive/Plan.h"

namespace einfall::derive {

struct Emission {
  /// By level, from level 1.
  std::vector<cascade::FoldOp> folds;
  /// The result of each component of the plan.
  std::vector<mlir::Value> results;
  /// The field that replaces each member, in the order of Plan::finishes; null
  /// where its type is not the member's.
  std::vector<mlir::Value> finishes;
  /// The same without the guard of empty rows.
  std::vector<mlir::Value> unguarded;
  /// What replaces complete fields, in the order of Plan::rewritten.
  std::vector<mlir::Value> rewritten;
  /// The same without the guard of empty rows.
  std::vector<mlir::Value> rewrittenUnguarded;
  /// All operations written, in order.
  std::vector<mlir::Operation *> operations;

  /// Replaces members and rewritten fields.
  void commit(const Plan &plan);
  /// Erases what was written.
  void discard();
};

Emission emitPlan(cascade::KernelOp kernel, Stream &stream, const Plan &plan);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_EMIT_H
