//===- ElaborateExpr.cpp - Expressions and implied sums -------------------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

NodeId Elaborator::expr(const Expr *e, Env &env) {
  if (depth >= maxDepth) {
    build.error(e->range, Rule::Def6,
                "the expansion is more than " + Twine(maxDepth) + " deep");
    return noNode;
  }
  ++depth;
  size_t mark = build.outside.size();
  NodeId node = e->kind == ExprKind::Product ? product(e, env) : core(e, env);
  if (e->kind != ExprKind::Product && !e->sums.empty()) {
    Accesses accesses = takeAccesses(mark);
    for (const ImpliedSum &sum : e->sums)
      node = impliedSum(sum, node, accesses, e->range, env);
    llvm::append_range(build.outside, accesses);
  }
  if (e->kind == ExprKind::Call)
    leaveCall(e, node, mark, env);
  --depth;
  return node;
}

/// Which accesses in a call still decide whether its value exists: none that
/// vary along what its brackets bind, none of or_else, none of a sum, which is
/// 0 over nothing, and none where the value exists everywhere.
void Elaborator::leaveCall(const Expr *e, NodeId node, size_t mark, Env &env) {
  const Builtin *builtin = findBuiltin(e->name.name, !e->ranks.empty());
  if (builtin && e->ranks.empty() && e->name.name != "or_else")
    return;
  Accesses taken = takeAccesses(mark);
  if (node == noNode)
    return;
  SmallVector<RankId, 4> bound;
  for (const RankGroup &ranks : e->ranks)
    for (const Identifier &rank : ranks.ranks)
      bound.append(group(rank.name, env));
  llvm::erase_if(taken, [&](const Builder::Access &access) {
    return llvm::any_of(kernel[access.index].ranks, [&](RankId rank) {
      return llvm::is_contained(bound, rank);
    });
  });
  if (kernel[node].presence != 0 && e->name.name != "or_else") {
    llvm::append_range(build.outside, taken);
    return;
  }
  if (!builtin || builtin->kind != BuiltinKind::Reduce ||
      builtin->reduce != ReduceFn::Sum || taken.empty())
    return;
  const Builder::Access &access = taken.front();
  std::string index =
      describeIndex({AbsenceCause::Outside, access.range, 0, access.number});
  build
      .warning(e->range, Rule::Sum6,
               "this sum is 0, not absent, where an access in it lies outside "
               "for all its terms")
      .note(index.empty() ? access.range : kernel[access.index].range,
            index.empty() ? "this access" : index)
      .remedy("let the sum be implied, or restrict the equation by a `where`");
}

Accesses Elaborator::takeAccesses(size_t mark) {
  Accesses taken(build.outside.begin() + mark, build.outside.end());
  build.outside.resize(mark);
  return taken;
}

/// The sum of `value`. An access that may lie outside for a reason that does
/// not vary along the summed ranks excludes the coordinate altogether, as a
/// `where` would (rule sum.6); the others exclude terms, and leave `accesses`.
NodeId Elaborator::impliedSum(const ImpliedSum &sum, NodeId value,
                              Accesses &accesses, SourceRange range, Env &env) {
  value = restrict(value, sum.conjuncts, env);
  SmallVector<RankId, 4> over;
  for (StringRef rank : sum.ranks)
    over.append(group(rank, env));
  NodeId result = build.reduce(ReduceFn::Sum, over, value, range);
  if (result == noNode)
    return noNode;
  Accesses kept;
  SmallVector<NodeId, 2> conditions;
  for (const Builder::Access &access : accesses) {
    bool varies = llvm::any_of(kernel[access.index].ranks, [&](RankId rank) {
      return llvm::is_contained(over, rank);
    });
    bool repeated = llvm::any_of(kept, [&](const Builder::Access &other) {
      return other.rank == access.rank && other.offset == access.offset &&
             other.first == access.first &&
             build.sameNode(other.index, access.index);
    });
    if (varies || repeated)
      continue;
    kept.push_back(access);
    conditions.push_back(build.inside(access));
  }
  accesses = std::move(kept);
  if (conditions.empty())
    return result;
  return build.where(result,
                     build.conjunction(conditions, accesses.front().range),
                     range, AbsenceCause::Outside, accesses.front().number);
}

NodeId Elaborator::restrict(NodeId value, ArrayRef<Expr *> conjuncts,
                            Env &env) {
  if (conjuncts.empty())
    return value;
  SmallVector<NodeId, 4> conditions;
  SourceRange range;
  for (const Expr *conjunct : conjuncts) {
    conditions.push_back(expr(conjunct, env));
    range = range.join(conjunct->range);
  }
  return build.where(value, build.conjunction(conditions, range), range);
}

