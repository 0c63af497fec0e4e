//===- PackageLauncher.cpp - Kernels as a program would launch them -------===//

#include "frontend/driver/PackageLauncher.h"

#include "codegen/targets/Machine.h"
#include "frontend/driver/PackageCompiler.h"
#include "runtime/core/Device.h"
#include "runtime/devices/cuda/CudaKernel.h"
#include "runtime/devices/cuda/CudaMemory.h"

#include <chrono>

using namespace einfall;
using namespace einfall::driver;

/// A tensor's copy on a device.
struct PackageLauncher::Staged {
  cuda::CudaMemory memory;
  char *host = nullptr; ///< the first byte
  size_t offset = 0;    ///< where it lies in `memory`
  size_t bytes = 0;
  bool written = false;
};

PackageLauncher::PackageLauncher(Session &session)
    : Launcher(session), device(session.options.device) {
  if (device == "cpu" && session.options.threads)
    device += ":" + std::to_string(session.options.threads);
}

PackageLauncher::~PackageLauncher() = default;

bool PackageLauncher::load(PipelineResult) { return false; }

/// Reports what the runtime refuses; false.
bool PackageLauncher::failed(const runtime::Status &status) {
  session.error(status.text);
  session.isToolMissing |= status.code == EINFALL_MISSING;
  return false;
}

bool PackageLauncher::openDevice() {
  if (!isCuda(device))
    return true;
  unsigned ordinal = 0;
  if (llvm::StringRef name = device; name.consume_front("cuda:"))
    name.getAsInteger(10, ordinal);
  cuda::Failure failure;
  gpu = cuda::Device::open(ordinal, failure);
  if (gpu)
    return true;
  session.error(failure.text)
      .remedy("nothing else is run in its place; devices of this build: " +
              deviceNames());
  session.isToolMissing = true;
  return false;
}

/// The best of our targets that a device runs.
static const GpuTarget *targetFor(const cuda::Device &device) {
  const GpuTarget *best = nullptr;
  for (const GpuTarget &target : gpuTargets())
    if ((cuda::runs(device, target.name, cuda::CodeKind::Cubin) ||
         cuda::runs(device, target.name, cuda::CodeKind::Ptx)) &&
        (!best || cuda::rankOf(target.name) > cuda::rankOf(best->name)))
      best = &target;
  return best;
}

bool PackageLauncher::compile() {
  if (!openDevice())
    return false;
  const GpuTarget *target = targetFor(*gpu);
  if (!target) {
    session.error("nothing is compiled for " + gpu->describe())
        .remedy("targets: " + llvm::join(targetNames(), ", "));
    session.isToolMissing = true;
    return false;
  }
  llvm::StringMap<int64_t> fixed;
  for (const std::string &rank : arguments->interface.ranks)
    fixed[rank] = arguments->extent(rank);
  PackageCompiler compiler(session);
  if (!compiler.add(kernel, target->name.str(), fixed))
    return false;
  report = compiler.report;
  std::shared_ptr<const runtime::Package> package;
  runtime::Status status = runtime::Package::read(compiler.finish(), package);
  if (!status.ok())
    return failed(status);
  const runtime::KernelPlan &plan = package->plan().kernels.front();
  return loadKernel(std::move(package), plan);
}

bool PackageLauncher::unpack() {
  report.kernel = program->packaged->name;
  report.planKind = "package";
  return openDevice() && loadKernel(program->package, *program->packaged);
}

bool PackageLauncher::loadKernel(
    std::shared_ptr<const runtime::Package> package,
    const runtime::KernelPlan &plan) {
  runtime::Status status =
      runtime::DeviceKernel::load(std::move(package), plan, device, loaded);
  if (!status.ok())
    return failed(status);
  return bindTensors(plan);
}

