//===- ElaborateRanks.cpp - Ranks, inputs and preconditions ---------------===//

#include "frontend/sema/Elaborator.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

/// An integer without ranks: an extent, a number of entries.
NodeId Elaborator::scalarInt(const Expr *e, Env &env, Rule rule,
                             const Twine &what) {
  NodeId node = build.wantInt(expr(e, env), rule, what);
  if (node == noNode || kernel[node].ranks.empty())
    return node;
  auto builder =
      build.error(e->range, rule,
                  what + " may not vary along rank `" +
                      kernel.ranks[kernel[node].ranks[0]].name + "`");
  proposeExtent(builder, e);
  return noNode;
}

void Elaborator::proposeExtent(DiagnosticEngine::Builder &builder,
                               const Expr *e) {
  if (e->kind == ExprKind::Name && e->nameKind == NameKind::Rank) {
    std::string extent = ("|" + e->name.name + "|").str();
    builder
        .note(e->range, "this is a coordinate of rank `" + e->name.name +
                            "`; its extent is `" + extent + "`")
        .fix("write `" + extent + "`", {{e->range, extent}});
    return;
  }
  // The indices of an access are coordinates rightly.
  if (e->kind != ExprKind::Index)
    for (const Expr *arg : e->args)
      proposeExtent(builder, arg);
}

RankId Elaborator::addRank(StringRef name, const RankSymbol &symbol) {
  RankInfo info;
  info.name = name.str();
  for (unsigned count = 1; names.count(info.name);)
    info.name = name.str() + "_" + std::to_string(++count);
  ++names[info.name];
  info.range = symbol.range;
  switch (symbol.origin) {
  case RankOrigin::Shape:
    info.kind = ExtentKind::Shape;
    info.input = symbol.input;
    info.dim = symbol.dim;
    info.offset = symbol.offset;
    break;
  case RankOrigin::Ragged:
    info.kind = ExtentKind::Ragged;
    break;
  case RankOrigin::Selection:
    info.kind = ExtentKind::Selection;
    break;
  case RankOrigin::Unbound:
    info.kind = ExtentKind::Define;
    break;
  default:
    info.kind = ExtentKind::Declared;
    break;
  }
  kernel.ranks.push_back(std::move(info));
  return kernel.ranks.size() - 1;
}

/// Makes every rank of the scope that is not a parameter.
void Elaborator::declareRanks(Env &env) {
  for (auto &[name, symbol] : env.scope.ranks) {
    if (symbol.origin == RankOrigin::Parameter)
      continue;
    RankId id = addRank(name, symbol);
    env.ranks[name] = {id};
    auto it = defines.find(name);
    if (!env.scope.kernel || it == defines.end())
      continue;
    std::optional<int64_t> value;
    if (symbol.origin == RankOrigin::Declared)
      value = evaluate(symbol.binding->value);
    if ((symbol.origin == RankOrigin::Declared && value != it->second) ||
        symbol.origin == RankOrigin::Ragged ||
        symbol.origin == RankOrigin::Selection)
      build.error(symbol.range, Rule::Rank1,
                  "the extent of rank `" + name + "` is declared, `-D " + name +
                      "=" + Twine(it->second) + "` cannot bind it");
    if (it->second < 0)
      build.error(symbol.range, Rule::Rank2,
                  "`-D " + name + "=" + Twine(it->second) + "` is negative");
    kernel.ranks[id].constant = it->second;
  }
}

