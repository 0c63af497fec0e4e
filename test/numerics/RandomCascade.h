//===- RandomCascade.h - Attention-like cascades by chance ------*- C++ -*-===//
//
// Draws a cascade: a score, a mask, a reference, a weight, a normaliser and
// outputs, each from a short list, so that their product holds most published
// attention variants and many that nobody published. Whether one pass over the
// keys can do is not chosen: Separability.h finds it out numerically.
//
// All cascades stream rank `m` for every row (`p`, or `h, p` with grouped key
// heads `g`); `e` is summed within a score, `f` is a dimension of values, `n`
// of what they are projected to, and `j` numbers the keys of a list.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_NUMERICS_RANDOMCASCADE_H
#define EINFALL_TEST_NUMERICS_RANDOMCASCADE_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace einfall::numerics {

enum class Score { Dot, Scaled, Softcap, Bias, Distance, Abs, Square };
enum class Mask { None, Causal, Window, WindowAndSink, Modulo, Data };
enum class Reference { Max, None, Mean, Constant, MaxAndSink };
enum class Weight { Exp, Linear, Normalised, Sigmoid, Deviation, Temperature };
enum class Normaliser { Sum, OnePlusSum, RootOfSquares, MaxAbs, None };
/// Of Q, K, V and O; all else is f32.
enum class Storage { F32, BF16, F16 };

/// What a random cascade is made of.
struct Recipe {
  Score score = Score::Dot;
  Mask mask = Mask::None;
  Reference reference = Reference::Max;
  Weight weight = Weight::Exp;
  Normaliser normaliser = Normaliser::Sum;
  bool heads = false;    ///< ranks h and g besides p and m
  bool values = true;    ///< output O[.., f]: the weighted values
  bool logSum = false;   ///< output L: the logarithm of the sum of weights
  bool entropy = false;  ///< output H: of the normalised weights
  bool sum = false;      ///< output S: the sum of the normalised weights
  bool max = false;      ///< output M: their maximum
  bool rolls = false;    ///< keys have their own elements shifted around added
  bool lists = false;    ///< each row has keys besides those of the mask
  bool projects = false; ///< O is O[.., f] times a matrix over f and n
  Storage storage = Storage::F32; ///< never chosen by chance

  /// "softcap, causal, max, exp, sum: O L"
  std::string text() const;
  /// No divisor is a sum that may cancel or vanish. Otherwise a rounding error
  /// is as large as chance makes it, and a few rows tell nothing of the others.
  bool isWellConditioned() const;
  static Recipe random(uint64_t seed);
};

/// A module with the one kernel `cascade` of `recipe`, verified.
mlir::OwningOpRef<mlir::ModuleOp> build(mlir::MLIRContext *context,
                                        const Recipe &recipe);

/// The kernel of a module that has one.
cascade::KernelOp kernelOf(mlir::ModuleOp module);

/// Extents for a recipe from the sizes that show faults: 1, 3, 17, 63, 65 for p
/// and m, small ones for the others.
interpreter::Arguments randomExtents(const Recipe &recipe, uint64_t seed);

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_RANDOMCASCADE_H
