//===- LaunchCost.h - What a launch takes of a GPU --------------*- C++ -*-===//
//
// The steady state of a tile (CostModel.h) says what shape is best where there
// are blocks for every multiprocessor. Where rows are few, what decides is how
// many blocks the busiest one has, and how many tiles each: waves and their
// tail. For a launch of some version
//
//   blocks  = items * ceil(rows / tile rows) * parts
//   busiest = ceil(blocks / units)
//   tiles   = ceil(ceil(keys / tile keys) / parts)         of each stream
//   clocks  = busiest * sum over streams of tiles * clocks of a tile
//             + what merging takes, if there are parts:
//               a second launch, and the workspace written and read
//
// in whole clocks, by integers. A tile takes the clocks of a lone block where
// no multiprocessor has two, else those of as many as it has room for. Masks
// are left out: they cut the streams of all versions alike, before parts are
// made of them.
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
};

/// Of the machine and of the fold's state.
struct LaunchMachine {
  int64_t units = 1;
  int64_t launchClocks = 0;  ///< of a second launch
  int64_t bytesPerClock = 1; ///< from L2, to all units
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
  for (size_t i = 0; i < streams.size(); ++i) {
    Number all = roundedUp(ops, streams[i], ops.constant(terms.keys));
    Number tiles = roundedUp(ops, all, parts);
    lone = ops.add(lone, ops.mul(tiles, ops.constant(terms.lone[i])));
    together =
        ops.add(together, ops.mul(tiles, ops.constant(terms.together[i])));
  }
  return ops.mul(busiest,
                 ops.ifAtMost(busiest, ops.constant(1), lone, together));
}

/// Clocks that merging `parts` of `rows` takes in all, each of which leaves
/// `stateBytes`.
template <typename Ops>
typename Ops::Number
clocksOfMerge(Ops &ops, const LaunchMachine &machine, int64_t stateBytes,
              typename Ops::Number rows, typename Ops::Number parts) {
  typename Ops::Number bytes =
      ops.mul(ops.mul(rows, parts), ops.constant(2 * stateBytes));
  return ops.add(ops.constant(machine.launchClocks),
                 ops.quotient(bytes, ops.constant(machine.bytesPerClock)));
}

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_LAUNCHCOST_H
