//===- Walk.h - In what order a sum takes its values ------------*- C++ -*-===//
//
// The numbers 0 .. n - 1, each once, as (start + step * i) modulo n with a step
// that has no factor in common with n: in order, backwards, strided and
// rotated are all of this form. Walk 0 is the order itself; others follow from
// a seed. A naive evaluation may take any of them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_WALK_H
#define EINFALL_DIALECT_INTERPRETER_WALK_H

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace einfall::interpreter {

class Walk {
public:
  /// Over n numbers; n below 2^47, so that products fit.
  Walk(uint64_t seed, int64_t n) : n(n) {
    if (seed == 0 || n < 2)
      return;
    // SplitMix64.
    auto next = [&] {
      uint64_t mixed = seed += 0x9e3779b97f4a7c15;
      mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
      return static_cast<int64_t>((mixed ^ mixed >> 31) >> 1);
    };
    start = next() % n;
    do
      step = 1 + next() % std::min<int64_t>(n - 1, 0xffff);
    while (std::gcd(step, n) != 1);
  }

  int64_t operator()(int64_t i) const { return (start + step * i) % n; }

private:
  int64_t n, start = 0, step = 1;
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_WALK_H
