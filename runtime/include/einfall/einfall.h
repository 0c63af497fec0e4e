/*===- einfall.h - Loads and launches packages of kernels --------*- C -*-===*\
 *
 * The interface of libeinfall_rt, in C99. A package (`einfall compile` with
 * `-o k.efk`, or embedded by `-o k.o --header k.h`) holds kernels with images
 * for one or more targets. Nothing is compiled here and no compiler is needed;
 * compiler.h opens one where it is there.
 *
 *   open a package -> load a kernel on a device -> ask for the workspace
 *   -> launch, any number of times
 *
 * Every function that can fail gives an EinfallStatus; what went wrong stands
 * in einfall_error_message() of the same thread, until its next failure.
 * Handles belong to the caller, who closes them; a kernel may outlive its
 * package. All functions may be called from any thread; a kernel may be
 * launched by several threads at once, each with a workspace of its own.
 *
 * A package is checked whole (sizes and hashes of all parts) when it is opened.
 * That finds corruption, not malice: load only what you would execute.
 *
\*===----------------------------------------------------------------------===*/

#ifndef EINFALL_EINFALL_H
#define EINFALL_EINFALL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define EINFALL_API __attribute__((visibility("default")))
#else
#define EINFALL_API
#endif

typedef enum EinfallStatus {
  EINFALL_OK = 0,
  /* A name, shape, type or pointer that the kernel cannot take. */
  EINFALL_INVALID_ARGUMENT = 1,
  /* What was opened is no package, or a damaged one. */
  EINFALL_INVALID_PACKAGE = 2,
  /* A device that is not there, or that the package has no image for. */
  EINFALL_MISSING = 3,
  /* The package has images for the device, but none for these arguments. */
  EINFALL_NO_VERSION = 4,
  /* The device found a fault while it ran the kernel, or its driver reports
   * an error; faults of a CUDA device may be those of an earlier launch. */
  EINFALL_DEVICE_ERROR = 5,
  /* Memory, files, the dynamic loader. */
  EINFALL_SYSTEM_ERROR = 6,
  /* An error in a text that was to be compiled (compiler.h). */
  EINFALL_INVALID_SOURCE = 7
} EinfallStatus;

/* The message of the last failure in this thread; empty if there was none. */
EINFALL_API const char *einfall_error_message(void);
/* The same on standard error, with a line break: "WHO: MESSAGE". Gives 1. */
EINFALL_API int einfall_print_error(const char *who);
/* "0.1.0". */
EINFALL_API const char *einfall_version(void);

/*===----------------------------------------------------------------------===*/
/* Packages                                                                   */
/*===----------------------------------------------------------------------===*/

typedef struct EinfallPackage EinfallPackage;

EINFALL_API EinfallStatus einfall_package_open(const char *path,
                                               EinfallPackage **package);
/* The bytes are copied. */
EINFALL_API EinfallStatus einfall_package_open_memory(const void *bytes,
                                                      size_t size,
                                                      EinfallPackage **package);
/* Null is allowed. */
EINFALL_API void einfall_package_close(EinfallPackage *package);

EINFALL_API size_t einfall_package_kernel_count(const EinfallPackage *package);
/* Null where there is no such kernel. Lives as long as the package. */
EINFALL_API const char *
einfall_package_kernel_name(const EinfallPackage *package, size_t index);
/* The launch plan as text for people. Lives as long as the package. */
EINFALL_API const char *einfall_package_describe(const EinfallPackage *package);

/*===----------------------------------------------------------------------===*/
/* Tensors: the layout of DLPack, so that a DLTensor * can be cast            */
/*===----------------------------------------------------------------------===*/

typedef struct EinfallDevice {
  int32_t device_type; /* kDLDevice */
  int32_t device_id;
} EinfallDevice;

/* DLDeviceType. Kernels on the CPU and on emulated devices take memory of the
 * host, kernels on a CUDA device its own, pinned and managed memory. */
enum {
  EINFALL_DEVICE_HOST = 1,
  EINFALL_DEVICE_CUDA = 2,
  EINFALL_DEVICE_CUDA_HOST = 3,
  EINFALL_DEVICE_CUDA_MANAGED = 13
};

typedef struct EinfallDataType {
  uint8_t code; /* DLDataTypeCode */
  uint8_t bits;
  uint16_t lanes; /* 1 */
} EinfallDataType;

/* DLDataTypeCode of the elements that kernels take. */
enum {
  EINFALL_INT = 0,
  EINFALL_UINT = 1,
  EINFALL_FLOAT = 2,
  EINFALL_BFLOAT = 4,
  EINFALL_BOOL = 6,
  EINFALL_FLOAT8_E4M3FN = 10,
  EINFALL_FLOAT8_E5M2 = 12
};

typedef struct EinfallTensor {
  void *data;
  EinfallDevice device;
  int32_t ndim;
  EinfallDataType dtype;
  const int64_t *shape;
  /* In elements; null: dense, the last dimension fastest. Those of inputs may
   * be zero or negative; those of outputs are positive, and no two elements
   * share memory. */
  const int64_t *strides;
  uint64_t byte_offset; /* from data to the element at coordinate 0 */
} EinfallTensor;

