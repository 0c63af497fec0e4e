//===- Condition.cpp - Preconditions as data ------------------------------===//

#include "runtime/core/Condition.h"

#include "runtime/core/Plan.h"

#include <algorithm>
#include <bit>
#include <cmath>

using namespace einfall::runtime;
using StepKind = ConditionStep::Kind;

namespace {

unsigned operandCount(StepKind kind) {
  return kind < StepKind::ParamOr ? 0 : kind < StepKind::Add ? 1 : 2;
}

/// Whether an operation takes operands of the type that it names.
bool takes(const ConditionStep &step) {
  switch (step.kind) {
  case StepKind::Sqrt:
  case StepKind::Div:
    return step.type == ValueType::Real;
  case StepKind::ToReal:
  case StepKind::FloorDiv:
  case StepKind::Mod:
    return step.type == ValueType::Int;
  case StepKind::Not:
  case StepKind::And:
  case StepKind::Or:
    return step.type == ValueType::Bool;
  case StepKind::Constant:
  case StepKind::Param:
  case StepKind::ParamOr:
  case StepKind::Eq:
  case StepKind::Ne:
    return step.type <= ValueType::Bool;
  case StepKind::Extent:
    return step.type == ValueType::Int;
  default:
    return step.type == ValueType::Int || step.type == ValueType::Real;
  }
}

ValueType resultType(const ConditionStep &step) {
  if (step.kind >= StepKind::Eq)
    return ValueType::Bool;
  return step.kind == StepKind::ToReal ? ValueType::Real : step.type;
}

/// A value on the stack; its type is known by what pushed it.
struct Operand {
  int64_t integer = 0; ///< or a truth value
  double real = 0;
};

Operand operandOf(double number, ValueType type) {
  Operand value;
  value.real = number;
  // What is no integer was refused before.
  value.integer = type == ValueType::Bool  ? number != 0
                  : type == ValueType::Int ? static_cast<int64_t>(number)
                                           : 0;
  return value;
}

template <typename T> bool compare(StepKind kind, T a, T b) {
  switch (kind) {
  case StepKind::Eq:
    return a == b;
  case StepKind::Ne:
    return a != b;
  case StepKind::Lt:
    return a < b;
  case StepKind::Le:
    return a <= b;
  case StepKind::Gt:
    return a > b;
  default:
    return a >= b;
  }
}

double combineReals(StepKind kind, double a, double b) {
  switch (kind) {
  case StepKind::Add:
    return a + b;
  case StepKind::Sub:
    return a - b;
  case StepKind::Mul:
    return a * b;
  case StepKind::Div:
    return a / b;
  case StepKind::Max:
    return std::max(a, b);
  default:
    return std::min(a, b);
  }
}

/// False where the result does not exist.
bool combineIntegers(StepKind kind, int64_t &a, int64_t b) {
  switch (kind) {
  case StepKind::Add:
    return !__builtin_add_overflow(a, b, &a);
  case StepKind::Sub:
    return !__builtin_sub_overflow(a, b, &a);
  case StepKind::Mul:
    return !__builtin_mul_overflow(a, b, &a);
  case StepKind::FloorDiv:
  case StepKind::Mod: {
    if (b == 0 || (a == INT64_MIN && b == -1))
      return false;
    int64_t rest = a % b, quotient = a / b;
    bool below = rest != 0 && (rest < 0) != (b < 0);
    a = kind == StepKind::FloorDiv ? quotient - below : rest + (below ? b : 0);
    return true;
  }
  case StepKind::Max:
  case StepKind::Or:
    a = std::max(a, b);
    return true;
  default: // Min, And
    a = std::min(a, b);
    return true;
  }
}

/// False where the result does not exist.
bool applyToOne(const ConditionStep &step, Operand &a) {
  bool isReal = step.type == ValueType::Real;
  switch (step.kind) {
  case StepKind::Sqrt:
    a.real = std::sqrt(a.real);
    return true;
  case StepKind::Not:
    a.integer = !a.integer;
    return true;
  case StepKind::ToReal:
    a.real = static_cast<double>(a.integer);
    return true;
  default:
    if (isReal) {
      a.real = step.kind == StepKind::Abs ? std::abs(a.real) : -a.real;
      return true;
    }
    if (step.kind == StepKind::Abs && a.integer >= 0)
      return true;
    return !__builtin_sub_overflow(int64_t(0), a.integer, &a.integer);
  }
}

bool applyToTwo(const ConditionStep &step, Operand &a, const Operand &b) {
  bool isReal = step.type == ValueType::Real;
  if (step.kind >= StepKind::Eq) {
    a.integer = isReal ? compare(step.kind, a.real, b.real)
                       : compare(step.kind, a.integer, b.integer);
    return true;
  }
  if (!isReal)
    return combineIntegers(step.kind, a.integer, b.integer);
  a.real = combineReals(step.kind, a.real, b.real);
  return true;
}

} // namespace

bool einfall::runtime::isSound(const std::vector<ConditionStep> &steps,
                               size_t ranks, size_t params) {
  std::vector<ValueType> stack;
  for (const ConditionStep &step : steps) {
    unsigned operands = operandCount(step.kind);
    if (step.kind > StepKind::Ge || !takes(step) || stack.size() < operands ||
        !std::all_of(stack.end() - operands, stack.end(),
                     [&](ValueType type) { return type == step.type; }))
      return false;
    bool isParam =
        step.kind == StepKind::Param || step.kind == StepKind::ParamOr;
    if ((isParam || step.kind == StepKind::Extent) &&
        (step.value < 0 ||
         static_cast<size_t>(step.value) >= (isParam ? params : ranks)))
      return false;
    stack.resize(stack.size() - operands);
    stack.push_back(resultType(step));
  }
  return stack.size() == 1 && stack[0] == ValueType::Bool;
}

std::optional<bool>
einfall::runtime::evaluate(const std::vector<ConditionStep> &steps,
                           const int64_t *extents,
                           const double *const *params) {
  Operand stack[maxSteps];
  unsigned depth = 0;
  for (const ConditionStep &step : steps) {
    bool exists = true;
    switch (step.kind) {
    case StepKind::Constant:
      stack[depth].integer = step.value;
      stack[depth++].real = std::bit_cast<double>(step.value);
      break;
    case StepKind::Extent:
      stack[depth++].integer = extents[step.value];
      break;
    case StepKind::Param:
      if (!params[step.value])
        return std::nullopt;
      stack[depth++] = operandOf(*params[step.value], step.type);
      break;
    case StepKind::ParamOr:
      if (params[step.value])
        stack[depth - 1] = operandOf(*params[step.value], step.type);
      break;
    default:
      if (operandCount(step.kind) == 1) {
        exists = applyToOne(step, stack[depth - 1]);
        break;
      }
      --depth;
      exists = applyToTwo(step, stack[depth - 1], stack[depth]);
      break;
    }
    if (!exists)
      return std::nullopt;
  }
  return stack[0].integer != 0;
}