/// Gives declared ranks their extents, in the order in which these need each
/// other.
void Elaborator::bindExtents(Env &env) {
  SmallVector<const RankSymbol *, 8> declared;
  llvm::DenseMap<StringRef, unsigned> number;
  for (auto &[name, symbol] : env.scope.ranks)
    if (symbol.binding) {
      number[name] = declared.size();
      declared.push_back(&symbol);
    }
  std::vector<SmallVector<unsigned, 4>> edges(declared.size());
  for (auto [i, symbol] : llvm::enumerate(declared)) {
    SmallVector<const Expr *, 16> stack;
    for (const Expr *root :
         {symbol->binding->value, symbol->binding->low, symbol->binding->high})
      if (root)
        stack.push_back(root);
    while (!stack.empty()) {
      const Expr *e = stack.pop_back_val();
      if (e->kind == ExprKind::Extent)
        if (auto it = number.find(e->name.name); it != number.end())
          edges[i].push_back(it->second);
      stack.append(e->args.begin(), e->args.end());
    }
  }
  std::vector<unsigned> order, cycle;
  if (!orderByDependence(edges, order, cycle)) {
    const RankSymbol &symbol = *declared[cycle.front()];
    build.error(symbol.range, Rule::Rank2,
                "the extent of rank `" + symbol.name + "` depends on itself");
    return;
  }
  for (unsigned i : order) {
    const RankSymbol &symbol = *declared[i];
    RankId id = env.ranks[symbol.name][0];
    if (symbol.origin == RankOrigin::Declared) {
      NodeId extent =
          scalarInt(symbol.binding->value, env, Rule::Rank2, "an extent");
      if (extent == noNode)
        continue;
      kernel.nodes[extent].quotient = false;
      kernel.ranks[id].extent = extent;
      if (std::optional<int64_t> value = build.constant(extent)) {
        kernel.ranks[id].constant = value;
        if (*value < 0)
          build.error(symbol.binding->value->range, Rule::Rank2,
                      "the extent of rank `" + symbol.name + "` is " +
                          Twine(*value));
      }
      continue;
    }
    Group parent = group(symbol.binding->parent.name, env);
    if (parent.size() != 1)
      continue;
    kernel.ranks[id].parent = parent[0];
    for (bool high : {false, true}) {
      const Expr *bound = high ? symbol.binding->high : symbol.binding->low;
      NodeId node = build.wantInt(expr(bound, env), Rule::Rank3,
                                  "a bound of a ragged rank");
      if (node == noNode)
        node = build.integer(0, bound->range);
      for (RankId rank : kernel[node].ranks)
        if (rank != parent[0])
          build.error(bound->range, Rule::Rank3,
                      "the bounds of `" + symbol.name + "` vary along `" +
                          kernel.ranks[rank].name + "`, they may along `" +
                          kernel.ranks[parent[0]].name + "` only");
      (high ? kernel.ranks[id].high : kernel.ranks[id].low) = node;
    }
  }
}

void Elaborator::unknownType(Identifier type) {
  StringRef types[] = {"f32", "f16",  "bf16", "f8e4m3", "f8e5m2", "i32",
                       "i8",  "bool", "i4",   "u4",     "u2"};
  build
      .error(type.range, Rule::Type4,
             "unknown element type `" + type.name.take_front(64) + "`")
      .didYouMean(type.range, nearest(type.name, types));
}

void Elaborator::declareInputs(Env &env) {
  for (auto [i, param] : llvm::enumerate(env.scope.kernel->inputs)) {
    InputInfo info;
    info.name = param.name.name.str();
    info.range = param.name.range;
    ++names[info.name];
    if (std::optional<ElementType> type = parseElementType(param.type.name)) {
      info.type = *type;
    } else {
      unknownType(param.type);
    }
    kernel.inputs.push_back(std::move(info));
    Value value;
    value.kind = Value::Input;
    value.input = i;
    env.tensors[param.name.name] = std::move(value);
  }
}

void Elaborator::declareDims(Env &env) {
  for (auto [i, param] : llvm::enumerate(env.scope.kernel->inputs)) {
    InputInfo &info = kernel.inputs[i];
    for (const DimSymbol &dim : env.scope.findTensor(param.name.name)->dims) {
      InputDim &made = info.dims.emplace_back();
      made.offset = dim.offset;
      if (dim.rank.empty())
        continue;
      made.rank = group(dim.rank, env)[0];
      const RankInfo &rank = kernel.ranks[*made.rank];
      if (rank.kind == ExtentKind::Ragged)
        build.error(param.name.range, Rule::Rank3,
                    "the ragged rank `" + rank.name +
                        "` is no dimension of an input");
    }
    bool small = getBitWidth(info.type) < 8;
    if (small != param.packed.range.isValid()) {
      auto builder =
          build.error(param.type.range, Rule::Type4,
                      "`" + param.type.name +
                          (small ? "` names the rank along which it is packed"
                                 : "` is not packed"));
      // Most often the last one, whose elements lie side by side.
      std::string along = "e";
      if (!info.dims.empty() && info.dims.back().rank)
        along = kernel.ranks[*info.dims.back().rank].name;
      std::string packed = " packed " + along;
      if (small)
        builder.remedy("write `" + param.type.name + packed + "`")
            .fix("write `" + param.type.name + packed + "`",
                 {{{param.type.range.end, param.type.range.end}, packed}});
      else
        builder.remedy("drop `packed`")
            .fix("drop `packed`",
                 {{{param.type.range.end, param.packed.range.end}, ""}});
    } else if (small) {
      for (const InputDim &dim : info.dims)
        if (dim.rank && kernel.ranks[*dim.rank].name == param.packed.name)
          info.packed = dim.rank;
      if (!info.packed)
        build.error(param.packed.range, Rule::Type4,
                    "`" + info.name + "` has no rank `" + param.packed.name +
                        "` to be packed along");
    }
  }
}

