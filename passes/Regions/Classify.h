//===- Classify.h - Regions at numbers --------------------------*- C++ -*-===//
//
// Evaluates the closed forms of a mask for one tile: for schedules that count
// tiles, and for tests.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_CLASSIFY_H
#define EINFALL_PASSES_REGIONS_CLASSIFY_H

#include "passes/Regions/Region.h"

#include "llvm/ADT/DenseMap.h"

namespace einfall::regions {

enum class TileClass { Empty, Partial, Full };

/// Numbers for symbols; truth values are 0 and 1.
using Numbers = llvm::DenseMap<Term, int64_t>;

/// The value of a closed form, or nothing where a symbol is missing. Truth
/// values are 0 and 1; arithmetic is that of 64 bits.
std::optional<int64_t> evaluate(Term term, const Numbers &numbers);

/// What the tile is whose bounds, and whose leaves, are in `numbers`; partial
/// where something is missing.
TileClass classify(const MaskRegions &regions, const Numbers &numbers);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_CLASSIFY_H
