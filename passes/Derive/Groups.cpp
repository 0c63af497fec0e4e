//===- Groups.cpp - Which reductions become folds -------------------------===//

#include "passes/Derive/Groups.h"

#include "passes/Derive/Stream.h"

using namespace mlir;
using namespace einfall::cascade;
using namespace einfall::derive;

static bool rangesOver(Value value, ArrayRef<StringRef> ranks) {
  auto type = dyn_cast<FieldType>(value.getType());
  return type && llvm::any_of(
                     ranks, [&](StringRef rank) { return type.hasRank(rank); });
}

/// The reductions in the body of `reduce`.
static DenseSet<Operation *> bodyReductions(ReduceOp reduce) {
  SmallVector<StringRef> ranks = names(reduce.getRanks());
  DenseSet<Operation *> inner;
  DenseSet<Value> seen;
  SmallVector<Value> work{reduce.getValue()};
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || isa<FoldOp>(op) || !rangesOver(value, ranks) ||
        !seen.insert(value).second)
      continue;
    if (isa<ReduceOp>(op))
      inner.insert(op);
    llvm::append_range(work, op->getOperands());
  }
  return inner;
}

static bool dependsOn(Value value, const DenseSet<Operation *> &ops,
                      DenseMap<Value, bool> &known) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (ops.contains(op))
    return true;
  auto it = known.find(value);
  if (it != known.end())
    return it->second;
  bool result = llvm::any_of(op->getOperands(), [&](Value operand) {
    return dependsOn(operand, ops, known);
  });
  return known[value] = result;
}

/// Whether an exponential in the bodies depends on results of the same ranks.
static bool reReferences(ArrayRef<ReduceOp> members) {
  DenseSet<Operation *> ops;
  for (ReduceOp member : members)
    ops.insert(member);
  DenseMap<Value, bool> known;
  for (ReduceOp member : members) {
    SmallVector<StringRef> ranks = names(member.getRanks());
    DenseSet<Value> seen;
    SmallVector<Value> work{member.getValue()};
    while (!work.empty()) {
      Value value = work.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op || isa<FoldOp>(op) || !rangesOver(value, ranks) ||
          !seen.insert(value).second)
        continue;
      auto map = dyn_cast<MapOp>(op);
      if (map && map.getFunction() == Function::Exp &&
          dependsOn(value, ops, known))
        return true;
      llvm::append_range(work, op->getOperands());
    }
  }
  return false;
}

std::vector<Group> einfall::derive::findGroups(KernelOp kernel) {
  SmallVector<ReduceOp> reductions(kernel.getBody().front().getOps<ReduceOp>());
  DenseSet<Operation *> inner;
  for (ReduceOp reduce : reductions)
    for (Operation *op : bodyReductions(reduce))
      inner.insert(op);

  // Inner and outermost reductions by their ranks, sorted.
  std::map<std::vector<std::string>,
           std::pair<SmallVector<ReduceOp>, SmallVector<ReduceOp>>>
      byRanks;
  for (ReduceOp reduce : reductions) {
    std::vector<std::string> key;
    for (StringRef rank : names(reduce.getRanks()))
      key.push_back(rank.str());
    llvm::sort(key);
    auto &[outer, nested] = byRanks[key];
    (inner.contains(reduce) ? nested : outer).push_back(reduce);
  }

  std::vector<Group> groups;
  for (auto &[key, lists] : byRanks) {
    auto &[outer, nested] = lists;
    DenseSet<Operation *> chosen(outer.begin(), outer.end());
    // Some chain of nested ones re-references: stream them all.
    if (!nested.empty() && reReferences(nested))
      chosen.insert(nested.begin(), nested.end());
    // Needed complete by a member: from the last to the first.
    for (ReduceOp candidate : llvm::reverse(nested)) {
      DenseSet<Operation *> self{candidate.getOperation()};
      DenseMap<Value, bool> known;
      bool needed = llvm::any_of(chosen, [&](Operation *op) {
        return op != candidate && dependsOn(op->getOperand(0), self, known);
      });
      if (needed && !outer.empty())
        chosen.insert(candidate);
    }
    Group group;
    for (ReduceOp reduce : reductions)
      if (chosen.contains(reduce))
        group.members.push_back(reduce);
    if (group.members.empty())
      continue;
    group.ranks = names(group.members.front().getRanks());
    groups.push_back(std::move(group));
  }
  // The order of first members: inner groups before those that use them.
  llvm::sort(groups, [](const Group &a, const Group &b) {
    ReduceOp first = a.members.front(), second = b.members.front();
    return first->isBeforeInBlock(second);
  });
  return groups;
}