void Elaborator::bindDefaults(Env &env, ArrayRef<RankBinding> fileDefaults) {
  auto bind = [&](const RankBinding &binding, bool ofFile) {
    Group ranks = group(binding.rank.name, env);
    if (ranks.empty()) {
      if (!ofFile)
        build.error(binding.rank.range, Rule::Name1,
                    "unknown rank `" + binding.rank.name + "`");
      return;
    }
    RankInfo &info = kernel.ranks[ranks[0]];
    if (info.kind != ExtentKind::Shape && info.kind != ExtentKind::Define) {
      if (ofFile)
        return;
      build
          .error(binding.rank.range, Rule::Rank4,
                 "the extent of rank `" + binding.rank.name +
                     "` is declared, it takes no default")
          .note(info.range, "declared here");
      return;
    }
    std::optional<int64_t> value = evaluate(binding.value);
    if (!value || *value < 0) {
      build.error(binding.value->range, Rule::Rank4,
                  "the default of rank `" + binding.rank.name +
                      "` is a non-negative number");
      return;
    }
    info.defaultSize = *value;
  };
  for (const RankBinding &binding : fileDefaults)
    bind(binding, /*ofFile=*/true);
  for (const RankBinding *binding : env.scope.defaults)
    bind(*binding, /*ofFile=*/false);
}

void Elaborator::checkPreconditions(Env &env) {
  for (const Expr *condition : env.scope.preconditions) {
    Precondition result;
    result.range = condition->range;
    if (condition->kind == ExprKind::Call)
      result.property = findProperty(condition->name.name);
    if (result.property) {
      result.input = env.scope.findTensor(condition->args[0]->name.name)->index;
      kernel.preconditions.push_back(result);
      const InputInfo &input = kernel.inputs[result.input];
      if (result.property == Property::Permutation)
        build.elementsInside[result.input] = *input.dims.back().rank;
      continue;
    }
    result.condition = build.wantBool(expr(condition, env), "a precondition");
    if (result.condition == noNode)
      continue;
    kernel.preconditions.push_back(result);
    // What the region of indices and of reductions may rely on.
    if (condition->kind == ExprKind::InRange) {
      const Expr *what = condition->args[0], *high = condition->args[2];
      const TensorSymbol *tensor = what->nameKind == NameKind::Tensor
                                       ? env.scope.findTensor(what->name.name)
                                       : nullptr;
      if (tensor && tensor->kind == TensorKind::Input &&
          llvm::all_of(
              what->args,
              [](const Expr *arg) { return arg->kind == ExprKind::Name; }) &&
          evaluate(condition->args[1]) == 0 && high->kind == ExprKind::Extent)
        build.elementsInside[tensor->index] = group(high->name.name, env)[0];
    }
    if (condition->kind == ExprKind::Compare && condition->args.size() == 2 &&
        condition->args[0]->kind == ExprKind::Extent) {
      std::optional<int64_t> bound = evaluate(condition->args[1]);
      if (bound &&
          ((condition->ops[1] == Operator::Greater && *bound >= 0) ||
           (condition->ops[1] == Operator::GreaterEqual && *bound >= 1)))
        for (RankId rank : group(condition->args[0]->name.name, env))
          build.nonEmpty.insert(rank);
    }
  }
}
