//===- ElaborateTensor.cpp - Equations, recurrences, selections -----------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

/// Rule abs.5: pick[q, j] = topk[c](value, count) | select[c](condition).
NodeId Elaborator::selection(const Equation &equation, Env &env) {
  const Expr *e = equation.stmt->value;
  const Builtin &kind = *findBuiltin(e->name.name, true);
  SmallVector<StringRef, 2> fresh;
  for (StringRef rank : equation.leftRanks) {
    const RankSymbol *symbol = env.scope.findRank(rank);
    if (symbol->selection == equation.stmt) {
      fresh = {rank};
      break;
    }
    if (!llvm::is_contained(e->freeRanks, rank))
      fresh.push_back(rank);
  }
  if (fresh.size() != 1) {
    build.error(equation.stmt->name.range, Rule::Abs5,
                "`" + e->name.name +
                    "` adds exactly one rank on the left, here " +
                    Twine(fresh.size()) + " are new");
    return noNode;
  }
  if (!e->sums.empty()) {
    build.error(e->range, Rule::Abs5,
                "no sum is implied around `" + e->name.name + "`");
    return noNode;
  }
  Group over = group(e->ranks[0].ranks[0].name, env);
  RankId index = group(fresh[0], env)[0];
  if (over.size() != 1) {
    build.error(e->range, Rule::Def3,
                "`" + e->name.name + "` selects along one rank, it is given " +
                    Twine(over.size()));
    return noNode;
  }
  NodeId value = expr(e->args[0], env);
  if (kind.kind == BuiltinKind::Select) {
    if (kernel.ranks[index].kind == ExtentKind::Selection)
      kernel.ranks[index].extent = build.extent(over[0], e->range);
    return build.select(value, over[0], index, e->range);
  }
  NodeId count = scalarInt(e->args[1], env, Rule::Abs5, "the count of `topk`");
  if (kernel.ranks[index].kind == ExtentKind::Selection && count != noNode) {
    kernel.ranks[index].extent = count;
    kernel.ranks[index].constant = build.constant(count);
  }
  return build.topK(value, count, over[0], index, e->range);
}

/// The value of one equation, restricted to where it holds. With `conditions`
/// the restricting conjuncts are also listed one by one.
NodeId Elaborator::equation(const Equation &equation, Env &env,
                            SmallVectorImpl<NodeId> *conditions) {
  const Expr *value = equation.stmt->value;
  NodeId node;
  size_t mark = build.outside.size();
  if (value->kind == ExprKind::Call && !value->ranks.empty() &&
      (value->name.name == "topk" || value->name.name == "select"))
    node = selection(equation, env);
  else
    node = expr(value, env);
  build.outside.resize(mark);
  if (equation.leftConjuncts.empty())
    return node;
  SmallVector<NodeId, 4> all;
  SourceRange range;
  for (const Expr *conjunct : equation.leftConjuncts) {
    all.push_back(expr(conjunct, env));
    range = range.join(conjunct->range);
  }
  if (conditions && !llvm::is_contained(all, noNode))
    for (NodeId id : all) {
      const Node &condition = kernel[id];
      if (condition.nodeKind == NodeKind::Map && condition.fn == MapFn::And)
        conditions->append(condition.operands.begin(),
                           condition.operands.end());
      else
        conditions->push_back(id);
    }
  return build.where(node, build.conjunction(all, range), range);
}

void Elaborator::checkRagged(const TensorInfo &tensor, const RankSet &used) {
  for (RankId rank : used) {
    const RankInfo &info = kernel.ranks[rank];
    if (info.kind == ExtentKind::Ragged &&
        !llvm::is_contained(used, info.parent))
      build
          .error(tensor.range, Rule::Rank3,
                 "`" + tensor.name + "` varies along the ragged rank `" +
                     info.name + "` but not along `" +
                     kernel.ranks[info.parent].name + "`")
          .note(info.range, "declared here");
  }
}

/// Before any tensor, so that steps can refer to the state before them.
void Elaborator::declareRecurrence(const TensorSymbol &symbol, Env &env) {
  TensorId id = addTensor(symbol.name, env, symbol.range);
  Group iter = group(symbol.iterRank, env);
  if (iter.size() != 1) {
    build.error(symbol.range, Rule::Def3,
                "a recurrence runs along one rank, `" + symbol.iterRank +
                    "` is bound to " + Twine(iter.size()));
    return;
  }
  RankSymbol stateSymbol;
  stateSymbol.range = symbol.range;
  RankId state = addRank(symbol.iterRank.str() + "_state", stateSymbol);
  RankInfo &info = kernel.ranks[state];
  info.kind = ExtentKind::State;
  info.parent = iter[0];
  info.first = symbol.backward ? -1 : 0;
  if (kernel.ranks[iter[0]].constant)
    info.constant = *kernel.ranks[iter[0]].constant + 1;
  TensorInfo &tensor = kernel.tensors[id];
  tensor.definition = DefinitionKind::Recurrence;
  tensor.iterRank = iter[0];
  tensor.backward = symbol.backward;
  // The ranks that a def carries through come first.
  for (StringRef param : symbol.params) {
    const Value &argument = env.tensors.lookup(param);
    RankSet ranks;
    if (argument.kind == Value::Node)
      ranks = kernel[argument.node].ranks;
    else if (argument.kind == Value::Tensor)
      ranks.assign(kernel.tensors[argument.tensor].dims.begin(),
                   kernel.tensors[argument.tensor].dims.end());
    llvm::sort(ranks);
    for (RankId rank : ranks) {
      bool named = llvm::any_of(argument.dims, [&](const Group &dim) {
        return llvm::is_contained(dim, rank);
      });
      if (!named && !llvm::is_contained(tensor.dims, rank))
        tensor.dims.push_back(rank);
    }
  }
  Value value;
  value.kind = Value::Tensor;
  value.tensor = id;
  for (auto [i, dim] : llvm::enumerate(symbol.dims)) {
    Group ranks = i == symbol.iterDim ? Group{state} : group(dim.rank, env);
    if (i == symbol.iterDim)
      tensor.iterDim = tensor.dims.size();
    tensor.dims.append(ranks.begin(), ranks.end());
    value.dims.push_back(std::move(ranks));
  }
  env.tensors[symbol.name] = std::move(value);
}