/* A dense tensor in memory of the host. `type` is "f32", "f16", "bf16",
 * "f8e4m3", "f8e5m2", "i8", "i32", "u8", "bool", ...; with another one no
 * kernel takes the tensor. `shape` is kept, not copied. */
EINFALL_API EinfallTensor einfall_tensor(void *data, const char *type,
                                         int32_t ndim, const int64_t *shape);

/*===----------------------------------------------------------------------===*/
/* Kernels                                                                    */
/*===----------------------------------------------------------------------===*/

typedef struct EinfallKernel EinfallKernel;

/* `name` may be null where the package has one kernel. Devices:
 *   "cpu", "cpu:4"     this processor, by all its threads or by 4
 *   "emulated:sm_80", "emulated:sm_90a"
 *                      a GPU's program run and checked on the host
 *   "cuda", "cuda:1"   a GPU, by the driver that is there (libcuda.so.1, or
 *                      what the variable EINFALL_CUDA_DRIVER names), in the
 *                      primary context that the CUDA runtime uses as well
 * Code of the package enters the process only here. */
EINFALL_API EinfallStatus einfall_kernel_load(const EinfallPackage *package,
                                              const char *name,
                                              const char *device,
                                              EinfallKernel **kernel);
/* The same of a package in memory (an embedded one), which is closed again. */
EINFALL_API EinfallStatus einfall_kernel_open(const void *package, size_t size,
                                              const char *name,
                                              const char *device,
                                              EinfallKernel **kernel);
/* Null is allowed. No launch may be under way. */
EINFALL_API void einfall_kernel_unload(EinfallKernel *kernel);

/* What a kernel takes. Strings live as long as the kernel. */
typedef struct EinfallTensorInfo {
  const char *name;
  EinfallDataType dtype;
  int32_t ndim;
  int32_t is_output;
} EinfallTensorInfo;

typedef struct EinfallParamInfo {
  const char *name;
  EinfallDataType dtype;
  int32_t has_default;
} EinfallParamInfo;

EINFALL_API size_t einfall_kernel_tensor_count(const EinfallKernel *kernel);
EINFALL_API EinfallStatus einfall_kernel_tensor(const EinfallKernel *kernel,
                                                size_t index,
                                                EinfallTensorInfo *info);
/* The name of the rank of a dimension; null where there is none. */
EINFALL_API const char *einfall_kernel_dimension(const EinfallKernel *kernel,
                                                 size_t tensor,
                                                 size_t dimension);
/* The extent of a rank that all versions of the code rely on; -1 where the
 * arguments bind it. */
EINFALL_API int64_t einfall_kernel_fixed_extent(const EinfallKernel *kernel,
                                                const char *rank);
EINFALL_API size_t einfall_kernel_param_count(const EinfallKernel *kernel);
EINFALL_API EinfallStatus einfall_kernel_param(const EinfallKernel *kernel,
                                               size_t index,
                                               EinfallParamInfo *info);

/* Everything is given by name, in any order: all tensors, inputs and outputs,
 * and the parameters that have no default or shall differ from it. */
typedef struct EinfallNamedTensor {
  const char *name;
  const EinfallTensor *tensor;
} EinfallNamedTensor;

typedef struct EinfallNamedParam {
  const char *name;
  double value; /* integers as the double of the same value */
} EinfallNamedParam;

typedef struct EinfallArguments {
  const EinfallNamedTensor *tensors;
  size_t tensor_count;
  const EinfallNamedParam *params;
  size_t param_count;
} EinfallArguments;

/* Bytes that a launch with tensors of these shapes needs, aligned to 64. The
 * data of the tensors is not looked at and may be null. */
EINFALL_API EinfallStatus
einfall_kernel_workspace(const EinfallKernel *kernel,
                         const EinfallArguments *arguments, size_t *bytes);

/* Checks the arguments and runs the kernel.
 *
 * cpu: returns when all is done and allocates nothing but what oneTBB takes to
 * run its tasks. emulated: allocates what it needs to check. cuda: puts the
 * kernel on `stream` (a CUstream or cudaStream_t of that device; null is the
 * legacy default stream) and returns; it neither allocates nor synchronises, so
 * that a stream that is being captured into a graph takes it. `stream` is null
 * for devices without streams. */
EINFALL_API EinfallStatus einfall_kernel_launch(
    const EinfallKernel *kernel, const EinfallArguments *arguments,
    void *workspace, size_t workspace_bytes, void *stream);
/* The same without a stream and with a workspace that is allocated for it: for
 * programs that launch once, on devices that take memory of the host. */
EINFALL_API EinfallStatus einfall_kernel_run(const EinfallKernel *kernel,
                                             const EinfallArguments *arguments);

#ifdef __cplusplus
}
#endif

#endif /* EINFALL_EINFALL_H */
