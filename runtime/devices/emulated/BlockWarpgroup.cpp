//===- BlockWarpgroup.cpp - Matrix products of four warps -----------------===//
//
// PTX ISA, "Asynchronous warpgroup level matrix multiply-accumulate
// instructions". Each warp computes its 16 rows of the 64, with the arithmetic
// of mma (see Lanes.h), at a moment between the issue and the wait. That the
// four warps issue the same is checked.
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/emulated/Block.h"

#include <cstring>

using namespace einfall::emulated;

namespace {

/// PTX ISA, "Matrix descriptor format".
struct Descriptor {
  explicit Descriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4),
        stride((bits >> 32 & 0x3fff) << 4) {
    // 0: none, 1: 128 bytes, 2: 64, 3: 32.
    unsigned mode = bits >> 62;
    width = mode ? 256 >> mode : 0;
  }

  /// The address of 8 numbers side by side. PTX ISA, "Canonical layouts".
  ///
  /// K-major (`across` counts rows, `along` is k / 8): groups of 8 rows lie
  /// `stride` apart. With a swizzle a row has `width` bytes; without, 8 rows of
  /// 16 bytes lie together and `leading` goes to the next 8 along k.
  uint32_t alongK(unsigned row, unsigned chunk) const {
    uint32_t address = start + row / 8 * stride;
    if (!width)
      return address + chunk * leading + row % 8 * 16;
    return swizzled(address + row % 8 * width + chunk * 16);
  }
  /// MN-major (`chunk` is row / 8): with a swizzle 8 steps of k, `width` bytes
  /// each, lie together; `stride` goes to the next 8, `leading` to the next
  /// `width` bytes of rows. Without, 8 steps of 16 bytes lie together, `stride`
  /// goes to the next 8 rows and `leading` to the next 8 steps.
  uint32_t acrossK(unsigned chunk, unsigned k) const {
    if (!width)
      return start + chunk * stride + k / 8 * leading + k % 8 * 16;
    unsigned wide = width / 16;
    return swizzled(start + chunk % wide * 16 + chunk / wide * leading +
                    k % 8 * width + k / 8 * stride);
  }

private:
  uint32_t swizzled(uint32_t address) const {
    return address ^ (address >> 3 & (width / 16 - 1) << 4);
  }
  uint32_t start, leading, stride, width;
};

} // namespace

template <typename Chunk>
bool Block::forChunks(const Warp &warp, const ProductInFlight &inFlight,
                      Chunk chunk) const {
  Product product = Product::decode(inFlight.step->sub);
  auto operand = [&](uint64_t bits, bool transpose, unsigned first,
                     unsigned rows) {
    Descriptor descriptor(bits);
    if (transpose) {
      for (unsigned c = first / 8; c < (first + rows) / 8; ++c)
        for (unsigned k = 0; k < 16; ++k)
          if (!chunk(descriptor.acrossK(c, k)))
            return false;
      return true;
    }
    for (unsigned r = first; r < first + rows; ++r)
      for (unsigned c = 0; c < 2; ++c)
        if (!chunk(descriptor.alongK(r, c)))
          return false;
    return true;
  };
  if (!product.registersA &&
      !operand(inFlight.a, product.transposeA, warp.number % 4 * 16, 16))
    return false;
  return operand(inFlight.b, product.transposeB, 0, product.columns);
}

