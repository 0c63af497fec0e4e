//===- Elaborate.cpp - From resolved trees to elaborated kernels ----------===//

#include "frontend/sema/Elaborate.h"
#include "frontend/sema/Build.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::SmallVectorImpl;
using llvm::StringRef;
using llvm::Twine;

std::optional<ElementType> einfall::ein::parseElementType(StringRef name) {
  return llvm::StringSwitch<std::optional<ElementType>>(name)
      .Case("f32", ElementType::F32)
      .Case("f16", ElementType::F16)
      .Case("bf16", ElementType::BF16)
      .Case("f8e4m3", ElementType::F8E4M3)
      .Case("f8e5m2", ElementType::F8E5M2)
      .Case("i32", ElementType::I32)
      .Case("i8", ElementType::I8)
      .Case("bool", ElementType::Bool)
      .Case("i4", ElementType::I4)
      .Case("u4", ElementType::U4)
      .Case("u2", ElementType::U2)
      .Default(std::nullopt);
}

StringRef einfall::ein::getName(ElementType type) {
  constexpr const char *names[] = {"f32", "f16",  "bf16", "f8e4m3",
                                   "f8e5m2", "i32", "i8",   "bool",
                                   "i4",  "u4",   "u2"};
  return names[static_cast<unsigned>(type)];
}

ValueKind einfall::ein::getValueKind(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::F8E4M3:
  case ElementType::F8E5M2: return ValueKind::Real;
  case ElementType::Bool: return ValueKind::Bool;
  default: return ValueKind::Int;
  }
}

unsigned einfall::ein::getBitWidth(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::I32: return 32;
  case ElementType::F16:
  case ElementType::BF16: return 16;
  case ElementType::I4:
  case ElementType::U4: return 4;
  case ElementType::U2: return 2;
  default: return 8;
  }
}

std::optional<int64_t> einfall::ein::evaluate(const Expr *expr) {
  if (expr->kind == ExprKind::Integer)
    return expr->intValue;
  if (expr->kind == ExprKind::Negate)
    if (std::optional<int64_t> value = evaluate(expr->args[0]);
        value && *value != INT64_MIN)
      return -*value;
  if (expr->kind != ExprKind::Product && expr->kind != ExprKind::Sum)
    return std::nullopt;
  int64_t result = 0;
  for (auto [i, arg] : llvm::enumerate(expr->args)) {
    std::optional<int64_t> value = evaluate(arg);
    if (!value)
      return std::nullopt;
    bool overflow = false;
    if (expr->kind == ExprKind::Sum)
      overflow = expr->ops[i] == Operator::Add
                     ? __builtin_add_overflow(result, *value, &result)
                     : __builtin_sub_overflow(result, *value, &result);
    else if (i == 0)
      result = *value;
    else if (expr->ops[i] == Operator::Multiply)
      overflow = __builtin_mul_overflow(result, *value, &result);
    else
      return std::nullopt;
    if (overflow)
      return std::nullopt;
  }
  return result;
}

namespace {
using Group = SmallVector<RankId, 1>;

/// What a tensor name stands for while a scope is elaborated.
struct Value {
  enum Kind : uint8_t { Input, Tensor, Node, Failed } kind = Failed;
  unsigned input = 0;   // Input
  TensorId tensor = 0;  // Tensor
  NodeId node = noNode; // Node: an argument that is a leaf
  SmallVector<Group, 4> dims;
};

struct Env {
  Scope &scope;
  std::string prefix; // of tensor names: "softmax." or nothing
  llvm::StringMap<Group> ranks;
  llvm::StringMap<Value> tensors;
};

using Accesses = SmallVector<Builder::Access, 2>;

class Elaborator {
public:
  static constexpr unsigned maxDepth = 1000;
  static constexpr unsigned maxCalls = 50;

  Elaborator(ElaboratedKernel &kernel, const DefScopes &defs,
             const llvm::StringMap<int64_t> &defines,
             DiagnosticEngine &diagnostics)
      : kernel(kernel), build(kernel, diagnostics), defs(defs),
        defines(defines) {}

