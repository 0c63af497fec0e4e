//===- Index.cpp - Integers of a device program, symbolically -------------===//

#include "passes/Traffic/Index.h"

#include <algorithm>
#include <numeric>

using namespace einfall::traffic;

bool Form::has(Ref variable) const {
  return std::binary_search(variables.begin(), variables.end(), variable,
                            [](Ref a, Ref b) { return a->age < b->age; });
}

//===----------------------------------------------------------------------===//
// Numeric bounds
//===----------------------------------------------------------------------===//

static int64_t clampWide(__int128 value) {
  if (value >= unbounded)
    return unbounded;
  if (value <= -unbounded)
    return -unbounded;
  return static_cast<int64_t>(value);
}

static int64_t addBounds(int64_t a, int64_t b) {
  if (a == unbounded || b == unbounded)
    return unbounded;
  if (a == -unbounded || b == -unbounded)
    return -unbounded;
  return clampWide(__int128(a) + b);
}

static int64_t mulBounds(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  return clampWide(__int128(a) * b);
}

static int64_t floorQuotientOf(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static void boundsOf(const Term &term, int64_t &low, int64_t &high) {
  low = high = 1;
  for (Ref atom : term.atoms) {
    int64_t a = mulBounds(low, atom->low), b = mulBounds(low, atom->high),
            c = mulBounds(high, atom->low), d = mulBounds(high, atom->high);
    low = std::min({a, b, c, d});
    high = std::max({a, b, c, d});
  }
  low = mulBounds(low, term.coefficient);
  high = mulBounds(high, term.coefficient);
  if (term.coefficient < 0)
    std::swap(low, high);
}

//===----------------------------------------------------------------------===//
// Making forms
//===----------------------------------------------------------------------===//

static bool olderMonomial(const Monomial &a, const Monomial &b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [](Ref x, Ref y) { return x->age < y->age; });
}

static void addVariables(std::vector<Ref> &to, const std::vector<Ref> &from) {
  std::vector<Ref> all;
  std::set_union(to.begin(), to.end(), from.begin(), from.end(),
                 std::back_inserter(all),
                 [](Ref a, Ref b) { return a->age < b->age; });
  to = std::move(all);
}

Pool::Pool() {
  zero = number(0);
  one = number(1);
  for (int64_t value : {0, 1}) {
    Form form{Kind::Constant};
    form.low = form.high = value;
    (value ? yes : no) = make(std::move(form));
  }
  lane = variable("lane", zero, number(32));
}

Ref Pool::make(Form form) {
  size_t hash = static_cast<size_t>(form.kind) * 1000003;
  auto mix = [&](size_t value) { hash = (hash ^ value) * 0x9e3779b97f4a7c15; };
  for (const Term &term : form.terms) {
    mix(term.coefficient);
    for (Ref atom : term.atoms)
      mix(atom->age);
  }
  for (Ref operand : form.operands)
    mix(operand->age);
  mix(std::hash<std::string>()(form.name));
  if (form.kind == Kind::Constant)
    mix(form.low);
  auto [from, to] = unique.equal_range(hash);
  for (auto it = from; it != to; ++it) {
    Ref known = it->second;
    if (known->kind == form.kind && known->terms == form.terms &&
        known->operands == form.operands && known->name == form.name &&
        (form.kind != Kind::Constant || known->low == form.low))
      return known;
  }
  form.age = forms.size();
  auto look = [&](Ref part) {
    addVariables(form.variables, part->variables);
    addVariables(form.bound, part->bound);
    form.hasUnknown |= part->hasUnknown;
  };
  for (const Term &term : form.terms)
    for (Ref atom : term.atoms)
      look(atom);
  if (form.kind == Kind::Variable) {
    // Its range is no part of it.
  } else if (form.kind == Kind::Sum || form.kind == Kind::Sectors) {
    Ref bound = form.kind == Kind::Sum ? form.operands[0] : atomOf(lane);
    for (size_t i = form.kind == Kind::Sum; i < form.operands.size(); ++i)
      look(form.operands[i]);
    std::erase(form.variables, bound);
    addVariables(form.bound, {bound});
  } else {
    for (Ref operand : form.operands)
      look(operand);
  }
  forms.push_back(std::make_unique<Form>(std::move(form)));
  Form *made = forms.back().get();
  if (made->kind == Kind::Variable)
    made->variables = {made};
  if (made->kind == Kind::Unknown || made->kind == Kind::UnknownTruth)
    made->hasUnknown = true;
  unique.emplace(hash, made);
  return made;
}

