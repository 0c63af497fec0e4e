//===- Plan.h - From reductions to fold components --------------*- C++ -*-===//
//
// Decides, for the members of a stream, what is accumulated in which traversal
// and how each member is finished. Three steps:
//
//  1. Normal form. The body of each sum becomes sum_j alpha_j(rho) b_j(c) with
//     b_j = exp(u) y^k w; the alpha_j move out of the sum (R1, R4), and with
//     them the barrier. A part that mixes c and rho stays inside and is known
//     one traversal later: its rule failed, which is recorded.
//  2. References. exp(u) is accumulated relative to a running maximum of u
//  (R2):
//     that of the cascade where it has one over the same coordinates (R3), else
//     a new one. Powers of y - mu are accumulated around a first value of y, or
//     around the maximum if y is u, so that nothing cancels badly; mu's
//     distance from it stays one quantity in the finish.
//  3. Finish. Each member is a polynomial in accumulators and complete values,
//     with a guard that keeps it 0 where there was nothing to sum.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_PLAN_H
#define EINFALL_PASSES_DERIVE_PLAN_H

#include "passes/Derive/Stream.h"

#include "llvm/ADT/MapVector.h"

namespace einfall::derive {

/// One component of the state of a fold.
struct Component {
  cascade::Monoid monoid;
  /// The traversal in which it is accumulated, from 1.
  unsigned level;
  mlir::Location loc;
  /// What enters: this field, or (null) `entering`, or the product below.
  mlir::Value field;
  Poly entering;
  bool isReference = false;

  /// Sums: exp(exponent - reference) * (centred - centre)^power * rest.
  bool isAccumulator = false;
  Poly exponent;
  std::optional<unsigned> reference;
  Monomial rest;
  std::optional<AtomId> centred;
  std::optional<unsigned> centre;
  int power = 0;

  /// Where something enters.
  Domain domain;
  /// The component's result in the algebra.
  AtomId atom = 0;
};

/// How a member is had from components.
struct Finish {
  cascade::ReduceOp member;
  Poly value;
  /// The components it adds up.
  llvm::SmallVector<unsigned> accumulators;
  /// The rules that were applied: "R1", "R2", ...
  llvm::SmallVector<llvm::StringRef> rules;
  /// Absent (max, min) or 0 (sum) unless these hold.
  Domain conditions;
  /// Which component tells whether there was anything: present for a
  /// reference, true for an `any`.
  std::optional<unsigned> nonEmpty;
  /// The sum is over all coordinates: empty only where an extent is 0.
  bool nonEmptyByExtent = false;
  bool guarded = false;
};

/// A rule that could not be applied, and why.
struct Miss {
  cascade::ReduceOp member;
  mlir::Value offending;
  llvm::StringRef rule;
  std::string text;
};

struct Plan {
  std::vector<Component> components;
  std::vector<Finish> finishes;
  std::vector<Miss> misses;
  /// Complete fields computed from members whose own form could overflow, and
  /// the form that cannot.
  std::vector<std::pair<mlir::Value, Poly>> rewritten;
  unsigned levels = 0;
};

/// Members are planned in the given order, which must be one of definition.
/// Those in `asWritten` are left in their own form.
Plan makePlan(Stream &stream, llvm::ArrayRef<cascade::ReduceOp> members,
              const llvm::DenseSet<mlir::Operation *> &asWritten);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_PLAN_H
