//===- Plan.cpp - Step 1: bodies in normal form -------------------------===//

#include "passes/Derive/Planner.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

void Planner::miss(ReduceOp op, StringRef rule, Value offending,
                   std::string text) {
  for (const Miss &known : plan.misses)
    if (known.member == op && known.text == text)
      return;
  plan.misses.push_back({op, offending, rule, std::move(text)});
}

static std::string list(ArrayRef<std::string> names) {
  return names.empty() ? "a complete value" : llvm::join(names, ", ");
}

void Planner::normalise(ReduceOp op) {
  Normal normal{op};
  Value body = op.getValue();
  unsigned base = 1;
  for (const Fact &fact : stream.domains.get(body)) {
    unsigned level = stream.level(fact.value);
    if (!stream.carries(fact.value) && level > 0) {
      normal.complete.push_back(fact);
      continue;
    }
    normal.streamed.push_back(fact);
    if (level + 1 > base) {
      base = level + 1;
      SmallVector<std::string> c, rho;
      stream.describeMixture(fact.value, c, rho);
      miss(op, "R1", fact.value,
           "the condition " + fieldName(fact.value) + " compares streamed " +
               list(c) + " with " + list(rho) + ", complete only after pass " +
               std::to_string(level));
    }
  }
  bool real = fieldType(body).getKind() == Kind::Real;
  bool rewrites = real && !asWritten.contains(op);
  normal.isSum = op.getMonoid() == Monoid::Sum && rewrites;
  if (normal.isSum) {
    Poly g = stream.open(body);
    unsigned level = 0;
    for (auto &[monomial, coefficient] : g.terms) {
      normal.summands.push_back(split(normal, monomial, coefficient, base));
      const Summand &summand = normal.summands.back();
      level = std::max({level, summand.level, algebra.level(summand.alpha)});
    }
    for (const Fact &fact : normal.complete)
      level = std::max(level, stream.level(fact.value));
    stream.setLevel(op, std::max(level, 1u));
  } else if (rewrites &&
             (op.getMonoid() == Monoid::Max || op.getMonoid() == Monoid::Min)) {
    normaliseExtremum(normal, base);
  } else if (op.getMonoid() == Monoid::Count && !asWritten.contains(op) &&
             base <= stream.level(body)) {
    // Only the domain counts; the value may be complete later.
    Component count{Monoid::Count, base, op.getLoc()};
    count.isAccumulator = true;
    count.domain = normal.streamed;
    count.atom = stream.leaf(op);
    componentOf[op] = addComponent(count);
    stream.setLevel(op, base);
    for (const Fact &fact : normal.complete)
      stream.setLevel(op, std::max(stream.level(op), stream.level(fact.value)));
  } else {
    plain(normal, base);
  }
  normals.push_back(std::move(normal));
}

/// max(c + rho) is max(c) + rho.
void Planner::normaliseExtremum(Normal &normal, unsigned base) {
  ReduceOp op = normal.op;
  Poly g = stream.open(op.getValue());
  Summand streamed, complete;
  for (auto &[monomial, coefficient] : g.terms) {
    Poly &side = algebra.carries(monomial) ? streamed.u : complete.u;
    side.terms[monomial] = coefficient;
  }
  unsigned level = std::max(base, algebra.level(streamed.u) + 1);
  if (complete.u.isZero() || streamed.u.isZero() ||
      level > stream.level(op.getValue()))
    return plain(normal, base);
  Component extremum{op.getMonoid(), level, op.getLoc()};
  extremum.entering = streamed.u;
  extremum.domain = normal.streamed;
  unsigned number = addComponent(extremum);
  AtomId atom = algebra.component(number, level, false);
  plan.components[number].atom = atom;
  formOf[op] = algebra.add(algebra.of(atom), complete.u);
  stream.setLevel(op, std::max(level, algebra.level(complete.u)));
}

