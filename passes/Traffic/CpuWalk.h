//===- CpuWalk.h - The accesses of a CPU program to memory ------*- C++ -*-===//
//
// Walks the loops and vectors of a CPU kernel, the form one step before LLVM,
// and lists what it asks of its tensors and of its workspace: for each
// operation the loops around it, the condition, and how many bytes. As of
// device programs (Walk.h), what is in memory is not known: a condition that
// depends on it is left out, and the access marked.
//
// Where a lowering says what a visit of a part of the data touches in the
// workspace (the attribute `einfall.visit` of the loop over visits), that is
// listed as well.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_CPUWALK_H
#define EINFALL_PASSES_TRAFFIC_CPUWALK_H

#include "dialect/Cascade/KernelInterface.h"
#include "passes/Traffic/Walk.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace einfall::traffic {

/// Executions of something that moves as many bytes each time.
struct CpuAccess {
  Access access; ///< of one byte
  int64_t bytes;
};

/// A loop whose rounds visit parts of the workspace. What it touches for each
/// key is times the keys of a tile, the result of the operation before that is
/// marked `einfall.keys`.
struct CpuVisit {
  mlir::DictionaryAttr touched; ///< what `einfall.visit` says
  Access tiles;                 ///< executions of the loop
  Access rounds;                ///< of its body
  Access keys, keysOfRounds;    ///< the same, times the keys of a tile
};

struct CpuWalk {
  /// Of tensors; of the workspace where nothing says what visits touch.
  std::vector<CpuAccess> accesses;
  std::vector<CpuVisit> visits;
  /// Of all phases.
  Ref items;
  /// Bytes of a thread's workspace, and of what all share.
  Ref workspace, shared;
};

/// `module` has the functions of the kernel; `threads` run them.
llvm::Expected<CpuWalk> walkCpu(mlir::ModuleOp module,
                                const cascade::KernelInterface &interface,
                                Pool &pool, const Parameters &parameters,
                                int64_t threads);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_CPUWALK_H
