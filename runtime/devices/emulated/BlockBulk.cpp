//===- BlockBulk.cpp - Barriers in shared memory, copies of boxes ---------===//
//
// PTX ISA, "Parallel synchronization and communication instructions: mbarrier"
// and "Data movement and conversion instructions: cp.async.bulk.tensor".
//
//===----------------------------------------------------------------------===//

#include "runtime/devices/emulated/Block.h"

#include <algorithm>
#include <cstring>

using namespace einfall::emulated;

/// PTX ISA, "Swizzling modes": with w = 32, 64 or 128 bytes, one, two or three
/// bits from bit 4 are exclusive-ored with as many from bit 7.
static uint32_t swizzled(uint32_t address, uint32_t width) {
  uint32_t bits = width ? width / 16 - 1 : 0;
  return address ^ (address >> 3 & bits << 4);
}

//===----------------------------------------------------------------------===//
// Barriers in shared memory
//===----------------------------------------------------------------------===//

bool Block::makeMBarrier(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint32_t address = warp.words[o[0] + lane];
    if (!checkShared(warp, step, lane, address, 8))
      return false;
    if (mbarriers.size() == maxMBarriers)
      return fail(warp, step, lane,
                  "the block has " + std::to_string(maxMBarriers) +
                      " barriers in shared memory; more are not emulated");
    if (Conflict conflict = shared.beginBarrier(warp.number, lane, address))
      return fail(warp, step, lane, conflict);
    MBarrier barrier;
    barrier.address = address;
    barrier.count = barrier.pending = step.immediate;
    barrier.warp = warp.number;
    barrier.lane = lane;
    barrier.clock = shared.clockOf(warp.number);
    barrier.location = step.location;
    barrier.joined.clear();
    barrier.completed.clear();
    mbarriers.push_back(barrier);
  }
  return true;
}

int Block::findMBarrier(Warp &warp, const Step &step, unsigned lane,
                        uint32_t address) {
  for (size_t i = 0; i < mbarriers.size(); ++i) {
    const MBarrier &barrier = mbarriers[i];
    if (barrier.address != address)
      continue;
    if (shared.isEarlier(warp.number, lane, barrier.warp, barrier.lane,
                         barrier.clock))
      return i;
    fail(warp, step, lane,
         "uses the barrier at " + std::to_string(address) + ", which warp " +
             std::to_string(barrier.warp) + ", lane " +
             std::to_string(barrier.lane) + " makes with no barrier between",
         {place(barrier.location) + ": makes it"});
    return -1;
  }
  fail(warp, step, lane,
       "there is no barrier at " + std::to_string(address) +
           " of shared memory");
  return -1;
}

void Block::completePhase(unsigned number) {
  MBarrier &barrier = mbarriers[number];
  if (barrier.pending || barrier.bytes)
    return;
  ++barrier.phase;
  barrier.pending = barrier.count;
  barrier.joined.clocks[maxWarps + number] = barrier.phase;
  barrier.completed = barrier.joined;
  for (Warp &warp : warps)
    if (warp.mbarrier == int(number)) {
      warp.mbarrier = -1;
      warp.state = State::Ready;
    }
}

bool Block::arriveMBarrier(Warp &warp, const Step &step, bool expects) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  int last = -1;
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    int number = findMBarrier(warp, step, lane, warp.words[o[0] + lane]);
    if (number < 0)
      return false;
    MBarrier &barrier = mbarriers[number];
    if (!barrier.pending)
      return fail(warp, step, lane,
                  "arrives at the barrier at " +
                      std::to_string(barrier.address) + ", where all " +
                      std::to_string(barrier.count) +
                      " arrivals of the phase were made");
    if (number != last)
      shared.bring(warp.number, barrier.joined, /*meets=*/false);
    last = number;
    if (expects)
      barrier.bytes += warp.words[o[1] + lane];
    --barrier.pending;
    completePhase(number);
  }
  return true;
}

