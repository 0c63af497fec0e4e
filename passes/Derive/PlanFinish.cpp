//===- PlanFinish.cpp - Step 3: members from components -----------------===//

#include "passes/Derive/Planner.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

void Planner::finish(Normal &normal) {
  Finish result{normal.op};
  result.conditions = normal.complete;
  if (auto it = componentOf.find(normal.op); it != componentOf.end()) {
    result.value = algebra.of(plan.components[it->second].atom);
    result.guarded = !result.conditions.empty();
  } else if (normal.isSum) {
    finishSum(normal, result);
    guard(normal, result);
  } else {
    result.value = formOf[normal.op];
    result.rules.push_back("R1");
    for (auto &[term, coefficient] : result.value.terms)
      for (auto [atom, power] : term.factors)
        if (algebra[atom].kind == Atom::Component)
          result.accumulators.push_back(algebra[atom].number);
  }
  plan.finishes.push_back(std::move(result));
}

void Planner::finishSum(Normal &normal, Finish &result) {
  std::set<StringRef> rules;
  // Summands with the same exponential and the same cofactor of a centre
  // belong together.
  std::vector<bool> done(normal.summands.size());
  for (size_t first = 0; first < normal.summands.size(); ++first) {
    if (done[first])
      continue;
    const Summand &summand = normal.summands[first];
    const Centre *centre = nullptr;
    for (const Centre &candidate : centres)
      if (candidate.u == summand.u && candidate.level == summand.level &&
          sameDomain(candidate.domain, normal.streamed) &&
          llvm::any_of(normal.summands, [&](const Summand &other) {
            return other.u == summand.u && other.level == summand.level &&
                   other.rest.power(candidate.y) > 0 &&
                   without(other.rest, candidate.y) ==
                       without(summand.rest, candidate.y);
          }))
        centre = &candidate;
    std::map<int, Poly> alphas;
    Monomial rest = summand.rest;
    if (centre)
      rest = without(rest, centre->y);
    for (size_t i = first; i < normal.summands.size(); ++i) {
      const Summand &other = normal.summands[i];
      Monomial otherRest = centre ? without(other.rest, centre->y) : other.rest;
      if (done[i] || !(other.u == summand.u) || !(otherRest == rest) ||
          other.level != summand.level)
        continue;
      done[i] = true;
      Poly &alpha = alphas[centre ? other.rest.power(centre->y) : 0];
      alpha = algebra.add(alpha, other.alpha);
    }

    Component wanted{Monoid::Sum, summand.level, normal.op->getLoc()};
    wanted.isAccumulator = true;
    wanted.exponent = summand.u;
    wanted.reference = referenceFor(normal, summand.u, summand.level);
    wanted.rest = rest;
    wanted.domain = normal.streamed;
    if (centre) {
      wanted.centred = centre->y;
      wanted.centre = centreFor(normal, *centre);
      alphas = shift(alphas, plan.components[*wanted.centre].atom);
      rules.insert("R2");
    }
    if (wanted.reference)
      rules.insert("R2");
    for (auto &[power, alpha] : alphas) {
      if (alpha.isZero())
        continue;
      wanted.power = power;
      unsigned number = accumulator(wanted);
      if (!llvm::is_contained(result.accumulators, number))
        result.accumulators.push_back(number);
      Poly term = algebra.mul(alpha, algebra.of(plan.components[number].atom));
      if (wanted.reference)
        term = algebra.mul(term, algebra.exp(algebra.of(
                                     plan.components[*wanted.reference].atom)));
      result.value = algebra.add(result.value, term);
      if (!alpha.asConstant())
        rules.insert("R1");
    }
  }
  if (normal.summands.size() > 1)
    rules.insert("R4");
  Poly refined = refine(result.value);
  // A form in which the accumulators cancelled is no sum any more.
  if (!(refined == result.value) && vanishes(refined, result.accumulators)) {
    rules.insert("R3");
    result.value = refined;
  }
  result.rules.assign(rules.begin(), rules.end());
  formOf[normal.op] = result.value;
}