Ref Pool::polynomial(const std::map<Monomial, int64_t> &from) {
  Form form{Kind::Polynomial};
  for (const auto &[atoms, coefficient] : from)
    if (coefficient)
      form.terms.push_back({atoms, coefficient});
  std::sort(form.terms.begin(), form.terms.end(),
            [](const Term &a, const Term &b) {
              return olderMonomial(a.atoms, b.atoms);
            });
  form.low = form.high = 0;
  for (const Term &term : form.terms) {
    int64_t low, high;
    boundsOf(term, low, high);
    form.low = addBounds(form.low, low);
    form.high = addBounds(form.high, high);
  }
  return make(std::move(form));
}

Ref Pool::number(int64_t value) { return polynomial({{Monomial(), value}}); }

Ref Pool::asInteger(Ref atom) {
  return atom->kind == Kind::Polynomial ? atom : polynomial({{{atom}, 1}});
}

Ref Pool::atomOf(Ref a) {
  if (a->kind != Kind::Polynomial)
    return a;
  if (a->terms.size() == 1 && a->terms[0].coefficient == 1 &&
      a->terms[0].atoms.size() == 1)
    return a->terms[0].atoms[0];
  return nullptr;
}

Ref Pool::atom(Kind kind, std::vector<Ref> operands, int64_t low,
               int64_t high) {
  Form form{kind};
  form.operands = std::move(operands);
  form.low = low;
  form.high = high;
  return asInteger(make(std::move(form)));
}

Ref Pool::parameter(const std::string &name, int64_t low, int64_t high) {
  Form form{Kind::Parameter};
  form.name = name;
  form.low = low;
  form.high = high;
  return asInteger(make(std::move(form)));
}

Ref Pool::variable(const std::string &name, Ref from, Ref to) {
  Form form{Kind::Variable};
  form.name = name + "#" + std::to_string(variables++);
  form.operands = {from, to};
  form.low = from->low;
  form.high = addBounds(to->high, -1);
  return asInteger(make(std::move(form)));
}

Ref Pool::unknown(const std::string &source) {
  Form form{Kind::Unknown};
  form.name = source + "#" + std::to_string(forms.size());
  form.low = -unbounded;
  form.high = unbounded;
  return asInteger(make(std::move(form)));
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

using Terms = std::map<Monomial, int64_t>;

static Terms termsOf(Ref a) {
  Terms terms;
  for (const Term &term : a->terms)
    terms[term.atoms] = term.coefficient;
  return terms;
}

static Monomial product(const Monomial &a, const Monomial &b) {
  Monomial atoms;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(atoms),
             [](Ref x, Ref y) { return x->age < y->age; });
  return atoms;
}

/// d (x / d) + x mod d is x.
void Pool::joinRemainders(Terms &terms) {
  for (bool again = true; again;) {
    again = false;
    for (const auto &[atoms, coefficient] : terms) {
      auto found = std::find_if(atoms.begin(), atoms.end(), [](Ref atom) {
        return atom->kind == Kind::Remainder;
      });
      if (found == atoms.end() || !coefficient)
        continue;
      Ref x = (*found)->operands[0], d = (*found)->operands[1];
      Monomial others(atoms);
      others.erase(others.begin() + (found - atoms.begin()));
      Ref quotient = nullptr;
      for (const auto &[other, times] : terms)
        for (Ref atom : other)
          if (atom->kind == Kind::Quotient &&
              atom->operands == (*found)->operands)
            quotient = atom;
      if (!quotient)
        continue;
      Ref factor = polynomial({{others, coefficient}});
      Ref whole = mul(factor, mul(d, asInteger(quotient)));
      bool all = !whole->terms.empty();
      for (const Term &term : whole->terms) {
        auto it = terms.find(term.atoms);
        all = all && it != terms.end() && it->second == term.coefficient;
      }
      if (!all)
        continue;
      Monomial gone = atoms;
      for (const Term &term : whole->terms)
        terms.erase(term.atoms);
      terms.erase(gone);
      for (const Term &term : mul(factor, x)->terms)
        terms[term.atoms] += term.coefficient;
      again = true;
      break;
    }
  }
}

