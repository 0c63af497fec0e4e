//===- Binding.h - Arguments of a launch, checked ---------------*- C++ -*-===//
//
// From named tensors and parameters to what a compiled kernel reads, after
// every check that can be made without touching data: names, types, shapes that
// agree, strides, alignment, outputs that overlap nothing. Needs no memory but
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

class Binding {
public:
  /// EINFALL_INVALID_ARGUMENT with what was found and what is expected.
  /// Pointers are looked at only `withData`.
  Status bind(const KernelPlan &plan, const EinfallArguments &arguments,
              bool withData);

  /// Valid as long as this object, which must not move.
  EinfallCpuArguments forCpu() const {
    return {data, strides, extents, params, /*threads=*/0};
  }

  /// Success, or which fixed extent the arguments do not have.
  Status fits(const KernelPlan &plan, const VersionPlan &version) const;

  void *data[maxTensors];
  int64_t strides[maxStrides];
  int64_t extents[maxRanks];
  const double *params[maxParams];
  ByteRange ranges[maxTensors];

private:
  Status bindTensor(const TensorPlan &tensor, const EinfallTensor &given,
                    int64_t *tensorStrides, bool withData, unsigned number,
                    const KernelPlan &plan);
  Status bindExtent(const KernelPlan &plan, uint32_t rank, int64_t extent,
                    const TensorPlan *source);
  Status bindParams(const KernelPlan &plan, const EinfallArguments &arguments);
  Status checkOverlap(const KernelPlan &plan) const;

  double values[maxParams];
  /// The tensor that gave a rank its extent.
  unsigned sources[maxRanks];
};

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_BINDING_H
