//===- Equations.h - A kernel as mathematics --------------------*- C++ -*-===//
//
// Writes a kernel of the cascade dialect, as written or derived, as equations
// that people read, close to Ein. A fold becomes a table of its state: what
// enters each component, and by what a component is scaled when the references
// change.
//
//   fold over m                                state
//     x[b,h,p]   max  S
//     l[b,h,p]   sum  exp(S - x)               times exp(x - x')
//     O[b,f,h,p] sum  exp(S - x) V[b,h,m,f]    times exp(x - x')
//   O[b,h,p,f] = O / l
//
// For reading only: nothing parses it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_EQUATIONS_H
#define EINFALL_PASSES_DERIVE_EQUATIONS_H

#include <string>
#include <vector>

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade

/// A row of a fold's state.
struct StateEquation {
  std::string name;   ///< "l[b,h,p]"
  std::string monoid; ///< "sum"
  std::string value;  ///< what enters
  /// The component under new references (primed); empty for references and
  /// where it does not change.
  std::string act;
};

struct Equation {
  /// "S[b,h,m,p] = scale * sum[e](Q[b,h,p,e] * K[b,h,m,e])"; of a fold "fold
  /// over m".
  std::string text;
  /// Of a fold: what a step computes first, and its state.
  std::vector<std::string> definitions;
  std::vector<StateEquation> state;
};

std::vector<Equation> equationsOf(cascade::KernelOp kernel);

} // namespace einfall

#endif // EINFALL_PASSES_DERIVE_EQUATIONS_H
