//===- EngineStream.cpp - Folds and recurrences, coordinate by coordinate -===//

#include "dialect/Interpreter/Combine.h"
#include "dialect/Interpreter/Engine.h"

using namespace einfall::interpreter;
using namespace einfall::cascade;

/// State that is held at once for speed alone stays below this many values.
static constexpr int64_t maxState = int64_t(1) << 14;

/// Chooses the ranks held at once: those that a region reduces, and those that
/// some component lacks (the head dimension of an attention output), which
/// would otherwise stream the others again and again.
template <typename T> void Engine<T>::prepareStream(const Stream &stream) {
  RankSet all = 0, common = ~RankSet(0);
  for (const Component &component : stream.components) {
    all |= component.ranks;
    common &= component.ranks;
  }
  RankSet inner = all & stream.whole;
  llvm::SmallVector<int> optional;
  for (RankSet rest = all & ~common & ~inner; rest; rest &= rest - 1)
    optional.push_back(__builtin_ctzll(rest));
  llvm::sort(optional, [&](int a, int b) { return extents[a] < extents[b]; });
  auto sizeOf = [&](RankSet ranks) {
    int64_t size = 1;
    for (RankSet rest = ranks; rest && size < maxState * 2; rest &= rest - 1)
      size *= extents[__builtin_ctzll(rest)];
    return size;
  };
  // Inside another stream, the outer state is known at its coordinates only.
  if (!stream.components.front().result->stateful)
    for (int rank : optional)
      if (sizeOf(inner | RankSet(1) << rank) <= maxState)
        inner |= RankSet(1) << rank;

  StreamState &state = states[stream.id];
  unsigned components = stream.components.size();
  state.layout.resize(components);
  state.size.assign(components, 1);
  for (auto [c, component] : llvm::enumerate(stream.components)) {
    llvm::SmallVector<int> ranks;
    for (RankSet rest = inner & component.ranks; rest; rest &= rest - 1)
      ranks.push_back(__builtin_ctzll(rest));
    llvm::stable_sort(ranks,
                      [&](int a, int b) { return extents[a] > extents[b]; });
    for (int rank : ranks) { // the longest rank gets stride 1
      state.layout[c].insert(state.layout[c].begin(), {rank, state.size[c]});
      state.size[c] *= extents[rank];
    }
  }
  state.now.resize(components);
  state.next.resize(components);
  state.old.resize(components);
}

template <typename T>
template <typename Visit>
void Engine<T>::forCells(const StreamState &state, unsigned component,
                         Visit visit) {
  const auto &layout = state.layout[component];
  if (layout.empty())
    return visit(0, -1, 0, 1);
  if (state.size[component] == 0)
    return;
  auto outer = llvm::ArrayRef(layout).drop_back();
  int rank = layout.back().first;
  for (auto [other, stride] : outer)
    frame[other] = 0;
  for (int64_t row = 0; row < state.size[component] && !exhausted;
       row += extents[rank]) {
    for (int64_t low = 0; low < extents[rank]; low += maxColumn)
      visit(row + low, rank, low, std::min(maxColumn, extents[rank] - low));
    int place = static_cast<int>(outer.size()) - 1;
    while (place >= 0 &&
           ++frame[outer[place].first] == extents[outer[place].first])
      frame[outer[place--].first] = 0;
  }
}

template <typename T> void Engine<T>::runStream(const Stream &stream) {
  StreamState &state = states[stream.id];
  std::vector<int64_t> saved = frame;
  for (auto [c, component] : llvm::enumerate(stream.components)) {
    Cells &cells = state.now[c];
    cells.assign(component.kind, state.size[c]);
    state.old[c] = state.next[c] = cells;
  }
  ++epoch;
  for (int rank : stream.ranks)
    if (extents[rank] < 0)
      unboundRank = rank;
  if (stream.isRecurrence())
    runRecurrence(stream);
  else
    runFold(stream);
  frame = saved;
}

/// Remembers the state as the values of the results at the frame.
template <typename T> void Engine<T>::remember(const Stream &stream) {
  StreamState &state = states[stream.id];
  for (auto [c, component] : llvm::enumerate(stream.components)) {
    const Node &result = *component.result;
    Memo &memo = memos[result.id];
    if (exhausted)
      return;
    forCells(state, c, [&](int64_t offset, int rank, int64_t low, int64_t n) {
      for (int64_t k = 0; k < n; ++k) {
        if (rank >= 0)
          frame[rank] = low + k;
        Page *page = pageOf(result, memo, /*make=*/true);
        int64_t place = memo.pageRank < 0 ? 0 : frame[memo.pageRank] % maxPage;
        const Cells &cells = state.now[c];
        page->known[place] = 1 + cells.present[offset + k];
        if (result.kind == Kind::Real)
          page->real[place] = cells.real[offset + k];
        else
          page->whole[place] = cells.whole[offset + k];
      }
    });
  }
}

//===----------------------------------------------------------------------===//
// Recurrences
//===----------------------------------------------------------------------===//

