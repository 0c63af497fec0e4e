//===- WarpProgram.h - A kernel as written, a warp for each item -*- C++
//-*-===//
//
// Emits the device program that WarpPlan.h describes: the one that takes any
// cascade. It is what a kernel runs by where the block program of folds
// (passes/Lower/Device) does not apply, and a second, independent way to run
// any kernel on a GPU.
//
// Input: a cascade.kernel without folds. Output: a device.kernel with the
// parameters of passes/Lower/Device/FoldToDevice.h.
//
// Not handled: folds (give it the kernel before derivation), 8-bit floating
// point and packed storage; these are errors.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_THREADS_WARPPROGRAM_H
#define EINFALL_PASSES_LOWER_THREADS_WARPPROGRAM_H

#include "passes/Lower/Threads/WarpPlan.h"

namespace einfall {

/// Emits before `kernel` a program for each plan, called
/// `<kernel>_<target>_written`, numbered from the second on. A launch takes
/// the first that applies. The kernel itself is left alone.
llvm::LogicalResult lowerToWarps(cascade::KernelOp kernel,
                                 llvm::StringRef target,
                                 llvm::ArrayRef<WarpPlan> plans);

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_THREADS_WARPPROGRAM_H
