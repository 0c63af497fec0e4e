//===- Needs.cpp - What the outputs of a kernel need ----------------------===//

#include "passes/Bounds/Needs.h"

#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::bounds;
using namespace einfall::cascade;

Conditions bounds::both(const Conditions &a, const Conditions &b) {
  return {conjunction(a.surely, b.surely), conjunction(a.maybe, b.maybe)};
}

static Conditions always() { return {1, 1}; }

static Conditions unknown() { return {0, 1}; }

static bool mentions(const Conditions &conditions, StringRef rank) {
  return conditions.surely.dependsOn(rank) || conditions.maybe.dependsOn(rank);
}

namespace {
class Walk {
public:
  explicit Walk(const IndexExpressions &expressions)
      : expressions(expressions) {}

  Needs needs;

  void visit(Value value, const Substitution &at, const Conditions &under);
  void visitOutput(OutputOp output);
  Conditions presence(Value value, const Substitution &at);

private:
  Conditions inside(Value index, const std::string &rank,
                    const Substitution &at);
  Conditions insideAll(ValueRange indices, ArrayRef<StringRef> ranks,
                       const Substitution &at);
  Conditions holds(Value condition, const Substitution &at);
  /// Where the result of `map` depends on `operand`, as far as conditions and
  /// choices tell: one factor of "and" does where the other is true.
  Conditions matters(MapOp map, Value operand, const Substitution &at);
  Substitution substituted(AtOp op, const Substitution &at);
  /// `at` where `ranks` are bound anew; what mentions them from outside cannot
  /// be said any more.
  Substitution bound(ArrayRef<StringRef> ranks, const Substitution &at);
  void visitAll(ValueRange values, const Substitution &at,
                const Conditions &under);
  void visitBound(ValueRange values, ArrayRef<StringRef> ranks,
                  const Substitution &at, const Conditions &under);
  bool isNew(Value value, const Substitution &at, const Conditions &under);

  const IndexExpressions &expressions;
  std::set<std::string> visited;
};
} // namespace

static Conditions opposite(const Conditions &conditions) {
  return {negation(conditions.maybe), negation(conditions.surely)};
}

Conditions Walk::matters(MapOp map, Value operand, const Substitution &at) {
  ValueRange operands = map.getOperands();
  switch (map.getFunction()) {
  case Function::And:
  case Function::Or: {
    Value other = operands[operands[0] == operand];
    if (other == operand)
      return always();
    Conditions decides = holds(other, at);
    return map.getFunction() == Function::And ? decides : opposite(decides);
  }
  case Function::Select: {
    if (operand == operands[0] || operands[1] == operands[2])
      return always();
    Conditions first = holds(operands[0], at);
    return operand == operands[1] ? first : opposite(first);
  }
  default:
    return always();
  }
}

bool Walk::isNew(Value value, const Substitution &at, const Conditions &under) {
  std::string key =
      std::to_string(reinterpret_cast<uintptr_t>(value.getAsOpaquePointer()));
  for (const auto &[rank, index] : at)
    key += "|" + rank + "=" + (index ? index->str() : "?");
  key += "|" + under.surely.str() + "|" + under.maybe.str();
  return visited.insert(key).second;
}

Conditions Walk::holds(Value condition, const Substitution &at) {
  return {expressions.surely(condition, at), expressions.maybe(condition, at)};
}

/// That `index` is a coordinate of `rank`.
Conditions Walk::inside(Value index, const std::string &rank,
                        const Substitution &at) {
  std::optional<Expression> known = expressions.of(index, at);
  if (!known)
    return unknown();
  Expression extent = Expression::extent(rank);
  if (*known == Expression::coordinate(rank) ||
      expressions.staysInside(*known, extent))
    return always();
  Expression inside = conjunction(lessEqual(0, *known), less(*known, extent));
  return {inside, inside};
}

Conditions Walk::insideAll(ValueRange indices, ArrayRef<StringRef> ranks,
                           const Substitution &at) {
  Conditions conditions = always();
  for (auto [index, rank] : llvm::zip(indices, ranks)) {
    conditions = both(conditions, inside(index, rank.str(), at));
    conditions = both(conditions, presence(index, at));
  }
  return conditions;
}

Substitution Walk::substituted(AtOp op, const Substitution &at) {
  Substitution result = at;
  for (auto [rank, index] : llvm::zip(names(op.getRanks()), op.getIndices()))
    result[rank.str()] = expressions.of(index, at);
  return result;
}

Substitution Walk::bound(ArrayRef<StringRef> ranks, const Substitution &at) {
  Substitution result = at;
  for (StringRef rank : ranks) {
    result.erase(rank.str());
    for (auto &[other, index] : result)
      if (index && index->dependsOn(rank))
        index.reset();
  }
  return result;
}

