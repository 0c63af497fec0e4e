//===- BlockMemory.cpp - Accesses of a block's warps to memory ------------===//

#include "runtime/devices/emulated/Block.h"

#include <algorithm>
#include <cstring>

using namespace einfall::emulated;

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

bool Block::checkGlobal(Warp &warp, const Step &step, uint64_t *addresses,
                        uint32_t active, unsigned bytes, bool store) {
  uint64_t least = ~uint64_t(0), most = 0, bits = 0;
  for (uint32_t left = active; left; left &= left - 1) {
    uint64_t address = addresses[__builtin_ctz(left)];
    least = std::min(least, address);
    most = std::max(most, address);
    bits |= address;
  }
  uint32_t &hint = hints[&step - context.code.steps.data()];
  if (!(bits & (bytes - 1)) && most - least < uint64_t(1) << 62) {
    const Buffer *buffer =
        context.memory.find(least, most - least + bytes, hint);
    if (buffer && (!store || buffer->writable))
      return true;
  }
  for (uint32_t left = active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint64_t address = addresses[lane];
    if (address & (bytes - 1))
      return fail(warp, step, lane,
                  std::to_string(bytes) + " bytes at " + hex(address) +
                      " are not aligned to " + std::to_string(bytes));
    const Buffer *buffer = context.memory.find(address, bytes, hint);
    if (!buffer)
      return fail(warp, step, lane,
                  context.memory.describeMiss(address, bytes));
    if (store && !buffer->writable)
      return fail(warp, step, lane,
                  "writes " + std::to_string(bytes) + " bytes at " +
                      hex(address) + " in buffer `" + buffer->name +
                      "`, which the launch only reads");
  }
  return true;
}

/// Moves the elements of one lane between memory and registers; `o` has one
/// operand for each element.
template <typename Element, typename Register>
static void loadLane(uint32_t *words, const uint32_t *o, unsigned count,
                     unsigned lane, const std::byte *from) {
  for (unsigned i = 0; i < count; ++i) {
    Element element;
    std::memcpy(&element, from + i * sizeof(Element), sizeof(Element));
    reinterpret_cast<Register *>(words + o[i])[lane] = element;
  }
}
template <typename Element, typename Register>
static void storeLane(const uint32_t *words, const uint32_t *o, unsigned count,
                      unsigned lane, std::byte *to) {
  for (unsigned i = 0; i < count; ++i) {
    Element element = reinterpret_cast<const Register *>(words + o[i])[lane];
    std::memcpy(to + i * sizeof(Element), &element, sizeof(Element));
  }
}

/// The most frequent: words of all lanes.
static void loadWords(uint32_t *words, const uint32_t *o, unsigned count,
                      const uint32_t *addresses, const std::byte *from) {
  for (unsigned i = 0; i < count; ++i)
    for (unsigned lane = 0; lane < warpLanes; ++lane)
      std::memcpy(words + o[i] + lane, from + addresses[lane] + 4 * i, 4);
}

static auto *loader(unsigned bytes) {
  return bytes == 1   ? loadLane<uint8_t, uint32_t>
         : bytes == 2 ? loadLane<uint16_t, uint32_t>
         : bytes == 4 ? loadLane<uint32_t, uint32_t>
                      : loadLane<uint64_t, uint64_t>;
}
static auto *storer(unsigned bytes) {
  return bytes == 1   ? storeLane<uint8_t, uint32_t>
         : bytes == 2 ? storeLane<uint16_t, uint32_t>
         : bytes == 4 ? storeLane<uint32_t, uint32_t>
                      : storeLane<uint64_t, uint64_t>;
}

static void addAddresses(uint64_t *addresses, const uint32_t *words,
                         uint32_t base, uint32_t offset) {
  const uint64_t *x = reinterpret_cast<const uint64_t *>(words + base);
  const uint64_t *y = reinterpret_cast<const uint64_t *>(words + offset);
  for (unsigned i = 0; i < warpLanes; ++i)
    addresses[i] = x[i] + y[i];
}

