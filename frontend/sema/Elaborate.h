//===- Elaborate.h - From resolved trees to elaborated kernels --*- C++ -*-===//
//
// The second half of the analysis: types, extents, absence, and the inlining of
// defs. Works on scopes that resolve() has annotated without error.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_ELABORATE_H
#define EINFALL_FRONTEND_SEMA_ELABORATE_H

#include "frontend/sema/Elaborated.h"
#include "frontend/sema/Scope.h"

namespace einfall::ein {

/// The scopes of all defs that may be called, by name.
using DefScopes = llvm::StringMap<Scope *>;

/// Elaborates one kernel (not a gradient). Returns false after an error.
bool elaborate(ElaboratedKernel &kernel, Scope &scope, const DefScopes &defs,
               const llvm::StringMap<int64_t> &defines,
               llvm::ArrayRef<RankBinding> fileDefaults,
               DiagnosticEngine &diagnostics);

/// The element type of that name, or nothing.
std::optional<ElementType> parseElementType(llvm::StringRef name);

/// The value of an expression of integer literals, or nothing.
std::optional<int64_t> evaluate(const Expr *expr);

class Builder;

/// Rule tensor.5: whether the conjuncts `a` and `b` cannot hold together: a
/// condition and its negation, or two inequalities whose sum is impossible.
bool areDisjoint(const Builder &builder, llvm::ArrayRef<NodeId> a,
                 llvm::ArrayRef<NodeId> b);
/// Whether exactly one of two conditions holds wherever both are present.
bool areComplements(const Builder &builder, NodeId a, NodeId b);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_ELABORATE_H
