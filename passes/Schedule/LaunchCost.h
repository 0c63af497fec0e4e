//===- LaunchCost.h - What a launch takes of a GPU --------------*- C++ -*-===//
//
// The steady state of a tile (CostModel.h) says what shape is best where there
// are blocks for every multiprocessor. Where rows are few, what decides is how
// many blocks the busiest one has, and how many tiles each: waves and their
// tail. For a launch of some version
//
//   blocks  = items * ceil(rows / tile rows) * parts
//   busiest = ceil(blocks / units)
//   rounds  = ceil(busiest / blocks that a unit has room for)
//   tiles   = ceil(ceil(keys / tile keys) / parts)         of each stream
//   clocks  = busiest * sum over streams of tiles * clocks of a tile
//             + rounds * sum over streams of the clocks of a start
//             + what merging takes, if there are parts
//   start   = a load from memory, then, at an even share of L2's bandwidth, the
//             block's rows and its first tile (where a block copies ahead: else
//             every tile has its copies)
//   merging = a second launch, the workspace written and read, and of each fold
//             one load from L2 for its references and one for every few parts
//
// in whole clocks, by integers. A tile takes the clocks of a lone block where
// no multiprocessor has two, else those of as many as it has room for; of these
// all start at one time. Masks are left out: they cut the streams of all
// versions alike, before parts are made of them. So are outputs, which nobody
// waits for, and what comes from memory, which is as much for all.
//
// The same text computes it for known extents (the compiler, `explain`) and in
// the grid programs that take a version at launch: `Ops` are integers or the
// values that compute them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_LAUNCHCOST_H
#define EINFALL_PASSES_SCHEDULE_LAUNCHCOST_H

#include "llvm/ADT/SmallVector.h"

#include <algorithm>
#include <cstdint>

namespace einfall {

/// What the launch of one version depends on.
struct LaunchTerms {
  int64_t rows = 0, keys = 0; ///< of a tile
  bool packs = false;         ///< rows of all items that read the same keys
  /// Whole clocks of a tile of each fold: of a block that is alone on a
  /// multiprocessor, and of one among as many as fit.
  llvm::SmallVector<int64_t> lone, together;
  /// Whole clocks until a block has the first tile of each fold.
  llvm::SmallVector<int64_t> start;
  int64_t resident = 1; ///< blocks that a multiprocessor has room for
};

/// Of the machine and of what is merged.
struct LaunchMachine {
  int64_t units = 1;
  int64_t launchClocks = 0;  ///< of a second launch
  int64_t bytesPerClock = 1; ///< from L2, to all units
  int64_t cacheClocks = 0;   ///< of a load from L2
  int64_t folds = 1;         ///< that leave a state
  /// Parts whose states a warp that merges asks for at one time
  /// (passes/Lower/Device/BlockMerge.cpp).
  static constexpr int64_t partsOfRound = 4;
};

/// Integers as they are.
struct PlainOps {
  using Number = int64_t;
  int64_t constant(int64_t x) const { return x; }
  int64_t add(int64_t x, int64_t y) const { return x + y; }
  int64_t mul(int64_t x, int64_t y) const { return x * y; }
  int64_t quotient(int64_t x, int64_t y) const { return x / y; }
  int64_t ifAtMost(int64_t x, int64_t y, int64_t yes, int64_t no) const {
    return x <= y ? yes : no;
  }
};

/// Quotient rounded up; `y` at least 1.
template <typename Ops>
typename Ops::Number roundedUp(Ops &ops, typename Ops::Number x,
                               typename Ops::Number y) {
  return ops.quotient(ops.add(x, ops.add(y, ops.constant(-1))), y);
}

/// Clocks of a launch: `units` items, each of `rows`, in `parts`.
template <typename Ops>
typename Ops::Number
clocksOfLaunch(Ops &ops, const LaunchTerms &terms, const LaunchMachine &machine,
               typename Ops::Number items, typename Ops::Number rows,
               llvm::ArrayRef<typename Ops::Number> streams,
               typename Ops::Number parts) {
  using Number = typename Ops::Number;
  Number blocks = ops.mul(
      ops.mul(items, roundedUp(ops, rows, ops.constant(terms.rows))), parts);
  Number busiest = roundedUp(ops, blocks, ops.constant(machine.units));
  Number lone = ops.constant(0), together = ops.constant(0);
  int64_t start = 0;
  for (int64_t each : terms.start)
    start += each;
  for (size_t i = 0; i < streams.size(); ++i) {
    Number all = roundedUp(ops, streams[i], ops.constant(terms.keys));
    Number tiles = roundedUp(ops, all, parts);
    lone = ops.add(lone, ops.mul(tiles, ops.constant(terms.lone[i])));
    together =
        ops.add(together, ops.mul(tiles, ops.constant(terms.together[i])));
  }
  Number rounds = roundedUp(ops, busiest, ops.constant(terms.resident));
  return ops.add(
      ops.mul(busiest, ops.ifAtMost(busiest, ops.constant(1), lone, together)),
      ops.mul(rounds, ops.constant(start)));
}

/// Clocks that merging `parts` of `rows` takes in all, each of which leaves
/// `stateBytes`.
template <typename Ops>
typename Ops::Number
clocksOfMerge(Ops &ops, const LaunchMachine &machine, int64_t stateBytes,
              typename Ops::Number rows, typename Ops::Number parts) {
  typename Ops::Number bytes =
      ops.mul(ops.mul(rows, parts), ops.constant(2 * stateBytes));
  typename Ops::Number loads =
      ops.add(roundedUp(ops, parts, ops.constant(machine.partsOfRound)),
              ops.constant(1));
  return ops.add(
      ops.add(ops.constant(machine.launchClocks),
              ops.quotient(bytes, ops.constant(machine.bytesPerClock))),
      ops.mul(loads, ops.constant(machine.folds * machine.cacheClocks)));
}

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_LAUNCHCOST_H
