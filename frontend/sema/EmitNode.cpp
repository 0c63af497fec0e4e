//===- EmitNode.cpp - Elaborated nodes as fields
//----------------------------===//

#include "frontend/sema/Emitter.h"

using namespace einfall;
using namespace einfall::ein;
using namespace mlir;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// In what order and where
//===----------------------------------------------------------------------===//

Value Emitter::get(NodeId id) const {
  for (const Place &place : llvm::reverse(places))
    if (Value value = place.values.lookup(id))
      return value;
  return Value();
}

/// Of the step of a recurrence only what stands on its state is emitted there;
/// the rest was before it. Other recurrences see to what they need themselves.
SmallVector<NodeId, 4> Emitter::needsHere(NodeId id) const {
  const Node &node = kernel[id];
  const RecurrenceGroup *group = places.back().group;
  if (group)
    if (auto read = recurrences.stateRead(id, *group)) {
      SmallVector<NodeId, 4> list(llvm::drop_begin(node.operands));
      if (read->which == Recurrences::StateRead::After)
        list.push_back(kernel.tensors[read->tensor].value);
      return list;
    }
  if (node.nodeKind == NodeKind::Ref &&
      recurrences.groupOf.contains(node.index))
    return {};
  return recurrences.needs(id);
}

/// Emits nodes and what they need, in the order of their numbers as far as that
/// is one of needs.
void Emitter::emitAll(ArrayRef<NodeId> roots) {
  llvm::DenseSet<NodeId> seen;
  SmallVector<NodeId> rest(roots), found;
  while (!rest.empty()) {
    NodeId id = rest.pop_back_val();
    if (get(id) || !seen.insert(id).second)
      continue;
    found.push_back(id);
    rest.append(needsHere(id));
  }
  llvm::sort(found);
  for (NodeId id : found) {
    // A recurrence may have needed it before.
    if (get(id))
      continue;
    Value value = emit(id);
    places.back().values[id] = value;
  }
}

