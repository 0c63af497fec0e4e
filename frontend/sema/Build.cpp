//===- Build.cpp - Typed nodes of the elaborated cascade ------------------===//

#include "frontend/sema/Build.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

StringRef einfall::ein::getName(ValueKind kind) {
  return kind == ValueKind::Real  ? "real"
         : kind == ValueKind::Int ? "int"
                                  : "bool";
}

DiagnosticEngine::Builder Builder::error(SourceRange range, Rule rule,
                                         const Twine &message) {
  failed = true;
  DiagnosticEngine::Builder builder = diagnostics.error(range, rule, message);
  unsigned shown = 0;
  for (auto &[name, call] : llvm::reverse(calls))
    if (shown++ < 5)
      builder.note(call, "in the call of `" + name + "` here");
  return builder;
}

NodeId Builder::add(Node node) {
  if (kernel.nodes.size() >= maxNodes) {
    if (!overflow)
      error(node.range, Rule::Def6,
            "kernel `" + kernel.name + "` expands to more than " +
                Twine(maxNodes) + " nodes");
    overflow = true;
    return noNode;
  }
  kernel.nodes.push_back(std::move(node));
  return kernel.nodes.size() - 1;
}

/// A node with the united ranks and presence of its operands.
Node Builder::make(NodeKind kind, ArrayRef<NodeId> operands,
                   SourceRange range) {
  Node node{kind};
  node.operands.assign(operands.begin(), operands.end());
  node.range = range;
  for (NodeId operand : operands)
    node.ranks = unite(node.ranks, kernel[operand].ranks);
  for (NodeId operand : operands)
    node.presence =
        presence.both(node.presence, kernel[operand].presence, node.ranks);
  return node;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

NodeId Builder::coord(RankId rank, SourceRange range) {
  Node node{NodeKind::Coord, ValueKind::Int};
  node.index = rank;
  node.ranks = {rank};
  node.range = range;
  return add(std::move(node));
}

void Builder::shareLeaves() {
  llvm::DenseMap<RankId, NodeId> coords, extents;
  auto shared = [&](NodeId id) {
    const Node &node = kernel[id];
    if (node.nodeKind == NodeKind::Coord)
      return coords.try_emplace(node.index, id).first->second;
    if (node.nodeKind == NodeKind::Extent)
      return extents.try_emplace(node.index, id).first->second;
    return id;
  };
  for (NodeId id = 0; id < kernel.nodes.size(); ++id) {
    shared(id);
    for (NodeId &operand : kernel.nodes[id].operands)
      operand = shared(operand);
  }
}

NodeId Builder::extent(RankId rank, SourceRange range) {
  const RankInfo &info = kernel.ranks[rank];
  if (info.kind != ExtentKind::Ragged) {
    Node node{NodeKind::Extent, ValueKind::Int};
    node.index = rank;
    node.range = range;
    return add(std::move(node));
  }
  if (auto it = raggedExtents.find(rank); it != raggedExtents.end())
    return it->second;
  if (info.low == noNode || info.high == noNode)
    return noNode;
  NodeId id = constant(info.low) == 0
                  ? info.high
                  : sum({info.high, info.low}, {MapFn::Add, MapFn::Sub}, range);
  if (id != noNode)
    raggedExtents[rank] = id;
  return id;
}

NodeId Builder::integer(int64_t value, SourceRange range) {
  Node node{NodeKind::Const, ValueKind::Int};
  node.integer = value;
  node.range = range;
  return add(std::move(node));
}

NodeId Builder::real(double value, SourceRange range) {
  Node node{NodeKind::Const, ValueKind::Real};
  node.real = value;
  node.range = range;
  return add(std::move(node));
}

NodeId Builder::boolean(bool value, SourceRange range) {
  Node node{NodeKind::Const, ValueKind::Bool};
  node.integer = value;
  node.range = range;
  return add(std::move(node));
}

NodeId Builder::param(unsigned input, SourceRange range) {
  Node node{NodeKind::Param, getValueKind(kernel.inputs[input].type)};
  node.index = input;
  node.range = range;
  return add(std::move(node));
}

NodeId Builder::read(unsigned input, ArrayRef<NodeId> indices,
                     SourceRange range) {
  if (anyFailed(indices))
    return noNode;
  const InputInfo &info = kernel.inputs[input];
  Node node = make(NodeKind::Read, indices, range);
  node.kind = getValueKind(info.type);
  node.index = input;
  for (auto [index, dim] : llvm::zip(indices, info.dims)) {
    bool inside;
    if (dim.rank) {
      inside = isInside(index, *dim.rank, dim.offset, 0);
    } else {
      std::optional<int64_t> value = constant(index);
      inside = value && *value >= 0 && *value < dim.offset;
    }
    Access access{index, dim.rank, dim.offset, 0, range};
    if (!inside)
      node.presence = presence.both(
          node.presence, mayLieOutside(access, info.name, info.range),
          node.ranks);
    if (!inside || kernel[index].presence)
      outside.push_back(access);
  }
  return add(std::move(node));
}

PresenceId Builder::mayLieOutside(Access &access, std::string tensor,
                                  SourceRange declared) {
  access.number = accesses.size() + 1;
  accesses.push_back({access, std::move(tensor), declared});
  return presence.cause(AbsenceCause::Outside, kernel[access.index].ranks,
                        access.range, access.number);
}

NodeId Builder::inside(const Access &access) {
  NodeId high = access.rank ? extent(*access.rank, access.range)
                            : integer(access.offset, access.range);
  if (access.rank && access.offset + access.first != 0)
    high = sum({high, integer(access.offset + access.first, access.range)},
               {MapFn::Add, MapFn::Add}, access.range);
  NodeId low = integer(access.first, access.range);
  return map(MapFn::And,
             {compare(MapFn::Ge, access.index, low, access.range),
              compare(MapFn::Lt, access.index, high, access.range)},
             access.range);
}

NodeId Builder::ref(TensorId tensor, SourceRange range) {
  const TensorInfo &info = kernel.tensors[tensor];
  Node node{NodeKind::Ref, info.kind};
  node.index = tensor;
  node.range = range;
  node.ranks.assign(info.dims.begin(), info.dims.end());
  llvm::sort(node.ranks);
  if (info.definition == DefinitionKind::Plain) {
    const Node &value = kernel[info.value];
    node.presence = presence.simplify(value.presence, node.ranks);
    node.quotient = value.quotient;
  } else if (info.definition == DefinitionKind::Scatter) {
    node.presence =
        presence.cause(AbsenceCause::Scatter, node.ranks, info.range);
  }
  return add(std::move(node));
}
