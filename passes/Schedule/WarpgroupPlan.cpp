//===- WarpgroupPlan.cpp - The shape of Hopper's program ------------------===//
//
// How many warpgroups keep rows, and how many keys a tile has. More rows use
// every copied key more often; more keys mean fewer barriers and moves of
// references. Registers decide: a consumer holds the scores of a tile, the
// packed weights of the tile before, and its accumulators.
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/BlockPlan.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Registers for what is not scores, weights or accumulators: rows' references
/// and sums, addresses, loop counters and what the evaluation of masks takes.
static constexpr int64_t otherRegisters = 36;
static constexpr int64_t mostKeys = 128, leastKeys = 16;

unsigned BlockPlan::producerRegisters() const {
  return consumers() == 2 ? 24 : consumers() == 3 ? 32 : 0;
}
unsigned BlockPlan::consumerRegisters() const {
  return consumers() == 2 ? 240 : consumers() == 3 ? 160 : 0;
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

bool einfall::planWarpgroups(BlockPlan &plan, KernelOp kernel,
                             const DeviceMachine &machine,
                             std::optional<int64_t> rows, std::string &reason) {
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
  // The largest tile that fits.
  std::optional<std::pair<unsigned, int64_t>> best;
  for (unsigned consumers : {3, 2, 1}) {
    if (rows && consumers > 1 && *rows <= 64 * (int64_t(consumers) - 1))
      continue;
    for (int64_t keys = mostKeys; keys >= leastKeys; keys -= 16) {
      plan.warps = 4 * consumers;
      plan.keys = keys;
      unsigned registers = plan.consumerRegisters();
      layOutBoxes(plan);
      bool fits = registersOf(plan, keys) <= (registers ? registers : 255) &&
                  plan.shared <= machine.sharedBytes;
      if (fits && (!best || consumers * keys > best->first * best->second))
        best = {consumers, keys};
    }
  }
  if (best) {
    plan.warps = 4 * best->first;
    plan.keys = best->second;
    layOutBoxes(plan);
    planOutputs(plan, kernel);
    return true;
  }
  reason = "64 rows and 16 keys take " + std::to_string(registersOf(plan, 16)) +
           " registers and " + std::to_string(plan.shared) +
           " bytes of shared memory; " + machine.target + " has 255 and " +
           std::to_string(machine.sharedBytes);
  return false;
}
