//===- EmulatedDevice.cpp - Kernels of a package on an emulated GPU -------===//

#include "runtime/core/Device.h"
#include "runtime/devices/emulated/Emulator.h"

#include <bit>

using namespace einfall::runtime;
namespace emulated = einfall::emulated;

namespace {

class EmulatedKernel : public DeviceKernel {
public:
  EmulatedKernel(std::shared_ptr<const Package> package, const KernelPlan &plan)
      : DeviceKernel(std::move(package), plan) {}

  Status loadVersions(const std::string &target);
  Status workspace(const Binding &binding, size_t &bytes) const override;
  Status launch(const Binding &binding, void *memory) const override;

private:
  std::vector<uint64_t> words(const Binding &binding) const;

  std::vector<std::pair<const VersionPlan *, emulated::DeviceImage>> versions;
};

Status EmulatedKernel::loadVersions(const std::string &target) {
  size_t expected =
      plan.tensors.size() + plan.ranks.size() + 2 * plan.params.size();
  for (const TensorPlan &tensor : plan.tensors)
    expected += tensor.dims.size();
  for (const VersionPlan &version : plan.versions) {
    if (version.target != target)
      continue;
    const Part &part = package->parts()[version.image];
    std::string error;
    std::optional<emulated::DeviceImage> image;
    if (part.kind != PartKind::DeviceImage)
      error = "it is a " + name(part.kind);
    else
      image = emulated::DeviceImage::load(part.bytes, error);
    if (image && image->contents().parameters.size() != expected)
      error = "it takes " +
              std::to_string(image->contents().parameters.size()) +
              " parameters, the plan has " + std::to_string(expected);
    if (!error.empty())
      return Status::failure(EINFALL_INVALID_PACKAGE,
                             "part " + std::to_string(version.image) +
                                 " is no image of kernel `" + plan.name +
                                 "`: " + error);
    versions.emplace_back(&version, std::move(*image));
  }
  if (!versions.empty())
    return Status::success();
  return Status::failure(EINFALL_MISSING, "kernel `" + plan.name +
                                              "` has no version for " + target +
                                              ": it was compiled without "
                                              "--target " +
                                              target);
}

/// The parameters of the program, in the order of
/// passes/Lower/Device/FoldToDevice.h.
std::vector<uint64_t> EmulatedKernel::words(const Binding &binding) const {
  std::vector<uint64_t> words;
  size_t strides = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    words.push_back(reinterpret_cast<uintptr_t>(binding.data[i]));
    strides += plan.tensors[i].dims.size();
  }
  for (size_t i = 0; i < strides; ++i)
    words.push_back(binding.strides[i]);
  for (size_t i = 0; i < plan.ranks.size(); ++i)
    words.push_back(binding.extents[i]);
  for (size_t i = 0; i < plan.params.size(); ++i) {
    const double *value = binding.params[i];
    uint8_t code = plan.params[i].type.code;
    bool isReal = code == EINFALL_FLOAT || code == EINFALL_BFLOAT;
    double number = value ? *value : 0;
    words.push_back(isReal
                        ? std::bit_cast<uint32_t>(static_cast<float>(number))
                        : static_cast<uint64_t>(static_cast<int64_t>(number)));
    words.push_back(value != nullptr);
  }
  return words;
}

Status EmulatedKernel::workspace(const Binding &, size_t &bytes) const {
  bytes = 0;
  return Status::success();
}

Status EmulatedKernel::launch(const Binding &binding, void *) const {
  emulated::Launch launch;
  launch.arguments = words(binding);
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
  return Status::failure(EINFALL_NO_VERSION,
                         "no version of kernel `" + plan.name +
                             "` fits these arguments" + reasons);
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
