//===- CostModel.cpp - What a tile takes of a GPU -------------------------===//

#include "passes/Schedule/CostModel.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

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

namespace {

/// What threads do for one row and one key, in halves of an instruction.
struct ElementWork {
  int64_t special = 0, halves = 0;
};

} // namespace

/// Maps of a fold's step that every row and key of a tile has its own of.
static ElementWork elementWork(const BlockPlan &plan, const BlockFold &fold) {
  ElementWork work;
  FoldOp op = fold.plan->fold;
  StringRef row = plan.tiles.row, stream = fold.plan->stream;
  op.getStep().walk([&](MapOp map) {
    FieldType type = fieldType(map.getResult());
    bool own = type.hasRank(row) && type.hasRank(stream);
    for (StringRef rank : type.getRankNames())
      own &= rank == row || rank == stream ||
             llvm::is_contained(plan.tiles.items, rank);
    // Scores come from matrix units; what makes a logical value is no
    // arithmetic of every tile.
    if (!own || fold.plan->contractions.count(map.getResult()))
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

static TileCost costOfFold(const BlockPlan &plan, const BlockFold &fold,
                           const Machine &machine, int64_t resident) {
  TileCost cost;
  int64_t rows = plan.rows(), keys = plan.keys, scores = rows * keys;
  int64_t flop = plan.onMatrixUnits ? machine.matrixFlopPerClock("f16")
                 : plan.tf32        ? machine.matrixFlopPerClock("tf32")
                                    : 0;
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
  ElementWork work = elementWork(plan, fold);
  if (machine.specialPerClock)
    cost.special = ratio(scores * work.special, machine.specialPerClock);
  // An instruction for each lane and clock: half of what FMA count.
  cost.arithmetic = ratio(scores * work.halves, machine.fmaFlopPerClock);
  if (!flop) {
    cost.arithmetic += cost.contraction + cost.panels;
    cost.contraction = cost.panels = 0;
  }
  cost.shared = ratio(read + copied, machine.sharedBytesPerClock);
  // Bytes over what an SM gets of L2 in a clock.
  mpq_class perClock = mpq_class(machine.levels.back().bytesPerSecond) /
                       mpq_class(machine.clockHz) / long(machine.units);
  cost.copies = mpq_class(long(copied)) / perClock;

  mpq_class matrix = cost.contraction + cost.panels;
  mpq_class threads = std::max(cost.special, cost.arithmetic);
  // Two warpgroups take turns; a lone one works on the scores of a tile while
  // the accumulators of the one before are multiplied. Without roles it is
  // other warps that multiply meanwhile, where there are enough.
  bool overlaps =
      hasBoxes ? plan.consumers() > 1 : resident * int64_t(plan.warps) >= 8;
  mpq_class busy = matrix + threads;
  if (overlaps)
    busy = std::max(matrix, threads);
  else if (hasBoxes)
    busy = cost.contraction + std::max(cost.panels, threads);
  cost.clocks = std::max({busy, cost.shared, cost.copies});
  if (cost.clocks == cost.copies)
    cost.limit = "copies from L2";
  else if (cost.clocks == cost.shared)
    cost.limit = "shared memory";
  else if (!overlaps)
    cost.limit = "products and arithmetic that take turns";
  else if (cost.clocks == matrix)
    cost.limit = "matrix units";
  else
    cost.limit =
        threads == cost.special ? "special functions" : "arithmetic of threads";
  // Keys and panels that come, and products that land.
  cost.waits = 3 * long(machine.barrierClocks);
  cost.clocks += cost.waits;
  return cost;
}

BlockCost einfall::costOf(const BlockPlan &plan, const Machine &machine) {
  BlockCost cost;
  cost.scores = plan.rows() * plan.keys;
  cost.resident = std::max<int64_t>(
      1, std::min({machine.perUnit.sharedBytes /
                       (plan.shared + machine.perUnit.sharedReservedBytes),
                   machine.perUnit.threads / plan.threads(),
                   machine.perUnit.blocks}));
  for (const BlockFold &fold : plan.folds) {
    cost.folds.push_back(costOfFold(plan, fold, machine, cost.resident));
    cost.perScore += cost.folds.back().clocks / long(cost.scores);
  }
  return cost;
}

std::optional<LaunchShape>
einfall::launchOf(const BlockPlan &plan, const BlockCost &cost,
                  const Machine &machine,
                  const llvm::StringMap<int64_t> &extents) {
  auto row = extents.find(plan.tiles.row);
  if (row == extents.end())
    return std::nullopt;
  LaunchShape shape;
  shape.blocks = (row->second + plan.rows() - 1) / plan.rows();
  for (StringRef rank : plan.tiles.items) {
    auto known = extents.find(rank);
    if (known == extents.end())
      return std::nullopt;
    shape.blocks *= known->second;
  }
  double clocks = 0; // of a block that has an SM for itself
  for (auto [fold, tile] : llvm::zip(plan.folds, cost.folds)) {
    auto known = extents.find(fold.plan->stream);
    if (known == extents.end())
      return std::nullopt;
    int64_t tiles = (known->second + plan.keys - 1) / plan.keys;
    clocks += tile.clocks.get_d() * tiles;
  }
  int64_t round = machine.units * cost.resident;
  shape.waves = (shape.blocks + round - 1) / round;
  shape.filled =
      shape.waves ? double(shape.blocks) / (double(shape.waves) * round) : 1;
  shape.seconds = clocks * cost.resident * shape.waves / machine.clockHz;
  return shape;
}
