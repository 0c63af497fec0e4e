//===- Elements.h - Storage types of argument tensors -----------*- C++ -*-===//
//
// What a tensor's memory holds, how one element becomes a number and how a
// number is rounded to storage. The interpreter, the generators of random
// inputs and the comparison share it. Strides count elements, never bytes;
// sub-byte elements are packed low bits first.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_ELEMENTS_H
#define EINFALL_DIALECT_INTERPRETER_ELEMENTS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace mlir {
class Type;
}

namespace einfall::interpreter {

enum class Element : uint8_t {
  F64,
  F32,
  F16,
  BF16,
  F8E4M3,
  F8E5M2,
  I64,
  I32,
  I16,
  I8,
  I4,
  U8,
  U4,
  U2,
  Bool, ///< one byte, zero or not
};

/// The storage element of an MLIR type (signless integers are signed), or
/// nothing where tensors of it cannot be passed.
std::optional<Element> elementOf(mlir::Type type);
llvm::StringRef elementName(Element element);
unsigned elementBits(Element element);
bool isReal(Element element);

/// The unit roundoff: half the distance from 1 to the next number; 0 for
/// integers.
double unitRoundoff(Element element);

/// Rounds to nearest, ties to even; integers saturate.
double roundTo(Element element, double value);

/// An array in memory that somebody else owns. Strides may be zero or negative.
struct Tensor {
  void *data = nullptr;
  Element element = Element::F32;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides; ///< in elements

  /// Row-major strides of a shape.
  static llvm::SmallVector<int64_t> denseStrides(llvm::ArrayRef<int64_t> shape);
  int64_t offset(llvm::ArrayRef<int64_t> coordinates) const;
};

/// One element as a double. Exact for all types but i64 beyond 2^53.
double loadElement(Element element, const void *data, int64_t index);
/// Stores `roundTo(element, value)`.
void storeElement(Element element, void *data, int64_t index, double value);

/// The value of a half or an 8-bit float by its bits.
float halfToFloat(uint16_t bits);
float smallToFloat(Element element, uint8_t bits);

inline float bfloatToFloat(uint16_t bits) {
  return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16);
}

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_ELEMENTS_H
