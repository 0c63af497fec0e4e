//===- ElaborateCall.cpp - Built-in functions and inlined defs ------------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

NodeId Elaborator::call(const Expr *e, Env &env) {
  if (const Builtin *found = findBuiltin(e->name.name, !e->ranks.empty()))
    return builtin(*found, e, env);
  auto it = defs.find(e->name.name);
  return it == defs.end() ? noNode : callDef(*it->second, e, env);
}

NodeId Elaborator::builtin(const Builtin &builtin, const Expr *e, Env &env) {
  switch (builtin.kind) {
  case BuiltinKind::TopK:
  case BuiltinKind::Select:
    build
        .error(e->range, Rule::Abs5,
               "`" + e->name.name +
                   "` stands alone on the right of an equation")
        .remedy("define a tensor by it: `pick[q,j] = " + e->name.name +
                "[c](...)`");
    return noNode;
  case BuiltinKind::OrElse: {
    NodeId value = expr(e->args[0], env);
    return build.orElse(value, expr(e->args[1], env), e->range);
  }
  case BuiltinKind::Reduce: {
    NodeId value = expr(e->args[0], env);
    SmallVector<RankId, 4> over;
    for (const RankGroup &ranks : e->ranks)
      for (const Identifier &rank : ranks.ranks)
        over.append(group(rank.name, env));
    if (builtin.reduce == ReduceFn::ArgMax && over.size() != 1) {
      build.error(e->range, Rule::Def3,
                  "`argmax` takes one rank, it is given " + Twine(over.size()));
      return noNode;
    }
    return build.reduce(builtin.reduce, over, value, e->range);
  }
  case BuiltinKind::Map:
    break;
  }
  // ceil(|m| / 64) is the exact ceiling, not that of a floored quotient.
  const Expr *arg = e->args[0];
  if ((builtin.map == MapFn::Floor || builtin.map == MapFn::Ceil) &&
      arg->kind == ExprKind::Product && arg->sums.empty() &&
      arg->ops.back() == Operator::Divide) {
    SmallVector<NodeId, 4> operands;
    SmallVector<MapFn, 4> ops;
    bool integers = true;
    for (auto [factor, op] : llvm::zip(arg->args, arg->ops)) {
      operands.push_back(expr(factor, env));
      ops.push_back(op == Operator::Divide ? MapFn::Div : MapFn::Mul);
      if (operands.back() == noNode)
        return noNode;
      integers &= kernel[operands.back()].kind == ValueKind::Int;
    }
    if (integers) {
      NodeId divisor = operands.pop_back_val();
      ops.pop_back();
      NodeId dividend = operands.size() == 1
                            ? operands[0]
                            : build.product(operands, ops, arg->range);
      return build.exactQuotient(builtin.map, dividend, divisor, e->range);
    }
    return build.map(builtin.map, {build.product(operands, ops, arg->range)},
                     e->range);
  }
  SmallVector<NodeId, 4> operands;
  for (const Expr *operand : e->args)
    operands.push_back(expr(operand, env));
  return build.map(builtin.map, operands, e->range);
}

TensorId Elaborator::addTensor(StringRef name, const Env &env,
                               SourceRange range) {
  TensorInfo info;
  info.name = env.prefix + name.str();
  info.range = range;
  if (unsigned count = names[info.name]++) {
    std::string base = info.name;
    do
      info.name = base + "_" + std::to_string(++count);
    while (names.count(info.name));
    ++names[info.name];
  }
  kernel.tensors.push_back(std::move(info));
  return kernel.tensors.size() - 1;
}

/// An argument becomes a tensor of its own unless it is a leaf, so that its
/// uses share it.
Value Elaborator::argument(NodeId node, StringRef name, const Env &callee,
                           SourceRange range) {
  Value value;
  if (node == noNode)
    return value;
  bool isLeaf = true;
  switch (kernel[node].nodeKind) {
  case NodeKind::Coord:
  case NodeKind::Extent:
  case NodeKind::Const:
  case NodeKind::Param:
  case NodeKind::Ref:
    break;
  case NodeKind::Read:
    isLeaf = llvm::all_of(kernel[node].operands, [&](NodeId index) {
      return kernel[index].nodeKind == NodeKind::Coord;
    });
    break;
  default:
    isLeaf = false;
    break;
  }
  if (isLeaf) {
    value.kind = Value::Node;
    value.node = node;
    return value;
  }
  TensorId id = addTensor(name, callee, range);
  TensorInfo &tensor = kernel.tensors[id];
  tensor.kind = kernel[node].kind;
  tensor.value = node;
  tensor.dims.assign(kernel[node].ranks.begin(), kernel[node].ranks.end());
  value.kind = Value::Tensor;
  value.tensor = id;
  return value;
}

NodeId Elaborator::callDef(Scope &callee, const Expr *e, Env &env) {
  if (!callee.valid)
    return noNode;
  const Def &def = *callee.def;
  if (build.calls.size() >= maxCalls) {
    build.error(e->range, Rule::Def6,
                "the calls of defs nest more than " + Twine(maxCalls) +
                    " deep");
    return noNode;
  }
  unsigned instance = ++instances[def.name.name];
  Env inner{callee,
            def.name.name.str() +
                (instance == 1 ? std::string() : std::to_string(instance)) +
                ".",
            {},
            {}};
  SmallVector<RankId, 4> bound;
  for (auto [parameter, given] : llvm::zip(def.ranks, e->ranks)) {
    Group ranks;
    for (const Identifier &rank : given.ranks)
      ranks.append(group(rank.name, env));
    bound.append(ranks);
    inner.ranks[parameter.name] = ranks;
  }
  SmallVector<NodeId, 4> args;
  for (const Expr *arg : e->args)
    args.push_back(expr(arg, env));
  if (llvm::is_contained(args, noNode))
    return noNode;
  build.calls.push_back({def.name.name.str(), e->range});
  bool ok = true;
  for (auto [i, param] : llvm::enumerate(def.params)) {
    const TensorSymbol &symbol = *callee.findTensor(param.name.name);
    Value value = argument(args[i], param.name.name, inner, e->args[i]->range);
    SmallVector<RankId, 4> named;
    for (const DimSymbol &dim : symbol.dims) {
      value.dims.push_back(inner.ranks[dim.rank]);
      named.append(value.dims.back());
    }
    for (RankId rank : bound)
      if (llvm::is_contained(kernel[args[i]].ranks, rank) &&
          !llvm::is_contained(named, rank)) {
        build
            .error(e->args[i]->range, Rule::Def4,
                   "this argument varies along the bound rank `" +
                       kernel.ranks[rank].name + "`, but parameter `" +
                       param.name.name + "` of `" + def.name.name +
                       "` does not name that rank")
            .note(param.name.range, "declared here");
        ok = false;
      }
    inner.tensors[param.name.name] = std::move(value);
  }
  if (ok) {
    declareRanks(inner);
    bindExtents(inner);
    for (const TensorSymbol *symbol : callee.order)
      if (symbol->kind == TensorKind::Recurrence)
        declareRecurrence(*symbol, inner);
    for (const TensorSymbol *symbol : callee.order)
      defineTensor(*symbol, inner);
  }
  NodeId result = noNode;
  auto it = inner.tensors.find(def.result.name.name);
  if (ok && it != inner.tensors.end() && it->second.kind == Value::Tensor)
    result = build.ref(it->second.tensor, e->range);
  build.calls.pop_back();
  return result;
}