bool Block::loadGlobal(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  unsigned count = elementCount(step.sub), bytes = elementBytes(step.sub);
  uint64_t addresses[warpLanes];
  addAddresses(addresses, warp.words, o[count], o[count + 1]);
  if (!checkGlobal(warp, step, addresses, warp.active, bytes * count, false))
    return false;
  auto *load = loader(bytes);
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    load(warp.words, o, count, lane,
         reinterpret_cast<const std::byte *>(addresses[lane]));
  }
  counters.loadSectors += countSectors(addresses, warp.active);
  counters.loadBytes +=
      uint64_t(bytes) * count * __builtin_popcount(warp.active);
  return true;
}

bool Block::checkSources(Warp &warp, const Step &step,
                         const uint64_t *addresses, unsigned bytes) {
  for (const Warp &other : warps)
    for (const Copies &copies : other.copies) {
      if (!copies.fromWritable)
        continue;
      for (uint32_t from = copies.pending; from; from &= from - 1) {
        unsigned source = __builtin_ctz(from);
        for (uint32_t left = warp.active; left; left &= left - 1) {
          unsigned lane = __builtin_ctz(left);
          if (addresses[lane] < copies.source[source] + copies.valid[source] &&
              copies.source[source] < addresses[lane] + bytes)
            return fail(warp, step, lane,
                        "writes " + hex(addresses[lane]) +
                            " while a copy from it is in flight",
                        {place(copies.location) + ": copied by warp " +
                         std::to_string(other.number) + ", lane " +
                         std::to_string(source)});
        }
      }
    }
  return true;
}

bool Block::storeGlobal(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  unsigned count = elementCount(step.sub), bytes = elementBytes(step.sub);
  uint64_t addresses[warpLanes];
  addAddresses(addresses, warp.words, o[count], o[count + 1]);
  if (!checkGlobal(warp, step, addresses, warp.active, bytes * count, true) ||
      (writableCopies && !checkSources(warp, step, addresses, bytes * count)))
    return false;
  auto *store = storer(bytes);
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    store(warp.words, o, count, lane,
          reinterpret_cast<std::byte *>(addresses[lane]));
  }
  counters.storeSectors += countSectors(addresses, warp.active);
  counters.storeBytes +=
      uint64_t(bytes) * count * __builtin_popcount(warp.active);
  return true;
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

bool Block::checkShared(Warp &warp, const Step &step, unsigned lane,
                        uint32_t address, unsigned bytes) {
  if (address & (bytes - 1))
    return fail(warp, step, lane,
                std::to_string(bytes) + " bytes at " + std::to_string(address) +
                    " of shared memory are not aligned to " +
                    std::to_string(bytes));
  if (uint64_t(address) + bytes > shared.bytes.size())
    return fail(warp, step, lane,
                std::to_string(bytes) + " bytes at " + std::to_string(address) +
                    " of shared memory lie outside its " +
                    std::to_string(shared.bytes.size()) + " bytes");
  return true;
}

namespace {
/// Lanes that read the same: those of a quad, or those at one place of all
/// quads. So do fragments whose row, or whose column, is the quad's.
enum class Sharing { None, InQuads, AcrossQuads };
} // namespace

static Sharing sharingOf(const uint32_t *addresses) {
  uint32_t inQuads = 0, acrossQuads = 0;
  for (unsigned quad = 0; quad < warpLanes; quad += 4)
    for (unsigned i = 0; i < 4; ++i) {
      inQuads |= addresses[quad + i] ^ addresses[quad];
      acrossQuads |= addresses[quad + i] ^ addresses[i];
    }
  return !inQuads       ? Sharing::InQuads
         : !acrossQuads ? Sharing::AcrossQuads
                        : Sharing::None;
}

/// One lane for each different address.
static uint32_t readers(Sharing sharing, uint32_t active) {
  return sharing == Sharing::InQuads       ? 0x11111111
         : sharing == Sharing::AcrossQuads ? 0xf
                                           : active;
}

/// One lane for each different address of a phase (countWavefronts).
static uint32_t served(Sharing sharing, uint32_t active, unsigned bytes) {
  if (sharing != Sharing::AcrossQuads)
    return readers(sharing, active);
  return bytes >= 16 ? 0x0f0f0f0f : bytes >= 8 ? 0x000f000f : 0xf;
}

