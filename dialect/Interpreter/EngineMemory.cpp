//===- EngineMemory.cpp - Values that are remembered ----------------------===//

#include "dialect/Interpreter/Engine.h"

using namespace einfall::interpreter;
using namespace einfall::cascade;

/// A memo refuses more cells than this within a row; the values are then
/// computed anew each time.
static constexpr uint64_t maxMemoCells = uint64_t(1) << 25;
/// Between rows, memos above this size are dropped.
static constexpr uint64_t keptMemoCells = uint64_t(1) << 18;
/// The states of a recurrence are kept up to here: the next row would go
/// through all of them again.
static constexpr uint64_t keptStates = uint64_t(1) << 27;

template <typename T> const Node *Engine<T>::prepare() {
  const Node *tooLarge = nullptr;
  for (const Node &node : program.nodes) {
    Memo &memo = memos[node.id];
    if (!node.memoised)
      continue;
    // Pages run along the longest rank, one that is reduced if there is one.
    for (int rank = 0; rank < 64; ++rank)
      if (contains(node.ranks, rank)) {
        auto weight = [&](int candidate) {
          return std::pair(contains(program.reduced, candidate),
                           extents[candidate]);
        };
        if (memo.pageRank < 0 || weight(memo.pageRank) < weight(rank))
          memo.pageRank = rank;
      }
    uint64_t factor = 1;
    memo.usable = true;
    for (int rank = 0; rank < 64; ++rank)
      if (contains(node.ranks, rank)) {
        uint64_t size = std::max<int64_t>(extents[rank], 1);
        memo.key.push_back({rank, factor});
        uint64_t next;
        memo.usable &=
            !__builtin_mul_overflow(factor, size, &next) && next >> 62 == 0;
        factor = next;
      }
    if (!memo.usable && node.op == NodeKind::StreamResult)
      tooLarge = &node;
  }
  for (const Stream &stream : program.streams)
    prepareStream(stream);
  return tooLarge;
}

template <typename T> void Engine<T>::forget() {
  for (const Node &node : program.nodes) {
    Memo &memo = memos[node.id];
    bool isHistory =
        node.op == NodeKind::StreamResult && node.stream->isRecurrence();
    if (memo.cells > (isHistory ? keptStates : keptMemoCells)) {
      memo.pages.clear();
      memo.cells = 0;
    }
  }
  for (auto &[node, kept] : lists)
    if (kept.entries > keptMemoCells)
      kept = {};
}

template <typename T> int64_t Engine<T>::pageSize(const Memo &memo) const {
  return memo.pageRank < 0
             ? 1
             : std::max<int64_t>(std::min(maxPage, extents[memo.pageRank]), 1);
}

/// The page of the frame's coordinates, or null where it is not to be made.
template <typename T>
auto Engine<T>::pageOf(const Node &node, Memo &memo, bool make) -> Page * {
  uint64_t key = 0;
  for (auto [rank, factor] : memo.key)
    key += factor * (rank == memo.pageRank ? frame[rank] / maxPage * maxPage
                                           : frame[rank]);
  if (!make ||
      (memo.cells > maxMemoCells && node.op != NodeKind::StreamResult)) {
    auto found = memo.pages.find(key);
    return found == memo.pages.end() ? nullptr : found->second.get();
  }
  std::unique_ptr<Page> &page = memo.pages[key];
  if (!page) {
    page = std::make_unique<Page>();
    int64_t size = pageSize(memo);
    if (node.kind == Kind::Real)
      page->real.resize(size);
    else
      page->whole.resize(size);
    page->known.resize(size);
    memo.cells += size;
  }
  return page.get();
}

