//===- FakeDriver.cpp - A CUDA driver for tests ---------------------------===//

#include "FakeDriver.h"

#include "runtime/core/Binding.h"
#include "runtime/core/Package.h"
#include "runtime/devices/cuda/DriverApi.h"
#include "runtime/devices/emulated/Emulator.h"
#include "runtime/devices/emulated/Grid.h"

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>

using namespace einfall;
using namespace einfall::cuda;

namespace {

enum Code : Result {
  ok = 0,
  invalidValue = 1,
  outOfMemory = 2,
  notInitialized = 3,
  noDevice = 100,
  invalidImage = 200,
  invalidContext = 201,
  noBinary = 209,
  invalidPtx = 218,
  invalidHandle = 400,
  notFound = 500,
  illegalAddress = 700,
  captureUnsupported = 900,
};

const std::pair<Result, const char *> names[] = {
    {invalidValue, "CUDA_ERROR_INVALID_VALUE"},
    {outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
    {notInitialized, "CUDA_ERROR_NOT_INITIALIZED"},
    {noDevice, "CUDA_ERROR_NO_DEVICE"},
    {invalidImage, "CUDA_ERROR_INVALID_IMAGE"},
    {invalidContext, "CUDA_ERROR_INVALID_CONTEXT"},
    {noBinary, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {invalidPtx, "CUDA_ERROR_INVALID_PTX"},
    {invalidHandle, "CUDA_ERROR_INVALID_HANDLE"},
    {notFound, "CUDA_ERROR_NOT_FOUND"},
    {illegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {captureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
};

struct Settings {
  std::string package;
  int devices = 1, capability = 80, shared = 166912, threads = 1024;
  uint64_t memory = uint64_t(1) << 32;
  std::string failing;
  Result failure = ok;
  bool capture = false, execute = true, cubins = true;
};

struct FakeContext {
  int device;
  int held = 0;
};
struct FakeModule {
  FakeContext *context;
  runtime::PartNumber part;
};
struct FakeFunction {
  FakeModule *module;
  emulated::DeviceImage image;
  emulated::GridProgram grid;
  int dynamicShared = int(sharedWithoutAsking);
};
struct FakeEvent {
  std::chrono::steady_clock::time_point at;
};

/// What a map is, where the driver has what nobody documents.
struct FakeMap {
  uint64_t magic, base;
  uint64_t extents[5], strides[4];
  uint32_t box[5], elementBytes, dimensions, swizzle;
};
static_assert(sizeof(FakeMap) <= sizeof(EncodedMap));
constexpr uint64_t mapMagic = 0x70616d2065736c61;

struct Driver {
  Settings settings;
  bool initialized = false, configured = false;
  std::shared_ptr<const runtime::Package> package;
  std::map<std::string, unsigned> calls;
  std::map<int, FakeContext> contexts;
  std::vector<std::unique_ptr<FakeModule>> modules;
  std::vector<std::unique_ptr<FakeFunction>> functions;
  std::map<uint64_t, size_t> memory; ///< bytes by address
  uint64_t used = 0;
  std::mutex lock;
};

Driver &driver() {
  static Driver instance;
  return instance;
}

thread_local std::vector<FakeContext *> stack;

} // namespace

/// Says why a call is refused.
[[gnu::format(printf, 2, 3)]] static Result refuse(Result code,
                                                   const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fputs("fake cuda: ", stderr);
  std::vfprintf(stderr, format, arguments);
  std::fputc('\n', stderr);
  va_end(arguments);
  return code;
}

static bool configure(const char *text) {
  Driver &d = driver();
  d.settings = Settings();
  d.configured = true;
  d.calls.clear();
  std::string all = text ? text : "";
  while (!all.empty()) {
    size_t end = all.find(',');
    std::string item = all.substr(0, end);
    all = end == std::string::npos ? "" : all.substr(end + 1);
    size_t equals = item.find('=');
    std::string name = item.substr(0, equals);
    std::string value =
        equals == std::string::npos ? "" : item.substr(equals + 1);
    Settings &s = d.settings;
    if (name == "package") {
      s.package = value;
    } else if (name == "fail") {
      size_t colon = value.find(':');
      s.failing = value.substr(0, colon);
      s.failure = std::atoi(value.c_str() + colon + 1);
    } else if (name == "memory") {
      s.memory = std::strtoull(value.c_str(), nullptr, 10);
    } else {
      const std::pair<const char *, int *> numbers[] = {
          {"devices", &s.devices},
          {"capability", &s.capability},
          {"shared", &s.shared},
          {"threads", &s.threads}};
      const std::pair<const char *, bool *> flags[] = {{"capture", &s.capture},
                                                       {"execute", &s.execute},
                                                       {"cubins", &s.cubins}};
      bool known = false;
      for (auto [key, number] : numbers)
        if (name == key)
          *number = std::atoi(value.c_str()), known = true;
      for (auto [key, flag] : flags)
        if (name == key)
          *flag = value == "1", known = true;
      if (!known) {
        refuse(ok, "there is no setting %s", name.c_str());
        return false;
      }
    }
  }
  d.package = nullptr;
  if (d.settings.package.empty())
    return true;
  runtime::Status status =
      runtime::Package::open(d.settings.package.c_str(), d.package);
  if (!status.ok())
    refuse(ok, "%s", status.text.c_str());
  return status.ok();
}

/// Counts a call; an error where it must not be made, or shall fail.
static Result begin(const char *symbol, bool needsContext,
                    bool duringCapture = false) {
  Driver &d = driver();
  if (d.settings.execute)
    ++d.calls[symbol];
  if (!d.initialized && std::strcmp(symbol, "cuInit"))
    return refuse(notInitialized, "%s before cuInit", symbol);
  if (d.settings.failing == symbol)
    return d.settings.failure;
  if (needsContext && stack.empty())
    return refuse(invalidContext, "%s without a context", symbol);
  if (d.settings.capture && !duringCapture)
    return refuse(captureUnsupported, "%s while a stream is captured", symbol);
  return ok;
}

#define BEGIN(symbol, ...)                                                     \
  std::lock_guard<std::mutex> guard(driver().lock);                            \
  if (Result result = begin(#symbol, __VA_ARGS__))                             \
    return result;

extern "C" {

bool fakeCudaConfigure(const char *text) {
  std::lock_guard<std::mutex> guard(driver().lock);
  return configure(text);
}

unsigned fakeCudaCalls(const char *symbol) {
  std::lock_guard<std::mutex> guard(driver().lock);
  return driver().calls[symbol];
}

void *fakeCudaStream(int device) { return &driver().contexts[device]; }

//===----------------------------------------------------------------------===//
// Devices and contexts
//===----------------------------------------------------------------------===//

Result cuInit(unsigned flags) {
  std::lock_guard<std::mutex> guard(driver().lock);
  if (!driver().configured && !configure(std::getenv("FAKE_CUDA")))
    return invalidValue;
  driver().initialized = true;
  if (Result result = begin("cuInit", false))
    return result;
  if (driver().settings.devices == 0)
    return noDevice;
  return flags ? refuse(invalidValue, "cuInit has flags") : ok;
}

Result cuGetErrorName(Result error, const char **text) {
  for (auto [code, name] : names)
    if (code == error) {
      *text = name;
      return ok;
    }
  return invalidValue;
}

Result cuGetErrorString(Result error, const char **text) {
  *text = error == noDevice      ? "no CUDA-capable device is detected"
          : error == outOfMemory ? "out of memory"
                                 : "what the fake driver refuses";
  return ok;
}

Result cuDeviceGetCount(int *count) {
  BEGIN(cuDeviceGetCount, false, true)
  *count = driver().settings.devices;
  return ok;
}

Result cuDeviceGet(int *device, int ordinal) {
  BEGIN(cuDeviceGet, false, true)
  if (ordinal < 0 || ordinal >= driver().settings.devices)
    return refuse(invalidValue, "there is no device %d", ordinal);
  *device = 100 + ordinal; // no ordinal
  return ok;
}

Result cuDeviceGetName(char *name, int bytes, int device) {
  BEGIN(cuDeviceGetName, false, true)
  std::snprintf(name, bytes, "Fake %d", device - 100);
  return ok;
}

Result cuDeviceGetAttribute(int *value, int attribute, int) {
  BEGIN(cuDeviceGetAttribute, false, true)
  const Settings &s = driver().settings;
  switch (attribute) {
  case computeCapabilityMajor:
    *value = s.capability / 10;
    return ok;
  case computeCapabilityMinor:
    *value = s.capability % 10;
    return ok;
  case sharedPerBlockOptin:
    *value = s.shared;
    return ok;
  default:
    return refuse(invalidValue, "there is no attribute %d", attribute);
  }
}

Result cuDevicePrimaryCtxRetain(Context *context, int device) {
  BEGIN(cuDevicePrimaryCtxRetain, false)
  FakeContext &own = driver().contexts[device - 100];
  own.device = device - 100;
  ++own.held;
  *context = reinterpret_cast<Context>(&own);
  return ok;
}

Result cuDevicePrimaryCtxRelease_v2(int device) {
  BEGIN(cuDevicePrimaryCtxRelease_v2, false)
  if (--driver().contexts[device - 100].held < 0)
    return refuse(invalidContext, "released more often than retained");
  return ok;
}

Result cuCtxGetCurrent(Context *context) {
  BEGIN(cuCtxGetCurrent, false, true)
  *context = stack.empty() ? nullptr : reinterpret_cast<Context>(stack.back());
  return ok;
}

Result cuCtxPushCurrent_v2(Context context) {
  BEGIN(cuCtxPushCurrent_v2, false, true)
  auto *own = reinterpret_cast<FakeContext *>(context);
  if (!own || own->held < 1)
    return refuse(invalidContext, "the context is not held");
  stack.push_back(own);
  return ok;
}

Result cuCtxPopCurrent_v2(Context *context) {
  BEGIN(cuCtxPopCurrent_v2, true, true)
  *context = reinterpret_cast<Context>(stack.back());
  stack.pop_back();
  return ok;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Result cuModuleLoadDataEx(Module *module, const void *image, unsigned count,
                          const int *options, void **values) {
  BEGIN(cuModuleLoadDataEx, true)
  Driver &d = driver();
  char *log = nullptr;
  size_t logBytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == jitErrorLog)
      log = static_cast<char *>(values[i]);
    else if (options[i] == jitErrorLogBytes)
      logBytes = reinterpret_cast<size_t>(values[i]);
    else
      return refuse(invalidValue, "there is no option %d", options[i]);
  }
  if (!d.package)
    return refuse(invalidImage, "no package is named");
  const auto *bytes = static_cast<const char *>(image);
  if (!d.settings.cubins && bytes[0] == '\x7f')
    return noBinary;
  const auto &parts = d.package->parts();
  for (const runtime::KernelPlan &kernel : d.package->plan().kernels)
    for (const runtime::VersionPlan &version : kernel.versions) {
      int number = std::atoi(version.target.c_str() + 3);
      bool exact = version.target.back() == 'a';
      for (runtime::PartNumber part : {version.cubin, version.ptx}) {
        if (!part)
          continue;
        std::string_view code = parts[part].bytes;
        bool isPtx = part == version.ptx;
        if (std::memcmp(bytes, code.data(), code.size()) ||
            (isPtx && bytes[code.size()]))
          continue;
        int own = d.settings.capability;
        if (exact   ? number != own
            : isPtx ? number > own
                    : number / 10 != own / 10 || number > own)
          return refuse(noBinary, "code of %s on capability %d",
                        version.target.c_str(), own);
        d.modules.push_back(
            std::make_unique<FakeModule>(FakeModule{stack.back(), part}));
        *module = reinterpret_cast<Module>(d.modules.back().get());
        return ok;
      }
    }
  if (bytes[0] == '\x7f')
    return refuse(invalidImage, "a cubin that is not in the package");
  if (log)
    std::snprintf(log, logBytes, "ptxas fatal: this is not in the package\n");
  return invalidPtx;
}

Result cuModuleUnload(Module module) {
  BEGIN(cuModuleUnload, true)
  auto *own = reinterpret_cast<FakeModule *>(module);
  if (own->context != stack.back())
    return refuse(invalidContext, "unloads a module of another context");
  auto &modules = driver().modules;
  auto found = std::find_if(modules.begin(), modules.end(),
                            [&](auto &m) { return m.get() == own; });
  if (found == modules.end())
    return refuse(invalidHandle, "unloads what is no module");
  modules.erase(found);
  return ok;
}

Result cuModuleGetFunction(Function *function, Module module,
                           const char *name) {
  BEGIN(cuModuleGetFunction, true)
  Driver &d = driver();
  auto *own = reinterpret_cast<FakeModule *>(module);
  for (const runtime::KernelPlan &kernel : d.package->plan().kernels)
    for (const runtime::VersionPlan &version : kernel.versions) {
      runtime::PartNumber part = version.entry == name ? version.image : 0;
      for (const runtime::ProgramPlan &program : version.then)
        if (program.entry == name)
          part = program.image;
      if (!part || (version.cubin != own->part && version.ptx != own->part))
        continue;
      std::string error;
      auto image =
          emulated::DeviceImage::load(d.package->parts()[part].bytes, error);
      if (!image)
        return refuse(invalidImage, "%s", error.c_str());
      emulated::GridProgram grid(image->contents());
      d.functions.push_back(std::make_unique<FakeFunction>(
          FakeFunction{own, std::move(*image), std::move(grid)}));
      *function = reinterpret_cast<Function>(d.functions.back().get());
      return ok;
    }
  return refuse(notFound, "there is no function %s", name);
}

Result cuFuncGetAttribute(int *value, int attribute, Function) {
  BEGIN(cuFuncGetAttribute, true)
  switch (attribute) {
  case functionMaxThreads:
    *value = driver().settings.threads;
    return ok;
  case functionStaticShared:
    *value = 0;
    return ok;
  default:
    return refuse(invalidValue, "there is no attribute %d", attribute);
  }
}

Result cuFuncSetAttribute(Function function, int attribute, int value) {
  BEGIN(cuFuncSetAttribute, true)
  if (attribute != functionDynamicShared)
    return refuse(invalidValue, "there is no attribute %d to set", attribute);
  if (value < 0 || value > driver().settings.shared)
    return refuse(invalidValue, "%d bytes of shared memory", value);
  reinterpret_cast<FakeFunction *>(function)->dynamicShared = value;
  return ok;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

#ifndef FAKE_CUDA_WITHOUT_MAPS
Result cuTensorMapEncodeTiled(EncodedMap *map, int type, uint32_t dimensions,
                              void *base, const uint64_t *extents,
                              const uint64_t *strides, const uint32_t *box,
                              const uint32_t *elementStrides, int interleave,
                              int swizzle, int promotion, int fill) {
  BEGIN(cuTensorMapEncodeTiled, false, true)
  auto at = [](const void *pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
  };
  if (at(map) % 64)
    return refuse(invalidValue, "the map is not aligned to 64 bytes");
  if (type < 0 || type > 2)
    return refuse(invalidValue, "elements of type %d", type);
  if (dimensions < 1 || dimensions > 5)
    return refuse(invalidValue, "%u dimensions", dimensions);
  if (at(base) % 16 || !base)
    return refuse(invalidValue, "the tensor is not aligned to 16 bytes");
  if (interleave || fill || promotion < 0 || promotion > 3 || swizzle < 0 ||
      swizzle > 3)
    return refuse(invalidValue, "an option that there is not");
  FakeMap fake = {};
  fake.magic = mapMagic;
  fake.base = at(base);
  fake.elementBytes = 1 << type;
  fake.dimensions = dimensions;
  fake.swizzle = swizzle ? 16 << swizzle : 0;
  for (unsigned i = 0; i < dimensions; ++i) {
    if (extents[i] < 1 || extents[i] > uint64_t(1) << 32)
      return refuse(invalidValue, "extent %llu",
                    (unsigned long long)extents[i]);
    if (box[i] < 1 || box[i] > 256)
      return refuse(invalidValue, "a box of %u", box[i]);
    if (elementStrides[i] < 1 || elementStrides[i] > 8)
      return refuse(invalidValue, "an element stride of %u", elementStrides[i]);
    if (i && (strides[i - 1] % 16 || strides[i - 1] >> 40))
      return refuse(invalidValue, "a stride of %llu bytes",
                    (unsigned long long)strides[i - 1]);
    fake.extents[i] = extents[i];
    fake.box[i] = box[i];
    if (i)
      fake.strides[i - 1] = strides[i - 1];
  }
  uint32_t row = box[0] * fake.elementBytes;
  if (row % 16 || (swizzle && row > fake.swizzle))
    return refuse(invalidValue, "boxes of %u bytes", row);
  std::memcpy(map, &fake, sizeof(fake));
  return ok;
}
#endif

/// Whether `found` is the map that the grid program and the image describe.
static bool isMap(const FakeMap &found, const emulated::TensorMap &map,
                  const emulated::MapShape &shape) {
  bool same = found.magic == mapMagic && found.base == map.base &&
              found.dimensions == shape.dimensions &&
              found.elementBytes == shape.elementBytes &&
              found.swizzle == shape.swizzle;
  for (unsigned i = 0; same && i < shape.dimensions; ++i)
    same = found.extents[i] == map.extents[i] && found.box[i] == shape.box[i] &&
           (!i || found.strides[i - 1] == map.strides[i - 1]);
  return same;
}

static void protect(int protection) {
  for (auto [address, bytes] : driver().memory)
    mprotect(reinterpret_cast<void *>(address), bytes, protection);
}

Result cuLaunchKernel(Function function, unsigned gridX, unsigned gridY,
                      unsigned gridZ, unsigned blockX, unsigned blockY,
                      unsigned blockZ, unsigned sharedBytes, Stream stream,
                      void **parameters, void **extra) {
  BEGIN(cuLaunchKernel, true, true)
  Driver &d = driver();
  auto *own = reinterpret_cast<FakeFunction *>(function);
  const emulated::Image &image = own->image.contents();
  FakeContext *context = own->module->context;
  if (context != stack.back())
    return refuse(invalidContext, "a function of another context");
  if (stream && reinterpret_cast<FakeContext *>(stream) != context)
    return refuse(invalidHandle, "a stream of another device");
  if (blockX != image.threads || blockY != 1 || blockZ != 1)
    return refuse(invalidValue, "blocks of %u x %u x %u threads", blockX,
                  blockY, blockZ);
  if (sharedBytes != image.shared || int(sharedBytes) > own->dynamicShared)
    return refuse(invalidValue, "%u bytes of shared memory", sharedBytes);
  if (!parameters || extra)
    return refuse(invalidValue, "parameters in another form");
  uint64_t words[runtime::maxDeviceWords] = {};
  for (size_t i = 0; i < image.parameters.size(); ++i) {
    bool wide = emulated::isWide(image.parameters[i].type);
    std::memcpy(words + i, parameters[i], wide ? 8 : 4);
  }
  emulated::TensorMap maps[emulated::maxMaps];
  emulated::Grid grid = own->grid.evaluate(words, maps);
  if (grid.fault || !grid.applies)
    return refuse(invalidValue, "a version that is none for these arguments");
  if (gridX != grid.blocks[0] || gridY != grid.blocks[1] ||
      gridZ != grid.blocks[2] || grid.isEmpty())
    return refuse(invalidValue, "a grid of %u x %u x %u blocks", gridX, gridY,
                  gridZ);
  for (size_t i = 0; i < image.maps.size(); ++i) {
    FakeMap found;
    std::memcpy(&found, parameters[image.parameters.size() + i], sizeof(found));
    if (!isMap(found, maps[i], image.maps[i]))
      return refuse(invalidValue, "map %zu is another", i);
  }
  if (!d.settings.execute)
    return ok;
  emulated::Launch launch;
  launch.image = &own->image;
  launch.arguments.assign(words, words + image.parameters.size());
  for (auto [address, bytes] : d.memory)
    launch.buffers.push_back({reinterpret_cast<void *>(address), bytes,
                              /*writable=*/true, "memory"});
  protect(PROT_READ | PROT_WRITE);
  emulated::Report report = emulated::run(launch);
  protect(PROT_NONE);
  if (!report.ok)
    return refuse(illegalAddress, "%s", report.str().c_str());
  return ok;
}

//===----------------------------------------------------------------------===//
// Memory and events
//===----------------------------------------------------------------------===//

Result cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  BEGIN(cuMemAlloc_v2, true)
  Driver &d = driver();
  if (!bytes)
    return refuse(invalidValue, "allocates nothing");
  if (bytes > d.settings.memory - d.used)
    return outOfMemory;
  void *memory = mmap(nullptr, bytes, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return outOfMemory;
  *address = reinterpret_cast<uintptr_t>(memory);
  d.memory[*address] = bytes;
  d.used += bytes;
  return ok;
}

Result cuMemFree_v2(uint64_t address) {
  BEGIN(cuMemFree_v2, true)
  Driver &d = driver();
  auto found = d.memory.find(address);
  if (found == d.memory.end())
    return refuse(invalidValue, "frees what was not allocated");
  munmap(reinterpret_cast<void *>(address), found->second);
  d.used -= found->second;
  d.memory.erase(found);
  return ok;
}

/// Whether the bytes are of one allocation.
static bool isMemory(uint64_t address, size_t bytes) {
  auto after = driver().memory.upper_bound(address);
  if (after == driver().memory.begin())
    return false;
  auto [start, size] = *std::prev(after);
  return address - start <= size && bytes <= size - (address - start);
}

Result cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  BEGIN(cuMemcpyHtoD_v2, true)
  if (!isMemory(to, bytes))
    return refuse(invalidValue, "copies to no memory");
  protect(PROT_READ | PROT_WRITE);
  std::memcpy(reinterpret_cast<void *>(to), from, bytes);
  protect(PROT_NONE);
  return ok;
}

Result cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  BEGIN(cuMemcpyDtoH_v2, true)
  if (!isMemory(from, bytes))
    return refuse(invalidValue, "copies from no memory");
  protect(PROT_READ | PROT_WRITE);
  std::memcpy(to, reinterpret_cast<void *>(from), bytes);
  protect(PROT_NONE);
  return ok;
}

Result cuEventCreate(Event *event, unsigned) {
  BEGIN(cuEventCreate, true)
  *event = reinterpret_cast<Event>(new FakeEvent());
  return ok;
}

Result cuEventRecord(Event event, Stream) {
  BEGIN(cuEventRecord, true)
  reinterpret_cast<FakeEvent *>(event)->at = std::chrono::steady_clock::now();
  return ok;
}

Result cuEventSynchronize(Event) {
  BEGIN(cuEventSynchronize, true)
  return ok;
}

Result cuEventElapsedTime(float *milliseconds, Event first, Event last) {
  BEGIN(cuEventElapsedTime, true)
  *milliseconds = std::chrono::duration<float, std::milli>(
                      reinterpret_cast<FakeEvent *>(last)->at -
                      reinterpret_cast<FakeEvent *>(first)->at)
                      .count();
  return ok;
}

Result cuEventDestroy_v2(Event event) {
  BEGIN(cuEventDestroy_v2, true)
  delete reinterpret_cast<FakeEvent *>(event);
  return ok;
}

} // extern "C"
