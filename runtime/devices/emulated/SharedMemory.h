//===- SharedMemory.h - A block's shared memory and its shadow --*- C++ -*-===//
//
// Bytes, and beside them what is known of each *granule* (the smallest access
// that the image makes: 1 to 16 bytes): who wrote it last and who read it, and
// whether a copy is still to land there. What orders accesses is kept as vector
// clocks (as in FastTrack, Flanagan and Freund 2009), with warps as processes:
//
//   * a warp's clock advances when it passes a barrier, so an access is known
//   by
//     its warp, lane and clock;
//   * a barrier joins the clocks of those that arrived; those that wait learn
//     the join;
//   * two lanes of one warp are ordered when they met between: at a
//     warp_barrier or a barrier. A fence, or an arrival at a barrier in shared
//     memory, advances the clock alone.
//
// Asynchronous machinery (sm_90a) adds to this:
//
//   * a barrier in shared memory is a process of its own, whose clock is its
//     phase: what a bulk copy brought is the barrier's write, and a warp that
//     waited for the phase knows it;
//   * asynchronous reads (of matrix products and bulk stores) need the writes
//   of
//     threads to be *fenced*: for each lane the clock up to which it was, which
//     barriers hand on like clocks;
//   * a granule that an asynchronous read in flight reads may not be written.
//
// An access is a race if what it conflicts with is not known to be earlier,
// whatever the order in which they happened here.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_SHAREDMEMORY_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_SHAREDMEMORY_H

#include "runtime/devices/emulated/Program.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace einfall::emulated {

inline constexpr unsigned maxWarps = maxThreads / warpLanes;

/// Barriers in shared memory that a block may have.
inline constexpr unsigned maxMBarriers = 32;

/// What a warp knows: accesses of each warp up to this clock are earlier (of
/// itself those before its present clock), then the same of barriers in shared
/// memory; and up to which clock each lane's writes are fenced.
struct Knowledge {
  std::array<uint32_t, maxWarps + maxMBarriers> clocks;
  std::array<uint32_t, maxThreads> fenced;

  void clear() {
    clocks.fill(0);
    fenced.fill(0);
  }
  /// With `fences`, what is fenced as well.
  void add(const Knowledge &other, bool fences) {
    for (unsigned i = 0; i < clocks.size(); ++i)
      clocks[i] = std::max(clocks[i], other.clocks[i]);
    if (fences)
      for (unsigned i = 0; i < fenced.size(); ++i)
        fenced[i] = std::max(fenced[i], other.fenced[i]);
  }
};

/// A lane of 32 stands for the warp as a whole.
inline constexpr unsigned wholeWarp = 32;

/// What is wrong with an access; `warp`, `lane` made the other one.
struct Conflict {
  enum Kind {
    None,
    Uninitialized,
    InFlight,
    ReadAfterWrite,
    WriteAfterWrite,
    WriteAfterRead,
    /// A bulk copy brought it, and its barrier was not waited for.
    NotAwaited,
    /// Asynchronous machinery reads what a thread wrote without a fence.
    NotFenced,
    /// Asynchronous machinery still reads it.
    BeingRead,
  } kind = None;
  uint32_t address = 0;
  unsigned warp = 0, lane = 0;
  /// Location of the other access.
  uint32_t location = 0;
  explicit operator bool() const { return kind != None; }
};

class SharedMemory {
public:
  /// Memory of `bytes` for `warps` warps, accessed in multiples of `granule`.
  /// `fences`: the image has fences, so they are kept track of.
  SharedMemory(uint32_t bytes, unsigned warps, uint32_t granule, bool fences);

  /// Forgets everything, for the next block.
  void reset();

  /// Records an access of a lane (or of wholeWarp) to `bytes` at `address`,
  /// which lie inside and are aligned.
  Conflict read(unsigned warp, unsigned lane, uint32_t address,
                uint32_t bytes) {
    Stamp stamp = make(warp, lane);
    uint32_t first = address >> shift, last = (address + bytes - 1) >> shift;
    uint32_t *reads = &readBy[size_t(warp) * granules];
    for (uint32_t g = first; g <= last; ++g) {
      if (__builtin_expect(written[g] - 1 >= settled, 0))
        if (Conflict conflict = readSlowly(warp, lane, g))
          return conflict;
      // Reads of several lanes that nothing orders are the warp's.
      uint32_t old = reads[g];
      reads[g] =
          old >> laneBits >= met[warp] && (old ^ stamp.read) & mask(laneBits)
              ? clock[warp] << laneBits | wholeWarp
              : stamp.read;
      readAt[g] = time;
      readLocation[g] = location;
    }
    return {};
  }
  Conflict write(unsigned warp, unsigned lane, uint32_t address,
                 uint32_t bytes) {
    Stamp stamp = make(warp, lane);
    uint32_t first = address >> shift, last = (address + bytes - 1) >> shift;
    for (uint32_t g = first; g <= last; ++g) {
      if (__builtin_expect((written[g] && written[g] - 1 >= settled) ||
                               readAt[g] >= settledTime || readersInFlight,
                           0))
        if (Conflict conflict = writeSlowly(warp, lane, g))
          return conflict;
      written[g] = stamp.write;
      writeLocation[g] = location;
    }
    return {};
  }
  /// A copy starts: its destination is the lane's to write.
  Conflict beginCopy(unsigned warp, unsigned lane, uint32_t address,
                     uint32_t bytes);
  /// The lane waited for it: it is the lane's write, now.
  void endCopy(unsigned warp, unsigned lane, uint32_t address, uint32_t bytes);

