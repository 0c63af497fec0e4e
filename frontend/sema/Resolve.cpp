//===- Resolve.cpp - What every name means --------------------------------===//

#include "frontend/sema/Elaborated.h"
#include "frontend/sema/Resolver.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

void Resolver::unknown(Identifier name, bool wantRank) {
  SmallVector<StringRef, 32> known;
  for (auto &[rank, symbol] : scope.ranks)
    known.push_back(rank);
  if (!wantRank) {
    for (auto &[tensor, symbol] : scope.tensors)
      known.push_back(tensor);
    for (auto &def : defs)
      known.push_back(def.getKey());
    for (const Builtin &builtin : getBuiltins())
      known.push_back(builtin.name);
  }
  auto builder = error(name.range, Rule::Name1,
                       (wantRank ? "unknown rank `" : "unknown name `") +
                           name.name.take_front(64) + "`");
  StringRef near = nearest(name.name, known);
  if (near.empty())
    return;
  SourceRange declared;
  if (const RankSymbol *rank = scope.findRank(near))
    declared = rank->range;
  else if (TensorSymbol *tensor = scope.findTensor(near))
    declared = tensor->range;
  builder.didYouMean(name.range, near, declared);
}

void Resolver::setFree(Expr *expr, ArrayRef<StringRef> without,
                       ArrayRef<StringRef> with) {
  SmallVector<StringRef, 8> ranks(with);
  for (const Expr *arg : expr->args)
    for (StringRef rank : arg->freeRanks)
      if (!llvm::is_contained(without, rank))
        ranks.push_back(rank);
  llvm::sort(ranks);
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  // Share the list of a single child that already says the same.
  for (const Expr *arg : expr->args)
    if (arg->freeRanks == ArrayRef<StringRef>(ranks)) {
      expr->freeRanks = arg->freeRanks;
      return;
    }
  expr->freeRanks = file.copy<StringRef>(ranks);
}

void Resolver::resolveName(Expr *expr) {
  StringRef name = expr->name.name;
  if (scope.findRank(name)) {
    expr->nameKind = NameKind::Rank;
    expr->freeRanks = file.copy<StringRef>(ArrayRef<StringRef>(name));
    return;
  }
  if (scope.findTensor(name)) {
    expr->nameKind = NameKind::Tensor;
    resolveAccess(expr);
    return;
  }
  unknown(expr->name, /*wantRank=*/false);
}

/// Rule rank.5 on the right: leaving out exactly the block's ranks.
void Resolver::expandEach(Expr *expr, const TensorSymbol &tensor) {
  if (each.empty() || expr->args.size() >= tensor.dims.size())
    return;
  auto isEach = [&](const DimSymbol &dim) {
    return llvm::any_of(each, [&](const Identifier &rank) {
      return rank.name == dim.rank && dim.offset == 0;
    });
  };
  unsigned elided = llvm::count_if(tensor.dims, isEach);
  if (expr->args.size() + elided != tensor.dims.size())
    return;
  SmallVector<Expr *, 4> args;
  unsigned next = 0;
  for (const DimSymbol &dim : tensor.dims)
    args.push_back(isEach(dim) ? rankName(dim.rank, expr->name.range)
                               : expr->args[next++]);
  expr->args = file.copy<Expr *>(args);
}

