//===- FoldToDevice.h - Folds as programs of GPU threads --------*- C++ -*-===//
//
// Lowers a kernel of folds to a `device.kernel` by the block program that
// passes/Schedule/BlockPlan.h describes. Per tile of the stream:
//
//   stage      operands of the keys to shared memory, zero where there are none
//   scores     contractions on fragments in registers
//   summands   masks, the new references, weights and row sums, in registers
//   matrices   accumulators act with the moved references and take the weights
//
// Tiles without anything are skipped and full ones are not tested, by the
// closed forms of passes/Regions.
//
// Parameters of the device kernel: the address of every tensor (inputs, then
// outputs), all strides in elements (in the order of EinfallCpuArguments), the
// extents (KernelInterface::ranks), and for each scalar parameter its value
// (f32, or i64 for integers) and an i32 that is 0 where the caller gave none;
// last, where the stream is split, the address of the workspace.
//
// A plan that splits the stream gives two kernels, of which the first names the
// second (docs/decisions/0007).
//
// For sm_90a there is another program (docs/decisions/0006); what it shares is
// in BlockEmitter.h.
//
// What does not exist has weight 0. Keys that no row of a block has are not
// even read, unless they lie in a box with others. A NaN in the values of a key
// that some rows of a block have and others have not reaches those others: 0 *
// NaN is NaN in a matrix unit.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_DEVICE_FOLDTODEVICE_H
#define EINFALL_PASSES_LOWER_DEVICE_FOLDTODEVICE_H

#include "passes/Schedule/BlockPlan.h"

namespace einfall {

/// Emits the device program of `kernel` before it, and one that merges parts
/// where the plan splits; the kernel itself is left alone. Returns the first.
device::KernelOp lowerFoldToDevice(cascade::KernelOp kernel,
                                   const BlockPlan &plan,
                                   const DeviceMachine &machine);

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_DEVICE_FOLDTODEVICE_H
