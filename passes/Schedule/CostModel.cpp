//===- CostModel.cpp - What a tile takes of a GPU -------------------------===//

#include "passes/Schedule/CostModel.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Of an SM, each with matrix units of its own.
static constexpr int64_t partsOfUnit = 4;
/// Keys and panels that come, and products that land.
static constexpr long waitsOfTile = 3;
/// A row of a fragment lies in a quad; who joins its numbers exchanges them
/// twice, and combines what came.
static constexpr int64_t lanesOfQuad = 4, exchangesOfQuad = 2;
/// Whether a reference is there, and whether it moved: two comparisons and
/// selections of what counts for absent, and one of old and new.
static constexpr int64_t testsOfReference = 5;

static mpq_class ratio(int64_t amount, int64_t perClock) {
  return mpq_class(long(amount)) / mpq_class(long(perClock));
}

static bool isSpecial(Function function) {
  switch (function) {
  case Function::Div:
  case Function::Pow:
  case Function::Exp:
  case Function::Log:
  case Function::Sqrt:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
    return true;
  default:
    return false;
  }
}

/// Maps of a fold's step that every row and key of a tile has its own of.
ElementWork einfall::workOf(const BlockPlan &plan, const BlockFold &fold) {
  ElementWork work;
  FoldOp op = fold.plan->fold;
  StringRef row = plan.tiles.row, stream = fold.plan->stream;
  op.getStep().walk([&](MapOp map) {
    FieldType type = fieldType(map.getResult());
    bool own = type.hasRank(row) && type.hasRank(stream);
    for (StringRef rank : type.getRankNames())
      own &= rank == row || rank == stream ||
             llvm::is_contained(plan.tiles.items, rank);
    // Scores come from matrix units; conditions, and positions that they
    // compare, are no arithmetic of every tile: most are full.
    if (!own || type.getKind() != Kind::Real ||
        fold.plan->contractions.count(map.getResult()))
      return;
    work.halves += 2;
    work.special += isSpecial(map.getFunction());
  });
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix)
      work.halves += 2;               // a sum or a maximum
  work.halves += fold.weights.size(); // two weights are packed at once
  return work;
}

RowWork einfall::rowWorkOf(const BlockPlan &plan, const BlockFold &fold) {
  FoldOp op = fold.plan->fold;
  RowWork each, columns; // of a lane, and of all columns
  for (const Component &component : fold.plan->components) {
    if (component.isMatrix)
      continue;
    each.instructions += op.isReference(component.number)
                             ? exchangesOfQuad * 2 + testsOfReference
                             : 1; // the sum of the tile
  }
  op.getAct().walk([&](MapOp map) {
    FieldType type = fieldType(map.getResult());
    int64_t width = 0;
    for (const BlockMatrix &matrix : fold.matrices)
      if (type.hasRank(matrix.component->feature))
        width = std::max(width, matrix.panel.padded());
    RowWork &work = width ? columns : each;
    int64_t times = width ? width : 1;
    work.instructions += times;
    work.special += times * isSpecial(map.getFunction());
  });
  return {lanesOfQuad * each.special + columns.special,
          lanesOfQuad * each.instructions + columns.instructions};
}

int64_t einfall::flopOfOperands(const BlockPlan &plan, const Machine &machine) {
  return plan.onMatrixUnits ? machine.matrixFlopPerClock("f16")
         : plan.tf32        ? machine.matrixFlopPerClock("tf32")
                            : 0;
}

mpq_class einfall::copyBytesPerClock(const Machine &machine) {
  return mpq_class(machine.levels.back().bytesPerSecond) /
         mpq_class(machine.clockHz) / long(machine.units);
}

