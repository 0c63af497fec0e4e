//===- Random.h - Inputs that show faults -----------------------*- C++ -*-===//
//
// Inputs of a kernel from a seed, with everything that commonly hides a fault
// turned against it: scores that one key dominates, values that code their
// position, equal rows, numbers far from 1, memory between the elements that
// must not be read.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_RANDOM_H
#define EINFALL_DIALECT_INTERPRETER_RANDOM_H

#include "dialect/Interpreter/Interpreter.h"

namespace einfall::interpreter {

enum class Pattern {
  Normal,   ///< independent normal numbers
  Peaky,    ///< normal rows of very different sizes: few keys dominate
  Coded,    ///< a small dyadic number that tells the coordinates, exact in bf16
  Constant, ///< all elements equal: rows, keys and values alike
  Huge,     ///< 1000 times normal
};

enum class Layout {
  Dense,    ///< row-major without gaps
  Padded,   ///< row-major, every row and every plane followed by poison
  Permuted, ///< dimensions in another order, gaps, some strides negative
};

struct RandomOptions {
  uint64_t seed = 0;
  Pattern pattern = Pattern::Normal;
  Layout layout = Layout::Dense;
  /// Integers are drawn from 0 to below this (or what their storage holds).
  int64_t integers = 8;
};

/// A tensor with its memory. What lies between the elements is poison: NaN, or
/// the greatest integer.
struct OwnedTensor {
  std::vector<char> memory;
  Tensor view;

  static OwnedTensor make(Element element, llvm::ArrayRef<int64_t> shape,
                          Layout layout, uint64_t seed);
  OwnedTensor() = default;
  OwnedTensor(OwnedTensor &&) = default;
  OwnedTensor &operator=(OwnedTensor &&) = default;
};

/// Fills every element (not the poison between them).
void fill(const Tensor &tensor, Pattern pattern, uint64_t seed,
          int64_t integers = 8);

/// Random arguments of a kernel, and their memory.
struct RandomArguments {
  Arguments arguments;
  std::vector<OwnedTensor> memory;

  /// Extents are those given in `fixed`, else those that `cascade.rank`
  /// proposes as default. Parameters are those of `fixed`, else their own.
  /// Fails with located errors where an extent is not bound.
  static mlir::FailureOr<RandomArguments> make(cascade::KernelOp kernel,
                                               const Arguments &fixed = {},
                                               RandomOptions options = {});
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_RANDOM_H
