//===- Domain.cpp - Where a field is present ------------------------------===//

#include "passes/Derive/Domain.h"

#include "dialect/Cascade/Inside.h"

using namespace mlir;
using namespace einfall::cascade;
using namespace einfall::derive;

void einfall::derive::addFacts(Domain &domain, const Domain &facts) {
  for (const Fact &fact : facts)
    if (!hasFact(domain, fact))
      domain.push_back(fact);
}

bool einfall::derive::hasFact(const Domain &domain, const Fact &fact) {
  return llvm::is_contained(domain, fact);
}

bool einfall::derive::implies(const Domain &stronger, const Domain &weaker) {
  return llvm::all_of(
      weaker, [&](const Fact &fact) { return hasFact(stronger, fact); });
}

bool einfall::derive::sameDomain(const Domain &a, const Domain &b) {
  return a.size() == b.size() && implies(a, b);
}

const Domain &Domains::get(Value value) {
  auto it = known.find(value);
  if (it != known.end())
    return it->second;
  Domain domain = compute(value);
  return known[value] = std::move(domain);
}

void Domains::assume(Value condition, Domain &domain) {
  auto map = condition.getDefiningOp<MapOp>();
  if (map && map.getFunction() == Function::And)
    for (Value part : map.getOperands())
      assume(part, domain);
  else
    addFacts(domain, {Fact{condition, true}});
}

Domain Domains::compute(Value value) {
  Domain domain;
  Operation *op = value.getDefiningOp();
  if (!op) { // A reference of a fold, absent before its first value.
    domain.push_back({value});
    return domain;
  }
  if (auto read = dyn_cast<ReadOp>(op)) {
    bool inside = true;
    auto input = read.getTensor().getDefiningOp<InputOp>();
    for (auto [index, dim] :
         llvm::zip(read.getIndices(), names(input.getDims()))) {
      addFacts(domain, get(index));
      inside &= isInside(index, dim);
    }
    if (!inside)
      domain.push_back({value});
  } else if (isa<MapOp>(op)) {
    for (Value operand : op->getOperands())
      addFacts(domain, get(operand));
  } else if (auto where = dyn_cast<WhereOp>(op)) {
    domain = get(where.getValue());
    addFacts(domain, get(where.getCondition()));
    assume(where.getCondition(), domain);
  } else if (auto other = dyn_cast<OrElseOp>(op)) {
    if (!isTotal(other.getFallback()) && !isTotal(other.getValue()))
      domain.push_back({value});
  } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
    Monoid monoid = reduce.getMonoid();
    if (monoid == Monoid::Max || monoid == Monoid::Min ||
        monoid == Monoid::ArgMax || monoid == Monoid::First)
      domain.push_back({value});
  } else if (auto fold = dyn_cast<FoldOp>(op)) {
    Monoid monoid = fold.getMonoid(cast<OpResult>(value).getResultNumber());
    if (monoid == Monoid::Max || monoid == Monoid::Min ||
        monoid == Monoid::ArgMax || monoid == Monoid::First)
      domain.push_back({value});
  } else if (isa<AtOp>(op)) {
    domain.push_back({value});
  }
  return domain;
}
