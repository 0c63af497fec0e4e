//===- Plan.cpp - From reductions to fold components ----------------------===//

#include "passes/Derive/Plan.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

namespace {

/// alpha * exp(u) * rest, alpha without streamed ranks, rest streamed.
struct Summand {
  Poly alpha;
  Poly u;
  Monomial rest;
  unsigned level;
};

/// A member in normal form.
struct Normal {
  ReduceOp op;
  std::vector<Summand> summands;
  Domain streamed, complete;
  bool isSum = false;
};

class Planner {
public:
  Planner(Stream &stream, const DenseSet<Operation *> &asWritten)
      : stream(stream), algebra(stream.algebra), asWritten(asWritten) {}

  Plan run(ArrayRef<ReduceOp> members) {
    for (ReduceOp member : members)
      normalise(member);
    for (Normal &normal : normals)
      findCentres(normal);
    for (Normal &normal : normals)
      finish(normal);
    rewriteAffected();
    return std::move(plan);
  }

private:
  // Step 1.
  void normalise(ReduceOp op);
  void normaliseExtremum(Normal &normal, unsigned base);
  Summand split(Normal &normal, const Monomial &monomial,
                const Rational &coefficient, unsigned base);
  void plain(Normal &normal, unsigned level);
  void miss(ReduceOp op, StringRef rule, Value offending, std::string text);
  bool isNonPositive(const Poly &u, const Normal &normal);

  // Step 2.
  struct Centre {
    Poly u;
    AtomId y;
    unsigned level;
    Domain domain;
  };
  void findCentres(Normal &normal);
  std::optional<Poly> mean(const std::map<int, Poly> &alphas);
  std::map<int, Poly> shift(const std::map<int, Poly> &alphas, AtomId q);
  std::optional<unsigned> referenceFor(const Normal &normal, const Poly &u,
                                       unsigned level);
  unsigned centreFor(const Normal &normal, const Centre &centre);
  unsigned accumulator(Component wanted);

  // Step 3.
  void finish(Normal &normal);
  void finishSum(Normal &normal, Finish &result);
  void guard(const Normal &normal, Finish &result);
  bool isSafe(const Poly &exponent);
  bool isAffected(Value value);
  Poly reopen(Value value);
  Poly refine(const Poly &poly);
  bool isPositiveOn(AtomId atom, const Domain &present);
  void rewriteAffected();

  unsigned addComponent(Component component) {
    component.level = std::max(component.level, 1u);
    plan.levels = std::max(plan.levels, component.level);
    plan.components.push_back(std::move(component));
    return plan.components.size() - 1;
  }

  Stream &stream;
  Algebra &algebra;
  const DenseSet<Operation *> &asWritten;
  Plan plan;
  std::vector<Normal> normals;
  std::vector<Centre> centres;
  /// The component of a member that is one, and the form of one that is not.
  DenseMap<Operation *, unsigned> componentOf;
  std::map<Operation *, Poly> formOf;
  DenseMap<Value, bool> affected;
};

//===----------------------------------------------------------------------===//
// Step 1: normal form
//===----------------------------------------------------------------------===//

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
    Poly &side =
        algebra.carries(monomial) ? streamed.u : complete.u;
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

//===----------------------------------------------------------------------===//
// Step 2: references and centres
//===----------------------------------------------------------------------===//

static Monomial without(Monomial monomial, AtomId atom) {
  llvm::erase_if(monomial.factors,
                 [&](auto &factor) { return factor.first == atom; });
  return monomial;
}

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
      into = algebra.add(
          into, algebra.scale(algebra.mul(alpha, *power), binomial));
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
    Poly by = algebra.scale(
        algebra.sub(algebra.add(delta, algebra.of(q)), others),
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
  plan.components[number].atom =
      algebra.component(number, centre.level, false);
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

//===----------------------------------------------------------------------===//
// Step 3: finish
//===----------------------------------------------------------------------===//

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
      Monomial otherRest =
          centre ? without(other.rest, centre->y) : other.rest;
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
        term = algebra.mul(
            term, algebra.exp(algebra.of(
                      plan.components[*wanted.reference].atom)));
      result.value = algebra.add(result.value, term);
      if (!alpha.asConstant())
        rules.insert("R1");
    }
  }
  if (normal.summands.size() > 1)
    rules.insert("R4");
  Poly refined = refine(result.value);
  if (!(refined == result.value))
    rules.insert("R3");
  result.value = refined;
  result.rules.assign(rules.begin(), rules.end());
  formOf[normal.op] = result.value;
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
  if (finite && hazards.empty() && result.conditions.empty())
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

} // namespace

Plan einfall::derive::makePlan(Stream &stream, ArrayRef<ReduceOp> members,
                      const DenseSet<Operation *> &asWritten) {
  return Planner(stream, asWritten).run(members);
}
