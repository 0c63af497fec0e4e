//===- BlockStage.cpp - Operands in shared memory -------------------------===//
//
// All threads fill a tile together, 16 bytes each at a time: copied by the
// machine where the bytes lie in memory as they are wanted (direct operands),
// else evaluated element by element as fields, so that an operand may be any
// product of reads. Beyond the extents, and for keys that no row of the block
// has, there are zeros.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

void BlockEmitter::barrier() {
  device::BarrierOp::create(b, loc(), /*id=*/0, /*threads=*/IntegerAttr());
}

Value BlockEmitter::rowExists(const SharedOperand &operand, Value outer,
                              const BlockFold *presence) {
  Value exists = compare(
      Predicate::slt, outer,
      operand.outer == plan.tiles.row ? rowCount() : extent(operand.outer));
  if (!presence)
    return exists;
  return both(exists, presentOn(presence->plan->components,
                                boxOf(*presence, outer, constant(1)))
                          .ever);
}

void BlockEmitter::stage(const SharedOperand &operand, Value first,
                         const BlockFold *presence, Value base) {
  if (operand.direct)
    stageDirect(operand, first, presence, base);
  else
    stageElements(operand, first, presence, base);
}

void BlockEmitter::stageKeys(const BlockFold &fold, Value start, Value base,
                             bool direct) {
  auto visit = [&](const SharedOperand &operand) {
    if (operand.direct == direct)
      stage(operand, start, &fold, base);
  };
  for (const BlockContraction &contraction : fold.contractions)
    visit(contraction.keys);
  for (const BlockMatrix &matrix : fold.matrices)
    visit(matrix.panel);
}

/// Each thread copies chunks of 16 bytes. The eight lanes that write shared
/// memory at once meet different banks: they have eight chunks that lie one
/// after the other, of a row or of rows without a pad between them, or, as rows
/// are an odd number of chunks apart, four (two) of each of two (four) rows
/// that lie four (two) apart.
void BlockEmitter::stageDirect(const SharedOperand &operand, Value first,
                               const BlockFold *presence, Value base) {
  auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
  auto input = read.getTensor().getDefiningOp<InputOp>();
  unsigned number = numberOf(input);
  int64_t bytes = operand.elementBytes(), perChunk = 16 / bytes;
  int64_t chunks = operand.padded() / perChunk;
  int64_t real = operand.extent / perChunk;
  int64_t threads = int64_t(plan.warps) * 32, total = chunks * operand.rows;
  auto copy = [&](Value row, Value chunk, Value inside) {
    Value outer = add(first, wide(row));
    Value exists = rowExists(operand, outer, presence);
    if (real != chunks)
      exists = both(exists, compare(Predicate::slt, chunk, integer(real)));
    Point point = operandPoint(operand, outer);
    Memo memo;
    Value offset = constant(0);
    for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
      auto coord = index.getDefiningOp<CoordOp>();
      Value at = coord && coord.getRank() == operand.inner
                     ? mul(wide(chunk), perChunk)
                     : eval(index, point, memo).value;
      offset = add(offset, mul(at, stride(number, dim)));
    }
    Value source = add(data[number], mul(offset, bytes));
    Value target = addI(addI(mulI(row, operand.rowBytes), mulI(chunk, 16)),
                        addI(integer(operand.offset), base));
    Value valid = select(exists, integer(16), integer(0));
    auto emit = [&] {
      device::CopyAsyncOp::create(b, loc(), 16, target, source, valid);
    };
    if (inside)
      ifThen(inside, emit);
    else
      emit();
  };
  // Lanes of eight: `side` chunks of rows `side` apart.
  bool isDense = operand.rowBytes == chunks * 16;
  int64_t side = operand.rows % 8 || isDense ? 8 : (chunks & -chunks);
  int64_t unit = side < 8 ? 8 * chunks : chunks;
  bool regular = threads % unit == 0;
  auto rest = [&](Value x, int64_t y) -> Value {
    return arith::RemUIOp::create(b, loc(), x, integer(y));
  };
  auto part = [&](Value x, int64_t y) -> Value {
    return arith::DivUIOp::create(b, loc(), x, integer(y));
  };
  auto chunkOf = [&](Value at) {
    Value within = rest(at, unit);
    if (side >= 8)
      return within;
    return addI(mulI(part(within, 8 * side), side), rest(within, side));
  };
  auto rowOf = [&](Value at) {
    Value first = part(at, unit);
    if (side >= 8)
      return first;
    Value within = rest(at, 8 * side);
    Value apart = mulI(part(rest(within, 8), side), side);
    return addI(mulI(first, 8), addI(apart, part(within, 8)));
  };
  Value ownChunk = chunkOf(thread), ownRow = rowOf(thread);
  for (int64_t done = 0; done < total; done += threads) {
    Value inside;
    if (done + threads > total)
      inside = compare(Predicate::slt, thread, integer(total - done));
    if (regular) {
      copy(addI(ownRow, integer(done / chunks)), ownChunk, inside);
      continue;
    }
    Value at = addI(thread, integer(done));
    copy(rowOf(at), chunkOf(at), inside);
  }
}

/// Of a map: strides are below 2^40 bytes, coordinates are 32-bit numbers.
static constexpr int64_t mostStride = (int64_t(1) << 39) - 1;
static constexpr int64_t mostExtent = std::numeric_limits<int32_t>::max();

