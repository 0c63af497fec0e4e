//===- TileSpace.cpp - The shapes that a program's tiles may have ---------===//

#include "passes/Schedule/TileSpace.h"

#include "passes/Schedule/CostModel.h"

using namespace mlir;
using namespace einfall;

/// What a product of a warpgroup can have; what a warp's registers can.
static constexpr int64_t leastKeys = 16, mostKeys = 128, mostColumns = 256;
/// Without matrix units.
static constexpr int64_t mostKeysByThreads = 64;
static constexpr int64_t mostConsumers = 3, mostWarps = 8, mostFragments = 2;
static constexpr int64_t mostStages = 4;

SmallVector<TileShape> TileSpace::shapes() const {
  SmallVector<TileShape> all;
  for (const Rows &each : rows)
    for (int64_t k : keys)
      for (int64_t s : stages)
        all.push_back({each.warps, each.fragments, k, s});
  return all;
}

static TileSpace wholeSpace(const BlockPlan &plan) {
  TileSpace space;
  if (plan.staging == Staging::Boxes) {
    for (int64_t consumers = mostConsumers; consumers >= 1; --consumers)
      space.rows.push_back({4 * consumers, 1});
    for (int64_t keys = mostKeys; keys >= leastKeys; keys -= 16)
      space.keys.push_back(keys);
    for (int64_t stages = 2; stages <= mostStages; ++stages)
      space.stages.push_back(stages);
    return space;
  }
  bool byUnits = plan.onMatrixUnits || plan.tf32;
  for (int64_t fragments = byUnits ? mostFragments : 1; fragments >= 1;
       --fragments) {
    space.rows.push_back({4, fragments});
    if (byUnits && fragments == 1)
      space.rows.push_back({mostWarps, fragments});
    space.rows.push_back({2, fragments});
    space.rows.push_back({1, fragments});
  }
  space.keys = {64};
  if (byUnits)
    space.keys.append({80, 96, 112, 128});
  space.keys.append({48, 32, 16});
  if (plan.staging == Staging::Chunks)
    space.stages.push_back(2);
  space.stages.push_back(1);
  return space;
}

std::optional<TileSpace> einfall::tileSpaceOf(const BlockPlan &plan,
                                              const TileChoice &asked,
                                              std::string &reason) {
  TileSpace space = wholeSpace(plan);
  bool hasRoles = plan.staging == Staging::Boxes;
  auto refuse = [&](const Twine &why) {
    reason = why.str();
    return std::nullopt;
  };
  if (asked.rows) {
    llvm::erase_if(space.rows, [&](const TileSpace::Rows &each) {
      return each.rows() != *asked.rows;
    });
    if (space.rows.empty())
      return refuse(hasRoles ? "one to " + Twine(mostConsumers) +
                                   " warpgroups keep 64 rows each, not " +
                                   Twine(*asked.rows)
                             : "a block without roles keeps 16, 32, 64 or "
                               "128 rows, not " +
                                   Twine(*asked.rows));
  }
  if (asked.keys) {
    int64_t most = hasRoles ? mostColumns : mostKeys;
    if (*asked.keys % 16 || *asked.keys < leastKeys || *asked.keys > most)
      return refuse(Twine(hasRoles ? "a product of a warpgroup" : "a tile") +
                    " has " + Twine(leastKeys) + " to " + Twine(most) +
                    " keys in steps of 16, not " + Twine(*asked.keys));
    space.keys = {*asked.keys};
  }
  if (asked.stages) {
    if (!llvm::is_contained(space.stages, *asked.stages))
      return refuse(
          hasRoles
              ? "products run one tile behind: 2 to " + Twine(mostStages) +
                    " stages are possible, not " + Twine(*asked.stages)
              : "this program has 1 to " + Twine(int64_t(space.stages.size())) +
                    " stages, not " + Twine(*asked.stages));
    space.stages = {*asked.stages};
  }
  return space;
}

std::optional<Excess> einfall::giveShape(BlockPlan &plan,
                                         const TileShape &shape,
                                         const Machine &machine) {
  plan.warps = shape.warps;
  plan.fragments = shape.fragments;
  plan.keys = shape.keys;
  plan.stages = shape.stages;
  plan.spills = false;
  int64_t registers = machine.block.registersPerThread;
  if (plan.staging == Staging::Boxes) {
    layOutBoxes(plan, machine);
    if (plan.consumerRegisters)
      registers = std::min(plan.consumerRegisters, registers);
  } else {
    layOutBlocks(plan);
  }
  using Of = Excess::Of;
  if (plan.threads() > machine.block.threads)
    return Excess{Of::Threads, plan.threads(), machine.block.threads};
  // A warpgroup, or half of the warps, would have no rows.
  if (plan.rowCount && shape.rows() > 64) {
    int64_t needs =
        plan.staging == Staging::Boxes ? shape.rows() - 64 : shape.rows() / 2;
    if (*plan.rowCount <= needs)
      return Excess{Of::Rows, needs + 1, *plan.rowCount};
  }
  if (plan.registers > registers)
    return Excess{Of::Registers, plan.registers, registers};
  if (plan.shared > machine.block.sharedBytes)
    return Excess{Of::Shared, plan.shared, machine.block.sharedBytes};
  return std::nullopt;
}

std::string einfall::textOf(const Excess &excess, const BlockPlan &plan,
                            const Machine &machine) {
  const std::string &name = machine.architecture;
  std::string shape =
      (Twine(plan.rows()) + " rows and " + Twine(plan.keys) + " keys").str();
  std::string needs = std::to_string(excess.needs),
              has = std::to_string(excess.has);
  switch (excess.of) {
  case Excess::Of::Rows:
    return (Twine(plan.rows()) + " rows leave warps without any: there are " +
            has)
        .str();
  case Excess::Of::Threads:
    return shape + " take " + needs + " threads; a block of " + name + " has " +
           has;
  case Excess::Of::Registers:
    return shape + " take " + needs + " registers; a thread of " +
           (plan.staging == Staging::Boxes
                ? std::to_string(plan.consumers()) + " consumers on "
                : "") +
           name + " has " + has;
  case Excess::Of::Shared:
    return shape + " take " + needs + " bytes of shared memory; a block of " +
           name + " has " + has;
  }
  return "";
}

bool einfall::chooseShape(BlockPlan &plan, const Machine &machine,
                          std::string &reason) {
  std::optional<TileSpace> space = tileSpaceOf(plan, plan.fixed, reason);
  if (!space)
    return false;
  std::optional<TileShape> best, fewest;
  mpq_class least;
  int64_t fewestRegisters = 0;
  for (const TileShape &shape : space->shapes()) {
    std::optional<Excess> excess = giveShape(plan, shape, machine);
    if (!excess) {
      mpq_class cost = costOf(plan, machine).perScore;
      if (best && cost >= least)
        continue;
      best = shape;
      least = cost;
      continue;
    }
    reason = textOf(*excess, plan, machine);
    bool mayspill = plan.staging != Staging::Boxes && !plan.fixed &&
                    excess->of == Excess::Of::Registers &&
                    plan.shared <= machine.block.sharedBytes;
    if (mayspill && (!fewest || plan.registers < fewestRegisters)) {
      fewest = shape;
      fewestRegisters = plan.registers;
    }
  }
  if (!best && !fewest)
    return false;
  giveShape(plan, best ? *best : *fewest, machine);
  plan.spills = !best;
  return true;
}
