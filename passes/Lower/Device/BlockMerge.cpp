//===- BlockMerge.cpp - The parts of a stream are merged ------------------===//
//
// The second launch of a version that splits the stream. A warp merges a row:
//
//   references    joined over the parts, lanes hold runs of parts
//   accumulators  each part's act from its own references to the joint ones by
//                 the fold's own action, and are added; lanes hold columns
//   outputs       evaluated and stored
//
// Nothing is known of what the fold computes. Parts without a key have no
// references and sums of 0, which the action leaves alone; where no part has
// one, the joint reference is absent, as in a stream that is not split.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

/// Parts whose loads are in flight together.
static constexpr int64_t partsAtOnce = 4;

BlockEmitter::ColumnsOfLane
BlockEmitter::columnsOfLane(StringRef feature) const {
  int64_t elements = int64_t(plan.columnsOf(feature)) * 4;
  int64_t width = elements >= 128 ? 4 : elements >= 64 ? 2 : 1;
  return {width, (elements + 32 * width - 1) / (32 * width)};
}

void BlockEmitter::emitMerge() {
  Value number =
      add(mul(wide(device::BlockOp::create(b, loc(), device::Dimension::X)),
              mergeWarps),
          wide(warp));
  ifThen(compare(Predicate::slt, number, rowsOfAllItems()), [&] {
    auto next = [&](StringRef rank) {
      Value size = extent(rank);
      Value at = arith::RemUIOp::create(b, loc(), number, size);
      number = quotient(number, size);
      return at;
    };
    Value row = next(plan.tiles.row);
    for (StringRef rank : llvm::reverse(plan.tiles.items))
      item.at[rank] = next(rank);
    item.at[plan.tiles.row] = row;
    rowMemos.assign(1, Memo());
    for (const BlockFold &fold : plan.folds)
      mergeFold(fold);
    for (auto output : kernel.getBody().getOps<OutputOp>())
      emitMergedOutput(output);
  });
}

Values BlockEmitter::joinReferences(const BlockFold &fold) {
  FoldOp op = fold.plan->fold;
  Value each = quotient(add(parts, 31), constant(32));
  Value first = mul(wide(lane), each);
  Values init;
  SmallVector<const Component *> orders;
  for (const Component &component : fold.plan->components)
    if (op.isReference(component.number)) {
      orders.push_back(&component);
      init.push_back(real(sentinelOf(component.monoid)));
    }
  Values joined = loop(
      constant(0), each, 1, init, [&](Value i, ValueRange carried) -> Values {
        Value number = add(first, i);
        Value exists = compare(Predicate::slt, number, parts);
        number = minimum(number, sub(parts, constant(1)));
        Value address = stateOfRow(item, number);
        Values result;
        for (auto [component, before] : llvm::zip(orders, carried)) {
          Value loaded = loadNumber(fold, *component, address);
          Value value =
              select(exists, loaded, real(sentinelOf(component->monoid)));
          result.push_back(combine(component->monoid, before, value));
        }
        return result;
      });
  for (auto [component, value] : llvm::zip(orders, joined))
    value = laneReduce({value}, component->monoid, {1, 2, 4, 8, 16}).front();
  return joined;
}

Value BlockEmitter::loadNumber(const BlockFold &fold,
                               const Component &component, Value address) {
  return device::LoadOp::create(
      b, loc(), b.getF32Type(), device::Space::Global, address,
      constant(plan.stateOffset(fold, component) * 4), /*readonly=*/true);
}

/// The columns that the lane has of a matrix, one vector for each of its
/// groups. Those that the matrix has not are of no use.
Values BlockEmitter::loadColumns(const BlockFold &fold,
                                 const BlockMatrix &matrix, Value address) {
  ColumnsOfLane columns = columnsOfLane(matrix.component->feature);
  int64_t width = columns.width, all = matrix.panel.padded();
  Type type = b.getF32Type();
  if (width > 1)
    type = VectorType::get({width}, type);
  int64_t offset = plan.stateOffset(fold, *matrix.component);
  Values values;
  for (int64_t j = 0; j < columns.groups; ++j) {
    Value column = add(mul(wide(lane), width), j * 32 * width);
    if ((j + 1) * 32 * width > all)
      column = minimum(column, constant(all - width));
    Value loaded =
        device::LoadOp::create(b, loc(), type, device::Space::Global, address,
                               mul(add(column, offset), 4), /*readonly=*/true);
    for (int64_t c = 0; c < width; ++c)
      values.push_back(
          width > 1 ? Value(vector::ExtractOp::create(b, loc(), loaded, c))
                    : loaded);
  }
  return values;
}

