//===- Ast.h - The syntax tree of Ein ---------------------------*- C++ -*-===//
//
// What the parser makes and the resolver annotates. Nodes live in the arena of
// their File. Sums, products, conjunctions and comparison chains are n-ary, so
// the depth of a tree is bounded by the nesting limit of the parser and every
// walk over it may recurse.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_AST_H
#define EINFALL_FRONTEND_SYNTAX_AST_H

#include "frontend/syntax/Source.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Allocator.h"
#include <cstring>
#include <vector>

namespace einfall::ein {

struct Identifier {
  llvm::StringRef name;
  SourceRange range;
};

/// One position of a bracket list: a rank, or several in parentheses.
struct RankGroup {
  llvm::MutableArrayRef<Identifier> ranks;
};

enum class ExprKind : uint8_t {
  Integer,   // intValue
  Real,      // realValue (inf included)
  Bool,      // intValue
  Name,      // name: a rank as a number, or a tensor without indices
  Extent,    // |name|
  Index,     // name[args]
  Call,      // name[ranks](args)
  Negate,    // args[0]
  Not,       // args[0]
  Sum,       // args joined by ops (ops[0] is Add or Subtract: the leading sign)
  Product,   // args joined by ops (ops[0] is Multiply)
  Remainder, // args[0] % args[1]
  And,
  Or,
  Compare, // args joined by ops (ops[i] stands between i - 1 and i; i >= 1)
  InRange, // args[0] in args[1] .. args[2]
  Where,   // args[0] where args[1]
};

enum class Operator : uint8_t {
  Add,
  Subtract,
  Multiply,
  Divide,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
};

/// What a Name or Index means; set by the resolver.
enum class NameKind : uint8_t { Unresolved, Rank, Tensor };

struct Expr;

/// A sum that the resolver implies at an expression (rules sum.1 to sum.3).
struct ImpliedSum {
  llvm::ArrayRef<llvm::StringRef> ranks;
  /// The factors of a Product that stand under the sum, in order; empty when
  /// the sum covers the whole expression.
  llvm::ArrayRef<unsigned> factors;
  /// Conjuncts of the equation's `where` that restrict it.
  llvm::ArrayRef<Expr *> conjuncts;
};

struct Expr {
  ExprKind kind;
  NameKind nameKind = NameKind::Unresolved;
  bool parenthesised = false;
  SourceRange range;
  Identifier name;
  int64_t intValue = 0;
  double realValue = 0;
  llvm::MutableArrayRef<Expr *> args;
  llvm::MutableArrayRef<RankGroup> ranks;
  llvm::ArrayRef<Operator> ops;
  // Set by the resolver:
  llvm::ArrayRef<llvm::StringRef> freeRanks; // that occur in it, sorted
  llvm::ArrayRef<ImpliedSum> sums;           // innermost first
};

/// `name[dims]: type packed rank = default else filler`
struct Param {
  Identifier name;
  llvm::MutableArrayRef<Expr *> dims;
  Identifier type;       // empty in a def
  Identifier packed;     // empty if none
  Expr *value = nullptr; // default of a scalar
  Expr *filler = nullptr;
};

enum class StmtKind : uint8_t { Equation, Rank, Require, Default, Each };

/// `p of s in lo .. hi` or `p = value`
struct RankBinding {
  Identifier rank;
  Identifier parent; // of a ragged rank
  Expr *low = nullptr, *high = nullptr;
  Expr *value = nullptr;
};

struct Stmt {
  StmtKind kind;
  SourceRange range;
  // Equation: name[left] = value where condition
  Identifier name;
  llvm::MutableArrayRef<Expr *> left;
  Expr *value = nullptr;
  Expr *condition = nullptr;
  // Rank, Default
  llvm::MutableArrayRef<RankBinding> bindings;
  // Require
  llvm::MutableArrayRef<Expr *> conditions;
  // Each
  llvm::MutableArrayRef<Identifier> ranks;
  llvm::ArrayRef<Stmt *> body;
};

struct Def {
  SourceRange range;
  Identifier name;
  llvm::MutableArrayRef<Identifier> ranks; // rank parameters
  llvm::MutableArrayRef<Param> params;
  Param result;
  llvm::ArrayRef<Stmt *> body;
  bool isPrelude = false;
};

struct Gradient {
  Identifier of;
  llvm::MutableArrayRef<Identifier> wrt, saving;
};

struct Kernel {
  SourceRange range;
  Identifier name;
  llvm::MutableArrayRef<Param> inputs, outputs;
  llvm::ArrayRef<Stmt *> body;
  Gradient *gradient = nullptr; // `kernel k = grad of ...`
};

struct TileSize {
  Identifier rank;
  Expr *size = nullptr;
};

struct Shard {
  llvm::MutableArrayRef<Identifier> ranks;
  Identifier over;
};

struct Schedule {
  SourceRange range;
  Identifier kernel; // empty: every kernel with the ranks (`shard` alone)
  Identifier target; // empty: every target
  llvm::ArrayRef<TileSize> tiles;
  Expr *stages = nullptr;
  llvm::ArrayRef<Shard> shards;
};

/// One parsed text.
struct File {
  unsigned buffer = 0;
  llvm::BumpPtrAllocator arena;
  std::vector<Def *> defs;
  std::vector<Kernel *> kernels;
  std::vector<Schedule *> schedules;
  std::vector<RankBinding> defaults; // `default` outside of kernels

  template <typename T> T *make() { return new (arena.Allocate<T>()) T(); }
  template <typename T, typename Range>
  llvm::MutableArrayRef<T> copy(const Range &range) {
    T *data = arena.Allocate<T>(range.size());
    std::uninitialized_copy(range.begin(), range.end(), data);
    return {data, range.size()};
  }
  Expr *makeExpr(ExprKind kind, SourceRange range) {
    Expr *expr = make<Expr>();
    expr->kind = kind;
    expr->range = range;
    return expr;
  }
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_AST_H
