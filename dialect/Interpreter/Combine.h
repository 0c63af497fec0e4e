//===- Combine.h - Monoids over columns -------------------------*- C++ -*-===//
//
// What `cascade.reduce` and `cascade.fold` combine with. Only present values
// enter. `sum`, `count`, `any`, `all` start present; the others absent.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_COMBINE_H
#define EINFALL_DIALECT_INTERPRETER_COMBINE_H

#include "dialect/Interpreter/Scalars.h"

namespace einfall::interpreter {

/// Sets n accumulators to the monoid's value of nothing.
template <typename T>
void startValues(cascade::Monoid monoid, Column<T> out, int64_t n) {
  using cascade::Monoid;
  bool present = monoid == Monoid::Sum || monoid == Monoid::Count ||
                 monoid == Monoid::Any || monoid == Monoid::All;
  std::fill_n(out.present, n, uint8_t(present));
  if (out.real)
    std::fill_n(out.real, n, T(0));
  else
    std::fill_n(out.whole, n, int64_t(monoid == Monoid::All));
}

/// Combines n values into accumulators: all into the first one if `along`, the
/// k-th into the k-th otherwise. `coordinate` is that of the first value
/// (`along`) or of all; `best` holds the values that an argmax compares.
template <typename T>
void combine(cascade::Monoid monoid, cascade::Kind kind, Column<T> out,
             Column<T> best, Column<T> values, int64_t n, int64_t coordinate,
             bool along) {
  using cascade::Monoid;
  bool real = kind == cascade::Kind::Real;
  auto into = [&](auto *accumulators, const auto *in, auto op) {
    using Value = std::remove_reference_t<decltype(*accumulators)>;
    if (along) {
      Value sum = *accumulators;
      for (int64_t k = 0; k < n; ++k)
        sum = values.present[k] ? op(sum, in[k]) : sum;
      *accumulators = sum;
    } else {
      for (int64_t k = 0; k < n; ++k)
        accumulators[k] =
            values.present[k] ? op(accumulators[k], in[k]) : accumulators[k];
    }
  };
  /// For monoids without identity: the first value enters as it is.
  auto choose = [&](auto *accumulators, const auto *in, auto better) {
    for (int64_t k = 0; k < n; ++k) {
      int64_t place = along ? 0 : k;
      if (!values.present[k])
        continue;
      if (!out.present[place] || better(in[k], accumulators[place]))
        accumulators[place] = in[k];
      out.present[place] = 1;
    }
  };
  auto above = [](auto a, auto b) { return a > b || (a != a && b == b); };
  auto below = [](auto a, auto b) { return a < b || (a != a && b == b); };
  auto never = [](auto, auto) { return false; };
  auto argument = [&](auto *bests, const auto *in) {
    for (int64_t k = 0; k < n; ++k) {
      int64_t place = along ? 0 : k;
      if (!values.present[k])
        continue;
      if (!out.present[place] || above(in[k], bests[place])) {
        bests[place] = in[k];
        out.whole[place] = along ? coordinate + k : coordinate;
        out.present[place] = 1;
      }
    }
  };
  switch (monoid) {
  case Monoid::Sum:
    return real ? into(out.real, values.real, [](T a, T b) { return a + b; })
                : into(out.whole, values.whole, [](int64_t a, int64_t b) {
                    return static_cast<int64_t>(static_cast<uint64_t>(a) +
                                                static_cast<uint64_t>(b));
                  });
  case Monoid::Count:
    for (int64_t k = 0; k < n; ++k)
      out.whole[along ? 0 : k] += values.present[k];
    return;
  case Monoid::Any:
    return into(out.whole, values.whole,
                [](int64_t a, int64_t b) { return a | b; });
  case Monoid::All:
    return into(out.whole, values.whole,
                [](int64_t a, int64_t b) { return a & b; });
  case Monoid::Max:
    return real ? choose(out.real, values.real, above)
                : choose(out.whole, values.whole, above);
  case Monoid::Min:
    return real ? choose(out.real, values.real, below)
                : choose(out.whole, values.whole, below);
  case Monoid::First:
    return real ? choose(out.real, values.real, never)
                : choose(out.whole, values.whole, never);
  case Monoid::ArgMax:
    return real ? argument(best.real, values.real)
                : argument(best.whole, values.whole);
  }
}

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_COMBINE_H
