//===- DriverApi.h - What is used of CUDA's driver --------------*- C++ -*-===//
//
// The types, constants and entry points of the driver API (CUDA 13.0, and the
// same since 11.0; tensor maps since 12.0) that a launch needs, declared here
// so that nothing of CUDA has to be there when this library is built.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CUDA_DRIVERAPI_H
#define EINFALL_RUNTIME_DEVICES_CUDA_DRIVERAPI_H

#include <cstddef>
#include <cstdint>

namespace einfall::cuda {

using Result = int; ///< CUresult
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;

/// CUtensorMap: opaque, read by the device.
struct alignas(64) EncodedMap {
  uint64_t opaque[16];
};

enum : Result {
  resultNoDevice = 100,
  resultInvalidImage = 200,
  resultNoBinary = 209, ///< code for other devices, or of a newer toolkit
};

/// CUdevice_attribute.
enum DeviceAttribute : int {
  computeCapabilityMajor = 75,
  computeCapabilityMinor = 76,
  sharedPerBlockOptin = 97,
};

/// CUfunction_attribute.
enum FunctionAttribute : int {
  functionMaxThreads = 0,
  functionStaticShared = 1,
  functionDynamicShared = 8, ///< the most that a launch may ask for
};

/// CUjit_option.
enum JitOption : int {
  jitErrorLog = 5,
  jitErrorLogBytes = 6,
};

/// Of cuTensorMapEncodeTiled.
enum MapType : int { mapUint8 = 0, mapUint16 = 1, mapUint32 = 2 };
enum MapSwizzle : int {
  mapSwizzleNone,
  mapSwizzle32,
  mapSwizzle64,
  mapSwizzle128
};
enum MapPromotion : int { mapPromoteL2To128 = 2 };

/// Dynamic shared memory that every function may ask for.
inline constexpr uint32_t sharedWithoutAsking = 48 * 1024;

/// The entry points: EINFALL_CUDA(member, symbol, parameters) for those that
/// must be there, EINFALL_CUDA_OPTIONAL for those that older drivers lack.
#define EINFALL_CUDA_ENTRIES                                                   \
  EINFALL_CUDA(init, cuInit, (unsigned flags))                                 \
  EINFALL_CUDA(getErrorName, cuGetErrorName, (Result, const char **text))      \
  EINFALL_CUDA(getErrorString, cuGetErrorString, (Result, const char **text))  \
  EINFALL_CUDA(deviceGetCount, cuDeviceGetCount, (int *count))                 \
  EINFALL_CUDA(deviceGet, cuDeviceGet, (int *device, int ordinal))             \
  EINFALL_CUDA(deviceGetName, cuDeviceGetName,                                 \
               (char *name, int bytes, int device))                            \
  EINFALL_CUDA(deviceGetAttribute, cuDeviceGetAttribute,                       \
               (int *value, int attribute, int device))                        \
  EINFALL_CUDA(contextRetain, cuDevicePrimaryCtxRetain,                        \
               (Context * context, int device))                                \
  EINFALL_CUDA(contextRelease, cuDevicePrimaryCtxRelease_v2, (int device))     \
  EINFALL_CUDA(contextGetCurrent, cuCtxGetCurrent, (Context * context))        \
  EINFALL_CUDA(contextPush, cuCtxPushCurrent_v2, (Context context))            \
  EINFALL_CUDA(contextPop, cuCtxPopCurrent_v2, (Context * context))            \
  EINFALL_CUDA(moduleLoad, cuModuleLoadDataEx,                                 \
               (Module * module, const void *image, unsigned count,            \
                const int *options, void **values))                            \
  EINFALL_CUDA(moduleUnload, cuModuleUnload, (Module module))                  \
  EINFALL_CUDA(moduleGetFunction, cuModuleGetFunction,                         \
               (Function * function, Module module, const char *name))         \
  EINFALL_CUDA(functionGetAttribute, cuFuncGetAttribute,                       \
               (int *value, int attribute, Function function))                 \
  EINFALL_CUDA(functionSetAttribute, cuFuncSetAttribute,                       \
               (Function function, int attribute, int value))                  \
  EINFALL_CUDA(launch, cuLaunchKernel,                                         \
               (Function function, unsigned gridX, unsigned gridY,             \
                unsigned gridZ, unsigned blockX, unsigned blockY,              \
                unsigned blockZ, unsigned sharedBytes, Stream stream,          \
                void **parameters, void **extra))                              \
  EINFALL_CUDA(memoryAllocate, cuMemAlloc_v2,                                  \
               (uint64_t * address, size_t bytes))                             \
  EINFALL_CUDA(memoryFree, cuMemFree_v2, (uint64_t address))                   \
  EINFALL_CUDA(copyToDevice, cuMemcpyHtoD_v2,                                  \
               (uint64_t to, const void *from, size_t bytes))                  \
  EINFALL_CUDA(copyToHost, cuMemcpyDtoH_v2,                                    \
               (void *to, uint64_t from, size_t bytes))                        \
  EINFALL_CUDA(eventCreate, cuEventCreate, (Event * event, unsigned flags))    \
  EINFALL_CUDA(eventRecord, cuEventRecord, (Event event, Stream stream))       \
  EINFALL_CUDA(eventSynchronize, cuEventSynchronize, (Event event))            \
  EINFALL_CUDA(eventElapsed, cuEventElapsedTime,                               \
               (float *milliseconds, Event begin, Event end))                  \
  EINFALL_CUDA(eventDestroy, cuEventDestroy_v2, (Event event))                 \
  EINFALL_CUDA_OPTIONAL(encodeMap, cuTensorMapEncodeTiled,                     \
                        (EncodedMap * map, int type, uint32_t dimensions,      \
                         void *base, const uint64_t *extents,                  \
                         const uint64_t *strides, const uint32_t *box,         \
                         const uint32_t *elementStrides, int interleave,       \
                         int swizzle, int promotion, int fill))

/// The entry points that a driver has.
struct DriverApi {
#define EINFALL_CUDA(member, symbol, parameters)                               \
  Result(*member) parameters = nullptr;
#define EINFALL_CUDA_OPTIONAL EINFALL_CUDA
  EINFALL_CUDA_ENTRIES
#undef EINFALL_CUDA_OPTIONAL
#undef EINFALL_CUDA
};

} // namespace einfall::cuda

#endif // EINFALL_RUNTIME_DEVICES_CUDA_DRIVERAPI_H
