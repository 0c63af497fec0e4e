//===- HostTensor.h - Tensors that the driver owns --------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_HOSTTENSOR_H
#define EINFALL_FRONTEND_DRIVER_HOSTTENSOR_H

#include "dialect/Interpreter/Elements.h"

#include <cstdlib>
#include <memory>

namespace einfall::driver {

/// Memory aligned to 64 bytes, as kernels like it.
class AlignedBytes {
public:
  AlignedBytes() = default;
  /// data() is null where memory does not suffice.
  static AlignedBytes allocate(size_t size) {
    AlignedBytes bytes;
    size_t rounded = (size + 63) / 64 * 64 + 64;
    bytes.memory.reset(static_cast<char *>(std::aligned_alloc(64, rounded)));
    bytes.length = size;
    return bytes;
  }
  char *data() const { return memory.get(); }
  size_t size() const { return length; }

private:
  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory;
  size_t length = 0;
};

/// A tensor and its memory.
struct HostTensor {
  AlignedBytes bytes;
  interpreter::Tensor view;

  int64_t elements() const {
    int64_t product = 1;
    for (int64_t extent : view.shape)
      product *= extent;
    return product;
  }
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_HOSTTENSOR_H
