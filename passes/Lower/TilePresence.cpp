//===- TilePresence.cpp - What exists in a tile ---------------------------===//

#include "passes/Lower/TilePresence.h"

#include "dialect/Cascade/Inside.h"
#include "passes/Regions/EmitIndex.h"
#include "passes/Regions/KernelMasks.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using regions::Leaf;
using regions::MaskRegions;
using regions::Term;

Extremes PresenceEmitter::known(bool value) {
  Value constant = LaneBuilder::truth(value);
  return {constant, constant};
}

Extremes PresenceEmitter::allOf(Extremes x, Extremes y) {
  Extremes result;
  if (x.always && y.always)
    result.always = both(x.always, y.always);
  result.ever = both(x.ever, y.ever);
  return result;
}

Extremes PresenceEmitter::anyOf(Extremes x, Extremes y) {
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

//===----------------------------------------------------------------------===//
// One restriction
//===----------------------------------------------------------------------===//

const MaskRegions *PresenceEmitter::regionsOf(Operation *op, const Box &box) {
  if (op->hasAttr(regions::testedEverywhere))
    return nullptr;
  auto [it, isNew] = analysed.try_emplace({op, box.stream});
  if (isNew)
    it->second = regions::analyzeRestriction(op, box.stream);
  return it->second ? &*it->second : nullptr;
}

/// A closed form as a scalar, or null where a leaf is not the same in the whole
/// box.
Value PresenceEmitter::emit(const MaskRegions &regions, Term form,
                            const Box &box) {
  auto rangeOf = [&](StringRef rank) -> Span {
    if (auto it = box.ranks.find(rank); it != box.ranks.end())
      return it->second;
    if (auto it = box.point.at.find(rank); it != box.point.at.end())
      return {it->second, add(it->second, constant(1))};
    return {constant(0), extent(rank)};
  };
  auto isUniform = [&](Value field) {
    return llvm::all_of(fieldType(field).getRankNames(), [&](StringRef rank) {
      return !box.ranks.count(rank) && box.point.at.count(rank);
    });
  };
  auto value = [&](Term symbol) -> Value {
    for (const regions::Axis &axis : regions.rows)
      if (symbol == axis.lo || symbol == axis.hi)
        return symbol == axis.lo ? rangeOf(axis.rank).low
                                 : rangeOf(axis.rank).high;
    if (symbol == regions.stream.lo)
      return rangeOf(regions.stream.rank).low;
    if (symbol == regions.stream.hi)
      return rangeOf(regions.stream.rank).high;
    for (const Leaf &leaf : regions.leaves) {
      if (leaf.symbol != symbol)
        continue;
      if (leaf.kind == Leaf::Kind::Extent)
        return extent(leaf.rank);
      if (leaf.kind == Leaf::Kind::Coordinate) {
        auto it = box.point.at.find(leaf.rank);
        return it == box.point.at.end() ? Value() : it->second;
      }
      if (!isUniform(leaf.value))
        return {};
      Memo memo;
      Lanes lanes = eval(leaf.value, box.point, memo);
      bool isScalar = lanes.value.getType().isInteger(64) ||
                      lanes.value.getType().isInteger(1);
      return isScalar && !lanes.present ? lanes.value : Value();
    }
    return {};
  };
  regions::IndexEmitter emitter(b, loc(), value, b.getI64Type());
  FailureOr<Value> result = emitter.emit(form);
  return succeeded(result) ? *result : Value();
}

Extremes PresenceEmitter::restrictedOn(Operation *op, const Box &box) {
  const MaskRegions *regions = regionsOf(op, box);
  if (!regions)
    return {};
  Extremes result;
  if (!regions->full.isFalse())
    result.always = emit(*regions, regions->full, box);
  if (!regions->empty.isFalse())
    result.ever = emit(*regions, !regions->empty, box);
  return result;
}

//===----------------------------------------------------------------------===//
// A field
//===----------------------------------------------------------------------===//

Extremes PresenceEmitter::presentOn(Value field, const Box &box) {
  Operation *op = field.getDefiningOp();
  if (!op)
    return known(true);
  Extremes all = known(true);
  auto fields = [&](ValueRange values) {
    for (Value value : values)
      all = allOf(all, presentOn(value, box));
  };
  return TypeSwitch<Operation *, Extremes>(op)
      .Case<MapOp>([&](MapOp map) {
        fields(map.getOperands());
        return all;
      })
      .Case<WhereOp>([&](WhereOp where) {
        fields({where.getValue(), where.getCondition()});
        return allOf(all, restrictedOn(where, box));
      })
      .Case<ReadOp>([&](ReadOp read) {
        fields(read.getIndices());
        bool inside = true;
        for (unsigned dim = 0; dim < read.getIndices().size(); ++dim)
          inside &= isInside(read, dim);
        return inside ? all : allOf(all, restrictedOn(read, box));
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

Extremes PresenceEmitter::presentOn(ArrayRef<Component> components,
                                    const Box &box) {
  std::optional<Extremes> result;
  for (const Component &component : components) {
    Extremes x = presentOn(component.value, box);
    if (!result) {
      result = x;
      continue;
    }
    Value always =
        x.always && result->always ? both(x.always, result->always) : Value();
    Value ever =
        x.ever && result->ever
            ? Value(arith::OrIOp::create(b, loc(), x.ever, result->ever))
            : Value();
    result = Extremes{always, ever};
  }
  return *result;
}

std::optional<Span> PresenceEmitter::walkOf(Value field, const Box &box) {
  Operation *op = field.getDefiningOp();
  if (!isa_and_nonnull<MapOp, WhereOp, ReadOp>(op))
    return std::nullopt;
  std::optional<Span> result;
  auto meet = [&](std::optional<Span> range) {
    if (!range)
      return;
    result = result ? Span{maximum(result->low, range->low),
                           minimum(result->high, range->high)}
                    : *range;
  };
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      meet(walkOf(operand, box));
  if (isa<MapOp>(op))
    return result;
  if (const MaskRegions *regions = regionsOf(op, box)) {
    bool whole = regions->streamLo.isConstant(0) &&
                 regions->streamHi == regions->streamExtent;
    if (whole)
      return result;
    Value low = emit(*regions, regions->streamLo, box);
    Value high = emit(*regions, regions->streamHi, box);
    if (low && high)
      meet(Span{low, high});
  }
  return result;
}
