//===- Driver.h - CUDA's driver, found when it is needed --------*- C++ -*-===//
//
// Opens libcuda.so.1, which comes with the driver, or the library that the
// variable EINFALL_CUDA_DRIVER names (a compatibility package, a folder that
// the loader does not search). Once opened it stays; opening it again costs a
// look-up.
//
// A device is used by its primary context, which the CUDA runtime and PyTorch
// use as well: memory and streams of theirs can be given to a launch.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CUDA_DRIVER_H
#define EINFALL_RUNTIME_DEVICES_CUDA_DRIVER_H

#include "runtime/devices/cuda/DriverApi.h"

#include <memory>
#include <optional>
#include <string>

namespace einfall::cuda {

/// What went wrong. Missing: there is no driver, no such device; otherwise
/// the driver reported an error.
struct Failure {
  std::string text;
  bool isMissing = false;
  Result result = 0; ///< the driver's, where there is one
};

class Driver {
public:
  /// The driver of this process, opened and initialised; or null, with the
  /// reason.
  static std::shared_ptr<const Driver> open(Failure &failure);

  /// "cuLaunchKernel fails with CUDA_ERROR_INVALID_VALUE (1): invalid
  /// argument".
  std::string describe(const char *call, Result result) const;

  DriverApi api;
  std::string path;
};

/// A device whose primary context is held.
class Device {
public:
  /// Null, with the reason, where the driver has no device of this number.
  static std::shared_ptr<const Device> open(unsigned ordinal, Failure &failure);
  ~Device();
  Device(const Device &) = delete;

  const Driver &driver() const { return *opened; }
  const DriverApi &api() const { return opened->api; }

  unsigned ordinal = 0;
  std::string name;         ///< as the driver has it: "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0; ///< compute capability
  int sharedPerBlock = 0;   ///< bytes that a block may ask for
  Context context = nullptr;

  /// "device 0 (NVIDIA A10, compute capability 8.6)".
  std::string describe() const;

private:
  Device() = default;
  std::shared_ptr<const Driver> opened;
  int handle = 0;
};

/// Makes a device's context the thread's while it lives.
class Current {
public:
  explicit Current(const Device &device);
  ~Current();
  Current(const Current &) = delete;
  /// Not success: the context could not be made current, and nothing is to be
  /// done in it.
  Result result;

private:
  const DriverApi &api;
  bool pushed = false;
};

} // namespace einfall::cuda

#endif // EINFALL_RUNTIME_DEVICES_CUDA_DRIVER_H
