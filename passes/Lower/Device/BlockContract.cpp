//===- BlockContract.cpp - Contractions on fragments ----------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

Value BlockEmitter::sharedLoad(Value address, int64_t offset, Type type) {
  return device::LoadOp::create(b, loc(), type, device::Space::Shared, address,
                                integer(offset), /*readonly=*/false);
}

Values BlockEmitter::contract(const BlockContraction &contraction, Value base) {
  return contraction.rows.pair ? contractPairs(contraction, base)
         : plan.tf32           ? contractTf32(contraction, base)
                               : contractFloats(contraction, base);
}

/// Lane l of `ldmatrix` gives row l mod 16 of a 16 x 16 block, and the half of
/// its columns that l / 16 tells.
static constexpr int64_t rowsOfMatrix = 16;

//===----------------------------------------------------------------------===//
// Matrix units
//===----------------------------------------------------------------------===//

Values BlockEmitter::contractPairs(const BlockContraction &contraction,
                                   Value base) {
  const SharedOperand &rows = contraction.rows, &keys = contraction.keys;
  auto sums = VectorType::get({4}, b.getF32Type());
  auto laneBits = [&](int64_t shift, int64_t mask) -> Value {
    Value value = lane;
    if (shift)
      value = arith::ShRUIOp::create(b, loc(), value, integer(shift));
    return arith::AndIOp::create(b, loc(), value, integer(mask));
  };
  auto load = [&](unsigned matrices, Value address, int64_t offset) {
    auto type = VectorType::get({int64_t(matrices)}, b.getI32Type());
    return scalarsOf(device::LdMatrixOp::create(
        b, loc(), type, matrices, false, addI(address, integer(offset))));
  };
  // Rows: matrices (rows 0-7, 8-15) x (columns 0-7, 8-15), columns outermost.
  Value warpRow = mulI(warp, int64_t(plan.fragments) * 16);
  Value rowBase =
      addI(mulI(addI(warpRow, laneBits(0, rowsOfMatrix - 1)), rows.rowBytes),
           addI(mulI(laneBits(4, 1), 16), integer(rows.offset)));
  unsigned count = keyFragments();
  SmallVector<Value> acc(
      plan.fragments * count,
      arith::ConstantOp::create(b, loc(), b.getZeroAttr(sums)));
  // The products of `depth` columns from `from` on.
  auto multiply = [&](int64_t from, unsigned depth, Value keyBase) {
    Values a;
    for (unsigned i = 0; i < plan.fragments; ++i)
      a.push_back(joined(load(depth / 4, rowBase,
                              int64_t(i) * 16 * rows.rowBytes + from * 2)));
    unsigned registers = depth / 8, together = 4 / registers;
    for (unsigned n = 0; n < count; n += together) {
      unsigned blocks = std::min(together, count - n);
      Values loaded = load(blocks * registers, keyBase,
                           int64_t(n) * 8 * keys.rowBytes + from * 2);
      for (unsigned block = 0; block < blocks; ++block) {
        Value operand =
            joined(ArrayRef<Value>(loaded).slice(block * registers, registers));
        for (unsigned i = 0; i < plan.fragments; ++i) {
          Value &sum = acc[i * count + n + block];
          sum = device::MmaOp::create(b, loc(), sums, *rows.pair, a[i], operand,
                                      sum);
        }
      }
    }
  };
  // Keys: matrices (columns 0-7, 8-15) x (keys 0-7, 8-15), keys outermost.
  Value key = addI(laneBits(0, 7), mulI(laneBits(4, 1), 8));
  Value keyBase = addI(mulI(key, keys.rowBytes),
                       addI(mulI(laneBits(3, 1), 16), integer(keys.offset)));
  keyBase = addI(keyBase, base);
  int64_t from = 0;
  for (; from + 16 <= rows.padded(); from += 16)
    multiply(from, 16, keyBase);
  // The last 8 columns: matrices of keys 0-7, ..., 24-31.
  if (from < rows.padded())
    multiply(from, 8,
             addI(mulI(lane, keys.rowBytes), addI(base, integer(keys.offset))));
  Values result;
  for (Value sum : acc)
    for (int64_t j = 0; j < 4; ++j)
      result.push_back(vector::ExtractOp::create(b, loc(), sum, j));
  return result;
}

