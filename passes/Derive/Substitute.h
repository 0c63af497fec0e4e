//===- Substitute.h - Fields at other coordinates, as written out -*- C++
//-*-===//
//
// `cascade.at` moves inwards until it is gone: what is read at a coordinate is
// read at the index that stands for it, and maps, conditions and reductions
// are made of operands that moved. This is the definition of `at`, so nothing
// is to be proved; what follows sees reads at computed indices, which all
// programs take, in place of an operation that stops them.
//
// `at` is absent where an index lies outside its rank. A read at the index
// says so itself where the rank names its dimension, and an index that is
// never outside (dialect/Cascade/Inside.h) needs no test; else a `where` stays.
//
// Example: `at(read K[m, e], e := (e + 1) % |e|)` is `read K[m, (e + 1) %
// |e|]`.
//
// Left alone: reductions over a rank that an index ranges over (it would be
// captured), and fields that are computed as a whole (folds, recurrences,
// lists).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_SUBSTITUTE_H
#define EINFALL_PASSES_DERIVE_SUBSTITUTE_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::derive {

/// Rewrites every `at` of the kernel's own block that can be.
void pushSubstitutions(cascade::KernelOp kernel);

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_SUBSTITUTE_H
