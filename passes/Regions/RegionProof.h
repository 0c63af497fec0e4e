//===- RegionProof.h - What the closed forms of masks claim -----*- C++ -*-===//
//
// The obligations of a mask's regions, in linear integer arithmetic with the
// tile's origin and sizes, the extents and all leaves as unknowns:
//
//   full     in a tile that is called full every element satisfies the
//   condition empty    in a tile that is called empty none does bounds   an
//   element that satisfies a disjunct lies within its bounds inner    an
//   element within a disjunct's inner bounds satisfies it
//
// Opaque parts are arbitrary truth values.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_REGIONPROOF_H
#define EINFALL_PASSES_REGIONS_REGIONPROOF_H

#include "passes/Proof/Obligation.h"
#include "passes/Regions/Region.h"

namespace einfall::proof {
class Prover;
} // namespace einfall::proof

namespace einfall::regions {

/// `name` and `location` go into the obligations.
std::vector<proof::Obligation> regionObligations(const MaskRegions &regions,
                                                 llvm::StringRef name,
                                                 llvm::StringRef location);

/// Proves all of them and weakens what is not proved to "partial" and to the
/// whole stream. Gives how many were not.
unsigned proveRegions(MaskRegions &regions, proof::Prover &prover,
                      llvm::StringRef name, llvm::StringRef location);

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_REGIONPROOF_H