static TileCost costOfFold(const BlockPlan &plan, const BlockFold &fold,
                           const Machine &machine, int64_t resident) {
  TileCost cost;
  int64_t rows = plan.rows(), keys = plan.keys, scores = rows * keys;
  int64_t flop = flopOfOperands(plan, machine);
  auto products = [&](int64_t inner) {
    return ratio(2 * scores * inner, flop ? flop : machine.fmaFlopPerClock);
  };
  bool hasBoxes = plan.staging == Staging::Boxes;
  // Who multiplies reads the keys' operands for itself.
  int64_t readers = hasBoxes ? plan.consumers() : plan.warps;
  int64_t read = 0, copied = 0;
  for (const BlockContraction &contraction : fold.contractions) {
    cost.contraction += products(contraction.keys.padded());
    int64_t bytes =
        keys * contraction.keys.padded() * contraction.keys.elementBytes();
    copied += bytes;
    read += readers * bytes +
            rows * contraction.rows.padded() * contraction.rows.elementBytes();
  }
  for (const BlockMatrix &matrix : fold.matrices) {
    cost.panels += products(matrix.panel.padded());
    int64_t bytes = keys * matrix.panel.padded() * matrix.panel.elementBytes();
    copied += bytes;
    read += readers * bytes;
  }
  ElementWork work = workOf(plan, fold);
  RowWork ofRow = rowWorkOf(plan, fold);
  if (machine.specialPerClock)
    cost.special = ratio(scores * work.special + rows * ofRow.special,
                         machine.specialPerClock);
  // An instruction for each lane and clock: half of what FMA count.
  cost.arithmetic = ratio(scores * work.halves + 2 * rows * ofRow.instructions,
                          machine.fmaFlopPerClock);
  // A warp works in one of the parts of an SM.
  mpq_class parts =
      ratio(partsOfUnit, std::min(partsOfUnit, resident * int64_t(plan.warps)));
  for (mpq_class *time :
       {&cost.contraction, &cost.panels, &cost.special, &cost.arithmetic})
    *time *= parts;
  if (!flop) {
    cost.arithmetic += cost.contraction + cost.panels;
    cost.contraction = cost.panels = 0;
  }
  cost.shared = ratio(read + copied, machine.sharedBytesPerClock);
  cost.copies = mpq_class(long(copied)) / copyBytesPerClock(machine);

  mpq_class matrix = cost.contraction + cost.panels;
  mpq_class threads = std::max(cost.special, cost.arithmetic);
  // Two warpgroups take turns; a lone one works on the scores of a tile while
  // the accumulators of the one before are multiplied. Without roles it is
  // other warps that multiply meanwhile, where each part of an SM has two.
  bool overlaps = hasBoxes ? plan.consumers() > 1
                           : resident * int64_t(plan.warps) >= 2 * partsOfUnit;
  mpq_class busy = matrix + threads;
  if (overlaps)
    busy = std::max(matrix, threads);
  else if (hasBoxes)
    busy = cost.contraction + std::max(cost.panels, threads);
  // With one stage nobody computes while a tile comes.
  bool ahead = plan.stages > 1;
  cost.clocks = std::max(busy, cost.shared);
  if (ahead && cost.copies >= cost.clocks)
    cost.limit = "copies from L2";
  else if (cost.shared >= busy)
    cost.limit = "shared memory";
  else if (!overlaps && matrix > 0)
    cost.limit = "products and arithmetic that take turns";
  else if (matrix >= threads)
    cost.limit = "matrix units";
  else
    cost.limit =
        threads == cost.special ? "special functions" : "arithmetic of threads";
  cost.clocks = ahead ? std::max(cost.clocks, cost.copies)
                      : mpq_class(cost.clocks + cost.copies);
  // Where an SM has several blocks, one computes while another waits.
  if (resident == 1)
    cost.waits = waitsOfTile * long(machine.barrierClocks);
  cost.clocks += cost.waits;
  return cost;
}

/// Blocks that an SM has room for. With roles a block takes its registers
/// whole.
static int64_t residentBlocks(const BlockPlan &plan, const Machine &machine) {
  if (plan.staging == Staging::Boxes)
    return 1;
  const UnitLimits &unit = machine.perUnit;
  int64_t ofWarp = llvm::alignTo(machine.warpLanes * plan.registers,
                                 unit.registersPerWarpUnit);
  return std::max<int64_t>(
      1, std::min({unit.sharedBytes / (plan.shared + unit.sharedReservedBytes),
                   unit.threads / plan.threads(), unit.blocks,
                   unit.registers / (int64_t(plan.warps) * ofWarp)}));
}

static int64_t wholeClocks(const mpq_class &clocks) {
  mpz_class whole;
  mpz_cdiv_q(whole.get_mpz_t(), clocks.get_num_mpz_t(), clocks.get_den_mpz_t());
  return whole.get_si();
}

LaunchTerms einfall::launchTermsOf(const BlockPlan &plan,
                                   const Machine &machine) {
  LaunchTerms terms;
  terms.rows = plan.rows();
  terms.keys = plan.keys;
  terms.packs = plan.packed.has_value();
  int64_t resident = terms.resident = residentBlocks(plan, machine);
  for (const BlockFold &fold : plan.folds) {
    auto clocks = [&](int64_t blocks) {
      return wholeClocks(costOfFold(plan, fold, machine, blocks).clocks);
    };
    terms.lone.push_back(clocks(1));
    terms.together.push_back(clocks(resident));
    int64_t rowBytes = 0;
    for (const BlockContraction &contraction : fold.contractions)
      rowBytes += plan.rows() * contraction.rows.padded() *
                  contraction.rows.elementBytes();
    mpq_class start = mpq_class(long(machine.memoryClocks)) +
                      mpq_class(long(rowBytes)) / copyBytesPerClock(machine);
    if (plan.stages > 1)
      start += costOfFold(plan, fold, machine, 1).copies;
    terms.start.push_back(wholeClocks(start));
  }
  return terms;
}

LaunchMachine einfall::launchMachineOf(const Machine &machine) {
  LaunchMachine launch;
  launch.units = machine.units;
  launch.cacheClocks = machine.cacheClocks;
  launch.launchClocks = wholeClocks(mpq_class(machine.launchNanoseconds) *
                                    machine.clockHz / 1000000000);
  mpq_class all = copyBytesPerClock(machine) * long(machine.units);
  launch.bytesPerClock =
      std::max<int64_t>(mpz_class(all.get_num() / all.get_den()).get_si(), 1);
  return launch;
}

BlockCost einfall::costOf(const BlockPlan &plan, const Machine &machine) {
  BlockCost cost;
  cost.scores = plan.rows() * plan.keys;
  cost.resident = residentBlocks(plan, machine);
  for (const BlockFold &fold : plan.folds) {
    cost.folds.push_back(costOfFold(plan, fold, machine, cost.resident));
    cost.perScore += cost.folds.back().clocks / long(cost.scores);
  }
  return cost;
}
