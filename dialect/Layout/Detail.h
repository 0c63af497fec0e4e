//===- Detail.h - Walking boxes of points -----------------------*- C++ -*-===//

#ifndef EINFALL_DIALECT_LAYOUT_DETAIL_H
#define EINFALL_DIALECT_LAYOUT_DETAIL_H

#include "dialect/Layout/Layout.h"

namespace einfall::layout::detail {

/// The most points that a layout has and an operation enumerates.
inline constexpr int64_t maxPoints = int64_t(1) << 22;
/// The largest amount of a step, and the largest box of outputs: sums of steps
/// over all points stay far below 2^63.
inline constexpr int64_t maxStep = int64_t(1) << 40;
inline constexpr int64_t maxBox = int64_t(1) << 62;

/// The product of two positive numbers, at most maxBox + 1.
inline int64_t cappedProduct(int64_t a, int64_t b) {
  return a > maxBox / b ? maxBox + 1 : a * b;
}

inline int64_t boxSize(const std::vector<Dim> &dims) {
  int64_t size = 1;
  for (const Dim &dim : dims)
    size = cappedProduct(size, dim.extent);
  return size;
}

/// The number of a point of the box, first dimension fastest.
inline int64_t flatIndex(const std::vector<Dim> &dims, const Point &x) {
  int64_t index = 0;
  for (size_t i = dims.size(); i-- > 0;)
    index = index * dims[i].extent + x[i];
  return index;
}

/// Calls `visit` for every point of the box, first dimension fastest, until it
/// answers false. Returns whether every answer was true.
template <typename Visit>
bool forEachPoint(const std::vector<Dim> &dims, Visit visit) {
  Point x(dims.size(), 0);
  while (true) {
    if (!visit(static_cast<const Point &>(x)))
      return false;
    size_t i = 0;
    while (i < dims.size() && ++x[i] == dims[i].extent)
      x[i++] = 0;
    if (i == dims.size())
      return true;
  }
}

} // namespace einfall::layout::detail

#endif // EINFALL_DIALECT_LAYOUT_DETAIL_H
