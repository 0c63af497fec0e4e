//===- EngineReduce.cpp - Reductions as written ---------------------------===//

#include "dialect/Interpreter/Combine.h"
#include "dialect/Interpreter/Engine.h"
#include "dialect/Interpreter/Walk.h"

using namespace einfall::interpreter;
using namespace einfall::cascade;

/// Puts value walk(i) of a column of reals in place i.
template <typename T>
static void reorder(Column<T> values, const Walk &walk, int64_t n) {
  T real[maxColumn];
  uint8_t present[maxColumn];
  std::copy_n(values.real, n, real);
  std::copy_n(values.present, n, present);
  for (int64_t i = 0; i < n; ++i) {
    values.real[i] = real[walk(i)];
    values.present[i] = present[walk(i)];
  }
}

template <typename T>
void Engine<T>::computeReduce(const Node &node, Column<T> out, int rank,
                              int64_t low, int64_t n, const uint8_t *need) {
  ColumnStack::Mark mark(stack);
  const Node &value = *node.operands[0];
  Column<T> best = allocate(value.kind, n); // argmax only
  startValues(node.monoid, out, n);

  llvm::SmallVector<int64_t> saved;
  for (int reduced : node.over)
    saved.push_back(frame[reduced]);
  int64_t savedRank = rank >= 0 ? frame[rank] : 0;

  // Along the result's column where that is long, else along a reduced rank.
  bool outward = rank >= 0 && n >= 32 && contains(value.ranks, rank);
  int inner = -1;
  llvm::SmallVector<int> outer;
  int64_t points = 1;
  for (int reduced : node.over) {
    points = extents[reduced] <= 0 ? 0 : points;
    if (extents[reduced] < 0)
      unboundRank = reduced;
    outer.push_back(reduced);
  }
  if (!outward) {
    inner = *llvm::max_element(
        node.over, [&](int a, int b) { return extents[a] < extents[b]; });
    // `first` wants the order of the list; all others do not care.
    if (node.monoid == Monoid::First)
      inner = node.over.back();
    llvm::erase(outer, inner);
  }
  int64_t length = outward ? n : std::min(maxColumn, extents[inner]);
  length = std::max<int64_t>(length, 1);
  Column<T> values = allocate(value.kind, length);

  // Sums may take their values in another order.
  bool sums = node.monoid == Monoid::Sum && value.kind == Kind::Real;
  uint64_t order = sums ? options.order : 0;

  // An odometer over the outer ranks.
  auto overOuter = [&](auto body) {
    llvm::SmallVector<int64_t> turns(outer.size());
    llvm::SmallVector<Walk> walks;
    for (int reduced : outer) {
      walks.emplace_back(order, extents[reduced]);
      frame[reduced] = walks.back()(0);
    }
    while (!exhausted) {
      body();
      int place = static_cast<int>(outer.size()) - 1;
      for (; place >= 0; --place) {
        int reduced = outer[place];
        bool wraps = ++turns[place] == extents[reduced];
        turns[place] = wraps ? 0 : turns[place];
        frame[reduced] = walks[place](turns[place]);
        if (!wraps)
          break;
      }
      if (place < 0)
        return;
    }
  };
  if (points == 0) {
    // Nothing to combine.
  } else if (outward) {
    overOuter([&] {
      evaluate(value, values, rank, low, n, need);
      combine(node.monoid, value.kind, out, best, values, n, frame[outer[0]],
              /*along=*/false);
    });
  } else {
    for (int64_t k = 0; k < n; ++k) {
      if (need && !need[k])
        continue;
      if (rank >= 0)
        frame[rank] = low + k;
      Column<T> one{out.real ? out.real + k : nullptr,
                    out.whole ? out.whole + k : nullptr, out.present + k};
      overOuter([&] {
        int64_t columns = (extents[inner] + maxColumn - 1) / maxColumn;
        Walk walk(order, columns);
        for (int64_t column = 0; column < columns && !exhausted; ++column) {
          int64_t start = walk(column) * maxColumn;
          int64_t count = std::min(maxColumn, extents[inner] - start);
          evaluate(value, values, inner, start, count);
          if (order)
            reorder(values, Walk(order, count), count);
          combine(node.monoid, value.kind, one, best, values, count, start,
                  /*along=*/true);
        }
      });
    }
  }
  if (need)
    for (int64_t k = 0; k < n; ++k)
      out.present[k] &= need[k];
  for (auto [reduced, coordinate] : llvm::zip_equal(node.over, saved))
    frame[reduced] = coordinate;
  if (rank >= 0)
    frame[rank] = savedRank;
}

#define EINFALL_INSTANTIATE(T)                                                 \
  template void Engine<T>::computeReduce(const Node &, Column<T>, int,         \
                                         int64_t, int64_t, const uint8_t *);
EINFALL_INSTANTIATE(double)
EINFALL_INSTANTIATE(float)
#undef EINFALL_INSTANTIATE