bool Block::waitMBarrier(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  uint32_t done = 0;
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    int number = findMBarrier(warp, step, lane, warp.words[o[0] + lane]);
    if (number < 0)
      return false;
    // The phase of this parity has completed when the present one is of the
    // other.
    if ((mbarriers[number].phase & 1) == (warp.words[o[1] + lane] & 1)) {
      warp.state = State::Waiting;
      warp.mbarrier = number;
      --warp.position;
      return true;
    }
    done |= 1u << number;
  }
  for (; done; done &= done - 1)
    shared.take(warp.number, mbarriers[__builtin_ctz(done)].completed);
  return true;
}

bool Block::fence(Warp &warp, const Step &step) {
  if (step.sub) {
    shared.fence(warp.number, warp.active);
    return true;
  }
  for (MBarrier &barrier : mbarriers)
    if (barrier.warp == warp.number && (warp.active >> barrier.lane & 1))
      barrier.fenced = true;
  return true;
}

//===----------------------------------------------------------------------===//
// Copies of boxes
//===----------------------------------------------------------------------===//

template <typename Row>
bool Block::forRows(const BulkCopy &copy, Row row) const {
  const MapShape &shape = context.image.maps[copy.map];
  const TensorMap &map = context.maps[copy.map];
  uint32_t size = shape.elementBytes, rowBytes = shape.box[0] * size;
  uint32_t rows = shape.boxBytes() / rowBytes;
  // Of the innermost dimension, what lies in the tensor.
  int64_t x = copy.coordinates[0];
  int64_t first = std::clamp<int64_t>(-x, 0, shape.box[0]);
  int64_t last =
      std::clamp<int64_t>(int64_t(map.extents[0]) - x, first, shape.box[0]);
  for (uint32_t r = 0; r < rows; ++r) {
    uint64_t address = map.base + x * int64_t(size);
    bool inside = true;
    uint32_t index = r;
    for (unsigned d = 1; d < shape.dimensions; ++d) {
      int64_t at = copy.coordinates[d] + int64_t(index % shape.box[d]);
      index /= shape.box[d];
      inside &= at >= 0 && uint64_t(at) < map.extents[d];
      address += uint64_t(at) * map.strides[d - 1];
    }
    if (!row(address, r * rowBytes, inside ? first * size : 0,
             inside ? last * size : 0))
      return false;
  }
  return true;
}

bool Block::bulkCopy(Warp &warp, const Step &step, bool load) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  const MapShape &shape = context.image.maps[step.immediate];
  uint32_t bytes = shape.boxBytes(), alignment = shape.swizzle ? 1024 : 128;
  for (uint32_t left = warp.active; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    BulkCopy copy;
    copy.load = load;
    copy.map = step.immediate;
    copy.coordinates.fill(0);
    for (unsigned d = 0; d < step.sub; ++d)
      copy.coordinates[d] = int32_t(warp.words[o[d] + lane]);
    copy.address = warp.words[o[step.sub] + lane];
    copy.warp = warp.number;
    copy.lane = lane;
    copy.group = warp.closedBulkGroups[lane];
    copy.location = step.location;
    if (copy.address % alignment)
      return fail(warp, step, lane,
                  "the box at " + std::to_string(copy.address) +
                      " of shared memory is not aligned to " +
                      std::to_string(alignment));
    if (uint64_t(copy.address) + bytes > shared.bytes.size())
      return fail(warp, step, lane,
                  "the box of " + std::to_string(bytes) + " bytes at " +
                      std::to_string(copy.address) +
                      " of shared memory lies outside its " +
                      std::to_string(shared.bytes.size()) + " bytes");
    if (load) {
      int number =
          findMBarrier(warp, step, lane, warp.words[o[step.sub + 1] + lane]);
      if (number < 0)
        return false;
      copy.mbarrier = number;
      if (!mbarriers[number].fenced)
        return fail(warp, step, lane,
                    "uses the barrier at " +
                        std::to_string(mbarriers[number].address) +
                        ", which was made with no fence after it",
                    {place(mbarriers[number].location) + ": makes it",
                     "a device.nv.fence mbarrier_init has to come after it"});
    }
    uint32_t &hint = hints[&step - context.code.steps.data()];
    uint64_t touched = 0, sectors = 0;
    bool inside = forRows(copy, [&](uint64_t address, uint32_t, uint32_t first,
                                    uint32_t last) {
      if (first == last)
        return true;
      const Buffer *buffer =
          context.memory.find(address + first, last - first, hint);
      if (!buffer)
        return fail(warp, step, lane,
                    context.memory.describeMiss(address + first, last - first));
      if (!load && !buffer->writable)
        return fail(warp, step, lane,
                    "writes buffer `" + buffer->name +
                        "`, which the launch only reads");
      touched += last - first;
      sectors += (address + last - 1) / 32 - (address + first) / 32 + 1;
      return true;
    });
    if (!inside)
      return false;
    Conflict conflict =
        load ? shared.beginCopy(warp.number, lane, copy.address, bytes)
             : shared.beginRead(warp.number, copy.address, bytes);
    if (conflict)
      return fail(warp, step, lane, conflict);
    (load ? counters.copyBytes : counters.storeBytes) += touched;
    (load ? counters.copySectors : counters.storeSectors) += sectors;
    bulk.push_back(copy);
    if (random() % 4 == 0)
      landSome();
  }
  return true;
}

