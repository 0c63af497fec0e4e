//===- LowerToLLVM.h - From loops and vectors to the LLVM dialect -*- C++ -*-=//
//
// The last step inside MLIR: a module of func, scf, arith, math, memref, vector
// and llvm operations becomes one of llvm operations only. Only MLIR's own
// conversions take part.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_LOWERTOLLVM_H
#define EINFALL_CODEGEN_CPU_LOWERTOLLVM_H

namespace mlir {
class OpPassManager;
}

namespace einfall::cpu {

void addLowerToLLVM(mlir::OpPassManager &pm);

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_LOWERTOLLVM_H