Conditions Walk::presence(Value value, const Substitution &at) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return always();
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto input = read.getTensor().getDefiningOp<InputOp>();
    return insideAll(read.getIndices(), names(input.getDims()), at);
  }
  if (auto map = dyn_cast<MapOp>(op)) {
    Conditions conditions = always();
    for (Value operand : map.getOperands())
      conditions = both(conditions, presence(operand, at));
    return conditions;
  }
  if (auto where = dyn_cast<WhereOp>(op))
    return both(presence(where.getValue(), at),
                both(presence(where.getCondition(), at),
                     holds(where.getCondition(), at)));
  if (auto choice = dyn_cast<OrElseOp>(op)) {
    Conditions first = presence(choice.getValue(), at);
    Conditions second = presence(choice.getFallback(), at);
    return {disjunction(first.surely, second.surely),
            disjunction(first.maybe, second.maybe)};
  }
  if (auto other = dyn_cast<AtOp>(op))
    return both(insideAll(other.getIndices(), names(other.getRanks()), at),
                presence(other.getValue(), substituted(other, at)));
  if (isa<TopKOp, SelectOp>(op))
    return unknown();
  return always();
}

void Walk::visitAll(ValueRange values, const Substitution &at,
                    const Conditions &under) {
  for (Value value : values)
    visit(value, at, under);
}

void Walk::visitBound(ValueRange values, ArrayRef<StringRef> ranks,
                      const Substitution &at, const Conditions &under) {
  for (StringRef rank : ranks)
    if (mentions(under, rank))
      return;
  visitAll(values, bound(ranks, at), under);
}

void Walk::visit(Value value, const Substitution &at, const Conditions &under) {
  Operation *op = value.getDefiningOp();
  if (!op || !isNew(value, at, under))
    return;
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto input = read.getTensor().getDefiningOp<InputOp>();
    Need need{input, {}, both(under, presence(value, at))};
    for (Value index : read.getIndices())
      need.index.push_back(expressions.of(index, at));
    needs.inputs.push_back(std::move(need));
    return visitAll(read.getIndices(), at, under);
  }
  if (auto map = dyn_cast<MapOp>(op)) {
    for (Value operand : map.getOperands()) {
      Conditions together = under;
      for (Value other : map.getOperands())
        if (other != operand)
          together = both(together, presence(other, at));
      visit(operand, at, both(together, matters(map, operand, at)));
    }
    return;
  }
  if (auto where = dyn_cast<WhereOp>(op)) {
    visit(where.getValue(), at,
          both(under, both(presence(where.getCondition(), at),
                           holds(where.getCondition(), at))));
    return visit(where.getCondition(), at, under);
  }
  if (auto choice = dyn_cast<OrElseOp>(op)) {
    visit(choice.getValue(), at, under);
    // Needed where the value is absent.
    Conditions value = presence(choice.getValue(), at);
    return visit(choice.getFallback(), at, both(under, opposite(value)));
  }
  if (auto other = dyn_cast<AtOp>(op)) {
    visitAll(other.getIndices(), at, under);
    return visit(other.getValue(), substituted(other, at),
                 both(under, insideAll(other.getIndices(),
                                       names(other.getRanks()), at)));
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    bool isFree = llvm::none_of(names(reduce.getRanks()), [&](StringRef rank) {
      return mentions(under, rank);
    });
    if (isFree && at.empty() && reduce.getMonoid() == Monoid::Sum)
      needs.sums.push_back({reduce, under});
    return visitBound(reduce.getValue(), names(reduce.getRanks()), at, under);
  }
  if (isa<TopKOp, SelectOp>(op)) {
    auto rank = op->getAttrOfType<StringAttr>("rank").getValue();
    return visitBound(op->getOperands(), rank, at, under);
  }
  if (auto recurrence = dyn_cast<RecurrenceOp>(op)) {
    // A state needs every step before it; which states are looked at is known
    // where no index was put in their place.
    visitAll(recurrence.getStart(), at, under);
    auto states = at.find(recurrence.getStates().str());
    bool readsAny = states == at.end() ||
                    (states->second && !states->second->freeNames().empty());
    if (readsAny ||
        (states->second &&
         *states->second == Expression::extent(recurrence.getRank().str())))
      visitBound(recurrence.getStep().front().getTerminator()->getOperands(),
                 {recurrence.getRank(), recurrence.getStates()}, at, under);
    return;
  }
  if (isa<PresentOp>(op))
    return;
}

void Walk::visitOutput(OutputOp output) {
  Conditions stored =
      insideAll(output.getIndices(), names(output.getDims()), {});
  visit(output.getValue(), {}, stored);
  visitAll(output.getIndices(), {}, always());
  if (output.getFiller())
    visit(output.getFiller(), {}, unknown());
}

Needs bounds::needsOf(KernelOp kernel, const IndexExpressions &expressions) {
  Walk walk(expressions);
  for (auto output : kernel.getBody().getOps<OutputOp>())
    walk.visitOutput(output);
  return std::move(walk.needs);
}

Conditions bounds::presenceOf(Value field,
                              const IndexExpressions &expressions) {
  return Walk(expressions).presence(field, {});
}
