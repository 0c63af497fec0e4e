//===- ExpandMath.h - Mathematical functions as polynomials -----*- C++ -*-===//
//
// Vectors have no library to call: exp, log and erf of f32 become polynomials,
// by MLIR's approximations (a few units in the last place, infinities and NaN
// as in IEEE 754); tanh, sin and cos by our own, as those are wrong by more.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_EXPANDMATH_H
#define EINFALL_CODEGEN_CPU_EXPANDMATH_H

#include <memory>

namespace mlir {
class Pass;
}

namespace einfall::cpu {

/// Expands the functions of vectors; those of scalars are left to the library.
std::unique_ptr<mlir::Pass> createExpandMathPass();

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_EXPANDMATH_H
