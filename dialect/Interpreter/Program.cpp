//===- Program.cpp - A cascade prepared for evaluation --------------------===//

#include "dialect/Interpreter/Program.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::cascade;

/// Evaluation recurses along definitions; this bounds the stack it takes.
static constexpr size_t maxDepth = 2000;

/// Whether products of reals go to a sum, possibly restricted.
static bool isSummedProduct(MapOp map) {
  if (map.getFunction() != Function::Mul ||
      fieldType(map.getResult()).getKind() != Kind::Real)
    return false;
  return llvm::any_of(map->getUsers(), [](Operation *user) {
    if (auto where = dyn_cast<WhereOp>(user); where && where->hasOneUse())
      user = *where->user_begin();
    auto reduce = dyn_cast<ReduceOp>(user);
    return reduce && reduce.getMonoid() == Monoid::Sum;
  });
}

int Program::rank(StringRef name) const {
  auto found = rankIds.find(name);
  return found == rankIds.end() ? -1 : found->second;
}

FailureOr<std::unique_ptr<Program>> Program::compile(KernelOp kernel) {
  auto program = std::make_unique<Program>();
  if (failed(program->numberRanks(kernel)) ||
      failed(program->add(kernel.getBody().front())))
    return failure();
  std::vector<size_t> depth(program->nodes.size());
  for (Node &node : program->nodes) {
    for (Node *operand : node.operands)
      depth[node.id] = std::max(depth[node.id], depth[operand->id] + 1);
    if (depth[node.id] > maxDepth)
      return node.source->emitError()
             << "stands on a chain of more than " << maxDepth
             << " definitions, which is all that the interpreter takes";
  }
  program->chooseMemos();
  return program;
}

LogicalResult Program::numberRanks(KernelOp kernel) {
  auto number = [&](StringRef name) {
    if (rankIds.try_emplace(name, rankNames.size()).second)
      rankNames.push_back(name);
  };
  kernel.getBody().walk([&](Operation *op) {
    if (auto input = dyn_cast<InputOp>(op))
      llvm::for_each(names(input.getDims()), number);
    else if (auto output = dyn_cast<OutputOp>(op))
      llvm::for_each(names(output.getDims()), number);
    else if (auto rank = dyn_cast<RankOp>(op))
      number(rank.getName());
    else if (auto coord = dyn_cast<CoordOp>(op))
      number(coord.getRank());
    else if (auto extent = dyn_cast<ExtentOp>(op))
      number(extent.getRank());
    else if (auto reduce = dyn_cast<ReduceOp>(op))
      llvm::for_each(names(reduce.getRanks()), number);
    else if (auto fold = dyn_cast<FoldOp>(op))
      llvm::for_each(fold.getRankNames(), number);
    else if (auto topk = dyn_cast<TopKOp>(op))
      number(topk.getRank());
    else if (auto select = dyn_cast<SelectOp>(op))
      number(select.getRank());
    else if (auto recurrence = dyn_cast<RecurrenceOp>(op))
      number(recurrence.getRank());
    else if (auto at = dyn_cast<AtOp>(op))
      llvm::for_each(names(at.getRanks()), number);
    for (Value result : op->getResults())
      if (auto type = dyn_cast<FieldType>(result.getType()))
        llvm::for_each(type.getRankNames(), number);
  });
  if (rankNames.size() > 64)
    return kernel.emitError() << "names " << rankNames.size()
                              << " ranks, the interpreter takes 64";
  return success();
}

Node &Program::newNode(NodeKind op, Value value) {
  FieldType type = fieldType(value);
  Node &node = nodes.emplace_back(Node{op, type.getKind()});
  node.id = nodes.size() - 1;
  node.source = value.getDefiningOp();
  if (!node.source)
    node.source = value.getParentBlock()->getParentOp();
  for (StringRef name : type.getRankNames())
    node.ranks |= RankSet(1) << rank(name);
  values[value] = &node;
  return node;
}