void Planner::plain(Normal &normal, unsigned level) {
  ReduceOp op = normal.op;
  Value body = op.getValue();
  if (unsigned needed = stream.level(body) + 1; needed > level) {
    level = needed;
    if (!asWritten.contains(op) && stream.carries(body)) {
      SmallVector<std::string> c, rho;
      stream.describeMixture(body, c, rho);
      miss(op, "R1", body,
           fieldName(body) + " mixes streamed " + list(c) + " with " +
               list(rho) + ", complete only after pass " +
               std::to_string(needed - 1));
    }
  }
  normal.streamed.append(normal.complete.begin(), normal.complete.end());
  normal.complete.clear();
  Component component{op.getMonoid(), level, op.getLoc(), body};
  component.domain = normal.streamed;
  if (fieldType(body).getKind() == Kind::Real && !asWritten.contains(op))
    component.entering = stream.open(body);
  stream.setLevel(op, level);
  component.atom = stream.leaf(op);
  componentOf[op] = addComponent(component);
}

/// Whether exp(u) needs no reference: u is at most 0 by its form, or it is a
/// score minus (something above) its own complete maximum.
bool Planner::isNonPositive(const Poly &u, const Normal &normal) {
  auto leafOf = [&](const Poly &poly, int sign) -> Value {
    if (!poly.isSingle())
      return {};
    auto &[monomial, coefficient] = *poly.terms.begin();
    if (coefficient != Rational(sign) || monomial.exponent ||
        monomial.factors.size() != 1 || monomial.factors[0].second != 1)
      return {};
    const Atom &atom = algebra[monomial.factors[0].first];
    return atom.kind == Atom::Leaf ? atom.value : Value();
  };
  if (Value value = leafOf(u, 1); value && stream.isNonPositive(value))
    return true;
  for (const Component &component : plan.components) {
    if (component.monoid != Monoid::Max || !component.field ||
        !implies(normal.streamed, component.domain))
      continue;
    const Atom &maximum = algebra[component.atom];
    if (maximum.kind != Atom::Leaf)
      continue;
    if (Value upper = leafOf(algebra.sub(u, component.entering), -1);
        upper && Stream::dominates(upper, maximum.value))
      return true;
  }
  return false;
}

Summand Planner::split(Normal &normal, const Monomial &monomial,
                       const Rational &coefficient, unsigned base) {
  Summand result;
  result.level = base;
  Monomial alpha;
  for (auto factor : monomial.factors) {
    const Atom &atom = algebra[factor.first];
    if (!atom.carries) {
      alpha.factors.push_back(factor);
      continue;
    }
    result.rest.factors.push_back(factor);
    if (atom.level + 1 > result.level) {
      result.level = atom.level + 1;
      SmallVector<std::string> c, rho;
      if (atom.kind == Atom::Leaf || atom.kind == Atom::Choice)
        stream.describeMixture(atom.value, c, rho);
      miss(normal.op, "R4", atom.value,
           algebra.str(factor.first) + " mixes streamed " + list(c) + " with " +
               list(rho) + ", complete only after pass " +
               std::to_string(atom.level));
    }
  }
  Poly exponent = algebra.exponent(monomial.exponent), outside;
  for (auto &[term, factor] : exponent.terms) {
    if (!algebra.carries(term)) {
      outside.terms[term] = factor;
      continue;
    }
    result.u.terms[term] = factor;
    if (unsigned level = algebra.level(term); level + 1 > result.level) {
      result.level = level + 1;
      SmallVector<std::string> c, rho;
      for (auto [id, power] : term.factors) {
        const Atom &atom = algebra[id];
        if (atom.carries && atom.level > 0 && atom.kind == Atom::Leaf)
          stream.describeMixture(atom.value, c, rho);
        else
          (atom.carries ? c : rho).push_back(algebra.str(id));
      }
      miss(normal.op, "R2", normal.op.getValue(),
           "exp(" + algebra.str(algebra.of(term, factor)) +
               ") mixes streamed " + list(c) + " with " + list(rho) +
               ", complete only after pass " + std::to_string(level));
    }
  }
  // What is known by then may stay in the exponent if that bounds it.
  if (!result.u.isZero() && result.level > 1) {
    Poly known = result.u, later;
    for (auto &[term, factor] : outside.terms)
      (algebra.level(term) < result.level ? known : later).terms[term] = factor;
    if (isNonPositive(known, normal)) {
      result.u = known;
      outside = later;
    }
  }
  result.alpha =
      algebra.mul(algebra.of(alpha, coefficient), algebra.exp(outside));
  return result;
}

Plan einfall::derive::makePlan(Stream &stream, ArrayRef<ReduceOp> members,
                               const DenseSet<Operation *> &asWritten) {
  return Planner(stream, asWritten).run(members);
}