/// Every state from the start on; `step` sees the one before it.
template <typename T> void Engine<T>::runRecurrence(const Stream &stream) {
  StreamState &state = states[stream.id];
  int rank = stream.ranks[0];
  int64_t steps = std::max<int64_t>(extents[rank], 0);
  auto fill = [&](Node *Component::*value) {
    for (auto [c, component] : llvm::enumerate(stream.components)) {
      const Node &node = *(component.*value);
      forCells(state, c, [&](int64_t offset, int rank, int64_t low, int64_t n) {
        ColumnStack::Mark mark(stack);
        Column<T> values = allocate(node.kind, n);
        evaluate(node, values, rank, low, n);
        Column<T> out = state.next[c].column(offset);
        std::copy_n(values.present, n, out.present);
        if (out.real)
          std::copy_n(values.real, n, out.real);
        else
          std::copy_n(values.whole, n, out.whole);
      });
    }
    std::swap(state.now, state.next);
    ++epoch;
  };
  fill(&Component::start);
  frame[stream.states] = stream.backward ? steps : 0;
  remember(stream);
  for (int64_t i = 0; i < steps && !exhausted; ++i) {
    frame[rank] = stream.backward ? steps - 1 - i : i;
    fill(&Component::step);
    frame[stream.states] = frame[rank] + !stream.backward;
    remember(stream);
  }
}

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

template <typename T> void Engine<T>::runFold(const Stream &fold) {
  StreamState &state = states[fold.id];
  for (auto [c, component] : llvm::enumerate(fold.components)) {
    Cells &cells = state.now[c];
    int64_t size = state.size[c];
    bool argument = component.monoid == Monoid::ArgMax;
    bool realBest = argument && component.step->kind == Kind::Real;
    cells.bestReal.assign(realBest ? size : 0, T(0));
    cells.bestWhole.assign(argument && !realBest ? size : 0, 0);
    if (size)
      startValues(component.monoid, cells.column(), size);
    state.old[c] = cells;
  }
  int64_t points = 1;
  for (int rank : fold.ranks) {
    frame[rank] = 0;
    points = extents[rank] <= 0 ? 0 : points;
  }
  while (points && !exhausted) {
    stepFold(fold);
    int place = static_cast<int>(fold.ranks.size()) - 1;
    while (place >= 0 &&
           ++frame[fold.ranks[place]] == extents[fold.ranks[place]])
      frame[fold.ranks[place--]] = 0;
    if (place < 0)
      break;
  }
  remember(fold);
}

/// Lets the current coordinate's value enter one component of `next`.
template <typename T> void Engine<T>::enter(const Stream &fold, unsigned c) {
  StreamState &state = states[fold.id];
  const Component &component = fold.components[c];
  forCells(state, c, [&](int64_t offset, int rank, int64_t low, int64_t n) {
    ColumnStack::Mark mark(stack);
    Column<T> values = allocate(component.step->kind, n);
    evaluate(*component.step, values, rank, low, n);
    combine(component.monoid, component.step->kind,
            state.next[c].column(offset), state.next[c].best(offset), values, n,
            frame[fold.ranks[0]], /*along=*/false);
  });
}

template <typename T> void Engine<T>::stepFold(const Stream &fold) {
  StreamState &state = states[fold.id];
  unsigned components = fold.components.size();
  // r' = r (+) step_r(c)
  for (unsigned c = 0; c < fold.references; ++c) {
    state.next[c] = state.now[c];
    enter(fold, c);
  }
  for (unsigned c = 0; c < fold.references; ++c) {
    std::swap(state.old[c], state.now[c]);
    std::swap(state.now[c], state.next[c]);
  }
  ++epoch;
  // t' = act(r, r', t) (+) step_t(r', c); where act is absent there was no
  // reference, and the accumulators stay what they are.
  for (unsigned c = fold.references; c < components; ++c) {
    state.next[c] = state.now[c];
    const Node &act = *fold.components[c].act;
    forCells(state, c, [&](int64_t offset, int rank, int64_t low, int64_t n) {
      ColumnStack::Mark mark(stack);
      Column<T> acted = allocate(act.kind, n);
      evaluate(act, acted, rank, low, n);
      Column<T> out = state.next[c].column(offset);
      for (int64_t k = 0; k < n; ++k) {
        if (!acted.present[k])
          continue;
        out.present[k] = 1;
        if (out.real)
          out.real[k] = acted.real[k];
        else
          out.whole[k] = acted.whole[k];
      }
    });
    enter(fold, c);
  }
  for (unsigned c = fold.references; c < components; ++c)
    std::swap(state.now[c], state.next[c]);
  ++epoch;
}

template <typename T>
void Engine<T>::computeState(const Node &node, Column<T> out, int rank,
                             int64_t low, int64_t n, const uint8_t *need) {
  StreamState &state = states[node.stream->id];
  Cells &cells = node.role == StateRole::Old ? state.old[node.component]
                                             : state.now[node.component];
  int64_t base = 0, step = 0;
  for (auto [other, stride] : state.layout[node.component]) {
    if (other == rank)
      step = stride;
    else
      base += frame[other] * stride;
  }
  base += low * step;
  for (int64_t k = 0; k < n; ++k) {
    int64_t place = base + k * step;
    out.present[k] = cells.present[place] && (!need || need[k]);
    if (out.real)
      out.real[k] = cells.real[place];
    else
      out.whole[k] = cells.whole[place];
  }
}

#define EINFALL_INSTANTIATE(T)                                                 \
  template void Engine<T>::prepareStream(const Stream &);                      \
  template void Engine<T>::runStream(const Stream &);                          \
  template void Engine<T>::remember(const Stream &);                           \
  template void Engine<T>::runRecurrence(const Stream &);                      \
  template void Engine<T>::runFold(const Stream &);                            \
  template void Engine<T>::stepFold(const Stream &);                           \
  template void Engine<T>::enter(const Stream &, unsigned);                    \
  template void Engine<T>::computeState(const Node &, Column<T>, int, int64_t, \
                                        int64_t, const uint8_t *);
EINFALL_INSTANTIATE(double)
EINFALL_INSTANTIATE(float)
#undef EINFALL_INSTANTIATE
