//===- Declare.cpp - What a scope declares and defines --------------------===//

#include "frontend/sema/Resolver.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Reports a name that already means something else here.
bool Resolver::checkFresh(Identifier name) {
  SourceRange other;
  if (const RankSymbol *rank = scope.findRank(name.name))
    other = rank->range;
  else if (TensorSymbol *tensor = scope.findTensor(name.name))
    other = tensor->range;
  else
    return true;
  error(name.range, Rule::Name2, "`" + name.name + "` is declared twice")
      .note(other, "declared here before");
  return false;
}

void Resolver::declareRank(Identifier name, RankOrigin origin,
                           const RankBinding *binding) {
  if (scope.findTensor(name.name)) {
    checkFresh(name);
    return;
  }
  auto [it, isNew] = scope.ranks.try_emplace(name.name);
  RankSymbol &symbol = it->second;
  if (!isNew && symbol.origin != RankOrigin::Shape &&
      symbol.origin != RankOrigin::Unbound) {
    error(name.range, Rule::Name2,
          "the extent of rank `" + name.name + "` is declared twice")
        .note(symbol.range, "declared here before");
    return;
  }
  symbol.name = name.name;
  symbol.range = name.range;
  symbol.origin = origin;
  symbol.binding = binding;
}

/// A rank that is used before anything binds it; a later declaration may.
void Resolver::noteRank(Identifier name) {
  auto [it, isNew] = scope.ranks.try_emplace(name.name);
  if (!isNew)
    return;
  it->second.name = name.name;
  it->second.range = name.range;
}

/// The dimensions of a declared tensor: `m`, `s + 1` (extent |s| + 1) or `4`.
void Resolver::declareDims(TensorSymbol &tensor, const Param &param,
                           bool isInput) {
  for (auto [i, dim] : llvm::enumerate(param.dims)) {
    Identifier name;
    int64_t offset = 0;
    if (dim->kind == ExprKind::Name) {
      name = dim->name;
    } else if (isInput && dim->kind == ExprKind::Integer) {
      tensor.dims.push_back({StringRef(), dim->intValue});
      continue;
    } else if (isInput && dim->kind == ExprKind::Sum && dim->args.size() == 2 &&
               dim->args[0]->kind == ExprKind::Name &&
               dim->args[1]->kind == ExprKind::Integer &&
               dim->ops[0] == Operator::Add) {
      name = dim->args[0]->name;
      offset = dim->args[1]->intValue;
      if (dim->ops[1] == Operator::Subtract)
        offset = -offset;
    } else {
      error(dim->range, Rule::Tensor3,
            "a dimension of `" + param.name.name + "` is declared as a rank" +
                (isInput ? ", a rank plus a number, or a number" : ""));
      continue;
    }
    if (scope.findTensor(name.name)) {
      checkFresh(name);
      continue;
    }
    for (const DimSymbol &other : tensor.dims)
      if (!isInput && other.rank == name.name)
        error(dim->range, Rule::Tensor3,
              "rank `" + name.name + "` stands twice in `" + param.name.name +
                  "`");
    tensor.dims.push_back({name.name, offset});
    if (scope.def) {
      if (!scope.findRank(name.name))
        error(name.range, Rule::Def2,
              "rank `" + name.name + "` of `" + param.name.name +
                  "` is no rank parameter of `" + scope.def->name.name + "`")
            .remedy("write `def " + scope.def->name.name + "[" + name.name +
                    "](...)`");
      continue;
    }
    noteRank(name);
    RankSymbol &rank = scope.ranks[name.name];
    if (isInput && rank.origin == RankOrigin::Unbound) {
      rank.origin = RankOrigin::Shape;
      rank.input = tensor.index;
      rank.dim = i;
      rank.offset = offset;
    } else if (isInput && rank.origin == RankOrigin::Shape &&
               rank.offset != 0 && offset == 0) {
      // A plain dimension binds more simply than `s + 1`.
      rank.input = tensor.index;
      rank.dim = i;
      rank.offset = 0;
    }
  }
}

