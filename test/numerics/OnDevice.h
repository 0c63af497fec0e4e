//===- OnDevice.h - A kernel on an emulated GPU -----------------*- C++ -*-===//

#ifndef EINFALL_TEST_NUMERICS_ONDEVICE_H
#define EINFALL_TEST_NUMERICS_ONDEVICE_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Random.h"
#include "runtime/devices/emulated/Emulator.h"

#include <string>

namespace einfall::numerics {

/// The ways from a cascade to programs of a GPU.
enum class DeviceLowering {
  Folds,     ///< derived, tiles of rows against tiles of the stream
  Tf32,      ///< the same, f32 factors rounded to tf32
  Parts,     ///< the same as Folds, the stream in three parts
  Warps,     ///< as written, a warp for each item, whose extents are known
  AnyExtent, ///< the same, by versions that a launch chooses from
};

/// Dialects that the lowerings need.
void loadDeviceDialects(mlir::MLIRContext &context);

class OnDevice {
public:
  /// Compiles a copy of `written` for `target` ("sm_80", "sm_90a"), all its
  /// versions. Nothing with a reason where the lowering does not take this
  /// kernel; `failed` tells that apart from an error.
  static std::optional<OnDevice>
  compile(cascade::KernelOp written, DeviceLowering lowering,
          llvm::StringRef target, const llvm::StringMap<int64_t> &extents,
          std::string &reason, bool &failed);

  /// Versions, the one that a launch prefers first.
  size_t versions() const { return images.size(); }
  llvm::StringRef name(size_t version) const {
    return images[version].front().contents().name;
  }

  /// Runs one version with every output full of NaN. One tensor per output, in
  /// the kernel's order; none where the version does not apply, or where
  /// `report` says what is wrong.
  std::vector<interpreter::OwnedTensor>
  run(size_t version, const interpreter::Arguments &arguments,
      interpreter::Layout layout, uint64_t seed, emulated::Report &report);

private:
  cascade::KernelOp written;
  /// The programs of each version.
  std::vector<std::vector<emulated::DeviceImage>> images;
};

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_ONDEVICE_H