  bool run(Scope &scope, ArrayRef<RankBinding> fileDefaults);

private:
  // Declarations.
  RankId addRank(StringRef name, const RankSymbol &symbol);
  void declareRanks(Env &env);
  void bindExtents(Env &env);
  void declareInputs(Env &env);
  void declareDims(Env &env);
  void bindDefaults(Env &env, ArrayRef<RankBinding> fileDefaults);
  void checkPreconditions(Env &env);
  void defineOutputs(Env &env);
  NodeId scalarInt(const Expr *expr, Env &env, Rule rule, const Twine &what);

  // Tensors.
  void declareRecurrence(const TensorSymbol &symbol, Env &env);
  void defineTensor(const TensorSymbol &symbol, Env &env);
  void definePlain(const TensorSymbol &symbol, Env &env, Value &value);
  void defineRecurrence(const TensorSymbol &symbol, Env &env, Value &value);
  void defineScatter(const TensorSymbol &symbol, Env &env, Value &value);
  NodeId equation(const Equation &equation, Env &env,
                  SmallVectorImpl<NodeId> *conditions = nullptr);
  NodeId selection(const Equation &equation, Env &env);
  TensorId addTensor(StringRef name, const Env &env, SourceRange range);
  void checkRagged(const TensorInfo &tensor, const RankSet &used);

  // Expressions.
  NodeId expr(const Expr *expr, Env &env);
  NodeId core(const Expr *expr, Env &env);
  NodeId product(const Expr *expr, Env &env);
  NodeId comparison(const Expr *expr, Env &env);
  NodeId access(const Expr *expr, Env &env);
  NodeId call(const Expr *expr, Env &env);
  NodeId builtin(const Builtin &builtin, const Expr *expr, Env &env);
  NodeId callDef(Scope &callee, const Expr *expr, Env &env);
  Value argument(NodeId node, StringRef name, const Env &callee,
                 SourceRange range);
  NodeId restrict(NodeId value, ArrayRef<Expr *> conjuncts, Env &env);
  NodeId impliedSum(const ImpliedSum &sum, NodeId value, Accesses &accesses,
                    SourceRange range, Env &env);
  /// The accesses since `mark`, taken out of the builder's list.
  Accesses takeAccesses(size_t mark);
  Group group(StringRef name, Env &env) const { return env.ranks.lookup(name); }

