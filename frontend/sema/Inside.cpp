//===- Inside.cpp - Is an index inside a tensor? --------------------------===//

#include "frontend/sema/Build.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

std::optional<int64_t> Builder::constant(NodeId id, unsigned depth) const {
  const Node &node = kernel[id];
  if (node.kind != ValueKind::Int)
    return std::nullopt;
  if (node.nodeKind == NodeKind::Const)
    return node.integer;
  if (node.nodeKind == NodeKind::Extent)
    return kernel.ranks[node.index].constant;
  bool negates = node.nodeKind == NodeKind::Map && node.fn == MapFn::Neg;
  if (depth > 8 || node.operands.size() > 4 ||
      !(negates || node.nodeKind == NodeKind::Sum ||
        node.nodeKind == NodeKind::Product))
    return std::nullopt;
  std::optional<int64_t> result;
  for (unsigned i = 0; i < node.operands.size(); ++i) {
    std::optional<int64_t> value = constant(node.operands[i], depth + 1);
    if (!value)
      return std::nullopt;
    int64_t before = result.value_or(0), after = *value;
    bool overflow = false;
    MapFn fn = negates ? MapFn::Sub : node.ops[i];
    if (fn == MapFn::Sub)
      overflow = __builtin_sub_overflow(before, *value, &after);
    else if (!result)
      after = *value;
    else if (fn == MapFn::Add)
      overflow = __builtin_add_overflow(before, *value, &after);
    else if (fn == MapFn::Mul)
      overflow = __builtin_mul_overflow(before, *value, &after);
    else if (*value > 0)
      after = before / *value - (before % *value < 0);
    else
      return std::nullopt;
    if (overflow)
      return std::nullopt;
    result = after;
  }
  return result;
}

bool Builder::isNonEmpty(RankId rank) const {
  const RankInfo &info = kernel.ranks[rank];
  return nonEmpty.contains(rank) || (info.constant && *info.constant > 0) ||
         info.kind == ExtentKind::State;
}

bool Builder::sameNode(NodeId a, NodeId b, unsigned depth) const {
  if (a == b)
    return true;
  const Node &x = kernel[a], &y = kernel[b];
  if (depth > 8 || x.nodeKind != y.nodeKind || x.kind != y.kind ||
      x.fn != y.fn || x.reduce != y.reduce || x.index != y.index ||
      x.integer != y.integer || x.real != y.real || x.ops != y.ops ||
      x.over != y.over || x.operands.size() != y.operands.size() ||
      x.operands.size() > 4)
    return false;
  for (auto [left, right] : llvm::zip(x.operands, y.operands))
    if (!sameNode(left, right, depth + 1))
      return false;
  return true;
}

bool Builder::sameExtent(RankId a, RankId b) const {
  if (a == b)
    return true;
  const RankInfo &x = kernel.ranks[a], &y = kernel.ranks[b];
  if (x.constant && y.constant)
    return *x.constant == *y.constant;
  auto isExtentOf = [&](const RankInfo &info, RankId other) {
    return info.kind == ExtentKind::Declared && info.extent != noNode &&
           kernel[info.extent].nodeKind == NodeKind::Extent &&
           kernel[info.extent].index == other;
  };
  if (isExtentOf(x, b) || isExtentOf(y, a))
    return true;
  return x.kind == ExtentKind::Declared && y.kind == ExtentKind::Declared &&
         x.extent != noNode && y.extent != noNode &&
         sameNode(x.extent, y.extent);
}