void Resolver::resolveAccess(Expr *expr) {
  TensorSymbol &tensor = *scope.findTensor(expr->name.name);
  expandEach(expr, tensor);
  if (expr->args.size() != tensor.dims.size()) {
    std::string list;
    for (const DimSymbol &dim : tensor.dims)
      list += (list.empty() ? "" : ", ") +
              (dim.rank.empty() ? std::to_string(dim.offset) : dim.rank.str());
    error(expr->range, Rule::Tensor1,
          "`" + tensor.name + "` has " + Twine(tensor.dims.size()) +
              (tensor.dims.size() == 1 ? " rank" : " ranks") +
              (list.empty() ? "" : ", [" + list + "],") + " but is given " +
              Twine(expr->args.size()) +
              (expr->args.size() == 1 ? " index" : " indices"))
        .note(tensor.range, "declared here");
  }
  for (auto [i, arg] : llvm::enumerate(expr->args)) {
    // A rank that stands alone as an index is no arithmetic.
    if (arg->kind == ExprKind::Name && scope.findRank(arg->name.name)) {
      arg->nameKind = NameKind::Rank;
      arg->freeRanks =
          file.copy<StringRef>(ArrayRef<StringRef>(arg->name.name));
      continue;
    }
    resolve(arg);
  }
  setFree(expr);
  // A step may read the recurrence at the previous state.
  bool previous = reader && tensor.kind == TensorKind::Recurrence &&
                  expr->args.size() > tensor.iterDim &&
                  expr->args[tensor.iterDim]->kind == ExprKind::Name &&
                  expr->args[tensor.iterDim]->name.name == tensor.iterRank;
  if (reads && !previous)
    reads->insert(tensor.name);
  if (mentions)
    mentions->insert(tensor.name);
}

/// The ranks that a call without brackets means: those that its argument has
/// and the equation leaves free. What factors share is summed anyhow, unless
/// this is the sum.
std::string Resolver::meantRanks(const Expr *call) const {
  std::string ranks;
  if (!equation || call->args.empty())
    return ranks;
  const Expr *arg = call->args.front();
  for (StringRef rank : arg->freeRanks) {
    bool isShared = call->name.name != "sum" &&
                    arg->kind == ExprKind::Product &&
                    llvm::count_if(arg->args, [&](const Expr *factor) {
                      return llvm::is_contained(factor->freeRanks, rank);
                    }) > 1;
    if (!isShared && !llvm::is_contained(equation->leftRanks, rank))
      ranks += (ranks.empty() ? "" : ",") + rank.str();
  }
  return ranks;
}

