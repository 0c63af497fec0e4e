//===- Device.cpp - A kernel of a package on a device ---------------------===//

#include "runtime/core/Device.h"

#include <charconv>

using namespace einfall::runtime;

DeviceKernel::~DeviceKernel() = default;

Status DeviceKernel::load(std::shared_ptr<const Package> package,
                          const KernelPlan &plan, const std::string &device,
                          std::unique_ptr<DeviceKernel> &result) {
  std::string_view name = device;
  if (name == "cpu")
    return loadForCpu(std::move(package), plan, 0, result);
  if (name.starts_with("cpu:")) {
    unsigned threads = 0;
    auto [end, error] = std::from_chars(device.data() + 4,
                                        device.data() + device.size(), threads);
    if (error != std::errc() || end != device.data() + device.size() ||
        threads == 0 || threads > 4096)
      return Status::invalid("`" + device +
                             "` does not name 1 to 4096 threads, as `cpu:4`");
    return loadForCpu(std::move(package), plan, threads, result);
  }
  if (name.starts_with("emulated:"))
    return loadForEmulated(std::move(package), plan, device.substr(9), result);
  if (name == "cuda" || name == "hip")
    return Status::failure(EINFALL_MISSING,
                           "this library has no way to launch on `" + device +
                               "`; it has cpu and emulated:sm_80");
  return Status::invalid("there is no device `" + device +
                         "`; devices are cpu, emulated:sm_80, cuda");
}
