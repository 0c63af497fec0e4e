//===- ControlWalk.h - Loops and branches around accesses -------*- C++ -*-===//
//
// Walks over the loops and branches of a program to what it does in them, and
// knows there how often and under which conditions it is done. What that is,
// walks of device programs (Walk.cpp) and of CPU programs (CpuWalk.cpp) say.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_CONTROLWALK_H
#define EINFALL_PASSES_TRAFFIC_CONTROLWALK_H

#include "passes/Traffic/Integers.h"
#include "passes/Traffic/Walk.h"

namespace einfall::traffic {

class ControlWalk {
protected:
  /// `program` is the operation that the walk is in.
  ControlWalk(mlir::Operation *program, Pool &pool, Integers &values)
      : program(program), pool(pool), integers(values) {}
  virtual ~ControlWalk() = default;

  /// `op` is to be walked to. All else is passed over.
  void want(mlir::Operation *op);
  /// Fails where a loop has bounds that no form expresses.
  llvm::Error walk(mlir::Block &block);
  /// Puts the conditions around into `access`, beside its own. What depends on
  /// memory is left out, and the access marked.
  void restrict(Access &access);

  /// A wanted operation that is neither loop nor branch.
  virtual llvm::Error at(mlir::Operation *op) = 0;
  virtual void atLoop(mlir::scf::ForOp op, const Integers::Loop &rounds) {}
  /// Whether the condition of a branch without an alternative is said by
  /// `loops` instead, which may be changed for the time of the branch.
  virtual bool saysByLoops(Ref condition) { return false; }

  mlir::Operation *program;
  Pool &pool;
  std::vector<Ref> loops; ///< variables of those around, outer ones first

private:
  llvm::Error loop(mlir::scf::ForOp op);
  llvm::Error branch(mlir::scf::IfOp op);
  llvm::Error within(Ref condition, mlir::Block &block);

  Integers &integers;
  llvm::DenseSet<mlir::Operation *> wanted; ///< or have such operations in them
  std::vector<Ref> conditions;
};

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_CONTROLWALK_H
