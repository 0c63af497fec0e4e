//===- TileVisits.h - What masks leave of a stream, sampled -----*- C++ -*-===//
//
// How many blocks and tiles of keys a group of rows visits, and in how many of
// them a condition has to be tested key by key: conditions over coordinates,
// constants and known extents are evaluated at corners of blocks for some
// groups of rows. A condition that depends on data leaves everything, tested.
//
// An estimate that sizes are chosen by; what a kernel visits is decided anew
// when it runs (passes/Lower/TilePresence.h).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILEVISITS_H
#define EINFALL_PASSES_SCHEDULE_TILEVISITS_H

#include "passes/Schedule/TilePlan.h"

#include <gmpxx.h>

#include <map>

namespace einfall {

/// Means over the groups of rows, exact.
struct TileVisits {
  mpq_class keys;   ///< in blocks where something is present
  mpq_class tested; ///< of these, in blocks where something is not
  mpq_class tiles;  ///< with any such block
  mpq_class parts;  ///< tiles with tested blocks, and tiles with whole ones
  /// Tiles that the groups of an item visit together.
  mpq_class itemTiles;
};

class VisitSampler {
public:
  /// `rows` and `keys` are the extents, known or assumed.
  VisitSampler(const TilePlan &plan, const FoldPlan &fold,
               const llvm::StringMap<int64_t> &extents, int64_t rows,
               int64_t keys);

  /// For groups of `groupRows` rows, `groups` of them in an item.
  TileVisits visits(int64_t groupRows, int64_t groups, int64_t keyBlock,
                    int64_t keyTile);
  bool hasConditions() const { return !conditions.empty() || isUnknown; }

  enum class Presence { None, Some, All };
  /// The blocks of the stream, for some groups.
  using Profile = std::vector<std::vector<Presence>>;
  const Profile &profile(int64_t groupRows, int64_t keyBlock);

private:
  std::optional<double> evaluate(mlir::Value field, int64_t row,
                                 int64_t key) const;
  Presence presence(int64_t row, int64_t rowEnd, int64_t key,
                    int64_t keyEnd) const;
  void collect(mlir::Value value, llvm::SmallPtrSetImpl<void *> &seen);

  llvm::StringRef row, stream;
  const llvm::StringMap<int64_t> &extents;
  int64_t rows, keys;
  llvm::SmallVector<mlir::Value> conditions;
  bool isUnknown = false; ///< a condition depends on data
  std::map<std::pair<int64_t, int64_t>, Profile> profiles;
};

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TILEVISITS_H