void BlockEmitter::mergeFold(const BlockFold &fold) {
  FoldOp op = fold.plan->fold;
  unsigned references = op.getReferences();
  takeScales(fold);
  Values joint = joinReferences(fold);
  auto isAbsent = [&](Value value, Monoid monoid) -> Value {
    return arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ, value,
                                 real(sentinelOf(monoid)));
  };
  // Row sums, then the lane's columns of matrices.
  Values init;
  SmallVector<const Component *> sums;
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix && !op.isReference(component.number)) {
      sums.push_back(&component);
      init.push_back(real(0));
    }
  for (const BlockMatrix &matrix : fold.matrices) {
    ColumnsOfLane columns = columnsOfLane(matrix.component->feature);
    init.append(columns.groups * columns.width, real(0));
  }
  Values total =
      loop(constant(0), parts, partsAtOnce, init,
           [&](Value start, ValueRange carried) -> Values {
             Values result(carried);
             for (int64_t i = 0; i < partsAtOnce; ++i) {
               Value number = add(start, i);
               Value exists = compare(Predicate::slt, number, parts);
               number = minimum(number, sub(parts, constant(1)));
               addPart(fold, stateOfRow(item, number), exists, joint, result);
             }
             return result;
           });
  unsigned reference = 0;
  for (const Component &component : fold.plan->components) {
    if (!op.isReference(component.number))
      continue;
    Value value = joint[reference++];
    Value there = arith::XOrIOp::create(
        b, loc(), isAbsent(value, component.monoid), LaneBuilder::truth(true));
    rowMemos[0][op.getResult(component.number)] = {
        scaled(component.number, value), there};
  }
  assert(reference == references && "a reference is a component");
  size_t taken = 0;
  for (const Component *component : sums)
    rowMemos[0][op.getResult(component->number)] = {total[taken++], nullptr};
  for (const BlockMatrix &matrix : fold.matrices) {
    ColumnsOfLane columns = columnsOfLane(matrix.component->feature);
    size_t count = columns.groups * columns.width;
    results[op.getResult(matrix.component->number)] =
        Values(ArrayRef(total).slice(taken, count));
    taken += count;
  }
}

/// Adds a part to `total`, in the order of its components.
void BlockEmitter::addPart(const BlockFold &fold, Value address, Value exists,
                           ArrayRef<Value> joint, Values &total) {
  FoldOp op = fold.plan->fold;
  unsigned references = op.getReferences();
  ValueRange arguments, yields;
  if (references) {
    arguments = op.getAct().getArguments();
    yields = cast<YieldOp>(op.getAct().front().getTerminator()).getValues();
  }
  Memo memo = rowMemos[0];
  unsigned order = 0;
  for (const Component &component : fold.plan->components) {
    if (!op.isReference(component.number))
      continue;
    auto isAbsent = [&](Value value) -> Value {
      return arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OEQ, value,
                                   real(sentinelOf(component.monoid)));
    };
    Value old = loadNumber(fold, component, address), now = joint[order];
    Value after = select(isAbsent(now), real(0), now);
    Value stays = arith::OrIOp::create(
        b, loc(), isAbsent(old),
        arith::XOrIOp::create(b, loc(), exists, LaneBuilder::truth(true)));
    memo[arguments[order]] = {select(stays, after, old), nullptr};
    memo[arguments[references + order]] = {after, nullptr};
    ++order;
  }
  auto bind = [&](Memo &memo, const Component &component, Value value) {
    value = select(exists, value, real(0));
    if (references)
      memo[arguments[references + component.number]] = {value, nullptr};
    return value;
  };
  auto acted = [&](const Component &component, Value value, const Point &point,
                   Memo &memo) {
    return references
               ? eval(yields[component.number - references], point, memo).value
               : value;
  };
  SmallVector<std::pair<const Component *, Value>> numbers;
  for (const Component &component : fold.plan->components)
    if (!component.isMatrix && !op.isReference(component.number))
      numbers.push_back(
          {&component,
           bind(memo, component, loadNumber(fold, component, address))});
  size_t at = 0;
  auto take = [&](Value value) {
    total[at] = arith::AddFOp::create(b, loc(), total[at], value);
    ++at;
  };
  for (auto [component, value] : numbers)
    take(acted(*component, value, item, memo));
  for (const BlockMatrix &matrix : fold.matrices) {
    const Component &component = *matrix.component;
    Values columns = loadColumns(fold, matrix, address);
    for (auto [k, value] : llvm::enumerate(columns)) {
      Memo inner = memo;
      Value bound = bind(inner, component, value);
      Point point = item;
      point.at[component.feature] = columnAt(component.feature, k);
      take(acted(component, bound, point, inner));
    }
  }
}

Value BlockEmitter::columnAt(StringRef feature, unsigned k) {
  ColumnsOfLane columns = columnsOfLane(feature);
  int64_t width = columns.width;
  return add(mul(wide(lane), width), k / width * 32 * width + k % width);
}

void BlockEmitter::emitMergedOutput(OutputOp output) {
  StringRef feature = featureOf(output);
  unsigned count = 1;
  if (!feature.empty()) {
    ColumnsOfLane columns = columnsOfLane(feature);
    count = columns.groups * columns.width;
  }
  for (unsigned k = 0; k < count; ++k) {
    Point point = item;
    Memo memo = rowMemos[0];
    Value exists = compare(Predicate::eq, lane, integer(0));
    if (!feature.empty()) {
      Value at = point.at[feature] = columnAt(feature, k);
      point.readAt[feature] = minimum(at, sub(extent(feature), constant(1)));
      exists = compare(Predicate::slt, at, extent(feature));
      for (const BlockFold &fold : plan.folds)
        for (const BlockMatrix &matrix : fold.matrices) {
          FoldOp op = fold.plan->fold;
          Value result = op.getResult(matrix.component->number);
          if (matrix.component->feature == feature)
            memo[result] = {results[result][k], nullptr};
        }
    }
    Lanes x = eval(output.getValue(), point, memo);
    Value value = x.value;
    if (output.getFiller() && x.present)
      value =
          select(x.present, value, eval(output.getFiller(), point, memo).value);
    storeElement(output, point, value, exists);
  }
}
