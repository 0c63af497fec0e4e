//===- Engine.cpp - Evaluates the fields of a program ---------------------===//

#include "dialect/Interpreter/Engine.h"
#include "dialect/Interpreter/Scalars.h"

#include <cstring>

using namespace einfall::interpreter;
using namespace einfall::cascade;

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
                  const std::vector<Tensor> &tensors, Options options)
    : frame(extents.size()), program(program), extents(extents),
      tensors(tensors), memos(program.nodes.size()),
      caches(program.nodes.size()), states(program.streams.size()),
      options(options) {}

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
  if (steps > options.stepLimit)
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
  case NodeKind::TopK:
  case NodeKind::Select:
    return computeList(node, out, rank, low, n, need);
  case NodeKind::State:
    return computeState(node, out, rank, low, n, need);
  case NodeKind::StreamResult:
    // Always memoised: fromMemo runs the stream.
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
  if (options.tf32 && node.summed)
    for (int i = 0; i < (in[1].real == in[0].real ? 1 : 2); ++i)
      for (int64_t k = 0; k < n; ++k)
        in[i].real[k] = roundToTf32(in[i].real[k]);
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

template class einfall::interpreter::Engine<double>;
template class einfall::interpreter::Engine<float>;
