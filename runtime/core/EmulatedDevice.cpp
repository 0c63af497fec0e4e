//===- EmulatedDevice.cpp - Kernels of a package on an emulated GPU -------===//

#include "runtime/core/Device.h"
#include "runtime/devices/emulated/Emulator.h"

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
  std::vector<std::pair<const VersionPlan *, emulated::DeviceImage>> versions;
};

Status EmulatedKernel::loadVersions(const std::string &target) {
  for (const VersionPlan &version : plan.versions) {
    if (version.target != target)
      continue;
    emulated::Image image;
    Status status = readImage(*package, plan, version, image);
    if (!status.ok())
      return status;
    std::string error;
    std::optional<emulated::DeviceImage> made =
        emulated::DeviceImage::make(std::move(image), error);
    if (!made)
      return Status::failure(EINFALL_INVALID_PACKAGE, error);
    versions.emplace_back(&version, std::move(*made));
  }
  if (!versions.empty())
    return Status::success();
  return Status::failure(EINFALL_MISSING,
                         "kernel `" + plan.name + "` has no version for " +
                             target + ": the package has " + targetsOf(plan));
}

Status EmulatedKernel::workspace(const Binding &, size_t &bytes) const {
  bytes = 0;
  return Status::success();
}

Status EmulatedKernel::launch(const Binding &binding, void *, void *) const {
  emulated::Launch launch;
  launch.arguments.resize(countDeviceWords(plan));
  binding.deviceWords(plan, launch.arguments.data());
  for (size_t i = 0; i < plan.tensors.size(); ++i)
    launch.buffers.push_back({binding.ranges[i].begin, binding.ranges[i].bytes,
                              plan.tensors[i].isOutput, plan.tensors[i].name});
  std::string reasons;
  for (const auto &[version, image] : versions) {
    Status status = binding.fits(plan, *version);
    if (!status.ok()) {
      reasons += "\n  " + version->target + ": " + status.text;
      continue;
    }
    launch.image = &image;
    emulated::Report report = emulated::run(launch);
    if (report.ok)
      return status;
    if (report.applies)
      return Status::failure(EINFALL_DEVICE_ERROR,
                             "the emulated device stopped kernel `" +
                                 plan.name + "`:\n" + report.str());
    reasons += "\n  " + version->target + ": its grid program refuses them";
  }
  return noVersion(plan, reasons);
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