/// A product, with the implied sums over some of its factors.
NodeId Elaborator::product(const Expr *e, Env &env) {
  struct Item {
    MapFn op;
    NodeId node;
    SmallVector<unsigned, 4> factors;
    Accesses accesses; // that may lie outside
  };
  std::vector<Item> items;
  bool divides = false, isReal = false, ok = true;
  for (auto [i, arg] : llvm::enumerate(e->args)) {
    MapFn op = e->ops[i] == Operator::Divide ? MapFn::Div : MapFn::Mul;
    size_t mark = build.outside.size();
    NodeId node = expr(arg, env);
    ok &= node != noNode;
    divides |= op == MapFn::Div;
    isReal |= node != noNode && kernel[node].kind == ValueKind::Real;
    items.push_back({op, node, {static_cast<unsigned>(i)}, takeAccesses(mark)});
  }
  if (!ok)
    return noNode;
  if (!e->sums.empty() && divides && !isReal) {
    build
        .error(e->range, Rule::Sum5,
               "rank `" + e->sums.front().ranks.front() +
                   "` is free in a quotient of integers")
        .remedy("write `sum[" + e->sums.front().ranks.front() + "](...)`")
        .wrap("write `sum[" + e->sums.front().ranks.front() + "](...)`",
              e->range, "sum[" + e->sums.front().ranks.front() + "](", ")");
    return noNode;
  }
  auto join = [&](ArrayRef<Item> parts) {
    if (parts.size() == 1 && parts[0].op == MapFn::Mul)
      return parts[0].node;
    SmallVector<NodeId, 4> operands;
    SmallVector<MapFn, 4> ops;
    SourceRange range;
    if (parts[0].op == MapFn::Div) {
      operands.push_back(build.real(1, e->range));
      ops.push_back(MapFn::Mul);
    }
    for (const Item &part : parts) {
      operands.push_back(part.node);
      ops.push_back(part.op);
      for (unsigned factor : part.factors)
        range = range.join(e->args[factor]->range);
    }
    return build.product(operands, ops, range);
  };
  for (const ImpliedSum &sum : e->sums) {
    std::vector<Item> inside, outside;
    size_t position = 0;
    for (Item &item : items) {
      if (llvm::is_contained(sum.factors, item.factors.front())) {
        if (inside.empty())
          position = outside.size();
        inside.push_back(item);
      } else {
        outside.push_back(item);
      }
    }
    NodeId node = join(inside);
    if (node == noNode)
      return noNode;
    Accesses accesses;
    for (const Item &item : inside)
      accesses.append(item.accesses);
    node = impliedSum(sum, node, accesses, kernel[node].range, env);
    if (node == noNode)
      return noNode;
    outside.insert(
        outside.begin() + position,
        Item{MapFn::Mul, node,
             SmallVector<unsigned, 4>(sum.factors.begin(), sum.factors.end()),
             std::move(accesses)});
    items = std::move(outside);
  }
  for (const Item &item : items)
    llvm::append_range(build.outside, item.accesses);
  return join(items);
}

NodeId Elaborator::comparison(const Expr *e, Env &env) {
  auto function = [](Operator op) {
    switch (op) {
    case Operator::Less:
      return MapFn::Lt;
    case Operator::LessEqual:
      return MapFn::Le;
    case Operator::Greater:
      return MapFn::Gt;
    case Operator::GreaterEqual:
      return MapFn::Ge;
    case Operator::NotEqual:
      return MapFn::Ne;
    default:
      return MapFn::Eq;
    }
  };
  SmallVector<NodeId, 4> values, results;
  for (const Expr *arg : e->args)
    values.push_back(expr(arg, env));
  if (e->kind == ExprKind::InRange)
    results = {build.compare(MapFn::Ge, values[0], values[1], e->range),
               build.compare(MapFn::Lt, values[0], values[2], e->range)};
  else
    for (unsigned i = 1; i < values.size(); ++i)
      results.push_back(build.compare(function(e->ops[i]), values[i - 1],
                                      values[i], e->range));
  return results.size() == 1 ? results[0]
                             : build.map(MapFn::And, results, e->range);
}

