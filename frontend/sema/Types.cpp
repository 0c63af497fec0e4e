//===- Types.cpp - Element types and constant expressions -----------------===//

#include "frontend/sema/Elaborate.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace einfall::ein;

llvm::StringRef einfall::ein::getName(Property property) {
  return property == Property::Monotone ? "monotone" : "permutation";
}

std::optional<Property> einfall::ein::findProperty(llvm::StringRef name) {
  for (Property property : {Property::Monotone, Property::Permutation})
    if (name == getName(property))
      return property;
  return std::nullopt;
}
using llvm::StringRef;

std::optional<ElementType> einfall::ein::parseElementType(StringRef name) {
  return llvm::StringSwitch<std::optional<ElementType>>(name)
      .Case("f32", ElementType::F32)
      .Case("f16", ElementType::F16)
      .Case("bf16", ElementType::BF16)
      .Case("f8e4m3", ElementType::F8E4M3)
      .Case("f8e5m2", ElementType::F8E5M2)
      .Case("i32", ElementType::I32)
      .Case("i8", ElementType::I8)
      .Case("bool", ElementType::Bool)
      .Case("i4", ElementType::I4)
      .Case("u4", ElementType::U4)
      .Case("u2", ElementType::U2)
      .Default(std::nullopt);
}

StringRef einfall::ein::getName(ElementType type) {
  constexpr const char *names[] = {"f32",    "f16", "bf16", "f8e4m3",
                                   "f8e5m2", "i32", "i8",   "bool",
                                   "i4",     "u4",  "u2"};
  return names[static_cast<unsigned>(type)];
}

ValueKind einfall::ein::getValueKind(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::F8E4M3:
  case ElementType::F8E5M2:
    return ValueKind::Real;
  case ElementType::Bool:
    return ValueKind::Bool;
  default:
    return ValueKind::Int;
  }
}

unsigned einfall::ein::getBitWidth(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::I32:
    return 32;
  case ElementType::F16:
  case ElementType::BF16:
    return 16;
  case ElementType::I4:
  case ElementType::U4:
    return 4;
  case ElementType::U2:
    return 2;
  default:
    return 8;
  }
}

std::optional<int64_t> einfall::ein::evaluate(const Expr *expr) {
  if (expr->kind == ExprKind::Integer)
    return expr->intValue;
  if (expr->kind == ExprKind::Negate)
    if (std::optional<int64_t> value = evaluate(expr->args[0]);
        value && *value != INT64_MIN)
      return -*value;
  if (expr->kind != ExprKind::Product && expr->kind != ExprKind::Sum)
    return std::nullopt;
  int64_t result = 0;
  for (auto [i, arg] : llvm::enumerate(expr->args)) {
    std::optional<int64_t> value = evaluate(arg);
    if (!value)
      return std::nullopt;
    bool overflow = false;
    if (expr->kind == ExprKind::Sum)
      overflow = expr->ops[i] == Operator::Add
                     ? __builtin_add_overflow(result, *value, &result)
                     : __builtin_sub_overflow(result, *value, &result);
    else if (i == 0)
      result = *value;
    else if (expr->ops[i] == Operator::Multiply)
      overflow = __builtin_mul_overflow(result, *value, &result);
    else
      return std::nullopt;
    if (overflow)
      return std::nullopt;
  }
  return result;
}
