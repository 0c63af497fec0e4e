//===- Sample.h - Which values of an output to compare ----------*- C++ -*-===//

#ifndef EINFALL_DIALECT_INTERPRETER_SAMPLE_H
#define EINFALL_DIALECT_INTERPRETER_SAMPLE_H

#include "dialect/Interpreter/Interpreter.h"

namespace einfall::interpreter {

struct SampleOptions {
  double operations = 0x1p28; ///< up to this many, everything is evaluated
  size_t rows = 256;          ///< otherwise at least this many rows
  uint64_t seed = 0;
};

/// Stretches of consecutive values along an output's last dimension.
struct Sample {
  llvm::SmallVector<int64_t> shape; ///< of the output
  std::vector<llvm::SmallVector<int64_t>> starts;
  int64_t length = 1;   ///< of every stretch
  bool complete = true; ///< every value of the output is there

  size_t size() const { return starts.size() * length; }
  /// The coordinates of value `index`, stretch by stretch.
  llvm::SmallVector<int64_t> coordinates(size_t index) const;
};

/// All values where the cost allows it; else `rows` rows at random coordinates
/// and among them, for every dimension, the first and last coordinate and
/// those next to multiples of 16, 48 and 64: where kernels have tile borders. A
/// row is a whole stretch of the last dimension if its values share most of
/// their work (a head dimension), else a single value.
Sample chooseSample(const Interpreter &interpreter, cascade::OutputOp output,
                    SampleOptions options = {});

/// Evaluates a sample, value by value in its order.
mlir::FailureOr<std::vector<double>> evaluate(Interpreter &interpreter,
                                              cascade::OutputOp output,
                                              const Sample &sample);

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_SAMPLE_H
