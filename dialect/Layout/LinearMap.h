//===- LinearMap.h - Linear maps over GF(2) ---------------------*- C++ -*-===//
//
// The linear algebra under the atoms of layouts: a matrix over the field of two
// elements, kept as one machine word per column. Addition is exclusive or.
// Everything here is exact and costs at most (bits)^2 word operations; a map
// has at most 64 output bits.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_LINEARMAP_H
#define EINFALL_DIALECT_LAYOUT_LINEARMAP_H

#include <cstdint>
#include <optional>
#include <vector>

namespace einfall::layout {

class LinearMap {
public:
  /// Column j is the image of input bit j.
  LinearMap(unsigned outputBits, std::vector<uint64_t> columns)
      : outputs(outputBits), columns(std::move(columns)) {}
  static LinearMap identity(unsigned bits);

  unsigned inputBits() const { return columns.size(); }
  unsigned outputBits() const { return outputs; }
  uint64_t column(unsigned bit) const { return columns[bit]; }

  uint64_t apply(uint64_t x) const;

  /// x -> this(inner(x)). `inner` has at most as many output bits as this map
  /// has input bits.
  LinearMap compose(const LinearMap &inner) const;

  unsigned rank() const;
  bool isInjective() const { return rank() == inputBits(); }
  bool isSurjective() const { return rank() == outputBits(); }

  /// A basis of the inputs that map to zero.
  std::vector<uint64_t> kernel() const;

  /// Some x with this(x) = y, the one whose pivot-free bits are zero; nothing
  /// where y is not in the image.
  std::optional<uint64_t> solve(uint64_t y) const;

  /// A map P with L P L = L: a left inverse of an injective map, a right
  /// inverse of a surjective one. Pivots prefer low input bits, so that what is
  /// replicated is taken from its first copy; output bits that nothing reaches
  /// map to zero.
  LinearMap pseudoInverse() const;

  bool operator==(const LinearMap &other) const = default;

private:
  unsigned outputs;
  std::vector<uint64_t> columns;
};

} // namespace einfall::layout

#endif // EINFALL_DIALECT_LAYOUT_LINEARMAP_H
