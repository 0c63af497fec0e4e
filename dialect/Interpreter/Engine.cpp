//===- Engine.cpp - Evaluates the fields of a program ---------------------===//

#include "dialect/Interpreter/Engine.h"
#include "dialect/Interpreter/Combine.h"
#include "dialect/Interpreter/Scalars.h"

#include <cstring>

using namespace einfall::interpreter;
using namespace einfall::cascade;

/// A memo refuses more cells than this within a row; the values are then
/// computed anew each time.
static constexpr uint64_t maxMemoCells = uint64_t(1) << 25;
/// Between rows, memos above this size are dropped.
static constexpr uint64_t keptMemoCells = uint64_t(1) << 18;

void *ColumnStack::bytes(size_t size) {
  if (used + size > blockSize) {
    // Columns are short: every request fits in a block.
    if (used != blockSize || block != 0 || !blocks.empty())
      ++block;
    if (block >= blocks.size()) {
      block = blocks.size();
      blocks.push_back(std::make_unique<std::byte[]>(blockSize));
    }
    used = 0;
  }
  void *place = blocks[block].get() + used;
  used += size;
  return place;
}

template <typename T>
Engine<T>::Engine(const Program &program, std::vector<int64_t> &extents,
                  const std::vector<Tensor> &tensors, uint64_t stepLimit)
    : frame(extents.size()), program(program), extents(extents),
      tensors(tensors), memos(program.nodes.size()),
      caches(program.nodes.size()), states(program.folds.size()),
      stepLimit(stepLimit) {}

