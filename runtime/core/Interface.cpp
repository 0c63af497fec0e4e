//===- Interface.cpp - The C interface of the runtime ---------------------===//
//
// einfall.h in terms of the classes beside this file. Nothing throws across it:
// what the standard library throws (no memory) becomes a status.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Device.h"
#include "runtime/core/LastError.h"

#include <cstdio>
#include <cstdlib>

using namespace einfall::runtime;

struct EinfallPackage {
  std::shared_ptr<const Package> package;
  std::string description;
};

struct EinfallKernel {
  std::unique_ptr<DeviceKernel> kernel;
};

static thread_local std::string lastError;

void einfall::runtime::setLastError(std::string text) {
  lastError = std::move(text);
}

static Status null(const char *what) {
  return Status::invalid(std::string(what) + " is a null pointer");
}

const char *einfall_error_message(void) { return lastError.c_str(); }

int einfall_print_error(const char *who) {
  std::fprintf(stderr, "%s: %s\n", who ? who : "einfall", lastError.c_str());
  return 1;
}

const char *einfall_version(void) { return EINFALL_VERSION_TEXT; }

//===----------------------------------------------------------------------===//
// Packages
//===----------------------------------------------------------------------===//

static Status finishOpen(std::shared_ptr<const Package> package,
                         EinfallPackage **result) {
  std::string description = package->describe();
  *result = new EinfallPackage{std::move(package), std::move(description)};
  return Status::success();
}

EinfallStatus einfall_package_open(const char *path, EinfallPackage **result) {
  return guarded([&] {
    if (!path || !result)
      return null(path ? "package" : "path");
    std::shared_ptr<const Package> package;
    Status status = Package::open(path, package);
    return status.ok() ? finishOpen(std::move(package), result) : status;
  });
}

EinfallStatus einfall_package_open_memory(const void *bytes, size_t size,
                                          EinfallPackage **result) {
  return guarded([&] {
    if (!bytes || !result)
      return null(bytes ? "package" : "bytes");
    std::shared_ptr<const Package> package;
    Status status = Package::read(
        std::string(static_cast<const char *>(bytes), size), package);
    return status.ok() ? finishOpen(std::move(package), result) : status;
  });
}

void einfall_package_close(EinfallPackage *package) { delete package; }

size_t einfall_package_kernel_count(const EinfallPackage *package) {
  return package ? package->package->plan().kernels.size() : 0;
}

const char *einfall_package_kernel_name(const EinfallPackage *package,
                                        size_t index) {
  return index < einfall_package_kernel_count(package)
             ? package->package->plan().kernels[index].name.c_str()
             : nullptr;
}

