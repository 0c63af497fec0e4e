//===- Elements.cpp - Storage types of argument tensors -------------------===//

#include "dialect/Interpreter/Elements.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

using namespace einfall::interpreter;
using llvm::APFloat;

namespace {
struct Facts {
  llvm::StringRef name;
  unsigned bits;
  const llvm::fltSemantics *semantics; // null for integers
  bool isSigned;
};
} // namespace

static Facts facts(Element element) {
  switch (element) {
  case Element::F64:
    return {"f64", 64, &APFloat::IEEEdouble(), true};
  case Element::F32:
    return {"f32", 32, &APFloat::IEEEsingle(), true};
  case Element::F16:
    return {"f16", 16, &APFloat::IEEEhalf(), true};
  case Element::BF16:
    return {"bf16", 16, &APFloat::BFloat(), true};
  case Element::F8E4M3:
    return {"f8e4m3", 8, &APFloat::Float8E4M3FN(), true};
  case Element::F8E5M2:
    return {"f8e5m2", 8, &APFloat::Float8E5M2(), true};
  case Element::I64:
    return {"i64", 64, nullptr, true};
  case Element::I32:
    return {"i32", 32, nullptr, true};
  case Element::I16:
    return {"i16", 16, nullptr, true};
  case Element::I8:
    return {"i8", 8, nullptr, true};
  case Element::I4:
    return {"i4", 4, nullptr, true};
  case Element::U8:
    return {"u8", 8, nullptr, false};
  case Element::U4:
    return {"u4", 4, nullptr, false};
  case Element::U2:
    return {"u2", 2, nullptr, false};
  case Element::Bool:
    return {"bool", 8, nullptr, false};
  }
  return {"", 0, nullptr, false};
}

std::optional<Element> einfall::interpreter::elementOf(mlir::Type type) {
  if (type.isF64())
    return Element::F64;
  if (type.isF32())
    return Element::F32;
  if (type.isF16())
    return Element::F16;
  if (type.isBF16())
    return Element::BF16;
  if (llvm::isa<mlir::Float8E4M3FNType>(type))
    return Element::F8E4M3;
  if (llvm::isa<mlir::Float8E5M2Type>(type))
    return Element::F8E5M2;
  if (type.isInteger(1))
    return Element::Bool;
  auto integer = llvm::dyn_cast<mlir::IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 64:
    return isUnsigned ? std::nullopt : std::optional(Element::I64);
  case 32:
    return isUnsigned ? std::nullopt : std::optional(Element::I32);
  case 16:
    return isUnsigned ? std::nullopt : std::optional(Element::I16);
  case 8:
    return isUnsigned ? Element::U8 : Element::I8;
  case 4:
    return isUnsigned ? Element::U4 : Element::I4;
  case 2:
    return isUnsigned ? std::optional(Element::U2) : std::nullopt;
  default:
    return std::nullopt;
  }
}

llvm::StringRef einfall::interpreter::elementName(Element element) {
  return facts(element).name;
}

unsigned einfall::interpreter::elementBits(Element element) {
  return facts(element).bits;
}

bool einfall::interpreter::isReal(Element element) {
  return facts(element).semantics;
}

double einfall::interpreter::unitRoundoff(Element element) {
  const llvm::fltSemantics *semantics = facts(element).semantics;
  return semantics
             ? std::ldexp(1.0, -static_cast<int>(
                                   APFloat::semanticsPrecision(*semantics)))
             : 0;
}

double einfall::interpreter::roundTo(Element element, double value) {
  Facts info = facts(element);
  if (element == Element::F64)
    return value;
  if (element == Element::F32)
    return static_cast<float>(value);
  if (element == Element::Bool)
    return value != 0;
  if (info.semantics) {
    APFloat number(value);
    bool losesInfo;
    number.convert(*info.semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    return number.convertToDouble();
  }
  if (std::isnan(value))
    return 0;
  unsigned magnitude = info.bits - (info.isSigned ? 1 : 0);
  double low = info.isSigned ? -std::ldexp(1.0, magnitude) : 0;
  double high = std::ldexp(1.0, magnitude) - 1;
  return std::min(std::max(std::nearbyint(value), low), high);
}

llvm::SmallVector<int64_t> Tensor::denseStrides(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> strides(shape.size());
  int64_t next = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = next;
    next *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

int64_t Tensor::offset(llvm::ArrayRef<int64_t> coordinates) const {
  int64_t sum = 0;
  for (auto [coordinate, stride] : llvm::zip_equal(coordinates, strides))
    sum += coordinate * stride;
  return sum;
}

float einfall::interpreter::halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent == 0) {
    float small = std::ldexp(static_cast<float>(fraction), -24);
    return sign ? -small : small;
  }
  uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return __builtin_bit_cast(float, sign | wide << 23 | fraction << 13);
}