bool Block::issueProduct(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  Product product = Product::decode(step.sub);
  unsigned group = warp.number / 4;
  if (4 * group + 3 >= warps.size())
    return fail(warp, step, -1, "is executed by less than four warps");
  if (warp.unfenced)
    return fail(warp, step, -1,
                "is issued with no wgmma_fence since its registers may have "
                "been in other use");
  o += product.columns / 2;
  auto uniform = [&](uint32_t operand, uint64_t &value) {
    auto *lanes = reinterpret_cast<const uint64_t *>(warp.words + operand);
    value = lanes[0];
    for (unsigned i = 1; i < warpLanes; ++i)
      if (lanes[i] != value)
        return fail(warp, step, i,
                    "has another descriptor, " + hex(lanes[i]) +
                        ", than lane 0, " + hex(value));
    if (value >> 49 & 7)
      return fail(warp, step, 0,
                  "has a descriptor with a base offset, which is not emulated");
    return true;
  };
  ProductInFlight inFlight{&step, 0, 0, warp.closedProducts, false};
  if ((!product.registersA && !uniform(o[0], inFlight.a)) ||
      !uniform(o[product.registersA ? 4 : 1], inFlight.b))
    return false;

  // All four warps issue the same.
  auto &issued = issues[group];
  uint64_t number = warp.issuedProducts++ - firstIssue[group];
  if (number == issued.size()) {
    issued.push_back({&step, inFlight.a, inFlight.b});
  } else {
    const ProductIssue &other = issued[number];
    if (other.step != &step || other.a != inFlight.a || other.b != inFlight.b)
      return fail(warp, step, -1,
                  "is not what the other warps of its warpgroup issue",
                  {place(other.step->location) + ": is what they issue"});
  }
  uint64_t least = warp.issuedProducts;
  for (unsigned i = 0; i < 4; ++i)
    least = std::min(least, warps[4 * group + i].issuedProducts);
  for (; firstIssue[group] < least; ++firstIssue[group])
    issued.pop_front();

  bool sound = forChunks(warp, inFlight, [&](uint32_t address) {
    if (!checkShared(warp, step, -1, address, 16))
      return false;
    if (Conflict conflict = shared.beginRead(warp.number, address, 16))
      return fail(warp, step, -1, conflict);
    return true;
  });
  if (!sound)
    return false;
  counters.matrixFlops += 16 * 16 * 2 * product.columns;
  // Some groups land at once, all before them first; of the others nobody must
  // look at the registers.
  if (warp.products.empty() || warp.products.back().group != inFlight.group)
    warp.landsLate = random() % 4;
  warp.products.push_back(inFlight);
  if (!warp.landsLate) {
    for (ProductInFlight &each : warp.products)
      if (!each.landed) {
        compute(warp, each);
        each.landed = true;
      }
  } else if (!product.adds) {
    o = context.code.operands.data() + step.operands;
    for (unsigned i = 0; i < product.columns / 2; ++i)
      std::memset(warp.words + o[i], 0xff, 4 * warpLanes);
  }
  return true;
}

void Block::compute(Warp &warp, const ProductInFlight &inFlight) {
  const Step &step = *inFlight.step;
  const uint32_t *o = context.code.operands.data() + step.operands;
  Product product = Product::decode(step.sub);
  uint32_t words = product.columns / 2;
  uint32_t scratch = context.code.words * warpLanes;
  uint32_t operands[14];
  auto load = [&](uint32_t address) {
    uint16_t number;
    std::memcpy(&number, &shared.bytes[address], 2);
    return number;
  };
  // Two numbers along k of one row (or column of B).
  auto pair = [&](const Descriptor &descriptor, bool transpose, unsigned row,
                  unsigned k) -> uint32_t {
    if (transpose)
      return load(descriptor.acrossK(row / 8, k) + row % 8 * 2) |
             uint32_t(load(descriptor.acrossK(row / 8, k + 1) + row % 8 * 2))
                 << 16;
    uint32_t both;
    std::memcpy(&both, &shared.bytes[descriptor.alongK(row, k / 8) + k % 8 * 2],
                4);
    return both;
  };

  // PTX ISA, "Register fragments": of A as in mma.m16n8k16, warp w having rows
  // 16 w to 16 w + 15.
  for (unsigned r = 0; r < 4; ++r)
    operands[4 + r] =
        product.registersA ? o[words + r] : scratch + r * warpLanes;
  if (!product.registersA) {
    Descriptor a(inFlight.a);
    for (unsigned r = 0; r < 4; ++r)
      for (unsigned lane = 0; lane < warpLanes; ++lane)
        warp.words[operands[4 + r] + lane] =
            pair(a, product.transposeA,
                 warp.number % 4 * 16 + lane / 4 + (r & 1 ? 8 : 0),
                 lane % 4 * 2 + (r & 2 ? 8 : 0));
  }
  // D: registers 4 j to 4 j + 3 are the fragment of columns 8 j to 8 j + 7.
  Descriptor b(inFlight.b);
  LaneFunction mma = laneTable().mma[unsigned(product.type)];
  for (unsigned j = 0; j < product.columns / 8; ++j) {
    for (unsigned r = 0; r < 2; ++r) {
      operands[8 + r] = scratch + (4 + r) * warpLanes;
      for (unsigned lane = 0; lane < warpLanes; ++lane)
        warp.words[operands[8 + r] + lane] =
            pair(b, product.transposeB, 8 * j + lane / 4,
                 lane % 4 * 2 + (r ? 8 : 0));
    }
    for (unsigned i = 0; i < 4; ++i) {
      operands[i] = operands[10 + i] = o[4 * j + i];
      if (!product.adds)
        std::memset(warp.words + operands[i], 0, 4 * warpLanes);
    }
    mma(warp.words, warp.masks, operands, 0);
  }
}

