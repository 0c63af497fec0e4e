//===- BlockTf32.cpp - f32 contractions on matrix units, rounded ----------===//
//
// On request, contractions whose operands lie in shared memory as f32 are
// products of tf32: every operand is rounded to 10 bits of fraction, at most
// 2^-11 of itself, as it comes to registers. A sum of products x y so is off by
// at most (2^-10 + 2^-22) sum |x y|, besides what f32 accumulators round.
//
// The fragments of 8 keys that scores leave in a lane are operand A of the
// product with the values as they are: which key is which of its 8 columns is
// free, as long as operand B has the same order. Column c of A is key 2 c, and
// column c + 4 key 2 c + 1.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

Value BlockEmitter::tf32Registers(ArrayRef<Value> numbers) {
  Values registers;
  for (Value number : numbers)
    registers.push_back(device::ToTf32Op::create(b, loc(), number));
  auto type = VectorType::get({int64_t(numbers.size())}, b.getI32Type());
  return vector::FromElementsOp::create(b, loc(), type, registers);
}

/// `ldmatrix` moves 16 bytes of a row to four lanes, 4 bytes each: four f32 as
/// well as eight 16-bit numbers.
Values BlockEmitter::contractTf32(const BlockContraction &contraction,
                                  Value base) {
  const SharedOperand &rows = contraction.rows, &keys = contraction.keys;
  auto four = VectorType::get({4}, b.getI32Type());
  auto sums = VectorType::get({4}, b.getF32Type());
  auto laneBits = [&](int64_t shift, int64_t mask) -> Value {
    Value value = lane;
    if (shift)
      value = arith::ShRUIOp::create(b, loc(), value, integer(shift));
    return arith::AndIOp::create(b, loc(), value, integer(mask));
  };
  auto load = [&](Value address, int64_t offset) {
    Value words = device::LdMatrixOp::create(b, loc(), four, 4, false,
                                             addI(address, integer(offset)));
    Values numbers;
    for (int64_t i = 0; i < 4; ++i)
      numbers.push_back(arith::BitcastOp::create(
          b, loc(), b.getF32Type(),
          vector::ExtractOp::create(b, loc(), words, i)));
    return numbers;
  };
  // Rows: matrices (rows 0-7, 8-15) x (columns 0-3, 4-7), columns outermost.
  Value warpRow = mulI(warp, int64_t(plan.fragments) * 16);
  Value rowBase = addI(mulI(addI(warpRow, laneBits(0, 15)), rows.rowBytes),
                       addI(mulI(laneBits(4, 1), 16), integer(rows.offset)));
  // Keys: matrices (columns 0-3, 4-7) x (keys 0-7, 8-15), keys outermost.
  Value key = addI(laneBits(0, 7), mulI(laneBits(4, 1), 8));
  Value keyBase = addI(mulI(key, keys.rowBytes),
                       addI(mulI(laneBits(3, 1), 16), integer(keys.offset)));
  keyBase = addI(keyBase, base);
  unsigned count = keyFragments();
  Values acc(plan.fragments * count,
             arith::ConstantOp::create(b, loc(), b.getZeroAttr(sums)));
  for (int64_t k = 0; k < rows.padded(); k += 8) {
    Values a;
    for (unsigned i = 0; i < plan.fragments; ++i)
      a.push_back(tf32Registers(
          load(rowBase, int64_t(i) * 16 * rows.rowBytes + k * 4)));
    for (unsigned n = 0; n < count; n += 2) {
      Values both = load(keyBase, int64_t(n) * 8 * keys.rowBytes + k * 4);
      for (unsigned half = 0; half < 2; ++half) {
        Value operand = tf32Registers(ArrayRef<Value>(both).slice(half * 2, 2));
        for (unsigned i = 0; i < plan.fragments; ++i) {
          Value &sum = acc[i * count + n + half];
          sum = device::MmaTf32Op::create(b, loc(), sums, a[i], operand, sum);
        }
      }
    }
  }
  Values result;
  for (Value sum : acc)
    for (int64_t j = 0; j < 4; ++j)
      result.push_back(vector::ExtractOp::create(b, loc(), sum, j));
  return result;
}

Values BlockEmitter::accumulateTf32(const BlockMatrix &matrix,
                                    ArrayRef<Value> weights, Values sums,
                                    Value base) {
  const SharedOperand &panel = matrix.panel;
  unsigned keys = keyFragments(), features = panel.padded() / 8;
  auto type = VectorType::get({4}, b.getF32Type());
  Values acc;
  for (unsigned i = 0; i < plan.fragments * features; ++i)
    acc.push_back(vector::FromElementsOp::create(
        b, loc(), type, ArrayRef<Value>(sums).slice(i * 4, 4)));
  // Keys 2 c and 2 c + 1 of feature r, for lane 4 r + c: rows are an odd number
  // of 16 bytes apart, so 32 lanes read 32 banks.
  Value quad = arith::ShRUIOp::create(b, loc(), lane, integer(2));
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  Value panelBase = addI(addI(mulI(within, 2 * panel.rowBytes), mulI(quad, 4)),
                         addI(base, integer(panel.offset)));
  for (unsigned k = 0; k < keys; ++k) {
    Values a;
    for (unsigned i = 0; i < plan.fragments; ++i) {
      ArrayRef<Value> w = weights.slice((i * keys + k) * 4, 4);
      a.push_back(tf32Registers({w[0], w[2], w[1], w[3]}));
    }
    for (unsigned f = 0; f < features; ++f) {
      int64_t at = int64_t(k) * 8 * panel.rowBytes + f * 32;
      Value operand = tf32Registers(
          {sharedLoad(panelBase, at, b.getF32Type()),
           sharedLoad(panelBase, at + panel.rowBytes, b.getF32Type())});
      for (unsigned i = 0; i < plan.fragments; ++i) {
        Value &sum = acc[i * features + f];
        sum = device::MmaTf32Op::create(b, loc(), type, a[i], operand, sum);
      }
    }
  }
  Values result;
  for (Value sum : acc)
    for (int64_t j = 0; j < 4; ++j)
      result.push_back(vector::ExtractOp::create(b, loc(), sum, j));
  return result;
}