Value BlockEmitter::alignedEverywhere() {
  Value all = LaneBuilder::truth(true);
  auto isMultiple = [&](Value value, int64_t unit) {
    return compare(Predicate::eq,
                   arith::AndIOp::create(b, loc(), value, constant(unit - 1)),
                   constant(0));
  };
  auto isWithin = [&](Value value, int64_t most) {
    return both(compare(Predicate::sgt, value, constant(0)),
                compare(Predicate::sle, value, constant(most)));
  };
  auto visit = [&](const SharedOperand &operand) {
    if (!operand.direct)
      return;
    auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
    unsigned number = numberOf(read.getTensor().getDefiningOp<InputOp>());
    all = both(all, isMultiple(data[number], 16));
    for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
      auto coord = index.getDefiningOp<CoordOp>();
      Value step = stride(number, dim);
      bool isInner = coord && coord.getRank() == operand.inner;
      all = both(all, isInner ? compare(Predicate::eq, step, constant(1))
                              : isMultiple(step, 16 / operand.elementBytes()));
      if (plan.staging != Staging::Boxes)
        continue;
      // What the description of a tensor can hold.
      if (!isInner)
        all = both(all, isWithin(step, mostStride));
      all = both(all, isWithin(extent(interface.inputs[number].dims[dim]),
                               mostExtent));
    }
    all = both(all, compare(Predicate::eq, extent(operand.inner),
                            constant(operand.extent)));
  };
  for (const SharedOperand *operand : plan.operands())
    visit(*operand);
  for (OutputOp output : kernel.getOps<OutputOp>()) {
    if (!storesWide(output))
      continue;
    unsigned number = interface.inputs.size() + numberOf(output);
    StringRef feature = featureOf(output);
    int64_t unit = 128 / output.getStorage().getIntOrFloatBitWidth();
    all = both(all, isMultiple(data[number], 16));
    all = both(all, compare(Predicate::eq, extent(feature),
                            constant(plan.features.at(feature))));
    for (auto [dim, rank] : llvm::enumerate(names(output.getDims()))) {
      Value step = stride(number, dim);
      all =
          both(all, rank == feature ? compare(Predicate::eq, step, constant(1))
                                    : isMultiple(step, unit));
    }
  }
  for (auto [output, map] : plan.boxOutputs) {
    unsigned number = interface.inputs.size() + numberOf(output);
    all = both(all, isMultiple(data[number], 16));
    for (auto [dim, rank] : llvm::enumerate(names(output.getDims()))) {
      Value step = stride(number, dim);
      bool isInner = plan.features.count(rank);
      all = both(
          all, isInner ? compare(Predicate::eq, step, constant(1))
                       : both(isMultiple(step, 8), isWithin(step, mostStride)));
      all = both(all, isWithin(extent(rank), mostExtent));
    }
  }
  return all;
}

void BlockEmitter::stageElements(const SharedOperand &operand, Value first,
                                 const BlockFold *presence, Value base) {
  int64_t perChunk = 16 / operand.elementBytes();
  int64_t chunks = operand.padded() / perChunk;
  int64_t total = chunks * operand.rows;
  int64_t threads = int64_t(plan.warps) * 32;
  loop(wide(thread), constant(total), threads, [&](Value number) {
    Value row = arith::DivUIOp::create(b, loc(), number, constant(chunks));
    Value chunk = arith::RemUIOp::create(b, loc(), number, constant(chunks));
    Value outer = add(first, row);
    Value exists = rowExists(operand, outer, presence);
    Value address = addI(
        mulI(narrow(row), operand.rowBytes),
        addI(addI(mulI(narrow(chunk), 16), integer(operand.offset)), base));
    auto vector =
        VectorType::get({operand.pair ? 4 : perChunk},
                        operand.pair ? Type(b.getI32Type()) : b.getF32Type());
    auto op = scf::IfOp::create(b, loc(), TypeRange{vector}, exists, true);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(op.thenBlock());
      Values elements;
      Memo shared;
      for (int64_t i = 0; i < perChunk; ++i) {
        Point point = operandPoint(operand, outer);
        Value inner = add(mul(chunk, perChunk), i);
        point.at[operand.inner] = inner;
        bool ragged = operand.extent % perChunk != 0 ||
                      operand.padded() != operand.extent;
        if (ragged)
          point.readAt[operand.inner] =
              minimum(inner, constant(operand.extent - 1));
        Memo memo = shared;
        Lanes result{real(1), nullptr};
        bool isFirst = true;
        for (Factor factor : operand.factors) {
          Lanes x = eval(factor.value, point, memo);
          if (factor.inverted)
            x.value = apply(Function::Div, {real(1), x.value});
          result.value =
              isFirst ? x.value : apply(Function::Mul, {result.value, x.value});
          result.present = both(result.present, x.present);
          isFirst = false;
        }
        keep(memo, shared, {operand.inner});
        if (ragged)
          result.present =
              both(result.present,
                   compare(Predicate::slt, inner, constant(operand.extent)));
        elements.push_back(select(result.present, result.value, real(0)));
      }
      if (operand.pair) {
        Values pairs;
        for (int64_t i = 0; i < perChunk; i += 2)
          pairs.push_back(device::PackOp::create(b, loc(), *operand.pair,
                                                 elements[i], elements[i + 1]));
        elements = pairs;
      }
      Value packed = vector::FromElementsOp::create(b, loc(), vector, elements);
      scf::YieldOp::create(b, loc(), packed);
      b.setInsertionPointToStart(op.elseBlock());
      Value zero = arith::ConstantOp::create(b, loc(), b.getZeroAttr(vector));
      scf::YieldOp::create(b, loc(), zero);
    }
    device::StoreOp::create(b, loc(), device::Space::Shared, op.getResult(0),
                            address, integer(0));
  });
}