void Resolver::resolveCall(Expr *expr) {
  StringRef name = expr->name.name;
  SmallVector<StringRef, 4> bound;
  for (const RankGroup &group : expr->ranks)
    for (const Identifier &rank : group.ranks) {
      if (!scope.findRank(rank.name)) {
        unknown(rank, /*wantRank=*/true);
        continue;
      }
      if (llvm::is_contained(bound, rank.name))
        error(rank.range, Rule::Name2,
              "rank `" + rank.name + "` is bound twice by these brackets");
      bound.push_back(rank.name);
    }
  for (Expr *arg : expr->args)
    resolve(arg);
  setFree(expr, bound);
  auto count = [&](unsigned least, unsigned most) {
    unsigned given = expr->args.size();
    if (given >= least && given <= most)
      return;
    auto builder =
        error(expr->range, Rule::Def1,
              "`" + name + "` takes " + Twine(least) +
                  (most > least ? " or more" : "") +
                  (least == 1 && most == 1 ? " argument" : " arguments") +
                  ", it is given " + Twine(given));
    auto def = defs.find(name);
    if (def != defs.end())
      builder.note(def->second->name.range, "declared here");
  };
  bool bracketed = !expr->ranks.empty();
  if (const Builtin *builtin = findBuiltin(name, bracketed)) {
    if (bracketed)
      for (const RankGroup &group : expr->ranks)
        if (group.ranks.size() > 1)
          error(group.ranks[0].range, Rule::Sum4,
                "a reduction lists its ranks without parentheses");
    if (bracketed && expr->ranks.size() > 1 &&
        builtin->kind != BuiltinKind::Reduce)
      error(expr->name.range, Rule::Abs5,
            "`" + name + "` selects along one rank, it is given " +
                Twine(expr->ranks.size()));
    if (builtin->kind == BuiltinKind::Reduce &&
        builtin->reduce == ReduceFn::ArgMax && bound.size() > 1)
      error(expr->name.range, Rule::Sum4,
            "`argmax` takes one rank, it is given " + Twine(bound.size()));
    return count(builtin->minArgs, builtin->maxArgs);
  }
  if (findBuiltin(name, !bracketed)) {
    std::string ranks = meantRanks(expr);
    bool known = !ranks.empty();
    std::string ours = name.str();
    if (!bracketed)
      ours += "[" + (known ? ranks : "m") + "]";
    ours += "(...)";
    auto builder =
        error(expr->name.range, Rule::Sum4,
              bracketed ? "`" + name + "` takes no ranks in brackets"
                        : "`" + name + "` needs the ranks it ranges over");
    builder.remedy("write `" + ours + "`");
    if (!bracketed && known)
      builder.fix(
          "write `" + ours + "`",
          {{{expr->name.range.end, expr->name.range.end}, "[" + ranks + "]"}});
    return;
  }
  auto it = defs.find(name);
  if (it == defs.end()) {
    if (TensorSymbol *tensor = scope.findTensor(name)) {
      error(expr->name.range, Rule::Name1,
            "`" + name +
                "` is a tensor, not a "
                "def")
          .note(tensor->range, "declared here")
          .remedy("indices stand in brackets: `" + name + "[...]`");
      return;
    }
    return unknown(expr->name, /*wantRank=*/false);
  }
  const Def &def = *it->second;
  scope.calls.push_back({name, expr->name.range});
  count(def.params.size(), def.params.size());
  // One rank parameter takes all groups that are given; otherwise one each.
  if (def.ranks.size() == 1 && bracketed) {
    if (expr->ranks.size() > 1) {
      SmallVector<Identifier, 4> all;
      for (const RankGroup &group : expr->ranks)
        all.append(group.ranks.begin(), group.ranks.end());
      RankGroup joined{file.copy<Identifier>(all)};
      expr->ranks = file.copy<RankGroup>(ArrayRef<RankGroup>(joined));
    }
  } else if (def.ranks.size() != expr->ranks.size()) {
    std::string ranks;
    for (const Identifier &rank : def.ranks)
      ranks += (ranks.empty() ? "" : ",") + rank.name.str();
    auto builder = error(
        expr->name.range, Rule::Def2,
        "`" + name + "` has " + Twine(def.ranks.size()) +
            (def.ranks.size() == 1 ? " rank parameter" : " rank parameters") +
            ", the call binds " + Twine(expr->ranks.size()));
    builder.note(def.name.range, "declared here");
    std::string meant =
        def.ranks.size() == 1 && !bracketed ? meantRanks(expr) : "";
    if (meant.empty())
      builder.remedy(ranks.empty() ? "write `" + name + "(...)`"
                                   : "write `" + name + "[" + ranks +
                                         "](...)` with ranks of yours");
    else
      builder.remedy("write `" + name + "[" + meant + "](...)`")
          .fix("write `" + name + "[" + meant + "](...)`",
               {{{expr->name.range.end, expr->name.range.end},
                 "[" + meant + "]"}});
    return;
  }
  // The ranks of the result vary again.
  SmallVector<StringRef, 4> again;
  for (const Expr *dim : def.result.dims)
    for (auto [i, parameter] : llvm::enumerate(def.ranks))
      if (dim->kind == ExprKind::Name && dim->name.name == parameter.name)
        for (const Identifier &rank : expr->ranks[i].ranks)
          again.push_back(rank.name);
  setFree(expr, bound, again);
}

void Resolver::resolve(Expr *expr) {
  switch (expr->kind) {
  case ExprKind::Integer:
  case ExprKind::Real:
  case ExprKind::Bool:
    return;
  case ExprKind::Name:
    return resolveName(expr);
  case ExprKind::Extent:
    if (!scope.findRank(expr->name.name))
      unknown(expr->name, /*wantRank=*/true);
    return;
  case ExprKind::Index:
    if (scope.findTensor(expr->name.name)) {
      expr->nameKind = NameKind::Tensor;
      return resolveAccess(expr);
    }
    for (Expr *arg : expr->args)
      resolve(arg);
    if (scope.findRank(expr->name.name)) {
      error(expr->name.range, Rule::Name1,
            "`" + expr->name.name + "` is a rank, not a tensor");
      return;
    }
    return unknown(expr->name, /*wantRank=*/false);
  case ExprKind::Call:
    return resolveCall(expr);
  default:
    for (Expr *arg : expr->args)
      resolve(arg);
    setFree(expr);
  }
}

