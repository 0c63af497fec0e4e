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
  return kind == ValueKind::Real ? "real"
         : kind == ValueKind::Int ? "int"
                                  : "bool";
}

static bool anyFailed(ArrayRef<NodeId> nodes) {
  return llvm::is_contained(nodes, noNode);
}

static RankSet unite(const RankSet &a, const RankSet &b) {
  RankSet result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(result));
  return result;
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
  if (auto it = coords.find(rank); it != coords.end())
    return it->second;
  Node node{NodeKind::Coord, ValueKind::Int};
  node.index = rank;
  node.ranks = {rank};
  node.range = range;
  NodeId id = add(std::move(node));
  if (id != noNode)
    coords[rank] = id;
  return id;
}

NodeId Builder::extent(RankId rank, SourceRange range) {
  if (auto it = extents.find(rank); it != extents.end())
    return it->second;
  const RankInfo &info = kernel.ranks[rank];
  NodeId id;
  if (info.kind == ExtentKind::Ragged) {
    if (info.low == noNode || info.high == noNode)
      return noNode;
    id = constant(info.low) == 0
             ? info.high
             : sum({info.high, info.low}, {MapFn::Add, MapFn::Sub}, range);
  } else {
    Node node{NodeKind::Extent, ValueKind::Int};
    node.index = rank;
    node.range = range;
    id = add(std::move(node));
  }
  if (id != noNode)
    extents[rank] = id;
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
    if (!inside || kernel[index].presence)
      outside.push_back({index, dim.rank, dim.offset, 0, range});
    if (inside)
      continue;
    node.presence = presence.both(
        node.presence,
        presence.cause(AbsenceCause::Outside, kernel[index].ranks, range),
        node.ranks);
  }
  return add(std::move(node));
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
    node.presence = presence.cause(AbsenceCause::Scatter, node.ranks,
                                   info.range);
  }
  return add(std::move(node));
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

bool Builder::checkNumber(NodeId id, StringRef op) {
  if (kernel[id].kind != ValueKind::Bool)
    return true;
  error(kernel[id].range, Rule::Type1,
        op + " takes numbers, this is a bool")
      .remedy("write `if(condition, 1, 0)` for a number");
  return false;
}

NodeId Builder::toReal(NodeId id) {
  if (id == noNode || kernel[id].kind == ValueKind::Real)
    return id;
  const Node &node = kernel[id];
  SourceRange range = node.range;
  if (node.kind == ValueKind::Bool) {
    error(range, Rule::Type1, "expected a number, this is a bool")
        .remedy("write `if(condition, 1, 0)` for a number");
    return noNode;
  }
  if (node.quotient) {
    error(range, Rule::Type3,
          "this quotient of integers is floored, but it is used as a real")
        .remedy("make an operand real, as in `1.0 / |e|` or `real(n) / 2`, or "
                "write `floor(...)` where flooring is meant");
    return noNode;
  }
  if (node.nodeKind == NodeKind::Const)
    return real(static_cast<double>(node.integer), range);
  Node result = make(NodeKind::Map, {id}, range);
  result.fn = MapFn::ToReal;
  return add(std::move(result));
}

NodeId Builder::wantInt(NodeId id, Rule rule, const Twine &what) {
  if (id == noNode || kernel[id].kind == ValueKind::Int)
    return id;
  auto builder = error(kernel[id].range, rule,
                       what + " is an integer, this is a " +
                           getName(kernel[id].kind));
  if (kernel[id].kind == ValueKind::Real)
    builder.remedy("write `floor(...)` for the integer below it");
  return noNode;
}

NodeId Builder::wantBool(NodeId id, const Twine &what) {
  if (id == noNode || kernel[id].kind == ValueKind::Bool)
    return id;
  error(kernel[id].range, Rule::Type1,
        what + " is a condition, this is a " + getName(kernel[id].kind))
      .remedy("compare it, as in `... != 0`");
  return noNode;
}

