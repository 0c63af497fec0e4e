//===- Elaborator.h - The elaborator's state (internal) ---------*- C++ -*-===//
//
// Shared by ElaborateExpr.cpp (expressions), ElaborateCall.cpp (built-ins and
// defs), ElaborateTensor.cpp (equations) and Elaborate.cpp (the interface of
// the kernel). A function that fails has reported its error and returns noNode.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_ELABORATOR_H
#define EINFALL_FRONTEND_SEMA_ELABORATOR_H

#include "frontend/sema/Build.h"
#include "frontend/sema/Elaborate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

namespace einfall::ein {

using Group = llvm::SmallVector<RankId, 1>;

/// What a tensor name stands for while a scope is elaborated.
struct Value {
  enum Kind : uint8_t { Input, Tensor, Node, Failed } kind = Failed;
  unsigned input = 0;   // Input
  TensorId tensor = 0;  // Tensor
  NodeId node = noNode; // Node: an argument that is a leaf
  llvm::SmallVector<Group, 4> dims;
};

struct Env {
  Scope &scope;
  std::string prefix; // of tensor names: "softmax." or nothing
  llvm::StringMap<Group> ranks;
  llvm::StringMap<Value> tensors;
};

using Accesses = llvm::SmallVector<Builder::Access, 2>;

class Elaborator {
public:
  static constexpr unsigned maxDepth = 1000;
  static constexpr unsigned maxCalls = 50;

  Elaborator(ElaboratedKernel &kernel, const DefScopes &defs,
             const llvm::StringMap<int64_t> &defines,
             DiagnosticEngine &diagnostics)
      : kernel(kernel), build(kernel, diagnostics), defs(defs),
        defines(defines) {}

  bool run(Scope &scope, llvm::ArrayRef<RankBinding> fileDefaults);

private:
  // Declarations.
  RankId addRank(llvm::StringRef name, const RankSymbol &symbol);
  void declareRanks(Env &env);
  void bindExtents(Env &env);
  void unknownType(Identifier type);
  void declareInputs(Env &env);
  void declareDims(Env &env);
  void bindDefaults(Env &env, llvm::ArrayRef<RankBinding> fileDefaults);
  void checkPreconditions(Env &env);
  void defineOutputs(Env &env);
  void checkPresence(const Param &output, const TensorInfo &tensor,
                     PresenceId left);

  // What may be absent (Absence.cpp).
  /// A cause of `left`, which the value of `root` has; of equal reductions, the
  /// first that `root` stands on.
  Absence findAbsence(NodeId root, PresenceId left) const;
  void noteAbsence(DiagnosticEngine::Builder &builder, const Absence &absence);
  bool mentionsExtent(NodeId node, RankId rank) const;
  std::string describeIndex(const Absence &absence) const;
  /// Where `e`, which is one number, names a rank: its extent is meant.
  void proposeExtent(DiagnosticEngine::Builder &builder, const Expr *e);
  NodeId scalarInt(const Expr *expr, Env &env, Rule rule,
                   const llvm::Twine &what);

  // Tensors.
  void declareRecurrence(const TensorSymbol &symbol, Env &env);
  void defineTensor(const TensorSymbol &symbol, Env &env);
  void definePlain(const TensorSymbol &symbol, Env &env, Value &value);
  void defineRecurrence(const TensorSymbol &symbol, Env &env, Value &value);
  void defineScatter(const TensorSymbol &symbol, Env &env, Value &value);
  NodeId equation(const Equation &equation, Env &env,
                  llvm::SmallVectorImpl<NodeId> *conditions = nullptr);
  NodeId selection(const Equation &equation, Env &env);
  TensorId addTensor(llvm::StringRef name, const Env &env, SourceRange range);
  void checkRagged(const TensorInfo &tensor, const RankSet &used);

  // Expressions.
  NodeId expr(const Expr *expr, Env &env);
  NodeId core(const Expr *expr, Env &env);
  NodeId product(const Expr *expr, Env &env);
  NodeId comparison(const Expr *expr, Env &env);
  NodeId access(const Expr *expr, Env &env);
  NodeId call(const Expr *expr, Env &env);
  NodeId builtin(const Builtin &builtin, const Expr *expr, Env &env);
  NodeId callDef(Scope &callee, const Expr *expr, Env &env);
  Value argument(NodeId node, llvm::StringRef name, const Env &callee,
                 SourceRange range);
  NodeId restrict(NodeId value, llvm::ArrayRef<Expr *> conjuncts, Env &env);
  NodeId impliedSum(const ImpliedSum &sum, NodeId value, Accesses &accesses,
                    SourceRange range, Env &env);
  /// The accesses since `mark`, taken out of the builder's list.
  Accesses takeAccesses(size_t mark);
  void leaveCall(const Expr *e, NodeId node, size_t mark, Env &env);
  Group group(llvm::StringRef name, Env &env) const {
    return env.ranks.lookup(name);
  }

  ElaboratedKernel &kernel;
  Builder build;
  const DefScopes &defs;
  const llvm::StringMap<int64_t> &defines;
  llvm::StringMap<unsigned> names;     // tensor and rank names in use
  llvm::StringMap<unsigned> instances; // of each def
  unsigned depth = 0;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_ELABORATOR_H
