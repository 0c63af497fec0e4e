//===- Driver.cpp - CUDA's driver, found when it is needed ----------------===//

#include "runtime/devices/cuda/Driver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <mutex>

using namespace einfall::cuda;

/// Looks up all entry points; the name of one that is not there, or null.
static const char *bindEntries(void *library, DriverApi &api) {
  const char *missing = nullptr;
  auto find = [&](auto &member, const char *symbol, bool needed) {
    void *found = dlsym(library, symbol);
    if (!found && needed && !missing)
      missing = symbol;
    member = reinterpret_cast<std::remove_reference_t<decltype(member)>>(found);
  };
#define EINFALL_CUDA(member, symbol, parameters)                               \
  find(api.member, #symbol, /*needed=*/true);
#define EINFALL_CUDA_OPTIONAL(member, symbol, parameters)                      \
  find(api.member, #symbol, /*needed=*/false);
  EINFALL_CUDA_ENTRIES
#undef EINFALL_CUDA_OPTIONAL
#undef EINFALL_CUDA
  return missing;
}

std::shared_ptr<const Driver> Driver::open(Failure &failure) {
  static std::mutex lock;
  static std::map<std::string, std::shared_ptr<const Driver>> opened;
  const char *named = std::getenv("EINFALL_CUDA_DRIVER");
  std::string path = named && *named ? named : "libcuda.so.1";
  std::lock_guard<std::mutex> guard(lock);
  if (auto found = opened.find(path); found != opened.end())
    return found->second;
  auto fail = [&](std::string text) {
    failure = {std::move(text), /*isMissing=*/true};
    return nullptr;
  };
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail("there is no CUDA driver: " + std::string(dlerror()));
  auto driver = std::make_shared<Driver>();
  driver->path = path;
  if (const char *missing = bindEntries(library, driver->api)) {
    dlclose(library);
    return fail("the CUDA driver " + path + " has no " + missing +
                "; one of CUDA 11.0 or later is needed");
  }
  // A driver is never closed: it may have threads of its own by now.
  if (Result result = driver->api.init(0))
    return fail("the CUDA driver " + path +
                " cannot be used: " + driver->describe("cuInit", result));
  return opened[path] = driver;
}

std::string Driver::describe(const char *call, Result result) const {
  const char *name = nullptr, *text = nullptr;
  if (api.getErrorName(result, &name) || !name)
    name = "an unknown error";
  if (api.getErrorString(result, &text) || !text)
    text = "the driver has no text for it";
  return std::string(call) + " fails with " + name + " (" +
         std::to_string(result) + "): " + text;
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

std::shared_ptr<const Device> Device::open(unsigned ordinal, Failure &failure) {
  std::shared_ptr<const Driver> driver = Driver::open(failure);
  if (!driver)
    return nullptr;
  const DriverApi &api = driver->api;
  auto fail = [&](const char *call, Result result) {
    failure = {driver->describe(call, result), result == resultNoDevice};
    return nullptr;
  };
  int count = 0;
  if (Result result = api.deviceGetCount(&count))
    return fail("cuDeviceGetCount", result);
  if (count < 1 || ordinal >= static_cast<unsigned>(count)) {
    failure = {"there is no CUDA device " + std::to_string(ordinal) +
                   "; the driver has " + std::to_string(count),
               /*isMissing=*/true};
    return nullptr;
  }
  std::shared_ptr<Device> device(new Device);
  device->ordinal = ordinal;
  if (Result result = api.deviceGet(&device->handle, ordinal))
    return fail("cuDeviceGet", result);
  char name[256] = {};
  if (Result result = api.deviceGetName(name, sizeof(name) - 1, device->handle))
    return fail("cuDeviceGetName", result);
  device->name = name;
  const std::pair<DeviceAttribute, int *> attributes[] = {
      {computeCapabilityMajor, &device->major},
      {computeCapabilityMinor, &device->minor},
      {sharedPerBlockOptin, &device->sharedPerBlock}};
  for (auto [attribute, value] : attributes)
    if (Result result =
            api.deviceGetAttribute(value, attribute, device->handle))
      return fail("cuDeviceGetAttribute", result);
  if (Result result = api.contextRetain(&device->context, device->handle))
    return fail("cuDevicePrimaryCtxRetain", result);
  device->opened = std::move(driver);
  return device;
}

Device::~Device() {
  if (opened)
    opened->api.contextRelease(handle);
}

std::string Device::describe() const {
  return "CUDA device " + std::to_string(ordinal) + " (" + name +
         ", compute capability " + std::to_string(major) + "." +
         std::to_string(minor) + ")";
}

Current::Current(const Device &device) : api(device.api()) {
  Context now = nullptr;
  result = api.contextGetCurrent(&now);
  if (result || now == device.context)
    return;
  result = api.contextPush(device.context);
  pushed = !result;
}

Current::~Current() {
  Context popped;
  if (pushed)
    api.contextPop(&popped);
}
