//===- Inside.h - Indices that never leave a tensor -------------*- C++ -*-===//
//
// A read is absent where an index lies outside its dimension. For the usual
// indices it never does, whatever the extents: the dimension's own coordinate,
// c * |g| / |c| for a dimension of rank g (groups of equal size, and any other
// ratio), and (g + n) % |g| (what is shifted around).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_CASCADE_INSIDE_H
#define EINFALL_DIALECT_CASCADE_INSIDE_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::cascade {

/// Whether `index` is always inside the extent of `rank`.
bool isInside(mlir::Value index, llvm::StringRef rank);

/// Whether index `dim` of a read is.
bool isInside(ReadOp read, unsigned dim);

} // namespace einfall::cascade

#endif // EINFALL_DIALECT_CASCADE_INSIDE_H
