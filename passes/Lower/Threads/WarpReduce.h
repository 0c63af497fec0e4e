//===- WarpReduce.h - Reductions within a lane and across them --*- C++ -*-===//
//
// What a reduction carries, how an element enters it, and how the lanes of a
// warp join what each has, by shuffles. After `join` all lanes have the same
// bits: partners add the same two numbers, and where one of equals is chosen it
// is that of the lower coordinate.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_THREADS_WARPREDUCE_H
#define EINFALL_PASSES_LOWER_THREADS_WARPREDUCE_H

#include "passes/Lower/Threads/DeviceElements.h"

namespace einfall {

class WarpReduce {
public:
  WarpReduce(DeviceElements &emitter, cascade::ReduceOp op);

  using Values = llvm::SmallVector<mlir::Value>;

  /// The value; for monoids without identity whether there is one; for those
  /// that choose the coordinate of the choice.
  Values init();
  /// The reduced field at `at` enters.
  Values take(mlir::ValueRange carried, const Coordinates &at);
  /// What all lanes have together (converged).
  Values join(mlir::ValueRange carried);
  Element result(mlir::ValueRange carried);

private:
  bool hasIdentity() const;
  bool chooses() const;
  /// The carried values of x and y together.
  Values merge(mlir::ValueRange x, mlir::ValueRange y);
  /// Whether x is to be chosen before y, by value alone.
  mlir::Value isBetter(mlir::Value x, mlir::Value y);
  mlir::Value shuffle(mlir::Value value, int64_t mask);

  DeviceElements &emitter;
  cascade::ReduceOp op;
  cascade::Monoid monoid;
  cascade::Kind kind;
  llvm::StringRef coordinate; ///< the rank whose coordinate is carried
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_THREADS_WARPREDUCE_H