void Resolver::declareInputs(ArrayRef<Param> params, bool ofKernel) {
  // Names first, so that a dimension may not take the name of a later scalar.
  for (auto [i, param] : llvm::enumerate(params)) {
    if (!checkFresh(param.name))
      continue;
    TensorSymbol &tensor = scope.tensors[param.name.name];
    tensor.name = param.name.name;
    tensor.range = param.name.range;
    tensor.kind = ofKernel ? TensorKind::Input : TensorKind::Param;
    tensor.index = i;
    tensor.declaration = &param;
  }
  for (const Param &param : params)
    if (TensorSymbol *tensor = scope.findTensor(param.name.name))
      if (tensor->declaration == &param)
        declareDims(*tensor, param, /*isInput=*/ofKernel);
}

void Resolver::declareOutputs() {
  auto declare = [&](const Param &param, unsigned index) {
    if (!checkFresh(param.name))
      return;
    TensorSymbol &tensor = scope.tensors[param.name.name];
    tensor.name = param.name.name;
    tensor.range = param.name.range;
    tensor.index = index;
    tensor.declaration = &param;
    tensor.isOutput = true;
    declareDims(tensor, param, /*isInput=*/false);
  };
  if (scope.def)
    declare(scope.def->result, 0);
  else
    for (auto [i, param] : llvm::enumerate(scope.kernel->outputs))
      declare(param, i);
}

/// Collects declarations and equations; blocks are at most maxNesting deep.
void Resolver::flatten(ArrayRef<Stmt *> body, ArrayRef<Identifier> each) {
  for (Stmt *stmt : body) {
    switch (stmt->kind) {
    case StmtKind::Equation:
      written.push_back({stmt, each});
      break;
    case StmtKind::Rank:
      for (const RankBinding &binding : stmt->bindings)
        declareRank(binding.rank,
                    binding.value ? RankOrigin::Declared : RankOrigin::Ragged,
                    &binding);
      break;
    case StmtKind::Default:
      if (scope.def)
        error(stmt->range, Rule::Rank4, "a def has no `default`");
      for (const RankBinding &binding : stmt->bindings)
        scope.defaults.push_back(&binding);
      break;
    case StmtKind::Require:
      if (scope.def)
        error(stmt->range, Rule::Req1, "a def has no `require`");
      scope.preconditions.insert(scope.preconditions.end(),
                                 stmt->conditions.begin(),
                                 stmt->conditions.end());
      break;
    case StmtKind::Each: {
      SmallVector<Identifier, 4> inner(each);
      for (const Identifier &rank : stmt->ranks) {
        if (llvm::any_of(inner, [&](const Identifier &other) {
              return other.name == rank.name;
            }))
          error(rank.range, Rule::Rank5,
                "rank `" + rank.name + "` is in an enclosing `each` already");
        else
          inner.push_back(rank);
      }
      flatten(stmt->body, file.copy<Identifier>(inner));
      break;
    }
    }
  }
}

Expr *Resolver::rankName(StringRef rank, SourceRange range) {
  Expr *expr = file.makeExpr(ExprKind::Name, range);
  expr->name = {rank, range};
  return expr;
}

/// Rule rank.5 on the left: the block's ranks come first, in their order, for a
/// tensor that is defined there; a declared output keeps its own order.
void Resolver::expandLeft(Equation &equation, TensorSymbol &tensor,
                          ArrayRef<Identifier> each) {
  equation.left.assign(equation.stmt->left.begin(), equation.stmt->left.end());
  SmallVector<StringRef, 4> missing;
  for (const Identifier &rank : each)
    if (llvm::none_of(equation.left, [&](const Expr *expr) {
          return expr->kind == ExprKind::Name && expr->name.name == rank.name;
        }))
      missing.push_back(rank.name);
  if (missing.empty())
    return;
  SourceRange range = equation.stmt->name.range;
  if (!tensor.isOutput) {
    SmallVector<Expr *, 4> left;
    for (StringRef rank : missing)
      left.push_back(rankName(rank, range));
    left.append(equation.left);
    equation.left = std::move(left);
    return;
  }
  SmallVector<Expr *, 4> left;
  unsigned next = 0;
  for (const DimSymbol &dim : tensor.dims) {
    if (llvm::is_contained(missing, dim.rank))
      left.push_back(rankName(dim.rank, range));
    else if (next < equation.left.size())
      left.push_back(equation.left[next++]);
  }
  while (next < equation.left.size())
    left.push_back(equation.left[next++]);
  equation.left = std::move(left);
}