LogicalResult Program::add(Block &block) {
  for (Operation &op : block) {
    if (auto input = dyn_cast<InputOp>(op)) {
      inputIds[input.getResult()] = inputs.size();
      inputs.push_back(input);
      continue;
    }
    if (isa<RankOp, OutputOp, RequireOp, YieldOp>(op))
      continue;
    if (isa<FoldOp, RecurrenceOp>(op)) {
      auto fold = dyn_cast<FoldOp>(op);
      if (failed(fold ? addFold(fold) : addRecurrence(cast<RecurrenceOp>(op))))
        return failure();
      continue;
    }
    if (op.getNumResults() != 1 || !isa<FieldType>(op.getResult(0).getType()))
      return op.emitError("is not an operation that the interpreter knows");

    Node &node = newNode(NodeKind::Const, op.getResult(0));
    for (Value operand : op.getOperands())
      if (isa<FieldType>(operand.getType()))
        node.operands.push_back(values.lookup(operand));
    for (Node *operand : node.operands)
      node.stateful |= operand->stateful;
    auto setOver = [&](ArrayRef<StringRef> ranks) {
      for (StringRef name : ranks)
        node.over.push_back(rank(name));
    };
    LogicalResult known =
        llvm::TypeSwitch<Operation *, LogicalResult>(&op)
            .Case([&](ConstOp constant) {
              if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
                node.real = real.getValueAsDouble();
              else if (auto whole = dyn_cast<IntegerAttr>(constant.getValue()))
                node.whole = node.kind == Kind::Bool
                                 ? whole.getValue().getBoolValue()
                                 : whole.getInt();
              else
                return failure();
              return success();
            })
            .Case([&](ParamOp param) {
              node.op = NodeKind::Param;
              params.push_back({param, &node});
              return success();
            })
            .Case([&](CoordOp coord) {
              node.op = NodeKind::Coord;
              setOver(coord.getRank());
              return success();
            })
            .Case([&](ExtentOp extent) {
              node.op = NodeKind::Extent;
              setOver(extent.getRank());
              return success();
            })
            .Case([&](ReadOp read) {
              node.op = NodeKind::Read;
              node.tensor = inputIds.lookup(read.getTensor());
              return success();
            })
            .Case([&](MapOp map) {
              node.op = NodeKind::Map;
              node.function = map.getFunction();
              node.summed = isSummedProduct(map);
              return success();
            })
            .Case([&](WhereOp) {
              node.op = NodeKind::Where;
              return success();
            })
            .Case([&](OrElseOp) {
              node.op = NodeKind::OrElse;
              return success();
            })
            .Case([&](PresentOp) {
              node.op = NodeKind::Present;
              return success();
            })
            .Case([&](AtOp at) {
              node.op = NodeKind::At;
              setOver(names(at.getRanks()));
              return success();
            })
            .Case([&](ReduceOp reduce) {
              node.op = NodeKind::Reduce;
              node.monoid = reduce.getMonoid();
              setOver(names(reduce.getRanks()));
              for (int rank : node.over)
                reduced |= RankSet(1) << rank;
              return success();
            })
            .Case<TopKOp, SelectOp>([&](auto list) {
              node.op = isa<TopKOp>(op) ? NodeKind::TopK : NodeKind::Select;
              setOver({list.getRank(), list.getEntries()});
              reduced |= RankSet(1) << node.over[0];
              return success();
            })
            .Default([](Operation *) { return failure(); });
    if (failed(known))
      return op.emitError("is not an operation that the interpreter knows");
  }
  return success();
}

void Program::addArgument(BlockArgument argument, Stream &stream,
                          unsigned component, StateRole role) {
  Node &node = newNode(NodeKind::State, argument);
  node.stream = &stream;
  node.component = component;
  node.role = role;
  node.stateful = true;
}

/// Whether `op`, a stream, stands on the state of one around it.
bool Program::seesState(Operation *op) const {
  bool stateful = false;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (inner == op ||
          !op->isAncestor(operand.getParentBlock()->getParentOp()))
        if (Node *outer = values.lookup(operand))
          stateful |= outer->stateful;
  });
  return stateful;
}

Node &Program::newResult(Stream &stream, unsigned number, Value value,
                         bool stateful) {
  Node &result = newNode(NodeKind::StreamResult, value);
  result.stream = &stream;
  result.component = number;
  result.stateful = stateful;
  Component &component = stream.components.emplace_back();
  component.kind = result.kind;
  component.ranks = result.ranks;
  component.result = &result;
  return result;
}