/// Whether first <= index < first + |base| + offset can be seen. A handful of
/// forms that kernels use; anything else counts as possibly outside.
bool Builder::isInside(NodeId index, RankId base, int64_t offset,
                       int64_t first) {
  const RankInfo &rank = kernel.ranks[base];
  std::optional<int64_t> size;
  if (rank.constant)
    size = *rank.constant + offset;
  // index = core + shift
  NodeId core = index;
  int64_t shift = 0;
  if (const Node &node = kernel[index]; node.nodeKind == NodeKind::Sum &&
                                        node.operands.size() == 2 &&
                                        node.ops[0] == MapFn::Add) {
    std::optional<int64_t> value = constant(node.operands[1]);
    if (value && *value > -(1 << 30) && *value < (1 << 30)) {
      core = node.operands[0];
      shift = node.ops[1] == MapFn::Add ? *value : -*value;
    }
  }
  const Node &node = kernel[core];
  if (std::optional<int64_t> value = constant(index)) {
    if (*value < first)
      return false;
    if (size && *value < first + *size)
      return true;
    if (*value <= first + offset - 1)
      return true;
  }
  switch (node.nodeKind) {
  case NodeKind::Coord: {
    const RankInfo &own = kernel.ranks[node.index];
    if (own.first + shift < first || own.kind == ExtentKind::State)
      return own.kind == ExtentKind::State && own.parent == base &&
             offset == 1 && own.first == first && shift == 0;
    if (sameExtent(node.index, base))
      return shift <= offset + first;
    return own.constant && size && *own.constant + shift <= *size + first;
  }
  case NodeKind::Extent:
    return sameExtent(node.index, base) && shift >= first &&
           shift <= first + offset - 1;
  case NodeKind::Map:
    if (node.fn == MapFn::Mod && shift == 0 && first <= 0 && offset >= 0) {
      const Node &divisor = kernel[node.operands[1]];
      if (divisor.nodeKind == NodeKind::Extent)
        return sameExtent(divisor.index, base);
      std::optional<int64_t> value = constant(node.operands[1]);
      return value && *value > 0 && size && *value <= *size;
    }
    return false;
  case NodeKind::Product: {
    if (shift != 0 || offset < 0 || first > 0)
      return false;
    // h * |g| / |h| into g, in either order of the factors.
    auto extentOf = [&](unsigned i) -> std::optional<RankId> {
      const Node &factor = kernel[node.operands[i]];
      if (factor.nodeKind == NodeKind::Extent)
        return factor.index;
      return std::nullopt;
    };
    auto coordOf = [&](unsigned i) -> std::optional<RankId> {
      const Node &factor = kernel[node.operands[i]];
      if (factor.nodeKind == NodeKind::Coord)
        return factor.index;
      return std::nullopt;
    };
    if (node.operands.size() == 3 && node.ops[1] == MapFn::Mul &&
        node.ops[2] == MapFn::FloorDiv) {
      for (unsigned i : {0u, 1u}) {
        std::optional<RankId> h = coordOf(i), g = extentOf(1 - i),
                              by = extentOf(2);
        if (h && g && by && sameExtent(*h, *by) && sameExtent(*g, base))
          return true;
      }
    }
    // m / 16 into a rank of ceil(|m| / 16).
    if (node.operands.size() == 2 && node.ops[1] == MapFn::FloorDiv) {
      std::optional<RankId> m = coordOf(0);
      std::optional<int64_t> by = constant(node.operands[1]);
      if (!m || !by || *by <= 0)
        return false;
      const RankInfo &own = kernel.ranks[*m];
      if (own.constant && size)
        return *own.constant == 0 || (*own.constant - 1) / *by < *size;
      if (rank.kind != ExtentKind::Declared || rank.extent == noNode)
        return false;
      // -((-|m|) / 16)
      const Node &outer = kernel[rank.extent];
      if (outer.nodeKind != NodeKind::Map || outer.fn != MapFn::Neg)
        return false;
      const Node &quotient = kernel[outer.operands[0]];
      if (quotient.nodeKind != NodeKind::Product ||
          quotient.operands.size() != 2 || constant(quotient.operands[1]) != by)
        return false;
      const Node &minus = kernel[quotient.operands[0]];
      return minus.nodeKind == NodeKind::Map && minus.fn == MapFn::Neg &&
             kernel[minus.operands[0]].nodeKind == NodeKind::Extent &&
             sameExtent(kernel[minus.operands[0]].index, *m);
    }
    return false;
  }
  case NodeKind::Read: {
    auto it = elementsInside.find(node.index);
    return shift == 0 && offset >= 0 && first <= 0 &&
           it != elementsInside.end() && sameExtent(it->second, base);
  }
  case NodeKind::At:
  case NodeKind::Ref: {
    // Entries of topk and select are coordinates of the rank they select from.
    const Node *ref = &node;
    if (ref->nodeKind == NodeKind::At)
      ref = &kernel[ref->operands[0]];
    if (ref->nodeKind != NodeKind::Ref)
      return false;
    const TensorInfo &tensor = kernel.tensors[ref->index];
    if (tensor.definition != DefinitionKind::Plain || tensor.value == noNode)
      return false;
    const Node &value = kernel[tensor.value];
    return (value.nodeKind == NodeKind::TopK ||
            value.nodeKind == NodeKind::Select) &&
           shift == 0 && offset >= 0 && first <= 0 &&
           sameExtent(value.over[0], base);
  }
  default:
    return false;
  }
}
