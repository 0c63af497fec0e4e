//===- Derive.h - Derivation of one-pass folds ------------------*- C++ -*-===//
//
// Replaces the outermost reductions of a kernel by folds: per set of reduced
// ranks and per traversal that remains necessary, one cascade.fold, and the
// finish as ordinary maps after it. The rules are R1 (pull out what is
// complete), R2 (re-reference), R3 (share references and accumulators), R4
// (several accumulators) and R5 (the test that finds the factors). They look at
// the algebra of the bodies, never at names.
//
// What cannot be separated is left as written and streamed one traversal
// later; the log says which rule failed, where, and on what. Every rewrite is
// proved from the operations that were written: with a prover in the options,
// one that is refuted or left open is not used.
//
// Reductions inside the body of another (the contraction of a score) stay
// cascade.reduce; only complete factors are pulled out of them (R1).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_DERIVE_H
#define EINFALL_PASSES_DERIVE_DERIVE_H

#include "passes/Proof/Obligation.h"

#include "mlir/IR/Location.h"
#include "mlir/Support/LLVM.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade

/// One line of the derivation.
struct DerivationEntry {
  enum Kind {
    Applied, // rules that turned a reduction into parts of a fold
    Missed,  // a rule that did not apply
    Refused, // a rewrite whose obligation was not proved, or left alone
  } kind;
  /// "R1", "R2"; several are separated by commas.
  std::string rules;
  /// The reduction: its name, and what it is ("sum over m").
  std::string name, what;
  mlir::Location loc;
  /// For people: "softmax's sum is accumulated relative to max over m".
  std::string text;
};

/// Everything that derivation did and what has to hold for it.
struct DerivationLog {
  std::vector<DerivationEntry> entries;
  /// Owns the terms of the obligations.
  std::unique_ptr<proof::TermContext> terms;
  /// Obligations of the rewrites that are in the kernel now.
  std::vector<proof::Obligation> obligations;
};

struct DeriveOptions {
  /// Whether an obligation is proved; by default all are believed (the caller
  /// proves DerivationLog::obligations itself).
  std::function<bool(const proof::Obligation &)> prove;
};

/// What a kernel says that no lowering takes yet: recurrences, lists, outputs
/// that are stored by index, packed inputs, ragged ranks (extents that are read
/// from inputs), exchanges between devices. The interpreter runs them.
struct NotLowered {
  mlir::Location loc;
  std::string what;
};
std::vector<NotLowered> findNotLowered(cascade::KernelOp kernel);

/// Drops preconditions, which are the caller's matter, and what only they use.
void dropPreconditions(cascade::KernelOp kernel);

/// Drops preconditions, and reports what is not lowered at its place.
mlir::LogicalResult prepareForLowering(cascade::KernelOp kernel);

/// Derives folds in place. Fails only if the kernel does not verify before.
mlir::LogicalResult deriveKernel(cascade::KernelOp kernel, DerivationLog &log,
                                 const DeriveOptions &options = {});

/// Remarks (mlir::remark) for the entries of a log.
void emitRemarks(const DerivationLog &log);

} // namespace einfall

#endif // EINFALL_PASSES_DERIVE_DERIVE_H
