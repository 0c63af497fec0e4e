//===- BlockShare.cpp - Blocks that share the work of a row ---------------===//
//
// Parts: a block takes a part of the tiles that its rows walk over, and leaves
// the fold's state in the workspace, as it is in registers (references without
// the numbers that were left out of scores). BlockMerge.cpp goes on from there.
//
// Packed rows: the rows of a block are of all items that read the same keys,
// the packed rank innermost, so that a mask still sees few coordinates of the
// row rank.
//
// How many parts there are and whether a version is one for the arguments is
// computed from extents alone, by the same code in the grid and in both bodies.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

Value BlockEmitter::quotient(Value x, Value y) {
  return arith::DivUIOp::create(b, loc(), x, y);
}

Value BlockEmitter::rowCount() {
  Value rows = extent(plan.tiles.row);
  return plan.packed ? mul(rows, group) : rows;
}

Value BlockEmitter::unitsAlong(StringRef rank) {
  bool isPacked = plan.packed && plan.packed->rank == rank;
  return isPacked ? quotient(extent(rank), group) : extent(rank);
}

void BlockEmitter::takeShares() {
  Point none;
  Memo memo;
  if (plan.packed) {
    const PackedRank &packed = *plan.packed;
    group = extent(packed.rank);
    if (packed.group) {
      group = constant(*packed.group);
    } else if (!packed.quotients.empty()) {
      const Quotient &first = packed.quotients.front();
      group = eval(first.by, none, memo).value;
      if (first.times)
        group = quotient(
            group, maximum(eval(first.times, none, memo).value, constant(1)));
    }
    if (!packed.group || *packed.group < 1)
      group = maximum(group, constant(1));
  }
  if (!plan.splits)
    return;
  if (plan.splitCount) {
    parts = constant(*plan.splitCount);
    return;
  }
  Value units = mul(heads(), blocksOfRows());
  Value wanted = quotient(constant(plan.slots), maximum(units, constant(1)));
  Value longest;
  for (const FoldPlan &fold : plan.tiles.folds)
    longest =
        longest ? maximum(longest, extent(fold.stream)) : extent(fold.stream);
  Value possible = quotient(longest, constant(BlockPlan::leastPart));
  parts = maximum(minimum(wanted, possible), constant(1));
}

Value BlockEmitter::sharesFit() {
  if (!plan.splits && !plan.packed)
    return {};
  Value fit;
  Point none;
  Memo memo;
  if (plan.packed) {
    const PackedRank &packed = *plan.packed;
    for (const Quotient &each : packed.quotients) {
      Value run =
          each.times ? mul(group, eval(each.times, none, memo).value) : group;
      fit = both(fit,
                 compare(Predicate::eq, run, eval(each.by, none, memo).value));
    }
    Value size = extent(packed.rank);
    Value whole = mul(quotient(size, group), group);
    fit = both(fit, compare(Predicate::eq, whole, size));
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    fit = both(
        fit, compare(Predicate::sle, rowCount(), constant(most - plan.rows())));
  }
  if (plan.splits && plan.splitCount)
    return fit;
  if (plan.splits)
    return both(both(fit, compare(Predicate::sge, parts, constant(2))),
                partsPay());
  return both(fit, packingPays());
}

/// Clocks of a launch of a version by the model (passes/Schedule/LaunchCost.h),
/// with what merging takes.
Value BlockEmitter::launchClocks(const LaunchTerms &terms, Value count,
                                 bool isMerged) {
  struct Ops {
    using Number = Value;
    BlockEmitter &emitter;
    Value constant(int64_t x) { return emitter.constant(x); }
    Value add(Value x, Value y) { return emitter.add(x, y); }
    Value mul(Value x, Value y) { return emitter.mul(x, y); }
    Value quotient(Value x, Value y) { return emitter.quotient(x, y); }
    Value ifAtMost(Value x, Value y, Value yes, Value no) {
      return emitter.select(emitter.compare(Predicate::sle, x, y), yes, no);
    }
  } ops{*this};
  const LaunchMachine &machine = plan.launch->machine;
  Values streams;
  for (const FoldPlan &fold : plan.tiles.folds)
    streams.push_back(extent(fold.stream));
  Value items = constant(1), rows = extent(plan.tiles.row);
  for (StringRef rank : plan.tiles.items)
    items = mul(items, terms.packs ? unitsAlong(rank) : extent(rank));
  Value clocks = clocksOfLaunch(ops, terms, machine, items,
                                terms.packs ? mul(rows, group) : rows,
                                ArrayRef<Value>(streams), count);
  if (!isMerged)
    return clocks;
  return add(clocks, clocksOfMerge(ops, machine, plan.stateFloats() * 4,
                                   rowsOfAllItems(), count));
}

/// Packing at least halves the blocks, which read as many keys each, and takes
/// no longer.
Value BlockEmitter::packingPays() {
  Value alone = quotient(add(extent(plan.tiles.row), plan.rows() - 1),
                         constant(plan.rows()));
  Value halves =
      compare(Predicate::sle, mul(blocksOfRows(), 2), mul(alone, group));
  return both(halves,
              compare(Predicate::sle,
                      launchClocks(*plan.launch->packed, constant(1), false),
                      launchClocks(plan.launch->alone, constant(1), false)));
}

