//===- ChoiceClaim.cpp - That a shape is the least, as a claim ------------===//
//
// What the model takes of a plan and of a machine, as integers, and every
// candidate as it was found (passes/Certificate/Choice.h).
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/Candidates.h"

using namespace mlir;
using namespace einfall;
using certificate::Choice;

static Choice::Figures figuresOf(const BlockPlan &plan,
                                 const Machine &machine) {
  Choice::Figures figures;
  figures.warpLanes = machine.warpLanes;
  figures.matrixFlopPerClock = flopOfOperands(plan, machine);
  figures.fmaFlopPerClock = machine.fmaFlopPerClock;
  figures.specialPerClock = machine.specialPerClock;
  figures.sharedBytesPerClock = machine.sharedBytesPerClock;
  figures.copyBytesPerClock = copyBytesPerClock(machine);
  figures.barrierClocks = machine.barrierClocks;
  figures.threads = machine.block.threads;
  figures.registersPerThread = machine.block.registersPerThread;
  figures.sharedBytes = machine.block.sharedBytes;
  figures.unitRegisters = machine.perUnit.registers;
  figures.unitThreads = machine.perUnit.threads;
  figures.unitBlocks = machine.perUnit.blocks;
  figures.unitSharedBytes = machine.perUnit.sharedBytes;
  figures.sharedReservedBytes = machine.perUnit.sharedReservedBytes;
  figures.registersPerWarpUnit = machine.perUnit.registersPerWarpUnit;
  return figures;
}

static Choice::Fold foldOf(const BlockPlan &plan, const BlockFold &fold) {
  auto operandOf = [&](const SharedOperand &operand) {
    return Choice::Operand{operand.padded(), operand.elementBytes(),
                           operand.direct};
  };
  Choice::Fold result;
  for (const BlockContraction &contraction : fold.contractions)
    result.contractions.push_back(operandOf(contraction.keys));
  for (const BlockMatrix &matrix : fold.matrices)
    result.panels.push_back(operandOf(matrix.panel));
  result.weights = fold.weights.size();
  for (const BlockWeights &weights : fold.weights)
    result.storedWeights += weights.offset.has_value();
  ElementWork work = workOf(plan, fold);
  result.special = work.special;
  result.halves = work.halves;
  RowWork ofRow = rowWorkOf(plan, fold);
  result.rowSpecial = ofRow.special;
  result.rowInstructions = ofRow.instructions;
  return result;
}

static const char *nameOfExcess(Excess::Of of) {
  switch (of) {
  case Excess::Of::Rows:
    return "rows";
  case Excess::Of::Threads:
    return "threads";
  case Excess::Of::Registers:
    return "registers";
  case Excess::Of::Shared:
    return "shared bytes";
  }
  return "";
}

Choice einfall::claimOf(const CandidateSpace &space, const Machine &machine) {
  const BlockPlan &plan = space.plan;
  Choice choice;
  choice.program = plan.staging == Staging::Boxes ? Choice::Program::Warpgroups
                                                  : Choice::Program::Blocks;
  choice.figures = figuresOf(plan, machine);
  for (const BlockFold &fold : plan.folds)
    choice.folds.push_back(foldOf(plan, fold));
  choice.items = plan.tiles.items.size();
  choice.rows = plan.rowCount;
  for (const TileSpace::Rows &rows : space.space.rows)
    choice.warps.push_back({rows.warps, rows.fragments});
  choice.keys.assign(space.space.keys.begin(), space.space.keys.end());
  choice.stages.assign(space.space.stages.begin(), space.space.stages.end());
  for (const Candidate &candidate : space.candidates) {
    const TileShape &shape = candidate.shape;
    Choice::Candidate &claim = choice.candidates.emplace_back();
    claim.warps = {shape.warps, shape.fragments};
    claim.keys = shape.keys;
    claim.stages = shape.stages;
    if (candidate.excess) {
      claim.excess = nameOfExcess(candidate.excess->of);
      claim.needs = candidate.excess->needs;
      claim.has = candidate.excess->has;
      continue;
    }
    claim.registers = candidate.registers;
    claim.sharedBytes = candidate.sharedBytes;
    claim.resident = candidate.cost.resident;
    for (const TileCost &tile : candidate.cost.folds)
      claim.folds.push_back({tile.contraction, tile.panels, tile.special,
                             tile.arithmetic, tile.shared, tile.copies,
                             tile.waits, tile.clocks});
    claim.clocks = candidate.cost.perScore;
  }
  choice.chosen = *space.chosen;
  return choice;
}
