//===- CascadeToLoops.h - Any cascade as plain loops ------------*- C++ -*-===//
//
// The lowering that always works: a kernel exactly as written becomes scalar
// loop nests, one pass over a rank for every pass that the cascade has. It is
// taken where no tile program can be made (the remark that says so names the
// rule that failed), and it is a second, independent way to run any kernel.
//
// Ranks that every output carries and nothing reduces or substitutes become
// work items. Within an item, reductions and costly values that are used more
// than once are kept in the workspace, over the ranks that remain; all else is
// recomputed where it is used. Arithmetic is f32, integers are i64.
//
// Input: a cascade.kernel without folds. Output: the functions of
// runtime/devices/cpu/Launch.h as func.func over arith, scf, math and llvm.
//
// Not handled: folds (give it the kernel before derivation), 8-bit floating
// point and packed storage; these are errors.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_CASCADETOLOOPS_H
#define EINFALL_PASSES_LOWER_CASCADETOLOOPS_H

#include "dialect/Cascade/Cascade.h"

namespace einfall {

/// Emits the functions of `kernel` before it. The kernel itself is left alone.
llvm::LogicalResult lowerCascadeToLoops(cascade::KernelOp kernel);

/// `--lower-cascade-to-loops`: lowers and erases every kernel of a module.
std::unique_ptr<mlir::Pass> createLowerCascadeToLoopsPass();

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_CASCADETOLOOPS_H
