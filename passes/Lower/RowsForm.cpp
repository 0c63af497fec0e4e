//===- RowsForm.cpp - Kernels that fit the few-rows lowering --------------===//

#include "passes/Lower/RowsForm.h"

using namespace mlir;
using namespace einfall::cascade;
using namespace einfall::rows;

/// Where every component has every rank, none of them says which ranks are
/// columns. One that no reduction inside the step has may be: then what is
/// reduced is computed once for all its coordinates.
static StringRef columnAmong(ArrayRef<StringRef> rows, FoldOp fold,
                             StringRef stream) {
  SmallVector<StringRef> free(rows);
  bool any = false;
  for (auto reduce : fold.getStep().getOps<ReduceOp>()) {
    FieldType type = fieldType(reduce.getResult());
    if (!type.hasRank(stream))
      continue;
    any = true;
    llvm::erase_if(free, [&](StringRef rank) { return type.hasRank(rank); });
  }
  return any && !free.empty() ? free.back() : StringRef();
}

FailureOr<Form> Form::of(KernelOp kernel, std::string &reason) {
  FailureOr<Form> form = of(kernel, reason, /*findColumn=*/true);
  return succeeded(form) ? form : of(kernel, reason, /*findColumn=*/false);
}

FailureOr<Form> Form::of(KernelOp kernel, std::string &reason,
                         bool findColumn) {
  auto fail = [&](const Twine &why) -> FailureOr<Form> {
    reason = why.str();
    return failure();
  };
  Form form;
  auto folds = llvm::to_vector(kernel.getBody().getOps<FoldOp>());
  if (folds.size() != 1)
    return fail("the kernel has " + Twine(folds.size()) +
                " folds, this form takes one");
  form.fold = folds.front();
  SmallVector<StringRef> ranks = form.fold.getRankNames();
  if (ranks.size() != 1)
    return fail("the fold streams " + Twine(ranks.size()) +
                " ranks, this form takes one");
  form.stream = ranks.front();

  // Rows: the ranks that every component has.
  std::optional<SmallVector<StringRef>> rows;
  for (Type type : form.fold.getResultTypes()) {
    SmallVector<StringRef> own = cast<FieldType>(type).getRankNames();
    if (!rows)
      rows = own;
    else
      llvm::erase_if(*rows, [&](StringRef rank) {
        return !llvm::is_contained(own, rank);
      });
  }
  form.rowRanks = rows.value_or(SmallVector<StringRef>());
  bool allSums =
      llvm::all_of(llvm::seq(form.fold.getNumComponents()), [&](unsigned i) {
        return form.fold.getMonoid(i) == Monoid::Sum &&
               !form.fold.isReference(i) &&
               cast<FieldType>(form.fold.getResult(i).getType()).getKind() ==
                   Kind::Real;
      });
  if (findColumn && allSums) {
    StringRef column = columnAmong(form.rowRanks, form.fold, form.stream);
    llvm::erase_if(form.rowRanks,
                   [&](StringRef rank) { return rank == column; });
  }
  auto yield = cast<YieldOp>(form.fold.getStep().front().getTerminator());
  for (unsigned i = 0; i < form.fold.getNumComponents(); ++i) {
    auto type = cast<FieldType>(form.fold.getResult(i).getType());
    Component component{form.fold.getMonoid(i),
                        type.getKind(),
                        form.fold.isReference(i),
                        {},
                        yield.getValues()[i]};
    SmallVector<StringRef> columns = type.without(form.rowRanks).getRankNames();
    if (columns.size() > 1)
      return fail("component " + Twine(i) + " of the state has " +
                  Twine(columns.size()) + " ranks besides the rows'");
    if (!columns.empty())
      component.column = columns.front();
    if (component.monoid == Monoid::ArgMax ||
        (component.monoid == Monoid::First && !component.isReference))
      return fail("component " + Twine(i) + " is folded by " +
                  stringifyMonoid(component.monoid));
    if (component.hasFlag() && component.kind != Kind::Real)
      return fail("component " + Twine(i) + " is a " +
                  stringifyMonoid(component.monoid) + " of integers");
    if (!component.column.empty() &&
        (component.monoid != Monoid::Sum || component.kind != Kind::Real))
      return fail("component " + Twine(i) + " with column rank \"" +
                  component.column + "\" is not a sum of reals");
    form.components.push_back(component);
  }

  std::string why;
  WalkResult walk = kernel.getBody().walk([&](Operation *op) {
    if (auto output = dyn_cast<OutputOp>(op)) {
      SmallVector<StringRef> dims = names(output.getDims());
      for (StringRef rank : form.rowRanks)
        if (!llvm::is_contained(dims, rank)) {
          why = ("output \"" + output.getName() + "\" lacks the row rank \"" +
                 rank + "\"")
                    .str();
          return WalkResult::interrupt();
        }
      if (dims.size() > form.rowRanks.size() + 1) {
        why = ("output \"" + output.getName() +
               "\" has more than one rank besides the rows'")
                  .str();
        return WalkResult::interrupt();
      }
    }
    if (auto at = dyn_cast<AtOp>(op))
      for (StringRef rank : names(at.getRanks()))
        if (rank == form.stream || llvm::is_contained(form.rowRanks, rank)) {
          why = ("rank \"" + rank + "\" is substituted").str();
          return WalkResult::interrupt();
        }
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      FieldType type = fieldType(reduce.getValue());
      SmallVector<StringRef> over = names(reduce.getRanks());
      // A greatest or least value of nothing is absent, and what is reduced
      // within a row is kept without its presence.
      if (over.size() != 1 || reduce.getMonoid() != Monoid::Sum ||
          type.getKind() != Kind::Real || !type.hasRank(over.front()) ||
          over.front() == form.stream) {
        why = ("a reduction by " + stringifyMonoid(reduce.getMonoid()) +
               " inside the row")
                  .str();
        return WalkResult::interrupt();
      }
      bool inStep = reduce->getParentOp() == form.fold;
      FieldType result = fieldType(reduce.getResult());
      if (!inStep && !result.hasRank(form.stream) &&
          llvm::all_of(result.getRankNames(), [&](StringRef rank) {
            return llvm::is_contained(form.rowRanks, rank);
          }))
        form.rowReductions.push_back(reduce);
    }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return fail(why);
  // Nothing is kept but what is one number a row: a sum within a sum would be
  // summed again for every element of every key.
  llvm::DenseMap<Value, unsigned> depths;
  std::function<unsigned(Value)> depthOf = [&](Value value) -> unsigned {
    Operation *op = value.getDefiningOp();
    auto reduce = dyn_cast_or_null<ReduceOp>(op);
    if (!op || isa<FoldOp>(op) ||
        (reduce && llvm::is_contained(form.rowReductions, reduce)))
      return 0;
    auto [known, isNew] = depths.try_emplace(value, 0);
    if (!isNew)
      return known->second;
    unsigned depth = 0;
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        depth = std::max(depth, depthOf(operand));
    return depths[value] = depth + (reduce ? 1 : 0);
  };
  walk = kernel.getBody().walk([&](ReduceOp reduce) {
    return depthOf(reduce.getValue()) > 0 ? WalkResult::interrupt()
                                          : WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return fail("a reduction is within another");
  // What exists may depend on the key, not on the column: whole vectors of
  // columns enter or do not.
  for (const Component &component : form.components) {
    if (component.column.empty())
      continue;
    SmallVector<Value> worklist{component.entering};
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op || !fieldType(value).hasRank(component.column))
        continue;
      if (isa<MapOp>(op)) {
        llvm::append_range(worklist, op->getOperands());
        continue;
      }
      if (auto read = dyn_cast<ReadOp>(op)) {
        auto input = read.getTensor().getDefiningOp<InputOp>();
        SmallVector<StringRef> dims = names(input.getDims());
        for (auto [dim, index] : llvm::zip(dims, read.getIndices())) {
          auto coord = index.getDefiningOp<CoordOp>();
          if (fieldType(index).hasRank(component.column) &&
              !(coord && coord.getRank() == dim))
            return fail("rank \"" + component.column +
                        "\" enters an index expression");
        }
        continue;
      }
      if (auto where = dyn_cast<WhereOp>(op)) {
        if (fieldType(where.getCondition()).hasRank(component.column))
          return fail("rank \"" + component.column + "\" enters a condition");
        worklist.push_back(where.getValue());
        continue;
      }
      if (!isa<CoordOp>(op))
        return fail("rank \"" + component.column + "\" enters " +
                    op->getName().getStringRef());
    }
  }
  // A field at other coordinates is one number at a time.
  llvm::SmallSetVector<StringRef, 4> lanes;
  lanes.insert(form.stream);
  for (const Component &component : form.components)
    if (!component.column.empty())
      lanes.insert(component.column);
  kernel.getBody().walk(
      [&](ReduceOp reduce) { lanes.insert_range(names(reduce.getRanks())); });
  walk = kernel.getBody().walk([&](AtOp at) {
    for (StringRef rank : lanes)
      if (fieldType(at.getResult()).hasRank(rank)) {
        why =
            ("a field at other coordinates ranges over \"" + rank + "\"").str();
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return fail(why);
  form.sharing = Sharing::of(kernel, form.stream, form.rowRanks);
  kernel.getBody().walk([&](ReduceOp reduce) {
    form.hasContraction |= fieldType(reduce.getResult()).hasRank(form.stream);
  });
  return form;
}