Ref Pool::add(Ref a, Ref b) {
  if (a == zero)
    return b;
  if (b == zero)
    return a;
  Terms terms = termsOf(a);
  for (const Term &term : b->terms)
    terms[term.atoms] += term.coefficient;
  joinRemainders(terms);
  return polynomial(terms);
}

Ref Pool::scale(Ref a, int64_t by) {
  Terms terms;
  for (const Term &term : a->terms)
    terms[term.atoms] = term.coefficient * by;
  return polynomial(terms);
}

Ref Pool::mul(Ref a, Ref b) {
  Terms terms;
  for (const Term &x : a->terms)
    for (const Term &y : b->terms)
      terms[product(x.atoms, y.atoms)] += x.coefficient * y.coefficient;
  return polynomial(terms);
}

/// Where every term of a is divided by the one term of `divisor`.
static bool dividedTerm(const Term &term, const Term &divisor, Term &result) {
  if (term.coefficient % divisor.coefficient)
    return false;
  result = {{}, term.coefficient / divisor.coefficient};
  Monomial left = divisor.atoms;
  for (Ref atom : term.atoms) {
    auto it = std::find(left.begin(), left.end(), atom);
    if (it != left.end())
      left.erase(it);
    else
      result.atoms.push_back(atom);
  }
  return left.empty();
}

/// dividend = divisor * whole + rest; `rest` need not be in range.
bool Pool::split(Ref dividend, Ref divisor, Ref &whole, Ref &rest) {
  if (divisor->terms.size() != 1)
    return false;
  Terms multiple, others;
  for (const Term &term : dividend->terms) {
    Term divided;
    if (dividedTerm(term, divisor->terms[0], divided)) {
      multiple[divided.atoms] += divided.coefficient;
    } else if (divisor->isConstant() && term.atoms.empty()) {
      int64_t part = floorQuotientOf(term.coefficient, divisor->constant());
      multiple[{}] += part;
      others[{}] += term.coefficient - part * divisor->constant();
    } else {
      others[term.atoms] += term.coefficient;
    }
  }
  whole = polynomial(multiple);
  rest = polynomial(others);
  return true;
}

Ref Pool::quotient(Ref a, Ref b) {
  a = resolve(a);
  b = resolve(b);
  if (b == one || a == zero)
    return a;
  if (a == b && b->low > 0)
    return one;
  Ref whole = zero, rest = a;
  split(a, b, whole, rest);
  if (rest == zero)
    return whole;
  if (rest->low >= 0 && rest->high < b->low)
    return whole;
  if (rest->low >= 0 && isNotNegative(sub(b, add(rest, one))))
    return whole;
  if (b->isConstant() && b->constant() > 0) {
    // A factor that all but the constant have in common.
    int64_t common = b->constant();
    for (const Term &term : rest->terms)
      if (!term.atoms.empty())
        common = std::gcd(common, term.coefficient);
    if (common > 1) {
      Terms terms;
      for (const Term &term : rest->terms)
        terms[term.atoms] = floorQuotientOf(term.coefficient, common);
      return add(whole,
                 quotient(polynomial(terms), number(b->constant() / common)));
    }
    // (u + c w) / (c d) is w / d for 0 <= u < c.
    for (const Term &term : rest->terms) {
      int64_t c = std::abs(term.coefficient);
      if (term.atoms.empty() || c <= 1 || b->constant() % c)
        continue;
      Ref w, u;
      if (split(rest, number(c), w, u) && u->low >= 0 && u->high < c)
        return add(whole, quotient(w, number(b->constant() / c)));
    }
    // (x / n) / m is x / (n m).
    if (Ref inner = atomOf(rest); inner && inner->kind == Kind::Quotient &&
                                  inner->operands[1]->isConstant())
      return add(whole, quotient(inner->operands[0],
                                 scale(b, inner->operands[1]->constant())));
  }
  // The digits of a number.
  Ref variable = atomOf(rest);
  if (splitsVariables && variable && variable->kind == Kind::Variable &&
      variable->operands[0] == zero && b->terms.size() == 1 && b->low >= 0 &&
      variable != atomOf(lane)) {
    Ref count, left;
    if (split(variable->operands[1], b, count, left) && left == zero) {
      std::string name = variable->name.substr(0, variable->name.find('#'));
      Ref low = this->variable(name, zero, b);
      Ref high = this->variable(name, zero, count);
      define(variable, add(low, mul(b, high)));
      return add(whole, high);
    }
  }
  int64_t low = -unbounded, high = unbounded;
  if (b->low > 0 && rest->low > -unbounded)
    low = rest->low >= 0 && b->high == unbounded
              ? 0
              : std::min(floorQuotientOf(rest->low, b->low),
                         floorQuotientOf(rest->low, b->high));
  else if (rest->low >= 0)
    low = 0;
  if (rest->high < unbounded)
    high = b->low > 0
               ? std::max(floorQuotientOf(rest->high, b->low), int64_t(0))
               : std::max(rest->high, int64_t(0));
  return add(whole, atom(Kind::Quotient, {rest, b}, low, high));
}

