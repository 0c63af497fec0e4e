//===- DevicePasses.h - Lowering to device programs as a pass ---*- C++ -*-===//
//
// `--lower-fold-to-device` replaces every kernel of folds by its device
// program. Options: `extents=e=64,f=64` fixes extents, `target=sm_80`,
// `splits=3` splits streams into three parts (1: blocks share nothing).
//
// A kernel that does not fit the block program is left alone, with a remark
// that says why.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_DEVICE_DEVICEPASSES_H
#define EINFALL_PASSES_LOWER_DEVICE_DEVICEPASSES_H

namespace einfall {

void registerDeviceLoweringPasses();

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_DEVICE_DEVICEPASSES_H
