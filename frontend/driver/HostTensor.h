//===- HostTensor.h - Tensors that the driver owns --------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_HOSTTENSOR_H
#define EINFALL_FRONTEND_DRIVER_HOSTTENSOR_H

#include "dialect/Interpreter/Elements.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

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

/// Calls `visit` with the offset of every element, in elements, the last
/// dimension fastest.
template <typename Visit>
void forEachElement(const interpreter::Tensor &tensor, Visit visit) {
  for (int64_t extent : tensor.shape)
    if (extent == 0)
      return;
  llvm::SmallVector<int64_t> at(tensor.shape.size(), 0);
  size_t d;
  do {
    visit(tensor.offset(at));
    for (d = at.size(); d-- > 0;) {
      if (++at[d] < tensor.shape[d])
        break;
      at[d] = 0;
    }
  } while (d < at.size());
}

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
