//===- WarpgroupPlan.cpp - The shape of Hopper's program ------------------===//
//
// How many warpgroups keep rows, and how many keys a tile has. More rows use
// every copied key more often; more keys mean fewer barriers and moves of
// references. Of the shapes that fit, the one that takes least by the cost
// model is chosen. What fits, registers decide: a consumer holds the scores of
// a tile, the packed weights of the tile before, and its accumulators.
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/BlockPlan.h"

#include "passes/Schedule/CostModel.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Registers for what is not scores, weights or accumulators: rows' references
/// and sums, addresses, loop counters and what the evaluation of masks takes.
static constexpr int64_t otherRegisters = 36;
/// What is searched, and what a product of a warpgroup can have.
static constexpr int64_t mostKeys = 128, leastKeys = 16, mostColumns = 256;
static constexpr unsigned mostConsumers = 3;
static constexpr int64_t mostStages = 4;

/// Divides a block's registers among its roles, in steps of 8: a producer needs
/// few. A lone consumer has what threads have evenly.
static void divideRegisters(BlockPlan &plan, const Machine &machine) {
  int64_t consumers = plan.consumers();
  plan.producerRegisters = plan.consumerRegisters = 0;
  if (consumers < 2)
    return;
  plan.producerRegisters = consumers == 2 ? 24 : 32;
  int64_t warpgroup = 4 * machine.warpLanes;
  int64_t left = machine.perUnit.registers / warpgroup - plan.producerRegisters;
  plan.consumerRegisters =
      std::min(left / consumers, machine.block.registersPerThread) / 8 * 8;
}

std::string einfall::whyNotRegisters(const BlockPlan &plan,
                                     const Machine &machine) {
  if (plan.staging != Staging::Boxes)
    return "";
  BlockPlan there = plan;
  divideRegisters(there, machine);
  int64_t has = there.consumerRegisters ? there.consumerRegisters
                                        : machine.block.registersPerThread;
  if (plan.registers <= has && plan.consumerRegisters <= has)
    return "";
  return (Twine(plan.rows()) + " rows and " + Twine(plan.keys) + " keys take " +
          Twine(std::max(plan.registers, plan.consumerRegisters)) +
          " registers; a thread of " + Twine(plan.consumers()) +
          " consumers on " + machine.architecture + " has " + Twine(has))
      .str();
}

/// Bulk copies take a coordinate of every dimension: the inner and the outer
/// rank must be dimensions of their own.
static bool isBox(const SharedOperand &operand) {
  auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
  if (read.getIndices().size() > 5)
    return false;
  unsigned outer = 0;
  for (Value index : read.getIndices()) {
    auto coord = index.getDefiningOp<CoordOp>();
    if (coord && coord.getRank() == operand.outer)
      ++outer;
    else if (fieldType(index).hasRank(operand.outer))
      return false;
  }
  return outer == 1;
}

static int64_t registersOf(const BlockPlan &plan, int64_t keys) {
  int64_t most = 0;
  for (const BlockFold &fold : plan.folds) {
    int64_t count = otherRegisters +
                    int64_t(fold.contractions.size()) * keys / 2 +
                    int64_t(fold.weights.size()) * keys / 4;
    for (const BlockMatrix &matrix : fold.matrices)
      count += matrix.panel.padded() / 2;
    most = std::max(most, count);
  }
  return most;
}

/// Rows, then `stages` tiles of keys, then the barriers and the coordinates.
static void layOutBoxes(BlockPlan &plan) {
  plan.shared = 0;
  for (BlockFold &fold : plan.folds) {
    int64_t used = 0;
    auto layOut = [&](SharedOperand &operand, int64_t rows) {
      operand.rows = rows;
      operand.rowBytes = SharedOperand::boxRowBytes;
      operand.offset = used;
      used += operand.boxes() * operand.boxBytes();
    };
    for (BlockContraction &contraction : fold.contractions)
      layOut(contraction.rows, plan.rows());
    int64_t first = used;
    for (BlockContraction &contraction : fold.contractions)
      layOut(contraction.keys, plan.keys);
    for (BlockMatrix &matrix : fold.matrices)
      layOut(matrix.panel, plan.keys);
    fold.stageBytes = used - first;
    plan.shared = std::max(plan.shared, first + plan.stages * fold.stageBytes);
  }
  for (BlockFold &fold : plan.folds) {
    fold.barriers = plan.shared;
    plan.shared += 8 * (1 + 4 * plan.stages);
  }
  plan.coordinates = plan.shared;
  plan.shared += 4 * (1 + int64_t(plan.tiles.items.size()));
}

