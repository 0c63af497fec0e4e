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
  std::vector<Candidate> candidates() const;
  bool isReached(const VersionPlan &version) const;
  Status load(const Candidate &candidate, std::string &reasons);
  std::shared_ptr<const cuda::CudaModule> loadModule(const Candidate &candidate,
                                                     cuda::Failure &failure);
  Status refuse(const Binding &binding) const;

  std::shared_ptr<const cuda::Device> device;
  /// By part: versions share code.
  std::map<PartNumber, std::shared_ptr<const cuda::CudaModule>> modules;
  std::vector<std::pair<const VersionPlan *, cuda::CudaKernel>> versions;
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
      versions.begin(), versions.end(), [&](const auto &before) {
        const auto &[plan, kernel] = before;
        return kernel.isUnconditional() &&
               std::equal(plan->fixed.begin(), plan->fixed.end(),
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
  emulated::Image image;
  Status status = readImage(*package, plan, version, image);
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
  std::optional<cuda::CudaKernel> kernel;
  if (module)
    kernel = cuda::CudaKernel::make(module, version.entry, image, failure);
  if (kernel) {
    versions.emplace_back(&version, std::move(*kernel));
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

Status CudaDeviceKernel::workspace(const Binding &, size_t &bytes) const {
  bytes = 0;
  return Status::success();
}

Status CudaDeviceKernel::launch(const Binding &binding, void *,
                                void *stream) const {
  uint64_t words[maxDeviceWords];
  emulated::TensorMap maps[emulated::maxMaps];
  emulated::Grid grid;
  binding.deviceWords(plan, words);
  for (const auto &[version, kernel] : versions) {
    if (binding.misfit(*version))
      continue;
    if (std::optional<std::string> wrong = kernel.plan(words, grid, maps))
      return Status::failure(EINFALL_DEVICE_ERROR, *wrong);
    if (!grid.applies)
      continue;
    std::optional<cuda::Failure> failure =
        kernel.launch(words, grid, maps, static_cast<cuda::Stream>(stream));
    return failure ? failed(*failure) : Status::success();
  }
  return refuse(binding);
}

Status CudaDeviceKernel::refuse(const Binding &binding) const {
  std::string reasons;
  for (const auto &[version, kernel] : versions) {
    Status status = binding.fits(plan, *version);
    reasons += "\n  " + version->target + ": " +
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
