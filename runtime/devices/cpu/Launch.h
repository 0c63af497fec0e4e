//===- Launch.h - How a compiled CPU kernel is called -----------*- C++ -*-===//
//
// The contract between code generated for the CPU and whoever launches it. It
// is plain C: generated objects and the runtime share it, neither needs a
// compiler.
//
// A kernel K runs in phases; the items of one phase are independent, and a
// phase starts when the one before has ended. It is four functions:
//
//   int64_t K_items(const EinfallCpuArguments *, int64_t phase)
//                                 items of a phase; -1 past the last phase
//   int64_t K_workspace(const EinfallCpuArguments *)  bytes each worker needs
//   int64_t K_shared(const EinfallCpuArguments *)     bytes all share
//   void    K(const EinfallCpuArguments *, int64_t phase, int64_t begin,
//             int64_t end, void *workspace, void *shared)
//                                 runs items [begin, end) of a phase
//
// Items may run in any order and on any threads, each thread with a workspace
// of its own; what a phase leaves for the next lies in the shared one. Both are
// aligned to 64 bytes and arrive with any content. Items are numbered so that
// the longest come first. Nothing is allocated, no state is kept, no argument
// is checked: checks stand before the launch.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CPU_LAUNCH_H
#define EINFALL_RUNTIME_DEVICES_CPU_LAUNCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EinfallCpuArguments {
  /// One pointer per input, then one per output, in the kernel's order, each to
  /// the element at coordinate 0.
  void *const *data;
  /// The strides of all inputs, then of all outputs, one after another, in
  /// elements; zero and negative ones are allowed for inputs.
  const int64_t *strides;
  /// The extent of every rank, in the order of KernelInterface::ranks.
  const int64_t *extents;
  /// One pointer per scalar parameter; null asks for its default. Integers are
  /// passed as the double of the same value.
  const double *const *params;
  /// How many threads will run the items; 0 where that is not known. The same
  /// for all calls of K and K_items of a launch.
  int64_t threads;
} EinfallCpuArguments;

typedef int64_t (*EinfallCpuItems)(const EinfallCpuArguments *, int64_t phase);
typedef int64_t (*EinfallCpuSize)(const EinfallCpuArguments *);
typedef void (*EinfallCpuKernel)(const EinfallCpuArguments *, int64_t phase,
                                 int64_t begin, int64_t end, void *workspace,
                                 void *shared);

#ifdef __cplusplus
}
#endif

#endif // EINFALL_RUNTIME_DEVICES_CPU_LAUNCH_H
