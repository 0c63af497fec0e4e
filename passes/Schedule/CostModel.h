//===- CostModel.h - What a tile takes of a GPU -----------------*- C++ -*-===//
//
// How many clocks a tile of a block program keeps each part of an SM busy, by
// the peaks of a machine's description, and how long it takes with the overlap
// that the program declares (docs/decisions/0010): exact, so that two shapes
// are compared by arithmetic and not by rounding, and so that a certificate can
// repeat it.
//
// The model is of the steady state of a long stream: it is what shapes are
// chosen by. It knows no caches, no conflicts of banks, no clocks that heat
// lowers. Waits are one number of the description, which is conjectured; it
// serves to prefer few large tiles to many small ones where all else is equal.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_COSTMODEL_H
#define EINFALL_PASSES_SCHEDULE_COSTMODEL_H

#include "codegen/targets/Machine.h"
#include "passes/Schedule/BlockPlan.h"

#include <gmpxx.h>

namespace einfall {

/// Of one tile of one fold; clocks of one SM.
struct TileCost {
  mpq_class contraction; ///< matrix units: scores
  mpq_class panels;      ///< matrix units: accumulators
  mpq_class special;     ///< exponentials, logarithms, reciprocals
  mpq_class arithmetic;  ///< of threads, and products without matrix units
  mpq_class shared;      ///< of shared memory
  mpq_class copies;      ///< what comes from L2, at an even share of it
  mpq_class waits;
  mpq_class clocks;  ///< with what overlaps
  std::string limit; ///< what decides: "matrix units"
};

struct BlockCost {
  std::vector<TileCost> folds;
  int64_t scores = 0; ///< rows times keys of a tile
  /// Blocks that an SM has room for.
  int64_t resident = 1;
  /// Clocks of an SM for a row and a key of every stream.
  mpq_class perScore;
};

BlockCost costOf(const BlockPlan &plan, const Machine &machine);

/// What launches of the plan are compared by (LaunchCost.h).
LaunchTerms launchTermsOf(const BlockPlan &plan, const Machine &machine);
LaunchMachine launchMachineOf(const Machine &machine);

// What the model takes of a program and of a machine:

/// What threads do for one row and one key, in halves of an instruction, of
/// which special functions are no part.
struct ElementWork {
  int64_t special = 0, halves = 0;
};
ElementWork workOf(const BlockPlan &plan, const BlockFold &fold);
/// What threads do for one row of a tile, however many keys it has: the row's
/// numbers lie in the lanes of a quad, which all compute them; its accumulators
/// are divided among these. Both as if references moved in every tile. They
/// surely do in the first ones; later, data decide.
struct RowWork {
  int64_t special = 0, instructions = 0;
};
RowWork rowWorkOf(const BlockPlan &plan, const BlockFold &fold);
/// Of the matrix units on the plan's operands; 0 where none takes them.
int64_t flopOfOperands(const BlockPlan &plan, const Machine &machine);
/// What comes from L2 at an even share of it.
mpq_class copyBytesPerClock(const Machine &machine);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_COSTMODEL_H
