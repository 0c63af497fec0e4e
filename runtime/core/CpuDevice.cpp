//===- CpuDevice.cpp - Kernels of a package on this processor -------------===//

#include "runtime/core/Device.h"
#include "runtime/core/HostFeatures.h"
#include "runtime/core/HostLibrary.h"
#include "runtime/devices/cpu/CpuKernel.h"

#include <algorithm>

using namespace einfall::runtime;

namespace {

struct LoadedVersion {
  const VersionPlan *plan;
  HostLibrary library;
  einfall::cpu::CpuKernel code;
};

class CpuDeviceKernel : public DeviceKernel {
public:
  CpuDeviceKernel(std::shared_ptr<const Package> package,
                  const KernelPlan &plan, unsigned threads)
      : DeviceKernel(std::move(package), plan), executor(threads) {}

  Status loadVersions();
  Status workspace(const Binding &binding, size_t &bytes) const override;
  Status launch(const Binding &binding, void *memory,
                void *stream) const override;

private:
  Status choose(const Binding &binding, const LoadedVersion *&version) const;

  std::vector<LoadedVersion> versions;
  einfall::cpu::CpuExecutor executor;
};

/// What a version needs and this processor lacks, or nothing.
std::string lacking(const VersionPlan &version) {
  if (version.architecture != hostArchitecture())
    return version.architecture + ", which this processor is not";
  std::string missing;
  for (const std::string &feature : version.features) {
    const std::vector<HostFeature> &known = hostFeatures();
    auto found =
        std::find_if(known.begin(), known.end(), [&](const HostFeature &host) {
          return host.name == feature;
        });
    if (found == known.end() || !found->present)
      missing += (missing.empty() ? "" : ", ") + feature;
  }
  return missing.empty() ? missing : missing + ", which this processor lacks";
}

Status CpuDeviceKernel::loadVersions() {
  std::string reason;
  for (const VersionPlan &version : plan.versions) {
    if (version.target != "cpu")
      continue;
    if (std::string missing = lacking(version); !missing.empty()) {
      reason += "\n  a version needs " + missing;
      continue;
    }
    const Part &image = package->parts()[version.image];
    if (image.kind != PartKind::HostLibrary)
      return Status::failure(EINFALL_INVALID_PACKAGE,
                             "a version for the CPU has no code but a " +
                                 name(image.kind));
    LoadedVersion loaded{&version, {}, {}};
    Status status = loaded.library.load(image.bytes);
    if (!status.ok())
      return status;
    auto find = [&](const char *suffix) {
      void *found = loaded.library.find(version.entry + suffix);
      if (!found)
        reason = "the host library has no function " + version.entry + suffix;
      return found;
    };
    loaded.code = {reinterpret_cast<EinfallCpuKernel>(find("")),
                   reinterpret_cast<EinfallCpuItems>(find("_items")),
                   reinterpret_cast<EinfallCpuSize>(find("_workspace")),
                   reinterpret_cast<EinfallCpuSize>(find("_shared"))};
    if (!loaded.code.run || !loaded.code.items || !loaded.code.workspace ||
        !loaded.code.shared)
      return Status::failure(EINFALL_INVALID_PACKAGE, reason);
    versions.push_back(std::move(loaded));
  }
  if (!versions.empty())
    return Status::success();
  return Status::failure(
      EINFALL_MISSING,
      "kernel `" + plan.name + "` has no version for this processor" +
          (reason.empty() ? ": the package has " + targetsOf(plan) : reason));
}

Status CpuDeviceKernel::choose(const Binding &binding,
                               const LoadedVersion *&version) const {
  std::string reasons;
  for (const LoadedVersion &candidate : versions) {
    Status status = binding.fits(plan, *candidate.plan);
    if (status.ok()) {
      version = &candidate;
      return status;
    }
    reasons += "\n  cpu: " + status.text;
  }
  return noVersion(plan, reasons);
}

Status CpuDeviceKernel::workspace(const Binding &binding, size_t &bytes) const {
  const LoadedVersion *version;
  Status status = choose(binding, version);
  if (status.ok()) {
    EinfallCpuArguments arguments = binding.forCpu();
    arguments.threads = executor.threads();
    bytes = executor.workspaceSize(version->code, arguments);
  }
  return status;
}

Status CpuDeviceKernel::launch(const Binding &binding, void *memory,
                               void *) const {
  const LoadedVersion *version;
  Status status = choose(binding, version);
  if (status.ok())
    executor.launch(version->code, binding.forCpu(), memory);
  return status;
}

} // namespace

Status einfall::runtime::loadForCpu(std::shared_ptr<const Package> package,
                                    const KernelPlan &plan, unsigned threads,
                                    std::unique_ptr<DeviceKernel> &result) {
  auto kernel =
      std::make_unique<CpuDeviceKernel>(std::move(package), plan, threads);
  Status status = kernel->loadVersions();
  if (status.ok())
    result = std::move(kernel);
  return status;
}