/// Preconditions, defaults, fillers and extents stand outside of the equations
/// and see inputs only.
void Resolver::checkOutside(Expr *expr, Rule rule, const Twine &what) {
  reads = nullptr;
  reader = nullptr;
  each = {};
  resolve(expr);
  SmallVector<const Expr *, 16> stack{expr};
  while (!stack.empty()) {
    const Expr *e = stack.pop_back_val();
    stack.append(e->args.begin(), e->args.end());
    if (e->nameKind != NameKind::Tensor)
      continue;
    const TensorSymbol &tensor = *scope.findTensor(e->name.name);
    if (tensor.kind != TensorKind::Input && tensor.kind != TensorKind::Param)
      error(e->range, rule,
            what + " uses inputs only, `" + tensor.name + "` is none")
          .note(tensor.range, "declared here");
  }
}

//===----------------------------------------------------------------------===//
// Equations
//===----------------------------------------------------------------------===//

/// The parameters that the recurrences of a def stand on.
void Resolver::noteParams(
    const llvm::DenseMap<StringRef, llvm::SmallSetVector<StringRef, 8>>
        &mentioned) {
  for (auto &[name, tensor] : scope.tensors) {
    if (tensor.kind != TensorKind::Recurrence)
      continue;
    llvm::SmallSetVector<StringRef, 8> all;
    all.insert(name);
    for (unsigned i = 0; i < all.size(); ++i) {
      if (scope.findTensor(all[i])->kind == TensorKind::Param)
        tensor.params.push_back(all[i]);
      if (auto next = mentioned.find(all[i]); next != mentioned.end())
        all.insert(next->second.begin(), next->second.end());
    }
  }
}

/// The access to `name` in `expr` at `rank` - 1 or `rank` + 1 of one of `left`.
static const Expr *findNeighbour(const Expr *expr, StringRef name,
                                 ArrayRef<Expr *> left, unsigned &dim) {
  if (expr->kind == ExprKind::Index && expr->name.name == name)
    for (unsigned i = 0; i < expr->args.size() && i < left.size(); ++i) {
      const Expr *index = expr->args[i];
      if (left[i]->kind == ExprKind::Name && index->kind == ExprKind::Sum &&
          index->args.size() == 2 && index->args[0]->kind == ExprKind::Name &&
          index->args[0]->name.name == left[i]->name.name &&
          index->args[1]->kind == ExprKind::Integer &&
          index->args[1]->intValue == 1) {
        dim = i;
        return expr;
      }
    }
  for (const Expr *arg : expr->args)
    if (const Expr *found = findNeighbour(arg, name, left, dim))
      return found;
  return nullptr;
}

/// Rule name.4, of a tensor whose equation reads it. `H[t] = .. H[t-1] ..` is
/// how papers write a recurrence; here the equation says the next state.
void Resolver::reportSelf(const TensorSymbol &tensor) {
  auto builder = error(tensor.range, Rule::Name4,
                       "`" + tensor.name + "` depends on itself");
  for (const Equation &one : tensor.equations) {
    unsigned dim = 0;
    const Expr *read =
        findNeighbour(one.stmt->value, tensor.name, one.left, dim);
    if (!read)
      continue;
    bool isForward = read->args[dim]->ops[1] == Operator::Subtract;
    auto access = [&](const Twine &index) {
      std::string text = (tensor.name + "[").str();
      for (auto [i, left] : llvm::enumerate(one.left))
        text += (i ? "," : "") + (i == dim ? index.str()
                                  : left->kind == ExprKind::Name
                                      ? left->name.name.str()
                                      : "..");
      return "`" + text + "]`";
    };
    StringRef rank = one.left[dim]->name.name;
    builder.note(read->range, "read here");
    builder.remedy("a recurrence says the next state from this one: " +
                   access(rank + (isForward ? "+1" : "-1")) + " from " +
                   access(rank) + ", and its start " +
                   access(isForward ? Twine("0") : "|" + rank + "|-1"));
    return;
  }
  builder.remedy("a recurrence is written `H[0,..] = ...`, `H[t+1,..] = ... "
                 "H[t,..] ...`");
}