/// All 256 values of an 8-bit type.
static std::array<float, 256> smallTable(const llvm::fltSemantics &semantics) {
  std::array<float, 256> table;
  for (unsigned bits = 0; bits < 256; ++bits)
    table[bits] = APFloat(semantics, llvm::APInt(8, bits)).convertToFloat();
  return table;
}

float einfall::interpreter::smallToFloat(Element element, uint8_t bits) {
  static const std::array<float, 256> e4m3 =
      smallTable(APFloat::Float8E4M3FN());
  static const std::array<float, 256> e5m2 = smallTable(APFloat::Float8E5M2());
  return element == Element::F8E4M3 ? e4m3[bits] : e5m2[bits];
}

/// Bytes to element `index`, which may be negative.
template <typename Type> static int64_t bytesTo(int64_t index) {
  return index * static_cast<int64_t>(sizeof(Type));
}

template <typename Type> static Type get(const void *data, int64_t index) {
  Type value;
  std::memcpy(&value, static_cast<const char *>(data) + bytesTo<Type>(index),
              sizeof(Type));
  return value;
}

template <typename Type>
static void put(void *data, int64_t index, Type value) {
  std::memcpy(static_cast<char *>(data) + bytesTo<Type>(index), &value,
              sizeof(Type));
}

/// The byte that holds packed element `index` and its shift in it. Arithmetic
/// shift: floor division for negative offsets.
static std::pair<int64_t, unsigned> packedAt(unsigned bits, int64_t index) {
  int64_t bit = index * static_cast<int64_t>(bits);
  return {bit >> 3, static_cast<unsigned>(bit & 7)};
}

double einfall::interpreter::loadElement(Element element, const void *data,
                                         int64_t index) {
  switch (element) {
  case Element::F64:
    return get<double>(data, index);
  case Element::F32:
    return get<float>(data, index);
  case Element::F16:
    return halfToFloat(get<uint16_t>(data, index));
  case Element::BF16:
    return bfloatToFloat(get<uint16_t>(data, index));
  case Element::F8E4M3:
  case Element::F8E5M2:
    return smallToFloat(element, get<uint8_t>(data, index));
  case Element::I64:
    return static_cast<double>(get<int64_t>(data, index));
  case Element::I32:
    return get<int32_t>(data, index);
  case Element::I16:
    return get<int16_t>(data, index);
  case Element::I8:
    return get<int8_t>(data, index);
  case Element::U8:
    return get<uint8_t>(data, index);
  case Element::Bool:
    return get<uint8_t>(data, index) != 0;
  case Element::I4:
  case Element::U4:
  case Element::U2: {
    unsigned bits = elementBits(element);
    auto [byte, shift] = packedAt(bits, index);
    int value = (get<uint8_t>(data, byte) >> shift) & ((1 << bits) - 1);
    return element == Element::I4 && value > 7 ? value - 16 : value;
  }
  }
  return 0;
}

void einfall::interpreter::storeElement(Element element, void *data,
                                        int64_t index, double value) {
  Facts info = facts(element);
  if (info.semantics) {
    if (element == Element::F64)
      return put<double>(data, index, value);
    if (element == Element::F32)
      return put<float>(data, index, static_cast<float>(value));
    APFloat number(value);
    bool losesInfo;
    number.convert(*info.semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    uint64_t bits = number.bitcastToAPInt().getZExtValue();
    return info.bits == 16
               ? put<uint16_t>(data, index, static_cast<uint16_t>(bits))
               : put<uint8_t>(data, index, static_cast<uint8_t>(bits));
  }
  double rounded = roundTo(element, value);
  // 2^63 itself does not fit; every smaller double does.
  int64_t whole = rounded >= 0x1p63 ? std::numeric_limits<int64_t>::max()
                                    : static_cast<int64_t>(rounded);
  switch (info.bits) {
  case 64:
    return put<int64_t>(data, index, whole);
  case 32:
    return put<int32_t>(data, index, static_cast<int32_t>(whole));
  case 16:
    return put<int16_t>(data, index, static_cast<int16_t>(whole));
  case 8:
    return put<uint8_t>(data, index, static_cast<uint8_t>(whole));
  default: {
    auto [byte, shift] = packedAt(info.bits, index);
    unsigned mask = (1u << info.bits) - 1;
    uint8_t old = get<uint8_t>(data, byte);
    put<uint8_t>(data, byte,
                 static_cast<uint8_t>((old & ~(mask << shift)) | (whole & mask)
                                                                     << shift));
  }
  }
}