/// Makes room for a tensor on the device, at the same alignment.
bool PackageLauncher::stage(const HostTensor &tensor, EinfallTensor &bound) {
  const interpreter::Tensor &view = tensor.view;
  int64_t low = 0, high = 0;
  bool empty = false;
  for (auto [extent, stride] : llvm::zip_equal(view.shape, view.strides)) {
    empty |= extent == 0;
    int64_t last = (extent - 1) * stride;
    (last < 0 ? low : high) += last;
  }
  int64_t size = interpreter::elementBits(view.element) / 8;
  Staged copy;
  copy.host = static_cast<char *>(view.data) + (empty ? 0 : low * size);
  copy.bytes = empty ? 0 : (high - low + 1) * size;
  constexpr uintptr_t line = 256;
  copy.offset = reinterpret_cast<uintptr_t>(copy.host) % line;
  cuda::Failure failure;
  auto memory =
      cuda::CudaMemory::allocate(gpu, copy.offset + copy.bytes, failure);
  if (!memory) {
    session.error(failure.text);
    session.isToolMissing = true;
    return false;
  }
  copy.memory = std::move(*memory);
  bound.data = static_cast<char *>(copy.memory.data()) + copy.offset -
               (empty ? 0 : low * size);
  bound.device = {EINFALL_DEVICE_CUDA, static_cast<int32_t>(gpu->ordinal)};
  staged.push_back(std::move(copy));
  return true;
}

bool PackageLauncher::bindTensors(const runtime::KernelPlan &plan) {
  std::vector<const HostTensor *> all;
  for (const HostTensor &tensor : arguments->getInputs())
    all.push_back(&tensor);
  for (const HostTensor &tensor : arguments->getOutputs())
    all.push_back(&tensor);
  for (auto [tensor, info] : llvm::zip_equal(all, plan.tensors)) {
    const interpreter::Tensor &view = tensor->view;
    EinfallTensor bound = {view.data,
                           {EINFALL_DEVICE_HOST, 0},
                           static_cast<int32_t>(view.shape.size()),
                           info.type,
                           view.shape.data(),
                           view.strides.data(),
                           0};
    if (gpu && !stage(*tensor, bound))
      return false;
    tensors.push_back(bound);
  }
  for (auto [tensor, info] : llvm::zip_equal(tensors, plan.tensors))
    named.push_back({info.name.c_str(), &tensor});
  for (const auto &[name, value] : session.options.params)
    params.push_back({name.c_str(), value});
  given = {named.data(), named.size(), params.data(), params.size()};
  runtime::Binding binding;
  size_t bytes = 0;
  runtime::Status status =
      binding.bind(plan, given, /*withData=*/true, loaded->place());
  if (status.ok())
    status = loaded->workspace(binding, bytes);
  if (!status.ok())
    return failed(status);
  if (gpu && bytes) {
    cuda::Failure failure;
    auto memory = cuda::CudaMemory::allocate(gpu, bytes, failure);
    if (!memory) {
      session.error(failure.text);
      session.isToolMissing = true;
      return false;
    }
    deviceWorkspace = std::make_unique<cuda::CudaMemory>(std::move(*memory));
    return true;
  }
  workspace = AlignedBytes::allocate(bytes);
  if (workspace.data())
    return true;
  session.error("no memory for a workspace of " + llvm::Twine(bytes) +
                " bytes");
  return false;
}

std::optional<double> PackageLauncher::launch() {
  return gpu ? launchOnDevice() : launchOnHost();
}

std::optional<double> PackageLauncher::launchOnHost() {
  auto begin = std::chrono::steady_clock::now();
  runtime::Binding binding;
  runtime::Status status =
      binding.bind(loaded->plan, given, /*withData=*/true, loaded->place());
  if (status.ok())
    status = loaded->launch(binding, workspace.data(), nullptr);
  if (!status.ok()) {
    failed(status);
    return std::nullopt;
  }
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  return seconds.count();
}

std::optional<double> PackageLauncher::launchOnDevice() {
  auto report = [&](const cuda::Failure &failure) {
    session.error(failure.text);
    return std::nullopt;
  };
  for (Staged &copy : staged)
    if (!std::exchange(copy.written, true))
      if (auto failure = copy.memory.write(copy.offset, copy.host, copy.bytes))
        return report(*failure);
  runtime::Status status;
  auto launch = [&] {
    runtime::Binding binding;
    status =
        binding.bind(loaded->plan, given, /*withData=*/true, loaded->place());
    if (status.ok())
      status = loaded->launch(
          binding, deviceWorkspace ? deviceWorkspace->data() : nullptr,
          nullptr);
    return status.ok();
  };
  cuda::Failure failure;
  std::optional<double> seconds = cuda::timeLaunch(*gpu, launch, failure);
  if (!status.ok())
    return report({status.text});
  if (!seconds)
    return report(failure);
  for (const Staged &copy : staged)
    if (auto failed = copy.memory.read(copy.offset, copy.host, copy.bytes))
      return report(*failed);
  return seconds;
}

std::string PackageLauncher::place() const {
  return gpu ? gpu->describe() : device;
}
