//===- Device.h - A kernel of a package on a device -------------*- C++ -*-===//
//
// One interface for all devices. A kernel keeps the package that it is of.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_DEVICE_H
#define EINFALL_RUNTIME_CORE_DEVICE_H

#include "runtime/core/Binding.h"
#include "runtime/core/Package.h"

#include <memory>

namespace einfall::emulated {
struct Image;
} // namespace einfall::emulated

namespace einfall::runtime {

class DeviceKernel {
public:
  /// Loads the versions of `plan` that the device can run. Errors:
  /// EINFALL_INVALID_ARGUMENT for a name that is no device's, EINFALL_MISSING
  /// where there is no such device or no image for it.
  static Status load(std::shared_ptr<const Package> package,
                     const KernelPlan &plan, const std::string &device,
                     std::unique_ptr<DeviceKernel> &result);
  virtual ~DeviceKernel();

  /// Bytes that `launch` needs.
  virtual Status workspace(const Binding &binding, size_t &bytes) const = 0;
  /// `memory` holds `workspace` bytes, aligned to 64. `stream` is null on
  /// devices without.
  virtual Status launch(const Binding &binding, void *memory,
                        void *stream) const = 0;

  /// The memory that tensors have to lie in.
  virtual MemoryPlace place() const { return {}; }
  virtual bool hasStreams() const { return false; }

  const KernelPlan &plan;

protected:
  DeviceKernel(std::shared_ptr<const Package> package, const KernelPlan &plan)
      : plan(plan), package(std::move(package)) {}
  std::shared_ptr<const Package> package;
};

/// EINFALL_NO_VERSION; `reasons` has a line for each version.
Status noVersion(const KernelPlan &plan, const std::string &reasons);

/// The images of a version for a GPU, as its launches need them, in their
/// order: of this kernel, as the plan has it. EINFALL_INVALID_PACKAGE
/// otherwise.
Status readImages(const Package &package, const KernelPlan &plan,
                  const VersionPlan &version,
                  std::vector<emulated::Image> &images);

/// What the kernel has versions for: "cpu, sm_80".
std::string targetsOf(const KernelPlan &plan);

/// The devices of today; `threads` 0 means all.
Status loadForCpu(std::shared_ptr<const Package> package,
                  const KernelPlan &plan, unsigned threads,
                  std::unique_ptr<DeviceKernel> &result);
Status loadForEmulated(std::shared_ptr<const Package> package,
                       const KernelPlan &plan, const std::string &target,
                       std::unique_ptr<DeviceKernel> &result);

Status loadForCuda(std::shared_ptr<const Package> package,
                   const KernelPlan &plan, unsigned ordinal,
                   std::unique_ptr<DeviceKernel> &result);

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_DEVICE_H
