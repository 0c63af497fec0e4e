//===- NvidiaMemory.cpp - Swizzles, boxes and matrix descriptors ----------===//

#include "dialect/Layout/NvidiaLayouts.h"

#include <bit>

using namespace einfall::layout;
using namespace einfall::layout::nvidia;

/// Bytes that a swizzle moves together.
static constexpr int64_t chunkBytes = 16;
/// The address bits that a swizzle looks at start with rows of 128 bytes, the
/// width of all banks together.
static constexpr int64_t bankRowBytes = 128;

int64_t nvidia::swizzleBytes(Swizzle swizzle) {
  switch (swizzle) {
  case Swizzle::None:
    return 16;
  case Swizzle::B32:
    return 32;
  case Swizzle::B64:
    return 64;
  case Swizzle::B128:
    return 128;
  }
  return 16;
}

int64_t nvidia::swizzlePeriod(Swizzle swizzle) {
  return 8 * swizzleBytes(swizzle);
}

std::string_view nvidia::swizzleName(Swizzle swizzle) {
  switch (swizzle) {
  case Swizzle::None:
    return "none";
  case Swizzle::B32:
    return "32B";
  case Swizzle::B64:
    return "64B";
  case Swizzle::B128:
    return "128B";
  }
  return "none";
}

OrError<Layout> nvidia::swizzleMap(Swizzle swizzle, int64_t bytes) {
  int64_t period = swizzlePeriod(swizzle);
  if (bytes < period || bytes % period != 0)
    return Failure{std::to_string(bytes) + " bytes are no multiple of the " +
                   std::to_string(period) + " after which swizzle " +
                   std::string(swizzleName(swizzle)) + " repeats"};
  LayoutBuilder builder({{"byte", bytes}});
  builder.input("byte");
  int64_t chunks = swizzleBytes(swizzle) / chunkBytes;
  for (int64_t bit = 1; bit < period; bit *= 2) {
    int64_t chunk = bit / bankRowBytes * chunkBytes;
    if (chunk >= 1 && chunk < chunks * chunkBytes)
      builder.bit({{"byte", bit + chunk}});
    else
      builder.bit({{"byte", bit}});
  }
  builder.repeat(bytes / period, {{"byte", period}});
  OrError<Layout> map = builder.build();
  if (!map)
    return map;
  return map->simplified();
}

static std::optional<Failure> badTile(int64_t rows, int64_t columns,
                                      int64_t elementBytes) {
  if (rows >= 1 && columns >= 1 && elementBytes >= 1 && elementBytes <= 16 &&
      std::has_single_bit(uint64_t(elementBytes)))
    return std::nullopt;
  return Failure{"a tile of " + std::to_string(rows) + " x " +
                 std::to_string(columns) + " elements of " +
                 std::to_string(elementBytes) + " bytes"};
}

OrError<Layout> nvidia::rowMajor(int64_t rows, int64_t columns,
                                 int64_t elementBytes, int64_t rowBytes) {
  if (auto failure = badTile(rows, columns, elementBytes))
    return *failure;
  if (rowBytes < columns * elementBytes)
    return Failure{"rows of " + std::to_string(columns * elementBytes) +
                   " bytes do not fit into " + std::to_string(rowBytes)};
  LayoutBuilder builder({{"byte", rows * rowBytes}});
  builder.input("row").repeat(rows, {{"byte", rowBytes}});
  builder.input("column").repeat(columns, {{"byte", elementBytes}});
  return builder.build();
}

/// A packed tile behind a swizzle of its addresses. The swizzle's period may
/// reach beyond the tile.
static OrError<Layout> swizzled(const Layout &packed, Swizzle swizzle) {
  if (swizzle == Swizzle::None)
    return packed;
  int64_t bytes = packed.outputExtent("byte"), period = swizzlePeriod(swizzle);
  OrError<Layout> map =
      swizzleMap(swizzle, (bytes + period - 1) / period * period);
  if (!map)
    return map;
  OrError<Layout> result = compose(*map, packed);
  if (!result)
    return result;
  // The exchange stays within a swizzled row, so the tile keeps its size.
  return Layout::create(result->inputs(), {{"byte", bytes}});
}

