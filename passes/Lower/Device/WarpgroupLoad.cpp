//===- WarpgroupLoad.cpp - The producer of Hopper's program ---------------===//
//
// One thread copies boxes of tensors, as far ahead of the consumers as there
// are stages. What lies outside of a tensor lands as zeros.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Dimensions of the operand's tensor as a map has them: the inner one first,
/// then the others from the last to the first.
static SmallVector<unsigned> dimensionsOf(const SharedOperand &operand) {
  auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
  SmallVector<unsigned> order;
  for (auto [dim, index] : llvm::enumerate(read.getIndices()))
    if (auto coord = index.getDefiningOp<CoordOp>();
        coord && coord.getRank() == operand.inner)
      order.push_back(dim);
  for (unsigned dim = read.getIndices().size(); dim-- > 0;)
    if (dim != order.front())
      order.push_back(dim);
  return order;
}

Values BlockEmitter::describeBoxes() {
  Values described;
  for (const SharedOperand *each : plan.operands()) {
    const SharedOperand &operand = *each;
    auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
    auto input = read.getTensor().getDefiningOp<InputOp>();
    unsigned number = numberOf(input);
    Values sizes, distances;
    SmallVector<int64_t> box;
    for (unsigned dim : dimensionsOf(operand)) {
      sizes.push_back(extent(interface.inputs[number].dims[dim]));
      if (box.empty()) {
        box.push_back(SharedOperand::boxElements);
        continue;
      }
      distances.push_back(mul(stride(number, dim), operand.elementBytes()));
      auto coord = read.getIndices()[dim].getDefiningOp<CoordOp>();
      box.push_back(coord && coord.getRank() == operand.outer ? operand.rows
                                                              : 1);
    }
    described.push_back(device::EncodeMapOp::create(
        b, loc(), device::TensorMapType::get(b.getContext()),
        input.getResult().getType().getElement(), data[number], sizes,
        distances, box, /*swizzle=*/SharedOperand::boxRowBytes));
  }
  for (auto [output, map] : plan.boxOutputs)
    described.push_back(describeOutput(output));
  return described;
}

void BlockEmitter::loadBoxes(const SharedOperand &operand, Value first,
                             Value base, Value barrier) {
  auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
  Point point = item;
  point.at[operand.outer] = first;
  Memo memo;
  Values coordinates;
  for (unsigned dim : dimensionsOf(operand))
    coordinates.push_back(
        coordinates.empty()
            ? integer(0)
            : narrow(eval(read.getIndices()[dim], point, memo).value));
  for (int64_t box = 0; box < operand.boxes(); ++box) {
    coordinates[0] = integer(box * SharedOperand::boxElements);
    device::BulkLoadOp::create(
        b, loc(), maps[operand.map], coordinates,
        addI(base, integer(operand.offset + box * operand.boxBytes())),
        barrier);
  }
}

static int64_t bytesOf(const SharedOperand &operand) {
  return operand.boxes() * operand.boxBytes();
}

void BlockEmitter::produce(const BlockFold &fold) {
  int64_t rowBytes = 0, keyBytes = 0, panelBytes = 0;
  for (const BlockContraction &contraction : fold.contractions) {
    rowBytes += bytesOf(contraction.rows);
    keyBytes += bytesOf(contraction.keys);
  }
  for (const BlockMatrix &matrix : fold.matrices)
    panelBytes += bytesOf(matrix.panel);

  Span tiles = walk(fold);
  Value rowsFull = barrierOf(fold, Signal::RowsFull);
  if (rowBytes)
    device::MBarrierExpectOp::create(b, loc(), rowsFull, integer(rowBytes));
  for (const BlockContraction &contraction : fold.contractions)
    loadBoxes(contraction.rows, firstRow, integer(0), rowsFull);

  Turn turn = firstTurn();
  loopOverTiles(
      tiles.low, tiles.high, {turn.stage, turn.parity},
      [&](Value start, ValueRange carried) -> Values {
        Turn turn{carried[0], carried[1]};
        Value base = mulI(turn.stage, fold.stageBytes);
        // In the first round every stage is empty: the phase before the first
        // counts as complete.
        Value before = arith::XOrIOp::create(b, loc(), turn.parity, integer(1));
        auto fill = [&](Signal empty, Signal full, int64_t bytes, auto copy) {
          if (!bytes)
            return;
          device::MBarrierWaitOp::create(
              b, loc(), barrierOf(fold, empty, turn.stage), before);
          Value barrier = barrierOf(fold, full, turn.stage);
          device::MBarrierExpectOp::create(b, loc(), barrier, integer(bytes));
          copy(barrier);
        };
        fill(Signal::KeysEmpty, Signal::KeysFull, keyBytes, [&](Value full) {
          for (const BlockContraction &contraction : fold.contractions)
            loadBoxes(contraction.keys, start, base, full);
        });
        fill(Signal::PanelsEmpty, Signal::PanelsFull, panelBytes,
             [&](Value full) {
               for (const BlockMatrix &matrix : fold.matrices)
                 loadBoxes(matrix.panel, start, base, full);
             });
        Turn next = after(turn);
        return {next.stage, next.parity};
      });
}
