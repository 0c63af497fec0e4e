/*===- tvm_ffi.h - Kernels as functions of TVM-FFI ---------------*- C -*-===*\
 *
 * TVM-FFI's C ABI calls functions of one type with tagged values; its bindings
 * pass arrays of NumPy, PyTorch, JAX, CuPy by DLPack without a copy. The two
 * functions here have that type (TVMFFISafeCallType) or are called by functions
 * that have it. Nothing of TVM-FFI is needed to build or link them: what they
 * call of it is looked up in the process that calls them.
 *
 *   TVMFFIFunctionCreate(kernel, einfall_tvm_ffi_call, deleter, &function);
 *
 * `einfall compile k.ein -o k.so` makes a module with a function for each
 * kernel, for tvm_ffi.load_module("k.so").
 *
 * Arguments stand by position: the inputs, the outputs, then the parameters,
 * each in the order of their declaration. Parameters with a default may be None
 * or left out at the end. The result is None: outputs are written. Arrays of
 * u8 and u16 stand for elements that NumPy lacks (bf16, f8e4m3, f8e5m2).
 *
 * On CUDA devices the kernel is put on the stream that the environment names
 * (TVMFFIEnvGetStream), with a workspace of the environment's allocator.
 *
\*===----------------------------------------------------------------------===*/

#ifndef EINFALL_TVM_FFI_H
#define EINFALL_TVM_FFI_H

#include "einfall.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Launches `kernel`, an EinfallKernel. `arguments` points to `count` values of
 * type TVMFFIAny, `result` to one. Gives 0, or -1 where an error is raised:
 * TypeError, ValueError or RuntimeError with the text of
 * einfall_error_message(). */
EINFALL_API int einfall_tvm_ffi_call(void *kernel, const void *arguments,
                                     int32_t count, void *result);

/* A kernel of an embedded package, loaded at the first call on the device that
 * its tensors lie on. `loaded` keeps what was loaded and is null at first; the
 * other pointers outlive it. */
typedef struct EinfallTvmFfiKernel {
  void *loaded;
  const void *package;
  size_t size;
  const char *name;
} EinfallTvmFfiKernel;

EINFALL_API int einfall_tvm_ffi_call_packed(EinfallTvmFfiKernel *kernel,
                                            const void *arguments,
                                            int32_t count, void *result);
/* Gives a string as `result`: the arguments by position. */
EINFALL_API int einfall_tvm_ffi_describe(const EinfallTvmFfiKernel *kernel,
                                         void *result);

#ifdef __cplusplus
}
#endif

#endif /* EINFALL_TVM_FFI_H */
