//===- Device.cpp - A kernel of a package on a device ---------------------===//

#include "runtime/core/Device.h"
#include "runtime/devices/emulated/Program.h"

#include <charconv>

using namespace einfall::runtime;
namespace emulated = einfall::emulated;

DeviceKernel::~DeviceKernel() = default;

/// The number after the colon of `device`, or nothing.
static std::optional<unsigned> numberOf(std::string_view device) {
  std::string_view text = device.substr(device.find(':') + 1);
  unsigned number = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

Status DeviceKernel::load(std::shared_ptr<const Package> package,
                          const KernelPlan &plan, const std::string &device,
                          std::unique_ptr<DeviceKernel> &result) {
  std::string_view name = device;
  if (name == "cpu")
    return loadForCpu(std::move(package), plan, 0, result);
  if (name.starts_with("cpu:")) {
    std::optional<unsigned> threads = numberOf(name);
    if (!threads || *threads == 0 || *threads > 4096)
      return Status::invalid("`" + device +
                             "` does not name 1 to 4096 threads, as `cpu:4`");
    return loadForCpu(std::move(package), plan, *threads, result);
  }
  if (name.starts_with("emulated:"))
    return loadForEmulated(std::move(package), plan, device.substr(9), result);
  if (name == "cuda")
    return loadForCuda(std::move(package), plan, 0, result);
  if (name.starts_with("cuda:")) {
    std::optional<unsigned> ordinal = numberOf(name);
    if (!ordinal)
      return Status::invalid("`" + device +
                             "` does not number a device, as `cuda:0`");
    return loadForCuda(std::move(package), plan, *ordinal, result);
  }
  if (name == "hip")
    return Status::failure(EINFALL_MISSING,
                           "this library has no way to launch on `hip`");
  return Status::invalid("there is no device `" + device +
                         "`; devices are cpu, cuda, emulated:sm_80");
}

Status einfall::runtime::noVersion(const KernelPlan &plan,
                                   const std::string &reasons) {
  return Status::failure(EINFALL_NO_VERSION,
                         "no version of kernel `" + plan.name +
                             "` fits these arguments" + reasons);
}

std::string einfall::runtime::targetsOf(const KernelPlan &plan) {
  std::string targets;
  for (size_t i = 0; i < plan.versions.size(); ++i) {
    bool isNew = true;
    for (size_t j = 0; j < i; ++j)
      isNew &= plan.versions[j].target != plan.versions[i].target;
    if (isNew)
      targets += (targets.empty() ? "" : ", ") + plan.versions[i].target;
  }
  return targets.empty() ? "none" : targets;
}

static Status readImage(const Package &package, const KernelPlan &plan,
                        const VersionPlan &version, PartNumber number,
                        emulated::Image &image) {
  const Part &part = package.parts()[number];
  std::string error;
  if (part.kind != PartKind::DeviceImage) {
    error = "it is a " + name(part.kind);
  } else if (auto read =
                 emulated::read(part.bytes.data(), part.bytes.size(), error)) {
    size_t expected = countDeviceWords(plan), found = read->argumentCount();
    if (read->target != version.target)
      error = "it is for " + read->target + ", the plan says " + version.target;
    else if (found != expected)
      error = "it takes " + std::to_string(found) +
              " parameters, the plan has " + std::to_string(expected);
    image = std::move(*read);
  }
  if (error.empty())
    return Status::success();
  return Status::failure(EINFALL_INVALID_PACKAGE,
                         "part " + std::to_string(number) +
                             " is no image of kernel `" + plan.name +
                             "`: " + error);
}

Status einfall::runtime::readImages(const Package &package,
                                    const KernelPlan &plan,
                                    const VersionPlan &version,
                                    std::vector<emulated::Image> &images) {
  images.resize(1 + version.then.size());
  Status status =
      readImage(package, plan, version, version.image, images.front());
  for (size_t i = 0; i < version.then.size() && status.ok(); ++i) {
    PartNumber number = version.then[i].image;
    status = readImage(package, plan, version, number, images[1 + i]);
    if (status.ok() && images[1 + i].hasWorkspace() != images[0].hasWorkspace())
      status = Status::failure(
          EINFALL_INVALID_PACKAGE,
          "parts " + std::to_string(version.image) + " and " +
              std::to_string(number) +
              " do not share a workspace, but are of one version");
  }
  return status;
}