NodeId Elaborator::core(const Expr *e, Env &env) {
  auto operands = [&] {
    SmallVector<NodeId, 4> nodes;
    for (const Expr *arg : e->args)
      nodes.push_back(expr(arg, env));
    return nodes;
  };
  switch (e->kind) {
  case ExprKind::Integer:
    return build.integer(e->intValue, e->range);
  case ExprKind::Real:
    return build.real(e->realValue, e->range);
  case ExprKind::Bool:
    return build.boolean(e->intValue, e->range);
  case ExprKind::Name: {
    if (e->nameKind == NameKind::Tensor)
      return access(e, env);
    Group ranks = group(e->name.name, env);
    if (ranks.size() == 1)
      return build.coord(ranks[0], e->range);
    build.error(e->range, Rule::Def3,
                "rank parameter `" + e->name.name + "` is bound to " +
                    Twine(ranks.size()) +
                    " ranks, but is used as a number here");
    return noNode;
  }
  case ExprKind::Extent: {
    SmallVector<NodeId, 2> extents;
    SmallVector<MapFn, 2> ops;
    for (RankId rank : group(e->name.name, env)) {
      extents.push_back(build.extent(rank, e->range));
      ops.push_back(MapFn::Mul);
    }
    return extents.size() == 1 ? extents[0]
                               : build.product(extents, ops, e->range);
  }
  case ExprKind::Index:
    return access(e, env);
  case ExprKind::Call:
    return call(e, env);
  case ExprKind::Negate: {
    const Expr *arg = e->args[0];
    if (arg->kind == ExprKind::Integer)
      return build.integer(-arg->intValue, e->range);
    if (arg->kind == ExprKind::Real)
      return build.real(-arg->realValue, e->range);
    return build.map(MapFn::Neg, operands(), e->range);
  }
  case ExprKind::Not:
    return build.map(MapFn::Not, operands(), e->range);
  case ExprKind::And:
    return build.map(MapFn::And, operands(), e->range);
  case ExprKind::Or: {
    SmallVector<NodeId, 4> nodes = operands();
    for (auto [node, arg] : llvm::zip_equal(nodes, e->args))
      if (node != noNode && kernel[node].presence != 0)
        build
            .warning(arg->range, Rule::Abs1,
                     "where this is absent, so is the whole `or`, whatever the "
                     "other operands are")
            .note(findAbsence(node, kernel[node].presence).range,
                  "absent because of this")
            .remedy("write `or_else(.., false)` where absence means false")
            .wrap("write `or_else(..., false)`", arg->range, "or_else(",
                  ", false)");
    return build.map(MapFn::Or, nodes, e->range);
  }
  case ExprKind::Remainder:
    return build.map(MapFn::Mod, operands(), e->range);
  case ExprKind::Compare:
  case ExprKind::InRange:
    return comparison(e, env);
  case ExprKind::Where: {
    NodeId value = expr(e->args[0], env);
    return build.where(value, expr(e->args[1], env), e->range);
  }
  case ExprKind::Sum: {
    SmallVector<MapFn, 4> ops;
    for (Operator op : e->ops)
      ops.push_back(op == Operator::Add ? MapFn::Add : MapFn::Sub);
    return build.sum(operands(), ops, e->range);
  }
  case ExprKind::Product:
    return product(e, env);
  }
  return noNode;
}

/// The value of a tensor at index expressions.
NodeId Elaborator::access(const Expr *e, Env &env) {
  auto it = env.tensors.find(e->name.name);
  if (it == env.tensors.end() || it->second.kind == Value::Failed)
    return noNode;
  const Value value = it->second;
  // What may lie outside within an index counts as part of that index.
  auto index = [&](const Expr *arg) {
    size_t mark = build.outside.size();
    NodeId node = build.wantInt(expr(arg, env), Rule::Tensor2, "an index");
    build.outside.resize(mark);
    return node;
  };
  if (value.kind == Value::Input) {
    if (kernel.inputs[value.input].dims.empty())
      return build.param(value.input, e->range);
    SmallVector<NodeId, 4> indices;
    for (const Expr *arg : e->args)
      indices.push_back(index(arg));
    return build.read(value.input, indices, e->range);
  }
  NodeId base = value.kind == Value::Tensor ? build.ref(value.tensor, e->range)
                                            : value.node;
  SmallVector<RankId, 4> over;
  SmallVector<NodeId, 4> indices;
  for (auto [arg, dim] : llvm::zip(e->args, value.dims)) {
    if (arg->kind == ExprKind::Name && arg->nameKind == NameKind::Rank) {
      Group given = group(arg->name.name, env);
      if (given == dim)
        continue;
      if (given.size() == dim.size()) {
        for (auto [from, to] : llvm::zip(dim, given)) {
          over.push_back(from);
          indices.push_back(build.coord(to, arg->range));
        }
        continue;
      }
    }
    if (dim.size() != 1) {
      build.error(arg->range, Rule::Def3,
                  "this index stands for " + Twine(dim.size()) +
                      " ranks, so it is the rank parameter alone");
      return noNode;
    }
    over.push_back(dim[0]);
    indices.push_back(index(arg));
  }
  return build.at(base, over, indices, e->range);
}
