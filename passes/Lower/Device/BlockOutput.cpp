//===- BlockOutput.cpp - Outputs of a block's rows ------------------------===//
//
// An output has the item ranks, the row rank, and at most one feature rank. A
// thread has of it what its fragments have: rows r, and of the features the
// columns k (column k / 2 * 8 + 2 (lane mod 4) + k mod 2).
//
// Each thread stores its elements; or, where a version may rely on how the
// output lies in memory (Staging::Boxes), the warps of a warpgroup lay their
// rows in shared memory, where the rows of its operand were, and boxes of 16
// rows are copied from there. What is outside of the tensor is not copied.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

StringRef BlockEmitter::featureOf(OutputOp output) {
  for (StringRef rank : names(output.getDims()))
    if (rank != plan.tiles.row && !llvm::is_contained(plan.tiles.items, rank))
      return rank;
  return {};
}

BlockEmitter::OutputElement BlockEmitter::outputAt(OutputOp output, unsigned r,
                                                   unsigned k) {
  OutputElement element;
  element.point = rowPoint(r / 2, r % 2);
  element.exists = compare(Predicate::slt, element.point.at[plan.tiles.row],
                           extent(plan.tiles.row));
  Memo memo = rowMemos[r];
  if (StringRef feature = featureOf(output); !feature.empty()) {
    for (const BlockFold &fold : plan.folds)
      for (const BlockMatrix &matrix : fold.matrices) {
        if (matrix.component->feature != feature)
          continue;
        unsigned count = matrix.panel.padded() / 8;
        FoldOp op = fold.plan->fold;
        Value result = op.getResult(matrix.component->number);
        unsigned at = ((r / 2) * count + k / 2) * 4 + (r % 2) * 2 + k % 2;
        memo[result] = {results[result][at], nullptr};
      }
    Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
    Value at = add(wide(mulI(within, 2)), (k / 2) * 8 + k % 2);
    element.point.at[feature] = at;
    element.point.readAt[feature] =
        minimum(at, sub(extent(feature), constant(1)));
    element.exists =
        both(element.exists, compare(Predicate::slt, at, extent(feature)));
  }
  Lanes x = eval(output.getValue(), element.point, memo);
  element.value = x.value;
  if (output.getFiller() && x.present)
    element.value = select(x.present, x.value,
                           eval(output.getFiller(), element.point, memo).value);
  return element;
}

void BlockEmitter::emitOutput(OutputOp output) {
  StringRef feature = featureOf(output);
  if (!feature.empty()) {
    hoist(output.getValue(), {feature});
    if (output.getFiller())
      hoist(output.getFiller(), {feature});
  }
  if (plan.mapOf(output)) {
    storeBoxes(output);
    return;
  }
  if (storesWide(output)) {
    storeWide(output);
    return;
  }
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  auto store = [&](unsigned r, unsigned k) {
    OutputElement element = outputAt(output, r, k);
    Value exists = element.exists;
    if (feature.empty()) // all lanes of a quad have it
      exists = both(exists, compare(Predicate::eq, within, integer(0)));
    storeElement(output, element.point, element.value, exists);
  };
  unsigned columns = feature.empty() ? 1 : plan.columnsOf(feature);
  for (unsigned r = 0; r < rowsOfThread(); ++r)
    for (unsigned k = 0; k < columns; ++k)
      store(r, k);
}

void BlockEmitter::storeElement(OutputOp output, const Point &point,
                                Value value, Value exists) {
  unsigned number = interface.inputs.size() + numberOf(output);
  Type storage = output.getStorage();
  Value offset = constant(0);
  for (auto [dim, rank] : llvm::enumerate(names(output.getDims())))
    offset = add(offset, mul(point.at.at(rank), stride(number, dim)));
  int64_t bytes = (storage.getIntOrFloatBitWidth() + 7) / 8;
  ifThen(exists, [&] {
    device::StoreOp::create(b, loc(), device::Space::Global,
                            encode(value, storage), data[number],
                            mul(offset, bytes));
  });
}

//===----------------------------------------------------------------------===//
// Several elements at once
//===----------------------------------------------------------------------===//

