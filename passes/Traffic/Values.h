//===- Values.h - The integers of a device program as forms -----*- C++ -*-===//
//
// From SSA values to forms (Index.h), on demand.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_VALUES_H
#define EINFALL_PASSES_TRAFFIC_VALUES_H

#include "passes/Traffic/Walk.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace einfall::traffic {

class Values {
public:
  Values(device::KernelOp kernel, Pool &pool, const Parameters &parameters);

  /// Of an integer; of an i1 a truth. What depends on memory or on numbers that
  /// are no integers is unknown.
  Ref of(mlir::Value value);

  /// The variable that counts the rounds of a loop, and whether a lane has the
  /// round; the variable is null where bounds are unknown.
  struct Loop {
    Ref round = nullptr;
    Ref active;
    bool isExact = true; ///< else there may be fewer rounds
  };
  const Loop &loopOf(mlir::scf::ForOp op);

  /// Blocks along x, y, z, and the warp in its block.
  Ref blocks[3], warp;

private:
  Ref compute(mlir::Value value);
  Ref computeInteger(mlir::Operation *op);
  Ref computeTruth(mlir::Operation *op);
  Ref ofArgument(mlir::BlockArgument argument);
  Ref ofResult(mlir::OpResult result);
  Ref masked(mlir::arith::AndIOp op);
  Ref shuffled(device::ShuffleOp op);
  Ref compared(mlir::arith::CmpIOp op);
  Ref shared(device::LoadOp load);
  Ref unknownOf(mlir::Value value);
  void addReads(mlir::Value value, llvm::DenseSet<mlir::Value> &seen,
                std::set<std::string> &to);

  device::KernelOp kernel;
  Pool &pool;
  const Parameters &parameters;
  llvm::DenseMap<mlir::Value, Ref> known;
  llvm::DenseMap<mlir::Operation *, Loop> loops;
};

/// The parameter whose memory an address is in, or "".
std::string tensorAt(Ref address);

/// The value of a constant integer.
std::optional<int64_t> constantOf(mlir::Value value);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_VALUES_H