OrError<Layout> nvidia::tmaBox(int64_t rows, int64_t columns,
                               int64_t elementBytes, Swizzle swizzle) {
  if (auto failure = badTile(rows, columns, elementBytes))
    return *failure;
  int64_t rowBytes = columns * elementBytes;
  if (rows > 256 || columns > 256)
    return Failure{"a box of " + std::to_string(rows) + " x " +
                   std::to_string(columns) +
                   " elements; a tensor map takes at most 256 each way"};
  if (rowBytes % chunkBytes != 0)
    return Failure{"rows of " + std::to_string(rowBytes) +
                   " bytes; a tensor map takes multiples of 16"};
  if (swizzle != Swizzle::None && rowBytes != swizzleBytes(swizzle))
    return Failure{"rows of " + std::to_string(rowBytes) +
                   " bytes under swizzle " + std::string(swizzleName(swizzle)) +
                   ", which takes " + std::to_string(swizzleBytes(swizzle))};
  OrError<Layout> packed = rowMajor(rows, columns, elementBytes, rowBytes);
  if (!packed)
    return packed;
  return swizzled(*packed, swizzle);
}

OrError<Layout> nvidia::boxedTile(int64_t rows, int64_t columns,
                                  int64_t elementBytes, Swizzle swizzle) {
  if (auto failure = badTile(rows, columns, elementBytes))
    return *failure;
  int64_t width = swizzleBytes(swizzle), rowBytes = columns * elementBytes;
  if (rowBytes % width != 0)
    return Failure{"rows of " + std::to_string(rowBytes) +
                   " bytes are no multiple of the " + std::to_string(width) +
                   " of swizzle " + std::string(swizzleName(swizzle))};
  if (swizzle != Swizzle::None && rows % 8 != 0 && rowBytes != width)
    return Failure{std::to_string(rows) + " rows are no multiple of 8, after " +
                   "which swizzle " + std::string(swizzleName(swizzle)) +
                   " repeats"};
  LayoutBuilder builder({{"byte", rows * rowBytes}});
  builder.input("row").repeat(rows, {{"byte", width}});
  builder.input("column")
      .repeat(width / elementBytes, {{"byte", elementBytes}})
      .repeat(rowBytes / width, {{"byte", rows * width}});
  OrError<Layout> packed = builder.build();
  if (!packed)
    return packed;
  return swizzled(*packed, swizzle);
}

//===----------------------------------------------------------------------===//
// Matrix descriptors
//===----------------------------------------------------------------------===//

