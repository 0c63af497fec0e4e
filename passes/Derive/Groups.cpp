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

/// Whether `op` needs `candidate` on some way that no other of `kept`, which
/// are there complete, stands in.
static bool reaches(ReduceOp op, ReduceOp candidate,
                    const DenseSet<Operation *> &kept) {
  DenseSet<Value> seen;
  SmallVector<Value> work{op.getValue()};
  while (!work.empty()) {
    Value value = work.pop_back_val();
    Operation *next = value.getDefiningOp();
    if (!next || !seen.insert(value).second)
      continue;
    if (next == candidate)
      return true;
    if (!kept.contains(next))
      llvm::append_range(work, next->getOperands());
  }
  return false;
}

namespace {

/// Reductions by their ranks, and which of them are to be kept.
class Chooser {
public:
  explicit Chooser(KernelOp kernel)
      : reductions(kernel.getBody().front().getOps<ReduceOp>()) {
    for (ReduceOp reduce : reductions) {
      bodies[reduce] = bodyReductions(reduce);
      for (Operation *op : bodies[reduce])
        users[op].push_back(reduce);
    }
    for (ReduceOp reduce : reductions) {
      std::vector<std::string> key;
      for (StringRef rank : names(reduce.getRanks()))
        key.push_back(rank.str());
      llvm::sort(key);
      byRanks[key].push_back(reduce);
    }
  }

  std::vector<Group> run() {
    for (ReduceOp reduce : reductions)
      if (!isInner(reduce))
        kept.insert(reduce);
    for (auto &[key, same] : byRanks) {
      SmallVector<ReduceOp> inner;
      llvm::copy_if(same, std::back_inserter(inner),
                    [&](ReduceOp reduce) { return isInner(reduce); });
      // Some chain of nested ones re-references: stream them all.
      if (!inner.empty() && reReferences(inner))
        kept.insert(inner.begin(), inner.end());
    }
    // What is kept for one reason may be the reason for the next, and what is
    // kept to save work stands between others and what they need.
    while (keep(&Chooser::savesTraversal) || keep(&Chooser::isNeededComplete))
      ;
    return inOrder();
  }

private:
  using Reason = bool (Chooser::*)(ReduceOp, ArrayRef<ReduceOp>) const;

  /// Keeps what there is `reason` to; whether that is any more.
  bool keep(Reason reason) {
    bool changed = false;
    for (auto &[key, same] : byRanks)
      for (ReduceOp candidate : llvm::reverse(same))
        if (!kept.contains(candidate) && (this->*reason)(candidate, same)) {
          kept.insert(candidate);
          changed = true;
        }
    return changed;
  }

  const DenseSet<Operation *> &bodyOf(ReduceOp reduce) const {
    return bodies.find(reduce)->second;
  }
  bool isInner(ReduceOp reduce) const { return users.contains(reduce); }

  /// Whether the step of one of the `same` ranks would run all of it.
  bool isNeededComplete(ReduceOp candidate, ArrayRef<ReduceOp> same) const {
    bool anyOuter =
        llvm::any_of(same, [&](ReduceOp reduce) { return !isInner(reduce); });
    return anyOuter && llvm::any_of(same, [&](ReduceOp reduce) {
             return reduce != candidate && kept.contains(reduce) &&
                    reaches(reduce, candidate, kept);
           });
  }

  /// Whether one of the `same` ranks that is kept computes in its step, for
  /// every coordinate, what the candidate needs of it again, and only sums use
  /// the candidate, which would run it in their steps: of the values of a
  /// latent attention, which another sum projects.
  bool savesTraversal(ReduceOp candidate, ArrayRef<ReduceOp> same) const {
    for (ReduceOp user : users.lookup(candidate)) {
      auto group = llvm::find_if(byRanks, [&](auto &entry) {
        return llvm::is_contained(entry.second, user);
      });
      if (user.getMonoid() != Monoid::Sum || reReferences(group->second))
        return false;
    }
    DenseSet<Operation *> members;
    bool streams = false;
    for (ReduceOp reduce : same)
      if (reduce != candidate && kept.contains(reduce)) {
        members.insert(reduce);
        streams |= llvm::any_of(bodyOf(reduce), [&](Operation *op) {
          return bodyOf(candidate).contains(op);
        });
      }
    DenseMap<Value, bool> known;
    return streams && dependsOn(candidate.getValue(), members, known);
  }

  /// By first members; but what is kept comes before the groups whose steps
  /// would run it.
  std::vector<Group> inOrder() const {
    std::vector<Group> groups;
    for (auto &[key, same] : byRanks) {
      Group group;
      llvm::copy_if(same, std::back_inserter(group.members),
                    [&](ReduceOp reduce) { return kept.contains(reduce); });
      if (group.members.empty())
        continue;
      group.ranks = names(group.members.front().getRanks());
      groups.push_back(std::move(group));
    }
    llvm::sort(groups, [](const Group &a, const Group &b) {
      ReduceOp first = a.members.front(), second = b.members.front();
      return first->isBeforeInBlock(second);
    });
    auto runs = [&](const Group &group, const Group &other) {
      return llvm::any_of(group.members, [&](ReduceOp user) {
        return llvm::any_of(other.members, [&](ReduceOp member) {
          return bodyOf(user).contains(member);
        });
      });
    };
    std::vector<Group> ordered;
    while (!groups.empty()) {
      auto next = llvm::find_if(groups, [&](const Group &group) {
        return llvm::none_of(groups, [&](const Group &other) {
          return &other != &group && runs(group, other);
        });
      });
      if (next == groups.end())
        next = groups.begin();
      ordered.push_back(std::move(*next));
      groups.erase(next);
    }
    return ordered;
  }

  SmallVector<ReduceOp> reductions;
  /// The reductions in the body of each, and those whose bodies have it.
  DenseMap<Operation *, DenseSet<Operation *>> bodies;
  DenseMap<Operation *, SmallVector<ReduceOp>> users;
  std::map<std::vector<std::string>, SmallVector<ReduceOp>> byRanks;
  DenseSet<Operation *> kept;
};

} // namespace

std::vector<Group> einfall::derive::findGroups(KernelOp kernel) {
  return Chooser(kernel).run();
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

/// A number whatever the data: made of parameters, extents and coordinates
/// without a division.
static bool isSurelyFinite(Value field) {
  Operation *op = field.getDefiningOp();
  auto map = dyn_cast_or_null<MapOp>(op);
  if (!map)
    return isa_and_nonnull<ConstOp, ParamOp, ExtentOp, CoordOp>(op);
  switch (map.getFunction()) {
  case Function::Add:
  case Function::Sub:
  case Function::Mul:
  case Function::Neg:
  case Function::Abs:
  case Function::Max:
  case Function::Min:
  case Function::ToReal:
    return llvm::all_of(map.getOperands(), isSurelyFinite);
  default:
    return false;
  }
}

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
    // A sum over nothing is 0, but 0 times or over what need not be a number is
    // not: as attention over no keys, over the sum of no weights.
    bool vanishes =
        splitter.under.empty() && llvm::all_of(splitter.over, isSurelyFinite);
    if (!kept || !total || kept == reduce.getValue() ||
        !(vanishes || domains.isTotal(reduce.getValue())))
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