//===----------------------------------------------------------------------===//
// Fused multiply-adds
//===----------------------------------------------------------------------===//

Values BlockEmitter::contractFloats(const BlockContraction &contraction,
                                    Value base) {
  const SharedOperand &rows = contraction.rows, &keys = contraction.keys;
  auto four = VectorType::get({4}, b.getF32Type());
  Value quad = arith::ShRUIOp::create(b, loc(), lane, integer(2));
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  Value warpRow = mulI(warp, int64_t(plan.fragments) * 16);
  Value rowBase =
      addI(mulI(addI(warpRow, quad), rows.rowBytes), integer(rows.offset));
  Value keyBase =
      addI(addI(mulI(within, 2 * keys.rowBytes), integer(keys.offset)), base);
  unsigned count = keyFragments();
  Values zeros(plan.fragments * count * 4, real(0));
  return loop(
      constant(0), constant(rows.padded()), 4, zeros,
      [&](Value e, ValueRange carried) {
        Values sums(carried);
        Value column = mulI(narrow(e), 4);
        Value rowAt = addI(rowBase, column), keyAt = addI(keyBase, column);
        Values a;
        for (unsigned r = 0; r < rowsOfThread(); ++r)
          a.push_back(sharedLoad(rowAt, int64_t(r) * 8 * rows.rowBytes, four));
        for (unsigned n = 0; n < count; ++n)
          for (unsigned c = 0; c < 2; ++c) {
            Value y =
                sharedLoad(keyAt, (int64_t(n) * 8 + c) * keys.rowBytes, four);
            for (int64_t i = 0; i < 4; ++i) {
              Value yi = vector::ExtractOp::create(b, loc(), y, i);
              for (unsigned r = 0; r < rowsOfThread(); ++r) {
                Value &sum = sums[((r / 2) * count + n) * 4 + (r % 2) * 2 + c];
                Value xi = vector::ExtractOp::create(b, loc(), a[r], i);
                sum = fmaScalar(xi, yi, sum);
              }
            }
          }
        return sums;
      });
}

//===----------------------------------------------------------------------===//
// Matrix accumulators
//===----------------------------------------------------------------------===//