/// A launch with parts takes less than one without.
Value BlockEmitter::partsPay() {
  const LaunchComparison &launch = *plan.launch;
  Value other = launchClocks(launch.alone, constant(1), false);
  if (launch.packed)
    other = select(packingPays(),
                   launchClocks(*launch.packed, constant(1), false), other);
  // As einfall::partsPay.
  return compare(Predicate::sle, mul(launchClocks(launch.own, parts, true), 4),
                 mul(other, 3));
}

Value BlockEmitter::rowsOfAllItems() {
  Value count = extent(plan.tiles.row);
  for (StringRef rank : plan.tiles.items)
    count = mul(count, extent(rank));
  return count;
}

Value BlockEmitter::workspaceBytes() {
  if (!plan.splits)
    return {};
  Value bytes = mul(mul(rowsOfAllItems(), parts), plan.stateFloats() * 4);
  Value fit = sharesFit();
  return fit ? select(fit, bytes, constant(0)) : bytes;
}

//===----------------------------------------------------------------------===//
// Packed rows
//===----------------------------------------------------------------------===//

Point BlockEmitter::packedPoint(Value row) {
  Value number = narrow(row), size = narrow(group);
  Value at = wide(arith::DivUIOp::create(b, loc(), number, size));
  Value within = wide(arith::RemUIOp::create(b, loc(), number, size));
  StringRef packed = plan.packed->rank;
  Point point = item;
  point.at[packed] = add(item.at.at(packed), within);
  point.at[plan.tiles.row] = at;
  point.readAt[plan.tiles.row] =
      minimum(at, sub(extent(plan.tiles.row), constant(1)));
  return point;
}

void BlockEmitter::takePackedRows() {
  if (!plan.packed)
    return;
  Value last = add(add(firstRow, plan.rows() - 1), group);
  rowSpan = {quotient(firstRow, group),
             minimum(quotient(last, group), extent(plan.tiles.row))};
  Value row = addI(mulI(warp, int64_t(plan.fragments) * 16),
                   arith::ShRUIOp::create(b, loc(), lane, integer(2)));
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    int64_t within = int64_t(r / 2) * 16 + r % 2 * 8;
    rowPoints.push_back(
        packedPoint(add(firstRow, wide(addI(row, integer(within))))));
    rowPoints.back().part = r;
  }
}

Point BlockEmitter::operandPoint(const SharedOperand &operand, Value outer) {
  if (plan.packed && operand.outer == plan.tiles.row)
    return packedPoint(outer);
  Point point = item;
  point.at[operand.outer] = outer;
  return point;
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Span BlockEmitter::partOf(Span tiles) {
  if (!plan.splits)
    return tiles;
  Value keys = maximum(sub(tiles.high, tiles.low), constant(0));
  Value count = quotient(add(keys, plan.keys - 1), constant(plan.keys));
  Value each = quotient(sub(add(count, parts), constant(1)), parts);
  Value low = add(tiles.low, mul(mul(part, each), plan.keys));
  return {low, minimum(tiles.high, add(low, mul(each, plan.keys)))};
}

Value BlockEmitter::stateOfRow(const Point &point, Value number) {
  Value row = constant(0);
  for (StringRef rank : plan.tiles.items)
    row = add(mul(row, extent(rank)), point.at.at(rank));
  row = add(mul(row, extent(plan.tiles.row)), point.at.at(plan.tiles.row));
  Value index = add(mul(row, parts), number);
  return add(workspace, mul(index, plan.stateFloats() * 4));
}

void BlockEmitter::leaveState(const BlockFold &fold, const State &state) {
  auto two = VectorType::get({2}, b.getF32Type());
  Value within = arith::AndIOp::create(b, loc(), lane, integer(3));
  Value isFirst = compare(Predicate::eq, within, integer(0));
  for (unsigned r = 0; r < rowsOfThread(); ++r) {
    Point point = rowPoint(r / 2, r % 2);
    Value exists = compare(Predicate::slt, point.at.at(plan.tiles.row),
                           extent(plan.tiles.row));
    ifThen(exists, [&] {
      Value address = stateOfRow(point, part);
      auto store = [&](Value value, Value base, int64_t offset) {
        device::StoreOp::create(b, loc(), device::Space::Global, value, base,
                                constant(offset));
      };
      Value own = add(address, mul(wide(within), 8));
      for (const BlockMatrix &matrix : fold.matrices) {
        const Values &sums = state[matrix.component->number];
        unsigned features = matrix.panel.padded() / 8;
        int64_t offset = plan.stateOffset(fold, *matrix.component);
        for (unsigned f = 0; f < features; ++f) {
          unsigned at = ((r / 2) * features + f) * 4 + (r % 2) * 2;
          Value pair = vector::FromElementsOp::create(
              b, loc(), two, ValueRange{sums[at], sums[at + 1]});
          store(pair, own, (offset + int64_t(f) * 8) * 4);
        }
      }
      ifThen(isFirst, [&] {
        for (const Component &component : fold.plan->components)
          if (!component.isMatrix)
            store(state[component.number][r], address,
                  plan.stateOffset(fold, component) * 4);
      });
    });
  }
}
