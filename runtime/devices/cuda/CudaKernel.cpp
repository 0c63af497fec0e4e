//===- CudaKernel.cpp - A version of a kernel on a CUDA device ------------===//

#include "runtime/devices/cuda/CudaKernel.h"

#include <charconv>
#include <cstring>

using namespace einfall;
using namespace einfall::cuda;

/// What a launch has room for.
static constexpr size_t mostParameters = 1024;

namespace {
/// "sm_90a" is 90 with the suffix "a".
struct Target {
  unsigned number = 0;
  std::string_view suffix;
};
} // namespace

static std::optional<Target> parseTarget(std::string_view text) {
  if (!text.starts_with("sm_"))
    return std::nullopt;
  Target target;
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data() + 3, end, target.number);
  if (error != std::errc())
    return std::nullopt;
  target.suffix = std::string_view(rest, end - rest);
  return target;
}

bool einfall::cuda::runs(const Device &device, std::string_view text,
                         CodeKind kind) {
  std::optional<Target> target = parseTarget(text);
  unsigned capability = device.major * 10 + device.minor;
  if (!target)
    return false;
  if (!target->suffix.empty())
    return target->suffix == "a" && target->number == capability;
  bool reaches = target->number <= capability;
  return kind == CodeKind::Ptx
             ? reaches
             : reaches && target->number / 10 == capability / 10;
}

unsigned einfall::cuda::rankOf(std::string_view text) {
  std::optional<Target> target = parseTarget(text);
  return target ? 2 * target->number + !target->suffix.empty() : 0;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// Why the bytes are no cubin, or null. The driver is told no length, so what
/// it would read must be there.
static const char *faultOfCubin(std::string_view code) {
  auto number = [&](size_t at, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i)
      value |= uint64_t(uint8_t(code[at + i])) << 8 * i;
    return value;
  };
  constexpr size_t headerBytes = 64;
  constexpr unsigned machineOfCuda = 190;
  if (code.size() < headerBytes ||
      code.substr(0, 5) != std::string_view("\x7f"
                                            "ELF\2"))
    return "is no 64-bit ELF file";
  if (number(18, 2) != machineOfCuda)
    return "is not for CUDA";
  for (size_t table : {32, 40}) { // of program and of section headers
    uint64_t offset = number(table, 8);
    size_t sizes = table == 32 ? 54 : 58;
    uint64_t bytes = number(sizes, 2) * number(sizes + 2, 2);
    if (offset > code.size() || bytes > code.size() - offset)
      return "is cut";
  }
  return nullptr;
}

std::shared_ptr<const CudaModule>
CudaModule::load(std::shared_ptr<const Device> device, std::string_view code,
                 CodeKind kind, Failure &failure) {
  std::string text; // PTX ends with a zero byte
  const char *wrong = nullptr;
  if (kind == CodeKind::Cubin)
    wrong = faultOfCubin(code);
  else if (code.find('\0') != std::string_view::npos)
    wrong = "has a zero byte";
  else
    text = code;
  if (wrong) {
    failure.text =
        std::string(kind == CodeKind::Cubin ? "the cubin " : "the PTX ") +
        wrong;
    return nullptr;
  }
  const DriverApi &api = device->api();
  Current current(*device);
  if (current.result) {
    failure.text =
        device->driver().describe("cuCtxPushCurrent", current.result);
    return nullptr;
  }
  std::string log(8192, '\0');
  const int options[] = {jitErrorLog, jitErrorLogBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1)};
  Module handle = nullptr;
  Result result = api.moduleLoad(
      &handle, kind == CodeKind::Ptx ? text.c_str() : code.data(), 2, options,
      values);
  if (!result)
    return std::shared_ptr<CudaModule>(
        new CudaModule(std::move(device), handle));
  failure.text = device->driver().describe("cuModuleLoadDataEx", result);
  failure.result = result;
  log.resize(std::strlen(log.c_str()));
  while (!log.empty() && log.back() == '\n')
    log.pop_back();
  if (!log.empty())
    failure.text += "\n" + log;
  return nullptr;
}

