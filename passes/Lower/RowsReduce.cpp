//===- RowsReduce.cpp - Reductions inside a row ---------------------------===//

#include "passes/Lower/RowsEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

std::optional<Element> RowsEmitter::lookup(Value field, const Coordinates &at) {
  if (auto it = references.find(field); it != references.end())
    return it->second;
  if (auto it = perKey.find(field); it != perKey.end())
    if (!at.at(form.stream).lanes)
      return Element{it->second[currentKey], {}};
  if (auto it = results.find(field); it != results.end())
    return finalState(it->second, at);
  return std::nullopt;
}

Element RowsEmitter::reduceAt(ReduceOp reduce, const Coordinates &at) {
  StringRef rank = names(reduce.getRanks()).front();
  StringRef laneRank;
  for (StringRef own : fieldType(reduce.getResult()).getRankNames())
    if (auto it = at.find(own); it != at.end() && it->second.lanes)
      laneRank = own;
  if (laneRank.empty())
    return reduceAlong(reduce, rank, at, 1, [&](unsigned) { return at; });
  if (laneRank == form.stream) {
    return reduceAlong(reduce, rank, at, lanes, [&](unsigned j) {
      Coordinates here = at;
      here[form.stream] = {keyCoordinate(at, j)};
      return here;
    });
  }
  // Columns in the lanes: the reduced rank is walked one by one.
  Monoid monoid = reduce.getMonoid();
  Value init = emitter.spread(startOf(monoid), vectorOf(Kind::Real));
  Value value = emitter.loop(
      constant(0), emitter.extent(rank), 1, {init},
      [&](Value i, ValueRange carried) -> SmallVector<Value> {
        Coordinates here = at;
        here[rank] = {i};
        Element x = emitter.emit(reduce.getValue(), here);
        return {emitter.select(
            x.present, emitter.combine(monoid, Kind::Real, carried[0], x.value),
            carried[0])};
      })[0];
  return {value, {}};
}

Value RowsEmitter::startOf(Monoid monoid) {
  return identity({monoid, Kind::Real, false, {}, {}});
}

Element RowsEmitter::reduceAlong(ReduceOp reduce, StringRef rank,
                                 const Coordinates &at, unsigned count,
                                 function_ref<Coordinates(unsigned)> keyAt) {
  Monoid monoid = reduce.getMonoid();
  Value start = emitter.spread(startOf(monoid), vectorOf(Kind::Real));
  SmallVector<Coordinates> keys;
  for (unsigned j = 0; j < count; ++j)
    keys.push_back(keyAt(j));
  auto body = [&](Coordinate along, ValueRange carried) {
    SmallVector<Value> next;
    for (unsigned j = 0; j < count; ++j) {
      Coordinates here = keys[j];
      here[rank] = along;
      Element x = emitter.emit(reduce.getValue(), here);
      Value present = emitter.conjunction(x.present, along.mask);
      Value sum =
          emitter.combine(monoid, Kind::Real, carried[j],
                          emitter.spread(x.value, vectorOf(Kind::Real)));
      next.push_back(emitter.select(present, sum, carried[j]));
    }
    return next;
  };
  Value extent = emitter.extent(rank);
  Value rest = arith::RemUIOp::create(b, loc(), extent, constant(lanes));
  Value whole = emitter.sub(extent, rest);
  SmallVector<Value> init(count, start);
  SmallVector<Value> partial = emitter.loop(
      constant(0), whole, lanes, init, [&](Value e, ValueRange carried) {
        return body({e, lanes, {}}, carried);
      });
  partial = emitter.branch(
      emitter.less(constant(0), rest), TypeRange(ValueRange(partial)),
      [&] {
        return body({whole, lanes, emitter.less(emitter.iota(lanes), rest)},
                    partial);
      },
      [&] { return partial; });
  if (count == 1)
    return {acrossLanes(monoid, partial[0]), {}};
  Value scores = emitter.spread(emitter.real(0), vectorOf(Kind::Real));
  for (unsigned j = 0; j < count; ++j)
    scores = vector::InsertOp::create(b, loc(), acrossLanes(monoid, partial[j]),
                                      scores, j);
  return {scores, {}};
}
