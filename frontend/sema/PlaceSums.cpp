//===- PlaceSums.cpp - Where the sums of free ranks stand -----------------===//
//
// Rules sum.1 to sum.3. A free rank of an equation is summed in each additive
// term that holds it, at the smallest subexpression with all its occurrences in
// that term. The walk goes from the term downwards as long as one operand holds
// every occurrence; where it stops there must be a product with two factors
// that hold the rank, or the whole term. In a product the sum covers exactly
// the factors that hold the rank; sums that would cross are joined, sums that
// nest are nested.
//
//===----------------------------------------------------------------------===//

#include "frontend/sema/Scope.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

namespace {
using Ranks = SmallVector<StringRef, 4>;

struct Site {
  Expr *at;
  Ranks ranks;
  SmallVector<unsigned, 4> factors;
  int parent;
  SmallVector<Expr *, 2> conjuncts;
};

bool holds(const Expr *expr, StringRef rank) {
  return std::binary_search(expr->freeRanks.begin(), expr->freeRanks.end(),
                            rank);
}

Ranks intersect(ArrayRef<StringRef> ranks, const Expr *expr) {
  Ranks result;
  for (StringRef rank : ranks)
    if (holds(expr, rank))
      result.push_back(rank);
  return result;
}

class Placer {
public:
  Placer(Equation &equation, File &file, DiagnosticEngine &diagnostics)
      : equation(equation), file(file), diagnostics(diagnostics) {}

  bool run();

private:
  void place(Expr *expr, ArrayRef<StringRef> ranks, const Expr *term,
             int parent);
  void placeInProduct(Expr *product, ArrayRef<StringRef> ranks,
                      const Expr *term, int parent);
  void placeHere(Expr *expr, ArrayRef<StringRef> ranks, const Expr *term,
                 int &parent);
  void attach(Expr *conjunct);
  void record();

  Equation &equation;
  File &file;
  DiagnosticEngine &diagnostics;
  std::vector<Site> sites;
  bool ok = true;
};
} // namespace

/// The product in `expr` of which `factor` is one.
static const Expr *productAround(const Expr *expr, const Expr *factor) {
  if (expr->kind == ExprKind::Product && llvm::is_contained(expr->args, factor))
    return expr;
  for (const Expr *arg : expr->args)
    if (const Expr *found = productAround(arg, factor))
      return found;
  return nullptr;
}

/// A sum over the whole of `expr`, which must be a term of the equation.
void Placer::placeHere(Expr *expr, ArrayRef<StringRef> ranks, const Expr *term,
                       int &parent) {
  if (ranks.empty())
    return;
  if (expr == term) {
    sites.push_back({expr, {ranks.begin(), ranks.end()}, {}, parent, {}});
    parent = sites.size() - 1;
    return;
  }
  ok = false;
  for (StringRef rank : ranks) {
    auto builder = diagnostics.error(
        expr->range, Rule::Sum2,
        "rank `" + rank +
            "` is free, but what holds it is neither a product with two "
            "factors containing it nor the whole term");
    builder
        .note(equation.stmt->name.range,
              "`" + rank + "` is not on the left of this equation")
        .remedy("write `sum[" + rank + "](...)`, or put `" + rank +
                "` on the left")
        .wrap("write `sum[" + rank + "](...)`", expr->range,
              "sum[" + rank + "](", ")");
    // Beside a factor of another rank an index that depends on that is likely.
    const Expr *product = expr->kind == ExprKind::Index
                              ? productAround(equation.stmt->value, expr)
                              : nullptr;
    if (!product)
      continue;
    for (StringRef other : equation.leftRanks)
      if (!llvm::is_contained(expr->freeRanks, other) &&
          llvm::count_if(product->args, [&](const Expr *factor) {
            return llvm::is_contained(factor->freeRanks, other);
          }) == 1) {
        builder.remedy("or index by what is meant in the place of `" + rank +
                       "`, as `" + other + "*|" + rank + "|/|" + other +
                       "|` where several `" + other + "` share one `" + rank +
                       "`");
        break;
      }
  }
}