Ref Pool::remainder(Ref a, Ref b) {
  a = resolve(a);
  b = resolve(b);
  if (b == one)
    return zero;
  Ref whole, rest;
  if (split(a, b, whole, rest)) {
    if (rest == zero)
      return zero;
    if (rest->low >= 0 &&
        (rest->high < b->low || isNotNegative(sub(b, add(rest, one)))))
      return rest;
    if (b->isConstant())
      for (const Term &term : rest->terms) {
        int64_t c = std::abs(term.coefficient);
        if (term.atoms.empty() || c <= 1 || b->constant() % c)
          continue;
        Ref w, u;
        if (split(rest, number(c), w, u) && u->low >= 0 && u->high < c)
          return add(u, scale(remainder(w, number(b->constant() / c)), c));
      }
    Ref variable = atomOf(rest);
    if (splitsVariables && variable && variable->kind == Kind::Variable) {
      quotient(rest, b);
      if (Ref digits = resolve(rest); digits != rest)
        return remainder(digits, b);
    }
    a = rest;
  }
  return atom(Kind::Remainder, {a, b}, 0,
              b->high < unbounded ? b->high - 1 : unbounded);
}

/// a <= b for a = x / d and b = y / d with x <= y.
static bool quotientsCompare(Pool &pool, Ref a, Ref b) {
  Ref x = Pool::atomOf(a), y = Pool::atomOf(b);
  return x && y && x->kind == Kind::Quotient && y->kind == Kind::Quotient &&
         x->operands[1] == y->operands[1] && x->operands[1]->low > 0 &&
         pool.isNotNegative(pool.sub(y->operands[0], x->operands[0]));
}

Ref Pool::minimum(Ref a, Ref b) {
  if (a == b || quotientsCompare(*this, a, b))
    return a;
  if (quotientsCompare(*this, b, a))
    return b;
  if (isNotNegative(sub(b, a)))
    return a;
  if (isNotNegative(sub(a, b)))
    return b;
  // min(min(a, c), b) where a and b compare.
  for (auto [x, y] : {std::pair(a, b), std::pair(b, a)})
    if (Ref inner = atomOf(x); inner && inner->kind == Kind::Minimum)
      for (int i : {0, 1}) {
        if (isNotNegative(sub(y, inner->operands[i])))
          return x;
        if (isNotNegative(sub(inner->operands[i], y)))
          return minimum(inner->operands[1 - i], y);
      }
  if (b->age < a->age)
    std::swap(a, b);
  return atom(Kind::Minimum, {a, b}, std::min(a->low, b->low),
              std::min(a->high, b->high));
}

Ref Pool::maximum(Ref a, Ref b) {
  if (a == b || quotientsCompare(*this, b, a))
    return a;
  if (quotientsCompare(*this, a, b))
    return b;
  if (isNotNegative(sub(b, a)))
    return b;
  if (isNotNegative(sub(a, b)))
    return a;
  if (b->age < a->age)
    std::swap(a, b);
  return atom(Kind::Maximum, {a, b}, std::max(a->low, b->low),
              std::max(a->high, b->high));
}

