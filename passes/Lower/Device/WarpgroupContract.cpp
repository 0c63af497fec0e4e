//===- WarpgroupContract.cpp - Products of warpgroups ---------------------===//
//
// Operands lie in shared memory as boxes of 64 elements (128 bytes) a row, with
// the 128-byte swizzle: what wgmma takes as they are. Along the contracted rank
// of scores an operand is K-major: 16 elements are 32 bytes further in a row,
// 64 a box further. Panels of accumulators have the contracted rank (keys) as
// rows: transposed, 16 keys are 2048 bytes further, 64 features a box.
//
// Accumulators are vectors in the registers of a thread, in the order of
// fragments (BlockEmitter.h): register i of `device.nv.wgmma` is value i of a
// fragment of 16 rows.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

static constexpr int64_t boxRow = SharedOperand::boxRowBytes;
static constexpr int64_t depth = 16; ///< of one product
static constexpr int64_t rowsOfWarpgroup = 64;
static constexpr int64_t patternBytes = 8 * boxRow; ///< of the swizzle
/// Descriptors count addresses in these.
static constexpr int64_t unit = 16;

Value BlockEmitter::joined(ArrayRef<Value> scalars) {
  auto type = VectorType::get({int64_t(scalars.size())}, scalars[0].getType());
  return vector::FromElementsOp::create(b, loc(), type, scalars);
}

Values BlockEmitter::scalarsOf(Value vector) {
  Values result;
  for (int64_t i = 0, e = cast<VectorType>(vector.getType()).getNumElements();
       i < e; ++i)
    result.push_back(vector::ExtractOp::create(b, loc(), vector, i));
  return result;
}

Value BlockEmitter::beginScores(const BlockContraction &contraction,
                                Value base) {
  const SharedOperand &rows = contraction.rows, &keys = contraction.keys;
  auto describe = [&](Value address) -> Value {
    return device::DescriptorOp::create(b, loc(), address, /*leading=*/unit,
                                        /*stride=*/patternBytes,
                                        /*swizzle=*/boxRow);
  };
  // The warpgroup's: each of its warps has a quarter of the rows.
  Value firstWarp = arith::AndIOp::create(b, loc(), warp, integer(-4));
  Value a = describe(addI(mulI(firstWarp, rowsOfWarpgroup / 4 * boxRow),
                          integer(rows.offset)));
  Value k = describe(addI(base, integer(keys.offset)));
  auto type = VectorType::get({plan.keys / 2}, b.getF32Type());
  Value scores;
  for (int64_t at = 0; at < rows.padded(); at += depth) {
    int64_t box = at / SharedOperand::boxElements;
    int64_t within = at % SharedOperand::boxElements * 2;
    scores = device::WgmmaOp::create(
        b, loc(), type, *rows.pair, plan.keys,
        add(a, (box * rows.boxBytes() + within) / unit),
        add(k, (box * keys.boxBytes() + within) / unit), scores,
        /*transposeA=*/false, /*transposeB=*/false);
  }
  return scores;
}

Value BlockEmitter::beginSums(const BlockMatrix &matrix, ValueRange weights,
                              Value sums, Value base) {
  const SharedOperand &panel = matrix.panel;
  Value at = device::DescriptorOp::create(
      b, loc(), addI(base, integer(panel.offset)),
      /*leading=*/panel.boxBytes(), /*stride=*/patternBytes,
      /*swizzle=*/boxRow);
  for (auto [number, operand] : llvm::enumerate(weights))
    sums = device::WgmmaOp::create(
        b, loc(), sums.getType(), *panel.pair, panel.padded(), operand,
        add(at, int64_t(number) * depth * boxRow / unit), sums,
        /*transposeA=*/false, /*transposeB=*/true);
  return sums;
}

/// The pairs of two neighbouring blocks of 8 keys are an operand of 16 keys.
Values BlockEmitter::packWeights(const BlockFold &fold,
                                 ArrayRef<Values> weights) {
  Values result;
  for (const BlockMatrix &matrix : fold.matrices) {
    const Values &fragment = weights[matrix.weights];
    for (unsigned k = 0; k < keyFragments(); k += 2) {
      Values registers;
      for (unsigned part = 0; part < 4; ++part) {
        unsigned first = (k + part / 2) * 4 + (part % 2) * 2;
        registers.push_back(device::PackOp::create(b, loc(), *matrix.panel.pair,
                                                   fragment[first],
                                                   fragment[first + 1]));
      }
      result.push_back(joined(registers));
    }
  }
  return result;
}

Values BlockEmitter::await(int64_t pending, ValueRange values) {
  auto op =
      device::WgmmaWaitOp::create(b, loc(), values.getTypes(), pending, values);
  return Values(op.getResults());
}
