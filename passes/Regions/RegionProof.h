//===- RegionProof.h - What the closed forms of masks claim -----*- C++ -*-===//
//
// The obligations of a mask's regions, in linear integer arithmetic with the
// tile's origin and sizes, the extents and all leaves as unknowns:
//
//   full    in a tile that is called full every element satisfies the predicate
//   empty   in a tile that is called empty none does
//   walk    an element that satisfies it lies within streamLo and streamHi
//   bounds  an element that satisfies a disjunct lies within its bounds (where
//           there is one disjunct, that is what walk says)
//   inner   an element within a disjunct's inner bounds satisfies it
//
// Opaque parts are arbitrary truth values. What claims nothing (no tile is
// called full) is no obligation.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_REGIONPROOF_H
#define EINFALL_PASSES_REGIONS_REGIONPROOF_H

#include "passes/Proof/Obligation.h"
#include "passes/Regions/Region.h"

namespace einfall::regions {

/// `name` and `location` go into the obligations.
std::vector<proof::Obligation> regionObligations(const MaskRegions &regions,
                                                 llvm::StringRef name,
                                                 llvm::StringRef location);

/// Proves all of them by `prove` and weakens what is not proved to "partial"
/// and to the whole stream. Gives the names of these.
std::vector<std::string>
proveRegions(MaskRegions &regions,
             llvm::function_ref<bool(const proof::Obligation &)> prove,
             llvm::StringRef name, llvm::StringRef location);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_REGIONPROOF_H