template <typename T> Column<T> Engine<T>::allocate(Kind kind, int64_t n) {
  Column<T> column;
  if (kind == Kind::Real)
    column.real = stack.allocate<T>(n);
  else
    column.whole = stack.allocate<int64_t>(n);
  column.present = stack.allocate<uint8_t>(n);
  return column;
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

static bool anyOf(const uint8_t *flags, int64_t n) {
  return n == 1 ? flags[0] : std::memchr(flags, 1, n) != nullptr;
}

static bool allOf(const uint8_t *flags, int64_t n) {
  return n == 1 ? flags[0] : std::memchr(flags, 0, n) == nullptr;
}

/// Presence of a field that exists wherever it is needed.
static void presentWhereNeeded(uint8_t *present, const uint8_t *need,
                               int64_t n) {
  if (need)
    std::memcpy(present, need, n);
  else
    std::memset(present, 1, n);
}

template <typename T>
void Engine<T>::evaluate(const Node &node, Column<T> out, int rank, int64_t low,
                         int64_t n, const uint8_t *need) {
  steps += n;
  if (steps > stepLimit)
    exhausted = true;
  if (n == 0)
    return;
  if (exhausted || (need && !anyOf(need, n))) {
    std::memset(out.present, 0, n);
    return;
  }
  if (need && allOf(need, n))
    need = nullptr;
  // A column along a rank that the field lacks is one value.
  if (rank >= 0 && !contains(node.ranks, rank)) {
    Column<T> point = out;
    evaluate(node, point, -1, 0, 1);
    if (out.real)
      std::fill_n(out.real, n, T(out.real[0]));
    else
      std::fill_n(out.whole, n, int64_t(out.whole[0]));
    if (out.present[0])
      presentWhereNeeded(out.present, need, n);
    else
      std::memset(out.present, 0, n);
    return;
  }
  if (node.memoised)
    return fromMemo(node, out, rank, low, n, need);
  if (node.cached && !need)
    return fromCache(node, out, rank, low, n);
  compute(node, out, rank, low, n, need);
}

template <typename T>
void Engine<T>::compute(const Node &node, Column<T> out, int rank, int64_t low,
                        int64_t n, const uint8_t *need) {
  switch (node.op) {
  case NodeKind::Const:
  case NodeKind::Param:
    presentWhereNeeded(out.present, need, n);
    return node.kind == Kind::Real
               ? void(std::fill_n(out.real, n, static_cast<T>(node.real)))
               : void(std::fill_n(out.whole, n, node.whole));
  case NodeKind::Extent:
    if (extents[node.over[0]] < 0)
      unboundRank = node.over[0];
    presentWhereNeeded(out.present, need, n);
    std::fill_n(out.whole, n, extents[node.over[0]]);
    return;
  case NodeKind::Coord:
    presentWhereNeeded(out.present, need, n);
    for (int64_t i = 0; i < n; ++i)
      out.whole[i] = rank < 0 ? frame[node.over[0]] : low + i;
    return;
  case NodeKind::Read:
    return computeRead(node, out, rank, low, n, need);
  case NodeKind::Map:
    return computeMap(node, out, rank, low, n, need);
  case NodeKind::Where: {
    ColumnStack::Mark mark(stack);
    Column<T> condition = allocate(Kind::Bool, n);
    evaluate(*node.operands[1], condition, rank, low, n, need);
    for (int64_t i = 0; i < n; ++i)
      condition.present[i] = condition.present[i] ? condition.whole[i] != 0 : 0;
    return evaluate(*node.operands[0], out, rank, low, n, condition.present);
  }
  case NodeKind::OrElse: {
    evaluate(*node.operands[0], out, rank, low, n, need);
    ColumnStack::Mark mark(stack);
    uint8_t *missing = stack.allocate<uint8_t>(n);
    for (int64_t i = 0; i < n; ++i)
      missing[i] = !out.present[i] && (!need || need[i]);
    if (!anyOf(missing, n))
      return;
    Column<T> fallback = allocate(node.kind, n);
    evaluate(*node.operands[1], fallback, rank, low, n, missing);
    for (int64_t i = 0; i < n; ++i) {
      if (!fallback.present[i])
        continue;
      out.present[i] = 1;
      if (out.real)
        out.real[i] = fallback.real[i];
      else
        out.whole[i] = fallback.whole[i];
    }
    return;
  }
  case NodeKind::Present: {
    ColumnStack::Mark mark(stack);
    Column<T> value = allocate(node.operands[0]->kind, n);
    evaluate(*node.operands[0], value, rank, low, n, need);
    std::copy_n(value.present, n, out.whole);
    return presentWhereNeeded(out.present, need, n);
  }
  case NodeKind::At:
    return computeAt(node, out, rank, low, n, need);
  case NodeKind::Reduce:
    return computeReduce(node, out, rank, low, n, need);
  case NodeKind::State:
    return computeState(node, out, rank, low, n, need);
  case NodeKind::FoldResult:
    // Always memoised: fromMemo runs the fold.
    std::memset(out.present, 0, n);
    return;
  }
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

template <typename T, typename Load>
static void loadColumn(Column<T> out, int64_t base, int64_t stride,
                       const int64_t *offsets, int64_t n, Load load) {
  for (int64_t i = 0; i < n; ++i)
    if (out.present[i]) {
      int64_t place = base + (offsets ? offsets[i] : i * stride);
      if (out.real)
        out.real[i] = static_cast<T>(load(place));
      else
        out.whole[i] = static_cast<int64_t>(load(place));
    }
}

template <typename T>
void Engine<T>::computeRead(const Node &node, Column<T> out, int rank,
                            int64_t low, int64_t n, const uint8_t *need) {
  const Tensor &tensor = tensors[node.tensor];
  if (!tensor.data) {
    std::memset(out.present, 0, n);
    return;
  }
  ColumnStack::Mark mark(stack);
  presentWhereNeeded(out.present, need, n);
  int64_t base = 0, stride = 0;
  int64_t *offsets = nullptr; // only if an index is no plain coordinate
  for (auto [dim, index] : llvm::enumerate(node.operands)) {
    int64_t extent = tensor.shape[dim], step = tensor.strides[dim];
    if (rank >= 0 && index->op == NodeKind::Coord && index->over[0] == rank) {
      for (int64_t i = 0; i < n; ++i)
        out.present[i] &= low + i >= 0 && low + i < extent;
      base += low * step;
      stride += step;
      continue;
    }
    if (rank < 0 || !contains(index->ranks, rank)) {
      Column<T> point = allocate(Kind::Int, 1);
      evaluate(*index, point, -1, 0, 1);
      if (!point.present[0] || point.whole[0] < 0 || point.whole[0] >= extent) {
        std::memset(out.present, 0, n);
        return;
      }
      base += point.whole[0] * step;
      continue;
    }
    Column<T> column = allocate(Kind::Int, n);
    // Earlier indices restrict where later ones are read.
    evaluate(*index, column, rank, low, n, out.present);
    if (!offsets) {
      offsets = stack.allocate<int64_t>(n);
      std::fill_n(offsets, n, 0);
    }
    for (int64_t i = 0; i < n; ++i) {
      out.present[i] &=
          column.present[i] && column.whole[i] >= 0 && column.whole[i] < extent;
      if (out.present[i])
        offsets[i] += column.whole[i] * step;
    }
  }
  if (offsets)
    for (int64_t i = 0; i < n; ++i)
      offsets[i] += i * stride;
  auto load = [&](auto read) {
    loadColumn(out, base, stride, offsets, n, read);
  };
  const void *data = tensor.data;
  auto at = [](auto *typed) { return [typed](int64_t i) { return typed[i]; }; };
  switch (tensor.element) {
  case Element::F64:
    return load(at(static_cast<const double *>(data)));
  case Element::F32:
    return load(at(static_cast<const float *>(data)));
  case Element::BF16:
    return load([data](int64_t i) {
      return bfloatToFloat(static_cast<const uint16_t *>(data)[i]);
    });
  case Element::I64:
    return load(at(static_cast<const int64_t *>(data)));
  case Element::I32:
    return load(at(static_cast<const int32_t *>(data)));
  default:
    return load(
        [&](int64_t i) { return loadElement(tensor.element, data, i); });
  }
}

template <typename T>
void Engine<T>::computeMap(const Node &node, Column<T> out, int rank,
                           int64_t low, int64_t n, const uint8_t *need) {
  ColumnStack::Mark mark(stack);
  Column<T> in[3];
  presentWhereNeeded(out.present, need, n);
  for (auto [i, operand] : llvm::enumerate(node.operands)) {
    // x * x: one evaluation.
    if (i == 1 && operand == node.operands[0]) {
      in[1] = in[0];
      continue;
    }
    in[i] = allocate(operand->kind, n);
    // What one operand lacks, the next need not be asked for.
    evaluate(*operand, in[i], rank, low, n, out.present);
    for (int64_t k = 0; k < n; ++k)
      out.present[k] &= in[i].present[k];
    if (!anyOf(out.present, n))
      return;
  }
  applyFunction(node.function, node.operands.back()->kind, in, out, n);
}

template <typename T>
void Engine<T>::computeAt(const Node &node, Column<T> out, int rank,
                          int64_t low, int64_t n, const uint8_t *need) {
  ColumnStack::Mark mark(stack);
  const Node &value = *node.operands[0];
  llvm::SmallVector<Column<T>> indices;
  uint8_t *here = stack.allocate<uint8_t>(n);
  presentWhereNeeded(here, need, n);
  for (auto [i, substituted] : llvm::enumerate(node.over)) {
    Column<T> index = allocate(Kind::Int, n);
    evaluate(*node.operands[1 + i], index, rank, low, n, need);
    for (int64_t k = 0; k < n; ++k)
      here[k] &= index.present[k] && index.whole[k] >= 0 &&
                 index.whole[k] < extents[substituted];
    indices.push_back(index);
  }
  std::memset(out.present, 0, n);
  if (!anyOf(here, n))
    return;

  llvm::SmallVector<int64_t> saved(frame.begin(), frame.end());
  // A shift or a renaming: one index that steps by one, everywhere in range.
  int stepping = -1, moving = 0;
  bool isColumn = rank < 0 || !contains(value.ranks, rank) ||
                  llvm::is_contained(node.over, rank);
  for (auto [i, index] : llvm::enumerate(indices)) {
    bool constant = true, steps = n > 1;
    for (int64_t k = 0; k < n; ++k) {
      isColumn = isColumn && here[k];
      constant = constant && index.whole[k] == index.whole[0];
      steps = steps && index.whole[k] == index.whole[0] + k;
    }
    if (steps)
      stepping = node.over[i], ++moving;
    else if (!constant)
      isColumn = false;
  }
  if (isColumn && n > 1 && moving <= 1) {
    int64_t start = 0;
    for (auto [i, substituted] : llvm::enumerate(node.over)) {
      frame[substituted] = indices[i].whole[0];
      if (substituted == stepping)
        start = indices[i].whole[0];
    }
    if (moving == 1) {
      evaluate(value, out, stepping, start, n);
    } else {
      // No index moves: one value for the whole column.
      Column<T> point = allocate(node.kind, 1);
      evaluate(value, point, -1, 0, 1);
      std::memset(out.present, point.present[0], n);
      if (out.real)
        std::fill_n(out.real, n, point.real[0]);
      else
        std::fill_n(out.whole, n, point.whole[0]);
    }
  } else {
    for (int64_t k = 0; k < n && !exhausted; ++k) {
      if (!here[k])
        continue;
      if (rank >= 0)
        frame[rank] = low + k;
      for (auto [i, substituted] : llvm::enumerate(node.over))
        frame[substituted] = indices[i].whole[k];
      Column<T> point{out.real ? out.real + k : nullptr,
                      out.whole ? out.whole + k : nullptr, out.present + k};
      evaluate(value, point, -1, 0, 1);
    }
  }
  frame.assign(saved.begin(), saved.end());
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

  // An odometer over the outer ranks.
  auto overOuter = [&](auto body) {
    for (int reduced : outer)
      frame[reduced] = 0;
    while (!exhausted) {
      body();
      int place = static_cast<int>(outer.size()) - 1;
      while (place >= 0 && ++frame[outer[place]] == extents[outer[place]])
        frame[outer[place--]] = 0;
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
        for (int64_t start = 0; start < extents[inner] && !exhausted;
             start += maxColumn) {
          int64_t count = std::min(maxColumn, extents[inner] - start);
          evaluate(value, values, inner, start, count);
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

//===----------------------------------------------------------------------===//
// Memory of values
//===----------------------------------------------------------------------===//

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
    if (!memo.usable && node.op == NodeKind::FoldResult)
      tooLarge = &node;
  }
  for (const Fold &fold : program.folds)
    prepareFold(fold);
  return tooLarge;
}

template <typename T> void Engine<T>::forget() {
  for (Memo &memo : memos)
    if (memo.cells > keptMemoCells) {
      memo.pages.clear();
      memo.cells = 0;
    }
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
  if (!make || (memo.cells > maxMemoCells && node.op != NodeKind::FoldResult)) {
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
  bool isFold = node.op == NodeKind::FoldResult;
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

  if (isFold) {
    for (int64_t i = 0; i < n && !exhausted; ++i) {
      auto [page, place] = cellOf(i, false);
      if (missing[i] && !(page && page->known[place]))
        runFold(*node.fold);
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

template class einfall::interpreter::Engine<double>;
template class einfall::interpreter::Engine<float>;