OrError<Layout> nvidia::wgmmaOperand(const WgmmaOperand &operand, int64_t mn,
                                     int64_t k, int64_t elementBytes) {
  if (auto failure = badTile(mn, k, elementBytes))
    return *failure;
  int64_t width = swizzleBytes(operand.swizzle);
  bool isSwizzled = operand.swizzle != Swizzle::None;
  int64_t leading = operand.leadingOffset, stride = operand.strideOffset;
  bool usesLeading = !(isSwizzled && operand.major == Major::K);
  int64_t unit = isSwizzled ? swizzlePeriod(operand.swizzle) : chunkBytes;
  if (stride % unit != 0 || (usesLeading && leading % unit != 0))
    return Failure{"descriptor offsets of " + std::to_string(leading) +
                   " and " + std::to_string(stride) +
                   " bytes are no multiples of " + std::to_string(unit)};
  // The contiguous dimension has runs of `width` bytes, the other one eight
  // such runs in a core of 8 * width bytes. The two offsets go from core to
  // core.
  bool isK = operand.major == Major::K;
  int64_t along = isK ? k : mn, across = isK ? mn : k;
  int64_t run = width / elementBytes;
  if (across % 8 != 0 || (along > run ? along % run : run % along) != 0)
    return Failure{"an operand of " + std::to_string(mn) + " x " +
                   std::to_string(k) + " is not made of cores of 8 x " +
                   std::to_string(run)};
  if (isK && isSwizzled && along > run)
    return Failure{"a k of " + std::to_string(k) + " exceeds the " +
                   std::to_string(run) + " elements of swizzle " +
                   std::string(swizzleName(operand.swizzle))};
  // Unswizzled MN-major operands exchange the roles of the two offsets.
  int64_t alongOffset = leading, acrossOffset = stride;
  if (!isK && !isSwizzled)
    std::swap(alongOffset, acrossOffset);
  LayoutBuilder builder({{"byte", 0}});
  auto contiguous = [&](const char *name) {
    builder.input(name)
        .repeat(std::min(run, along), {{"byte", elementBytes}})
        .repeat(std::max<int64_t>(along / run, 1), {{"byte", alongOffset}});
  };
  auto strided = [&](const char *name) {
    builder.input(name)
        .repeat(8, {{"byte", width}})
        .repeat(across / 8, {{"byte", acrossOffset}});
  };
  if (isK) {
    strided("mn");
    contiguous("k");
  } else {
    contiguous("mn");
    strided("k");
  }
  OrError<Layout> packed = builder.build();
  if (!packed || !isSwizzled)
    return packed;
  int64_t bytes = packed->outputExtent("byte");
  OrError<Layout> map =
      swizzleMap(operand.swizzle, (bytes + unit - 1) / unit * unit);
  if (!map)
    return map;
  return compose(*map, *packed);
}

OrError<WgmmaOperand> nvidia::wgmmaOperandOf(const Layout &memory, Major major,
                                             Swizzle swizzle,
                                             int64_t elementBytes) {
  bool isK = major == Major::K, isSwizzled = swizzle != Swizzle::None;
  const char *alongName = isK ? "k" : "mn", *acrossName = isK ? "mn" : "k";
  int64_t mn = memory.inputExtent("mn"), k = memory.inputExtent("k");
  int64_t run = swizzleBytes(swizzle) / elementBytes;
  // Where the next core lies, if there is one; else any legal offset will do.
  int64_t unit = isSwizzled ? swizzlePeriod(swizzle) : chunkBytes;
  auto offset = [&](const char *name, int64_t coordinate) {
    return coordinate < memory.inputExtent(name)
               ? memory.at("byte", {{name, coordinate}})
               : unit;
  };
  int64_t alongOffset = offset(alongName, run);
  int64_t acrossOffset = offset(acrossName, 8);
  WgmmaOperand operand{major, swizzle, alongOffset, acrossOffset};
  if (!isK && !isSwizzled)
    std::swap(operand.leadingOffset, operand.strideOffset);
  OrError<Layout> canonical = wgmmaOperand(operand, mn, k, elementBytes);
  if (!canonical)
    return canonical.failure();
  bool same = true;
  memory.forEach([&](const Point &x, const Point &) {
    Steps at;
    for (size_t i = 0; i < x.size(); ++i)
      at.push_back({memory.inputs()[i].dim.name, x[i]});
    same &= memory.at("byte", at) == canonical->at("byte", at);
  });
  if (!same)
    return Failure{"the tile is not in the canonical form of a " +
                   std::string(isK ? "K" : "MN") +
                   "-major operand under swizzle " +
                   std::string(swizzleName(swizzle))};
  return operand;
}

uint64_t nvidia::encodeDescriptor(const WgmmaOperand &operand,
                                  uint32_t startAddress) {
  auto field = [](int64_t bytes) { return (uint64_t(bytes) & 0x3ffff) >> 4; };
  uint64_t mode = 0;
  switch (operand.swizzle) {
  case Swizzle::None:
    mode = 0;
    break;
  case Swizzle::B128:
    mode = 1;
    break;
  case Swizzle::B64:
    mode = 2;
    break;
  case Swizzle::B32:
    mode = 3;
    break;
  }
  return field(startAddress) | field(operand.leadingOffset) << 16 |
         field(operand.strideOffset) << 32 | mode << 62;
}
