//===- DeviceToImage.h - Device programs for the emulator -------*- C++ -*-===//
//
// Translates a device.kernel to an image that the emulated device executes
// (runtime/devices/emulated). The road is short on purpose: every operation
// becomes the instruction of its name, so that what runs is what would be
// written as text for an assembler.
//
// Registers are per element: a vector is a list of registers, so taking it
// apart and putting it together costs nothing. Narrow integers are kept with
// zeros above; 16-bit floats are computed in f32 and rounded back, which is
// exact for one operation.
//
// A product of a warpgroup changes its accumulator in place, as in the machine;
// an accumulator that has other uses is copied first.
//
// Not translated, and refused with an error at the operation: f64, integers
// wider than 64 bits, conversions between integers and 16-bit floats.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_EMULATED_DEVICETOIMAGE_H
#define EINFALL_CODEGEN_EMULATED_DEVICETOIMAGE_H

#include "mlir/Support/LLVM.h"
#include "runtime/devices/emulated/Program.h"

namespace einfall::device {
class KernelOp;
} // namespace einfall::device

namespace einfall {

/// The kernel as an image (`emulated::write` makes bytes of it). Emits an error
/// where something cannot be translated.
mlir::FailureOr<emulated::Image> translateToImage(device::KernelOp kernel);

} // namespace einfall

#endif // EINFALL_CODEGEN_EMULATED_DEVICETOIMAGE_H