void Placer::place(Expr *expr, ArrayRef<StringRef> ranks, const Expr *term,
                   int parent) {
  if (ranks.empty())
    return;
  bool isTerm = expr == term;
  switch (expr->kind) {
  case ExprKind::Sum:
    // Each additive term on its own. A nested sum of terms has no whole terms.
    for (Expr *arg : expr->args)
      place(arg, intersect(ranks, arg), isTerm ? arg : nullptr, parent);
    return;
  case ExprKind::Negate:
    place(expr->args[0], ranks, isTerm ? expr->args[0] : nullptr, parent);
    return;
  case ExprKind::Product:
    placeInProduct(expr, ranks, term, parent);
    return;
  default:
    break;
  }
  // Access, call, comparison, ...: go down where one operand holds the rank.
  // An access is atomic: its indices are no values of their own.
  Ranks here;
  SmallVector<Ranks, 4> below(expr->args.size());
  for (StringRef rank : ranks) {
    int only = -1;
    unsigned count = 0;
    if (expr->kind != ExprKind::Index)
      for (auto [i, arg] : llvm::enumerate(expr->args))
        if (holds(arg, rank))
          only = i, ++count;
    // The result of a call may itself vary along the rank.
    if (expr->kind == ExprKind::Call)
      for (const RankGroup &group : expr->ranks)
        for (const Identifier &bound : group.ranks)
          if (bound.name == rank)
            count = 2;
    if (count == 1)
      below[only].push_back(rank);
    else
      here.push_back(rank);
  }
  placeHere(expr, here, term, parent);
  bool through = isTerm && expr->kind == ExprKind::Where;
  for (auto [i, arg] : llvm::enumerate(expr->args))
    place(arg, below[i], through && i == 0 ? arg : nullptr, parent);
}

void Placer::placeInProduct(Expr *product, ArrayRef<StringRef> ranks,
                            const Expr *term, int parent) {
  struct Group {
    Ranks ranks;
    SmallVector<unsigned, 4> factors; // sorted
  };
  SmallVector<Group, 2> groups;
  Ranks below;
  for (StringRef rank : ranks) {
    Group group{{rank}, {}};
    for (auto [i, arg] : llvm::enumerate(product->args))
      if (holds(arg, rank))
        group.factors.push_back(i);
    if (group.factors.size() < 2) {
      below.push_back(rank);
      continue;
    }
    // Join with what is equal or crosses, until the family is laminar.
    for (unsigned i = 0; i < groups.size();) {
      SmallVector<unsigned, 4> common, all;
      std::set_intersection(groups[i].factors.begin(), groups[i].factors.end(),
                            group.factors.begin(), group.factors.end(),
                            std::back_inserter(common));
      bool nested = common.size() == groups[i].factors.size() ||
                    common.size() == group.factors.size();
      bool equal = nested && groups[i].factors.size() == group.factors.size();
      if (common.empty() || (nested && !equal)) {
        ++i;
        continue;
      }
      std::set_union(groups[i].factors.begin(), groups[i].factors.end(),
                     group.factors.begin(), group.factors.end(),
                     std::back_inserter(all));
      group.factors = all;
      group.ranks.append(groups[i].ranks);
      groups.erase(groups.begin() + i);
      i = 0;
    }
    groups.push_back(std::move(group));
  }
  llvm::stable_sort(groups, [](const Group &a, const Group &b) {
    return a.factors.size() < b.factors.size();
  });
  // From the outermost inwards, so that parents exist before their children.
  SmallVector<int, 2> siteOf(groups.size());
  SmallVector<int, 8> inner(product->args.size(), parent);
  for (unsigned g = groups.size(); g-- > 0;) {
    llvm::sort(groups[g].ranks);
    int outer = inner[groups[g].factors.front()];
    sites.push_back({product, groups[g].ranks, groups[g].factors, outer, {}});
    siteOf[g] = sites.size() - 1;
    for (unsigned factor : groups[g].factors)
      inner[factor] = siteOf[g];
  }
  for (auto [i, arg] : llvm::enumerate(product->args))
    place(arg, intersect(below, arg), nullptr, inner[i]);
}

