//===- Interpreter.h - The reference interpreter ----------------*- C++ -*-===//
//
// Evaluates a `cascade.kernel` straight from its definitions, on demand, in
// double precision: the oracle that every kernel is compared with. The same
// evaluation in single precision is the *naive evaluation* that errors are
// measured against. Folds and recurrences go coordinate by coordinate, so
// derived kernels are interpreted too.
//
// Cost: about 1 to 5 ns per scalar operation; a reduction's value is kept, so
// it is computed once per coordinate. Limits: 64 ranks, definitions nested
// 2000 deep, integer results exact to 2^53. Not thread-safe; two interpreters
// on one kernel are.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_INTERPRETER_H
#define EINFALL_DIALECT_INTERPRETER_INTERPRETER_H

#include "dialect/Interpreter/Elements.h"

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <vector>

namespace einfall::cascade {
class KernelOp;
class OutputOp;
class RequireOp;
} // namespace einfall::cascade

namespace einfall::interpreter {

/// What a kernel is launched with.
struct Arguments {
  llvm::StringMap<Tensor> inputs;   ///< by name; memory stays the caller's
  llvm::StringMap<double> params;   ///< by name; others take their `else`
  llvm::StringMap<int64_t> extents; ///< by rank (-D p=1024)
};

enum class Precision {
  Double, ///< the oracle
  Single, ///< every real operation rounded to f32
};

struct Options {
  Precision precision = Precision::Double;
  /// Values computed before evaluation gives up with an error.
  uint64_t stepLimit = uint64_t(1) << 36;
  /// In which order `cascade.reduce` sums reals: 0 is that of the coordinates,
  /// every other number an order of its own (Walk.h).
  uint64_t order = 0;
  /// Factors of products that are summed are rounded to tf32 (10 bits of
  /// fraction, to nearest, ties away), as matrix units take f32.
  bool tf32 = false;
};

/// Binds the extent of every rank of `kernel` from the shapes of the inputs,
/// the extents given and `cascade.rank`, and checks that they agree. Reports
/// what is missing or contradicts at the kernel's interface. An extent that is
/// read from an input without data (of a ragged rank) is -1.
mlir::FailureOr<llvm::StringMap<int64_t>>
bindExtents(cascade::KernelOp kernel, const Arguments &arguments);

/// Checks `cascade.require` on inputs with data; reports the first coordinates
/// where one does not hold.
mlir::LogicalResult checkPreconditions(cascade::KernelOp kernel,
                                       const Arguments &arguments);

class Evaluation;

class Interpreter {
public:
  /// Checks the arguments against the interface; reports located errors.
  static mlir::FailureOr<Interpreter> create(cascade::KernelOp kernel,
                                             const Arguments &arguments,
                                             Options options = {});
  Interpreter(Interpreter &&);
  Interpreter &operator=(Interpreter &&);
  ~Interpreter();

  cascade::KernelOp getKernel() const;
  /// The output called `name`, or null.
  cascade::OutputOp getOutput(llvm::StringRef name) const;
  int64_t getExtent(llvm::StringRef rank) const;
  /// The extents of an output's dimensions.
  llvm::SmallVector<int64_t> getShape(cascade::OutputOp output) const;

  /// Evaluates `row.size()` values from `start` along the output's last
  /// dimension, before rounding to storage; an absent value is the filler.
  /// Truth values are 0 and 1. An output of no dimensions has one value.
  /// Fails, with an error at the output, where a value is absent without
  /// filler and where the step limit is reached.
  mlir::LogicalResult evaluate(cascade::OutputOp output,
                               llvm::ArrayRef<int64_t> start,
                               llvm::MutableArrayRef<double> row);
  /// All values, the last dimension fastest.
  mlir::FailureOr<std::vector<double>> evaluateAll(cascade::OutputOp output);

  /// Scalar operations that evaluating `output` takes (an upper estimate),
  /// with the dimensions in `fixed` held at one coordinate.
  double countOperations(cascade::OutputOp output,
                         llvm::ArrayRef<unsigned> fixed = {}) const;

  /// Fails, with an error at `require`, where its condition is false.
  mlir::LogicalResult check(cascade::RequireOp require);

private:
  explicit Interpreter(std::unique_ptr<Evaluation> evaluation);
  std::unique_ptr<Evaluation> evaluation;
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_INTERPRETER_H
