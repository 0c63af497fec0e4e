//===- TileModel.h - What a size of the CPU's tiles takes -------*- C++ -*-===//
//
// The model that sizes of a tile plan are chosen by (TileSizes.h). It counts,
// for rows and keys that a mask leaves: multiply-adds and loads of register
// blocks (the greater decides), instructions of every row and key, starts of
// loops, packing shared by the groups of an item, and bytes that come from the
// second level where a tile's things exceed the first. Exact, so that sizes are
// compared by arithmetic and a certificate can repeat it
// (passes/Certificate/CheckSizes.cpp).
//
// What masks leave is sampled on the actual extents. The model knows neither
// ports nor ways of caches; the weights of its parts were fitted on one
// processor and not by kernel (bench/cpu_sweep.py).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILEMODEL_H
#define EINFALL_PASSES_SCHEDULE_TILEMODEL_H

#include "passes/Schedule/TileSizes.h"
#include "passes/Schedule/TileVisits.h"

namespace einfall {

/// What a fold of a plan does, apart from sizes.
struct FoldWork {
  const FoldPlan *plan;
  int64_t keys;             ///< the stream's extent, or what is assumed
  int64_t contracted = 0;   ///< sum of the contractions' extents
  int64_t deepest = 0;      ///< the greatest of them
  int64_t features = 0;     ///< of all matrix accumulators, padded
  int64_t contractions = 0; ///< how many
  int64_t instructions = 0; ///< of a row vector and a key
  bool moves = false;       ///< accumulators follow references
};

class TileModel {
public:
  TileModel(const TilePlan &plan, const CpuMachine &machine,
            const llvm::StringMap<int64_t> &extents);

  /// The first limit that sizes exceed.
  std::optional<SizeExcess> excess(const TileSizes &sizes) const;
  /// Registers are the limit that is no matter of speed.
  bool hasRegisters(const TileSizes &sizes) const;
  TileClocks clocks(const TileSizes &sizes);
  std::string textOf(const SizeExcess &excess, const TileSizes &sizes) const;

  int64_t rows;        ///< the extent, or what is assumed
  mpz_class items = 1; ///< a product of extents; 1 for what is not known
  int64_t longest = 0; ///< of the streams
  bool knowsRows = true, knowsKeys = true, knowsItems = true;
  std::vector<FoldWork> folds;
  std::vector<VisitSampler> samplers; ///< one for each fold

private:
  int64_t block() const { return plan.keyBlock; }
  int64_t rowsOf(const TileSizes &sizes) const {
    return int64_t(sizes.rowVectors) * plan.lanes;
  }
  /// Operands and accumulators of so many rows.
  int64_t keptBytes(int64_t rows) const;
  FoldWork workOf(const FoldPlan &fold, int64_t keys) const;

  const TilePlan &plan;
  const CpuMachine &machine;
};

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TILEMODEL_H