void Block::land(BulkCopy &copy) {
  const MapShape &shape = context.image.maps[copy.map];
  uint32_t rowBytes = shape.box[0] * shape.elementBytes;
  std::vector<std::byte> line(rowBytes);
  copy.landed = true;
  forRows(copy, [&](uint64_t address, uint32_t offset, uint32_t first,
                    uint32_t last) {
    auto chunk = [&](uint32_t at) {
      return &shared.bytes[swizzled(copy.address + offset + at, shape.swizzle)];
    };
    auto *global = reinterpret_cast<std::byte *>(address);
    if (copy.load) {
      std::fill(line.begin(), line.end(), std::byte(0));
      if (first != last)
        std::memcpy(line.data() + first, global + first, last - first);
      for (uint32_t at = 0; at < rowBytes; at += 16)
        std::memcpy(chunk(at), line.data() + at, 16);
    } else {
      for (uint32_t at = 0; at < rowBytes; at += 16)
        std::memcpy(line.data() + at, chunk(at), 16);
      if (first != last)
        std::memcpy(global + first, line.data() + first, last - first);
    }
    return true;
  });
  if (!copy.load)
    return;
  MBarrier &barrier = mbarriers[copy.mbarrier];
  shared.location = copy.location;
  shared.endBulkCopy(copy.mbarrier, barrier.phase + 1, copy.address,
                     shape.boxBytes());
  barrier.bytes -= int64_t(shape.boxBytes());
  completePhase(copy.mbarrier);
}

bool Block::landSome() {
  std::vector<size_t> flying;
  for (size_t i = 0; i < bulk.size(); ++i)
    if (!bulk[i].landed)
      flying.push_back(i);
  if (flying.empty())
    return false;
  size_t number = flying[random() % flying.size()];
  land(bulk[number]);
  // Stores stay until they are waited for.
  if (bulk[number].load)
    bulk.erase(bulk.begin() + number);
  return true;
}

bool Block::bulkWait(Warp &warp, const Step &step) {
  for (size_t i = 0; i < bulk.size();) {
    BulkCopy &copy = bulk[i];
    bool mine = !copy.load && copy.warp == warp.number &&
                (warp.active >> copy.lane & 1) &&
                warp.closedBulkGroups[copy.lane] - copy.group > step.immediate;
    if (!mine) {
      ++i;
      continue;
    }
    if (!copy.landed)
      land(copy);
    shared.endRead(warp.number, copy.address,
                   context.image.maps[copy.map].boxBytes());
    bulk.erase(bulk.begin() + i);
  }
  return true;
}