void Elaborator::defineRecurrence(const TensorSymbol &symbol, Env &env,
                                  Value &value) {
  value = env.tensors.lookup(symbol.name);
  if (value.kind != Value::Tensor)
    return;
  NodeId start = build.toReal(equation(symbol.equations[0], env));
  NodeId step = build.toReal(equation(symbol.equations[1], env));
  if (start == noNode || step == noNode)
    return;
  for (NodeId node : {start, step}) {
    PresenceId left =
        build.presence.simplify(kernel[node].presence, kernel[node].ranks);
    if (left == 0)
      continue;
    auto builder = build.error(
        kernel[node].range, Rule::Rec2,
        "the " + StringRef(node == start ? "start" : "step") +
            " of the recurrence `" + symbol.name + "` may be absent");
    noteAbsence(builder, findAbsence(node, left));
    builder.remedy("give it a value everywhere with `or_else(x, v)`");
  }
  kernel.tensors[value.tensor].start = start;
  kernel.tensors[value.tensor].value = step;
}

void Elaborator::defineScatter(const TensorSymbol &symbol, Env &env,
                               Value &value) {
  const Equation &only = symbol.equations[0];
  NodeId node = equation(only, env);
  SmallVector<NodeId, 4> left;
  for (const Expr *index : only.left)
    left.push_back(build.wantInt(expr(index, env), Rule::Tensor2, "an index"));
  if (node == noNode || llvm::is_contained(left, noNode))
    return;
  TensorId id = addTensor(symbol.name, env, symbol.range);
  TensorInfo &tensor = kernel.tensors[id];
  tensor.definition = DefinitionKind::Scatter;
  tensor.kind = kernel[node].kind;
  tensor.value = node;
  tensor.left = left;
  for (const DimSymbol &dim : symbol.dims)
    tensor.dims.append(group(dim.rank, env));
  value.kind = Value::Tensor;
  value.tensor = id;
  for (const DimSymbol &dim : symbol.dims)
    value.dims.push_back(group(dim.rank, env));
}

void Elaborator::definePlain(const TensorSymbol &symbol, Env &env,
                             Value &value) {
  SmallVector<NodeId, 2> pieces;
  SmallVector<SmallVector<NodeId, 4>, 2> conditions;
  for (const Equation &one : symbol.equations) {
    conditions.emplace_back();
    pieces.push_back(equation(one, env, &conditions.back()));
  }
  if (llvm::is_contained(pieces, noNode))
    return;
  for (unsigned i = 0; i < pieces.size(); ++i)
    for (unsigned j = 0; j < i; ++j)
      if (!areDisjoint(build, conditions[i], conditions[j])) {
        build
            .error(symbol.equations[i].stmt->range, Rule::Tensor5,
                   "cannot see that this equation of `" + symbol.name +
                       "` and the one before have disjoint domains")
            .note(symbol.equations[j].stmt->range, "the equation before")
            .remedy("restrict them by a condition and its opposite, as in "
                    "`where m < n` and `where m >= n`");
        return;
      }
  NodeId node = pieces[0];
  for (unsigned i = 1; i < pieces.size() && node != noNode; ++i)
    node = build.orElse(node, pieces[i], symbol.equations[i].stmt->range);
  if (node == noNode)
    return;
  // A condition and its opposite leave nothing out.
  if (pieces.size() == 2 && conditions[0].size() == 1 &&
      conditions[1].size() == 1 &&
      areComplements(build, conditions[0][0], conditions[1][0])) {
    PresenceId all = 0;
    for (unsigned i : {0u, 1u})
      for (NodeId part : {kernel[pieces[i]].operands[0], conditions[i][0]})
        all =
            build.presence.both(all, kernel[part].presence, kernel[node].ranks);
    kernel.nodes[node].presence = all;
  }
  SmallVector<RankId, 4> own;
  for (const DimSymbol &dim : symbol.dims) {
    value.dims.push_back(group(dim.rank, env));
    own.append(value.dims.back());
  }
  TensorId id = addTensor(symbol.name, env, symbol.range);
  TensorInfo &tensor = kernel.tensors[id];
  tensor.kind = kernel[node].kind;
  tensor.value = node;
  // The ranks that a def carries through come first.
  for (RankId rank : kernel[node].ranks)
    if (!llvm::is_contained(own, rank))
      tensor.dims.push_back(rank);
  tensor.dims.append(own);
  RankSet all(tensor.dims.begin(), tensor.dims.end());
  llvm::sort(all);
  checkRagged(tensor, all);
  value.kind = Value::Tensor;
  value.tensor = id;
}

void Elaborator::defineTensor(const TensorSymbol &symbol, Env &env) {
  Value value;
  switch (symbol.kind) {
  case TensorKind::Plain:
    definePlain(symbol, env, value);
    break;
  case TensorKind::Recurrence:
    defineRecurrence(symbol, env, value);
    break;
  case TensorKind::Scatter:
    defineScatter(symbol, env, value);
    break;
  case TensorKind::Input:
  case TensorKind::Param:
    return;
  }
  env.tensors[symbol.name] = std::move(value);
}
