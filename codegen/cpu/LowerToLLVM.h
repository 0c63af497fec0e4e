//===- LowerToLLVM.h - From loops and vectors to the LLVM dialect -*- C++ -*-=//
//
// The last step inside MLIR: a module of func, scf, arith, math, memref, vector
// and llvm operations becomes one of llvm operations only. Only MLIR's own
// conversions take part. Where the processor has no instructions for bf16,
// numbers are rounded to it by integers: LLVM would call a function of compiler
// runtimes that not all of them have.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_LOWERTOLLVM_H
#define EINFALL_CODEGEN_CPU_LOWERTOLLVM_H

#include "codegen/cpu/CpuTarget.h"

namespace mlir {
class OpPassManager;
}

namespace einfall::cpu {

void addLowerToLLVM(mlir::OpPassManager &pm,
                    const CpuTarget &target = CpuTarget::host());

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_LOWERTOLLVM_H