bool Builder::unify(llvm::MutableArrayRef<NodeId> nodes, const Twine &what) {
  if (anyFailed(nodes))
    return false;
  unsigned reals = 0, bools = 0;
  NodeId odd = nodes.front();
  for (NodeId id : nodes) {
    reals += kernel[id].kind == ValueKind::Real;
    bools += kernel[id].kind == ValueKind::Bool;
    if (kernel[id].kind == ValueKind::Bool)
      odd = id;
  }
  if (bools == nodes.size())
    return true;
  if (bools) {
    error(kernel[odd].range, Rule::Type1,
          what + " are of one kind, here a bool meets a number");
    return false;
  }
  if (reals == 0)
    return true;
  for (NodeId &id : nodes)
    id = toReal(id);
  return !anyFailed(nodes);
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

NodeId Builder::sum(ArrayRef<NodeId> operands, ArrayRef<MapFn> ops,
                    SourceRange range) {
  if (anyFailed(operands))
    return noNode;
  for (NodeId operand : operands)
    if (!checkNumber(operand, "a sum"))
      return noNode;
  SmallVector<NodeId, 4> nodes(operands);
  if (!unify(nodes, "the terms of a sum"))
    return noNode;
  Node node = make(NodeKind::Sum, nodes, range);
  node.kind = kernel[nodes[0]].kind;
  node.ops.assign(ops.begin(), ops.end());
  for (NodeId id : nodes)
    node.quotient |= kernel[id].quotient;
  return add(std::move(node));
}

NodeId Builder::product(ArrayRef<NodeId> operands, ArrayRef<MapFn> ops,
                        SourceRange range) {
  if (anyFailed(operands))
    return noNode;
  bool isReal = false, divides = false;
  for (auto [operand, op] : llvm::zip(operands, ops)) {
    if (!checkNumber(operand, "a product"))
      return noNode;
    // From left to right: integers that were divided before the first real
    // were floored.
    if (kernel[operand].kind == ValueKind::Real && !isReal && divides) {
      SourceRange floored = kernel[operands.front()].range;
      error(range, Rule::Type3,
            "the quotient of integers on the left is floored before the real "
            "on the right is multiplied")
          .note(floored, "the integers start here")
          .remedy("make an operand real, as in `1.0 / |e|`, or write "
                  "`floor(...)` where flooring is meant");
      return noNode;
    }
    isReal |= kernel[operand].kind == ValueKind::Real;
    divides |= op == MapFn::Div;
  }
  SmallVector<NodeId, 4> nodes(operands);
  if (!unify(nodes, "the factors of a product"))
    return noNode;
  Node node = make(NodeKind::Product, nodes, range);
  node.kind = isReal ? ValueKind::Real : ValueKind::Int;
  for (MapFn op : ops)
    node.ops.push_back(op == MapFn::Div && !isReal ? MapFn::FloorDiv : op);
  node.quotient = !isReal && divides;
  for (NodeId id : nodes)
    node.quotient |= kernel[id].quotient;
  return add(std::move(node));
}

NodeId Builder::compare(MapFn fn, NodeId left, NodeId right,
                        SourceRange range) {
  NodeId nodes[] = {left, right};
  if (!unify(nodes, "the two sides of a comparison"))
    return noNode;
  if (kernel[nodes[0]].kind == ValueKind::Bool && fn != MapFn::Eq &&
      fn != MapFn::Ne) {
    error(range, Rule::Type1, "bools have no order");
    return noNode;
  }
  Node node = make(NodeKind::Map, nodes, range);
  node.fn = fn;
  node.kind = ValueKind::Bool;
  return add(std::move(node));
}

NodeId Builder::conjunction(ArrayRef<NodeId> conditions, SourceRange range) {
  return conditions.size() == 1 ? wantBool(conditions[0], "a condition")
                                : map(MapFn::And, conditions, range);
}

NodeId Builder::map(MapFn fn, ArrayRef<NodeId> operands, SourceRange range) {
  if (anyFailed(operands))
    return noNode;
  SmallVector<NodeId, 4> nodes(operands);
  ValueKind kind = ValueKind::Real;
  bool quotient = false;
  std::string name = ("`" + getSpelling(fn) + "`").str();
  switch (fn) {
  case MapFn::And:
  case MapFn::Or:
  case MapFn::Not:
    for (NodeId node : nodes)
      if (wantBool(node, "an operand of " + name) == noNode)
        return noNode;
    kind = ValueKind::Bool;
    break;
  case MapFn::Mod:
    for (NodeId node : nodes)
      if (wantInt(node, Rule::Type2, "an operand of " + name) == noNode)
        return noNode;
    kind = ValueKind::Int;
    break;
  case MapFn::Neg:
  case MapFn::Abs:
  case MapFn::Max:
  case MapFn::Min:
    for (NodeId node : nodes)
      if (!checkNumber(node, name))
        return noNode;
    if (!unify(nodes, "the operands of " + name))
      return noNode;
    kind = kernel[nodes[0]].kind;
    for (NodeId node : nodes)
      quotient |= kernel[node].quotient;
    break;
  case MapFn::Floor:
  case MapFn::Ceil:
  case MapFn::Round:
    kind = ValueKind::Int;
    if (kernel[nodes[0]].kind == ValueKind::Int) {
      // Already whole; only the mark of a quotient goes.
      Node copy = kernel[nodes[0]];
      copy.quotient = false;
      return add(std::move(copy));
    }
    if (!checkNumber(nodes[0], name))
      return noNode;
    break;
  case MapFn::Select: {
    if (wantBool(nodes[0], "the first argument of `if`") == noNode ||
        !unify(llvm::MutableArrayRef<NodeId>(nodes).drop_front(),
               "the branches of `if`"))
      return noNode;
    kind = kernel[nodes[1]].kind;
    quotient = kernel[nodes[1]].quotient || kernel[nodes[2]].quotient;
    break;
  }
  case MapFn::ToReal: return toReal(nodes[0]);
  default:
    for (NodeId &node : nodes)
      if ((node = toReal(node)) == noNode)
        return noNode;
    break;
  }
  Node node = make(NodeKind::Map, nodes, range);
  node.fn = fn;
  node.kind = kind;
  node.quotient = quotient;
  return add(std::move(node));
}

NodeId Builder::exactQuotient(MapFn floorOrCeil, NodeId dividend,
                              NodeId divisor, SourceRange range) {
  bool ceil = floorOrCeil == MapFn::Ceil;
  if (ceil)
    dividend = map(MapFn::Neg, {dividend}, range);
  NodeId result =
      product({dividend, divisor}, {MapFn::Mul, MapFn::Div}, range);
  if (result == noNode)
    return noNode;
  kernel.nodes[result].quotient = false;
  return ceil ? map(MapFn::Neg, {result}, range) : result;
}

//===----------------------------------------------------------------------===//
// Absence, substitution, reductions
//===----------------------------------------------------------------------===//

NodeId Builder::where(NodeId value, NodeId condition, SourceRange range,
                      AbsenceCause why) {
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
    cause = presence.cause(why, test.ranks, test.range);
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
  PresenceId moved = presence.at(kernel[value].presence, over, node.ranks,
                                 range);
  node.presence = presence.both(moved, 0, node.ranks);
  for (auto [rank, index] : llvm::zip(over, indices)) {
    node.presence =
        presence.both(node.presence, kernel[index].presence, node.ranks);
    const RankInfo &info = kernel.ranks[rank];
    Access access{index, rank, 0, 0, range};
    if (info.kind == ExtentKind::State)
      access = {index, info.parent, 1, info.first, range};
    bool inside =
        isInside(index, *access.rank, access.offset, access.first);
    if (!inside || kernel[index].presence)
      outside.push_back(access);
    if (inside)
      continue;
    node.presence = presence.both(
        node.presence,
        presence.cause(AbsenceCause::Outside, kernel[index].ranks, range),
        node.ranks);
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
  case ReduceFn::Count: kind = ValueKind::Int; break;
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
    node.presence = presence.both(
        presence.some(kernel[value].presence, over, full, range), 0,
        node.ranks);
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

//===----------------------------------------------------------------------===//
// Is an index inside?
//===----------------------------------------------------------------------===//

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
  if (const Node &node = kernel[index];
      node.nodeKind == NodeKind::Sum && node.operands.size() == 2 &&
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
  default: return false;
  }
}