CudaModule::~CudaModule() {
  // Fails only where the context is gone, and the module with it.
  Current current(*device);
  if (!current.result)
    device->api().moduleUnload(handle);
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

CudaKernel::CudaKernel(std::shared_ptr<const CudaModule> from,
                       Function function, const emulated::Image &whole)
    : module(std::move(from)), function(function), program(whole) {
  image.name = whole.name;
  image.threads = whole.threads;
  image.shared = whole.shared;
  image.parameters = whole.parameters;
  image.locations = whole.locations;
  image.maps = whole.maps;
}

std::optional<CudaKernel>
CudaKernel::make(std::shared_ptr<const CudaModule> module,
                 const std::string &entry, const emulated::Image &image,
                 Failure &failure) {
  const Device &device = *module->device;
  const DriverApi &api = device.api();
  auto fail = [&](std::string text) {
    failure.text = std::move(text);
    return std::nullopt;
  };
  auto refused = [&](const char *call, Result result) {
    return fail(device.driver().describe(call, result));
  };
  if (image.parameters.size() > mostParameters)
    return fail("`" + entry + "` has " +
                std::to_string(image.parameters.size()) + " parameters");
  if (!image.maps.empty() && !api.encodeMap) {
    failure.isMissing = true;
    return fail("the CUDA driver " + device.driver().path +
                " has no cuTensorMapEncodeTiled; one of CUDA 12.0 or later is "
                "needed");
  }
  Current current(device);
  if (current.result)
    return refused("cuCtxPushCurrent", current.result);
  Function function = nullptr;
  if (Result result =
          api.moduleGetFunction(&function, module->handle, entry.c_str()))
    return refused("cuModuleGetFunction", result);
  int threads = 0, fixed = 0;
  if (Result result =
          api.functionGetAttribute(&threads, functionMaxThreads, function))
    return refused("cuFuncGetAttribute", result);
  if (Result result =
          api.functionGetAttribute(&fixed, functionStaticShared, function))
    return refused("cuFuncGetAttribute", result);
  if (static_cast<unsigned>(threads) < image.threads) {
    failure.isMissing = true;
    return fail("`" + entry + "` has blocks of " +
                std::to_string(image.threads) + " threads, " +
                device.describe() + " runs it with at most " +
                std::to_string(threads));
  }
  if (int64_t(image.shared) + fixed > device.sharedPerBlock) {
    failure.isMissing = true;
    return fail("`" + entry + "` needs " +
                std::to_string(int64_t(image.shared) + fixed) +
                " bytes of shared memory per block, " + device.describe() +
                " has " + std::to_string(device.sharedPerBlock));
  }
  if (image.shared + fixed > sharedWithoutAsking)
    if (Result result = api.functionSetAttribute(
            function, functionDynamicShared, image.shared))
      return refused("cuFuncSetAttribute", result);
  return CudaKernel(std::move(module), function, image);
}

std::optional<std::string> CudaKernel::plan(const uint64_t *arguments,
                                            emulated::Grid &grid,
                                            emulated::TensorMap *maps) const {
  grid = program.evaluate(arguments, maps);
  if (grid.fault) {
    const emulated::Location &at = image.locations[grid.location];
    return at.place + ": the grid program of `" + image.name +
           "`: " + at.operation + ": " + grid.fault;
  }
  if (!grid.applies || grid.isEmpty())
    return std::nullopt;
  return emulated::findFault(image, grid, maps);
}

uint64_t CudaKernel::workspace(const uint64_t *arguments) const {
  emulated::TensorMap maps[emulated::maxMaps];
  return program.evaluate(arguments, maps).workspace;
}

std::optional<Failure> CudaKernel::encode(unsigned number,
                                          const emulated::TensorMap &map,
                                          EncodedMap &to) const {
  const emulated::MapShape &shape = image.maps[number];
  const uint32_t ones[5] = {1, 1, 1, 1, 1};
  int type = shape.elementBytes == 1   ? mapUint8
             : shape.elementBytes == 2 ? mapUint16
                                       : mapUint32;
  int swizzle = shape.swizzle == 32    ? mapSwizzle32
                : shape.swizzle == 64  ? mapSwizzle64
                : shape.swizzle == 128 ? mapSwizzle128
                                       : mapSwizzleNone;
  const Device &device = *module->device;
  Result result = device.api().encodeMap(
      &to, type, shape.dimensions, reinterpret_cast<void *>(map.base),
      map.extents.data(), map.strides.data(), shape.box, ones,
      /*interleave=*/0, swizzle, mapPromoteL2To128, /*fill=*/0);
  if (!result)
    return std::nullopt;
  return Failure{device.driver().describe("cuTensorMapEncodeTiled", result) +
                 " (map " + std::to_string(number) + " of `" + image.name +
                 "`)"};
}

std::optional<Failure> CudaKernel::launch(const uint64_t *arguments,
                                          const emulated::Grid &grid,
                                          const emulated::TensorMap *maps,
                                          Stream stream) const {
  if (grid.isEmpty())
    return std::nullopt;
  // The driver copies what these point to before it returns. The low bytes of a
  // word come first, on every host that has a driver.
  void *parameters[mostParameters + emulated::maxMaps];
  EncodedMap encoded[emulated::maxMaps];
  size_t count = 0;
  for (size_t i = 0; i < image.parameters.size(); ++i)
    parameters[count++] = const_cast<uint64_t *>(arguments + i);
  for (size_t i = 0; i < image.maps.size(); ++i) {
    if (std::optional<Failure> failure = encode(i, maps[i], encoded[i]))
      return failure;
    parameters[count++] = encoded + i;
  }
  const Device &device = *module->device;
  Current current(device);
  if (current.result)
    return Failure{
        device.driver().describe("cuCtxPushCurrent", current.result)};
  Result result = device.api().launch(
      function, grid.blocks[0], grid.blocks[1], grid.blocks[2], image.threads,
      1, 1, image.shared, stream, parameters, nullptr);
  if (!result)
    return std::nullopt;
  return Failure{device.driver().describe("cuLaunchKernel", result)};
}
