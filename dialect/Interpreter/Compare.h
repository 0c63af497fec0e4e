//===- Compare.h - Is a kernel's output right? ------------------*- C++ -*-===//
//
// The error rule: a kernel's error is at most twice that of a naive evaluation
// of the same cascade in the same precision, plus an epsilon.
//
// * exact: the interpreter in double precision, not rounded.
// * naive: the interpreter in single precision on the same stored operands,
//   each operation rounded, rounded to the output's storage. Sums are taken in
//   order, and where that evaluation would reject a value also in other orders.
// * Errors are relative to a scale: the greatest magnitude of the value's row
//   (of all rows, in the mean square, where that is greater; at least 1/16, for
//   results that cancel to zero where operands are near 1). With `rho` the
//   greatest relative error of the naive evaluation over all values compared, a
//   value is accepted up to (2 rho + epsilon) * scale. Taking the greatest over
//   rows is what makes the rule stable: at one coordinate the naive error may
//   be zero by luck.
// * epsilon in units u of the storage's roundoff: 8 u for f32 and f64 (an
//   exponential by polynomial, a reciprocal and one rescale, 2 u each and 2 to
//   spare: a kernel pays them even where the naive evaluation is exact); u / 2
//   for 16 and 8 bits, where arithmetic in f32 can only move a value across one
//   rounding boundary, which 2 rho already holds.
//
// Why other orders: where scores are large, the errors of an output are those
// of the few rows in which two scores nearly tie, and how a few sums happen to
// round is luck. With one row that counts and equal spreads, the error of one
// naive evaluation is less than half of another's in 30 % of all cases; the
// greatest of 32 in 0.02 %. So a rejected value is looked at again: the rows
// with the greatest excess (at most 32) are evaluated naively in up to 32 other
// orders of every sum (Walk.h), until the limit holds it or no order is left,
// and rho is the greatest error of all these evaluations. Each of them is a
// naive evaluation of the same cascade in the same precision; what differs from
// the exact value by more than rounding does is beyond all of them.
//
// On matrix units that round f32 operands to tf32 the same precision is theirs:
// the naive evaluation then rounds the factors of every product that is summed
// (Options::tf32).
//
// Infinities and NaN must be those of the exact value. Where the naive
// evaluation leaves the range of f32 and the exact value does not, the value is
// not judged, and counted. Integers must be equal, except where a naive
// evaluation has the same other one (an argmax between values that rounding
// makes equal).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_COMPARE_H
#define EINFALL_DIALECT_INTERPRETER_COMPARE_H

#include "dialect/Interpreter/Sample.h"

#include <string>

namespace einfall::interpreter {

struct Report {
  std::string output;
  llvm::SmallVector<std::string> ranks; ///< of the output's dimensions
  bool accepted = true;
  bool complete = true; ///< every value of the output was compared
  size_t compared = 0, rejected = 0, unjudged = 0;
  /// Values that are NaN or infinite in the reference.
  size_t notFinite = 0;
  unsigned orders = 1;   ///< in which sums were taken for naive evaluations
  double naiveError = 0; ///< rho: the naive evaluations', relative to scale
  double error = 0;      ///< the greatest of the kernel's, relative to scale
  double tolerance = 0;  ///< 2 rho + epsilon
  /// The value with the greatest error over its tolerance.
  llvm::SmallVector<int64_t> worst;
  double expected = 0, found = 0, naive = 0;
  /// The stretches of the sample with rejected values, worst first.
  std::vector<size_t> rejectedRows;

  /// "output `O`: accepted, 128 values compared, error 2.1e-07 (limit 9.5e-07),
  /// worst at [p = 3, f = 0]: expected 0.25, found 0.2500002, naive ..."
  std::string text() const;
};

/// The rule with one naive evaluation: `found` against `exact`, value by value
/// of `sample`. Values of `naive` and `found` are those of the storage.
Report judge(const Sample &sample, Element storage,
             llvm::ArrayRef<double> exact, llvm::ArrayRef<double> naive,
             llvm::ArrayRef<double> found);

/// Checks the outputs that a kernel computed from `arguments`, whose memory has
/// to outlive it.
class Checker {
public:
  /// Reports unusable arguments at the kernel's interface.
  static mlir::FailureOr<Checker> create(cascade::KernelOp kernel,
                                         const Arguments &arguments,
                                         SampleOptions options = {},
                                         bool tf32 = false);
  /// Compares the sampled values of one output. Fails where it cannot be
  /// evaluated, or `found` has another shape.
  mlir::FailureOr<Report> check(llvm::StringRef output, const Tensor &found);

private:
  Checker(Interpreter exact, Interpreter naive, const Arguments &arguments,
          SampleOptions options, bool tf32)
      : exact(std::move(exact)), naive(std::move(naive)), arguments(arguments),
        options(options), tf32(tf32) {}
  /// The naive values of a sample, as stored.
  mlir::FailureOr<std::vector<double>> evaluateNaive(Interpreter &interpreter,
                                                     cascade::OutputOp output,
                                                     const Sample &sample,
                                                     Element storage);

  Interpreter exact, naive;
  Arguments arguments; ///< the tensors' memory is the caller's
  SampleOptions options;
  bool tf32; ///< what naive evaluations round
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_COMPARE_H
