//===- Ptx.h - From device programs to PTX text -----------------*- C++ -*-===//
//
// LLVM's NVPTX back-end in process. The PTX version is the oldest that has what
// the target's programs need, so that old assemblers and drivers read the text.
//
// LLVM's part is small: what is moved together, unrolled and pipelined was
// decided above, and the assembler allocates and schedules. Vectors are split
// into scalars, as a register of a GPU holds one number.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_PTX_H
#define EINFALL_CODEGEN_NVIDIA_PTX_H

#include "codegen/targets/Machine.h"

#include "llvm/Support/Error.h"

#include <string>

namespace mlir {
class ModuleOp;
}

namespace einfall::nvidia {

struct PtxOptions {
  /// When set, receives the optimised LLVM IR.
  std::string *llvmIR = nullptr;
};

/// PTX of every `device.kernel` of `module`, which is left as it is.
///
/// Errors: a kernel is for another architecture, asks for more shared memory or
/// threads than that has, or LLVM was built without NVPTX. What a pass finds
/// wrong goes to the diagnostics of the context.
llvm::Expected<std::string> compileToPtx(mlir::ModuleOp module,
                                         const GpuTarget &target,
                                         const PtxOptions &options = {});

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_PTX_H
