//===- Obligations.h - What an emitted plan has to prove --------*- C++ -*-===//
//
// Proof obligations read off the operations that were emitted: the step and act
// regions of each fold and the finish of each member, translated into terms.
// The algebra that led to them is not consulted, so an error in it, or in
// writing its result down, is refuted.
//
// With s_r(c) the step of an accumulator at coordinate c under the references
// r, a(r, r', t) its act, f its member's finish and g the member's body as
// written:
//   act      a(r, r, t) = t; a(r, r', 0) = 0; a(r, r', t + t') adds up
//   step     a(r', 0, a(r, r', t) + s_r'(c)) = a(r, 0, t) + s_0(c), any r, r'
//   combine  a(z, 0, a(x, z, t) + a(y, z, t')) = a(x, 0, t) + a(y, 0, t')
//   separate f(rho, s_r(c)) = g(rho, c) under the final references
//   final    f adds up over states, and f of nothing is 0
//   domain   s is present exactly where g is, given what is complete
//   member   a member that is itself a component is what enters it
//   guard    where g exists at some coordinate, its accumulators are entered,
//            f is present, and the result is f
//   empty    where g exists at no coordinate, the result of a sum or a count is
//            0 and present, that of a maximum, minimum or first absent
//   range    every exponential of step and act is at most 1 if each reference
//            is at least what has entered it
//   rewrite, guard (R3)  a complete field that was rewritten has the value, and
//            is present where, it was as written
// By step (induction over the coordinates) the state is the sum of s_r(c) under
// its final references; with final and separate its finish is the sum of g. By
// guard and empty the result is that, or the sum of nothing.
//
// An obligation that two members share is stated once; what is evident from the
// terms alone (domain, member) is not stated.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_OBLIGATIONS_H
#define EINFALL_PASSES_DERIVE_OBLIGATIONS_H

#include "passes/Derive/Emit.h"
#include "passes/Proof/Obligation.h"

namespace einfall::derive {

/// An obligation and the members that are given up if it is not proved.
struct Duty {
  proof::Obligation obligation;
  llvm::SmallVector<mlir::Operation *> members;
};

/// To be called before the emission is committed, while members still stand.
std::vector<Duty> writeObligations(cascade::KernelOp kernel, Stream &stream,
                                   const Plan &plan, const Emission &emission,
                                   proof::TermContext &terms);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_OBLIGATIONS_H