Ref Pool::choice(Ref truth, Ref a, Ref b) {
  if (truth == yes || a == b)
    return a;
  if (truth == no)
    return b;
  if (truth->kind == Kind::NotNegative) {
    // x < y ? x : y and its kin.
    Ref difference = truth->operands[0];
    for (int64_t offset : {0, 1}) {
      Ref shifted = add(difference, number(offset));
      if (shifted == sub(b, a))
        return minimum(a, b);
      if (shifted == sub(a, b))
        return maximum(a, b);
    }
  }
  return atom(Kind::Choice, {truth, a, b}, std::min(a->low, b->low),
              std::max(a->high, b->high));
}

Ref Pool::sum(Ref variable, Ref from, Ref to, Ref body) {
  variable = atomOf(variable);
  if (body == zero)
    return zero;
  if (!body->has(variable))
    return mul(body, maximum(zero, sub(to, from)));
  return atom(Kind::Sum, {variable, from, to, body},
              body->low >= 0 ? 0 : -unbounded, unbounded);
}

Ref Pool::sectors(Ref active, Ref address, Ref bytes) {
  if (active == no)
    return zero;
  return atom(Kind::Sectors, {active, address, bytes}, 0, unbounded);
}

//===----------------------------------------------------------------------===//
// Truths
//===----------------------------------------------------------------------===//