Values BlockEmitter::accumulate(const BlockFold &fold,
                                const BlockMatrix &matrix,
                                ArrayRef<Value> weights, Values sums,
                                Value base) {
  const SharedOperand &panel = matrix.panel;
  unsigned keys = keyFragments(), features = panel.padded() / 8;
  if (!panel.pair && plan.tf32)
    return accumulateTf32(matrix, weights, sums, base);
  if (!panel.pair) {
    // Weights go through shared memory: a thread needs all keys of its rows.
    const BlockWeights &kept = fold.weights[matrix.weights];
    auto four = VectorType::get({4}, b.getF32Type());
    auto two = VectorType::get({2}, b.getF32Type());
    Value quad = arith::ShRUIOp::create(b, loc(), lane, integer(2));
    Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
    Value row = addI(mulI(warp, int64_t(plan.fragments) * 16), quad);
    WeightRows apart = plan.weightRows();
    int64_t eight = apart.bytesOfEight();
    Value rowBase = addI(mulI(row, apart.rowBytes), integer(*kept.offset));
    if (apart.padBytes)
      rowBase =
          addI(rowBase,
               mulI(arith::DivUIOp::create(b, loc(), row, integer(apart.every)),
                    apart.padBytes));
    for (unsigned r = 0; r < rowsOfThread(); ++r)
      for (unsigned n = 0; n < keys; ++n) {
        unsigned first = ((r / 2) * keys + n) * 4 + (r % 2) * 2;
        Value pair = vector::FromElementsOp::create(
            b, loc(), two, ValueRange{weights[first], weights[first + 1]});
        Value address = addI(rowBase, mulI(within, 8));
        device::StoreOp::create(b, loc(), device::Space::Shared, pair, address,
                                integer(int64_t(r) * eight + n * 32));
      }
    device::WarpBarrierOp::create(b, loc());
    Value panelBase = addI(addI(mulI(within, 8), integer(panel.offset)), base);
    Values result = loop(
        constant(0), constant(plan.keys), 4, sums,
        [&](Value key, ValueRange carried) {
          Values inner(carried);
          Value at = narrow(key);
          Value weightAt = addI(rowBase, mulI(at, 4));
          Value panelAt = addI(panelBase, mulI(at, panel.rowBytes));
          Values x;
          for (unsigned r = 0; r < rowsOfThread(); ++r)
            x.push_back(sharedLoad(weightAt, int64_t(r) * eight, four));
          for (int64_t k = 0; k < 4; ++k)
            for (unsigned f = 0; f < features; ++f) {
              Value y = sharedLoad(panelAt, k * panel.rowBytes + f * 32, two);
              for (unsigned c = 0; c < 2; ++c) {
                Value yc = vector::ExtractOp::create(b, loc(), y, c);
                for (unsigned r = 0; r < rowsOfThread(); ++r) {
                  Value &sum =
                      inner[((r / 2) * features + f) * 4 + (r % 2) * 2 + c];
                  Value xk = vector::ExtractOp::create(b, loc(), x[r], k);
                  sum = fmaScalar(xk, yc, sum);
                }
              }
            }
          return inner;
        });
    device::WarpBarrierOp::create(b, loc());
    return result;
  }
  // Weights as an operand: the pairs of two neighbouring score fragments.
  auto four = VectorType::get({4}, b.getI32Type());
  auto vector = VectorType::get({4}, b.getF32Type());
  Values acc;
  for (unsigned i = 0; i < plan.fragments * features; ++i)
    acc.push_back(vector::FromElementsOp::create(
        b, loc(), vector, ArrayRef<Value>(sums).slice(i * 4, 4)));
  // Keys 0-7, 8-15 x features 0-7, 8-15, features outermost; transposed.
  auto laneBits = [&](int64_t shift, int64_t mask) -> Value {
    Value value = lane;
    if (shift)
      value = arith::ShRUIOp::create(b, loc(), value, integer(shift));
    return arith::AndIOp::create(b, loc(), value, integer(mask));
  };
  Value panelBase = addI(mulI(laneBits(0, 15), panel.rowBytes),
                         addI(mulI(laneBits(4, 1), 16), integer(panel.offset)));
  panelBase = addI(panelBase, base);
  for (unsigned k = 0; k < keys; k += 2) {
    Values a;
    for (unsigned i = 0; i < plan.fragments; ++i) {
      Values registers;
      for (unsigned part = 0; part < 4; ++part) {
        unsigned first = (i * keys + k + part / 2) * 4 + (part % 2) * 2;
        registers.push_back(device::PackOp::create(
            b, loc(), *panel.pair, weights[first], weights[first + 1]));
      }
      a.push_back(vector::FromElementsOp::create(b, loc(), four, registers));
    }
    for (unsigned f = 0; f < features; f += 2) {
      unsigned blocks = std::min(2u, features - f);
      auto type = VectorType::get({int64_t(blocks) * 2}, b.getI32Type());
      Values loaded = scalarsOf(device::LdMatrixOp::create(
          b, loc(), type, blocks * 2, true,
          addI(panelBase, integer(int64_t(k) * 8 * panel.rowBytes + f * 16))));
      for (unsigned block = 0; block < blocks; ++block) {
        Value operand = joined(ArrayRef<Value>(loaded).slice(block * 2, 2));
        for (unsigned i = 0; i < plan.fragments; ++i) {
          Value &sum = acc[i * features + f + block];
          sum = device::MmaOp::create(b, loc(), vector, *panel.pair, a[i],
                                      operand, sum);
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
