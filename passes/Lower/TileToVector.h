//===- TileToVector.h - Folds as vector code for the CPU --------*- C++ -*-===//
//
// Lowers a kernel of folds to the functions of
// runtime/devices/cpu/Launch.h, by the program that passes/Schedule/TilePlan.h
// describes. Per tile of the stream and group of rows:
//
//   pack      keys' and panels' operands, once for all groups, in the order in
//             which the register blocks want them
//   scores    contractions: a block of keys x row vectors stays in registers;
//             masks, scales and the new references are taken from there
//   summands  one loop over the tile in scratch; row sums in registers, weights
//             back to scratch
//   matrices  a block of features x row vectors in registers, loaded with the
//             action of the moved references already applied
//
// Tiles are full (no test), empty (skipped) or partial (tested by element; what
// does not exist is never multiplied), told apart at run time by the closed
// forms of passes/Regions. A mask with a form that is not proved
// (`tested_everywhere`) has partial tiles only.
//
// A reference that nothing has entered is its sentinel, -inf for max and +inf
// for min: a row whose every score is the sentinel counts as empty.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_TILETOVECTOR_H
#define EINFALL_PASSES_LOWER_TILETOVECTOR_H

#include "passes/Schedule/TilePlan.h"

namespace einfall {

/// Emits the functions of `kernel` before it; the kernel itself is left alone.
/// `machine` is the one that `plan` was made for.
void lowerTilesToVector(cascade::KernelOp kernel, const TilePlan &plan,
                        const CpuMachine &machine);

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_TILETOVECTOR_H
