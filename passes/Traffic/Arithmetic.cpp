//===- Arithmetic.cpp - Sums, products and quotients of forms -------------===//

#include "passes/Traffic/Index.h"

#include "passes/Traffic/Terms.h"

#include <algorithm>
#include <numeric>

using namespace einfall::traffic;

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