Ref Pool::unknownTruth(const std::string &source) {
  Form form{Kind::UnknownTruth};
  form.name = source + "#" + std::to_string(forms.size());
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::notNegative(Ref a) {
  if (a->low >= 0 || isNotNegative(a))
    return yes;
  if (a->high < 0 || isNotNegative(sub(number(-1), a)))
    return no;
  // A choice between numbers, compared with a number.
  Ref inner = nullptr;
  int64_t offset = 0;
  for (const Term &term : a->terms)
    if (term.atoms.empty())
      offset = term.coefficient;
    else if (!inner && term.coefficient == 1 && term.atoms.size() == 1 &&
             term.atoms[0]->kind == Kind::Choice)
      inner = term.atoms[0];
    else
      inner = zero;
  if (inner && inner != zero) {
    auto arm = [&](int i) {
      return notNegative(add(inner->operands[i], number(offset)));
    };
    return either(both(inner->operands[0], arm(1)),
                  both(negate(inner->operands[0]), arm(2)));
  }
  Form form{Kind::NotNegative};
  form.operands = {a};
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::isZero(Ref a) {
  if (a == zero)
    return yes;
  if (a->low > 0 || a->high < 0)
    return no;
  // A truth as a number, compared with a number.
  Terms terms = termsOf(a);
  int64_t constant = terms[Monomial()];
  terms.erase(Monomial());
  if (terms.size() == 1) {
    auto &[atoms, coefficient] = *terms.begin();
    if (atoms.size() == 1 && atoms[0]->kind == Kind::Choice) {
      auto arm = [&](int i) {
        return isZero(
            add(scale(atoms[0]->operands[i], coefficient), number(constant)));
      };
      Ref truth = atoms[0]->operands[0];
      return either(both(truth, arm(1)), both(negate(truth), arm(2)));
    }
  }
  if (a->terms.front().coefficient < 0)
    a = scale(a, -1);
  Form form{Kind::Zero};
  form.operands = {a};
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::negate(Ref a) {
  if (a == yes || a == no)
    return truth(a == no);
  if (a->kind == Kind::Not)
    return a->operands[0];
  if (a->kind == Kind::NotNegative)
    return notNegative(sub(number(-1), a->operands[0]));
  if (a->kind == Kind::And)
    return either(negate(a->operands[0]), negate(a->operands[1]));
  if (a->kind == Kind::Or)
    return both(negate(a->operands[0]), negate(a->operands[1]));
  Form form{Kind::Not};
  form.operands = {a};
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::both(Ref a, Ref b) {
  if (a == no || b == yes || a == b)
    return a;
  if (b == no || a == yes)
    return b;
  if (a == negate(b))
    return no;
  Form form{Kind::And};
  form.operands = {a, b};
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

Ref Pool::either(Ref a, Ref b) {
  if (a == yes || b == no || a == b)
    return a;
  if (b == yes || a == no)
    return b;
  if (a == negate(b))
    return yes;
  Form form{Kind::Or};
  form.operands = {a, b};
  form.low = 0;
  form.high = 1;
  return make(std::move(form));
}

//===----------------------------------------------------------------------===//
// Substitution
//===----------------------------------------------------------------------===//

Ref Pool::rebuild(Ref form, std::unordered_map<Ref, Ref> &done,
                  const Substitution &what) {
  bool touched = std::any_of(what.begin(), what.end(), [&](const auto &each) {
    const std::vector<Ref> &v = each.first->variables;
    return std::includes(form->variables.begin(), form->variables.end(),
                         v.begin(), v.end(),
                         [](Ref a, Ref b) { return a->age < b->age; });
  });
  if (!touched)
    return form;
  if (auto it = what.find(form); it != what.end())
    return it->second;
  if (auto it = done.find(form); it != done.end())
    return it->second;
  auto part = [&](size_t i) { return rebuild(form->operands[i], done, what); };
  Ref result = form;
  switch (form->kind) {
  case Kind::Polynomial: {
    result = zero;
    for (const Term &term : form->terms) {
      Ref each = number(term.coefficient);
      for (Ref atom : term.atoms)
        each = mul(each, asInteger(rebuild(atom, done, what)));
      result = add(result, each);
    }
    break;
  }
  case Kind::Variable:
    break; // another one
  case Kind::Quotient:
    result = quotient(part(0), part(1));
    break;
  case Kind::Remainder:
    result = remainder(part(0), part(1));
    break;
  case Kind::Minimum:
    result = minimum(part(0), part(1));
    break;
  case Kind::Maximum:
    result = maximum(part(0), part(1));
    break;
  case Kind::Choice:
    result = choice(part(0), part(1), part(2));
    break;
  case Kind::Sum:
    result = sum(form->operands[0], part(1), part(2), part(3));
    break;
  case Kind::Sectors:
    result = sectors(part(0), part(1), part(2));
    break;
  case Kind::NotNegative:
    result = notNegative(part(0));
    break;
  case Kind::Zero:
    result = isZero(part(0));
    break;
  case Kind::And:
    result = both(part(0), part(1));
    break;
  case Kind::Or:
    result = either(part(0), part(1));
    break;
  case Kind::Not:
    result = negate(part(0));
    break;
  case Kind::Parameter:
  case Kind::Unknown:
  case Kind::UnknownTruth:
  case Kind::Constant:
    break;
  }
  done[form] = result;
  return result;
}

Ref Pool::substitute(Ref form, const Substitution &what) {
  std::unordered_map<Ref, Ref> done;
  return rebuild(form, done, what);
}

Ref Pool::resolve(Ref form) {
  while (std::any_of(form->variables.begin(), form->variables.end(),
                     [&](Ref v) { return defined.count(v); }))
    form = substitute(form, defined);
  return form;
}

void Pool::define(Ref variable, Ref value) {
  defined[atomOf(variable)] = value;
}

static void addSources(Ref form, std::set<Ref> &seen,
                       std::set<std::string> &to) {
  if (!form->hasUnknown || !seen.insert(form).second)
    return;
  if (form->kind == Kind::Unknown || form->kind == Kind::UnknownTruth) {
    std::string source = form->name.substr(0, form->name.rfind('#'));
    for (size_t at = 0; at < source.size();) {
      size_t end = std::min(source.find(", ", at), source.size());
      to.insert(source.substr(at, end - at));
      at = end + 2;
    }
  }
  for (const Term &term : form->terms)
    for (Ref atom : term.atoms)
      addSources(atom, seen, to);
  for (Ref operand : form->operands)
    addSources(operand, seen, to);
}

std::set<std::string> einfall::traffic::sourcesOf(Ref form) {
  std::set<Ref> seen;
  std::set<std::string> sources;
  addSources(form, seen, sources);
  return sources;
}

bool Pool::mentions(Ref form, Ref variable) {
  return form->has(variable) ||
         std::binary_search(form->bound.begin(), form->bound.end(), variable,
                            [](Ref a, Ref b) { return a->age < b->age; });
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

bool Pool::isLinear(Ref form, Ref variable, Ref &a, Ref &b) {
  variable = atomOf(variable);
  Terms factor, rest;
  for (const Term &term : form->terms) {
    Monomial others;
    unsigned times = 0;
    for (Ref atom : term.atoms) {
      if (atom == variable)
        ++times;
      else if (atom->has(variable))
        return false;
      else
        others.push_back(atom);
    }
    if (times > 1)
      return false;
    (times ? factor : rest)[times ? others : term.atoms] += term.coefficient;
  }
  a = polynomial(factor);
  b = polynomial(rest);
  return true;
}

Ref Pool::extreme(Ref form, const std::vector<Ref> &over, bool greatest) {
  auto isOver = [&](Ref atom) {
    return atom->hasUnknown ||
           std::any_of(over.begin(), over.end(),
                       [&](Ref v) { return atom->has(atomOf(v)); });
  };
  if (!isOver(form))
    return form;
  // Atoms that are no variables first.
  for (const Term &term : form->terms)
    for (Ref each : term.atoms) {
      if (each->kind == Kind::Variable || !isOver(each))
        continue;
      Ref a, b;
      Terms factor, rest;
      for (const Term &other : form->terms) {
        Monomial others = other.atoms;
        auto it = std::find(others.begin(), others.end(), each);
        if (it == others.end()) {
          rest[other.atoms] += other.coefficient;
          continue;
        }
        others.erase(it);
        if (std::find(others.begin(), others.end(), each) != others.end())
          return nullptr;
        factor[others] += other.coefficient;
      }
      a = polynomial(factor);
      b = polynomial(rest);
      bool up = greatest;
      if (a->low >= 0)
        ;
      else if (a->high <= 0)
        up = !greatest;
      else
        return nullptr;
      Ref end = nullptr;
      if (each->kind == Kind::Minimum || each->kind == Kind::Maximum) {
        Ref x = extreme(each->operands[0], over, up);
        Ref y = extreme(each->operands[1], over, up);
        bool isLeast = each->kind == Kind::Minimum;
        if (x && y)
          end = isLeast ? minimum(x, y) : maximum(x, y);
        else if (isLeast == up) // one of them bounds it
          end = x ? x : y;
      } else if (each->kind == Kind::Quotient && !isOver(each->operands[1]) &&
                 each->operands[1]->low > 0) {
        if (Ref x = extreme(each->operands[0], over, up))
          end = quotient(x, each->operands[1]);
      }
      int64_t numeric = up ? each->high : each->low;
      if (!end && numeric > -unbounded && numeric < unbounded)
        end = number(numeric);
      if (!end)
        return nullptr;
      return extreme(add(mul(a, end), b), over, greatest);
    }
  // Then variables, the newest first, as ranges depend on older ones.
  Ref newest = nullptr;
  for (Ref v : form->variables)
    if (isOver(v) && (!newest || v->age > newest->age))
      newest = v;
  Ref a, b;
  if (!newest || !isLinear(form, newest, a, b))
    return nullptr;
  bool up = greatest;
  if (a->low >= 0)
    ;
  else if (a->high <= 0)
    up = !greatest;
  else
    return nullptr;
  Ref end = up ? sub(newest->operands[1], one) : newest->operands[0];
  return extreme(add(mul(a, end), b), over, greatest);
}

bool Pool::isNotNegative(Ref form) {
  if (form->low >= 0)
    return true;
  if (form->high < 0)
    return false;
  if (Ref bound = withoutQuotients(form); bound->low >= 0)
    return true;
  if (form->variables.empty())
    return false;
  Ref end = extreme(form, form->variables, false);
  return end && end->low >= 0;
}

/// c (x / c) as a lower bound of it: x - c + 1 where it is added, x where it is
/// taken away.
Ref Pool::withoutQuotients(Ref form) {
  Ref result = zero;
  for (const Term &term : form->terms) {
    Ref each = polynomial({{term.atoms, term.coefficient}});
    Ref atom = term.atoms.size() == 1 ? term.atoms[0] : nullptr;
    if (atom && atom->kind == Kind::Quotient &&
        atom->operands[1]->isConstant() && atom->operands[1]->low > 0 &&
        term.coefficient % atom->operands[1]->constant() == 0) {
      int64_t c = atom->operands[1]->constant();
      Ref x = atom->operands[0];
      if (term.coefficient > 0)
        x = add(x, number(1 - c));
      each = scale(x, term.coefficient / c);
    }
    result = add(result, each);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

namespace {
/// Values are kept as long as no variable in them changes.
class Evaluation {
public:
  Evaluation(const Pool &pool, const Bindings &bindings)
      : lane(Pool::atomOf(pool.lane)), bindings(bindings) {}

  int64_t of(Ref form);
  bool failed = false;

private:
  struct Known {
    int64_t value;
    uint64_t time;
  };
  int64_t compute(Ref form);
  void set(Ref variable, int64_t value) {
    Known &known = values[variable];
    known = {value, ++now};
  }

  Ref lane;
  const Bindings &bindings;
  uint64_t now = 0;
  std::unordered_map<Ref, Known> values, cache;
};
} // namespace

int64_t Evaluation::of(Ref form) {
  if (failed)
    return 0;
  if (form->kind == Kind::Variable) {
    auto it = values.find(form);
    if (it == values.end()) {
      failed = true;
      return 0;
    }
    return it->second.value;
  }
  uint64_t changed = 0;
  for (Ref v : form->variables)
    if (auto it = values.find(v); it != values.end())
      changed = std::max(changed, it->second.time);
  auto [it, isNew] = cache.try_emplace(form);
  if (!isNew && it->second.time >= changed)
    return it->second.value;
  int64_t value = compute(form);
  cache[form] = {value, now};
  return value;
}

int64_t Evaluation::compute(Ref form) {
  auto part = [&](size_t i) { return of(form->operands[i]); };
  switch (form->kind) {
  case Kind::Polynomial: {
    int64_t sum = 0;
    for (const Term &term : form->terms) {
      int64_t product = term.coefficient;
      for (Ref atom : term.atoms) {
        if (!product)
          break;
        if (__builtin_mul_overflow(product, of(atom), &product))
          failed = true;
      }
      if (__builtin_add_overflow(sum, product, &sum))
        failed = true;
    }
    return sum;
  }
  case Kind::Parameter: {
    std::optional<int64_t> value = bindings(form->name);
    failed |= !value;
    return value.value_or(0);
  }
  case Kind::Quotient:
  case Kind::Remainder: {
    int64_t a = part(0), b = part(1);
    if (b <= 0) {
      failed = true;
      return 0;
    }
    int64_t whole = floorQuotientOf(a, b);
    return form->kind == Kind::Quotient ? whole : a - whole * b;
  }
  case Kind::Minimum:
    return std::min(part(0), part(1));
  case Kind::Maximum:
    return std::max(part(0), part(1));
  case Kind::Choice:
    return part(0) ? part(1) : part(2);
  case Kind::Sum: {
    int64_t from = part(1), to = part(2), sum = 0;
    for (int64_t i = from; i < to && !failed; ++i) {
      set(form->operands[0], i);
      if (__builtin_add_overflow(sum, part(3), &sum))
        failed = true;
    }
    return sum;
  }
  case Kind::Sectors: {
    std::vector<int64_t> touched;
    for (int64_t i = 0; i < 32 && !failed; ++i) {
      set(lane, i);
      if (!part(0))
        continue;
      int64_t address = part(1), bytes = part(2);
      if (bytes <= 0)
        continue;
      for (int64_t s = floorQuotientOf(address, 32);
           s <= floorQuotientOf(address + bytes - 1, 32); ++s)
        touched.push_back(s);
    }
    std::sort(touched.begin(), touched.end());
    return std::unique(touched.begin(), touched.end()) - touched.begin();
  }
  case Kind::Constant:
    return form->low;
  case Kind::NotNegative:
    return part(0) >= 0;
  case Kind::Zero:
    return part(0) == 0;
  case Kind::And:
    return part(0) && part(1);
  case Kind::Or:
    return part(0) || part(1);
  case Kind::Not:
    return !part(0);
  case Kind::Variable:
  case Kind::Unknown:
  case Kind::UnknownTruth:
    break;
  }
  failed = true;
  return 0;
}

std::optional<int64_t> einfall::traffic::evaluate(Ref form, const Pool &pool,
                                                  const Bindings &bindings) {
  Evaluation evaluation(pool, bindings);
  int64_t value = evaluation.of(form);
  if (evaluation.failed)
    return std::nullopt;
  return value;
}
