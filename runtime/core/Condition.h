//===- Condition.h - Preconditions as data ----------------------*- C++ -*-===//
//
// What of `require` says something of extents and scalar parameters, as steps
// on a stack, which the runtime evaluates at every launch. Three types of
// values: integers (64 bits), reals (f64) and truth values; operations name the
// type of what they pop, and a condition is checked for them before it is used.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_CONDITION_H
#define EINFALL_RUNTIME_CORE_CONDITION_H

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einfall::runtime {

enum class ValueType : uint8_t { Int, Real, Bool };

struct ConditionStep {
  enum Kind : uint8_t {
    Constant, ///< pushes `value`, of a real its bits
    Extent,   ///< pushes the extent of rank number `value`, an integer
    Param,    ///< pushes parameter number `value`
    /// Replaces the default on the stack by parameter `value` where it is
    /// given.
    ParamOr,
    // One operand.
    Negate,
    Abs,
    Sqrt,   ///< of a real
    Not,    ///< of a truth value
    ToReal, ///< of an integer
    // Two operands of `type`.
    Add,
    Sub,
    Mul,
    Div,      ///< of reals
    FloorDiv, ///< of integers
    Mod,      ///< of integers, not negative for positive divisors
    Max,
    Min,
    And, ///< of truth values
    Or,
    // The same, to a truth value.
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
  };
  Kind kind = Constant;
  ValueType type = ValueType::Int; ///< of operands, or of what is pushed
  int64_t value = 0;
};

struct Precondition {
  std::string text; ///< as it is written
  /// Empty: it speaks of elements, and launches do not check it.
  std::vector<ConditionStep> steps;
};

/// Whether the steps make one truth value of things that are there.
bool isSound(const std::vector<ConditionStep> &steps, size_t ranks,
             size_t params);

/// The truth of a sound condition; nothing where an integer leaves 64 bits, a
/// divisor is 0 or a parameter without a default is not given. `params` are
/// null where they are not.
std::optional<bool> evaluate(const std::vector<ConditionStep> &steps,
                             const int64_t *extents,
                             const double *const *params);

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_CONDITION_H
