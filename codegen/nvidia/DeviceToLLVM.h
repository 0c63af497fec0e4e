//===- DeviceToLLVM.h - From device programs to the LLVM dialect -*- C++
//-*-===//
//
// The step from machine operations to text: every operation of the device
// dialect becomes one instruction of NVIDIA's machines, as an LLVM intrinsic
// where LLVM 22 has one and as inline PTX where it has none. Nothing is chosen
// here: what a program does in which order was decided above.
//
// In:  a module of `device.kernel`s.
// Out: one `llvm.func` per kernel (calling convention ptx_kernel, the block
//      size required), its parameters in order; the grid regions, which are the
//      host's, are gone. Shared memory is one external array without a size,
//      aligned to 1024 bytes; its size is given at the launch.
//
// What keeps the order of memory: barriers, waits and asynchronous copies are
// intrinsics with unrestricted effects or volatile assembly that clobbers
// memory, so that LLVM moves no access across them.
//
// Arithmetic is neither contracted nor relaxed, so that the emulated device
// computes the same bits (approximate functions excepted).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_DEVICETOLLVM_H
#define EINFALL_CODEGEN_NVIDIA_DEVICETOLLVM_H

#include <memory>

namespace mlir {
class Pass;
}

namespace einfall::nvidia {

/// `--device-to-llvm`. An operation that has no instruction is an error.
std::unique_ptr<mlir::Pass> createDeviceToLLVMPass();

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_DEVICETOLLVM_H