template <typename T>
void Engine<T>::fromMemo(const Node &node, Column<T> out, int rank, int64_t low,
                         int64_t n, const uint8_t *need) {
  Memo &memo = memos[node.id];
  bool isStream = node.op == NodeKind::StreamResult;
  if (!memo.usable)
    return compute(node, out, rank, low, n, need);
  if (node.stateful && memo.epoch != epoch) {
    memo.pages.clear();
    memo.cells = 0;
    memo.epoch = epoch;
  }
  ColumnStack::Mark mark(stack);
  uint8_t *missing = stack.allocate<uint8_t>(n);
  int64_t savedRank = rank >= 0 ? frame[rank] : 0;
  auto cellOf = [&](int64_t i, bool make) -> std::pair<Page *, int64_t> {
    if (rank >= 0)
      frame[rank] = low + i;
    Page *page = pageOf(node, memo, make);
    return {page, memo.pageRank < 0 ? 0 : frame[memo.pageRank] % maxPage};
  };
  // Along the page rank, a page serves a whole stretch of the column.
  bool alongPage = rank >= 0 && rank == memo.pageRank;
  auto forCellsOf = [&](bool make, auto visit) {
    Page *page = nullptr;
    int64_t place = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (i == 0 || !alongPage || ++place == maxPage)
        std::tie(page, place) = cellOf(i, make);
      visit(i, page, place);
    }
    if (rank >= 0)
      frame[rank] = savedRank;
  };
  bool anyMissing = false;
  auto recall = [&](int64_t i, Page *page, int64_t place) {
    uint8_t known = page && (!need || need[i]) ? page->known[place] : 0;
    missing[i] = known == 0 && (!need || need[i]);
    anyMissing |= missing[i];
    out.present[i] = known == 2;
    if (out.present[i]) {
      if (out.real)
        out.real[i] = page->real[place];
      else
        out.whole[i] = page->whole[place];
    }
  };
  forCellsOf(/*make=*/false, recall);
  if (!anyMissing)
    return;

  if (isStream) {
    for (int64_t i = 0; i < n && !exhausted; ++i) {
      auto [page, place] = cellOf(i, false);
      if (missing[i] && !(page && page->known[place]))
        runStream(*node.stream);
    }
    memo.epoch = epoch;
    if (rank >= 0)
      frame[rank] = savedRank;
    forCellsOf(/*make=*/false, recall);
    return;
  }
  Column<T> fresh = allocate(node.kind, n);
  compute(node, fresh, rank, low, n, missing);
  if (exhausted) // what was not finished is not remembered
    return;
  forCellsOf(/*make=*/true, [&](int64_t i, Page *page, int64_t place) {
    if (!missing[i])
      return;
    out.present[i] = fresh.present[i];
    if (page)
      page->known[place] = 1 + fresh.present[i];
    if (!fresh.present[i])
      return;
    if (out.real) {
      out.real[i] = fresh.real[i];
      if (page)
        page->real[place] = fresh.real[i];
    } else {
      out.whole[i] = fresh.whole[i];
      if (page)
        page->whole[place] = fresh.whole[i];
    }
  });
}

template <typename T>
void Engine<T>::fromCache(const Node &node, Column<T> out, int rank,
                          int64_t low, int64_t n) {
  Cache &cache = caches[node.id];
  auto sameFrame = [&] {
    size_t next = 0;
    for (RankSet rest = node.ranks; rest; rest &= rest - 1)
      if (int other = __builtin_ctzll(rest); other != rank)
        if (cache.at[next++] != frame[other])
          return false;
    return true;
  };
  if (cache.rank != rank || cache.low != low || cache.n != n ||
      (node.stateful && cache.epoch != epoch) || !sameFrame()) {
    compute(node, out, rank, low, n, nullptr);
    if (exhausted)
      return;
    cache.rank = rank;
    cache.low = low;
    cache.n = n;
    cache.epoch = epoch;
    cache.at.clear();
    for (RankSet rest = node.ranks; rest; rest &= rest - 1)
      if (int other = __builtin_ctzll(rest); other != rank)
        cache.at.push_back(frame[other]);
    if (out.real)
      cache.real.assign(out.real, out.real + n);
    else
      cache.whole.assign(out.whole, out.whole + n);
    cache.present.assign(out.present, out.present + n);
    return;
  }
  if (out.real)
    std::copy_n(cache.real.data(), n, out.real);
  else
    std::copy_n(cache.whole.data(), n, out.whole);
  std::copy_n(cache.present.data(), n, out.present);
}

#define EINFALL_INSTANTIATE(T)                                                 \
  template const Node *Engine<T>::prepare();                                   \
  template void Engine<T>::forget();                                           \
  template int64_t Engine<T>::pageSize(const Memo &) const;                    \
  template auto Engine<T>::pageOf(const Node &, Memo &, bool)->Page *;         \
  template void Engine<T>::fromMemo(const Node &, Column<T>, int, int64_t,     \
                                    int64_t, const uint8_t *);                 \
  template void Engine<T>::fromCache(const Node &, Column<T>, int, int64_t,    \
                                     int64_t);
EINFALL_INSTANTIATE(double)
EINFALL_INSTANTIATE(float)
#undef EINFALL_INSTANTIATE