/// Rule sum.3: the innermost sum under which every free rank of the conjunct is
/// known, in every term that knows any of them.
void Placer::attach(Expr *conjunct) {
  Ranks free;
  for (StringRef rank : conjunct->freeRanks)
    if (!llvm::is_contained(equation.leftRanks, rank))
      free.push_back(rank);
  if (free.empty()) {
    equation.leftConjuncts.push_back(conjunct);
    return;
  }
  // Per site: the conjunct's ranks that it or an outer sum binds.
  std::vector<unsigned> known(sites.size(), 0);
  std::vector<bool> served(sites.size(), false), binds(sites.size(), false);
  bool attached = false;
  for (unsigned i = 0; i < sites.size(); ++i) {
    int parent = sites[i].parent;
    unsigned before = parent >= 0 ? known[parent] : 0;
    unsigned own = llvm::count_if(free, [&](StringRef r) {
      return llvm::is_contained(sites[i].ranks, r);
    });
    known[i] = before + own;
    binds[i] = own != 0;
    if (own == 0 || known[i] != free.size())
      continue;
    sites[i].conjuncts.push_back(conjunct);
    attached = true;
    for (int at = i; at >= 0; at = sites[at].parent)
      served[at] = true;
  }
  for (unsigned i = 0; i < sites.size() && attached; ++i) {
    if (!binds[i] || served[i])
      continue;
    ok = false;
    diagnostics
        .error(
            conjunct->range, Rule::Sum3,
            "this condition names free ranks that one of the terms sums only "
            "in part")
        .note(sites[i].at->range, "in this term")
        .remedy("put the condition into the sums it is meant for: "
                "`sum[m](x[m] where ...)`");
    return;
  }
  if (attached)
    return;
  ok = false;
  std::string list;
  for (StringRef rank : free)
    list += (list.empty() ? "`" : ", `") + rank.str() + "`";
  diagnostics
      .error(conjunct->range, Rule::Sum3,
             "no sum of this equation holds the free rank" +
                 llvm::Twine(free.size() > 1 ? "s " : " ") + list +
                 " of its condition")
      .remedy("bind the rank: `any[" + free[0] +
              "](...)`, or put it on the "
              "left");
}

void Placer::record() {
  llvm::SmallSetVector<Expr *, 4> exprs;
  for (Site &site : sites)
    exprs.insert(site.at);
  for (Expr *expr : exprs) {
    SmallVector<ImpliedSum, 2> sums;
    for (unsigned i = sites.size(); i-- > 0;)
      if (sites[i].at == expr)
        sums.push_back({file.copy<StringRef>(sites[i].ranks),
                        file.copy<unsigned>(sites[i].factors),
                        file.copy<Expr *>(sites[i].conjuncts)});
    llvm::stable_sort(sums, [](const ImpliedSum &a, const ImpliedSum &b) {
      return a.factors.size() < b.factors.size();
    });
    expr->sums = file.copy<ImpliedSum>(sums);
  }
}

bool Placer::run() {
  Expr *value = equation.stmt->value;
  Ranks free;
  for (StringRef rank : value->freeRanks)
    if (!llvm::is_contained(equation.leftRanks, rank))
      free.push_back(rank);
  place(value, free, value, -1);
  if (Expr *condition = equation.stmt->condition) {
    if (condition->kind == ExprKind::And && !condition->parenthesised)
      for (Expr *conjunct : condition->args)
        attach(conjunct);
    else
      attach(condition);
  }
  if (ok)
    record();
  return ok;
}

bool einfall::ein::placeSums(Equation &equation, File &file,
                             DiagnosticEngine &diagnostics) {
  return Placer(equation, file, diagnostics).run();
}
