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
//   * two lanes of one warp are ordered when the warp's clock advanced between
//     them: by a warp_barrier or a barrier.
//
// An access is a race if what it conflicts with is not known to be earlier,
// whatever the order in which they happened here.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_SHAREDMEMORY_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_SHAREDMEMORY_H

#include "runtime/devices/emulated/Program.h"

#include <array>

namespace einfall::emulated {

inline constexpr unsigned maxWarps = maxThreads / warpLanes;

/// What a warp knows of every warp: accesses up to this clock are earlier. Of
/// itself it knows those before its present clock.
using Clocks = std::array<uint32_t, maxWarps>;

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
    WriteAfterRead
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
  SharedMemory(uint32_t bytes, unsigned warps, uint32_t granule);

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
      // Reads of several lanes at one clock are the warp's.
      uint32_t old = reads[g];
      reads[g] = old >> laneBits == clock[warp] && old != stamp.read
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
                               readAt[g] >= settledTime,
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

  /// A warp_barrier.
  void advance(unsigned warp);
  /// Knowledge that the warp brings to a barrier; advances it.
  void bring(unsigned warp, Clocks &joined);
  /// Knowledge that the warp takes from a barrier that completed.
  void take(unsigned warp, const Clocks &joined);
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
  static constexpr uint32_t maxClock = (1u << (32 - laneBits - warpBits)) - 2;

  struct Stamp {
    uint32_t read, write;
  };
  Stamp make(unsigned warp, unsigned lane) const {
    return {clock[warp] << laneBits | lane,
            (clock[warp] << warpBits | warp) << laneBits | lane};
  }
  Conflict readSlowly(unsigned warp, unsigned lane, uint32_t granule);
  Conflict writeSlowly(unsigned warp, unsigned lane, uint32_t granule);
  bool ordered(unsigned warp, unsigned lane, unsigned otherWarp,
               unsigned otherLane, uint32_t otherClock) const;

  unsigned warps, shift;
  uint32_t granules;
  /// Clocks of the warps, from 1, and what each knows of the others.
  std::array<uint32_t, maxWarps> clock;
  std::array<Clocks, maxWarps> known;
  /// Per granule: clock, warp and lane of the last write; 0: none.
  std::vector<uint32_t> written;
  /// Per warp and granule: clock and lane of its last read; 0: none.
  std::vector<uint32_t> readBy;
  /// Per granule: `time` of the last read. Time advances with `settle`.
  std::vector<uint32_t> readAt;
  /// Per granule: where it was last written and read.
  std::vector<uint32_t> writeLocation, readLocation;
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
