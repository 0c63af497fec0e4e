//===- EmulatedDevice.cpp - Kernels of a package on an emulated GPU -------===//

#include "runtime/core/Device.h"
#include "runtime/devices/emulated/Emulator.h"

#include <algorithm>
#include <cstring>

using namespace einfall::runtime;
namespace emulated = einfall::emulated;

namespace {

class EmulatedKernel : public DeviceKernel {
public:
  EmulatedKernel(std::shared_ptr<const Package> package, const KernelPlan &plan)
      : DeviceKernel(std::move(package), plan) {}

  Status loadVersions(const std::string &target);
  Status workspace(const Binding &binding, size_t &bytes) const override;
  Status launch(const Binding &binding, void *memory,
                void *stream) const override;

private:
  struct Version {
    const VersionPlan *plan;
    /// Its programs, in the order of their launches.
    std::vector<emulated::DeviceImage> images;
  };
  /// The version that takes the arguments, and what its first launch comes to.
  Status choose(const Binding &binding, const Version *&chosen,
                emulated::Grid &grid) const;
  std::vector<uint64_t> words(const Binding &binding) const;

  std::vector<Version> versions;
};

Status EmulatedKernel::loadVersions(const std::string &target) {
  for (const VersionPlan &version : plan.versions) {
    if (version.target != target)
      continue;
    std::vector<emulated::Image> images;
    Status status = readImages(*package, plan, version, images);
    if (!status.ok())
      return status;
    Version made{&version, {}};
    for (emulated::Image &image : images) {
      std::string error;
      std::optional<emulated::DeviceImage> ready =
          emulated::DeviceImage::make(std::move(image), error);
      if (!ready)
        return Status::failure(EINFALL_INVALID_PACKAGE, error);
      made.images.push_back(std::move(*ready));
    }
    versions.push_back(std::move(made));
  }
  if (!versions.empty())
    return Status::success();
  return Status::failure(EINFALL_MISSING,
                         "kernel `" + plan.name + "` has no version for " +
                             target + ": the package has " + targetsOf(plan));
}

std::vector<uint64_t> EmulatedKernel::words(const Binding &binding) const {
  std::vector<uint64_t> words(countDeviceWords(plan));
  binding.deviceWords(plan, words.data());
  return words;
}

/// A grid program that stops is left to the launch to report.
Status EmulatedKernel::choose(const Binding &binding, const Version *&chosen,
                              emulated::Grid &grid) const {
  std::vector<uint64_t> arguments = words(binding);
  std::string reasons;
  for (const Version &version : versions) {
    Status status = binding.fits(plan, *version.plan);
    if (status.ok()) {
      grid = version.images.front().gridOf(arguments);
      if (grid.applies || grid.fault) {
        chosen = &version;
        return status;
      }
    }
    reasons += "\n  " + version.plan->target + ": " +
               (status.ok() ? "its grid program refuses them" : status.text);
  }
  return noVersion(plan, reasons);
}

/// The address of a tensor may decide on the version, and a query has none:
/// the most that any version needs is enough for each.
Status EmulatedKernel::workspace(const Binding &binding, size_t &bytes) const {
  bytes = 0;
  std::vector<uint64_t> arguments = words(binding);
  for (const Version &version : versions)
    if (!binding.misfit(*version.plan))
      for (const emulated::DeviceImage &image : version.images)
        bytes = std::max<size_t>(bytes, image.gridOf(arguments).workspace);
  return Status::success();
}

Status EmulatedKernel::launch(const Binding &binding, void *memory,
                              void *) const {
  const Version *version = nullptr;
  emulated::Grid grid;
  Status status = choose(binding, version, grid);
  if (!status.ok())
    return status;
  emulated::Launch launch;
  launch.arguments = words(binding);
  for (size_t i = 0; i < plan.tensors.size(); ++i)
    launch.buffers.push_back({binding.ranges[i].begin, binding.ranges[i].bytes,
                              plan.tensors[i].isOutput, plan.tensors[i].name});
  launch.image = &version->images.front();
  for (size_t i = 1; i < version->images.size(); ++i)
    launch.then.push_back(&version->images[i]);
  if (launch.image->contents().hasWorkspace()) {
    // Nothing may rely on what the memory held.
    if (grid.workspace)
      std::memset(memory, 0xff, grid.workspace);
    launch.arguments.push_back(reinterpret_cast<uintptr_t>(memory));
    launch.buffers.push_back({memory, grid.workspace, true, "workspace"});
  }
  emulated::Report report = emulated::run(launch);
  if (report.ok)
    return status;
  return Status::failure(EINFALL_DEVICE_ERROR,
                         "the emulated device stopped kernel `" + plan.name +
                             "`:\n" + report.str());
}

} // namespace

Status einfall::runtime::loadForEmulated(
    std::shared_ptr<const Package> package, const KernelPlan &plan,
    const std::string &target, std::unique_ptr<DeviceKernel> &result) {
  auto kernel = std::make_unique<EmulatedKernel>(std::move(package), plan);
  Status status = kernel->loadVersions(target);
  if (status.ok())
    result = std::move(kernel);
  return status;
}
