//===- Resolver.h - The resolver's state (internal) -------------*- C++ -*-===//
//
// Shared by Declare.cpp (what a scope declares and defines) and Resolve.cpp
// (expressions, the order of the equations).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_RESOLVER_H
#define EINFALL_FRONTEND_SEMA_RESOLVER_H

#include "frontend/sema/Builtins.h"
#include "frontend/sema/Scope.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/Twine.h"

namespace einfall::ein {

/// `name` alone on the left that is a rank (a scalar there is an expression).
inline bool isRankName(const Expr *expr, Scope &scope) {
  return expr->kind == ExprKind::Name && !scope.findTensor(expr->name.name);
}

/// An equation as written, with the `each` ranks around it.
struct Written {
  Stmt *stmt;
  llvm::ArrayRef<Identifier> each;
};

class Resolver {
public:
  Resolver(Scope &scope, File &file, const DefTable &defs,
           const llvm::StringMap<int64_t> &defines,
           DiagnosticEngine &diagnostics)
      : scope(scope), file(file), defs(defs), defines(defines),
        diagnostics(diagnostics) {}

  void run();

private:
  DiagnosticEngine::Builder error(SourceRange range, Rule rule,
                                  const llvm::Twine &message) {
    scope.valid = false;
    return diagnostics.error(range, rule, message);
  }

  void declareInputs(llvm::ArrayRef<Param> params, bool ofKernel);
  void declareOutputs();
  void declareDims(TensorSymbol &tensor, const Param &param, bool isInput);
  void flatten(llvm::ArrayRef<Stmt *> body, llvm::ArrayRef<Identifier> each);
  void declareRank(Identifier name, RankOrigin origin,
                   const RankBinding *binding);
  void noteRank(Identifier name);
  bool checkFresh(Identifier name);
  void declareTensors();
  void classify(TensorSymbol &tensor);
  bool classifyRecurrence(TensorSymbol &tensor, unsigned dim);
  void checkOutputs();
  void expandLeft(Equation &equation, TensorSymbol &tensor,
                  llvm::ArrayRef<Identifier> each);

  void resolveEquations();
  void reportSelf(const TensorSymbol &tensor);
  void resolve(Expr *expr);
  void resolveName(Expr *expr);
  void resolveAccess(Expr *expr);
  void resolveCall(Expr *expr);
  std::string meantRanks(const Expr *call) const;
  void setFree(Expr *expr, llvm::ArrayRef<llvm::StringRef> without = {},
               llvm::ArrayRef<llvm::StringRef> with = {});
  void expandEach(Expr *expr, const TensorSymbol &tensor);
  Expr *rankName(llvm::StringRef rank, SourceRange range);
  void unknown(Identifier name, bool wantRank);
  void checkOutside(Expr *expr, Rule rule, const llvm::Twine &what);
  void noteParams(const llvm::DenseMap<llvm::StringRef,
                                       llvm::SmallSetVector<llvm::StringRef, 8>>
                      &mentioned);

  Scope &scope;
  File &file;
  const DefTable &defs;
  const llvm::StringMap<int64_t> &defines;
  DiagnosticEngine &diagnostics;
  std::vector<Written> written;
  llvm::ArrayRef<Identifier> each; // around the current equation
  /// Of the tensor that is resolved: what it reads, without and with the
  /// states before its own.
  llvm::SmallSetVector<llvm::StringRef, 8> *reads = nullptr,
                                           *mentions = nullptr;
  const TensorSymbol *reader = nullptr; // the tensor it defines
  const Equation *equation = nullptr;   // the current one
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_RESOLVER_H
