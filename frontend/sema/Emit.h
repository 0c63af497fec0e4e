//===- Emit.h - From elaborated kernels to the cascade dialect --*- C++ -*-===//
//
// One `cascade.kernel` per kernel, its operations in the order of the
// elaborated nodes. Every operation has the place of its expression; the
// operation that computes a named tensor wraps it in a NameLoc with the
// tensor's name.
//
// A ragged rank is as long as its longest piece; what a piece lacks is
// restricted by `where` wherever the rank is iterated. What the dialect does
// not say yet is refused by name and place: `grad` and `shard`. Preconditions
// are kept as text in the attribute `cascade.require`, schedules in `schedule`
// (`{stages = 2, tile = {p = 128}}`), or, where one is for a target, all of
// them in `cascade.schedules` until one is chosen
// (dialect/Cascade/Schedules.h).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_EMIT_H
#define EINFALL_FRONTEND_SEMA_EMIT_H

#include "frontend/sema/Frontend.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace einfall::ein {

/// Appends `kernel` to `module`; the context must have the cascade dialect
/// loaded. On failure the module is as before and `diagnostics` says why.
llvm::LogicalResult emitCascade(mlir::ModuleOp module,
                                const ElaboratedKernel &kernel,
                                const SourceManager &sources,
                                DiagnosticEngine &diagnostics);

/// All kernels of a program as one module; fails if one is refused.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
emitCascade(mlir::MLIRContext &context, const Program &program,
            const SourceManager &sources, DiagnosticEngine &diagnostics);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_EMIT_H
