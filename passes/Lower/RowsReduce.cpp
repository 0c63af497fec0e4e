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
                                            ArrayRef<Place> places,
                                            int64_t turn, int64_t turns) {
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
        if (turns) {
          auto likely = extents.find(rank);
          int64_t steps = likely == extents.end() ? 8 : likely->second / lanes;
          steps = std::max<int64_t>(steps, 1);
          fetchAhead(
              emitter.add(quotient(e, constant(lanes)), constant(turn * steps)),
              turns * steps, 0);
        }
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
  // A key is loaded once for all rows, a query once for several keys. Vectors
  // of partial results are merged as soon as there are two alike, so that few
  // are kept.
  unsigned together = vectorsTogether();
  int64_t turns =
      which.size() == rows.size() && !fetching ? lanes / together : 0;
  fetching = turns;
  SmallVector<SmallVector<std::pair<int64_t, Value>>> partial(which.size());
  for (unsigned first = 0; first < lanes; first += together) {
    SmallVector<Place> places;
    for (unsigned j = first; j < first + together; ++j) {
      Value key = keyCoordinate(at, constant(j));
      for (unsigned row : which) {
        Coordinates here = which.size() > 1 ? rows[row].at : at;
        here[form.stream] = {key};
        places.push_back({row, here});
      }
    }
    for (auto [i, sum] : llvm::enumerate(
             reduceAlong(reduce, rank, places, first / together, turns))) {
      auto &kept = partial[i % which.size()];
      std::pair<int64_t, Value> next{1, sum};
      while (!kept.empty() && kept.back().first == next.first) {
        next = {2 * next.first,
                mergeLanes(reduce.getMonoid(), kept.back().second, next.second,
                           next.first)};
        kept.pop_back();
      }
      kept.push_back(next);
    }
  }
  SmallVector<Value> result;
  for (auto &kept : partial)
    result.push_back(kept.front().second);
  return result;
}

Value RowsEmitter::mergeLanes(Monoid monoid, Value x, Value y, int64_t bit) {
  int64_t count = lanes;
  SmallVector<int64_t> own, other;
  for (int64_t k = 0; k < count; ++k) {
    own.push_back(k & bit ? k + count : k);
    other.push_back(k & bit ? k - bit + count : k + bit);
  }
  return emitter.combine(monoid, Kind::Real,
                         vector::ShuffleOp::create(b, loc(), x, y, own),
                         vector::ShuffleOp::create(b, loc(), x, y, other));
}