void Resolver::resolveEquations() {
  std::vector<TensorSymbol *> defined;
  llvm::DenseMap<StringRef, unsigned> number;
  for (auto &[name, tensor] : scope.tensors)
    if (!tensor.equations.empty()) {
      number[name] = defined.size();
      defined.push_back(&tensor);
    }
  llvm::DenseMap<const Stmt *, ArrayRef<Identifier>> around;
  for (const Written &item : written)
    around[item.stmt] = item.each;
  std::vector<SmallVector<unsigned, 4>> edges(defined.size());
  llvm::DenseMap<StringRef, llvm::SmallSetVector<StringRef, 8>> mentioned;
  for (auto [i, tensor] : llvm::enumerate(defined)) {
    llvm::SmallSetVector<StringRef, 8> used, all;
    reads = &used;
    mentions = &all;
    reader = tensor;
    for (Equation &equation : tensor->equations) {
      each = around[equation.stmt];
      this->equation = &equation;
      unsigned before = diagnostics.getErrorCount();
      for (Expr *index : equation.left)
        if (!isRankName(index, scope))
          resolve(index);
      resolve(equation.stmt->value);
      if (equation.stmt->condition)
        resolve(equation.stmt->condition);
      if (diagnostics.getErrorCount() == before &&
          !placeSums(equation, file, diagnostics))
        scope.valid = false;
    }
    for (StringRef name : used)
      if (auto it = number.find(name); it != number.end())
        edges[i].push_back(it->second);
    mentioned[tensor->name] = std::move(all);
  }
  noteParams(mentioned);
  reads = mentions = nullptr;
  reader = nullptr;
  equation = nullptr;
  each = {};
  // A tensor that needs itself is most often a recurrence in the making.
  bool isOrdered = true;
  for (auto [i, tensor] : llvm::enumerate(defined))
    if (llvm::is_contained(edges[i], i)) {
      reportSelf(*tensor);
      isOrdered = false;
    }
  if (!isOrdered)
    return;
  std::vector<unsigned> order, cycle;
  if (!orderByDependence(edges, order, cycle)) {
    std::string path;
    for (unsigned i : cycle)
      path += "`" + defined[i]->name.str() + "` needs ";
    path += "`" + defined[cycle.front()]->name.str() + "`";
    error(defined[cycle.front()]->range, Rule::Name4,
          "`" + defined[cycle.front()]->name + "` depends on itself: " + path)
        .remedy("a recurrence is written `H[0,..] = ...`, `H[t+1,..] = ... "
                "H[t,..] ...`");
    return;
  }
  for (unsigned i : order)
    scope.order.push_back(defined[i]);
}

bool einfall::ein::orderByDependence(ArrayRef<SmallVector<unsigned, 4>> edges,
                                     std::vector<unsigned> &order,
                                     std::vector<unsigned> &cycle) {
  enum : uint8_t { White, Grey, Black };
  std::vector<uint8_t> colour(edges.size(), White);
  std::vector<std::pair<unsigned, unsigned>> stack;
  for (unsigned root = 0; root < edges.size(); ++root) {
    if (colour[root] != White)
      continue;
    colour[root] = Grey;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[node, next] = stack.back();
      if (next == edges[node].size()) {
        colour[node] = Black;
        order.push_back(node);
        stack.pop_back();
        continue;
      }
      unsigned target = edges[node][next++];
      if (colour[target] == Grey) {
        bool inside = false;
        for (auto &[member, unusedNext] : stack) {
          inside |= member == target;
          if (inside)
            cycle.push_back(member);
        }
        return false;
      }
      if (colour[target] == White) {
        colour[target] = Grey;
        stack.push_back({target, 0});
      }
    }
  }
  return true;
}