/// Whether a form is 0 where its accumulators are.
bool Planner::vanishes(const Poly &form, ArrayRef<unsigned> accumulators) {
  return llvm::all_of(form.terms, [&](auto &term) {
    return llvm::any_of(term.first.factors, [&](auto &factor) {
      const Atom &atom = algebra[factor.first];
      return factor.second > 0 && atom.kind == Atom::Component &&
             llvm::is_contained(accumulators, atom.number);
    });
  });
}

/// An exponential of the finish that cannot overflow: a maximum minus something
/// that is at least that maximum.
bool Planner::isSafe(const Poly &exponent) {
  if (exponent.isZero())
    return true;
  if (exponent.terms.size() != 2)
    return false;
  Value plus, minus;
  for (auto &[term, coefficient] : exponent.terms) {
    if (term.exponent || term.factors.size() != 1 ||
        term.factors[0].second != 1 ||
        algebra[term.factors[0].first].kind != Atom::Leaf)
      return false;
    Value value = algebra[term.factors[0].first].value;
    if (coefficient.isOne())
      plus = value;
    else if (coefficient == Rational(-1))
      minus = value;
  }
  return plus && minus && Stream::dominates(minus, plus);
}

bool Planner::isAffected(Value value) {
  if (stream.carries(value) || stream.level(value) == 0)
    return false;
  auto it = affected.find(value);
  if (it != affected.end())
    return it->second;
  bool result = false;
  Operation *op = value.getDefiningOp();
  if (auto form = formOf.find(op); form != formOf.end()) {
    for (auto &[term, coefficient] : form->second.terms)
      result |= !isSafe(algebra.exponent(term.exponent));
    return result; // Not kept: the form may not be final yet.
  }
  if (auto map = dyn_cast_or_null<MapOp>(op)) {
    switch (map.getFunction()) {
    case Function::Add:
    case Function::Sub:
    case Function::Mul:
    case Function::Div:
    case Function::Neg:
    case Function::Exp:
    case Function::Log:
    case Function::Sqrt:
      result = llvm::any_of(map.getOperands(),
                            [&](Value v) { return isAffected(v); });
      break;
    default:
      break;
    }
  }
  return result;
}

/// The form of an affected field.
Poly Planner::reopen(Value value) {
  if (!isAffected(value))
    return stream.open(value);
  if (auto form = formOf.find(value.getDefiningOp()); form != formOf.end())
    return form->second;
  auto map = value.getDefiningOp<MapOp>();
  Poly whole = algebra.of(stream.leaf(value));
  Poly a = reopen(map.getOperands()[0]);
  Poly b = map.getNumOperands() > 1 ? reopen(map.getOperands()[1]) : Poly();
  auto orWhole = [&](std::optional<Poly> poly) { return poly ? *poly : whole; };
  switch (map.getFunction()) {
  case Function::Add:
    return algebra.add(a, b);
  case Function::Sub:
    return algebra.sub(a, b);
  case Function::Mul:
    return algebra.mul(a, b);
  case Function::Div: {
    std::optional<Poly> inverse = algebra.inverse(b);
    return inverse ? algebra.mul(a, *inverse) : whole;
  }
  case Function::Neg:
    return algebra.scale(a, Rational(-1));
  case Function::Exp:
    return algebra.exp(a);
  case Function::Log:
    return orWhole(algebra.log(a));
  case Function::Sqrt:
    return orWhole(algebra.sqrt(a));
  default:
    return whole;
  }
}

Poly Planner::refine(const Poly &poly) {
  return algebra.rewrite(poly, [&](AtomId id) -> std::optional<Poly> {
    const Atom &atom = algebra[id];
    if (atom.kind != Atom::Leaf || !isAffected(atom.value))
      return std::nullopt;
    return reopen(atom.value);
  });
}

