//===- BuildMap.cpp - Types and pointwise nodes ---------------------------===//

#include "frontend/sema/Build.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

bool Builder::checkNumber(NodeId id, StringRef op) {
  if (kernel[id].kind != ValueKind::Bool)
    return true;
  error(kernel[id].range, Rule::Type1, op + " takes numbers, this is a bool")
      .remedy("write `if(condition, 1, 0)` for a number")
      .wrap("write `if(..., 1, 0)`", kernel[id].range, "if(", ", 1, 0)");
  return false;
}

/// The fix of a floored quotient of which an operand is an integer as written.
static void writeOneAsReal(DiagnosticEngine::Builder &builder,
                           const ElaboratedKernel &kernel,
                           ArrayRef<NodeId> operands) {
  for (NodeId operand : operands) {
    const Node &number = kernel[operand];
    std::string digits = std::to_string(number.integer);
    if (number.nodeKind != NodeKind::Const || number.kind != ValueKind::Int ||
        number.integer < 0 ||
        number.range.end - number.range.begin != digits.size())
      continue;
    builder.fix("write `" + digits + ".0`",
                {{{number.range.end, number.range.end}, ".0"}});
    return;
  }
}

NodeId Builder::findQuotient(NodeId id) const {
  for (;;) {
    const Node &node = kernel[id];
    NodeId next = noNode;
    if (node.nodeKind == NodeKind::Product &&
        llvm::is_contained(node.ops, MapFn::FloorDiv))
      return id;
    if (node.nodeKind == NodeKind::Ref)
      next = kernel.tensors[node.index].value;
    for (NodeId operand : node.operands)
      if (next == noNode && kernel[operand].quotient)
        next = operand;
    if (next == noNode || next >= id)
      return id;
    id = next;
  }
}

NodeId Builder::toReal(NodeId id) {
  if (id == noNode || kernel[id].kind == ValueKind::Real)
    return id;
  const Node &node = kernel[id];
  SourceRange range = node.range;
  if (node.kind == ValueKind::Bool) {
    error(range, Rule::Type1, "expected a number, this is a bool")
        .remedy("write `if(condition, 1, 0)` for a number")
        .wrap("write `if(..., 1, 0)`", range, "if(", ", 1, 0)");
    return noNode;
  }
  if (node.quotient) {
    // What is to be changed stands at the quotient, which may be used often.
    NodeId from = findQuotient(id);
    if (!quotients.insert(from).second)
      return noNode;
    const Node &quotient = kernel[from];
    auto builder =
        error(quotient.range, Rule::Type3,
              "this quotient of integers is floored, but it is used as a real");
    if (from != id)
      builder.note(range, "used as a real here");
    builder.remedy("make an operand real, as in `1.0 / |e|` or `real(n) / 2`, "
                   "or write `floor(...)` where flooring is meant");
    if (quotient.nodeKind == NodeKind::Product)
      writeOneAsReal(builder, kernel, quotient.operands);
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
  auto builder =
      error(kernel[id].range, rule,
            what + " is an integer, this is a " + getName(kernel[id].kind));
  if (kernel[id].kind == ValueKind::Real)
    builder.remedy("write `floor(...)` for the integer below it")
        .wrap("write `floor(...)`", kernel[id].range, "floor(", ")");
  return noNode;
}

NodeId Builder::wantBool(NodeId id, const Twine &what) {
  if (id == noNode || kernel[id].kind == ValueKind::Bool)
    return id;
  error(kernel[id].range, Rule::Type1,
        what + " is a condition, this is " +
            (kernel[id].kind == ValueKind::Int ? "an int" : "a real"))
      .remedy("compare it, as in `... != 0`")
      .fix("write `... != 0`",
           {{{kernel[id].range.end, kernel[id].range.end}, " != 0"}});
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
      auto builder = error(
          range, Rule::Type3,
          "the quotient of integers on the left is floored before the real "
          "on the right is multiplied");
      builder.note(floored, "the integers start here")
          .remedy("make an operand real, as in `1.0 / |e|`, or write "
                  "`floor(...)` where flooring is meant");
      writeOneAsReal(builder, kernel, operands);
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
  case MapFn::ToReal:
    return toReal(nodes[0]);
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
  NodeId result = product({dividend, divisor}, {MapFn::Mul, MapFn::Div}, range);
  if (result == noNode)
    return noNode;
  kernel.nodes[result].quotient = false;
  return ceil ? map(MapFn::Neg, {result}, range) : result;
}