void Resolver::run() {
  if (scope.def) {
    for (const Identifier &rank : scope.def->ranks)
      declareRank(rank, RankOrigin::Parameter, nullptr);
    declareInputs(scope.def->params, /*ofKernel=*/false);
    declareOutputs();
    flatten(scope.def->body, {});
  } else {
    declareInputs(scope.kernel->inputs, /*ofKernel=*/true);
    declareOutputs();
    flatten(scope.kernel->body, {});
  }
  declareTensors();
  checkOutputs();
  resolveEquations();
  for (auto &[name, rank] : scope.ranks)
    if (const RankBinding *binding = rank.binding) {
      if (binding->value)
        checkOutside(binding->value, Rule::Rank2, "an extent");
      if (binding->low) {
        if (!scope.findRank(binding->parent.name))
          unknown(binding->parent, /*wantRank=*/true);
        checkOutside(binding->low, Rule::Rank3, "a bound of a ragged rank");
        checkOutside(binding->high, Rule::Rank3, "a bound of a ragged rank");
      }
    }
  // A precondition may name a whole tensor: no indices means every element.
  for (Expr *condition : scope.preconditions) {
    auto whole = [&](Expr *expr) {
      TensorSymbol *tensor = expr->kind == ExprKind::Name
                                 ? scope.findTensor(expr->name.name)
                                 : nullptr;
      if (!tensor || tensor->kind != TensorKind::Input)
        return;
      SmallVector<Expr *, 4> args;
      for (const DimSymbol &dim : tensor->dims) {
        if (dim.rank.empty()) {
          args.push_back(file.makeExpr(ExprKind::Integer, expr->range));
          continue;
        }
        args.push_back(rankName(dim.rank, expr->range));
      }
      expr->args = file.copy<Expr *>(args);
    };
    std::optional<Property> property = condition->kind == ExprKind::Call
                                           ? findProperty(condition->name.name)
                                           : std::nullopt;
    if (property) {
      TensorSymbol *tensor =
          condition->args.size() == 1 &&
                  condition->args[0]->kind == ExprKind::Name
              ? scope.findTensor(condition->args[0]->name.name)
              : nullptr;
      bool isInput = tensor && tensor->kind == TensorKind::Input;
      if (property == Property::Monotone &&
          (!isInput || tensor->dims.size() != 1))
        error(condition->range, Rule::Req1,
              "`monotone` takes the name of an input with one rank");
      if (property == Property::Permutation &&
          (!isInput || tensor->dims.empty() ||
           tensor->dims.back().rank.empty() || tensor->dims.back().offset != 0))
        error(condition->range, Rule::Req1,
              "`permutation` takes the name of an input whose last dimension "
              "is a rank");
      continue;
    }
    for (Expr *arg : condition->args)
      whole(arg);
    checkOutside(condition, Rule::Req1, "a precondition");
  }
  for (const Param &input :
       scope.kernel ? scope.kernel->inputs : scope.def->params)
    if (input.value)
      checkOutside(input.value, Rule::Type5, "a default");
  if (scope.kernel)
    for (const Param &output : scope.kernel->outputs)
      if (output.filler)
        checkOutside(output.filler, Rule::Abs4, "a filler");
  // Rule rank.1.
  for (auto &[name, rank] : scope.ranks) {
    if (rank.origin != RankOrigin::Unbound || defines.count(name))
      continue;
    SmallVector<StringRef, 16> bound;
    for (auto &[other, symbol] : scope.ranks)
      if (symbol.origin != RankOrigin::Unbound)
        bound.push_back(other);
    auto builder = error(rank.range, Rule::Rank1,
                         "nothing binds the extent of rank `" + name + "`");
    StringRef near = nearest(name, bound);
    if (!near.empty())
      builder.didYouMean(rank.range, near, scope.findRank(near)->range);
    if (scope.def)
      builder.remedy("make it a rank parameter: `def " + scope.def->name.name +
                     "[" + name + "](...)`, or declare `rank " + name +
                     " = ...`");
    else
      builder.remedy("declare `rank " + name +
                     " = ...`, give an input this "
                     "rank, or pass `-D " +
                     name + "=...`");
  }
}

void einfall::ein::resolve(Scope &scope, File &file, const DefTable &defs,
                           const llvm::StringMap<int64_t> &defines,
                           DiagnosticEngine &diagnostics) {
  Resolver(scope, file, defs, defines, diagnostics).run();
}
