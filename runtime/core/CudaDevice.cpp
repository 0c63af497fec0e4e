//===- CudaDevice.cpp - Kernels of a package on a CUDA device -------------===//
//
// Versions are loaded in order of preference: those of the greatest target that
// the device runs first, and within a target in the order of the plan. Machine
// code comes before PTX, which the driver compiles where there is none or where
// it refuses that (it is of a newer toolkit). What no launch can come to,
// because a version before it takes the same arguments unconditionally, is not
// loaded.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Device.h"
#include "runtime/devices/cuda/CudaKernel.h"

#include <algorithm>
#include <map>

using namespace einfall::runtime;
namespace cuda = einfall::cuda;
namespace emulated = einfall::emulated;

namespace {

class CudaDeviceKernel : public DeviceKernel {
public:
  CudaDeviceKernel(std::shared_ptr<const Package> package,
                   const KernelPlan &plan,
                   std::shared_ptr<const cuda::Device> device)
      : DeviceKernel(std::move(package), plan), device(std::move(device)) {}

  Status loadVersions();
  Status workspace(const Binding &binding, size_t &bytes) const override;
  Status launch(const Binding &binding, void *memory,
                void *stream) const override;
  MemoryPlace place() const override {
    return {EINFALL_DEVICE_CUDA, static_cast<int32_t>(device->ordinal)};
  }
  bool hasStreams() const override { return true; }

private:
  /// Code of the package that the device runs.
  struct Candidate {
    const VersionPlan *version;
    PartNumber part;
    cuda::CodeKind kind;
  };
  /// What is loaded: its programs, in the order of their launches.
  struct Version {
    const VersionPlan *plan;
    std::vector<cuda::CudaKernel> kernels;

    const cuda::CudaKernel &first() const { return kernels.front(); }
  };
  std::vector<Candidate> candidates() const;
  bool isReached(const VersionPlan &version) const;
  Status load(const Candidate &candidate, std::string &reasons);
  std::shared_ptr<const cuda::CudaModule> loadModule(const Candidate &candidate,
                                                     cuda::Failure &failure);
  Status refuse(const Binding &binding) const;

  std::shared_ptr<const cuda::Device> device;
  /// By part: versions share code.
  std::map<PartNumber, std::shared_ptr<const cuda::CudaModule>> modules;
  std::vector<Version> versions;
};

Status failed(const cuda::Failure &failure) {
  return Status::failure(
      failure.isMissing ? EINFALL_MISSING : EINFALL_DEVICE_ERROR, failure.text);
}

std::vector<CudaDeviceKernel::Candidate> CudaDeviceKernel::candidates() const {
  std::vector<Candidate> found;
  for (const VersionPlan &version : plan.versions) {
    if (version.cubin &&
        cuda::runs(*device, version.target, cuda::CodeKind::Cubin))
      found.push_back({&version, version.cubin, cuda::CodeKind::Cubin});
    else if (version.ptx &&
             cuda::runs(*device, version.target, cuda::CodeKind::Ptx))
      found.push_back({&version, version.ptx, cuda::CodeKind::Ptx});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate &a, const Candidate &b) {
                     return cuda::rankOf(a.version->target) >
                            cuda::rankOf(b.version->target);
                   });
  return found;
}

/// Whether arguments are left that no version before takes.
bool CudaDeviceKernel::isReached(const VersionPlan &version) const {
  return std::none_of(
      versions.begin(), versions.end(), [&](const Version &before) {
        return before.first().isUnconditional() &&
               std::equal(before.plan->fixed.begin(), before.plan->fixed.end(),
                          version.fixed.begin(), version.fixed.end(),
                          [](const FixedExtent &a, const FixedExtent &b) {
                            return a.rank == b.rank && a.extent == b.extent;
                          });
      });
}

/// The candidate's code, or the PTX of the same version where the driver
/// refuses machine code.
std::shared_ptr<const cuda::CudaModule>
CudaDeviceKernel::loadModule(const Candidate &candidate,
                             cuda::Failure &failure) {
  auto &module = modules[candidate.part];
  if (module)
    return module;
  module = cuda::CudaModule::load(
      device, package->parts()[candidate.part].bytes, candidate.kind, failure);
  PartNumber ptx = candidate.version->ptx;
  bool isRefused = failure.result == cuda::resultNoBinary ||
                   failure.result == cuda::resultInvalidImage;
  if (module || candidate.kind == cuda::CodeKind::Ptx || !isRefused || !ptx ||
      package->parts()[ptx].kind != PartKind::Ptx)
    return module;
  cuda::Failure another;
  module = cuda::CudaModule::load(device, package->parts()[ptx].bytes,
                                  cuda::CodeKind::Ptx, another);
  if (!module)
    failure.text += "; its PTX: " + another.text;
  return module;
}

