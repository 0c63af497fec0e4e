//===- Candidates.h - Schedules worth timing --------------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_TUNE_CANDIDATES_H
#define EINFALL_FRONTEND_DRIVER_TUNE_CANDIDATES_H

#include "frontend/driver/Pipeline.h"
#include "frontend/driver/tune/Results.h"

namespace einfall::driver {

struct CandidateSchedules {
  /// The least by the cost model first; `modelled` in shares of that.
  std::vector<TunedCandidate> candidates;
  size_t fitting = 0; ///< how many there were to take from
};

/// The schedules of `kernel` for `target` that fit, at these extents: `most` of
/// them, or (0) all; with `isSpread` half of them from all over the rest. What
/// the source's schedule fixes does not matter. None after an error, which has
/// been reported: also where the kernel has no program of tiles.
CandidateSchedules candidateSchedules(cascade::KernelOp kernel,
                                      const std::string &target,
                                      const llvm::StringMap<int64_t> &extents,
                                      unsigned most, bool isSpread,
                                      Session &session);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_TUNE_CANDIDATES_H
