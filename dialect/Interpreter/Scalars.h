//===- Scalars.h - Scalar functions over columns ----------------*- C++ -*-===//
//
// Every function of the cascade dialect as a loop over a column. Values at
// absent coordinates are arbitrary; integer functions must not trap on them.
//
// Choices that the dialect leaves open: a quotient or remainder by integer
// zero does not exist; integers wrap; `to_int` truncates, saturates, and gives
// 0 for NaN; `round` takes ties to even; `max` and `min` of a NaN are NaN.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_SCALARS_H
#define EINFALL_DIALECT_INTERPRETER_SCALARS_H

#include "dialect/Interpreter/Engine.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace einfall::interpreter {

inline int64_t floorDiv(int64_t a, int64_t b) {
  if (b == -1) // the one quotient that overflows
    return static_cast<int64_t>(0 - static_cast<uint64_t>(a));
  int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
inline int64_t floorMod(int64_t a, int64_t b) {
  return b == -1 ? 0 : a - b * floorDiv(a, b);
}

/// The greater, NaN above all numbers.
template <typename T> T greater(T a, T b) { return a >= b || a != a ? a : b; }
/// The lesser, NaN if either is.
template <typename T> T lesser(T a, T b) { return a <= b || a != a ? a : b; }

template <typename T> int64_t truncate(T value) {
  if (value != value)
    return 0;
  if (value >= static_cast<T>(0x1p63))
    return std::numeric_limits<int64_t>::max();
  if (value <= static_cast<T>(-0x1p63))
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

/// The nearest f32 with 10 bits of fraction, ties away from zero; infinities
/// and NaN as they are.
template <typename T> T roundToTf32(T value) {
  if (!std::isfinite(value))
    return value;
  float narrow = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof bits);
  bits = (bits + 0x1000) & 0xffffe000;
  std::memcpy(&narrow, &bits, sizeof bits);
  return narrow;
}

/// Applies `function` to operands of kind `kind` (that of the last operand).
template <typename T>
void applyFunction(cascade::Function function, cascade::Kind kind,
                   const Column<T> *in, Column<T> out, int64_t n) {
  using cascade::Function;
  bool real = kind == cascade::Kind::Real;
  const T *a = in[0].real, *b = in[1].real;
  const int64_t *i = in[0].whole, *j = in[1].whole;
  auto reals = [&](auto value) {
    for (int64_t k = 0; k < n; ++k)
      out.real[k] = value(k);
  };
  auto wholes = [&](auto value) {
    for (int64_t k = 0; k < n; ++k)
      out.whole[k] = value(k);
  };
  // Wrapping integer arithmetic.
  auto u = [](int64_t value) { return static_cast<uint64_t>(value); };
  auto compare = [&](auto relation) {
    if (real)
      wholes([&](int64_t k) -> int64_t { return relation(a[k], b[k]); });
    else
      wholes([&](int64_t k) -> int64_t { return relation(i[k], j[k]); });
  };
  switch (function) {
  case Function::Add:
    return real ? reals([&](int64_t k) { return a[k] + b[k]; })
                : wholes([&](int64_t k) { return u(i[k]) + u(j[k]); });
  case Function::Sub:
    return real ? reals([&](int64_t k) { return a[k] - b[k]; })
                : wholes([&](int64_t k) { return u(i[k]) - u(j[k]); });
  case Function::Mul:
    return real ? reals([&](int64_t k) { return a[k] * b[k]; })
                : wholes([&](int64_t k) { return u(i[k]) * u(j[k]); });
  case Function::Div:
    return reals([&](int64_t k) { return a[k] / b[k]; });
  case Function::FloorDiv:
  case Function::Mod:
    for (int64_t k = 0; k < n; ++k) {
      out.present[k] &= !out.present[k] || j[k] != 0;
      if (out.present[k])
        out.whole[k] = function == Function::Mod ? floorMod(i[k], j[k])
                                                 : floorDiv(i[k], j[k]);
    }
    return;
  case Function::Neg:
    return real ? reals([&](int64_t k) { return -a[k]; })
                : wholes([&](int64_t k) { return 0 - u(i[k]); });
  case Function::Abs:
    return real ? reals([&](int64_t k) { return std::abs(a[k]); })
                : wholes([&](int64_t k) {
                    return i[k] < 0 ? 0 - u(i[k]) : u(i[k]);
                  });
  case Function::Max:
    return real ? reals([&](int64_t k) { return greater(a[k], b[k]); })
                : wholes([&](int64_t k) { return std::max(i[k], j[k]); });
  case Function::Min:
    return real ? reals([&](int64_t k) { return lesser(a[k], b[k]); })
                : wholes([&](int64_t k) { return std::min(i[k], j[k]); });
  case Function::Pow:
    return reals([&](int64_t k) { return std::pow(a[k], b[k]); });
  case Function::Exp:
    return reals([&](int64_t k) { return std::exp(a[k]); });
  case Function::Log:
    return reals([&](int64_t k) { return std::log(a[k]); });
  case Function::Sqrt:
    return reals([&](int64_t k) { return std::sqrt(a[k]); });
  case Function::Tanh:
    return reals([&](int64_t k) { return std::tanh(a[k]); });
  case Function::Sin:
    return reals([&](int64_t k) { return std::sin(a[k]); });
  case Function::Cos:
    return reals([&](int64_t k) { return std::cos(a[k]); });
  case Function::Erf:
    return reals([&](int64_t k) { return std::erf(a[k]); });
  case Function::Floor:
    return reals([&](int64_t k) { return std::floor(a[k]); });
  case Function::Ceil:
    return reals([&](int64_t k) { return std::ceil(a[k]); });
  case Function::Round:
    return reals([&](int64_t k) { return std::nearbyint(a[k]); });
  case Function::Eq:
    return compare([](auto x, auto y) { return x == y; });
  case Function::Ne:
    return compare([](auto x, auto y) { return x != y; });
  case Function::Lt:
    return compare([](auto x, auto y) { return x < y; });
  case Function::Le:
    return compare([](auto x, auto y) { return x <= y; });
  case Function::Gt:
    return compare([](auto x, auto y) { return x > y; });
  case Function::Ge:
    return compare([](auto x, auto y) { return x >= y; });
  case Function::And:
    return wholes([&](int64_t k) { return i[k] & j[k]; });
  case Function::Or:
    return wholes([&](int64_t k) { return i[k] | j[k]; });
  case Function::Not:
    return wholes([&](int64_t k) { return !i[k]; });
  case Function::Select:
    return real ? reals([&](int64_t k) {
      return i[k] ? in[1].real[k] : in[2].real[k];
    })
                : wholes(
                      [&](int64_t k) { return i[k] ? j[k] : in[2].whole[k]; });
  case Function::ToReal:
    return reals([&](int64_t k) { return static_cast<T>(i[k]); });
  case Function::ToInt:
    return real ? wholes([&](int64_t k) { return truncate(a[k]); })
                : wholes([&](int64_t k) { return i[k]; });
  }
}

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_SCALARS_H