LogicalResult Program::addFold(FoldOp op) {
  Stream &fold = streams.emplace_back();
  fold.id = streams.size() - 1;
  fold.references = op.getReferences();
  for (StringRef name : op.getRankNames()) {
    fold.ranks.push_back(rank(name));
    reduced |= RankSet(1) << rank(name);
  }
  size_t firstNode = nodes.size();

  unsigned references = fold.references;
  Block &step = op.getStep().front();
  for (BlockArgument argument : step.getArguments())
    addArgument(argument, fold, argument.getArgNumber(), StateRole::Now);
  if (failed(add(step)))
    return failure();
  Block &act = op.getAct().front();
  for (BlockArgument argument : act.getArguments()) {
    unsigned number = argument.getArgNumber();
    if (number < references)
      addArgument(argument, fold, number, StateRole::Old);
    else
      addArgument(argument, fold, number - references, StateRole::Now);
  }
  if (failed(add(act)))
    return failure();
  findRegionRanks(fold, firstNode);

  auto stepYield = cast<YieldOp>(step.getTerminator());
  auto actYield = cast<YieldOp>(act.getTerminator());
  bool stateful = seesState(op);
  for (unsigned i = 0; i < op.getNumComponents(); ++i) {
    Node &result = newResult(fold, i, op.getResult(i), stateful);
    Component &component = fold.components.back();
    component.monoid = op.getMonoid(i);
    component.step = values.lookup(stepYield.getValues()[i]);
    // What a region needs decides what the results stand on.
    result.operands.push_back(component.step);
    if (i >= references) {
      component.act = values.lookup(actYield.getValues()[i - references]);
      result.operands.push_back(component.act);
    }
  }
  return success();
}

LogicalResult Program::addRecurrence(RecurrenceOp op) {
  Stream &stream = streams.emplace_back();
  stream.id = streams.size() - 1;
  stream.ranks.push_back(rank(op.getRank()));
  stream.states = rank(op.getStates());
  stream.backward = op.getBackward();
  reduced |= RankSet(1) << rank(op.getRank());
  size_t firstNode = nodes.size();
  Block &step = op.getStep().front();
  for (BlockArgument argument : step.getArguments())
    addArgument(argument, stream, argument.getArgNumber(), StateRole::Now);
  if (failed(add(step)))
    return failure();
  findRegionRanks(stream, firstNode);
  auto yield = cast<YieldOp>(step.getTerminator());
  bool stateful = seesState(op);
  for (unsigned i = 0; i < op.getNumResults(); ++i) {
    Node &result = newResult(stream, i, op.getResult(i), stateful);
    Component &component = stream.components.back();
    component.ranks &= ~(RankSet(1) << stream.states);
    component.start = values.lookup(op.getStart()[i]);
    component.step = values.lookup(yield.getValues()[i]);
    result.operands = {component.start, component.step};
  }
  return success();
}

void Program::findRegionRanks(Stream &stream, size_t firstNode) {
  for (size_t i = firstNode; i < nodes.size(); ++i) {
    const Node &node = nodes[i];
    ArrayRef<int> ranks;
    if ((node.op == NodeKind::Reduce || node.op == NodeKind::At) &&
        node.operands[0]->stateful)
      ranks = node.over;
    else if (isList(node) && node.operands[0]->stateful)
      ranks = ArrayRef(node.over).take_front();
    else if (node.op == NodeKind::StreamResult && node.stateful)
      ranks = node.stream->ranks;
    for (int rank : ranks)
      stream.whole |= RankSet(1) << rank;
  }
}

/// Functions that cost much more than remembering their value.
static bool isSlow(Function function) {
  switch (function) {
  case Function::Div:
  case Function::Pow:
  case Function::Exp:
  case Function::Log:
  case Function::Sqrt:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
    return true;
  default:
    return false;
  }
}

void Program::chooseMemos() {
  // Costly: computing the value again takes a slow function or a reduction.
  std::vector<bool> costly(nodes.size());
  for (Node &node : nodes) {
    costly[node.id] = node.op == NodeKind::Reduce || isList(node) ||
                      node.op == NodeKind::StreamResult ||
                      (node.op == NodeKind::Map && isSlow(node.function));
    for (Node *operand : node.operands)
      costly[node.id] = costly[node.id] || costly[operand->id];
  }
  std::vector<unsigned> uses(nodes.size());
  std::vector<bool> reused(nodes.size());
  for (Node &node : llvm::reverse(nodes)) {
    bool isLeaf = node.operands.empty() || node.op == NodeKind::Read;
    node.memoised =
        node.op == NodeKind::StreamResult ||
        (!node.stateful && !isLeaf && costly[node.id] && reused[node.id]);
    node.cached = !node.memoised && !isLeaf && uses[node.id] > 1 &&
                  node.op != NodeKind::Reduce && !isList(node);
    RankSet space = node.ranks;
    if (node.op == NodeKind::Reduce || isList(node))
      for (int rank : node.over)
        space |= RankSet(1) << rank;
    for (Node *operand : node.operands) {
      ++uses[operand->id];
      reused[operand->id] = reused[operand->id] || uses[operand->id] > 1 ||
                            (space & ~operand->ranks) ||
                            node.op == NodeKind::At ||
                            (reused[node.id] && !node.memoised);
    }
  }
}
