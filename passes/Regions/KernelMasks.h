//===- KernelMasks.h - The masks of a kernel --------------------*- C++ -*-===//
//
// Finds the conditions that restrict what a fold (or, in a kernel as written, a
// reduction) streams, and proves the closed forms that a lowering uses for
// them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_KERNELMASKS_H
#define EINFALL_PASSES_REGIONS_KERNELMASKS_H

#include "passes/Regions/Region.h"

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade
namespace proof {
class Prover;
} // namespace proof
} // namespace einfall

namespace einfall::regions {

/// On a `cascade.where` whose closed forms are not proved: every element of
/// every tile is to be tested.
inline constexpr llvm::StringRef testedEverywhere = "tested_everywhere";

struct KernelMask {
  /// The `cascade.where`.
  mlir::Operation *where;
  MaskRegions regions;
};

/// The masks of all streamed ranks, each condition once per rank. All other
/// ranks of a condition count as rows: a block may extend over any of them.
std::vector<KernelMask> findMasks(cascade::KernelOp kernel);

/// Proves the closed forms of all masks; `name` begins the obligations' names.
/// A mask with a form that is not proved is marked `testedEverywhere`. Gives
/// the number of these.
unsigned proveMasks(cascade::KernelOp kernel, proof::Prover &prover,
                    llvm::StringRef name);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_KERNELMASKS_H
