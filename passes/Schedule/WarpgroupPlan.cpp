//===- WarpgroupPlan.cpp - The shape of Hopper's program ------------------===//
//
// Which kernels it takes, and what a shape needs. More rows use every copied
// key more often; more keys mean fewer barriers and moves of references. What
// fits, registers decide: a consumer holds the scores of a tile, the packed
// weights of the tile before, and its accumulators.
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/TileSpace.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Registers for what is not scores, weights or accumulators: rows' references
/// and sums, addresses, loop counters and what the evaluation of masks takes;
/// one more where keys are a multiple of 32, as ptxas 13.0 takes it.
static constexpr int64_t otherRegisters = 36, keysOfMore = 32;
/// Elements of 16 bits that wgmma contracts (PTX ISA, "wgmma.m64nNk16").
static constexpr int64_t depthOfProduct = 16;

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
  Excess excess{Excess::Of::Registers, plan.registers,
                machine.block.registersPerThread};
  if (plan.staging == Staging::Boxes) {
    BlockPlan there = plan;
    divideRegisters(there, machine);
    if (there.consumerRegisters)
      excess.has = there.consumerRegisters;
    excess.needs = std::max(plan.registers, plan.consumerRegisters);
  }
  if (excess.needs <= excess.has || plan.spills)
    return "";
  return textOf(excess, plan, machine);
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

static int64_t registersOfConsumer(const BlockPlan &plan) {
  int64_t most = 0;
  for (const BlockFold &fold : plan.folds) {
    int64_t count = otherRegisters + (plan.keys % keysOfMore == 0) +
                    int64_t(fold.contractions.size()) * plan.keys / 2 +
                    int64_t(fold.weights.size()) * plan.keys / 4;
    for (const BlockMatrix &matrix : fold.matrices)
      count += matrix.panel.padded() / 2;
    most = std::max(most, count);
  }
  return most;
}

/// Rows, then `stages` tiles of keys, then the barriers and the coordinates.
void einfall::layOutBoxes(BlockPlan &plan, const Machine &machine) {
  divideRegisters(plan, machine);
  plan.registers = registersOfConsumer(plan);
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
void einfall::planBoxOutputs(BlockPlan &plan, KernelOp kernel) {
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

bool einfall::planBoxes(BlockPlan &plan, const DeviceMachine &machine,
                        std::string &reason) {
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
  for (BlockFold &fold : plan.folds)
    for (BlockContraction &contraction : fold.contractions)
      contraction.rows.unit = contraction.keys.unit = depthOfProduct;
  if (!boxes)
    reason = "operands are no boxes of tensors";
  return boxes;
}
