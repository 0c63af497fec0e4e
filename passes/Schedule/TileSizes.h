//===- TileSizes.h - Sizes of the CPU's tiles, and their cost ---*- C++ -*-===//
//
// The space that the sizes of a tile plan are chosen from: row vectors of a
// group, keys of a tile, groups of an item; each with the clocks that it takes
// by a model of a core, or the reason why it cannot be, with numbers.
//
// The model counts, for rows and keys that a mask leaves: multiply-adds and
// loads of register blocks (the greater decides), instructions of every row and
// key, starts of loops, packing shared by the groups of an item, and bytes that
// come from the second level where a tile's things exceed the first. What masks
// leave is sampled on the actual extents. It knows neither ports nor ways of
// caches; the weights of its parts were fitted on one processor and not by
// kernel (bench/cpu_sweep.py).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILESIZES_H
#define EINFALL_PASSES_SCHEDULE_TILESIZES_H

#include "passes/Schedule/TilePlan.h"

#include "llvm/Support/JSON.h"

namespace einfall {

struct Machine;

/// Clocks of a core for one row of one item over all streams.
struct TileClocks {
  double products = 0;   ///< register blocks: multiply-adds or loads
  double elements = 0;   ///< functions of every row and key
  double accumulate = 0; ///< accumulators loaded, moved and stored by tiles
  double starts = 0;     ///< of loops over tiles and blocks
  double packing = 0;    ///< of keys and rows
  double caches = 0;     ///< waiting for the second level and beyond
  double total() const {
    return products + elements + accumulate + starts + packing + caches;
  }
  /// The part that takes most, for people.
  std::string limit() const;
};

/// The numbers that a schedule fixes.
struct TileSizes {
  unsigned rowVectors = 0, keyTile = 0, groups = 0;
  friend bool operator==(const TileSizes &, const TileSizes &) = default;
};

struct SizedTile {
  TileSizes sizes;
  std::string rejection; ///< empty: it fits
  TileClocks clocks;     ///< where it fits
};

/// Row vectors of a group, where an item has `parts` vectors of rows and no
/// more is said: the most that divide them.
inline unsigned vectorsOfParts(int64_t parts) {
  return parts % 3 == 0 ? 3 : parts % 2 == 0 ? 2 : 1;
}

/// What a schedule fixes; what it leaves open is empty.
struct AskedSizes {
  std::optional<unsigned> rowVectors, keyTile, groups;
};

/// Every size of the space; where `asked` fixes one, that alone, in the space
/// or not.
std::vector<SizedTile> sizesOf(const TilePlan &plan, const CpuMachine &machine,
                               const llvm::StringMap<int64_t> &extents,
                               const AskedSizes &asked = {});

/// Those that fit, the least first; equals in the order of the space.
std::vector<SizedTile> ranked(std::vector<SizedTile> sizes);

/// The least by the model that fits; what is asked for is taken even where it
/// does not.
TileSizes leastSizes(const TilePlan &plan, const CpuMachine &machine,
                     const llvm::StringMap<int64_t> &extents,
                     const AskedSizes &asked = {});

/// "768 rows of 3 vectors, 80 keys".
std::string describe(const TilePlan &plan, const TileSizes &sizes);

/// What other sizes, by rank ("p" rows of an item, "m" keys) or "row_vectors",
/// break or cost against those of the plan, in words.
std::string whyNotSizes(const TilePlan &plan, const CpuMachine &machine,
                        const llvm::StringMap<int64_t> &extents,
                        const llvm::StringMap<int64_t> &asked);

/// The space as data for `explain --json`.
llvm::json::Object sizesToJson(const TilePlan &plan, const CpuMachine &machine,
                               const llvm::StringMap<int64_t> &extents,
                               llvm::StringRef machineName);

/// Rates and caches of a description, which is of a processor.
CpuMachine cpuMachineOf(const Machine &description);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TILESIZES_H
