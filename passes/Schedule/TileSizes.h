//===- TileSizes.h - Sizes of the CPU's tiles, and their cost ---*- C++ -*-===//
//
// The space that the sizes of a tile plan are chosen from: row vectors of a
// group, keys of a tile, groups of an item; each with the clocks that it takes
// by a model of a core (TileModel.h), or what it needs too much of. The first
// of the least is taken, and that can be claimed in a certificate.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILESIZES_H
#define EINFALL_PASSES_SCHEDULE_TILESIZES_H

#include "passes/Certificate/SizeChoice.h"
#include "passes/Schedule/TilePlan.h"

#include "llvm/Support/JSON.h"

namespace einfall {

struct Machine;

/// Clocks of a core for one row of one item over all streams, exact.
struct TileClocks {
  mpq_class products;   ///< register blocks: multiply-adds or loads
  mpq_class elements;   ///< functions of every row and key
  mpq_class accumulate; ///< accumulators loaded, moved and stored by tiles
  mpq_class starts;     ///< of loops over tiles and blocks
  mpq_class packing;    ///< of keys and rows
  mpq_class caches;     ///< waiting for the second level and beyond
  mpq_class total() const {
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

/// What sizes need more of than there is: registers of a core, rows, keys,
/// bytes of the first level or of the second.
struct SizeExcess {
  enum class Of { Registers, Rows, Keys, First, Second } of = Of::Registers;
  int64_t needs = 0, has = 0;
};

struct SizedTile {
  TileSizes sizes;
  std::optional<SizeExcess> excess; ///< nothing: it fits
  std::string rejection;            ///< the same in words
  std::optional<TileClocks> clocks; ///< if there are registers for it
};

/// All sizes that take one of each list, the first of equals first.
struct SizeSpace {
  struct Rows {
    unsigned vectors; ///< of a group
    llvm::SmallVector<unsigned> groups;
  };
  llvm::SmallVector<Rows> rows;
  llvm::SmallVector<unsigned> keys;

  /// Where `asked` fixes something, that alone, usual or not.
  static SizeSpace of(const AskedSizes &asked);
};

/// Row vectors of a group, where an item has `parts` vectors of rows and no
/// more is said: the most that divide them.
inline unsigned vectorsOfParts(int64_t parts) {
  return parts % 3 == 0 ? 3 : parts % 2 == 0 ? 2 : 1;
}

/// Every size of the space.
std::vector<SizedTile> sizesOf(const TilePlan &plan, const CpuMachine &machine,
                               const llvm::StringMap<int64_t> &extents,
                               const AskedSizes &asked);

/// Those that fit, the least first; equals in the order of the space.
std::vector<SizedTile> ranked(std::vector<SizedTile> sizes);

/// The least by the model that fits, around what the plan's schedule asks for;
/// where nothing does, the least there are registers for.
TileSizes leastSizes(const TilePlan &plan, const CpuMachine &machine,
                     const llvm::StringMap<int64_t> &extents);

/// That the sizes of `plan` are the least of its space, as a claim; nothing
/// where none fits, or where what a mask leaves is too long to be listed.
std::optional<certificate::SizeChoice>
claimOf(const TilePlan &plan, const CpuMachine &machine,
        const llvm::StringMap<int64_t> &extents);

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
