//===- BlockTrace.h - What the warps of a block do, in order ----*- C++ -*-===//
//
// Follows a device program once for each group of four warps, as one of its
// threads would run it with long loops cut short: what is begun, waited for,
// computed. Where a branch depends on data, the shorter side is taken, so the
// trace is that of tiles without masks and without a new reference.
//
// The trace says what is *asked* of the machine, in order; when each thing is
// done is Timeline.h's.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_BLOCKTRACE_H
#define EINFALL_PASSES_SCHEDULE_BLOCKTRACE_H

#include "dialect/Device/Device.h"

#include <cstdint>
#include <string>
#include <vector>

namespace einfall {

/// One thing that a group of warps does or begins.
struct BlockEvent {
  enum class Kind {
    Copy,       ///< amount: bytes that begin to come from global memory
    CopyCommit, ///< closes a group of this warps' copies
    CopyWait,   ///< until all but `pending` groups have landed
    Matrix,     ///< amount: FLOP, begun (asynchronous) or done
    MatrixCommit,
    MatrixWait,
    Special,     ///< amount: exponentials and the like, of all threads
    Arithmetic,  ///< amount: other instructions on numbers, of all threads
    Shared,      ///< amount: bytes of shared memory that are read or written
    Store,       ///< amount: bytes that go to global memory
    Barrier,     ///< waits until `count` threads have come to barrier `id`
    Arrive,      ///< comes to barrier `id` and goes on
    PhaseInit,   ///< barrier in shared memory at `id`, for `count` arrivals
    PhaseArrive, ///< arrives there
    PhaseExpect, ///< announces `amount` bytes to it, and arrives
    PhaseWait,   ///< until its phase of parity `count` has completed
  };
  Kind kind;
  double amount = 0;
  int64_t id = 0;
  int64_t count = 0;
  bool isAsynchronous = false;
  /// Of the innermost streaming loop; -1 outside.
  int64_t tile = -1;
};

struct WarpGroupTrace {
  std::string name; ///< "producer", "consumer 1", "warps 0-3"
  int64_t warps = 4;
  std::vector<BlockEvent> events;
};

/// The trace of every group of four warps of the block; at most `tiles` turns
/// of a loop are followed. Empty where the program has no streaming loop.
std::vector<WarpGroupTrace> traceOf(device::KernelOp program, int64_t tiles);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_BLOCKTRACE_H