bool Block::accessShared(Warp &warp, const Step &step, bool stores) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  unsigned count = elementCount(step.sub);
  unsigned bytes = elementBytes(step.sub) * count;
  const uint32_t *base = warp.words + o[count];
  const uint32_t *offset = warp.words + o[count + 1];
  uint32_t addresses[warpLanes];
  for (unsigned i = 0; i < warpLanes; ++i)
    addresses[i] = base[i] + offset[i];
  uint32_t distinct = warp.active;
  if (stores) {
    auto *store = storer(elementBytes(step.sub));
    for (uint32_t left = warp.active; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      if (!checkShared(warp, step, lane, addresses[lane], bytes))
        return false;
      if (Conflict conflict =
              shared.write(warp.number, lane, addresses[lane], bytes))
        return fail(warp, step, lane, conflict);
      store(warp.words, o, count, lane, &shared.bytes[addresses[lane]]);
    }
  } else {
    Sharing sharing =
        warp.active == ~uint32_t(0) ? sharingOf(addresses) : Sharing::None;
    // What several lanes read the whole warp does.
    for (uint32_t left = readers(sharing, warp.active); left;
         left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      if (!checkShared(warp, step, lane, addresses[lane], bytes))
        return false;
      unsigned reader = sharing == Sharing::None ? lane : wholeWarp;
      if (Conflict conflict =
              shared.read(warp.number, reader, addresses[lane], bytes))
        return fail(warp, step, lane, conflict);
    }
    if (elementBytes(step.sub) == 4 && warp.active == ~uint32_t(0)) {
      loadWords(warp.words, o, count, addresses, shared.bytes.data());
    } else {
      auto *load = loader(elementBytes(step.sub));
      for (uint32_t left = warp.active; left; left &= left - 1) {
        unsigned lane = __builtin_ctz(left);
        load(warp.words, o, count, lane, &shared.bytes[addresses[lane]]);
      }
    }
    distinct = served(sharing, warp.active, bytes);
  }
  Wavefronts fronts = countWavefronts(addresses, distinct, bytes);
  counters.sharedWavefronts += fronts.count;
  counters.sharedConflicts += fronts.count - fronts.ideal;
  return true;
}

bool Block::loadMatrix(Warp &warp, const Step &step) {
  // PTX ISA, "Warp-level matrix load instruction: ldmatrix": threads 8i to
  // 8i + 7 hold the addresses of the rows of matrix i. In register i thread t
  // receives row t / 4, elements 2 (t mod 4) and the next; with .trans the
  // matrix is loaded in column-major format, so that it receives rows
  // 2 (t mod 4) and the next of column t / 4.
  const uint32_t *o = context.code.operands.data() + step.operands;
  unsigned count = step.sub & 255;
  bool transpose = step.sub & 256;
  uint32_t addresses[warpLanes];
  std::memcpy(addresses, warp.words + o[count], sizeof(addresses));
  uint16_t matrix[8][8];
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned row = 0; row < 8; ++row) {
      unsigned lane = 8 * i + row;
      if (!checkShared(warp, step, lane, addresses[lane], 16))
        return false;
      // Other lanes than the one that has the address receive the row.
      if (Conflict conflict =
              shared.read(warp.number, wholeWarp, addresses[lane], 16))
        return fail(warp, step, lane, conflict);
      std::memcpy(matrix[row], &shared.bytes[addresses[lane]], 16);
    }
    uint32_t *to = warp.words + o[i];
    for (unsigned lane = 0; lane < warpLanes; ++lane) {
      unsigned row = lane / 4, column = 2 * (lane % 4);
      to[lane] = transpose
                     ? matrix[column][row] | matrix[column + 1][row] << 16
                     : matrix[row][column] | matrix[row][column + 1] << 16;
    }
  }
  uint32_t active = count == 4 ? ~uint32_t(0) : (1u << (8 * count)) - 1;
  Wavefronts fronts = countWavefronts(addresses, active, 16);
  counters.matrixWavefronts += fronts.count;
  counters.matrixConflicts += fronts.count - fronts.ideal;
  return true;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void Block::land(Copies &copies, uint32_t lanes) {
  for (uint32_t left = lanes; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    std::byte *to = &shared.bytes[copies.destination[lane]];
    uint32_t valid = copies.valid[lane];
    if (valid)
      std::memcpy(to, reinterpret_cast<const void *>(copies.source[lane]),
                  valid);
    std::memset(to + valid, 0, copies.bytes - valid);
  }
  copies.landed |= lanes;
}

