//===- CudaMemory.cpp - Memory and time of a CUDA device ------------------===//

#include "runtime/devices/cuda/CudaMemory.h"

#include <utility>

using namespace einfall::cuda;

CudaMemory::CudaMemory(CudaMemory &&other) noexcept
    : device(std::move(other.device)), address(std::exchange(other.address, 0)),
      bytes(std::exchange(other.bytes, 0)) {}

CudaMemory &CudaMemory::operator=(CudaMemory &&other) noexcept {
  std::swap(device, other.device);
  std::swap(address, other.address);
  std::swap(bytes, other.bytes);
  return *this;
}

CudaMemory::~CudaMemory() {
  if (!address)
    return;
  Current current(*device);
  if (!current.result)
    device->api().memoryFree(address);
}

std::optional<CudaMemory>
CudaMemory::allocate(std::shared_ptr<const Device> device, size_t bytes,
                     Failure &failure) {
  CudaMemory memory;
  memory.device = std::move(device);
  memory.bytes = bytes;
  Current current(*memory.device);
  Result result = current.result;
  if (!result && bytes)
    result = memory.device->api().memoryAllocate(&memory.address, bytes);
  if (!result)
    return memory;
  failure.text = memory.device->driver().describe("cuMemAlloc", result) + " (" +
                 std::to_string(bytes) + " bytes)";
  return std::nullopt;
}

std::optional<Failure> CudaMemory::write(size_t offset, const void *from,
                                         size_t count) const {
  if (!count)
    return std::nullopt;
  Current current(*device);
  Result result = current.result;
  if (!result)
    result = device->api().copyToDevice(address + offset, from, count);
  if (!result)
    return std::nullopt;
  return Failure{device->driver().describe("cuMemcpyHtoD", result)};
}

std::optional<Failure> CudaMemory::read(size_t offset, void *to,
                                        size_t count) const {
  if (!count)
    return std::nullopt;
  Current current(*device);
  Result result = current.result;
  if (!result)
    result = device->api().copyToHost(to, address + offset, count);
  if (!result)
    return std::nullopt;
  return Failure{device->driver().describe("cuMemcpyDtoH", result)};
}

std::optional<double>
einfall::cuda::timeLaunch(const Device &device,
                          const std::function<bool()> &launch,
                          Failure &failure) {
  const DriverApi &api = device.api();
  Current current(device);
  Event events[2] = {};
  const char *call = "cuCtxPushCurrent";
  Result result = current.result;
  auto attempt = [&](const char *name, auto function, auto... arguments) {
    if (result)
      return;
    call = name;
    result = function(arguments...);
  };
  attempt("cuEventCreate", api.eventCreate, events, 0u);
  attempt("cuEventCreate", api.eventCreate, events + 1, 0u);
  attempt("cuEventRecord", api.eventRecord, events[0], nullptr);
  bool launched = !result && launch();
  float milliseconds = 0;
  if (launched) {
    attempt("cuEventRecord", api.eventRecord, events[1], nullptr);
    attempt("cuEventSynchronize", api.eventSynchronize, events[1]);
    attempt("cuEventElapsedTime", api.eventElapsed, &milliseconds, events[0],
            events[1]);
  }
  for (Event event : events)
    if (event)
      api.eventDestroy(event);
  if (result)
    failure.text = device.driver().describe(call, result);
  if (result || !launched)
    return std::nullopt;
  return milliseconds * 1e-3;
}
