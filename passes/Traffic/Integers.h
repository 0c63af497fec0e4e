//===- Integers.h - Integers of a program as forms --------------*- C++ -*-===//
//
// From SSA values to forms (Index.h), on demand: arithmetic, loops and
// branches, which programs of GPUs and of processors have in common. What a
// program's arguments are, and what its own operations give, say classes that
// derive from this one.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_INTEGERS_H
#define EINFALL_PASSES_TRAFFIC_INTEGERS_H

#include "passes/Traffic/Index.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace einfall::traffic {

class Integers {
public:
  explicit Integers(Pool &pool) : pool(pool) {}
  virtual ~Integers() = default;

  /// Of an integer; of an i1 a truth; of a vector what a lane has. What depends
  /// on memory or on numbers that are no integers is unknown.
  Ref of(mlir::Value value);

  /// The variable that counts the rounds of a loop, and whether a lane has the
  /// round; the variable is null where bounds are unknown.
  struct Loop {
    Ref round = nullptr;
    Ref active;
    bool isExact = true; ///< else there may be fewer rounds
  };
  const Loop &loopOf(mlir::scf::ForOp op);

protected:
  /// Of an argument of the program itself.
  virtual Ref ofParameter(mlir::BlockArgument argument) = 0;
  /// What no operation of arithmetic gives; unknown by default.
  virtual Ref ofOther(mlir::Operation *op) { return pool.unknown(); }
  virtual Ref truthOfOther(mlir::Operation *op) { return pool.unknownTruth(); }
  using Visit = llvm::function_ref<void(mlir::Value)>;
  /// The tensors that a load reads go `to`; what else its value is computed
  /// from is visited. False: it is no load.
  virtual bool findReads(mlir::Operation *op, Visit visit,
                         std::set<std::string> &to) = 0;

  Ref unknownOf(mlir::Value value);
  /// The tensors that values are computed from, as far as they are read in
  /// between.
  std::set<std::string> readsOf(mlir::ValueRange values);
  static bool isTruth(mlir::Value value);

  Pool &pool;
  llvm::DenseMap<mlir::Value, Ref> known;

private:
  Ref compute(mlir::Value value);
  Ref computeInteger(mlir::Operation *op);
  Ref computeTruth(mlir::Operation *op);
  Ref ofArgument(mlir::BlockArgument argument);
  Ref ofResult(mlir::OpResult result);
  Ref searched(mlir::OpResult result);
  Ref masked(mlir::arith::AndIOp op);
  Ref compared(mlir::arith::CmpIOp op);
  void addReads(mlir::Value value, llvm::DenseSet<mlir::Value> &seen,
                std::set<std::string> &to);

  llvm::DenseMap<mlir::Operation *, Loop> loops;
};

/// The value of a constant integer.
std::optional<int64_t> constantOf(mlir::Value value);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_INTEGERS_H
