//===- Recurrences.cpp - Tensors that are defined along a rank ------------===//

#include "frontend/sema/Recurrences.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::SmallVector;

static bool isRecurrence(const ElaboratedKernel &kernel, NodeId id) {
  const Node &node = kernel[id];
  return node.nodeKind == NodeKind::Ref &&
         kernel.tensors[node.index].definition == DefinitionKind::Recurrence;
}

Recurrences::Recurrences(const ElaboratedKernel &kernel) : kernel(kernel) {
  // Which recurrences the step of each one reads, through other tensors too.
  unsigned count = kernel.tensors.size();
  llvm::DenseMap<TensorId, llvm::DenseSet<TensorId>> reads;
  for (TensorId tensor = 0; tensor < count; ++tensor) {
    const TensorInfo &info = kernel.tensors[tensor];
    if (info.definition != DefinitionKind::Recurrence || info.value == noNode)
      continue;
    llvm::DenseSet<TensorId> &read = reads[tensor];
    llvm::DenseSet<NodeId> seen;
    SmallVector<NodeId> rest{info.value};
    while (!rest.empty()) {
      NodeId id = rest.pop_back_val();
      if (!seen.insert(id).second)
        continue;
      if (isRecurrence(kernel, id))
        read.insert(kernel[id].index);
      else
        rest.append(needs(id));
    }
  }
  auto reaches = [&](TensorId from, TensorId to) {
    llvm::DenseSet<TensorId> seen;
    SmallVector<TensorId> rest{from};
    while (!rest.empty()) {
      TensorId tensor = rest.pop_back_val();
      for (TensorId next : reads.lookup(tensor)) {
        if (next == to)
          return true;
        if (seen.insert(next).second)
          rest.push_back(next);
      }
    }
    return false;
  };
  for (TensorId tensor = 0; tensor < count; ++tensor) {
    if (!reads.contains(tensor) || groupOf.contains(tensor))
      continue;
    RecurrenceGroup &group = groups.emplace_back();
    group.rank = kernel.tensors[tensor].iterRank;
    group.backward = kernel.tensors[tensor].backward;
    for (TensorId other = tensor; other < count; ++other) {
      bool joined = other == tensor ||
                    (reads.contains(other) && !groupOf.contains(other) &&
                     reaches(tensor, other) && reaches(other, tensor));
      if (!joined)
        continue;
      const TensorInfo &info = kernel.tensors[other];
      if (info.iterRank == group.rank && info.backward == group.backward)
        group.members.push_back(other);
      else if (isInside(other, tensor) == isInside(tensor, other))
        conflicts.push_back({tensor, other});
    }
    for (TensorId member : group.members)
      groupOf[member] = groups.size() - 1;
  }
  for (RecurrenceGroup &group : groups)
    findStateful(group);
}

SmallVector<NodeId, 4> Recurrences::needs(NodeId id) const {
  const Node &node = kernel[id];
  SmallVector<NodeId, 4> list(node.operands.begin(), node.operands.end());
  if (node.nodeKind != NodeKind::Ref)
    return list;
  auto add = [&](TensorId tensor) {
    const TensorInfo &info = kernel.tensors[tensor];
    for (NodeId part : {info.start, info.value})
      if (part != noNode)
        list.push_back(part);
  };
  auto group = groupOf.find(node.index);
  if (group == groupOf.end())
    add(node.index);
  else
    llvm::for_each(groups[group->second].members, add);
  return list;
}

/// Whether a recurrence runs once for every coordinate of another one's rank.
bool Recurrences::isInside(TensorId inner, TensorId outer) const {
  return llvm::is_contained(kernel.tensors[inner].dims,
                            kernel.tensors[outer].iterRank);
}

void Recurrences::findStateful(RecurrenceGroup &group) {
  llvm::DenseSet<NodeId> seen;
  llvm::DenseMap<NodeId, SmallVector<NodeId, 2>> users;
  SmallVector<NodeId> rest, states;
  for (TensorId member : group.members)
    rest.push_back(kernel.tensors[member].value);
  while (!rest.empty()) {
    NodeId id = rest.pop_back_val();
    if (!seen.insert(id).second)
      continue;
    if (isRecurrence(kernel, id) &&
        llvm::is_contained(group.members, kernel[id].index)) {
      states.push_back(id);
      continue;
    }
    // Inside the step of another one, whose state is a value like any other.
    if (isRecurrence(kernel, id) &&
        isInside(group.members.front(), kernel[id].index))
      continue;
    for (NodeId need : needs(id)) {
      users[need].push_back(id);
      rest.push_back(need);
    }
  }
  while (!states.empty()) {
    NodeId id = states.pop_back_val();
    if (group.stateful.insert(id).second)
      states.append(users[id]);
  }
  llvm::DenseSet<NodeId> outside;
  auto note = [&](NodeId id) {
    if (!group.stateful.contains(id) && outside.insert(id).second)
      group.outside.push_back(id);
  };
  for (TensorId member : group.members) {
    note(kernel.tensors[member].start);
    note(kernel.tensors[member].value);
  }
  for (NodeId id : group.stateful)
    if (!isRecurrence(kernel, id) ||
        !llvm::is_contained(group.members, kernel[id].index))
      llvm::for_each(needs(id), note);
  llvm::sort(group.outside);
}