void Resolver::declareTensors() {
  // The names of all defined tensors, so that order does not matter.
  for (const Written &equation : written) {
    Identifier name = equation.stmt->name;
    if (scope.findRank(name.name)) {
      checkFresh(name);
      continue;
    }
    TensorSymbol *tensor = scope.findTensor(name.name);
    if (!tensor) {
      tensor = &scope.tensors[name.name];
      tensor->name = name.name;
      tensor->range = name.range;
      tensor->index = scope.tensors.size();
    }
    if (tensor->kind == TensorKind::Input || tensor->kind == TensorKind::Param)
      error(name.range, Rule::Tensor4,
            "`" + name.name + "` is an input and cannot be defined")
          .note(tensor->range, "declared here");
  }
  for (const Written &item : written) {
    TensorSymbol *tensor = scope.findTensor(item.stmt->name.name);
    if (!tensor || tensor->kind == TensorKind::Input ||
        tensor->kind == TensorKind::Param)
      continue;
    Equation &equation = tensor->equations.emplace_back();
    equation.stmt = item.stmt;
    for (const Identifier &rank : item.each)
      noteRank(rank);
    expandLeft(equation, *tensor, item.each);
    // Every rank on the left is one of this scope.
    for (Expr *expr : equation.left)
      if (isRankName(expr, scope))
        noteRank(expr->name);
  }
  // topk and select bind the extent of the rank that they add.
  for (auto &[name, tensor] : scope.tensors) {
    for (Equation &equation : tensor.equations) {
      Expr *value = equation.stmt->value;
      // With or without its brackets, the want of which is reported.
      if (value->kind != ExprKind::Call ||
          (value->name.name != "topk" && value->name.name != "select"))
        continue;
      for (Expr *expr : equation.left) {
        if (!isRankName(expr, scope))
          continue;
        RankSymbol &rank = scope.ranks[expr->name.name];
        if (rank.origin == RankOrigin::Unbound && !defines.count(rank.name)) {
          rank.origin = RankOrigin::Selection;
          rank.selection = equation.stmt;
          break;
        }
      }
    }
  }
  for (auto &[name, tensor] : scope.tensors)
    if (!tensor.equations.empty())
      classify(tensor);
}

/// H[t+1, ..] with H[0, ..], or H[t-1, ..] with H[|t|-1, ..] (rule rec.1).
bool Resolver::classifyRecurrence(TensorSymbol &tensor, unsigned dim) {
  auto report = [&](SourceRange range, const Twine &message) {
    error(range, Rule::Rec1, message);
    return true;
  };
  int step = -1;
  for (auto [i, equation] : llvm::enumerate(tensor.equations)) {
    if (dim >= equation.left.size())
      return false;
    Expr *index = equation.left[dim];
    if (index->kind == ExprKind::Sum && index->args.size() == 2 &&
        index->ops[0] == Operator::Add && isRankName(index->args[0], scope) &&
        index->args[1]->kind == ExprKind::Integer &&
        index->args[1]->intValue == 1) {
      if (step >= 0)
        return report(index->range,
                      "`" + tensor.name + "` has two equations for its step");
      step = i;
    }
  }
  if (step < 0)
    return false;
  Expr *index = tensor.equations[step].left[dim];
  tensor.kind = TensorKind::Recurrence;
  tensor.iterDim = dim;
  tensor.iterRank = index->args[0]->name.name;
  tensor.backward = index->ops[1] == Operator::Subtract;
  noteRank(index->args[0]->name);
  if (tensor.isOutput)
    return report(index->range, "the output `" + tensor.name +
                                    "` cannot be a recurrence itself; define "
                                    "it from one");
  if (tensor.equations.size() != 2)
    return report(tensor.range,
                  "the recurrence `" + tensor.name +
                      "` needs one equation for its start and one for its "
                      "step, it has " +
                      Twine(tensor.equations.size()));
  if (step == 0)
    std::swap(tensor.equations[0], tensor.equations[1]);
  Expr *start = tensor.equations[0].left.size() > dim
                    ? tensor.equations[0].left[dim]
                    : nullptr;
  bool forwardStart =
      start && start->kind == ExprKind::Integer && start->intValue == 0;
  bool backwardStart = start && start->kind == ExprKind::Sum &&
                       start->args.size() == 2 &&
                       start->args[0]->kind == ExprKind::Extent &&
                       start->args[0]->name.name == tensor.iterRank &&
                       start->ops[1] == Operator::Subtract &&
                       start->args[1]->kind == ExprKind::Integer &&
                       start->args[1]->intValue == 1;
  if (tensor.backward ? !backwardStart : !forwardStart)
    return report(start ? start->range : tensor.equations[0].stmt->range,
                  "the recurrence `" + tensor.name + "` starts at " +
                      (tensor.backward ? "|" + tensor.iterRank.str() + "|-1"
                                       : std::string("0")));
  return true;
}