/// Outputs of 16-bit numbers with a feature rank lie, before they are copied,
/// where the rows of the last fold's operands did.
static void planOutputs(BlockPlan &plan, KernelOp kernel) {
  int64_t boxes = 0;
  for (const BlockContraction &contraction : plan.folds.back().contractions)
    boxes += contraction.rows.boxes();
  unsigned map = plan.operands().size();
  for (auto output : kernel.getBody().getOps<OutputOp>()) {
    Type storage = output.getStorage();
    SmallVector<StringRef> ranks = names(output.getDims());
    auto feature = llvm::find_if(
        ranks, [&](StringRef rank) { return plan.features.count(rank); });
    if (feature == ranks.end() || ranks.size() > 5 ||
        !(storage.isF16() || storage.isBF16()) ||
        plan.columnsOf(*feature) * 4 > boxes * SharedOperand::boxElements)
      continue;
    plan.boxOutputs.push_back({output, map++});
  }
}

/// Gives the plan a shape; the reason where it cannot have it.
static std::string tryShape(BlockPlan &plan, const DeviceMachine &machine,
                            unsigned consumers, int64_t keys,
                            std::optional<int64_t> rows) {
  plan.warps = 4 * consumers;
  plan.keys = keys;
  divideRegisters(plan, machine.description);
  plan.registers = registersOf(plan, keys);
  layOutBoxes(plan);
  const BlockLimits &limits = machine.description.block;
  auto shape = [&] {
    return (Twine(plan.rows()) + " rows and " + Twine(keys) + " keys").str();
  };
  if (plan.threads() > limits.threads)
    return (shape() + " take " + Twine(plan.threads()) +
            " threads; a block of " + machine.target + " has " +
            Twine(limits.threads))
        .str();
  if (rows && consumers > 1 && *rows <= 64 * (int64_t(consumers) - 1))
    return (Twine(plan.rows()) +
            " rows leave a warpgroup without any: there are " + Twine(*rows))
        .str();
  if (std::string why = whyNotRegisters(plan, machine.description);
      !why.empty())
    return why;
  if (plan.shared > limits.sharedBytes)
    return (shape() + " take " + Twine(plan.shared) +
            " bytes of shared memory; a block of " + machine.target + " has " +
            Twine(limits.sharedBytes))
        .str();
  return "";
}

bool einfall::planWarpgroups(BlockPlan &plan, KernelOp kernel,
                             const DeviceMachine &machine,
                             std::optional<int64_t> rows,
                             const TileChoice &asked, std::string &reason) {
  if (!machine.hasWarpgroups) {
    reason = machine.target + " has no products of warpgroups";
    return false;
  }
  if (!plan.onMatrixUnits) {
    reason = "operands are no 16-bit numbers";
    return false;
  }
  bool boxes = true;
  unsigned maps = 0;
  for (SharedOperand *operand : plan.operands()) {
    boxes &= isBox(*operand);
    operand->map = maps++;
  }
  if (!boxes) {
    reason = "operands are no boxes of tensors";
    return false;
  }
  if (asked.rows && (*asked.rows % 64 || *asked.rows < 64 ||
                     *asked.rows > 64 * int64_t(mostConsumers))) {
    reason = ("one to " + Twine(mostConsumers) +
              " warpgroups keep 64 rows each, not " + Twine(*asked.rows))
                 .str();
    return false;
  }
  if (asked.keys && (*asked.keys % 16 || *asked.keys < leastKeys ||
                     *asked.keys > mostColumns)) {
    reason =
        ("a product of a warpgroup has " + Twine(leastKeys) + " to " +
         Twine(mostColumns) + " keys in steps of 16, not " + Twine(*asked.keys))
            .str();
    return false;
  }
  if (asked.stages && (*asked.stages < 2 || *asked.stages > mostStages)) {
    reason = ("products run one tile behind: 2 to " + Twine(mostStages) +
              " stages are possible, not " + Twine(*asked.stages))
                 .str();
    return false;
  }
  plan.stages = asked.stages.value_or(plan.stages);
  std::optional<std::pair<unsigned, int64_t>> best;
  mpq_class least;
  int64_t most = asked.keys.value_or(mostKeys);
  for (unsigned consumers = mostConsumers; consumers >= 1; --consumers) {
    if (asked.rows && *asked.rows != 64 * int64_t(consumers))
      continue;
    for (int64_t keys = most; keys >= asked.keys.value_or(leastKeys);
         keys -= 16) {
      reason = tryShape(plan, machine, consumers, keys, rows);
      if (!reason.empty())
        continue;
      mpq_class cost = costOf(plan, machine.description).perScore;
      if (best && cost >= least)
        continue;
      best = {consumers, keys};
      least = cost;
    }
  }
  if (!best)
    return false;
  tryShape(plan, machine, best->first, best->second, rows);
  planOutputs(plan, kernel);
  return true;
}
