//===- SharedMemory.cpp - Shadow state, clocks and banks ------------------===//

#include "runtime/devices/emulated/SharedMemory.h"

#include <algorithm>

using namespace einfall::emulated;

SharedMemory::SharedMemory(uint32_t size, unsigned warps, uint32_t granule,
                           bool fences)
    : bytes(size), warps(warps), shift(__builtin_ctz(granule)), fences(fences),
      granules((size + granule - 1) / granule), known(warps), written(granules),
      readBy(size_t(granules) * warps), readAt(granules),
      writeLocation(granules), readLocation(granules), readers(granules) {
  reset();
}

void SharedMemory::reset() {
  // What an earlier block left must not look like data.
  std::fill(bytes.begin(), bytes.end(), std::byte(0xff));
  std::fill(written.begin(), written.end(), 0);
  std::fill(readBy.begin(), readBy.end(), 0);
  std::fill(readAt.begin(), readAt.end(), 0);
  std::fill(readers.begin(), readers.end(), 0);
  readersInFlight = 0;
  clock.fill(1);
  met.fill(1);
  for (Knowledge &of : known)
    of.clear();
  time = settledTime = 1;
  settled = 0;
  anyExhausted = false;
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

bool SharedMemory::ordered(unsigned warp, unsigned lane, unsigned otherWarp,
                           unsigned otherLane, uint32_t otherClock) const {
  if (otherWarp != warp)
    return otherClock <= known[warp].clocks[otherWarp];
  return otherClock < met[warp] || (otherLane == lane && lane != wholeWarp);
}

Conflict SharedMemory::readSlowly(unsigned warp, unsigned lane, uint32_t g) {
  uint32_t stamp = written[g], address = g << shift;
  if (stamp == 0)
    return {Conflict::Uninitialized, address};
  if (stamp == inFlight)
    return {Conflict::InFlight, address, 0, 0, writeLocation[g]};
  unsigned otherLane = stamp & mask(laneBits);
  unsigned other = stamp >> laneBits & mask(warpBits);
  uint32_t at = (stamp & ~ofBarrier) >> (laneBits + warpBits);
  if (stamp & ofBarrier) {
    if (at <= known[warp].clocks[maxWarps + other])
      return {};
    return {Conflict::NotAwaited, address, 0, 0, writeLocation[g]};
  }
  if (ordered(warp, lane, other, otherLane, at))
    return {};
  return {Conflict::ReadAfterWrite, address, other, otherLane,
          writeLocation[g]};
}

Conflict SharedMemory::writeSlowly(unsigned warp, unsigned lane, uint32_t g) {
  uint32_t stamp = written[g], address = g << shift;
  if (readers[g])
    return {Conflict::BeingRead, address, 0, 0, readLocation[g]};
  // To overwrite is as to read, but for what nothing wrote.
  if (stamp)
    if (Conflict conflict = readSlowly(warp, lane, g)) {
      if (conflict.kind == Conflict::ReadAfterWrite)
        conflict.kind = Conflict::WriteAfterWrite;
      return conflict;
    }
  if (readAt[g] < settledTime)
    return {};
  for (unsigned other = 0; other < warps; ++other) {
    uint32_t read = readBy[size_t(other) * granules + g];
    unsigned by = read & mask(laneBits);
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

void SharedMemory::endBulkCopy(unsigned mbarrier, uint32_t phase,
                               uint32_t address, uint32_t size) {
  if (phase > maxClock)
    anyExhausted = true;
  uint32_t stamp = ofBarrier | ((phase << warpBits) | mbarrier) << laneBits;
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g)
    written[g] = stamp;
}

Conflict SharedMemory::beginBarrier(unsigned warp, unsigned lane,
                                    uint32_t address) {
  return beginCopy(warp, lane, address, 8);
}

//===----------------------------------------------------------------------===//
// Asynchronous reads
//===----------------------------------------------------------------------===//

Conflict SharedMemory::beginRead(unsigned warp, uint32_t address,
                                 uint32_t size) {
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g) {
    if (Conflict conflict = readSlowly(warp, wholeWarp, g))
      return conflict;
    uint32_t stamp = written[g];
    if (stamp & ofBarrier)
      continue;
    unsigned lane = stamp & mask(laneBits);
    unsigned other = stamp >> laneBits & mask(warpBits);
    uint32_t at = stamp >> (laneBits + warpBits);
    // What the warp wrote as a whole needs the fences of all of its lanes.
    const uint32_t *fenced = &known[warp].fenced[other * warpLanes];
    bool isFenced = lane == wholeWarp
                        ? *std::min_element(fenced, fenced + warpLanes) >= at
                        : fenced[lane] >= at;
    if (!isFenced)
      return {Conflict::NotFenced, g << shift, other, lane, writeLocation[g]};
  }
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g) {
    ++readers[g];
    ++readersInFlight;
    readLocation[g] = location;
  }
  return {};
}

void SharedMemory::endRead(unsigned warp, uint32_t address, uint32_t size) {
  uint32_t stamp = make(warp, wholeWarp).read;
  for (uint32_t g = address >> shift; g <= (address + size - 1) >> shift; ++g) {
    --readers[g];
    --readersInFlight;
    readBy[size_t(warp) * granules + g] = stamp;
    readAt[g] = time;
  }
}

void SharedMemory::fence(unsigned warp, uint32_t lanes) {
  for (unsigned lane = 0; lane < warpLanes; ++lane)
    if (lanes >> lane & 1)
      known[warp].fenced[warp * warpLanes + lane] = clock[warp];
  tick(warp);
}

//===----------------------------------------------------------------------===//
// Clocks
//===----------------------------------------------------------------------===//

void SharedMemory::tick(unsigned warp) {
  if (clock[warp] >= maxClock)
    anyExhausted = true;
  else
    ++clock[warp];
}

void SharedMemory::advance(unsigned warp) {
  tick(warp);
  met[warp] = clock[warp];
}

void SharedMemory::bring(unsigned warp, Knowledge &joined, bool meets) {
  joined.add(known[warp], fences);
  joined.clocks[warp] = clock[warp];
  tick(warp);
  if (meets)
    met[warp] = clock[warp];
}

void SharedMemory::take(unsigned warp, const Knowledge &joined) {
  known[warp].add(joined, fences);
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
  // With fences, stamps keep their clocks for them.
  if (most < maxClock / 2 || fences)
    return;
  // Start clocks again: everything so far is earlier, and known to be.
  for (uint32_t &stamp : written)
    if (stamp && stamp != inFlight)
      stamp = 1u << (laneBits + warpBits);
  std::fill(readBy.begin(), readBy.end(), 0);
  clock.fill(2);
  met.fill(2);
  for (Knowledge &of : known)
    std::fill_n(of.clocks.begin(), maxWarps, 1);
  settled = (2u << (laneBits + warpBits)) - 1;
}

//===----------------------------------------------------------------------===//
// Banks
//===----------------------------------------------------------------------===//

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
    // Most often every lane has a group of its own.
    uint32_t groups = 0;
    for (uint32_t left = phase; left; left &= left - 1)
      groups |= 1u << ((addresses[start + __builtin_ctz(left)] >> unitShift) &
                       (lanes - 1));
    if (groups == phase ||
        __builtin_popcount(groups) == __builtin_popcount(phase)) {
      ++result.count;
      ++result.ideal;
      continue;
    }
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