  /// What a bulk copy brought is a write of barrier `mbarrier` in this phase.
  void endBulkCopy(unsigned mbarrier, uint32_t phase, uint32_t address,
                   uint32_t bytes);

  /// Asynchronous machinery reads for a warp, from `begin` to `end`; what it
  /// reads must not change between.
  Conflict beginRead(unsigned warp, uint32_t address, uint32_t bytes);
  void endRead(unsigned warp, uint32_t address, uint32_t bytes);
  /// These lanes' writes so far are fenced.
  void fence(unsigned warp, uint32_t lanes);

  /// Memory that becomes a barrier: nobody may access it.
  Conflict beginBarrier(unsigned warp, unsigned lane, uint32_t address);
  /// True where what the lane did at `clock` is earlier than what `warp` does.
  bool isEarlier(unsigned warp, unsigned lane, unsigned otherWarp,
                 unsigned otherLane, uint32_t otherClock) const {
    return ordered(warp, lane, otherWarp, otherLane, otherClock);
  }
  uint32_t clockOf(unsigned warp) const { return clock[warp]; }

  /// A warp_barrier: its lanes meet.
  void advance(unsigned warp);
  /// Knowledge that the warp brings to a barrier; advances it. Where it `meets`
  /// others there its lanes meet, too; else one of them may have come alone.
  void bring(unsigned warp, Knowledge &joined, bool meets);
  /// Knowledge that the warp takes from a barrier that completed.
  void take(unsigned warp, const Knowledge &joined);
  /// All warps of the block passed one barrier: what was is earlier than all
  /// that comes.
  void settle();
  /// True where clocks ran out: too many barriers without one of all warps.
  bool exhausted() const { return anyExhausted; }

  std::vector<std::byte> bytes;
  /// Location of the accesses that are being recorded.
  uint32_t location = 0;

private:
  static constexpr unsigned laneBits = 6, warpBits = 5;
  static constexpr uint32_t inFlight = ~uint32_t(0);
  /// Set in stamps whose writer is a barrier.
  static constexpr uint32_t ofBarrier = uint32_t(1) << 31;
  static constexpr uint32_t maxClock = (1u << (31 - laneBits - warpBits)) - 2;

  struct Stamp {
    uint32_t read, write;
  };
  Stamp make(unsigned warp, unsigned lane) const {
    return {clock[warp] << laneBits | lane,
            (clock[warp] << warpBits | warp) << laneBits | lane};
  }
  static constexpr uint32_t mask(unsigned bits) { return (1u << bits) - 1; }
  /// The warp's clock advances, but its lanes have not met.
  void tick(unsigned warp);
  Conflict readSlowly(unsigned warp, unsigned lane, uint32_t granule);
  Conflict writeSlowly(unsigned warp, unsigned lane, uint32_t granule);
  bool ordered(unsigned warp, unsigned lane, unsigned otherWarp,
               unsigned otherLane, uint32_t otherClock) const;

  unsigned warps, shift;
  bool fences;
  uint32_t granules;
  /// Clocks of the warps, from 1, and what each knows.
  std::array<uint32_t, maxWarps> clock;
  /// Up to which clock (not it) the warp's lanes know of each other's accesses.
  std::array<uint32_t, maxWarps> met;
  std::vector<Knowledge> known;
  /// Per granule: clock, warp and lane of the last write; 0: none.
  std::vector<uint32_t> written;
  /// Per warp and granule: clock and lane of its last read; 0: none.
  std::vector<uint32_t> readBy;
  /// Per granule: `time` of the last read. Time advances with `settle`.
  std::vector<uint32_t> readAt;
  /// Per granule: where it was last written and read.
  std::vector<uint32_t> writeLocation, readLocation;
  /// Per granule: asynchronous reads in flight, and their sum.
  std::vector<uint16_t> readers;
  uint64_t readersInFlight = 0;
  uint32_t time = 1, settledTime = 1;
  /// Stamps of writes up to this are earlier than all that comes.
  uint32_t settled = 0;
  bool anyExhausted = false;
};

/// Modelled wavefronts of a warp's access to shared memory of 32 banks of 4
/// bytes. Lanes are served in as many phases as their bytes need (8 bytes: half
/// warps, 16 bytes: quarter warps); a phase takes as many wavefronts as a bank
/// is asked for different words.
struct Wavefronts {
  unsigned count = 0, ideal = 0;
};
Wavefronts countWavefronts(const uint32_t *addresses, uint32_t active,
                           unsigned bytes);

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_SHAREDMEMORY_H