Value Emitter::value(NodeId root) {
  emitAll(root);
  return get(root);
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// A field restricted to the coordinates that a ragged rank has.
Value Emitter::within(RankId id, Value field, Location where) {
  const RankInfo &info = kernel.ranks[id];
  if (info.kind != ExtentKind::Ragged)
    return field;
  Value at = cascade::CoordOp::create(builder, where,
                                      builder.getStringAttr(info.name));
  Value above = map(cascade::Function::Ge, {at, value(info.low)}, where);
  Value below = map(cascade::Function::Lt, {at, value(info.high)}, where);
  Value inside = map(cascade::Function::And, {above, below}, where);
  return cascade::WhereOp::create(builder, where, field, inside);
}

Value Emitter::emit(NodeId id) {
  const Node &node = kernel[id];
  Location where = loc(node.range);
  if (!tensorOf[id].empty())
    where = NameLoc::get(builder.getStringAttr(tensorOf[id]), where);
  if (const RecurrenceGroup *group = places.back().group)
    if (auto read = recurrences.stateRead(id, *group))
      return emitState(node, *read, where);
  auto operand = [&](unsigned i) { return get(node.operands[i]); };
  switch (node.nodeKind) {
  case NodeKind::Coord:
    return cascade::CoordOp::create(builder, where,
                                    builder.getStringAttr(rank(node.index)));
  case NodeKind::Extent:
    return cascade::ExtentOp::create(builder, where,
                                     builder.getStringAttr(rank(node.index)));
  case NodeKind::Const:
    if (node.kind == ValueKind::Real)
      return cascade::ConstOp::create(builder, where, node.real);
    if (node.kind == ValueKind::Int)
      return cascade::ConstOp::create(builder, where, node.integer);
    return cascade::ConstOp::create(builder, where, node.integer != 0);
  case NodeKind::Param:
    return arguments[node.index];
  case NodeKind::Read: {
    SmallVector<Value> indices;
    for (auto [dim, index] : llvm::enumerate(node.operands)) {
      const InputDim &declared = kernel.inputs[node.index].dims[dim];
      // Of a precondition, every element, those beyond the rank too.
      bool every = inPrecondition && declared.rank && declared.offset != 0 &&
                   kernel[index].nodeKind == NodeKind::Coord &&
                   kernel[index].index == *declared.rank;
      indices.push_back(
          every ? cascade::CoordOp::create(
                      builder, where,
                      builder.getStringAttr(dimName(node.index, dim)))
                      .getResult()
                : get(index));
    }
    return cascade::ReadOp::create(builder, where, arguments[node.index],
                                   indices);
  }
  case NodeKind::Ref:
    return recurrences.groupOf.contains(node.index)
               ? history(node.index)
               : get(kernel.tensors[node.index].value);
  case NodeKind::Map:
    return emitMap(node, where);
  case NodeKind::Sum:
  case NodeKind::Product:
    return emitChain(node, where);
  case NodeKind::Where:
    return cascade::WhereOp::create(builder, where, operand(0), operand(1));
  case NodeKind::OrElse:
    return cascade::OrElseOp::create(builder, where, operand(0), operand(1));
  case NodeKind::At:
    return emitAt(node, where);
  case NodeKind::Reduce: {
    cascade::Monoid monoid;
    switch (node.reduce) {
    case ReduceFn::Sum:
      monoid = cascade::Monoid::Sum;
      break;
    case ReduceFn::Max:
      monoid = cascade::Monoid::Max;
      break;
    case ReduceFn::Min:
      monoid = cascade::Monoid::Min;
      break;
    case ReduceFn::Any:
      monoid = cascade::Monoid::Any;
      break;
    case ReduceFn::All:
      monoid = cascade::Monoid::All;
      break;
    case ReduceFn::Count:
      monoid = cascade::Monoid::Count;
      break;
    case ReduceFn::ArgMax:
      monoid = cascade::Monoid::ArgMax;
      break;
    }
    Value reduced = operand(0);
    for (RankId id : node.over)
      reduced = within(id, reduced, where);
    return cascade::ReduceOp::create(builder, where, monoid,
                                     rankNames(node.over), reduced);
  }
  case NodeKind::TopK:
    return cascade::TopKOp::create(
        builder, where, within(node.over[0], operand(0), where), operand(1),
        builder.getStringAttr(rank(node.over[0])),
        builder.getStringAttr(rank(node.index)));
  case NodeKind::Select:
    return cascade::SelectOp::create(builder, where,
                                     within(node.over[0], operand(0), where),
                                     builder.getStringAttr(rank(node.over[0])),
                                     builder.getStringAttr(rank(node.index)));
  }
  llvm_unreachable("every kind of node is emitted");
}

/// A sum or product of n operands as binary maps from left to right.
Value Emitter::emitChain(const Node &node, Location where) {
  Value result;
  for (auto [i, id] : llvm::enumerate(node.operands)) {
    Value operand = get(id);
    cascade::Function fn;
    switch (node.ops[i]) {
    case MapFn::Sub:
      fn = cascade::Function::Sub;
      break;
    case MapFn::Mul:
      fn = cascade::Function::Mul;
      break;
    case MapFn::Div:
      fn = cascade::Function::Div;
      break;
    case MapFn::FloorDiv:
      fn = cascade::Function::FloorDiv;
      break;
    default:
      fn = cascade::Function::Add;
      break;
    }
    if (!result)
      result = fn == cascade::Function::Sub
                   ? map(cascade::Function::Neg, operand, where)
                   : operand;
    else
      result = map(fn, {result, operand}, where);
  }
  return result;
}

Value Emitter::emitMap(const Node &node, Location where) {
  using cascade::Function;
  SmallVector<Value> operands;
  for (NodeId operand : node.operands)
    operands.push_back(get(operand));
  auto chain = [&](Function fn) {
    Value result = operands[0];
    for (Value operand : llvm::drop_begin(operands))
      result = map(fn, {result, operand}, where);
    return result;
  };
  auto whole = [&](Function fn) {
    return map(Function::ToInt, map(fn, operands, where), where);
  };
  switch (node.fn) {
  case MapFn::Add:
    return chain(Function::Add);
  case MapFn::Sub:
    return chain(Function::Sub);
  case MapFn::Mul:
    return chain(Function::Mul);
  case MapFn::Div:
    return chain(Function::Div);
  case MapFn::FloorDiv:
    return chain(Function::FloorDiv);
  case MapFn::Max:
    return chain(Function::Max);
  case MapFn::Min:
    return chain(Function::Min);
  case MapFn::And:
    return chain(Function::And);
  case MapFn::Or:
    return chain(Function::Or);
  case MapFn::Mod:
    return map(Function::Mod, operands, where);
  case MapFn::Neg:
    return map(Function::Neg, operands, where);
  case MapFn::Abs:
    return map(Function::Abs, operands, where);
  case MapFn::Pow:
    return map(Function::Pow, operands, where);
  case MapFn::Exp:
    return map(Function::Exp, operands, where);
  case MapFn::Log:
    return map(Function::Log, operands, where);
  case MapFn::Sqrt:
    return map(Function::Sqrt, operands, where);
  case MapFn::Tanh:
    return map(Function::Tanh, operands, where);
  case MapFn::Sin:
    return map(Function::Sin, operands, where);
  case MapFn::Cos:
    return map(Function::Cos, operands, where);
  case MapFn::Erf:
    return map(Function::Erf, operands, where);
  case MapFn::Floor:
    return whole(Function::Floor);
  case MapFn::Ceil:
    return whole(Function::Ceil);
  case MapFn::Round:
    return whole(Function::Round);
  case MapFn::Eq:
    return map(Function::Eq, operands, where);
  case MapFn::Ne:
    return map(Function::Ne, operands, where);
  case MapFn::Lt:
    return map(Function::Lt, operands, where);
  case MapFn::Le:
    return map(Function::Le, operands, where);
  case MapFn::Gt:
    return map(Function::Gt, operands, where);
  case MapFn::Ge:
    return map(Function::Ge, operands, where);
  case MapFn::Not:
    return map(Function::Not, operands, where);
  case MapFn::Select:
    return map(Function::Select, operands, where);
  case MapFn::ToReal:
    return map(Function::ToReal, operands, where);
  }
  llvm_unreachable("every function is mapped");
}

Value Emitter::emitAt(const Node &node, Location where) {
  SmallVector<Value> indices;
  for (NodeId index : llvm::drop_begin(node.operands))
    indices.push_back(get(index));
  return emitAt(get(node.operands[0]), node.over, indices, where);
}

/// A rank that the value does not range over is not substituted; what is left
/// of the access is that its index lies inside.
Value Emitter::emitAt(Value field, ArrayRef<RankId> over,
                      ArrayRef<Value> indices, Location where) {
  Value result = field;
  SmallVector<StringRef> ranks;
  SmallVector<Value> substituted;
  SmallVector<std::pair<RankId, Value>> loose;
  for (auto [id, index] : llvm::zip_equal(over, indices)) {
    const RankInfo &info = kernel.ranks[id];
    Value number = index;
    // States are numbered from 0, whatever their first coordinate.
    if (info.kind == ExtentKind::State && info.first != 0)
      number = map(
          cascade::Function::Sub,
          {index, cascade::ConstOp::create(builder, where, info.first)}, where);
    if (cascade::fieldType(result).hasRank(rank(id))) {
      ranks.push_back(rank(id));
      substituted.push_back(number);
    } else {
      loose.push_back({id, number});
    }
  }
  if (!ranks.empty())
    result = cascade::AtOp::create(builder, where, result,
                                   builder.getStrArrayAttr(ranks), substituted);
  for (auto [id, index] : loose) {
    Value zero = cascade::ConstOp::create(builder, where, int64_t(0));
    Value extent = cascade::ExtentOp::create(builder, where,
                                             builder.getStringAttr(rank(id)));
    Value above = map(cascade::Function::Ge, {index, zero}, where);
    Value below = map(cascade::Function::Lt, {index, extent}, where);
    Value inside = map(cascade::Function::And, {above, below}, where);
    result = cascade::WhereOp::create(builder, where, result, inside);
  }
  return result;
}
