//===- Block.cpp - Control, scheduling and barriers of a block ------------===//

#include "runtime/devices/emulated/Block.h"

#include <algorithm>
#include <cstring>

using namespace einfall::emulated;

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Code::Code(const Program &program)
    : operands(program.operands), words(program.words), masks(program.masks) {
  std::vector<uint32_t> open;
  std::vector<bool> scaled(operands.size());
  const LaneTable &lanes = laneTable();
  steps.reserve(program.code.size());
  for (const Instruction &inst : program.code) {
    Step step;
    step.opcode = inst.opcode;
    step.sub = inst.sub;
    step.kind = classOf(inst.opcode);
    step.converged = isConverged(inst.opcode);
    step.location = inst.location;
    step.immediate = inst.immediate;
    step.function = inst.opcode == Opcode::Mma
                        ? lanes.mma[inst.sub]
                        : lanes.function(inst.opcode, inst.sub);
    // Operands may be shared by instructions, so each gets its own.
    std::string letters = *signature(inst.opcode, inst.sub);
    step.operands = operands.size();
    for (size_t i = 0; i < letters.size(); ++i) {
      uint32_t operand = operands[inst.operands + i];
      bool mask = letters[i] == 'M' || letters[i] == 'm';
      operands.push_back(mask ? operand : operand * warpLanes);
    }
    uint32_t number = steps.size();
    switch (inst.opcode) {
    case Opcode::If:
    case Opcode::Loop32:
    case Opcode::Loop64:
      open.push_back(number);
      break;
    case Opcode::Else:
      steps[open.back()].partner = number;
      open.back() = number;
      break;
    case Opcode::EndIf:
    case Opcode::Next32:
    case Opcode::Next64:
      steps[open.back()].partner = number;
      step.partner = open.back();
      open.pop_back();
      break;
    case Opcode::LoadShared:
    case Opcode::StoreShared:
      granule = std::min<uint32_t>(granule, elementBytes(inst.sub) *
                                                elementCount(inst.sub));
      break;
    case Opcode::CopyAsync:
      granule = std::min<uint32_t>(granule, inst.sub);
      break;
    case Opcode::MBarrierInit:
      granule = std::min<uint32_t>(granule, 8);
      break;
    case Opcode::Fence:
      fences = true;
      break;
    default:
      break;
    }
    steps.push_back(step);
  }
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

Block::Block(const BlockContext &context)
    : context(context),
      shared(context.image.shared, context.image.threads / warpLanes,
             context.code.granule, context.code.fences),
      warps(context.image.threads / warpLanes), issues((warps.size() + 3) / 4),
      firstIssue(issues.size()), hints(context.code.steps.size()) {
  // Warps start at different lines of the cache's sets.
  // Six words more are for the fragments of products.
  size_t words = (size_t(context.code.words) + 6) * warpLanes;
  size_t perWarp = (words + context.code.masks + 31) / 16 * 16 + 16;
  storage.resize(perWarp * warps.size() + 16);
  uintptr_t start = reinterpret_cast<uintptr_t>(storage.data());
  uint32_t *aligned = storage.data() + ((64 - start % 64) % 64) / 4;
  for (size_t i = 0; i < warps.size(); ++i) {
    warps[i].number = i;
    warps[i].words = aligned + i * perWarp;
    warps[i].masks = warps[i].words + words;
  }
}

uint64_t Block::random() {
  // SplitMix64 (Steele, Lea and Flood 2014).
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

std::string Block::place(uint32_t location) const {
  const Location &at = context.image.locations[location];
  return at.place + ": " + at.operation;
}

bool Block::fail(const Warp &warp, const Step &step, int lane, std::string text,
                 std::vector<std::string> notes) {
  const Location &at = context.image.locations[step.location];
  message = Message{
      context.image.name,
      {int64_t(position[0]), int64_t(position[1]), int64_t(position[2])},
      int(warp.number),
      lane,
      at.operation,
      at.place,
      std::move(text),
      std::move(notes)};
  return false;
}

bool Block::fail(const Warp &warp, const Step &step, int lane,
                 const Conflict &conflict) {
  std::string bytes = "shared memory at " + std::to_string(conflict.address);
  std::string other = "warp " + std::to_string(conflict.warp);
  if (conflict.lane != wholeWarp)
    other += ", lane " + std::to_string(conflict.lane);
  std::string order = conflict.warp == warp.number ? "warp_barrier" : "barrier";
  std::string at = place(conflict.location);
  switch (conflict.kind) {
  case Conflict::None:
    return true;
  case Conflict::Uninitialized:
    return fail(warp, step, lane, "reads " + bytes + ", which nothing wrote");
  case Conflict::InFlight:
    for (const MBarrier &barrier : mbarriers)
      if (conflict.address - barrier.address < 8)
        return fail(warp, step, lane,
                    "touches " + bytes + ", which holds a barrier",
                    {at + ": makes it"});
    return fail(warp, step, lane,
                "touches " + bytes + " while a copy to it is in flight",
                {at + ": copies there", "a copy_wait has to come first"});
  case Conflict::ReadAfterWrite:
    return fail(warp, step, lane,
                "reads " + bytes + ", which " + other + " wrote with no " +
                    order + " between",
                {at + ": writes there"});
  case Conflict::WriteAfterWrite:
    return fail(warp, step, lane,
                "writes " + bytes + ", which " + other + " wrote with no " +
                    order + " between",
                {at + ": writes there"});
  case Conflict::NotAwaited:
    return fail(warp, step, lane,
                "touches " + bytes +
                    ", which a bulk copy brings, without having waited for "
                    "its barrier",
                {at + ": copies there"});
  case Conflict::NotFenced:
    return fail(warp, step, lane,
                "reads " + bytes + " asynchronously, which " + other +
                    " wrote with no fence after it",
                {at + ": writes there",
                 "a device.nv.fence async_shared of the writer, then a barrier "
                 "have to come between"});
  case Conflict::BeingRead:
    return fail(warp, step, lane,
                "writes " + bytes + " while it is read asynchronously",
                {at + ": reads there", "a wait for that has to come first"});
  case Conflict::WriteAfterRead:
    return fail(warp, step, lane,
                "writes " + bytes + ", which " + other + " reads with no " +
                    order + " between",
                {at + ": reads there"});
  }
  return false;
}

/// Registers that each thread has when a block starts: all of the
/// multiprocessor's, evenly, in units of 8 and at most 255.
static uint32_t initialRegisters(uint32_t threads) {
  return std::min<uint32_t>(255, 65536 / threads / 8 * 8);
}

std::optional<Message> Block::run(std::array<uint64_t, 3> at, uint64_t number) {
  position = at;
  state = context.launch.seed * 0xd1342543de82ef95 + number + 1;
  left = context.launch.limit ? context.launch.limit : ~uint64_t(0);
  message.reset();
  writableCopies = 0;
  shared.reset();
  for (Warp &warp : warps) {
    warp.state = State::Ready;
    warp.position = 0;
    warp.active = ~uint32_t(0);
    warp.regions.clear();
    warp.copies.clear();
    warp.bytesInFlight = 0;
    warp.closedGroups.fill(0);
    warp.closedBulkGroups.fill(0);
    warp.mbarrier = -1;
    warp.products.clear();
    warp.closedProducts = 0;
    warp.issuedProducts = 0;
    warp.unfenced = true;
    warp.registers = initialRegisters(context.image.threads);
    warp.wantsRegisters = false;
  }
  for (NamedBarrier &barrier : barriers)
    barrier.arrived = barrier.arrivedWarps = barrier.waitingWarps = 0;
  mbarriers.clear();
  bulk.clear();
  for (auto &issued : issues)
    issued.clear();
  std::fill(firstIssue.begin(), firstIssue.end(), 0);
  freeRegisters = 0;
  ++counters.blocks;

  for (;;) {
    unsigned ready[maxWarps], count = 0;
    bool waiting = false;
    for (Warp &warp : warps) {
      if (warp.state == State::Ready)
        ready[count++] = warp.number;
      waiting |= warp.state == State::Waiting;
    }
    if (count == 0) {
      if (waiting && landSome())
        continue;
      return waiting ? deadlock() : abandoned();
    }
    uint64_t draw = random();
    Warp &warp = warps[ready[(draw >> 32) % count]];
    // From a few instructions to thousands.
    runWarp(warp, 1 + ((draw & 0xffff) >> ((draw >> 16) % 14)));
    if (message)
      return message;
    if (!warp.copies.empty()) {
      Copies &copies = warp.copies[random() % warp.copies.size()];
      land(copies, copies.pending & ~copies.landed & uint32_t(random()));
    }
    if (!bulk.empty() && random() % 4 == 0)
      landSome();
    if (shared.exhausted())
      return fail(warp, context.code.steps[0], -1,
                  "passes too many barriers without one of the whole block"),
             message;
  }
}

std::optional<Message> Block::abandoned() {
  const Step &end = context.code.steps.back();
  for (unsigned i = 0; i < barrierCount; ++i)
    if (barriers[i].arrived)
      fail(warps[__builtin_ctz(barriers[i].arrivedWarps)], end, -1,
           "the block ends with " + std::to_string(barriers[i].arrived) +
               " of " + std::to_string(barriers[i].expected) +
               " threads arrived at barrier " + std::to_string(i));
  for (const BulkCopy &copy : bulk)
    if (!copy.landed || !copy.load)
      fail(warps[copy.warp], end, copy.lane,
           "the block ends while a bulk copy may still use its shared memory",
           {place(copy.location) + ": was not waited for"});
  for (const Warp &warp : warps)
    if (!warp.products.empty())
      fail(warp, end, -1, "the block ends with matrix products in flight",
           {place(warp.products.front().step->location) +
            ": was not waited for"});
  return message;
}

std::optional<Message> Block::deadlock() {
  std::optional<Message> first;
  for (const Warp &warp : warps) {
    if (warp.state != State::Waiting)
      continue;
    bool retries = warp.mbarrier >= 0 || warp.wantsRegisters;
    const Step &step =
        context.code.steps[retries ? warp.position : warp.position - 1];
    std::string text;
    if (warp.wantsRegisters) {
      text = "waits for registers, of which " + std::to_string(freeRegisters) +
             " are free";
    } else if (warp.mbarrier >= 0) {
      const MBarrier &barrier = mbarriers[warp.mbarrier];
      text = "waits for phase " + std::to_string(barrier.phase) +
             " of the barrier at " + std::to_string(barrier.address) +
             ", which lacks " + std::to_string(barrier.pending) +
             " arrivals and " + std::to_string(barrier.bytes) + " bytes";
    } else {
      const NamedBarrier &barrier = barriers[warp.barrier];
      text = "waits at barrier " + std::to_string(warp.barrier) + ", where " +
             std::to_string(barrier.arrived) + " of " +
             std::to_string(barrier.expected) + " threads arrived";
    }
    if (!first) {
      fail(warp, step, -1, "deadlock: " + text + " and no warp can go on");
      first = message;
    } else if (first->notes.size() < 8) {
      first->notes.push_back(place(step.location) + ": warp " +
                             std::to_string(warp.number) + " " + text);
    }
  }
  return first;
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

/// Lanes whose loop counter is below its bound.
template <typename T>
static uint32_t below(const uint32_t *words, const uint32_t *o) {
  const T *counter = reinterpret_cast<const T *>(words + o[0]);
  const T *bound = reinterpret_cast<const T *>(words + o[1]);
  uint32_t mask = 0;
  for (unsigned i = 0; i < warpLanes; ++i)
    mask |= uint32_t(counter[i] < bound[i]) << i;
  return mask;
}

/// Lanes whose step is not positive.
template <typename T>
static uint32_t notPositive(const uint32_t *words, const uint32_t *o) {
  const T *step = reinterpret_cast<const T *>(words + o[2]);
  uint32_t mask = 0;
  for (unsigned i = 0; i < warpLanes; ++i)
    mask |= uint32_t(step[i] <= 0) << i;
  return mask;
}

/// Advances active counters; one that would leave its type stops at its bound.
template <typename T>
static void count(uint32_t *words, const uint32_t *o, uint32_t active) {
  T *counter = reinterpret_cast<T *>(words + o[0]);
  const T *bound = reinterpret_cast<const T *>(words + o[1]);
  const T *step = reinterpret_cast<const T *>(words + o[2]);
  for (unsigned i = 0; i < warpLanes; ++i) {
    T next;
    if (__builtin_add_overflow(counter[i], step[i], &next))
      next = bound[i];
    counter[i] = active >> i & 1 ? next : counter[i];
  }
}

template <typename T> static void move(T *to, const T *from, uint32_t active) {
  if (active == ~uint32_t(0)) {
    std::memmove(to, from, warpLanes * sizeof(T));
    return;
  }
  for (unsigned i = 0; i < warpLanes; ++i)
    to[i] = active >> i & 1 ? from[i] : to[i];
}

template <typename T> static void fill(T *to, T value) {
  for (unsigned i = 0; i < warpLanes; ++i)
    to[i] = value;
}

static uint64_t *wide(uint32_t *words) {
  return reinterpret_cast<uint64_t *>(words);
}

void Block::runWarp(Warp &warp, uint64_t quota) {
  const Code &code = context.code;
  uint32_t *words = warp.words, *masks = warp.masks;
  uint32_t at = warp.position, active = warp.active;
  std::array<uint64_t, classCount> executed = {};
  if (quota > left)
    quota = left;
  uint64_t remaining = quota;

  auto enterLoop = [&](const Step &step, uint32_t go) {
    warp.regions.push_back({active, 0});
    active &= go;
    if (active)
      return;
    active = warp.regions.back().saved;
    warp.regions.pop_back();
    at = step.partner + 1;
  };
  auto nextLoop = [&](const Step &step, uint32_t go) {
    active &= go;
    if (active) {
      at = step.partner + 1;
      return;
    }
    active = warp.regions.back().saved;
    warp.regions.pop_back();
  };

  while (remaining && warp.state == State::Ready) {
    const Step &step = code.steps[at++];
    const uint32_t *o = code.operands.data() + step.operands;
    --remaining;
    ++executed[unsigned(step.kind)];
    if (step.converged && active != ~uint32_t(0)) {
      warp.active = active;
      fail(warp, step, __builtin_ctz(~active),
           "is reached by " + std::to_string(__builtin_popcount(active)) +
               " of 32 lanes; all have to come together");
      break;
    }
    if (step.function) {
      step.function(words, masks, o, uint32_t(step.immediate));
      continue;
    }
    switch (step.opcode) {
    case Opcode::Parameter32:
      fill(words + o[0], uint32_t(context.arguments[step.immediate]));
      continue;
    case Opcode::Parameter64:
      fill(wide(words + o[0]), context.arguments[step.immediate]);
      continue;
    case Opcode::Constant32:
      fill(words + o[0], uint32_t(step.immediate));
      continue;
    case Opcode::Constant64:
      fill(wide(words + o[0]), step.immediate);
      continue;
    case Opcode::ConstantMask:
      masks[o[0]] = step.immediate ? ~uint32_t(0) : 0;
      continue;
    case Opcode::Move32:
      move(words + o[0], words + o[1], active);
      continue;
    case Opcode::Move64:
      move(wide(words + o[0]), wide(words + o[1]), active);
      continue;
    case Opcode::MoveMask:
      masks[o[0]] = (masks[o[0]] & ~active) | (masks[o[1]] & active);
      continue;
    case Opcode::Thread:
      for (unsigned i = 0; i < warpLanes; ++i)
        words[o[0] + i] = warp.number * warpLanes + i;
      continue;
    case Opcode::Block:
      fill(words + o[0], uint32_t(position[step.sub]));
      continue;
    case Opcode::MmaShallow:
    case Opcode::MmaTf32:
      (step.opcode == Opcode::MmaTf32
           ? laneTable().mmaTf32
           : laneTable().mmaShallow[step.sub])(words, masks, o, 0);
      counters.matrixFlops -= 2048; // half of what its class counts below
      continue;

    case Opcode::If: {
      uint32_t taken = active & masks[o[0]];
      warp.regions.push_back({active, taken});
      active = taken;
      if (!active)
        at = step.partner;
      continue;
    }
    case Opcode::Else:
      active = warp.regions.back().saved & ~warp.regions.back().taken;
      if (!active)
        at = step.partner;
      continue;
    case Opcode::EndIf:
      active = warp.regions.back().saved;
      warp.regions.pop_back();
      continue;
    case Opcode::Loop32:
    case Opcode::Loop64: {
      bool narrow = step.opcode == Opcode::Loop32;
      uint32_t bad = active & (narrow ? notPositive<int32_t>(words, o)
                                      : notPositive<int64_t>(words, o));
      if (bad) {
        fail(warp, step, __builtin_ctz(bad), "has a step that is not positive");
        break;
      }
      enterLoop(step,
                narrow ? below<int32_t>(words, o) : below<int64_t>(words, o));
      continue;
    }
    case Opcode::Next32:
      count<int32_t>(words, o, active);
      nextLoop(step, below<int32_t>(words, o));
      continue;
    case Opcode::Next64:
      count<int64_t>(words, o, active);
      nextLoop(step, below<int64_t>(words, o));
      continue;
    case Opcode::Return:
      warp.state = State::Done;
      continue;
    default:
      warp.active = active;
      warp.position = at;
      if (execute(warp, step)) {
        // A wait that has to be tried again is counted when it succeeds.
        executed[unsigned(step.kind)] -= warp.position != at;
        at = warp.position;
        continue;
      }
    }
    break;
  }
  counters.matrixFlops += 4096 * executed[unsigned(Class::Mma)];
  for (unsigned i = 0; i < classCount; ++i)
    counters.instructions[i] += executed[i];
  left -= quota - remaining;
  warp.position = at;
  warp.active = active;
  if (!left && !message && warp.state == State::Ready)
    fail(warp, code.steps[at], -1,
         "the block executed " + std::to_string(context.launch.limit) +
             " instructions, the limit of the launch");
}

//===----------------------------------------------------------------------===//
// Division
//===----------------------------------------------------------------------===//

template <typename S, typename U> static U divideLane(Division kind, U a, U b) {
  S x = S(a), y = S(b);
  // The one signed quotient that no number of the type is wraps.
  bool wraps = y == -1;
  switch (kind) {
  case Division::Signed:
    return wraps ? U(0) - a : U(x / y);
  case Division::Unsigned:
    return a / b;
  case Division::RemainderSigned:
    return wraps ? 0 : U(x % y);
  case Division::RemainderUnsigned:
    return a % b;
  case Division::FloorSigned:
    return wraps ? U(0) - a : U(x / y - (x % y != 0 && (x < 0) != (y < 0)));
  case Division::CeilSigned:
    return wraps ? U(0) - a : U(x / y + (x % y != 0 && (x < 0) == (y < 0)));
  case Division::CeilUnsigned:
    return a / b + (a % b != 0);
  }
  return 0;
}

template <typename S, typename U>
static int divideLanes(Division kind, U *d, const U *x, const U *y,
                       uint32_t active) {
  for (unsigned i = 0; i < warpLanes; ++i) {
    if (y[i] == 0) {
      if (active >> i & 1)
        return i;
      d[i] = 0;
      continue;
    }
    d[i] = divideLane<S, U>(kind, x[i], y[i]);
  }
  return -1;
}

bool Block::divide(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  uint32_t *words = warp.words;
  Division kind = Division(step.sub);
  int lane =
      step.opcode == Opcode::Divide32
          ? divideLanes<int32_t>(kind, words + o[0], words + o[1], words + o[2],
                                 warp.active)
          : divideLanes<int64_t>(kind, wide(words + o[0]), wide(words + o[1]),
                                 wide(words + o[2]), warp.active);
  return lane < 0 || fail(warp, step, lane, "divides by zero");
}

//===----------------------------------------------------------------------===//
// Threads together
//===----------------------------------------------------------------------===//

bool Block::execute(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  shared.location = step.location;
  switch (step.opcode) {
  case Opcode::Divide32:
  case Opcode::Divide64:
    return divide(warp, step);
  case Opcode::LoadGlobal:
    return loadGlobal(warp, step);
  case Opcode::StoreGlobal:
    return storeGlobal(warp, step);
  case Opcode::LoadShared:
    return accessShared(warp, step, false);
  case Opcode::StoreShared:
    return accessShared(warp, step, true);
  case Opcode::CopyAsync:
    return copyAsync(warp, step);
  case Opcode::CopyCommit:
    for (unsigned i = 0; i < warpLanes; ++i)
      warp.closedGroups[i] += warp.active >> i & 1;
    return true;
  case Opcode::CopyWait:
    return copyWait(warp, step);
  case Opcode::Barrier:
    return arrive(warp, step, true);
  case Opcode::BarrierAny:
    return arrive(warp, step, true);
  case Opcode::Arrive:
    return arrive(warp, step, false);
  case Opcode::WarpBarrier:
    shared.advance(warp.number);
    return true;
  case Opcode::Shuffle:
    shuffle(warp, step);
    return true;
  case Opcode::Vote: {
    uint32_t votes = warp.masks[o[1]];
    bool holds = step.sub ? votes == ~uint32_t(0) : votes != 0;
    warp.masks[o[0]] = holds ? ~uint32_t(0) : 0;
    return true;
  }
  case Opcode::Uniform:
    fill(warp.words + o[0], warp.words[o[1]]);
    return true;
  case Opcode::LdMatrix:
    return loadMatrix(warp, step);
  case Opcode::StMatrix:
    return storeMatrix(warp, step);
  case Opcode::MBarrierInit:
    return makeMBarrier(warp, step);
  case Opcode::MBarrierArrive:
    return arriveMBarrier(warp, step, false);
  case Opcode::MBarrierExpect:
    return arriveMBarrier(warp, step, true);
  case Opcode::MBarrierWait:
    return waitMBarrier(warp, step);
  case Opcode::Fence:
    return fence(warp, step);
  case Opcode::BulkLoad:
    return bulkCopy(warp, step, true);
  case Opcode::BulkStore:
    return bulkCopy(warp, step, false);
  case Opcode::BulkCommit:
    for (unsigned i = 0; i < warpLanes; ++i)
      warp.closedBulkGroups[i] += warp.active >> i & 1;
    return true;
  case Opcode::BulkWait:
    return bulkWait(warp, step);
  case Opcode::Descriptor:
    for (unsigned i = 0; i < warpLanes; ++i)
      wide(warp.words + o[0])[i] =
          step.immediate | (warp.words[o[1] + i] >> 4 & 0x3fff);
    return true;
  case Opcode::Wgmma:
    return issueProduct(warp, step);
  case Opcode::WgmmaCommit:
    ++warp.closedProducts;
    return true;
  case Opcode::WgmmaWait:
    return waitProducts(warp, step);
  case Opcode::WgmmaFence:
    warp.unfenced = false;
    return true;
  case Opcode::SetMaxRegisters:
    return setRegisters(warp, step);
  default:
    return fail(warp, step, -1, "cannot be executed");
  }
}

void Block::shuffle(Warp &warp, const Step &step) {
  const uint32_t *o = context.code.operands.data() + step.operands;
  const uint32_t *operand = warp.words + o[2];
  uint32_t value[warpLanes];
  std::memcpy(value, warp.words + o[1], sizeof(value));
  for (uint32_t lane = 0; lane < warpLanes; ++lane) {
    uint32_t from = lane, by = operand[lane] % warpLanes;
    switch (ShuffleMode(step.sub)) {
    case ShuffleMode::Xor:
      from = lane ^ by;
      break;
    case ShuffleMode::Index:
      from = by;
      break;
    case ShuffleMode::Up:
      from = lane - by;
      break;
    case ShuffleMode::Down:
      from = lane + by;
      break;
    }
    warp.words[o[0] + lane] = value[from < warpLanes ? from : lane];
  }
}

bool Block::arrive(Warp &warp, const Step &step, bool waits) {
  NamedBarrier &barrier = barriers[step.sub];
  uint32_t threads =
      step.immediate ? uint32_t(step.immediate) : context.image.threads;
  std::string name = "barrier " + std::to_string(step.sub);
  if (barrier.arrived && barrier.expected != threads)
    return fail(warp, step, -1,
                "expects " + std::to_string(threads) + " threads at " + name +
                    ", where others expect " +
                    std::to_string(barrier.expected));
  if (barrier.arrivedWarps >> warp.number & 1)
    return fail(warp, step, -1,
                "arrives a second time at " + name + ", where " +
                    std::to_string(barrier.arrived) + " of " +
                    std::to_string(barrier.expected) + " threads arrived");
  if (!barrier.arrived) {
    barrier.expected = threads;
    barrier.joined.clear();
    barrier.any = false;
  }
  shared.bring(warp.number, barrier.joined, /*meets=*/true);
  barrier.arrived += warpLanes;
  barrier.arrivedWarps |= 1u << warp.number;
  if (waits) {
    barrier.waitingWarps |= 1u << warp.number;
    warp.state = State::Waiting;
    warp.barrier = step.sub;
    warp.tells = -1;
    if (step.opcode == Opcode::BarrierAny) {
      const uint32_t *o = context.code.operands.data() + step.operands;
      warp.tells = int(o[0]);
      barrier.any |= warp.masks[o[1]] != 0;
    }
  }
  if (barrier.arrived < barrier.expected)
    return true;
  for (Warp &other : warps)
    if (barrier.waitingWarps >> other.number & 1) {
      shared.take(other.number, barrier.joined);
      other.state = State::Ready;
      if (other.tells >= 0)
        other.masks[other.tells] = barrier.any ? ~uint32_t(0) : 0;
    }
  if (__builtin_popcount(barrier.waitingWarps) == int(warps.size()))
    shared.settle();
  barrier.arrived = barrier.arrivedWarps = barrier.waitingWarps = 0;
  return true;
}
