//===- RowsReduce.cpp - Reductions inside a row ---------------------------===//

#include "passes/Lower/RowsEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

std::optional<Element> RowsEmitter::lookup(Value field, const Coordinates &at) {
  if (!rows.empty()) {
    const auto &references = rows[current].references;
    if (auto it = references.find(field); it != references.end())
      return it->second;
  }
  if (rows.size() > 1)
    if (auto it = agreed.find(field); it != agreed.end())
      return it->second;
  if (auto it = joint.find(field); it != joint.end() && isAtRow(field, at))
    return Element{it->second[current], {}};
  if (auto it = weights.find(field); it != weights.end())
    if (!at.at(form.stream).lanes)
      return Element{emitter.load(weightAddress(it->second, currentKey),
                                  constant(0), b.getF32Type()),
                     {}};
  if (auto it = results.find(field); it != results.end())
    return finalState(it->second, at);
  return std::nullopt;
}

bool RowsEmitter::isAtRow(Value field, const Coordinates &at) {
  return llvm::all_of(fieldType(field).getRankNames(), [&](StringRef rank) {
    auto own = rows[current].at.find(rank);
    return own != rows[current].at.end() &&
           own->second.index == at.at(rank).index &&
           own->second.lanes == at.at(rank).lanes;
  });
}

Element RowsEmitter::reduceAt(ReduceOp reduce, const Coordinates &at) {
  StringRef rank = names(reduce.getRanks()).front();
  StringRef laneRank;
  for (StringRef own : fieldType(reduce.getResult()).getRankNames())
    if (auto it = at.find(own); it != at.end() && it->second.lanes)
      laneRank = own;
  if (laneRank.empty()) {
    Value partial = reduceAlong(reduce, rank, {{current, at}})[0];
    return {acrossLanes(reduce.getMonoid(), partial), {}};
  }
  if (laneRank == form.stream) {
    bool all =
        b.getInsertionBlock() == jointBlock && isAtRow(reduce.getResult(), at);
    if (!all)
      return {reduceKeys(reduce, rank, at, {current})[0], {}};
    SmallVector<unsigned> which =
        llvm::to_vector(llvm::seq(0u, unsigned(rows.size())));
    SmallVector<Value> sums = reduceKeys(reduce, rank, at, which);
    joint[reduce.getResult()] = sums;
    return {sums[current], {}};
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

SmallVector<Value> RowsEmitter::reduceAlong(ReduceOp reduce, StringRef rank,
                                            ArrayRef<Place> places) {
  Monoid monoid = reduce.getMonoid();
  Value start = emitter.spread(startOf(monoid), vectorOf(Kind::Real));
  unsigned row = current;
  auto body = [&](Coordinate along, ValueRange carried) {
    SmallVector<Value> next;
    for (auto [place, sofar] : llvm::zip(places, carried)) {
      current = place.row;
      Coordinates here = place.at;
      here[rank] = along;
      Element x = emitter.emit(reduce.getValue(), here);
      Value present = emitter.conjunction(x.present, along.mask);
      Value sum =
          emitter.combine(monoid, Kind::Real, sofar,
                          emitter.spread(x.value, vectorOf(Kind::Real)));
      next.push_back(emitter.select(present, sum, sofar));
    }
    current = row;
    return next;
  };
  Value extent = emitter.extent(rank);
  Value rest = remainder(extent, constant(lanes));
  Value whole = emitter.sub(extent, rest);
  SmallVector<Value> init(places.size(), start);
  SmallVector<Value> partial = emitter.loop(
      constant(0), whole, lanes, init, [&](Value e, ValueRange carried) {
        return body({e, lanes, {}}, carried);
      });
  return emitter.branch(
      emitter.less(constant(0), rest), TypeRange(ValueRange(partial)),
      [&] {
        return body({whole, lanes, emitter.less(emitter.iota(lanes), rest)},
                    partial);
      },
      [&] { return partial; });
}

SmallVector<Value> RowsEmitter::reduceKeys(ReduceOp reduce, StringRef rank,
                                           const Coordinates &at,
                                           ArrayRef<unsigned> which) {
  // A key is loaded once for all rows, a query once for several keys.
  unsigned together = vectorsTogether();
  SmallVector<SmallVector<Value>> partial(which.size());
  for (unsigned first = 0; first < lanes; first += together) {
    SmallVector<Place> places;
    for (unsigned j = first; j < first + together; ++j) {
      Value key = keyCoordinate(at, constant(j));
      for (unsigned row : which) {
        Coordinates here = at;
        if (which.size() > 1)
          here = rows[row].at;
        here[form.stream] = {key};
        places.push_back({row, here});
      }
    }
    SmallVector<Value> sums = reduceAlong(reduce, rank, places);
    for (auto [i, sum] : llvm::enumerate(sums))
      partial[i % which.size()].push_back(sum);
  }
  SmallVector<Value> result;
  for (auto &sums : partial)
    result.push_back(acrossAll(reduce.getMonoid(), std::move(sums)));
  return result;
}

// Two vectors x and y become one whose lanes hold sums of x where bit d of the
// lane is 0, of y where it is 1; then pairs of such vectors with the next bit.
Value RowsEmitter::acrossAll(Monoid monoid, SmallVector<Value> vectors) {
  int64_t count = lanes;
  for (int64_t d = 1; d < count; d *= 2) {
    SmallVector<int64_t> own, other;
    for (int64_t k = 0; k < count; ++k) {
      own.push_back(k & d ? k + count : k);
      other.push_back(k & d ? k - d + count : k + d);
    }
    SmallVector<Value> next;
    for (size_t i = 0; i < vectors.size(); i += 2) {
      Value x =
          vector::ShuffleOp::create(b, loc(), vectors[i], vectors[i + 1], own);
      Value y = vector::ShuffleOp::create(b, loc(), vectors[i], vectors[i + 1],
                                          other);
      next.push_back(emitter.combine(monoid, Kind::Real, x, y));
    }
    vectors = std::move(next);
  }
  return vectors.front();
}
