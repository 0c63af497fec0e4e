//===- Builtins.cpp - Functions that the language itself has --------------===//

#include "frontend/sema/Builtins.h"

using namespace einfall::ein;

static constexpr unsigned many = 64;

static constexpr Builtin map(llvm::StringLiteral name, MapFn fn, unsigned least,
                             unsigned most) {
  return {name, BuiltinKind::Map, fn, ReduceFn::Sum, least, most};
}
static constexpr Builtin reduce(llvm::StringLiteral name, ReduceFn fn) {
  return {name, BuiltinKind::Reduce, MapFn::Add, fn, 1, 1};
}
static constexpr Builtin other(llvm::StringLiteral name, BuiltinKind kind,
                               unsigned args) {
  return {name, kind, MapFn::Add, ReduceFn::Sum, args, args};
}

static constexpr Builtin builtins[] = {
    map("exp", MapFn::Exp, 1, 1),
    map("log", MapFn::Log, 1, 1),
    map("sqrt", MapFn::Sqrt, 1, 1),
    map("tanh", MapFn::Tanh, 1, 1),
    map("sin", MapFn::Sin, 1, 1),
    map("cos", MapFn::Cos, 1, 1),
    map("erf", MapFn::Erf, 1, 1),
    map("abs", MapFn::Abs, 1, 1),
    map("pow", MapFn::Pow, 2, 2),
    map("floor", MapFn::Floor, 1, 1),
    map("ceil", MapFn::Ceil, 1, 1),
    map("round", MapFn::Round, 1, 1),
    map("real", MapFn::ToReal, 1, 1),
    map("if", MapFn::Select, 3, 3),
    map("max", MapFn::Max, 2, many),
    map("min", MapFn::Min, 2, many),
    reduce("sum", ReduceFn::Sum),
    reduce("max", ReduceFn::Max),
    reduce("min", ReduceFn::Min),
    reduce("any", ReduceFn::Any),
    reduce("all", ReduceFn::All),
    reduce("count", ReduceFn::Count),
    reduce("argmax", ReduceFn::ArgMax),
    other("or_else", BuiltinKind::OrElse, 2),
    other("topk", BuiltinKind::TopK, 2),
    other("select", BuiltinKind::Select, 1),
};

llvm::ArrayRef<Builtin> einfall::ein::getBuiltins() { return builtins; }

static bool takesBrackets(BuiltinKind kind) {
  return kind == BuiltinKind::Reduce || kind == BuiltinKind::TopK ||
         kind == BuiltinKind::Select;
}

const Builtin *einfall::ein::findBuiltin(llvm::StringRef name, bool bracketed) {
  for (const Builtin &builtin : builtins)
    if (builtin.name == name && takesBrackets(builtin.kind) == bracketed)
      return &builtin;
  return nullptr;
}

llvm::StringRef einfall::ein::getSpelling(MapFn fn) {
  switch (fn) {
  case MapFn::Add:
    return "+";
  case MapFn::Sub:
    return "-";
  case MapFn::Mul:
    return "*";
  case MapFn::Div:
  case MapFn::FloorDiv:
    return "/";
  case MapFn::Mod:
    return "%";
  case MapFn::Neg:
    return "-";
  case MapFn::Eq:
    return "==";
  case MapFn::Ne:
    return "!=";
  case MapFn::Lt:
    return "<";
  case MapFn::Le:
    return "<=";
  case MapFn::Gt:
    return ">";
  case MapFn::Ge:
    return ">=";
  case MapFn::And:
    return "and";
  case MapFn::Or:
    return "or";
  case MapFn::Not:
    return "not";
  default:
    break;
  }
  for (const Builtin &builtin : builtins)
    if (builtin.kind == BuiltinKind::Map && builtin.map == fn)
      return builtin.name;
  return "?";
}

llvm::StringRef einfall::ein::getSpelling(ReduceFn fn) {
  for (const Builtin &builtin : builtins)
    if (builtin.kind == BuiltinKind::Reduce && builtin.reduce == fn)
      return builtin.name;
  return "?";
}
