//===- Builtins.h - Functions that the language itself has ------*- C++ -*-===//
//
// Scalar functions, reductions and the few forms that are neither. Everything
// else (softmax, mean, silu, ...) is prelude text.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_BUILTINS_H
#define EINFALL_FRONTEND_SEMA_BUILTINS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace einfall::ein {

/// Scalar functions of the elaborated cascade. Add to FloorDiv form the n-ary
/// nodes Sum and Product; And, Or, Max, Min take two operands or more.
enum class MapFn : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  FloorDiv,
  Mod,
  Neg,
  Abs,
  Max,
  Min,
  Pow,
  Exp,
  Log,
  Sqrt,
  Tanh,
  Sin,
  Cos,
  Erf,
  Floor,
  Ceil,
  Round,
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  And,
  Or,
  Not,
  Select,
  ToReal,
};

enum class ReduceFn : uint8_t { Sum, Max, Min, Any, All, Count, ArgMax };

enum class BuiltinKind : uint8_t { Map, Reduce, OrElse, TopK, Select };

struct Builtin {
  llvm::StringLiteral name;
  BuiltinKind kind;
  MapFn map;
  ReduceFn reduce;
  unsigned minArgs, maxArgs;
};

/// The built-in `name` called with (`bracketed`) or without brackets:
/// `max[m](x)` reduces, `max(x, y)` maps.
const Builtin *findBuiltin(llvm::StringRef name, bool bracketed);

/// Every built-in, for proposals.
llvm::ArrayRef<Builtin> getBuiltins();

/// The spelling of a function or operator in Ein.
llvm::StringRef getSpelling(MapFn fn);
llvm::StringRef getSpelling(ReduceFn fn);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_BUILTINS_H