  ElaboratedKernel &kernel;
  Builder build;
  const DefScopes &defs;
  const llvm::StringMap<int64_t> &defines;
  llvm::StringMap<unsigned> names;     // tensor and rank names in use
  llvm::StringMap<unsigned> instances; // of each def
  unsigned depth = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

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
  // Brackets, calls and or_else keep absence inside to themselves.
  if (e->kind == ExprKind::Call &&
      (!e->ranks.empty() || !findBuiltin(e->name.name, false) ||
       e->name.name == "or_else"))
    build.outside.resize(mark);
  --depth;
  return node;
}

Accesses Elaborator::takeAccesses(size_t mark) {
  Accesses taken(build.outside.begin() + mark, build.outside.end());
  build.outside.resize(mark);
  return taken;
}

/// The sum of `value`. An access that may lie outside for a reason that does not
/// vary along the summed ranks excludes the coordinate altogether, as a `where`
/// would (rule sum.6); the others exclude terms, and leave `accesses`.
NodeId Elaborator::impliedSum(const ImpliedSum &sum, NodeId value,
                              Accesses &accesses, SourceRange range,
                              Env &env) {
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
                     range, AbsenceCause::Outside);
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
    items.push_back(
        {op, node, {static_cast<unsigned>(i)}, takeAccesses(mark)});
  }
  if (!ok)
    return noNode;
  if (!e->sums.empty() && divides && !isReal) {
    build.error(e->range, Rule::Sum5,
                "rank `" + e->sums.front().ranks.front() +
                    "` is free in a quotient of integers")
        .remedy("write `sum[" + e->sums.front().ranks.front() + "](...)`");
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
    outside.insert(outside.begin() + position,
                   Item{MapFn::Mul, node,
                        SmallVector<unsigned, 4>(sum.factors.begin(),
                                                 sum.factors.end()),
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
    case Operator::Less: return MapFn::Lt;
    case Operator::LessEqual: return MapFn::Le;
    case Operator::Greater: return MapFn::Gt;
    case Operator::GreaterEqual: return MapFn::Ge;
    case Operator::NotEqual: return MapFn::Ne;
    default: return MapFn::Eq;
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
  case ExprKind::Integer: return build.integer(e->intValue, e->range);
  case ExprKind::Real: return build.real(e->realValue, e->range);
  case ExprKind::Bool: return build.boolean(e->intValue, e->range);
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
  case ExprKind::Index: return access(e, env);
  case ExprKind::Call: return call(e, env);
  case ExprKind::Negate: {
    const Expr *arg = e->args[0];
    if (arg->kind == ExprKind::Integer)
      return build.integer(-arg->intValue, e->range);
    if (arg->kind == ExprKind::Real)
      return build.real(-arg->realValue, e->range);
    return build.map(MapFn::Neg, operands(), e->range);
  }
  case ExprKind::Not: return build.map(MapFn::Not, operands(), e->range);
  case ExprKind::And: return build.map(MapFn::And, operands(), e->range);
  case ExprKind::Or: return build.map(MapFn::Or, operands(), e->range);
  case ExprKind::Remainder: return build.map(MapFn::Mod, operands(), e->range);
  case ExprKind::Compare:
  case ExprKind::InRange: return comparison(e, env);
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
  case ExprKind::Product: return product(e, env);
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

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

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
    build.error(e->range, Rule::Abs5,
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
  case BuiltinKind::Map: break;
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
  case NodeKind::Ref: break;
  case NodeKind::Read:
    isLeaf = llvm::all_of(kernel[node].operands, [&](NodeId index) {
      return kernel[index].nodeKind == NodeKind::Coord;
    });
    break;
  default: isLeaf = false; break;
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

//===----------------------------------------------------------------------===//
// Ranks, inputs, preconditions
//===----------------------------------------------------------------------===//

/// An integer without ranks: an extent, a number of entries.
NodeId Elaborator::scalarInt(const Expr *e, Env &env, Rule rule,
                             const Twine &what) {
  NodeId node = build.wantInt(expr(e, env), rule, what);
  if (node == noNode || kernel[node].ranks.empty())
    return node;
  build.error(e->range, rule,
              what + " may not vary along rank `" +
                  kernel.ranks[kernel[node].ranks[0]].name + "`");
  return noNode;
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
  case RankOrigin::Ragged: info.kind = ExtentKind::Ragged; break;
  case RankOrigin::Selection: info.kind = ExtentKind::Selection; break;
  case RankOrigin::Unbound: info.kind = ExtentKind::Define; break;
  default: info.kind = ExtentKind::Declared; break;
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
    for (const Expr *root : {symbol->binding->value, symbol->binding->low,
                             symbol->binding->high})
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
      NodeId extent = scalarInt(symbol.binding->value, env, Rule::Rank2,
                                "an extent");
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

void Elaborator::declareInputs(Env &env) {
  for (auto [i, param] : llvm::enumerate(env.scope.kernel->inputs)) {
    InputInfo info;
    info.name = param.name.name.str();
    info.range = param.name.range;
    ++names[info.name];
    if (std::optional<ElementType> type = parseElementType(param.type.name)) {
      info.type = *type;
    } else {
      StringRef types[] = {"f32", "f16", "bf16", "f8e4m3", "f8e5m2", "i32",
                           "i8",  "bool", "i4",  "u4",     "u2"};
      StringRef near = nearest(param.type.name, types);
      auto builder = build.error(param.type.range, Rule::Type4,
                                 "unknown element type `" +
                                     param.type.name.take_front(64) + "`");
      if (!near.empty())
        builder.remedy("did you mean `" + near + "`?");
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
    if (small != param.packed.range.isValid())
      build.error(param.type.range, Rule::Type4,
                  "`" + param.type.name +
                      (small ? "` names the rank along which it is packed"
                             : "` is not packed"))
          .remedy(small ? "write `" + param.type.name + " packed e`"
                        : "drop `packed`");
    else if (small) {
      for (const InputDim &dim : info.dims)
        if (dim.rank &&
            kernel.ranks[*dim.rank].name == param.packed.name)
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
    if (condition->kind == ExprKind::Call &&
        condition->name.name == "monotone") {
      result.monotone =
          env.scope.findTensor(condition->args[0]->name.name)->index;
      kernel.preconditions.push_back(result);
      continue;
    }
    result.condition = build.wantBool(expr(condition, env), "a precondition");
    if (result.condition == noNode)
      continue;
    kernel.preconditions.push_back(result);
    // What the region of indices and of reductions may rely on.
    if (condition->kind == ExprKind::InRange) {
      const Expr *what = condition->args[0], *high = condition->args[2];
      const TensorSymbol *tensor =
          what->nameKind == NameKind::Tensor
              ? env.scope.findTensor(what->name.name)
              : nullptr;
      if (tensor && tensor->kind == TensorKind::Input &&
          llvm::all_of(what->args,
                       [](const Expr *arg) {
                         return arg->kind == ExprKind::Name;
                       }) &&
          evaluate(condition->args[1]) == 0 && high->kind == ExprKind::Extent)
        build.elementsInside[tensor->index] = group(high->name.name, env)[0];
    }
    if (condition->kind == ExprKind::Compare && condition->args.size() == 2 &&
        condition->args[0]->kind == ExprKind::Extent) {
      std::optional<int64_t> bound = evaluate(condition->args[1]);
      if (bound && ((condition->ops[1] == Operator::Greater && *bound >= 0) ||
                    (condition->ops[1] == Operator::GreaterEqual &&
                     *bound >= 1)))
        for (RankId rank : group(condition->args[0]->name.name, env))
          build.nonEmpty.insert(rank);
    }
  }
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

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
    PresenceId left = build.presence.simplify(kernel[node].presence,
                                              kernel[node].ranks);
    if (left == 0)
      continue;
    auto [cause, where] = build.presence.explain(left);
    build
        .error(kernel[node].range, Rule::Rec2,
               "the " + StringRef(node == start ? "start" : "step") +
                   " of the recurrence `" + symbol.name + "` may be absent")
        .note(where, "because of this")
        .remedy("give it a value everywhere with `or_else(x, v)`");
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
  case TensorKind::Plain: definePlain(symbol, env, value); break;
  case TensorKind::Recurrence: defineRecurrence(symbol, env, value); break;
  case TensorKind::Scatter: defineScatter(symbol, env, value); break;
  case TensorKind::Input:
  case TensorKind::Param: return;
  }
  env.tensors[symbol.name] = std::move(value);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

static StringRef describe(AbsenceCause cause) {
  switch (cause) {
  case AbsenceCause::Condition:
    return "a coordinate that this condition excludes does not exist";
  case AbsenceCause::Outside:
    return "this access may lie outside of the tensor and does not exist then";
  case AbsenceCause::Nothing:
    return "this is absent where there is nothing to reduce";
  case AbsenceCause::Selection:
    return "a selection may have fewer entries than places";
  case AbsenceCause::Scatter:
    return "no equation may write some coordinates";
  case AbsenceCause::Other: return "because of this";
  }
  return "";
}

void Elaborator::defineOutputs(Env &env) {
  for (const Param &param : env.scope.kernel->outputs) {
    OutputInfo info;
    info.name = param.name.name.str();
    info.range = param.name.range;
    std::optional<ElementType> type = parseElementType(param.type.name);
    if (!type || getBitWidth(*type) < 8) {
      build.error(param.type.range, Rule::Type4,
                  type ? "an output is not stored as `" + param.type.name + "`"
                       : "unknown element type `" +
                             param.type.name.take_front(64) + "`");
      continue;
    }
    if (param.packed.range.isValid())
      build.error(param.packed.range, Rule::Type4, "an output is not packed");
    if (param.value)
      build.error(param.value->range, Rule::Syn1, "an output has no default")
          .remedy("a filler is written `else value`");
    info.type = *type;
    const Value &value = env.tensors[param.name.name];
    if (value.kind != Value::Tensor) {
      // An operand failed, which is reported where it did.
      if (!build.hadError())
        build.error(param.name.range, Rule::Tensor4,
                    "the output `" + info.name + "` has no value");
      continue;
    }
    info.tensor = value.tensor;
    for (const Group &dim : value.dims)
      info.dims.append(dim.begin(), dim.end());
    RankSet ranks(info.dims.begin(), info.dims.end());
    llvm::sort(ranks);
    TensorInfo &tensor = kernel.tensors[info.tensor];
    ValueKind want = getValueKind(*type);
    if (tensor.kind == ValueKind::Int && want == ValueKind::Real) {
      NodeId real = build.toReal(tensor.value);
      if (real == noNode)
        continue;
      kernel.tensors[info.tensor].value = real;
      kernel.tensors[info.tensor].kind = want;
    } else if (tensor.kind != want) {
      auto builder = build.error(
          param.type.range, Rule::Type5,
          "the output `" + info.name + "` is stored as " + getName(*type) +
              ", its value is a " + getName(tensor.kind));
      builder.note(tensor.range, "defined here");
      if (want == ValueKind::Int)
        builder.remedy("write `floor(...)` or `round(...)`");
      continue;
    }
    PresenceId left = build.presence.simplify(
        kernel[kernel.tensors[info.tensor].value].presence, ranks);
    AbsenceCause cause = AbsenceCause::Scatter;
    SourceRange where = tensor.range;
    if (left)
      std::tie(cause, where) = build.presence.explain(left);
    bool scatter =
        kernel.tensors[info.tensor].definition == DefinitionKind::Scatter;
    if (param.filler) {
      NodeId filler = expr(param.filler, env);
      if (want == ValueKind::Real)
        filler = build.toReal(filler);
      if (filler != noNode &&
          (kernel[filler].kind != want || !kernel[filler].ranks.empty()))
        build.error(param.filler->range, Rule::Abs4,
                    "the filler of `" + info.name + "` is one " +
                        getName(want));
      info.filler = filler;
    } else if (left || scatter) {
      auto builder =
          build.error(param.name.range, Rule::Abs4,
                      "the output `" + info.name +
                          "` may be absent and declares no filler");
      builder.note(where, describe(cause));
      StringRef filler = want == ValueKind::Bool   ? "false"
                         : want == ValueKind::Int ? "-1"
                         : cause == AbsenceCause::Nothing ? "-inf"
                                                          : "0";
      builder.remedy("declare `" + info.name + "[...]: " + getName(*type) +
                     " else " + filler + "`, or give the value with "
                                         "`or_else(x, v)`");
    }
    kernel.outputs.push_back(std::move(info));
  }
}

bool Elaborator::run(Scope &scope, ArrayRef<RankBinding> fileDefaults) {
  kernel.name = scope.kernel->name.name.str();
  kernel.range = scope.kernel->name.range;
  Env env{scope, "", {}, {}};
  declareInputs(env);
  for (const Param &output : scope.kernel->outputs)
    names[output.name.name] = 0;
  declareRanks(env);
  declareDims(env);
  bindExtents(env);
  for (auto [i, param] : llvm::enumerate(scope.kernel->inputs)) {
    InputInfo &info = kernel.inputs[i];
    if (param.filler)
      build.error(param.filler->range, Rule::Syn1, "an input has no filler")
          .remedy("a default is written `= value`");
    if (!param.value)
      continue;
    if (!info.dims.empty()) {
      build.error(param.value->range, Rule::Syn1,
                  "only a scalar input has a default");
      continue;
    }
    NodeId before = kernel.nodes.size();
    NodeId value = expr(param.value, env);
    ValueKind want = getValueKind(info.type);
    if (want == ValueKind::Real)
      value = build.toReal(value);
    if (value != noNode &&
        (kernel[value].kind != want || !kernel[value].ranks.empty()))
      build.error(param.value->range, Rule::Type5,
                  "the default of `" + info.name + "` is one " +
                      getName(want));
    for (NodeId id = before; id < kernel.nodes.size(); ++id)
      if (kernel.nodes[id].nodeKind == NodeKind::Param &&
          kernel.nodes[id].index >= i)
        build.error(kernel.nodes[id].range, Rule::Name1,
                    "the default of `" + info.name +
                        "` uses a scalar that is not declared before it");
    info.value = value;
  }
  bindDefaults(env, fileDefaults);
  checkPreconditions(env);
  for (const TensorSymbol *symbol : scope.order)
    if (symbol->kind == TensorKind::Recurrence)
      declareRecurrence(*symbol, env);
  for (const TensorSymbol *symbol : scope.order)
    defineTensor(*symbol, env);
  defineOutputs(env);
  return !build.hadError();
}

bool einfall::ein::elaborate(ElaboratedKernel &kernel, Scope &scope,
                             const DefScopes &defs,
                             const llvm::StringMap<int64_t> &defines,
                             ArrayRef<RankBinding> fileDefaults,
                             DiagnosticEngine &diagnostics) {
  return Elaborator(kernel, defs, defines, diagnostics)
      .run(scope, fileDefaults);
}
