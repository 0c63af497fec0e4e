//===- EngineList.cpp - topk and select -----------------------------------===//

#include "dialect/Interpreter/Engine.h"

#include <cmath>

using namespace einfall::interpreter;
using namespace einfall::cascade;

/// The list of `node` at the frame's other coordinates, as rule abs.5 says.
template <typename T>
std::vector<int64_t> Engine<T>::makeList(const Node &node) {
  ColumnStack::Mark mark(stack);
  const Node &value = *node.operands[0];
  int rank = node.over[0];
  int64_t extent = extents[rank];
  if (extent < 0)
    unboundRank = rank;
  std::vector<int64_t> list;
  std::vector<double> values; // integers are exact to 2^53
  Column<T> column = allocate(value.kind, maxColumn);
  for (int64_t low = 0; low < extent && !exhausted; low += maxColumn) {
    int64_t n = std::min(maxColumn, extent - low);
    evaluate(value, column, rank, low, n);
    for (int64_t k = 0; k < n; ++k) {
      if (!column.present[k] || (value.kind == Kind::Bool && !column.whole[k]))
        continue;
      list.push_back(low + k);
      values.push_back(column.real ? static_cast<double>(column.real[k])
                                   : static_cast<double>(column.whole[k]));
    }
  }
  if (node.op == NodeKind::Select)
    return list;
  std::vector<size_t> order(list.size());
  std::iota(order.begin(), order.end(), 0);
  // Stable, so ties go to the lower coordinate.
  llvm::stable_sort(order, [&](size_t a, size_t b) {
    return std::isnan(values[b]) ? !std::isnan(values[a])
                                 : values[a] > values[b];
  });
  Column<T> count = allocate(Kind::Int, 1);
  evaluate(*node.operands[1], count, -1, 0, 1);
  int64_t most = count.present[0] ? std::max<int64_t>(count.whole[0], 0) : 0;
  std::vector<int64_t> greatest;
  for (size_t place : order)
    if (static_cast<int64_t>(greatest.size()) < most)
      greatest.push_back(list[place]);
  return greatest;
}

template <typename T>
const std::vector<int64_t> &Engine<T>::listOf(const Node &node) {
  Lists &kept = lists[node.id];
  if (node.stateful && kept.epoch != epoch) {
    kept = {};
    kept.epoch = epoch;
  }
  std::vector<int64_t> at;
  for (RankSet rest = node.ranks; rest; rest &= rest - 1)
    if (int other = __builtin_ctzll(rest); other != node.over[1])
      at.push_back(frame[other]);
  auto found = kept.known.find(at);
  if (found != kept.known.end())
    return found->second;
  int64_t saved = frame[node.over[0]];
  std::vector<int64_t> list = makeList(node);
  frame[node.over[0]] = saved;
  Lists &again = lists[node.id]; // making it may have made others
  again.entries += list.size() + 1;
  return again.known[std::move(at)] = std::move(list);
}

template <typename T>
void Engine<T>::computeList(const Node &node, Column<T> out, int rank,
                            int64_t low, int64_t n, const uint8_t *need) {
  int entries = node.over[1];
  auto put = [&](int64_t k, int64_t entry) {
    const std::vector<int64_t> &list = listOf(node);
    out.present[k] = entry < static_cast<int64_t>(list.size());
    if (out.present[k])
      out.whole[k] = list[entry];
  };
  int64_t saved = rank >= 0 ? frame[rank] : 0;
  for (int64_t k = 0; k < n; ++k) {
    out.present[k] = 0;
    if (need && !need[k])
      continue;
    if (rank >= 0)
      frame[rank] = low + k;
    put(k, frame[entries]);
  }
  if (rank >= 0)
    frame[rank] = saved;
}

#define EINFALL_INSTANTIATE(T)                                                 \
  template std::vector<int64_t> Engine<T>::makeList(const Node &);             \
  template const std::vector<int64_t> &Engine<T>::listOf(const Node &);        \
  template void Engine<T>::computeList(const Node &, Column<T>, int, int64_t,  \
                                       int64_t, const uint8_t *);
EINFALL_INSTANTIATE(double)
EINFALL_INSTANTIATE(float)
#undef EINFALL_INSTANTIATE