/// Fixes kind and dimensions of a defined tensor from its equations.
void Resolver::classify(TensorSymbol &tensor) {
  Equation &first = tensor.equations.front();
  bool isRecurrence = false;
  for (unsigned dim = 0; dim < first.left.size() && !isRecurrence; ++dim)
    isRecurrence = classifyRecurrence(tensor, dim);
  if (isRecurrence && !scope.valid && tensor.equations.size() != 2)
    return;
  SmallVector<StringRef, 4> names;
  for (auto [e, equation] : llvm::enumerate(tensor.equations)) {
    SmallVector<StringRef, 4> here;
    for (auto [i, index] : llvm::enumerate(equation.left)) {
      if (isRecurrence && i == tensor.iterDim) {
        here.push_back(tensor.iterRank);
        // The start has no iterative rank.
        if (e == 1)
          equation.leftRanks.push_back(tensor.iterRank);
        continue;
      }
      if (isRankName(index, scope)) {
        if (llvm::is_contained(here, index->name.name))
          error(index->range, Rule::Tensor3,
                "rank `" + index->name.name + "` stands twice on the left");
        here.push_back(index->name.name);
        equation.leftRanks.push_back(index->name.name);
        continue;
      }
      here.push_back(StringRef());
      tensor.kind = TensorKind::Scatter;
      if (!tensor.isOutput || scope.def)
        error(index->range, Rule::Tensor3,
              "an index expression on the left defines an output only")
            .remedy("declare `" + tensor.name +
                    "` as an output, or give it "
                    "plain ranks");
      if (tensor.equations.size() > 1)
        error(index->range, Rule::Tensor5,
              "a tensor with an index expression on the left has one equation");
      resolve(index);
      for (StringRef rank : index->freeRanks)
        if (!llvm::is_contained(equation.leftRanks, rank))
          equation.leftRanks.push_back(rank);
    }
    if (e == 0)
      names = here;
    else if (here != names)
      error(equation.stmt->name.range, Rule::Tensor5,
            "the equations of `" + tensor.name +
                "` have different ranks on the left")
          .note(tensor.equations[0].stmt->range, "the first equation");
  }
  if (tensor.isOutput) {
    bool same = names.size() == tensor.dims.size();
    for (unsigned i = 0; same && i < names.size(); ++i)
      same = names[i].empty() || names[i] == tensor.dims[i].rank;
    if (!same) {
      auto list = [](auto range) {
        std::string text = "[";
        for (StringRef name : range)
          text += (text.size() > 1 ? ", " : "") +
                  (name.empty() ? "..." : name.str());
        return text + "]";
      };
      SmallVector<StringRef, 4> declared;
      for (const DimSymbol &dim : tensor.dims)
        declared.push_back(dim.rank);
      error(first.stmt->name.range, Rule::Tensor4,
            (scope.def ? "the result `" : "the output `") + tensor.name +
                "` has the ranks " + list(declared) + " but is defined with " +
                list(names))
          .note(tensor.range, "declared here");
    }
    return;
  }
  for (StringRef name : names)
    tensor.dims.push_back({name, 0});
}

void Resolver::checkOutputs() {
  for (auto &[name, tensor] : scope.tensors)
    if (tensor.isOutput && tensor.equations.empty())
      error(tensor.range, Rule::Tensor4,
            (scope.def ? "the result `" : "the output `") + name +
                "` is never defined");
}
