//===- BuildReduce.cpp - Absence, substitution, reductions ----------------===//

#include "frontend/sema/Build.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

NodeId Builder::where(NodeId value, NodeId condition, SourceRange range,
                      AbsenceCause why, uint32_t access) {
  condition = wantBool(condition, "`where`");
  if (value == noNode || condition == noNode)
    return noNode;
  Node node = make(NodeKind::Where, {value, condition}, range);
  node.kind = kernel[value].kind;
  node.quotient = kernel[value].quotient;
  const Node &test = kernel[condition];
  PresenceId cause = 0;
  // `count[m](x) > 0` says that some coordinate is present.
  if (test.nodeKind == NodeKind::Map && test.fn == MapFn::Gt &&
      kernel[test.operands[0]].nodeKind == NodeKind::Reduce &&
      kernel[test.operands[0]].reduce == ReduceFn::Count &&
      constant(test.operands[1]) == 0) {
    const Node &count = kernel[test.operands[0]];
    SmallVector<RankId, 2> full;
    for (RankId rank : count.over)
      if (isNonEmpty(rank))
        full.push_back(rank);
    cause = presence.some(kernel[count.operands[0]].presence, count.over, full,
                          range);
  } else if (!(test.nodeKind == NodeKind::Const && test.integer)) {
    cause = presence.cause(why, test.ranks, test.range, access);
  }
  node.presence = presence.both(node.presence, cause, node.ranks);
  return add(std::move(node));
}

NodeId Builder::orElse(NodeId value, NodeId fallback, SourceRange range) {
  NodeId nodes[] = {value, fallback};
  if (!unify(nodes, "the arguments of `or_else`"))
    return noNode;
  Node node = make(NodeKind::OrElse, nodes, range);
  node.kind = kernel[nodes[0]].kind;
  node.quotient = kernel[nodes[0]].quotient || kernel[nodes[1]].quotient;
  node.presence = presence.either(kernel[nodes[0]].presence,
                                  kernel[nodes[1]].presence, node.ranks, range);
  return add(std::move(node));
}

NodeId Builder::at(NodeId value, ArrayRef<RankId> over,
                   ArrayRef<NodeId> indices, SourceRange range) {
  if (value == noNode || anyFailed(indices))
    return noNode;
  if (over.empty())
    return value;
  SmallVector<NodeId, 4> operands{value};
  operands.append(indices.begin(), indices.end());
  Node node{NodeKind::At, kernel[value].kind};
  node.range = range;
  node.operands.assign(operands.begin(), operands.end());
  node.over.assign(over.begin(), over.end());
  node.quotient = kernel[value].quotient;
  for (RankId rank : kernel[value].ranks)
    if (!llvm::is_contained(over, rank))
      node.ranks.push_back(rank);
  RankSet indexRanks;
  for (NodeId index : indices)
    indexRanks = unite(indexRanks, kernel[index].ranks);
  node.ranks = unite(node.ranks, indexRanks);
  PresenceId moved =
      presence.at(kernel[value].presence, over, node.ranks, range);
  node.presence = presence.both(moved, 0, node.ranks);
  for (auto [rank, index] : llvm::zip(over, indices)) {
    node.presence =
        presence.both(node.presence, kernel[index].presence, node.ranks);
    const RankInfo &info = kernel.ranks[rank];
    Access access{index, rank, 0, 0, range};
    if (info.kind == ExtentKind::State)
      access = {index, info.parent, 1, info.first, range};
    bool inside = isInside(index, *access.rank, access.offset, access.first);
    if (!inside) {
      const Node &base = kernel[value];
      const TensorInfo *tensor = base.nodeKind == NodeKind::Ref
                                     ? &kernel.tensors[base.index]
                                     : nullptr;
      node.presence =
          presence.both(node.presence,
                        mayLieOutside(access, tensor ? tensor->name : "",
                                      tensor ? tensor->range : SourceRange()),
                        node.ranks);
    }
    if (!inside || kernel[index].presence)
      outside.push_back(access);
  }
  return add(std::move(node));
}

NodeId Builder::reduce(ReduceFn fn, ArrayRef<RankId> over, NodeId value,
                       SourceRange range) {
  if (value == noNode)
    return noNode;
  std::string name = ("`" + getSpelling(fn) + "`").str();
  ValueKind kind = kernel[value].kind;
  switch (fn) {
  case ReduceFn::Any:
  case ReduceFn::All:
    if (wantBool(value, "the operand of " + name) == noNode)
      return noNode;
    break;
  case ReduceFn::Count:
    kind = ValueKind::Int;
    break;
  case ReduceFn::ArgMax:
    if (!checkNumber(value, name))
      return noNode;
    kind = ValueKind::Int;
    break;
  default:
    if (!checkNumber(value, name))
      return noNode;
  }
  Node node{NodeKind::Reduce, kind};
  node.reduce = fn;
  node.range = range;
  node.operands = {value};
  node.over.assign(over.begin(), over.end());
  llvm::sort(node.over);
  node.quotient = kind == ValueKind::Int && kernel[value].quotient &&
                  fn != ReduceFn::Count && fn != ReduceFn::ArgMax;
  SmallVector<RankId, 2> full;
  for (RankId rank : over)
    if (isNonEmpty(rank))
      full.push_back(rank);
  for (RankId rank : kernel[value].ranks)
    if (!llvm::is_contained(over, rank)) {
      node.ranks.push_back(rank);
      const RankInfo &info = kernel.ranks[rank];
      if (info.kind == ExtentKind::Ragged &&
          llvm::is_contained(over, info.parent)) {
        error(range, Rule::Rank3,
              "rank `" + kernel.ranks[info.parent].name +
                  "` is reduced before the ragged rank `" + info.name +
                  "` that depends on it")
            .note(info.range, "declared here");
        return noNode;
      }
    }
  if (fn == ReduceFn::Max || fn == ReduceFn::Min || fn == ReduceFn::ArgMax)
    node.presence =
        presence.both(presence.some(kernel[value].presence, over, full, range),
                      0, node.ranks);
  return add(std::move(node));
}

NodeId Builder::topK(NodeId value, NodeId count, RankId over, RankId index,
                     SourceRange range) {
  if (value == noNode || count == noNode || !checkNumber(value, "`topk`"))
    return noNode;
  Node node{NodeKind::TopK, ValueKind::Int};
  node.index = index;
  node.over = {over};
  node.operands = {value, count};
  node.range = range;
  for (RankId rank : kernel[value].ranks)
    if (rank != over)
      node.ranks.push_back(rank);
  node.ranks = unite(node.ranks, {index});
  node.presence = presence.cause(AbsenceCause::Selection, node.ranks, range);
  return add(std::move(node));
}

NodeId Builder::select(NodeId condition, RankId over, RankId index,
                       SourceRange range) {
  condition = wantBool(condition, "the argument of `select`");
  if (condition == noNode)
    return noNode;
  Node node{NodeKind::Select, ValueKind::Int};
  node.index = index;
  node.over = {over};
  node.operands = {condition};
  node.range = range;
  for (RankId rank : kernel[condition].ranks)
    if (rank != over)
      node.ranks.push_back(rank);
  node.ranks = unite(node.ranks, {index});
  node.presence = presence.cause(AbsenceCause::Selection, node.ranks, range);
  return add(std::move(node));
}
