//===- PlanReferences.cpp - Step 2: references and centres --------------===//

#include "passes/Derive/Planner.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

/// sum_k alpha_k y^k = alpha_n (y - mu)^n + ...: the mu, if there is one that
/// depends on what the stream computes.
std::optional<Poly> Planner::mean(const std::map<int, Poly> &alphas) {
  auto [n, leading] = *alphas.rbegin();
  auto next = alphas.find(n - 1);
  if (n < 1 || next == alphas.end() || next->second.isZero())
    return std::nullopt;
  std::optional<Poly> inverse =
      algebra.inverse(algebra.scale(leading, Rational(-n)));
  if (!leading.isSingle() || !inverse)
    return std::nullopt;
  Poly mu = algebra.mul(next->second, *inverse);
  return algebra.level(mu) > 0 ? std::optional(mu) : std::nullopt;
}

void Planner::findCentres(Normal &normal) {
  for (const Summand &summand : normal.summands) {
    for (auto [y, power] : summand.rest.factors) {
      if (power < 1 || algebra[y].kind != Atom::Leaf || algebra[y].level > 0)
        continue;
      Monomial w = without(summand.rest, y);
      std::map<int, Poly> alphas;
      for (const Summand &other : normal.summands)
        if (other.u == summand.u && other.level == summand.level &&
            without(other.rest, y) == w && other.rest.power(y) >= 0) {
          Poly &alpha = alphas[other.rest.power(y)];
          alpha = algebra.add(alpha, other.alpha);
        }
      if (alphas.size() < 2 || !mean(alphas))
        continue;
      bool known = llvm::any_of(centres, [&](const Centre &centre) {
        return centre.u == summand.u && centre.y == y &&
               centre.level == summand.level &&
               sameDomain(centre.domain, normal.streamed);
      });
      if (!known)
        centres.push_back({summand.u, y, summand.level, normal.streamed});
    }
  }
}

/// The coefficients of (y - q)^i instead of y^i. mu - q stays one atom, so that
/// mu and q, both large, never meet unsubtracted.
std::map<int, Poly> Planner::shift(const std::map<int, Poly> &alphas,
                                   AtomId q) {
  std::map<int, Poly> shifted;
  for (auto &[k, alpha] : alphas) {
    Rational binomial(1);
    for (int i = k; i >= 0; --i) {
      std::optional<Poly> power = algebra.power(algebra.of(q), k - i);
      Poly &into = shifted[i];
      into = algebra.add(into,
                         algebra.scale(algebra.mul(alpha, *power), binomial));
      binomial = binomial * Rational(i) / Rational(k - i + 1);
    }
  }
  std::optional<Poly> mu = mean(alphas);
  if (!mu || mu->terms.count(algebra.of(q).terms.begin()->first))
    return shifted;
  for (auto &[term, coefficient] : mu->terms) {
    if (term.exponent || term.factors.size() != 1 ||
        term.factors[0].second != 1)
      continue;
    AtomId pivot = term.factors[0].first;
    Poly others = *mu;
    others.terms.erase(term);
    Poly delta = algebra.of(algebra.sum(algebra.sub(*mu, algebra.of(q))));
    Poly by =
        algebra.scale(algebra.sub(algebra.add(delta, algebra.of(q)), others),
                      Rational(1) / coefficient);
    for (auto &[i, alpha] : shifted)
      alpha = algebra.substitute(alpha, pivot, by);
    break;
  }
  return shifted;
}

/// The reference of exp(u), or nothing if it needs none.
std::optional<unsigned> Planner::referenceFor(const Normal &normal,
                                              const Poly &u, unsigned level) {
  if (u.isZero() || isNonPositive(u, normal))
    return std::nullopt;
  std::optional<unsigned> found;
  for (auto [number, component] : llvm::enumerate(plan.components)) {
    if (component.monoid != Monoid::Max || component.level != level ||
        component.isAccumulator || component.entering != u ||
        !implies(normal.streamed, component.domain))
      continue;
    if (!found || sameDomain(normal.streamed, component.domain))
      found = number;
  }
  if (!found) {
    Component reference{Monoid::Max, level, normal.op->getLoc()};
    reference.entering = u;
    reference.domain = normal.streamed;
    found = addComponent(reference);
    plan.components[*found].atom = algebra.component(*found, level, false);
  }
  plan.components[*found].isReference = true;
  return found;
}

unsigned Planner::centreFor(const Normal &normal, const Centre &centre) {
  Poly y = algebra.of(centre.y);
  if (centre.u == y)
    if (std::optional<unsigned> reference =
            referenceFor(normal, centre.u, centre.level))
      return *reference;
  for (auto [number, component] : llvm::enumerate(plan.components))
    if (component.monoid == Monoid::First && component.entering == y &&
        component.level == centre.level &&
        sameDomain(component.domain, centre.domain))
      return number;
  Component first{Monoid::First, centre.level, normal.op->getLoc()};
  first.entering = y;
  first.domain = centre.domain;
  first.isReference = true;
  unsigned number = addComponent(first);
  plan.components[number].atom = algebra.component(number, centre.level, false);
  return number;
}

/// The component like `wanted`, new if need be, and with it the lower powers
/// that re-centring it needs.
unsigned Planner::accumulator(Component wanted) {
  if (wanted.power == 0) {
    wanted.centred.reset();
    wanted.centre.reset();
  } else {
    Component lower = wanted;
    --lower.power;
    accumulator(lower);
  }
  for (auto [number, c] : llvm::enumerate(plan.components))
    if (c.isAccumulator && c.monoid == wanted.monoid &&
        c.level == wanted.level && c.exponent == wanted.exponent &&
        c.reference == wanted.reference && c.rest == wanted.rest &&
        c.centred == wanted.centred && c.centre == wanted.centre &&
        c.power == wanted.power && sameDomain(c.domain, wanted.domain))
      return number;
  bool positive = wanted.power == 0 && wanted.rest.isOne();
  unsigned number = addComponent(std::move(wanted));
  plan.components[number].atom =
      algebra.component(number, plan.components[number].level, positive);
  return number;
}