bool Block::waitProducts(Warp &warp, const Step &step) {
  warp.unfenced = true;
  while (!warp.products.empty()) {
    ProductInFlight &product = warp.products.front();
    if (warp.closedProducts - product.group <= step.immediate)
      return true;
    if (!product.landed)
      compute(warp, product);
    forChunks(warp, product, [&](uint32_t address) {
      shared.endRead(warp.number, address, 16);
      return true;
    });
    warp.products.pop_front();
  }
  return true;
}

bool Block::setRegisters(Warp &warp, const Step &step) {
  // PTX ISA, "setmaxnreg": registers given back go to a pool of the block, from
  // which an increase takes; it blocks until there are enough.
  uint32_t count = step.immediate;
  bool increases = step.sub;
  if (increases ? count < warp.registers : count > warp.registers)
    return fail(warp, step, -1,
                "has " + std::to_string(warp.registers) +
                    " registers a thread, which is no " +
                    (increases ? "increase" : "decrease") + " to " +
                    std::to_string(count));
  if (!increases) {
    freeRegisters += (warp.registers - count) * warpLanes;
    warp.registers = count;
    for (Warp &other : warps)
      if (other.wantsRegisters) {
        other.wantsRegisters = false;
        other.state = State::Ready;
      }
    return true;
  }
  uint32_t more = (count - warp.registers) * warpLanes;
  if (more > freeRegisters) {
    warp.state = State::Waiting;
    warp.wantsRegisters = true;
    --warp.position;
    return true;
  }
  freeRegisters -= more;
  warp.registers = count;
  return true;
}

bool Block::storeMatrix(Warp &warp, const Step &step) {
  // PTX ISA, "Warp-level matrix store instruction: stmatrix": the inverse of
  // ldmatrix.
  const uint32_t *o = context.code.operands.data() + step.operands;
  unsigned count = step.sub & 255;
  bool transpose = step.sub & 256;
  uint32_t addresses[warpLanes];
  std::memcpy(addresses, warp.words + o[0], sizeof(addresses));
  uint16_t matrix[8][8];
  for (unsigned i = 0; i < count; ++i) {
    const uint32_t *from = warp.words + o[1 + i];
    for (unsigned lane = 0; lane < warpLanes; ++lane) {
      unsigned row = lane / 4, column = 2 * (lane % 4);
      for (unsigned j = 0; j < 2; ++j)
        (transpose ? matrix[column + j][row] : matrix[row][column + j]) =
            uint16_t(from[lane] >> (16 * j));
    }
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * i + row;
      if (!checkShared(warp, step, lane, addresses[lane], 16))
        return false;
      if (Conflict conflict =
              shared.write(warp.number, wholeWarp, addresses[lane], 16))
        return fail(warp, step, lane, conflict);
      std::memcpy(&shared.bytes[addresses[lane]], matrix[row], 16);
    }
  }
  uint32_t active = count == 4 ? ~uint32_t(0) : (1u << (8 * count)) - 1;
  Wavefronts fronts = countWavefronts(addresses, active, 16);
  counters.matrixWavefronts += fronts.count;
  counters.matrixConflicts += fronts.count - fronts.ideal;
  return true;
}
