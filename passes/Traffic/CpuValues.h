//===- CpuValues.h - The integers of a CPU program as forms -----*- C++ -*-===//
//
// What is a CPU program's own (runtime/devices/cpu/Launch.h): the arguments of
// a launch, items and phases, and lanes of vectors. An integer of a vector is a
// form over the lane, a variable in [0, W).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_CPUVALUES_H
#define EINFALL_PASSES_TRAFFIC_CPUVALUES_H

#include "dialect/Cascade/KernelInterface.h"
#include "passes/Traffic/Integers.h"
#include "passes/Traffic/Walk.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace einfall::traffic {

/// What a pointer points into.
struct CpuPlace {
  enum Kind {
    Unknown,
    Arguments, ///< EinfallCpuArguments
    Data,      ///< its members, tables
    Strides,
    Extents,
    Params,
    Tensor,    ///< the elements of number `number`
    Parameter, ///< of number `number`
    Workspace, ///< a thread's own
    Shared,    ///< what all threads share
    Local,     ///< the stack
  };
  Kind kind = Unknown;
  unsigned number = 0;
  friend bool operator==(const CpuPlace &, const CpuPlace &) = default;
};

class CpuValues : public Integers {
public:
  /// Of `function`, called for `phase` and items [0, items) by one of
  /// `threads`.
  CpuValues(mlir::func::FuncOp function,
            const cascade::KernelInterface &interface, Pool &pool,
            const Parameters &parameters, int64_t phase, int64_t threads,
            Ref items = nullptr);

  CpuPlace placeOf(mlir::Value pointer);
  /// The variable of the lanes of a vector of so many.
  Ref lane(int64_t width);
  /// A tensor's name, "workspace" or "shared"; "" for other memory.
  std::string nameOf(const CpuPlace &place) const;

private:
  Ref ofParameter(mlir::BlockArgument argument) override;
  Ref ofOther(mlir::Operation *op) override;
  Ref truthOfOther(mlir::Operation *op) override;
  bool findReads(mlir::Operation *op, Visit visit,
                 std::set<std::string> &to) override;
  CpuPlace findPlace(mlir::Value pointer);
  Ref loaded(mlir::LLVM::LoadOp load);
  Ref inLanes(mlir::Operation *op);
  Ref anyLane(Ref truth, Ref lane);

  mlir::func::FuncOp function;
  const cascade::KernelInterface &interface;
  const Parameters &parameters;
  int64_t phase, threads;
  Ref items;
  std::map<int64_t, Ref> lanes;
  llvm::DenseMap<mlir::Value, CpuPlace> places;
  /// What is put into memory that is no tensor, and the tensors that it is
  /// computed from, by kind of place and type.
  using Kept = std::pair<unsigned, mlir::Type>;
  std::optional<llvm::DenseMap<Kept, llvm::SmallVector<mlir::Value>>> stores;
  llvm::DenseMap<Kept, std::set<std::string>> storedReads;
};

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_CPUVALUES_H