/// A version that relies on 16-byte addresses stores 16-bit numbers 16 bytes
/// at a time, f32 in pairs.
bool BlockEmitter::storesWide(OutputOp output) {
  StringRef feature = featureOf(output);
  Type storage = output.getStorage();
  return plan.staging == Staging::Chunks && !merges && !feature.empty() &&
         plan.features.at(feature) % 8 == 0 &&
         (storage.isF32() || storage.isF16() || storage.isBF16());
}

/// Words i of the lanes of a quad become words of lane i, in the order of
/// lanes.
void BlockEmitter::transposeQuads(MutableArrayRef<Value> words) {
  for (unsigned bit : {1u, 2u}) {
    Value isSet = compare(Predicate::ne,
                          arith::AndIOp::create(b, loc(), lane, integer(bit)),
                          integer(0));
    for (unsigned i = 0; i < 4; ++i) {
      if (i & bit)
        continue;
      Value &low = words[i], &high = words[i | bit];
      Value other = shuffleXor(select(isSet, low, high), bit);
      Value kept = select(isSet, high, low);
      low = select(isSet, other, kept);
      high = select(isSet, kept, other);
    }
  }
}

void BlockEmitter::storeWide(OutputOp output) {
  StringRef feature = featureOf(output);
  unsigned number = interface.inputs.size() + numberOf(output);
  Type storage = output.getStorage();
  int64_t bytes = storage.getIntOrFloatBitWidth() / 8;
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  unsigned blocks = plan.features.at(feature) / 8;
  auto store = [&](const OutputElement &first, Value column, Value exists,
                   Value value) {
    Value offset = column;
    for (auto [dim, rank] : llvm::enumerate(names(output.getDims())))
      if (rank != feature)
        offset = add(offset, mul(first.point.at.at(rank), stride(number, dim)));
    ifThen(exists, [&] {
      device::StoreOp::create(b, loc(), device::Space::Global, value,
                              data[number], mul(offset, bytes));
    });
  };
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    if (storage.isF32()) {
      for (unsigned n = 0; n < blocks; ++n) {
        OutputElement low = outputAt(output, r, 2 * n);
        OutputElement high = outputAt(output, r, 2 * n + 1);
        store(low, low.point.at.at(feature), low.exists,
              joined({low.value, high.value}));
      }
      continue;
    }
    device::Pair pair =
        storage.isF16() ? device::Pair::F16 : device::Pair::BF16;
    for (unsigned first = 0; first < blocks; first += 4) {
      unsigned count = std::min(4u, blocks - first);
      Values words(4, integer(0));
      OutputElement low;
      for (unsigned i = 0; i < count; ++i) {
        low = outputAt(output, r, 2 * (first + i));
        OutputElement high = outputAt(output, r, 2 * (first + i) + 1);
        words[i] =
            device::PackOp::create(b, loc(), pair, low.value, high.value);
      }
      transposeQuads(words);
      // All columns exist: that the version relies on.
      Value exists = low.exists;
      if (count < 4)
        exists = both(exists, compare(Predicate::ult, within, integer(count)));
      Value column = wide(mulI(addI(within, integer(first)), 8));
      store(low, column, exists, joined(words));
    }
  }
}

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

/// Dimensions as a map has them: the feature first, then the others from the
/// last to the first.
static SmallVector<unsigned> dimensionsOf(OutputOp output, StringRef feature) {
  SmallVector<StringRef> ranks = names(output.getDims());
  SmallVector<unsigned> order;
  for (auto [dim, rank] : llvm::enumerate(ranks))
    if (rank == feature)
      order.push_back(dim);
  for (unsigned dim = ranks.size(); dim-- > 0;)
    if (dim != order.front())
      order.push_back(dim);
  return order;
}