/// Adds a version; what the device cannot launch goes to `reasons`.
Status CudaDeviceKernel::load(const Candidate &candidate,
                              std::string &reasons) {
  const VersionPlan &version = *candidate.version;
  std::vector<emulated::Image> images;
  Status status = readImages(*package, plan, version, images);
  if (!status.ok())
    return status;
  const Part &part = package->parts()[candidate.part];
  PartKind expected =
      candidate.kind == cuda::CodeKind::Cubin ? PartKind::Cubin : PartKind::Ptx;
  if (part.kind != expected)
    return Status::failure(EINFALL_INVALID_PACKAGE,
                           "part " + std::to_string(candidate.part) +
                               " is no " + name(expected) + " but a " +
                               name(part.kind));
  cuda::Failure failure;
  std::shared_ptr<const cuda::CudaModule> module =
      loadModule(candidate, failure);
  Version made{&version, {}};
  for (size_t i = 0; module && i < images.size(); ++i) {
    const std::string &entry = i ? version.then[i - 1].entry : version.entry;
    auto kernel = cuda::CudaKernel::make(module, entry, images[i], failure);
    if (!kernel)
      break;
    made.kernels.push_back(std::move(*kernel));
  }
  if (made.kernels.size() == images.size()) {
    versions.push_back(std::move(made));
    return Status::success();
  }
  if (!failure.isMissing)
    return Status::failure(EINFALL_DEVICE_ERROR,
                           "kernel `" + plan.name + "` (" + version.target +
                               ") is not loaded on " + device->describe() +
                               ": " + failure.text);
  reasons += "\n  " + version.target + ": " + failure.text;
  return Status::success();
}

Status CudaDeviceKernel::loadVersions() {
  std::string reasons;
  for (const Candidate &candidate : candidates()) {
    if (!isReached(*candidate.version))
      continue;
    Status status = load(candidate, reasons);
    if (!status.ok())
      return status;
  }
  if (!versions.empty())
    return Status::success();
  return Status::failure(EINFALL_MISSING,
                         "kernel `" + plan.name + "` has no version for " +
                             device->describe() + ": the package has " +
                             targetsOf(plan) + reasons);
}

/// The address of a tensor may decide on the version, and a query has none: the
/// most that any version needs is enough for each. A grid program that stops is
/// left to the launch to report.
Status CudaDeviceKernel::workspace(const Binding &binding,
                                   size_t &bytes) const {
  uint64_t words[maxDeviceWords] = {};
  binding.deviceWords(plan, words);
  bytes = 0;
  for (const Version &version : versions)
    if (!binding.misfit(*version.plan))
      for (const cuda::CudaKernel &kernel : version.kernels)
        bytes = std::max<size_t>(bytes, kernel.workspace(words));
  return Status::success();
}

Status CudaDeviceKernel::launch(const Binding &binding, void *memory,
                                void *stream) const {
  uint64_t words[maxDeviceWords];
  emulated::TensorMap maps[emulated::maxMaps];
  emulated::Grid grid;
  binding.deviceWords(plan, words);
  words[countDeviceWords(plan)] = reinterpret_cast<uintptr_t>(memory);
  for (const Version &version : versions) {
    if (binding.misfit(*version.plan))
      continue;
    for (const cuda::CudaKernel &kernel : version.kernels) {
      if (std::optional<std::string> wrong = kernel.plan(words, grid, maps))
        return Status::failure(EINFALL_DEVICE_ERROR, *wrong);
      bool isFirst = &kernel == &version.first();
      if (!grid.applies && isFirst)
        break;
      if (!grid.applies)
        return Status::failure(EINFALL_DEVICE_ERROR,
                               "version " + version.plan->entry +
                                   " of kernel `" + plan.name +
                                   "` does not go on with these arguments");
      std::optional<cuda::Failure> failure =
          kernel.launch(words, grid, maps, static_cast<cuda::Stream>(stream));
      if (failure)
        return failed(*failure);
    }
    if (grid.applies)
      return Status::success();
  }
  return refuse(binding);
}

Status CudaDeviceKernel::refuse(const Binding &binding) const {
  std::string reasons;
  for (const Version &version : versions) {
    Status status = binding.fits(plan, *version.plan);
    reasons += "\n  " + version.plan->target + ": " +
               (status.ok() ? "its grid program refuses them" : status.text);
  }
  return noVersion(plan, reasons);
}

} // namespace

Status einfall::runtime::loadForCuda(std::shared_ptr<const Package> package,
                                     const KernelPlan &plan, unsigned ordinal,
                                     std::unique_ptr<DeviceKernel> &result) {
  cuda::Failure failure;
  std::shared_ptr<const cuda::Device> device =
      cuda::Device::open(ordinal, failure);
  if (!device)
    return failed(failure);
  auto kernel = std::make_unique<CudaDeviceKernel>(std::move(package), plan,
                                                   std::move(device));
  Status status = kernel->loadVersions();
  if (status.ok())
    result = std::move(kernel);
  return status;
}
