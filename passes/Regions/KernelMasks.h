//===- KernelMasks.h - The masks of a kernel --------------------*- C++ -*-===//
//
// Finds what restricts the elements that a fold takes (conditions of
// `cascade.where`, and reads that may leave their tensors) and proves the
// closed forms that a lowering uses for them. A lowering asks
// `analyzeRestriction` again and gets the same forms.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_KERNELMASKS_H
#define EINFALL_PASSES_REGIONS_KERNELMASKS_H

#include "passes/Proof/Obligation.h"
#include "passes/Regions/Region.h"

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade
} // namespace einfall

namespace einfall::regions {

/// On an operation whose closed forms are not proved: every element of every
/// tile is to be tested.
inline constexpr llvm::StringRef testedEverywhere = "tested_everywhere";

/// Where `op` lets elements of a fold over `stream` be: a `cascade.where` by
/// its condition, a `cascade.read` by its indices. Nothing for other operations
/// and for reads that never leave their tensors.
///
/// Rows are the ranks whose coordinates are calculated with. A value that is
/// read at other ranks is a leaf; who walks blocks over one of these has no
/// value for the leaf and no use for the forms that mention it.
std::optional<MaskRegions> analyzeRestriction(mlir::Operation *op,
                                              llvm::StringRef stream);

struct KernelMask {
  /// Operations that say the same.
  llvm::SmallVector<mlir::Operation *> ops;
  MaskRegions regions;
};

/// The masks of all folds, each once per streamed rank.
std::vector<KernelMask> findMasks(cascade::KernelOp kernel);

/// A mask whose forms are not used.
struct Unproved {
  mlir::Location loc;
  /// The first obligation that was not proved.
  std::string obligation;
};

/// Proves the closed forms of all masks by `prove`; `name` begins the
/// obligations' names. Operations of a mask with a form that is not proved are
/// marked `testedEverywhere` and given back.
std::vector<Unproved>
proveMasks(cascade::KernelOp kernel,
           llvm::function_ref<bool(const proof::Obligation &)> prove,
           llvm::StringRef name);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_KERNELMASKS_H
