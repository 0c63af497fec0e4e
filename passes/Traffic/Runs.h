//===- Runs.h - Accesses that touch memory row by row -----------*- C++ -*-===//
//
// Most copies are of this form: a lane takes part where its row r(lane) + ...
// is below an extent, and rows are whole sectors. Then the sectors of a warp
// are
//
//   c clamp(x, 0, n)      x rows are left, of which the warp takes n
//
// and sums of these telescope: over rounds (or operations that a loop was
// unrolled into) that go on where the last one ended,
//
//   sum_{v < w} clamp(x - n v, 0, n) = clamp(x, 0, n w).
//
// So what a block copies of Q is c min(|p|, 128 blocks), with no sum left.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_RUNS_H
#define EINFALL_PASSES_TRAFFIC_RUNS_H

#include "passes/Traffic/Walk.h"

namespace einfall::traffic {

struct Run {
  std::vector<Ref> loops; ///< atoms
  /// Truths that are the same for all lanes.
  std::vector<Ref> guards;
  Ref left;     ///< x
  Ref most;     ///< n
  int64_t each; ///< c
  bool isSame(const Run &other) const {
    return loops == other.loops && guards == other.guards && each == other.each;
  }
};

/// The access as a run, summed over loops of a known number of rounds that go
/// on where the last one ended; nothing where it is none.
std::optional<Run> runOf(const std::vector<Ref> &loops,
                         const std::vector<Ref> &conditions, Ref address,
                         Ref bytes, Pool &pool);

/// Joins runs that go on where another one ends.
std::vector<Run> joined(std::vector<Run> runs, Pool &pool);

/// Sums `run` over `loop`, which neither guards nor ranges mention; false where
/// it does not go on from round to round.
bool sumOver(Run &run, Ref loop, Pool &pool);

/// clamp(left, 0, most), times `each`.
Ref valueOf(const Run &run, Pool &pool);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_RUNS_H
