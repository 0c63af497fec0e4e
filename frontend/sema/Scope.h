//===- Scope.h - Names of a kernel or def, resolved -------------*- C++ -*-===//
//
// The lexical half of the analysis. For one kernel or def it finds what every
// name means, expands `each`, groups equations by tensor, recognises
// recurrences, places the implied sums (rules sum.1 to sum.3) and orders the
// tensors by dependence. Its results are annotations on the tree and a Scope;
// types, extents and absence are the elaborator's.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_SCOPE_H
#define EINFALL_FRONTEND_SEMA_SCOPE_H

#include "frontend/syntax/Ast.h"
#include "frontend/syntax/Diagnostics.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

namespace einfall::ein {

enum class RankOrigin : uint8_t {
  Shape,     // a dimension of an input
  Declared,  // `rank r = ...`
  Ragged,    // `rank p of s in ...`
  Parameter, // of a def
  Selection, // the new rank of topk or select
  Unbound,   // only used: an error unless -D binds it
};

struct RankSymbol {
  llvm::StringRef name;
  SourceRange range;
  RankOrigin origin = RankOrigin::Unbound;
  const RankBinding *binding = nullptr; // Declared, Ragged
  unsigned input = 0, dim = 0;          // Shape
  int64_t offset = 0;                   // Shape: the dimension is |r| + offset
  Stmt *selection = nullptr;            // Selection: the topk or select
};

/// One dimension of a tensor: rank plus offset (inputs), or a number (inputs).
struct DimSymbol {
  llvm::StringRef rank; // empty: a number
  int64_t offset = 0;
};

/// An equation, its `each` ranks written out.
struct Equation {
  Stmt *stmt = nullptr;
  llvm::SmallVector<Expr *, 4> left;
  llvm::SmallVector<llvm::StringRef, 4> leftRanks;
  llvm::SmallVector<Expr *, 2> leftConjuncts; // restrict the left side
};

enum class TensorKind : uint8_t {
  Input,
  Param,      // of a def
  Plain,      // defined by equations on distinct ranks
  Recurrence, // equations[0] starts, equations[1] steps
  Scatter,    // index expressions on the left
};

struct TensorSymbol {
  llvm::StringRef name;
  SourceRange range;
  TensorKind kind = TensorKind::Plain;
  unsigned index = 0; // Input, Param: position; otherwise order of appearance
  const Param *declaration = nullptr; // inputs, params, outputs, def results
  bool isOutput = false;
  llvm::SmallVector<DimSymbol, 4> dims;
  llvm::SmallVector<Equation, 1> equations;
  // Recurrence:
  unsigned iterDim = 0;
  llvm::StringRef iterRank;
  bool backward = false;
  /// Parameters of the def that its equations read, through others too.
  llvm::SmallVector<llvm::StringRef, 2> params;
};

struct Scope {
  const Kernel *kernel = nullptr; // one of these two
  const Def *def = nullptr;
  llvm::MapVector<llvm::StringRef, RankSymbol> ranks;
  llvm::MapVector<llvm::StringRef, TensorSymbol> tensors;
  std::vector<const RankBinding *> defaults;
  std::vector<Expr *> preconditions;
  /// Defined tensors, each after what it reads (within a recurrence: after what
  /// its step reads, except itself at the previous step).
  std::vector<TensorSymbol *> order;
  /// The defs that are called, and where.
  llvm::SmallVector<std::pair<llvm::StringRef, SourceRange>, 4> calls;
  bool valid = true;

  const RankSymbol *findRank(llvm::StringRef name) const {
    auto it = ranks.find(name);
    return it == ranks.end() ? nullptr : &it->second;
  }
  TensorSymbol *findTensor(llvm::StringRef name) {
    auto it = tensors.find(name);
    return it == tensors.end() ? nullptr : &it->second;
  }
};

using DefTable = llvm::StringMap<const Def *>;

/// Resolves one kernel or def (`scope.kernel` or `scope.def` is set by the
/// caller). `defines` are the extents that -D binds. Errors are reported and
/// make `scope.valid` false.
void resolve(Scope &scope, File &file, const DefTable &defs,
             const llvm::StringMap<int64_t> &defines,
             DiagnosticEngine &diagnostics);

/// Places the sums of free ranks of one equation and its conditions; used by
/// resolve(). Returns false after an error.
bool placeSums(Equation &equation, File &file, DiagnosticEngine &diagnostics);

/// An order of 0..n-1 in which i stands after every j of `edges[i]`, or, if
/// there is none, the members of one cycle in `cycle`.
bool orderByDependence(llvm::ArrayRef<llvm::SmallVector<unsigned, 4>> edges,
                       std::vector<unsigned> &order,
                       std::vector<unsigned> &cycle);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_SCOPE_H
