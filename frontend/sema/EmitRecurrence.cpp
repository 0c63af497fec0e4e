//===- EmitRecurrence.cpp - Recurrences as cascade.recurrence
//---------------===//

#include "frontend/sema/Emitter.h"

using namespace einfall;
using namespace einfall::ein;
using namespace mlir;

/// Every state of `tensor`, as a field over the rank that numbers them.
Value Emitter::history(TensorId tensor) {
  auto known = [&]() -> Value {
    for (const Place &place : llvm::reverse(places))
      if (Value value = place.histories.lookup(tensor))
        return value;
    return Value();
  };
  if (!known())
    emitRecurrence(recurrences.groups[recurrences.groupOf.lookup(tensor)]);
  return known();
}

void Emitter::emitRecurrence(const RecurrenceGroup &group) {
  emitAll(group.outside);
  const TensorInfo &first = kernel.tensors[group.members.front()];
  const RankInfo &along = kernel.ranks[group.rank];
  // All count their states alike; the first one's rank stands for all.
  StringRef states = rank(first.dims[first.iterDim]);
  SmallVector<Value> start;
  SmallVector<Type> types, historyTypes;
  SmallVector<Location> locations;
  for (TensorId member : group.members) {
    const TensorInfo &tensor = kernel.tensors[member];
    SmallVector<StringRef> ranks;
    for (auto [i, dim] : llvm::enumerate(tensor.dims))
      if (i != tensor.iterDim)
        ranks.push_back(rank(dim));
    types.push_back(cascade::FieldType::get(builder.getContext(),
                                            cascade::Kind::Real, ranks));
    ranks.push_back(states);
    historyTypes.push_back(cascade::FieldType::get(builder.getContext(),
                                                   cascade::Kind::Real, ranks));
    start.push_back(get(tensor.start));
    locations.push_back(
        NameLoc::get(builder.getStringAttr(tensor.name), loc(tensor.range)));
  }
  auto op = cascade::RecurrenceOp::create(builder, locations.front(),
                                          historyTypes, rank(group.rank),
                                          states, group.backward, start);
  Block *block = builder.createBlock(&op.getStep(), {}, types, locations);
  Place &place = places.emplace_back();
  place.group = &group;
  place.states.assign(block->args_begin(), block->args_end());
  SmallVector<NodeId> roots;
  for (TensorId member : group.members)
    roots.push_back(kernel.tensors[member].value);
  emitAll(roots);
  SmallVector<Value> next;
  for (auto [member, before] : llvm::zip_equal(group.members, place.states)) {
    const TensorInfo &tensor = kernel.tensors[member];
    Value value = get(tensor.value);
    // A piece that is over keeps its state, or has not begun (backwards).
    if (along.kind == ExtentKind::Ragged)
      value = cascade::OrElseOp::create(
          builder, loc(tensor.range),
          within(group.rank, value, loc(tensor.range)), before);
    next.push_back(value);
  }
  cascade::YieldOp::create(builder, op.getLoc(), next);
  places.pop_back();
  builder.setInsertionPointAfter(op);
  for (auto [i, member] : llvm::enumerate(group.members)) {
    const TensorInfo &tensor = kernel.tensors[member];
    Value history = op.getResult(i);
    // Each refers to its own rank of states.
    if (StringRef own = rank(tensor.dims[tensor.iterDim]); own != states) {
      Value number = cascade::CoordOp::create(builder, op.getLoc(),
                                              builder.getStringAttr(own));
      history =
          cascade::AtOp::create(builder, op.getLoc(), history,
                                builder.getStrArrayAttr({states}), number);
    }
    places.back().histories[member] = history;
  }
}

/// The state of a member before or after the step.
Value Emitter::emitState(const Node &node, const Recurrences::StateRead &read,
                         Location where) {
  const RecurrenceGroup &group = *places.back().group;
  Value state;
  if (read.which == Recurrences::StateRead::After)
    state = get(kernel.tensors[read.tensor].value);
  else
    state = places.back().states[llvm::find(group.members, read.tensor) -
                                 group.members.begin()];
  SmallVector<RankId> over;
  SmallVector<Value> indices;
  for (auto [i, id] : llvm::enumerate(node.over))
    if (i != read.operand) {
      over.push_back(id);
      indices.push_back(get(node.operands[1 + i]));
    }
  return over.empty() ? state : emitAt(state, over, indices, where);
}
