//===- Resolve.cpp - What every name means --------------------------------===//

#include "frontend/sema/Builtins.h"
#include "frontend/sema/Scope.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// An equation as written, with the `each` ranks around it.
struct Written {
  Stmt *stmt;
  ArrayRef<Identifier> each;
};

class Resolver {
public:
  Resolver(Scope &scope, File &file, const DefTable &defs,
           const llvm::StringMap<int64_t> &defines,
           DiagnosticEngine &diagnostics)
      : scope(scope), file(file), defs(defs), defines(defines),
        diagnostics(diagnostics) {}

  void run();

private:
  DiagnosticEngine::Builder error(SourceRange range, Rule rule,
                                  const Twine &message) {
    scope.valid = false;
    return diagnostics.error(range, rule, message);
  }

  void declareInputs(ArrayRef<Param> params, bool ofKernel);
  void declareOutputs();
  void declareDims(TensorSymbol &tensor, const Param &param, bool isInput);
  void flatten(ArrayRef<Stmt *> body, ArrayRef<Identifier> each);
  void declareRank(Identifier name, RankOrigin origin,
                   const RankBinding *binding);
  void noteRank(Identifier name);
  bool checkFresh(Identifier name);
  void declareTensors();
  void classify(TensorSymbol &tensor);
  bool classifyRecurrence(TensorSymbol &tensor, unsigned dim);
  void checkOutputs();
  void expandLeft(Equation &equation, TensorSymbol &tensor,
                  ArrayRef<Identifier> each);

  void resolveEquations();
  void resolve(Expr *expr);
  void resolveName(Expr *expr);
  void resolveAccess(Expr *expr);
  void resolveCall(Expr *expr);
  void setFree(Expr *expr, ArrayRef<StringRef> without = {},
               ArrayRef<StringRef> with = {});
  void expandEach(Expr *expr, const TensorSymbol &tensor);
  Expr *rankName(StringRef rank, SourceRange range);
  void unknown(Identifier name, bool wantRank);
  void checkOutside(Expr *expr, Rule rule, const Twine &what);

  Scope &scope;
  File &file;
  const DefTable &defs;
  const llvm::StringMap<int64_t> &defines;
  DiagnosticEngine &diagnostics;
  std::vector<Written> written;
  ArrayRef<Identifier> each;                  // around the current equation
  llvm::SmallSetVector<StringRef, 8> *reads = nullptr; // of the current equation
  const TensorSymbol *reader = nullptr;       // the tensor it defines
};
} // namespace

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

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
    } else if (isInput && rank.origin == RankOrigin::Shape && rank.offset != 0 &&
               offset == 0) {
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
    case StmtKind::Equation: written.push_back({stmt, each}); break;
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

/// `name` alone on the left that is a rank (a scalar there is an expression).
static bool isRankName(const Expr *expr, Scope &scope) {
  return expr->kind == ExprKind::Name && !scope.findTensor(expr->name.name);
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
      if (value->kind != ExprKind::Call || value->ranks.empty() ||
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
        return report(index->range, "`" + tensor.name +
                                        "` has two equations for its step");
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
  bool backwardStart =
      start && start->kind == ExprKind::Sum && start->args.size() == 2 &&
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
            .remedy("declare `" + tensor.name + "` as an output, or give it "
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
  builder.note(declared, "did you mean `" + near + "`?");
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
  bool previous =
      reader && tensor.kind == TensorKind::Recurrence &&
      expr->args.size() > tensor.iterDim &&
      expr->args[tensor.iterDim]->kind == ExprKind::Name &&
      expr->args[tensor.iterDim]->name.name == tensor.iterRank;
  if (reads && !previous)
    reads->insert(tensor.name);
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
    error(expr->range, Rule::Def1,
          "`" + name + "` takes " + Twine(least) +
              (most > least ? " or more" : "") +
              (least == 1 && most == 1 ? " argument" : " arguments") +
              ", it is given " + Twine(given));
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
    error(expr->name.range, Rule::Sum4,
          bracketed ? "`" + name + "` takes no ranks in brackets"
                    : "`" + name + "` needs the ranks it ranges over")
        .remedy(bracketed ? "write `" + name + "(...)`"
                          : "write `" + name + "[m](...)`");
    return;
  }
  auto it = defs.find(name);
  if (it == defs.end()) {
    if (TensorSymbol *tensor = scope.findTensor(name)) {
      error(expr->name.range, Rule::Name1, "`" + name + "` is a tensor, not a "
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
    error(expr->name.range, Rule::Def2,
          "`" + name + "` has " + Twine(def.ranks.size()) +
              (def.ranks.size() == 1 ? " rank parameter" : " rank parameters") +
              ", the call binds " + Twine(expr->ranks.size()))
        .note(def.name.range, "declared here");
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
  case ExprKind::Bool: return;
  case ExprKind::Name: return resolveName(expr);
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
  case ExprKind::Call: return resolveCall(expr);
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
  for (auto [i, tensor] : llvm::enumerate(defined)) {
    llvm::SmallSetVector<StringRef, 8> used;
    reads = &used;
    reader = tensor;
    for (Equation &equation : tensor->equations) {
      each = around[equation.stmt];
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
  }
  reads = nullptr;
  reader = nullptr;
  each = {};
  std::vector<unsigned> order, cycle;
  if (!orderByDependence(edges, order, cycle)) {
    std::string path;
    for (unsigned i : cycle)
      path += "`" + defined[i]->name.str() + "` needs ";
    path += "`" + defined[cycle.front()]->name.str() + "`";
    error(defined[cycle.front()]->range, Rule::Name4,
          "`" + defined[cycle.front()]->name +
              "` depends on itself: " + path)
        .remedy("a recurrence is written `H[0,..] = ...`, `H[t+1,..] = ... "
                "H[t,..] ...`");
    return;
  }
  for (unsigned i : order)
    scope.order.push_back(defined[i]);
}

bool einfall::ein::orderByDependence(
    ArrayRef<SmallVector<unsigned, 4>> edges, std::vector<unsigned> &order,
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
    if (condition->kind == ExprKind::Call && condition->name.name == "monotone") {
      TensorSymbol *tensor =
          condition->args.size() == 1 &&
                  condition->args[0]->kind == ExprKind::Name
              ? scope.findTensor(condition->args[0]->name.name)
              : nullptr;
      if (!tensor || tensor->kind != TensorKind::Input ||
          tensor->dims.size() != 1)
        error(condition->range, Rule::Req1,
              "`monotone` takes the name of an input with one rank");
      continue;
    }
    for (Expr *arg : condition->args)
      whole(arg);
    checkOutside(condition, Rule::Req1, "a precondition");
  }
  for (const Param &input : scope.kernel ? scope.kernel->inputs
                                         : scope.def->params)
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
    auto builder =
        error(rank.range, Rule::Rank1,
              "nothing binds the extent of rank `" + name + "`");
    StringRef near = nearest(name, bound);
    if (!near.empty())
      builder.note(scope.findRank(near)->range, "did you mean `" + near + "`?");
    if (scope.def)
      builder.remedy("make it a rank parameter: `def " + scope.def->name.name +
                     "[" + name + "](...)`, or declare `rank " + name +
                     " = ...`");
    else
      builder.remedy("declare `rank " + name + " = ...`, give an input this "
                     "rank, or pass `-D " + name + "=...`");
  }
}

void einfall::ein::resolve(Scope &scope, File &file, const DefTable &defs,
                           const llvm::StringMap<int64_t> &defines,
                           DiagnosticEngine &diagnostics) {
  Resolver(scope, file, defs, defines, diagnostics).run();
}
