//===- CudaMemory.h - Memory and time of a CUDA device ----------*- C++ -*-===//
//
// For programs of ours that have no CUDA of their own: copies of host memory
// on a device, and the time between two moments of its default stream.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H
#define EINFALL_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H

#include "runtime/devices/cuda/Driver.h"

#include <functional>

namespace einfall::cuda {

/// Bytes of a device.
class CudaMemory {
public:
  CudaMemory() = default;
  CudaMemory(CudaMemory &&other) noexcept;
  CudaMemory &operator=(CudaMemory &&other) noexcept;
  ~CudaMemory();

  /// Nothing, with the reason, where the device has not as many.
  static std::optional<CudaMemory>
  allocate(std::shared_ptr<const Device> device, size_t bytes,
           Failure &failure);

  /// Copies `count` bytes that begin at `offset`, and returns when it is done.
  std::optional<Failure> write(size_t offset, const void *from,
                               size_t count) const;
  std::optional<Failure> read(size_t offset, void *to, size_t count) const;

  void *data() const { return reinterpret_cast<void *>(address); }
  size_t size() const { return bytes; }

private:
  std::shared_ptr<const Device> device;
  uint64_t address = 0;
  size_t bytes = 0;
};

/// Seconds between the beginning and the end of what `launch` puts on the
/// default stream, as the device has them; waits for it, so that what fails on
/// the device is seen. `launch` gives false where there is nothing to wait for;
/// then so does this, and so it does, with the reason, after an error.
std::optional<double> timeLaunch(const Device &device,
                                 const std::function<bool()> &launch,
                                 Failure &failure);

} // namespace einfall::cuda

#endif // EINFALL_RUNTIME_DEVICES_CUDA_CUDAMEMORY_H