//===----------------------------------------------------------------------===//
// R1 inside
//===----------------------------------------------------------------------===//

namespace {

/// The product under a sum, taken apart into factors with the summed ranks
/// (`kept`, in their own shape) and without.
class FactorSplitter {
public:
  FactorSplitter(OpBuilder &builder, ArrayRef<StringRef> ranks)
      : builder(builder), ranks(ranks) {}

  /// Returns what is kept of `value`; null is 1.
  Value split(Value value) {
    if (!rangesOver(value, ranks)) {
      over.push_back(value);
      return {};
    }
    auto map = value.getDefiningOp<MapOp>();
    if (!map || fieldType(value).getKind() != Kind::Real)
      return value;
    Location loc = map.getLoc();
    auto rebuild = [&](ArrayRef<Value> operands) -> Value {
      if (llvm::equal(operands, map.getOperands()))
        return value;
      return MapOp::create(builder, loc, map.getFunction(), operands);
    };
    switch (map.getFunction()) {
    case Function::Mul: {
      Value a = split(map.getOperands()[0]), b = split(map.getOperands()[1]);
      return a && b ? rebuild({a, b}) : a ? a : b;
    }
    case Function::Div: {
      if (rangesOver(map.getOperands()[1], ranks)) {
        Value a = split(map.getOperands()[0]);
        return a ? rebuild({a, map.getOperands()[1]}) : value;
      }
      Value a = split(map.getOperands()[0]);
      under.push_back(map.getOperands()[1]);
      return a;
    }
    case Function::Neg:
      return rebuild({split(map.getOperands()[0])});
    default:
      return value;
    }
  }

  SmallVector<Value> over, under;

private:
  OpBuilder &builder;
  ArrayRef<StringRef> ranks;
};

} // namespace

void einfall::derive::pullFactorsOut(KernelOp kernel) {
  SmallVector<ReduceOp> reductions(kernel.getBody().front().getOps<ReduceOp>());
  DenseSet<Operation *> inner;
  for (ReduceOp reduce : reductions)
    for (Operation *op : bodyReductions(reduce))
      inner.insert(op);
  Domains domains;
  for (ReduceOp reduce : reductions) {
    if (!inner.contains(reduce) || reduce.getMonoid() != Monoid::Sum ||
        fieldType(reduce.getValue()).getKind() != Kind::Real)
      continue;
    SmallVector<StringRef> ranks = names(reduce.getRanks());
    OpBuilder builder(reduce);
    FactorSplitter splitter(builder, ranks);
    Value kept = splitter.split(reduce.getValue());
    bool total =
        llvm::all_of(llvm::concat<Value>(splitter.over, splitter.under),
                     [&](Value factor) { return domains.isTotal(factor); });
    if (!kept || !total || kept == reduce.getValue())
      continue;
    Location loc = reduce.getLoc();
    Value result = ReduceOp::create(builder, loc, Monoid::Sum, ranks, kept);
    auto combine = [&](Function function, Value a, Value b) -> Value {
      return MapOp::create(builder, loc, function, ValueRange{a, b});
    };
    for (Value factor : splitter.over)
      result = combine(Function::Mul, result, factor);
    for (Value factor : splitter.under)
      result = combine(Function::Div, result, factor);
    if (result.getType() != reduce.getType())
      continue;
    reduce.getResult().replaceAllUsesWith(result);
    reduce.erase();
  }
}
