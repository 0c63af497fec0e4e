//===- BlockShape.cpp - What a program without roles takes ----------------===//
//
// Registers and shared memory of a shape, and the shape of the versions whose
// blocks share work: those wait for memory, and what the model counts, clocks
// of an SM in the steady state of a long stream, says nothing of them.
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/TileSpace.h"

#include "dialect/Layout/NvidiaAccess.h"

using namespace mlir;
using namespace einfall;

/// Rows end in a pad that makes their distance an odd number of 16 bytes: eight
/// rows that are read together lie in different banks.
static void layOutPadded(SharedOperand &operand, int64_t rows, int64_t &used) {
  operand.rows = rows;
  int64_t bytes = operand.padded() * operand.elementBytes();
  operand.rowBytes = (bytes / 16 | 1) * 16;
  operand.offset = used;
  used += operand.rowBytes * rows;
}

/// Wavefronts beyond the least of storing a fragment of weights, pairs at a
/// time, and of loading rows, 16 bytes at a time by all lanes of a quad.
static int64_t conflictsOf(const WeightRows &rows) {
  using namespace layout;
  auto memory =
      LayoutBuilder({{"byte", 0}})
          .input("row")
          .repeat(rows.every, {{"byte", rows.rowBytes}})
          .repeat(16 / rows.every,
                  {{"byte", rows.every * rows.rowBytes + rows.padBytes}})
          .input("column")
          .repeat(8, {{"byte", 4}})
          .build();
  auto ofRows = LayoutBuilder({{"row", 16}, {"column", 8}})
                    .input("register")
                    .repeat(4, {{"column", 1}})
                    .input("lane")
                    .repeat(4, {})
                    .repeat(8, {{"row", 1}})
                    .build();
  assert(memory && ofRows && "plain strides");
  int64_t conflicts = 0;
  for (const Layout &registers : {nvidia::mmaC(), *ofRows})
    if (auto cost = sharedAccess(nvidia::sharedMemory(), registers, *memory, 4))
      conflicts += cost->conflicts();
  return conflicts;
}

/// The least bytes that leave no conflicts; chunks of 16 bytes stay whole.
WeightRows BlockPlan::weightRows() const {
  constexpr int64_t mostPad = 128; // of all banks
  WeightRows best;
  std::optional<std::pair<int64_t, int64_t>> least;
  auto consider = [&](WeightRows rows) {
    std::pair cost(conflictsOf(rows), rows.bytesOfEight());
    if (least && cost >= *least)
      return;
    best = rows;
    least = cost;
  };
  for (int64_t pad = 0; pad < mostPad; pad += 16) {
    consider({keys * 4 + pad, 8, 0});
    for (int64_t every : {4, 2})
      consider({keys * 4, every, pad});
  }
  return best;
}

/// Of a thread, whatever it computes: addresses, loop counters, a row's numbers
/// for each of its rows, operands on their way to the matrix units, and weights
/// of many keys between two contractions. Such that
/// the assembler (ptxas 13.0) spills nothing of shapes that fit, and little or
/// nothing of those that just do not (docs/decisions/0010).
static constexpr int64_t registersOfThread = 64, registersOfFragment = 12,
                         registersOfAddress = 5, addressesOfElements = 3,
                         keysOfRegister = 32;

/// Addresses of what a thread brings: chunks of 16 bytes of the keys that it
/// copies, where each needs one of its own (their number in a row is no power
/// of two, so they do not lie the same number of rows apart); some, where it
/// evaluates elements.
static int64_t addressesOf(const SharedOperand &operand, int64_t keys,
                           int64_t threads) {
  int64_t chunks = operand.padded() * operand.elementBytes() / 16;
  if (!operand.direct)
    return addressesOfElements;
  if (llvm::isPowerOf2_64(chunks))
    return 0;
  return llvm::divideCeil(chunks * keys, threads);
}

static int64_t registersOfBlock(const BlockPlan &plan) {
  int64_t most = 0;
  for (const BlockFold &fold : plan.folds) {
    int64_t columns = int64_t(fold.contractions.size()) * plan.keys;
    int64_t addresses = 0;
    for (const BlockContraction &contraction : fold.contractions)
      addresses += addressesOf(contraction.keys, plan.keys, plan.threads());
    for (const BlockMatrix &matrix : fold.matrices) {
      columns += matrix.panel.padded();
      addresses += addressesOf(matrix.panel, plan.keys, plan.threads());
    }
    most =
        std::max(most, registersOfThread +
                           plan.fragments * (registersOfFragment + columns / 2 +
                                             plan.keys / keysOfRegister) +
                           registersOfAddress * addresses);
  }
  return most;
}

void einfall::layOutBlocks(BlockPlan &plan) {
  plan.shared = 0;
  for (BlockFold &fold : plan.folds) {
    int64_t used = 0;
    for (BlockContraction &contraction : fold.contractions)
      layOutPadded(contraction.rows, plan.rows(), used);
    for (BlockWeights &weights : fold.weights)
      if (weights.offset) {
        weights.offset = used;
        used += plan.rows() / 8 * plan.weightRows().bytesOfEight();
      }
    int64_t first = used;
    for (BlockContraction &contraction : fold.contractions)
      layOutPadded(contraction.keys, plan.keys, used);
    for (BlockMatrix &matrix : fold.matrices)
      layOutPadded(matrix.panel, plan.keys, used);
    fold.stageBytes = used - first;
    plan.shared = std::max(plan.shared, first + plan.stages * fold.stageBytes);
  }
  plan.registers = registersOfBlock(plan);
}

bool einfall::shapeForSharing(BlockPlan &plan, const Machine &machine,
                              std::string &reason) {
  // Wide accumulators leave registers for the scores of few keys.
  int64_t features = 0;
  for (const BlockFold &fold : plan.folds)
    for (const BlockMatrix &matrix : fold.matrices)
      features = std::max(features, matrix.panel.padded());
  TileShape shape;
  shape.keys = plan.onMatrixUnits && features > 144 ? 32 : 64;
  shape.stages = plan.staging == Staging::Chunks ? 2 : 1;
  if (plan.fixed) {
    std::optional<TileSpace> space = tileSpaceOf(plan, plan.fixed, reason);
    if (!space)
      return false;
    if (plan.fixed.rows) {
      shape.warps = space->rows.front().warps;
      shape.fragments = space->rows.front().fragments;
    }
    shape.keys = plan.fixed.keys.value_or(shape.keys);
    shape.stages = plan.fixed.stages.value_or(shape.stages);
  }
  // Fewer keys, then fewer rows, until a block's memory is enough.
  for (;;) {
    std::optional<Excess> excess = giveShape(plan, shape, machine);
    bool spills = excess && excess->of == Excess::Of::Registers &&
                  plan.shared <= machine.block.sharedBytes;
    if (!excess || (spills && !plan.fixed)) {
      plan.spills = spills;
      return true;
    }
    reason = textOf(*excess, plan, machine);
    if (plan.fixed)
      return false;
    if (shape.keys > 32)
      shape.keys /= 2;
    else if (shape.stages > 1)
      shape.stages = 1;
    else if (shape.keys > 16)
      shape.keys /= 2;
    else if (shape.warps > 1)
      shape.warps /= 2;
    else
      return false;
  }
}
