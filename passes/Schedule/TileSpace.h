//===- TileSpace.h - The shapes that a program's tiles may have -*- C++ -*-===//
//
// Which shapes there are to choose from, what of a machine each needs, and the
// choice: of those that fit, the one whose cost by the model is least
// (CostModel.h). Of equals the first in the order of the space is taken: more
// rows for a warp, then keys nearest to 64, which need less of everything than
// more and fewer waits than less, then fewer stages where copies run ahead.
//
// The space:
//  * Program with roles: 1 to 3 consumers (64 rows each), 16 to 128 keys, 2 to
//    4 stages.
//  * Without: 1 to 8 warps of one or two fragments of 16 rows, 128 rows in all,
//    16 to 128 keys; 2 stages, or 1 where the machine copies nothing by itself
//    or copies are waited for. Products of fused multiply-adds: one fragment,
//    up to 4 warps, up to 64 keys, as more of either gains nothing where
//    threads multiply.
// A `schedule` restricts it to what it fixes.
//
// What fits is counted, for the registers of a program without roles from what
// the assembler was seen to take (docs/decisions/0010): within some ten
// registers.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TILESPACE_H
#define EINFALL_PASSES_SCHEDULE_TILESPACE_H

#include "passes/Schedule/BlockPlan.h"

namespace einfall {

struct TileShape {
  int64_t warps = 4;     ///< that keep rows
  int64_t fragments = 1; ///< of 16 rows, in each
  int64_t keys = 64, stages = 1;

  int64_t rows() const { return warps * fragments * 16; }
  friend bool operator==(const TileShape &, const TileShape &) = default;
};

/// What a shape needs more of than there is.
struct Excess {
  enum class Of { Rows, Threads, Registers, Shared } of = Of::Rows;
  int64_t needs = 0, has = 0;
};

/// All shapes that take one of each list, the first of equals first.
struct TileSpace {
  struct Rows {
    int64_t warps, fragments;
    int64_t rows() const { return warps * fragments * 16; }
  };
  llvm::SmallVector<Rows> rows;
  llvm::SmallVector<int64_t> keys, stages;

  llvm::SmallVector<TileShape> shapes() const;
};

/// The space of `plan`, whose operands and staging are known, as far as `asked`
/// leaves it; nothing and the `reason` where there is no such shape.
std::optional<TileSpace> tileSpaceOf(const BlockPlan &plan,
                                     const TileChoice &asked,
                                     std::string &reason);

/// Gives `plan` a shape: sizes, registers, where operands lie in shared memory.
/// What it needs too much of, where it cannot have it.
std::optional<Excess> giveShape(BlockPlan &plan, const TileShape &shape,
                                const Machine &machine);
/// In words, of the shape that `plan` was given.
std::string textOf(const Excess &excess, const BlockPlan &plan,
                   const Machine &machine);

/// Gives `plan` the least of the space. Where all shapes that fit otherwise
/// need too many registers, a program without roles takes the one that needs
/// fewest, and spills. False and the `reason` where there is none.
bool chooseShape(BlockPlan &plan, const Machine &machine, std::string &reason);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TILESPACE_H