std::optional<Recurrences::StateRead>
Recurrences::stateRead(NodeId id, const RecurrenceGroup &group) const {
  const Node &node = kernel[id];
  if (node.nodeKind != NodeKind::At || !isRecurrence(kernel, node.operands[0]))
    return std::nullopt;
  TensorId tensor = kernel[node.operands[0]].index;
  if (!llvm::is_contained(group.members, tensor))
    return std::nullopt;
  const TensorInfo &info = kernel.tensors[tensor];
  auto *place = llvm::find(node.over, info.dims[info.iterDim]);
  if (place == node.over.end())
    return std::nullopt;
  StateRead read{tensor, static_cast<unsigned>(place - node.over.begin()),
                 StateRead::Other};
  const Node &index = kernel[node.operands[1 + read.operand]];
  auto isCoordinate = [&](const Node &candidate) {
    return candidate.nodeKind == NodeKind::Coord &&
           candidate.index == group.rank;
  };
  if (isCoordinate(index))
    read.which = StateRead::Before;
  else if (index.nodeKind == NodeKind::Sum && index.operands.size() == 2 &&
           isCoordinate(kernel[index.operands[0]]) &&
           index.ops[0] == MapFn::Add &&
           index.ops[1] == (group.backward ? MapFn::Sub : MapFn::Add) &&
           kernel[index.operands[1]].nodeKind == NodeKind::Const &&
           kernel[index.operands[1]].integer == 1)
    read.which = StateRead::After;
  return read;
}

bool einfall::ein::checkRecurrences(const ElaboratedKernel &kernel,
                                    DiagnosticEngine &diagnostics) {
  Recurrences recurrences(kernel);
  bool good = recurrences.conflicts.empty();
  for (auto [one, other] : recurrences.conflicts)
    diagnostics
        .error(kernel.tensors[other].range, Rule::Rec1,
               "`" + kernel.tensors[one].name + "` and `" +
                   kernel.tensors[other].name +
                   "` are defined from each other, but not along one rank in "
                   "one direction")
        .note(kernel.tensors[one].range,
              "`" + kernel.tensors[one].name + "` is defined here");
  if (!good)
    return false;
  for (const RecurrenceGroup &group : recurrences.groups) {
    const TensorInfo &first = kernel.tensors[group.members.front()];
    const std::string &rank = kernel.ranks[group.rank].name;
    const RankInfo &along = kernel.ranks[group.rank];
    if (along.kind == ExtentKind::Ragged &&
        (kernel[along.low].nodeKind != NodeKind::Const ||
         kernel[along.low].integer != 0)) {
      good = false;
      diagnostics.error(first.range, Rule::Rec1,
                        "the recurrence `" + first.name +
                            "` runs along the ragged rank `" + along.name +
                            "`, which does not begin at 0");
    }
    std::vector<NodeId> order(group.stateful.begin(), group.stateful.end());
    llvm::sort(order);
    for (NodeId id : order) {
      const Node &node = kernel[id];
      if (auto read = recurrences.stateRead(id, group)) {
        if (read->which != Recurrences::StateRead::Other)
          continue;
        good = false;
        diagnostics
            .error(node.range, Rule::Rec1,
                   "the step of `" + first.name + "` reads `" +
                       kernel.tensors[read->tensor].name +
                       "` at a state that is not known when it is taken")
            .remedy("a step reads the state at `" + rank +
                    "`; keep what is older in a recurrence of its own");
        continue;
      }
      bool moves = node.nodeKind == NodeKind::Reduce ||
                   node.nodeKind == NodeKind::TopK ||
                   node.nodeKind == NodeKind::Select ||
                   node.nodeKind == NodeKind::At;
      if (!moves || !llvm::is_contained(node.over, group.rank) ||
          !group.stateful.contains(node.operands[0]))
        continue;
      good = false;
      diagnostics
          .error(node.range, Rule::Rec1,
                 "the step of `" + first.name +
                     "` takes a value that stands on its state at other "
                     "coordinates of `" +
                     rank + "` than its own")
          .remedy("keep what is older in a recurrence of its own");
    }
  }
  return good;
}
