//===- SharedMemory.cpp - Shadow state, clocks and banks ------------------===//

#include "runtime/devices/emulated/SharedMemory.h"

#include <algorithm>

using namespace einfall::emulated;

SharedMemory::SharedMemory(uint32_t size, unsigned warps, uint32_t granule)
    : bytes(size), warps(warps), shift(__builtin_ctz(granule)),
      granules((size + granule - 1) / granule), written(granules),
      readBy(size_t(granules) * warps), readAt(granules),
      writeLocation(granules), readLocation(granules) {
  reset();
}

void SharedMemory::reset() {
  // What an earlier block left must not look like data.
  std::fill(bytes.begin(), bytes.end(), std::byte(0xff));
  std::fill(written.begin(), written.end(), 0);
  std::fill(readBy.begin(), readBy.end(), 0);
  std::fill(readAt.begin(), readAt.end(), 0);
  clock.fill(1);
  for (Clocks &of : known)
    of.fill(0);
  time = settledTime = 1;
  settled = 0;
  anyExhausted = false;
}

bool SharedMemory::ordered(unsigned warp, unsigned lane, unsigned otherWarp,
                           unsigned otherLane, uint32_t otherClock) const {
  if (otherWarp != warp)
    return otherClock <= known[warp][otherWarp];
  return otherClock < clock[warp] || (otherLane == lane && lane != wholeWarp);
}

Conflict SharedMemory::readSlowly(unsigned warp, unsigned lane, uint32_t g) {
  uint32_t stamp = written[g], address = g << shift;
  if (stamp == 0)
    return {Conflict::Uninitialized, address};
  if (stamp == inFlight)
    return {Conflict::InFlight, address, 0, 0, writeLocation[g]};
  unsigned otherLane = stamp & ((1 << laneBits) - 1);
  unsigned otherWarp = stamp >> laneBits & ((1 << warpBits) - 1);
  if (ordered(warp, lane, otherWarp, otherLane, stamp >> (laneBits + warpBits)))
    return {};
  return {Conflict::ReadAfterWrite, address, otherWarp, otherLane,
          writeLocation[g]};
}

Conflict SharedMemory::writeSlowly(unsigned warp, unsigned lane, uint32_t g) {
  uint32_t stamp = written[g], address = g << shift;
  if (stamp == inFlight)
    return {Conflict::InFlight, address, 0, 0, writeLocation[g]};
  unsigned otherLane = stamp & ((1 << laneBits) - 1);
  unsigned otherWarp = stamp >> laneBits & ((1 << warpBits) - 1);
  if (stamp && !ordered(warp, lane, otherWarp, otherLane,
                        stamp >> (laneBits + warpBits)))
    return {Conflict::WriteAfterWrite, address, otherWarp, otherLane,
            writeLocation[g]};
  if (readAt[g] < settledTime)
    return {};
  for (unsigned other = 0; other < warps; ++other) {
    uint32_t read = readBy[size_t(other) * granules + g];
    unsigned by = read & ((1 << laneBits) - 1);
    if (read && !ordered(warp, lane, other, by, read >> laneBits))
      return {Conflict::WriteAfterRead, address, other, by, readLocation[g]};
  }
  return {};
}

Conflict SharedMemory::beginCopy(unsigned warp, unsigned lane, uint32_t address,
                                 uint32_t size) {
  if (Conflict conflict = write(warp, lane, address, size))
    return conflict;
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g)
    written[g] = inFlight;
  return {};
}

void SharedMemory::endCopy(unsigned warp, unsigned lane, uint32_t address,
                           uint32_t size) {
  uint32_t stamp = make(warp, lane).write;
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g)
    written[g] = stamp;
}

void SharedMemory::advance(unsigned warp) {
  if (clock[warp] >= maxClock)
    anyExhausted = true;
  else
    ++clock[warp];
}

void SharedMemory::bring(unsigned warp, Clocks &joined) {
  for (unsigned other = 0; other < warps; ++other)
    joined[other] = std::max(joined[other], known[warp][other]);
  joined[warp] = clock[warp];
  advance(warp);
}

void SharedMemory::take(unsigned warp, const Clocks &joined) {
  for (unsigned other = 0; other < warps; ++other)
    known[warp][other] = std::max(known[warp][other], joined[other]);
}

void SharedMemory::settle() {
  settledTime = ++time;
  uint32_t least = ~uint32_t(0), most = 0;
  for (unsigned warp = 0; warp < warps; ++warp) {
    // All that is known of the warp by all: its clocks before the present.
    least = std::min(least, clock[warp] - 1);
    most = std::max(most, clock[warp]);
  }
  settled = ((least + 1) << (laneBits + warpBits)) - 1;
  if (most < maxClock / 2)
    return;
  // Start clocks again: everything so far is earlier, and known to be.
  for (uint32_t &stamp : written)
    if (stamp && stamp != inFlight)
      stamp = 1u << (laneBits + warpBits);
  std::fill(readBy.begin(), readBy.end(), 0);
  clock.fill(2);
  for (Clocks &of : known)
    of.fill(1);
  settled = (2u << (laneBits + warpBits)) - 1;
}

Wavefronts einfall::emulated::countWavefronts(const uint32_t *addresses,
                                              uint32_t active, unsigned bytes) {
  unsigned unit = std::max(4u, bytes);
  unsigned unitShift = __builtin_ctz(unit);
  // A phase serves 128 bytes: groups of `unit / 4` banks, one for each lane.
  unsigned lanes = 128 / unit;
  Wavefronts result;
  for (unsigned start = 0; start < warpLanes; start += lanes) {
    uint32_t phase = active >> start;
    if (lanes < 32)
      phase &= (1u << lanes) - 1;
    if (!phase)
      continue;
    uint32_t seen[warpLanes];
    uint8_t of[warpLanes] = {};
    unsigned distinct = 0, most = 0;
    for (uint32_t left = phase; left; left &= left - 1) {
      uint32_t word = addresses[start + __builtin_ctz(left)] >> unitShift;
      bool known = false;
      if (of[word & (lanes - 1)])
        for (unsigned i = 0; i < distinct && !known; ++i)
          known = seen[i] == word;
      if (known)
        continue;
      seen[distinct++] = word;
      most = std::max<unsigned>(most, ++of[word & (lanes - 1)]);
    }
    result.count += most;
    // `distinct` units could have been spread over all groups of banks.
    result.ideal += (distinct + lanes - 1) / lanes;
  }
  return result;
}