const char *einfall_package_describe(const EinfallPackage *package) {
  return package ? package->description.c_str() : "";
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

EinfallTensor einfall_tensor(void *data, const char *type, int32_t ndim,
                             const int64_t *shape) {
  return {data,  {EINFALL_DEVICE_HOST, 0},
          ndim,  typeNamed(type ? type : ""),
          shape, nullptr,
          0};
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

EinfallStatus einfall_kernel_load(const EinfallPackage *package,
                                  const char *name, const char *device,
                                  EinfallKernel **result) {
  return guarded([&] {
    if (!package || !device || !result)
      return null(!package ? "package" : !device ? "device" : "kernel");
    const KernelPlan *plan = nullptr;
    Status status = package->package->find(name, plan);
    std::unique_ptr<DeviceKernel> kernel;
    if (status.ok())
      status = DeviceKernel::load(package->package, *plan, device, kernel);
    if (status.ok())
      *result = new EinfallKernel{std::move(kernel)};
    return status;
  });
}

EinfallStatus einfall_kernel_open(const void *package, size_t size,
                                  const char *name, const char *device,
                                  EinfallKernel **result) {
  EinfallPackage *opened = nullptr;
  EinfallStatus status = einfall_package_open_memory(package, size, &opened);
  if (!status)
    status = einfall_kernel_load(opened, name, device, result);
  einfall_package_close(opened);
  return status;
}

void einfall_kernel_unload(EinfallKernel *kernel) { delete kernel; }

size_t einfall_kernel_tensor_count(const EinfallKernel *kernel) {
  return kernel ? kernel->kernel->plan.tensors.size() : 0;
}

EinfallStatus einfall_kernel_tensor(const EinfallKernel *kernel, size_t index,
                                    EinfallTensorInfo *info) {
  return guarded([&] {
    if (!kernel || !info)
      return null(kernel ? "info" : "kernel");
    if (index >= kernel->kernel->plan.tensors.size())
      return Status::invalid("there is no tensor " + std::to_string(index));
    const TensorPlan &tensor = kernel->kernel->plan.tensors[index];
    *info = {tensor.name.c_str(), tensor.type,
             static_cast<int32_t>(tensor.dims.size()), tensor.isOutput};
    return Status::success();
  });
}

const char *einfall_kernel_dimension(const EinfallKernel *kernel, size_t tensor,
                                     size_t dimension) {
  if (tensor >= einfall_kernel_tensor_count(kernel))
    return nullptr;
  const KernelPlan &plan = kernel->kernel->plan;
  const std::vector<uint32_t> &dims = plan.tensors[tensor].dims;
  return dimension < dims.size() ? plan.ranks[dims[dimension]].name.c_str()
                                 : nullptr;
}

int64_t einfall_kernel_fixed_extent(const EinfallKernel *kernel,
                                    const char *rank) {
  if (!kernel || !rank)
    return -1;
  const KernelPlan &plan = kernel->kernel->plan;
  int64_t common = -1;
  for (const VersionPlan &version : plan.versions) {
    int64_t extent = -1;
    for (const FixedExtent &fixed : version.fixed)
      if (plan.ranks[fixed.rank].name == rank)
        extent = fixed.extent;
    if (extent < 0 || (common >= 0 && extent != common))
      return -1;
    common = extent;
  }
  return common;
}

size_t einfall_kernel_param_count(const EinfallKernel *kernel) {
  return kernel ? kernel->kernel->plan.params.size() : 0;
}

EinfallStatus einfall_kernel_param(const EinfallKernel *kernel, size_t index,
                                   EinfallParamInfo *info) {
  return guarded([&] {
    if (!kernel || !info)
      return null(kernel ? "info" : "kernel");
    if (index >= kernel->kernel->plan.params.size())
      return Status::invalid("there is no parameter " + std::to_string(index));
    const ParamPlan &param = kernel->kernel->plan.params[index];
    *info = {param.name.c_str(), param.type, param.hasDefault};
    return Status::success();
  });
}

/// Checks the arguments of a launch; `bytes` of workspace are needed.
static Status bindForLaunch(const EinfallKernel &kernel,
                            const EinfallArguments &arguments, Binding &binding,
                            size_t &bytes) {
  Status status = binding.bind(kernel.kernel->plan, arguments,
                               /*withData=*/true, kernel.kernel->place());
  return status.ok() ? kernel.kernel->workspace(binding, bytes) : status;
}

EinfallStatus einfall_kernel_workspace(const EinfallKernel *kernel,
                                       const EinfallArguments *arguments,
                                       size_t *bytes) {
  return guarded([&] {
    if (!kernel || !arguments || !bytes)
      return null(!kernel ? "kernel" : !arguments ? "arguments" : "bytes");
    Binding binding;
    Status status = binding.bind(kernel->kernel->plan, *arguments,
                                 /*withData=*/false, kernel->kernel->place());
    return status.ok() ? kernel->kernel->workspace(binding, *bytes) : status;
  });
}

EinfallStatus einfall_kernel_launch(const EinfallKernel *kernel,
                                    const EinfallArguments *arguments,
                                    void *workspace, size_t workspace_bytes,
                                    void *stream) {
  return guarded([&] {
    if (!kernel || !arguments)
      return null(kernel ? "arguments" : "kernel");
    if (stream && !kernel->kernel->hasStreams())
      return Status::invalid("this device has no streams; give a null pointer");
    Binding binding;
    size_t needed = 0;
    Status status = bindForLaunch(*kernel, *arguments, binding, needed);
    if (!status.ok())
      return status;
    if (needed > workspace_bytes || (needed && !workspace))
      return Status::invalid("the workspace has " +
                             std::to_string(workspace ? workspace_bytes : 0) +
                             " bytes, this launch needs " +
                             std::to_string(needed));
    if (reinterpret_cast<uintptr_t>(workspace) % 64)
      return Status::invalid("the workspace is not aligned to 64 bytes");
    return kernel->kernel->launch(binding, workspace, stream);
  });
}

EinfallStatus einfall_kernel_run(const EinfallKernel *kernel,
                                 const EinfallArguments *arguments) {
  return guarded([&] {
    if (!kernel || !arguments)
      return null(kernel ? "arguments" : "kernel");
    Binding binding;
    size_t bytes = 0;
    Status status = bindForLaunch(*kernel, *arguments, binding, bytes);
    if (!status.ok())
      return status;
    if (bytes && kernel->kernel->hasStreams())
      return Status::invalid("this launch needs a workspace of " +
                             std::to_string(bytes) +
                             " bytes on the device; use "
                             "einfall_kernel_launch");
    struct Free {
      void operator()(void *memory) const { std::free(memory); }
    };
    std::unique_ptr<void, Free> workspace;
    if (bytes) {
      workspace.reset(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
      if (!workspace)
        return Status::failure(EINFALL_SYSTEM_ERROR,
                               "no memory for a workspace of " +
                                   std::to_string(bytes) + " bytes");
    }
    return kernel->kernel->launch(binding, workspace.get(), nullptr);
  });
}