bool Block::copyAsync(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  if (!warp.active)
    return true;
  Copies copies;
  copies.pending = warp.active;
  copies.landed = 0;
  copies.bytes = step.sub;
  copies.location = step.location;
  copies.group = warp.closedGroups;
  copies.fromWritable = false;
  std::memcpy(copies.destination.data(), warp.words + o[0], 4 * warpLanes);
  std::memcpy(copies.source.data(), warp.words + o[1], 8 * warpLanes);
  std::memcpy(copies.valid.data(), warp.words + o[2], 4 * warpLanes);

  uint32_t reading = 0;
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint32_t valid = copies.valid[lane], to = copies.destination[lane];
    if (valid > step.sub)
      return fail(warp, step, lane,
                  "has " + std::to_string(int32_t(valid)) + " valid bytes of " +
                      std::to_string(step.sub));
    if (!checkShared(warp, step, lane, to, step.sub))
      return false;
    if (Conflict conflict = shared.beginCopy(warp.number, lane, to, step.sub))
      return fail(warp, step, lane, conflict);
    if (!valid)
      continue;
    reading |= 1u << lane;
    uint64_t from = copies.source[lane];
    uint32_t &hint = hints[&step - context.code.steps.data()];
    if (from & (step.sub - 1))
      return fail(warp, step, lane,
                  "its source " + hex(from) + " is not aligned to " +
                      std::to_string(step.sub));
    const Buffer *buffer = context.memory.find(from, valid, hint);
    if (!buffer)
      return fail(warp, step, lane, context.memory.describeMiss(from, valid));
    copies.fromWritable |= buffer->writable;
    counters.copyBytes += valid;
  }
  writableCopies += copies.fromWritable;
  counters.copySectors += countSectors(copies.source.data(), reading);
  Wavefronts fronts =
      countWavefronts(copies.destination.data(), warp.active, step.sub);
  counters.copyWavefronts += fronts.count;
  counters.copyConflicts += fronts.count - fronts.ideal;
  warp.bytesInFlight += uint64_t(step.sub) * __builtin_popcount(warp.active);
  // Some land at once.
  uint64_t draw = random();
  if (draw >> 62)
    land(copies, copies.pending & uint32_t(draw));
  warp.copies.push_back(copies);
  return true;
}

bool Block::copyWait(Warp &warp, const Step &step) {
  ++counters.waits;
  counters.bytesAtWaits += warp.bytesInFlight;
  counters.mostBytesAtWait =
      std::max(counters.mostBytesAtWait, warp.bytesInFlight);
  uint64_t pendingGroups = step.immediate;
  for (Copies &copies : warp.copies) {
    // Groups that the lane closed after the one of the copy stay in flight, up
    // to the number given; an open group is not waited for.
    uint32_t done = 0;
    for (uint32_t left = copies.pending & warp.active; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      uint64_t newer = warp.closedGroups[lane] - copies.group[lane];
      if (newer > pendingGroups)
        done |= 1u << lane;
    }
    if (!done)
      continue;
    land(copies, done & ~copies.landed);
    shared.location = copies.location;
    for (uint32_t left = done; left; left &= left - 1) {
      unsigned lane = __builtin_ctz(left);
      shared.endCopy(warp.number, lane, copies.destination[lane], copies.bytes);
    }
    copies.pending &= ~done;
    warp.bytesInFlight -= uint64_t(copies.bytes) * __builtin_popcount(done);
    if (!copies.pending && copies.fromWritable)
      --writableCopies;
  }
  while (!warp.copies.empty() && !warp.copies.front().pending)
    warp.copies.pop_front();
  counters.bytesAfterWaits += warp.bytesInFlight;
  return true;
}
