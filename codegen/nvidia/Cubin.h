//===- Cubin.h - From device programs to machine code -----------*- C++ -*-===//
//
// All steps at once, for packages and for compiling at run time: PTX, assembly,
// and the check that every kernel can be launched on the chip.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_CUBIN_H
#define EINFALL_CODEGEN_NVIDIA_CUBIN_H

#include "codegen/nvidia/Assembler.h"
#include "codegen/nvidia/Ptx.h"

namespace einfall::nvidia {

struct Cubin {
  std::string ptx;
  std::vector<char> code;
  AssemblyReport report;
};

/// Errors: those of `compileToPtx` and `Assembler::assemble`; a kernel that
/// needs more registers or shared memory than a block may have.
llvm::Expected<Cubin> compileToCubin(mlir::ModuleOp module,
                                     const GpuTarget &target,
                                     const Assembler &assembler,
                                     const PtxOptions &ptx = {},
                                     const AssembleOptions &assembly = {});

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_CUBIN_H
