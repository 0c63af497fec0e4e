//===- Binding.h - Arguments of a launch, checked ---------------*- C++ -*-===//
//
// From named tensors and parameters to what a compiled kernel reads, after
// every check that can be made without touching data: names, types, shapes that
// agree, strides, alignment, outputs that overlap nothing, preconditions on
// extents and parameters. Needs no memory but
// its own size.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_BINDING_H
#define EINFALL_RUNTIME_CORE_BINDING_H

#include "runtime/core/Plan.h"
#include "runtime/core/Status.h"
#include "runtime/devices/cpu/Launch.h"

namespace einfall::runtime {

/// The memory that the elements of a tensor lie in.
struct ByteRange {
  char *begin = nullptr;
  uint64_t bytes = 0;
};

/// The memory that a kernel reads and writes, in the words of DLPack.
struct MemoryPlace {
  int32_t type = EINFALL_DEVICE_HOST;
  int32_t id = 0;

  /// Whether a tensor that lies on `device` can be reached.
  bool reaches(EinfallDevice device) const;
  /// "memory of the host", "memory of CUDA device 1".
  std::string describe() const;
};

class Binding {
public:
  /// EINFALL_INVALID_ARGUMENT with what was found and what is expected.
  /// Pointers are looked at only `withData`.
  Status bind(const KernelPlan &plan, const EinfallArguments &arguments,
              bool withData, MemoryPlace place = {});

  /// Valid as long as this object, which must not move.
  EinfallCpuArguments forCpu() const {
    return {data, strides, extents, params, /*threads=*/0};
  }

  /// A fixed extent that the arguments do not have, or null.
  const FixedExtent *misfit(const VersionPlan &version) const;
  /// Success, or the same in words.
  Status fits(const KernelPlan &plan, const VersionPlan &version) const;

  /// The parameters of a program for a GPU, in the order of
  /// passes/Lower/Device/FoldToDevice.h: `countDeviceWords` of them.
  void deviceWords(const KernelPlan &plan, uint64_t *words) const;

  void *data[maxTensors];
  int64_t strides[maxStrides];
  int64_t extents[maxRanks];
  const double *params[maxParams];
  ByteRange ranges[maxTensors];

private:
  Status bindTensor(const TensorPlan &tensor, const EinfallTensor &given,
                    int64_t *tensorStrides, bool withData, unsigned number,
                    const KernelPlan &plan, MemoryPlace place);
  Status bindExtent(const KernelPlan &plan, uint32_t rank, int64_t extent,
                    const TensorPlan *source);
  Status bindParams(const KernelPlan &plan, const EinfallArguments &arguments);
  Status checkOverlap(const KernelPlan &plan) const;
  Status checkPreconditions(const KernelPlan &plan) const;

  double values[maxParams];
  /// The tensor that gave a rank its extent.
  unsigned sources[maxRanks];
};

/// How many parameters a program for a GPU has.
size_t countDeviceWords(const KernelPlan &plan);
/// With that of a workspace.
inline constexpr size_t maxDeviceWords =
    maxTensors + maxStrides + maxRanks + 2 * maxParams + 1;

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_BINDING_H
