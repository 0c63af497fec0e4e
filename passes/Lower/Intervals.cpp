//===- Intervals.cpp - What holds on a whole tile -------------------------===//

#include "passes/Lower/Intervals.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

Extremes IntervalEmitter::known(bool value) {
  Value constant = LaneBuilder::truth(value);
  return {constant, constant};
}

Extremes IntervalEmitter::allOf(Extremes x, Extremes y) {
  Extremes result;
  if (x.always && y.always)
    result.always = both(x.always, y.always);
  result.ever = both(x.ever, y.ever);
  return result;
}

Extremes IntervalEmitter::anyOf(Extremes x, Extremes y) {
  auto either = [&](Value a, Value c) -> Value {
    return arith::OrIOp::create(b, loc(), a, c);
  };
  Extremes result;
  result.always = x.always && y.always ? either(x.always, y.always)
                  : x.always           ? x.always
                                       : y.always;
  if (x.ever && y.ever)
    result.ever = either(x.ever, y.ever);
  return result;
}

/// Whether a field can differ within the box.
bool IntervalEmitter::varies(Value field, const Box &box) {
  return llvm::any_of(fieldType(field).getRankNames(), [&](StringRef rank) {
    return box.ranks.count(rank) || !box.point.at.count(rank);
  });
}

std::optional<Interval> IntervalEmitter::bounds(Value field, const Box &box) {
  if (fieldType(field).getKind() != Kind::Int)
    return std::nullopt;
  Operation *op = field.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (!varies(field, box)) {
    Memo memo;
    Lanes lanes = eval(field, box.point, memo);
    if (lanes.present || !lanes.value.getType().isInteger(64))
      return std::nullopt;
    return Interval{lanes.value, lanes.value};
  }
  if (auto coord = dyn_cast<CoordOp>(op)) {
    auto it = box.ranks.find(coord.getRank());
    if (it != box.ranks.end())
      return it->second;
    return Interval{constant(0), sub(extent(coord.getRank()), constant(1))};
  }
  auto map = dyn_cast<MapOp>(op);
  if (!map)
    return std::nullopt;
  SmallVector<Interval> x;
  for (Value operand : map.getOperands()) {
    if (fieldType(operand).getKind() != Kind::Int)
      return std::nullopt;
    std::optional<Interval> bound = bounds(operand, box);
    if (!bound)
      return std::nullopt;
    x.push_back(*bound);
  }
  auto monotone = [&](Function function) -> Interval {
    return {apply(function, {x[0].low, x[1].low}),
            apply(function, {x[0].high, x[1].high})};
  };
  switch (map.getFunction()) {
  case Function::Add:
  case Function::Max:
  case Function::Min:
    return monotone(map.getFunction());
  case Function::Sub:
    return Interval{sub(x[0].low, x[1].high), sub(x[0].high, x[1].low)};
  case Function::Neg:
    return Interval{sub(constant(0), x[0].high), sub(constant(0), x[0].low)};
  case Function::Mul: {
    Value ends[] = {mul(x[0].low, x[1].low), mul(x[0].low, x[1].high),
                    mul(x[0].high, x[1].low), mul(x[0].high, x[1].high)};
    return Interval{
        minimum(minimum(ends[0], ends[1]), minimum(ends[2], ends[3])),
        maximum(maximum(ends[0], ends[1]), maximum(ends[2], ends[3]))};
  }
  case Function::FloorDiv: {
    // By a number that is the same in the whole box and, as written, positive.
    if (varies(map.getOperands()[1], box))
      return std::nullopt;
    auto divisor = map.getOperands()[1].getDefiningOp();
    auto literal = dyn_cast<ConstOp>(divisor);
    bool positive =
        isa<ExtentOp>(divisor) ||
        (literal && cast<IntegerAttr>(literal.getValue()).getInt() > 0);
    if (!positive)
      return std::nullopt;
    return monotone(Function::FloorDiv);
  }
  case Function::Select:
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

Extremes IntervalEmitter::truth(Value field, const Box &box) {
  Operation *op = field.getDefiningOp();
  if (!op)
    return {};
  if (!varies(field, box) && !isa<BlockArgument>(field)) {
    Memo memo;
    Lanes lanes = eval(field, box.point, memo);
    if (lanes.present || !lanes.value.getType().isInteger(1))
      return {};
    return {lanes.value, lanes.value};
  }
  auto map = dyn_cast<MapOp>(op);
  if (!map)
    return {};
  Function function = map.getFunction();
  auto operand = [&](unsigned i) { return map.getOperands()[i]; };
  if (function == Function::And)
    return allOf(truth(operand(0), box), truth(operand(1), box));
  if (function == Function::Or)
    return anyOf(truth(operand(0), box), truth(operand(1), box));
  auto negate = [&](Value value) -> Value {
    return value ? apply(Function::Not, {value}) : Value();
  };
  if (function == Function::Not) {
    Extremes x = truth(operand(0), box);
    return {negate(x.ever), negate(x.always)};
  }
  if (map.getOperands().size() != 2)
    return {};
  std::optional<Interval> x = bounds(operand(0), box),
                          y = bounds(operand(1), box);
  if (!x || !y)
    return {};
  auto below = [&](Predicate predicate, Interval u, Interval v) -> Extremes {
    return {compare(predicate, u.high, v.low),
            compare(predicate, u.low, v.high)};
  };
  switch (function) {
  case Function::Lt:
    return below(Predicate::slt, *x, *y);
  case Function::Le:
    return below(Predicate::sle, *x, *y);
  case Function::Gt:
    return below(Predicate::slt, *y, *x);
  case Function::Ge:
    return below(Predicate::sle, *y, *x);
  case Function::Eq:
  case Function::Ne: {
    Extremes le = below(Predicate::sle, *x, *y),
             ge = below(Predicate::sle, *y, *x);
    Extremes equal = allOf(le, ge);
    if (function == Function::Eq)
      return equal;
    return {negate(equal.ever), negate(equal.always)};
  }
  default:
    return {};
  }
}

Extremes IntervalEmitter::presentOn(Value field, const Box &box) {
  Operation *op = field.getDefiningOp();
  if (!op)
    return known(true);
  Extremes all = known(true);
  return TypeSwitch<Operation *, Extremes>(op)
      .Case<MapOp>([&](MapOp map) {
        for (Value operand : map.getOperands())
          all = allOf(all, presentOn(operand, box));
        return all;
      })
      .Case<WhereOp>([&](WhereOp where) {
        all = allOf(presentOn(where.getValue(), box),
                    presentOn(where.getCondition(), box));
        return allOf(all, truth(where.getCondition(), box));
      })
      .Case<ReadOp>([&](ReadOp read) {
        auto input = read.getTensor().getDefiningOp<InputOp>();
        for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
          all = allOf(all, presentOn(index, box));
          if (isSurelyInside(read, dim))
            continue;
          std::optional<Interval> range = bounds(index, box);
          if (!range) {
            all = allOf(all, {});
            continue;
          }
          Value size = extent(names(input.getDims())[dim]);
          auto notNegative = [&](Value x) {
            return compare(Predicate::sge, x, constant(0));
          };
          auto small = [&](Value x) {
            return compare(Predicate::slt, x, size);
          };
          all = allOf(all, {both(notNegative(range->low), small(range->high)),
                            both(notNegative(range->high), small(range->low))});
        }
        return all;
      })
      .Case<OrElseOp>([&](OrElseOp orElse) {
        return anyOf(presentOn(orElse.getValue(), box),
                     presentOn(orElse.getFallback(), box));
      })
      .Case<ReduceOp>([&](ReduceOp reduce) -> Extremes {
        if (reduce.getMonoid() == Monoid::Max ||
            reduce.getMonoid() == Monoid::Min)
          return {};
        return all;
      })
      .Case<FoldOp>([&](FoldOp) -> Extremes { return {}; })
      .Default([&](Operation *) { return all; });
}
