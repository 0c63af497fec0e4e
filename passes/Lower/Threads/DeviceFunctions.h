//===- DeviceFunctions.h - Scalar functions on a GPU ------------*- C++ -*-===//
//
// The functions of the cascade dialect that a GPU has no exact instruction for,
// from those it has: multiply-add, 2^x, and integer arithmetic on bits.
//
// Greatest errors, in units in the last place of f32, over all f32 (the
// emulated device's; test/passes/Lower/Threads/FunctionsTest.cpp holds them):
//
//   exp 3 (0 for results that are subnormal)     log, erf 2
//   pow 4 (the same)                             sin, cos 3
//   tanh 8
//   sqrt, abs, floor, ceil, round: as the machine's instruction, or exact
//
// sin and cos reduce arguments up to 105615 with pi / 2 in three parts (Cody
// and Waite) and greater ones with 96 bits of 4 / pi (Payne and Hanek, "Radian
// reduction for trigonometric functions", 1983). log and pow take mantissa and
// exponent apart; pow carries the logarithm in two f32 (Dekker), as y times it
// may be 128. Polynomials: Cephes (sin, cos), FreeBSD's msun (log).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_THREADS_DEVICEFUNCTIONS_H
#define EINFALL_PASSES_LOWER_THREADS_DEVICEFUNCTIONS_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace einfall {

/// Builds scalar f32 (and for `abs` i64) arithmetic at the builder's place.
class DeviceFunctions {
public:
  DeviceFunctions(mlir::OpBuilder &builder, mlir::Location location)
      : b(builder), loc(location) {}

  /// `function` of `operands`, or null where arith has an operation for it.
  mlir::Value apply(cascade::Function function,
                    llvm::ArrayRef<mlir::Value> operands);

  mlir::Value exp2(mlir::Value x); ///< the machine's instruction
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);

private:
  mlir::Value exp(mlir::Value x);
  mlir::Value log(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  mlir::Value floor(mlir::Value x);
  mlir::Value round(mlir::Value x);
  mlir::Value erf(mlir::Value x);
  mlir::Value pow(mlir::Value x, mlir::Value y);
  mlir::Value sinOrCos(mlir::Value x, bool isCos);

  /// x = `mantissa` * 2^`exponent`, the mantissa in [sqrt(1/2), sqrt(2)); for
  /// positive finite x.
  struct Parts {
    mlir::Value mantissa, exponent; ///< f32, f32 (a whole number)
  };
  Parts takeApart(mlir::Value x);
  /// x = `rest` + `quadrant` * pi / 2.
  struct Angle {
    mlir::Value rest, quadrant; ///< f32, i32
  };
  Angle reduceSmall(mlir::Value x);
  Angle reduceLarge(mlir::Value x);

  // Short names: f32.
  mlir::Value real(double value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, mlir::Value y);
  mlir::Value negate(mlir::Value x);
  mlir::Value absolute(mlir::Value x);
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value test(mlir::arith::CmpFPredicate predicate, mlir::Value x,
                   mlir::Value y);
  /// Coefficients from the highest power down.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
  // i32 and i64.
  mlir::Value integer(int64_t value, unsigned bits = 32);
  mlir::Value bitsOf(mlir::Value x);
  mlir::Value fromBits(mlir::Value x);

  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_THREADS_DEVICEFUNCTIONS_H