bool Planner::isPositiveOn(AtomId id, const Domain &present) {
  const Atom &atom = algebra[id];
  switch (atom.kind) {
  case Atom::Leaf:
    return stream.isPositiveOn(atom.value, present);
  case Atom::Component: {
    const Component &component = plan.components[atom.number];
    return atom.positive && implies(present, component.domain);
  }
  case Atom::Sum:
  case Atom::Apply:
    if (atom.kind == Atom::Apply && atom.function != Function::Sqrt)
      return false;
    return llvm::all_of(atom.argument.terms, [&](auto &term) {
      return term.second.sign() > 0 &&
             llvm::all_of(term.first.factors, [&](auto &factor) {
               return isPositiveOn(factor.first, present);
             });
    });
  default:
    return false;
  }
}

/// A sum over nothing is 0, whatever the finish would say.
void Planner::guard(const Normal &normal, Finish &result) {
  // Presence of a maximum over no fewer coordinates follows from any summand.
  llvm::erase_if(result.conditions, [&](const Fact &fact) {
    auto it = componentOf.find(fact.value.getDefiningOp());
    return it != componentOf.end() && !fact.truth &&
           implies(normal.streamed, plan.components[it->second].domain);
  });
  SmallVector<AtomId> hazards;
  bool finite = true;
  std::function<void(const Poly &)> check = [&](const Poly &poly) {
    for (auto &[term, coefficient] : poly.terms) {
      check(algebra.exponent(term.exponent));
      for (auto [id, power] : term.factors) {
        const Atom &atom = algebra[id];
        if (power < 0)
          hazards.push_back(id);
        if (atom.kind == Atom::Apply)
          for (auto &[inner, k] : atom.argument.terms)
            for (auto &factor : inner.factors)
              hazards.push_back(factor.first);
        if (atom.kind == Atom::Sum)
          check(atom.argument);
        finite &= atom.kind == Atom::Leaf ? stream.domains.isTotal(atom.value)
                  : atom.kind == Atom::Component
                      ? plan.components[atom.number].monoid == Monoid::Sum
                      : true;
      }
    }
  };
  check(result.value);
  if (finite && hazards.empty() && result.conditions.empty() &&
      vanishes(result.value, result.accumulators))
    return;
  result.guarded = true;
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    bool tells = component.monoid == Monoid::Max ||
                 component.monoid == Monoid::Min ||
                 component.monoid == Monoid::First;
    if (!tells || !implies(normal.streamed, component.domain))
      continue;
    if (sameDomain(normal.streamed, component.domain) ||
        llvm::all_of(hazards, [&](AtomId id) {
          return isPositiveOn(id, component.domain);
        })) {
      result.nonEmpty = number;
      return;
    }
  }
  if (normal.streamed.empty()) {
    result.nonEmptyByExtent = true;
    return;
  }
  Component any{Monoid::Any, 1, normal.op->getLoc()};
  any.isAccumulator = true;
  any.domain = normal.streamed;
  for (const Summand &summand : normal.summands)
    any.level = std::max(any.level, summand.level);
  result.nonEmpty = accumulator(any);
}

/// Affected fields that something else than an affected field uses.
void Planner::rewriteAffected() {
  SmallVector<Value> work;
  DenseSet<Value> seen;
  for (Normal &normal : normals)
    if (isAffected(normal.op))
      work.push_back(normal.op);
  while (!work.empty()) {
    Value value = work.pop_back_val();
    bool usedElsewhere = false;
    for (Operation *user : value.getUsers()) {
      auto map = dyn_cast<MapOp>(user);
      if (map && isAffected(map)) {
        if (seen.insert(map).second)
          work.push_back(map);
      } else {
        usedElsewhere |= !stream.isMember(user);
      }
    }
    if (usedElsewhere && !stream.isMember(value.getDefiningOp()))
      plan.rewritten.push_back({value, reopen(value)});
  }
}
