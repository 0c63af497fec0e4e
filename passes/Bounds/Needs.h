//===- Needs.h - What the outputs of a kernel need --------------*- C++ -*-===//
//
// From every output back to the reads of inputs: at which indices, under which
// conditions. An element under a condition that holds whatever the data are has
// to be loaded by every schedule: the compulsory traffic.
//
// A value that is absent takes what it meets along (maps are strict), so the
// conditions of a read are those on its way to an output and those under which
// its companions are there. An operand of "and", "or" or a choice is needed
// where the others let it decide. Of the companions, reductions are taken as
// present: a maximum over the elements of a mask is there for each of these
// elements. A way that leads through a reduction over a rank of its own
// conditions is left out: of several ways to an input any one will do for a
// lower bound.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_BOUNDS_NEEDS_H
#define EINFALL_PASSES_BOUNDS_NEEDS_H

#include "passes/Bounds/IndexExpressions.h"

namespace einfall::bounds {

/// What holds on a way from an input to an output.
struct Conditions {
  Expression surely; ///< implies it, whatever the data are
  Expression maybe;  ///< is implied by it
};

/// Elements of an input that an output needs: one for every coordinate of the
/// ranks that `index` and the conditions name.
struct Need {
  cascade::InputOp input;
  /// For every dimension; nothing: the index depends on data.
  llvm::SmallVector<std::optional<Expression>> index;
  Conditions conditions;
};

/// A sum that an output needs, at its own coordinates, under conditions.
struct SumNeed {
  cascade::ReduceOp sum;
  Conditions conditions;
};

struct Needs {
  /// The ways from inputs to outputs.
  std::vector<Need> inputs;
  std::vector<SumNeed> sums;
};

Needs needsOf(cascade::KernelOp kernel, const IndexExpressions &expressions);

/// Where a field is present, at its own coordinates.
Conditions presenceOf(mlir::Value field, const IndexExpressions &expressions);

Conditions both(const Conditions &a, const Conditions &b);

} // namespace einfall::bounds

#endif // EINFALL_PASSES_BOUNDS_NEEDS_H