Value BlockEmitter::describeOutput(OutputOp output) {
  unsigned number = interface.inputs.size() + numberOf(output);
  SmallVector<StringRef> ranks = names(output.getDims());
  Values sizes, distances;
  SmallVector<int64_t> box;
  for (unsigned dim : dimensionsOf(output, featureOf(output))) {
    sizes.push_back(extent(ranks[dim]));
    if (!box.empty())
      distances.push_back(mul(stride(number, dim), 2));
    box.push_back(box.empty()                    ? SharedOperand::boxElements
                  : ranks[dim] == plan.tiles.row ? 16
                                                 : 1);
  }
  return device::EncodeMapOp::create(
      b, loc(), device::TensorMapType::get(b.getContext()), output.getStorage(),
      data[number], sizes, distances, box,
      /*swizzle=*/SharedOperand::boxRowBytes);
}

void BlockEmitter::storeBoxes(OutputOp output) {
  StringRef feature = featureOf(output);
  device::Pair pair =
      output.getStorage().isF16() ? device::Pair::F16 : device::Pair::BF16;
  constexpr int64_t rowBytes = SharedOperand::boxRowBytes;
  unsigned columns = plan.columnsOf(feature); // of a thread: a quarter
  // The warpgroup's rows lie in boxes, one of 64 features after the other, and
  // those of a warp in 2048 bytes of each.
  Value warpgroup = arith::ShRUIOp::create(b, loc(), warp, integer(2));
  int64_t boxBytes = plan.rows() * rowBytes;
  Value own = mulI(warp, 16 * rowBytes);
  // All warps of the warpgroup have done with what lay there.
  for (unsigned i = 0; i < plan.consumers(); ++i)
    ifThen(compare(Predicate::eq, warpgroup, integer(i)), [&] {
      device::BarrierOp::create(b, loc(), 4 + i, b.getI64IntegerAttr(128));
    });
  // Lane l gives the address of row l mod 16 of a 16 x 16 block, and of the
  // half of its columns that l / 16 tells; 16-byte chunks are exclusive-ored
  // with the row.
  Value row = arith::AndIOp::create(b, loc(), lane, integer(15));
  Value half = arith::ShRUIOp::create(b, loc(), lane, integer(4));
  Value seven = arith::AndIOp::create(b, loc(), lane, integer(7));
  Value rowAt = addI(own, mulI(row, rowBytes));
  for (unsigned k = 0; k < columns; k += 4) {
    // The last may be a 16 x 8 block: lanes 0 to 15 give its rows.
    unsigned matrices = std::min(4u, columns - k);
    Values registers;
    for (unsigned part = 0; part < matrices; ++part) {
      unsigned r = part % 2, first = k + part / 2 * 2;
      registers.push_back(device::PackOp::create(
          b, loc(), pair, outputAt(output, r, first).value,
          outputAt(output, r, first + 1).value));
    }
    unsigned column = k * 4, box = column / SharedOperand::boxElements;
    Value chunk = addI(half, integer(column % SharedOperand::boxElements / 8));
    chunk = arith::XOrIOp::create(b, loc(), chunk, seven);
    Value address = addI(addI(rowAt, mulI(chunk, 16)), integer(box * boxBytes));
    device::StMatrixOp::create(b, loc(), matrices, /*transpose=*/false, address,
                               joined(registers));
  }
  device::FenceOp::create(b, loc(), device::Fence::AsyncShared);
  device::WarpBarrierOp::create(b, loc());
  ifThen(compare(Predicate::eq, lane, integer(0)), [&] {
    SmallVector<StringRef> ranks = names(output.getDims());
    Value first = add(firstRow, wide(mulI(warp, 16)));
    int64_t boxes = (int64_t(columns) * 4 + SharedOperand::boxElements - 1) /
                    SharedOperand::boxElements;
    for (int64_t box = 0; box < boxes; ++box) {
      Values coordinates;
      for (unsigned dim : dimensionsOf(output, feature)) {
        StringRef rank = ranks[dim];
        coordinates.push_back(
            rank == feature          ? integer(box * SharedOperand::boxElements)
            : rank == plan.tiles.row ? narrow(first)
                                     : narrow(item.at.at(rank)));
      }
      device::BulkStoreOp::create(b, loc(), maps[*plan.mapOf(output)],
                                  coordinates,
                                  addI(own, integer(box * boxBytes)));
    }
    device::BulkCommitOp::create(b, loc());
    // Shared memory must stay until it has been read.
    device::BulkWaitOp::create(b, loc(), 0, /*read=*/true);
  });
}
