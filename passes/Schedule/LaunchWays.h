//===- LaunchWays.h - How blocks of a launch may share work -----*- C++ -*-===//
//
// For known extents: blocks by themselves, rows of several items packed, and
// streams in parts, each with what it takes by LaunchCost.h; and which of them
// is taken.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_LAUNCHWAYS_H
#define EINFALL_PASSES_SCHEDULE_LAUNCHWAYS_H

#include "passes/Certificate/Choice.h"
#include "passes/Schedule/BlockPlan.h"

namespace einfall {

struct LaunchWays {
  /// Of the version whose blocks share work; its `launch` has the others.
  BlockPlan sharing;
  LaunchSize size;
  using Way = certificate::Choice::Launch::Way;
  std::vector<Way> ways; ///< first alone, packed, then parts, ascending
  size_t taken = 0;

  /// What a launch in that many parts takes; of packed rows where there are.
  Way wayOf(bool packed, int64_t parts) const;
};

/// The ways of the preferred version; nothing and the `reason` where there is
/// one alone, or extents are not known.
std::optional<LaunchWays> waysOf(cascade::KernelOp kernel,
                                 const DeviceMachine &machine,
                                 const llvm::StringMap<int64_t> &extents,
                                 Staging preferred, std::string &reason);

/// Whether parts that take `clocks` are worth their traffic, where without them
/// it is `without`: they move the rows and the workspace more often, and the
/// latencies that the model counts are conjectured, so a quarter less is asked.
inline bool partsPay(int64_t clocks, int64_t without) {
  return 4 * clocks <= 3 * without;
}

/// As a claim; nothing where the tile of the sharing version fits no machine.
std::optional<certificate::Choice::Launch> claimOf(const LaunchWays &ways,
                                                   const Machine &machine);

/// "8 parts of packed rows: 16 blocks, 10312 clocks".
std::string textOf(const LaunchWays::Way &way);
/// All ways, for `explain`.
std::string textOf(const LaunchWays &ways);
/// What another number of parts, or (not) packing, breaks or costs.
std::string whyNotShared(const LaunchWays &ways, std::optional<int64_t> parts,
                         std::optional<int64_t> packed);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_LAUNCHWAYS_H
