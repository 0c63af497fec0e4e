//===- CudaKernel.h - A version of a kernel on a CUDA device ----*- C++ -*-===//
//
// Machine code or PTX of a package, loaded into a device's context once, and
// launched any number of times. A launch neither allocates nor synchronises,
// so that a stream that is captured into a graph takes it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CUDA_CUDAKERNEL_H
#define EINFALL_RUNTIME_DEVICES_CUDA_CUDAKERNEL_H

#include "runtime/devices/cuda/Driver.h"
#include "runtime/devices/emulated/Grid.h"

#include <string_view>
#include <vector>

namespace einfall::cuda {

enum class CodeKind { Cubin, Ptx };

/// Whether a device runs code of `target` ("sm_80", "sm_90a"). A cubin needs
/// the same major and no lesser minor number, PTX no lesser capability, and
/// what ends with a letter exactly its own.
bool runs(const Device &device, std::string_view target, CodeKind kind);

/// The order of preference among targets that a device runs: 809, 901, ...; the
/// greater the better.
unsigned rankOf(std::string_view target);

/// Code that lies in a device's context.
class CudaModule {
public:
  /// Null, with the reason, where it is no code or the driver refuses it: the
  /// log of its compiler is part of the text.
  static std::shared_ptr<const CudaModule>
  load(std::shared_ptr<const Device> device, std::string_view code,
       CodeKind kind, Failure &failure);
  ~CudaModule();
  CudaModule(const CudaModule &) = delete;

  const std::shared_ptr<const Device> device;
  const Module handle;

private:
  CudaModule(std::shared_ptr<const Device> device, Module handle)
      : device(std::move(device)), handle(handle) {}
};

class CudaKernel {
public:
  /// The function `entry` of `module`, for launches as `image` says. Nothing,
  /// with the reason, where the device cannot launch it.
  static std::optional<CudaKernel>
  make(std::shared_ptr<const CudaModule> module, const std::string &entry,
       const emulated::Image &image, Failure &failure);

  /// True where it is one for any arguments.
  bool isUnconditional() const { return program.isUnconditional(); }

  /// Evaluates what a launch with these parameters comes to. `arguments` are
  /// their bits; `maps` has room for emulated::maxMaps. A text where the grid
  /// program has a fault.
  std::optional<std::string> plan(const uint64_t *arguments,
                                  emulated::Grid &grid,
                                  emulated::TensorMap *maps) const;

  /// Bytes of the workspace that a launch with these parameters needs.
  uint64_t workspace(const uint64_t *arguments) const;

  /// Launches that on a stream; null is the legacy default stream.
  /// Nothing after success.
  std::optional<Failure> launch(const uint64_t *arguments,
                                const emulated::Grid &grid,
                                const emulated::TensorMap *maps,
                                Stream stream) const;

private:
  CudaKernel(std::shared_ptr<const CudaModule> module, Function function,
             const emulated::Image &image);
  std::optional<Failure> encode(unsigned number, const emulated::TensorMap &map,
                                EncodedMap &to) const;

  std::shared_ptr<const CudaModule> module;
  Function function;
  emulated::GridProgram program;
  /// The image without its programs.
  emulated::Image image;
};

} // namespace einfall::cuda

#endif // EINFALL_RUNTIME_DEVICES_CUDA_CUDAKERNEL_H
