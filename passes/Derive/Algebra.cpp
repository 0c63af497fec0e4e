//===- Algebra.cpp - Exponential polynomials over fields ------------------===//

#include "passes/Derive/Algebra.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::derive;
using cascade::Function;

/// Beyond this a power of a sum is left alone.
static constexpr int maxDegree = 6;

//===----------------------------------------------------------------------===//
// Monomials, polynomials and atoms
//===----------------------------------------------------------------------===//

int Monomial::power(AtomId atom) const {
  for (auto [factor, power] : factors)
    if (factor == atom)
      return power;
  return 0;
}

std::optional<Rational> Poly::asConstant() const {
  if (terms.empty())
    return Rational(0);
  if (terms.size() == 1 && terms.begin()->first.isOne())
    return terms.begin()->second;
  return std::nullopt;
}

Algebra::Algebra() {
  exponents.emplace_back();
  exponentIds[Poly()] = 0;
}

AtomId Algebra::intern(std::string key, Atom atom) {
  auto [it, isNew] = atomIds.try_emplace(key, atoms.size());
  if (isNew)
    atoms.push_back(std::move(atom));
  return it->second;
}

std::string Algebra::key(const Poly &poly) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (auto &[monomial, coefficient] : poly.terms) {
    os << '+' << coefficient.str();
    for (auto [atom, power] : monomial.factors)
      os << '*' << atom << '^' << power;
    os << 'e' << monomial.exponent;
  }
  return text;
}

AtomId Algebra::leaf(Value value, bool carries, unsigned level, bool positive) {
  Atom atom{Atom::Leaf, value};
  atom.carries = carries;
  atom.level = level;
  atom.positive = positive;
  return intern("leaf" + std::to_string(reinterpret_cast<uintptr_t>(
                             value.getAsOpaquePointer())),
                std::move(atom));
}

AtomId Algebra::component(unsigned number, unsigned level, bool positive) {
  Atom atom{Atom::Component};
  atom.number = number;
  atom.level = level;
  atom.positive = positive;
  return intern("component" + std::to_string(number), std::move(atom));
}

AtomId Algebra::choice(Value condition, bool truth, bool carries,
                       unsigned level) {
  Atom atom{Atom::Choice, condition};
  atom.truth = truth;
  atom.carries = carries;
  atom.level = level;
  return intern((truth ? "if" : "unless") +
                    std::to_string(reinterpret_cast<uintptr_t>(
                        condition.getAsOpaquePointer())),
                std::move(atom));
}

AtomId Algebra::symbol(StringRef name, bool carries, unsigned level,
                       bool positive) {
  Atom atom{Atom::Symbol};
  atom.name = name.str();
  atom.carries = carries;
  atom.level = level;
  atom.positive = positive;
  return intern("symbol" + name.str(), std::move(atom));
}

AtomId Algebra::sum(const Poly &poly) {
  if (poly.isSingle()) {
    auto &[monomial, coefficient] = *poly.terms.begin();
    if (coefficient.isOne() && monomial.exponent == 0 &&
        monomial.factors.size() == 1 && monomial.factors[0].second == 1)
      return monomial.factors[0].first;
  }
  Atom atom{Atom::Sum};
  atom.argument = poly;
  atom.carries = carries(poly);
  atom.level = level(poly);
  atom.positive = llvm::all_of(poly.terms, [&](auto &term) {
    return term.second.sign() > 0 &&
           llvm::all_of(term.first.factors, [&](auto &factor) {
             return atoms[factor.first].positive;
           });
  });
  return intern("sum" + key(poly), std::move(atom));
}

AtomId Algebra::apply(Function function, const Poly &argument) {
  Atom atom{Atom::Apply};
  atom.function = function;
  atom.argument = argument;
  atom.carries = carries(argument);
  atom.level = level(argument);
  atom.positive = function == Function::Sqrt;
  return intern("f" + std::to_string(static_cast<unsigned>(function)) +
                    key(argument),
                std::move(atom));
}

unsigned Algebra::exponentId(const Poly &poly) {
  auto [it, isNew] = exponentIds.try_emplace(poly, exponents.size());
  if (isNew)
    exponents.push_back(poly);
  return it->second;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Poly Algebra::constant(const Rational &value) const {
  return of(Monomial(), value);
}

Poly Algebra::of(AtomId atom, int power) const {
  Monomial monomial;
  monomial.factors.push_back({atom, power});
  return of(monomial);
}

Poly Algebra::of(const Monomial &monomial, const Rational &coefficient) const {
  Poly poly;
  if (!coefficient.isZero())
    poly.terms[monomial] = coefficient;
  return poly;
}

static void accumulate(Poly &into, const Monomial &monomial,
                       const Rational &coefficient) {
  auto [it, isNew] = into.terms.try_emplace(monomial, coefficient);
  if (isNew)
    return;
  it->second = it->second + coefficient;
  if (it->second.isZero())
    into.terms.erase(it);
}

Poly Algebra::add(const Poly &a, const Poly &b) const {
  Poly result = a;
  for (auto &[monomial, coefficient] : b.terms)
    accumulate(result, monomial, coefficient);
  return result;
}

Poly Algebra::sub(const Poly &a, const Poly &b) const {
  return add(a, scale(b, Rational(-1)));
}

Poly Algebra::scale(const Poly &a, const Rational &factor) const {
  Poly result;
  if (!factor.isZero())
    for (auto &[monomial, coefficient] : a.terms)
      result.terms[monomial] = coefficient * factor;
  return result;
}

Monomial Algebra::mul(const Monomial &a, const Monomial &b) {
  Monomial result;
  auto i = a.factors.begin(), j = b.factors.begin();
  while (i != a.factors.end() || j != b.factors.end()) {
    if (j == b.factors.end() || (i != a.factors.end() && i->first < j->first)) {
      result.factors.push_back(*i++);
    } else if (i == a.factors.end() || j->first < i->first) {
      result.factors.push_back(*j++);
    } else {
      if (int power = i->second + j->second)
        result.factors.push_back({i->first, power});
      ++i, ++j;
    }
  }
  result.exponent =
      a.exponent == 0 ? b.exponent
      : b.exponent == 0
          ? a.exponent
          : exponentId(add(exponents[a.exponent], exponents[b.exponent]));
  return result;
}

Poly Algebra::mul(const Poly &a, const Poly &b) {
  Poly result;
  for (auto &[left, p] : a.terms)
    for (auto &[right, q] : b.terms)
      accumulate(result, mul(left, right), p * q);
  return result;
}

std::optional<Poly> Algebra::power(const Poly &a, int power) {
  if (power < 0) {
    std::optional<Poly> inverted = inverse(a);
    return inverted ? this->power(*inverted, -power) : std::nullopt;
  }
  if (!a.isSingle() && power > maxDegree)
    return std::nullopt;
  if (a.isSingle()) {
    auto &[monomial, coefficient] = *a.terms.begin();
    Monomial result;
    if (power != 0) {
      for (auto [atom, k] : monomial.factors)
        result.factors.push_back({atom, k * power});
      if (monomial.exponent)
        result.exponent =
            exponentId(scale(exponents[monomial.exponent], Rational(power)));
    }
    return of(result, coefficient.power(power));
  }
  Poly result = constant(1);
  for (int i = 0; i < power; ++i)
    result = mul(result, a);
  return result;
}

std::optional<Poly> Algebra::inverse(const Poly &a) {
  if (a.isZero())
    return std::nullopt;
  if (a.isSingle()) {
    auto &[monomial, coefficient] = *a.terms.begin();
    Monomial result;
    for (auto [atom, k] : monomial.factors)
      result.factors.push_back({atom, -k});
    if (monomial.exponent)
      result.exponent =
          exponentId(scale(exponents[monomial.exponent], Rational(-1)));
    return of(result, Rational(1) / coefficient);
  }
  auto [exponent, rest] = pullExponent(a);
  return mul(exp(scale(exponent, Rational(-1))), of(sum(rest), -1));
}

std::pair<Poly, Poly> Algebra::pullExponent(const Poly &a) {
  unsigned common = 0;
  for (auto &[monomial, coefficient] : a.terms)
    if (monomial.exponent && llvm::any_of(monomial.factors, [&](auto &factor) {
          return atoms[factor.first].kind == Atom::Component;
        }))
      common = monomial.exponent;
  if (!common)
    return {Poly(), a};
  Poly exponent = exponents[common];
  return {exponent, mul(a, exp(scale(exponent, Rational(-1))))};
}

Poly Algebra::exp(const Poly &a) {
  // exp(k log x) is x^k for integer k.
  Monomial monomial;
  Poly rest;
  for (auto &[term, coefficient] : a.terms) {
    std::optional<int64_t> k = coefficient.asInteger();
    if (k && term.exponent == 0 && term.factors.size() == 1 &&
        term.factors[0].second == 1) {
      const Atom &atom = atoms[term.factors[0].first];
      if (atom.kind == Atom::Apply && atom.function == Function::Log) {
        Monomial base;
        base.factors.push_back(
            {sum(Poly(atom.argument)), static_cast<int>(*k)});
        monomial = mul(monomial, base);
        continue;
      }
    }
    rest.terms[term] = coefficient;
  }
  Monomial power;
  power.exponent = exponentId(rest);
  return of(mul(monomial, power));
}

std::optional<Poly> Algebra::log(const Poly &a) {
  if (!a.isSingle()) {
    auto [exponent, rest] = pullExponent(a);
    if (exponent.isZero() || !atoms[sum(rest)].positive)
      return std::nullopt;
    return add(exponent, of(apply(Function::Log, rest)));
  }
  auto &[monomial, coefficient] = *a.terms.begin();
  if (coefficient.sign() <= 0)
    return std::nullopt;
  Poly result = exponents[monomial.exponent];
  if (!coefficient.isOne())
    result = add(result, of(apply(Function::Log, constant(coefficient))));
  std::vector<std::pair<AtomId, int>> factors = monomial.factors;
  for (auto [atom, power] : factors) {
    if (!atoms[atom].positive)
      return std::nullopt;
    Poly argument =
        atoms[atom].kind == Atom::Sum ? Poly(atoms[atom].argument) : of(atom);
    result =
        add(result, scale(of(apply(Function::Log, argument)), Rational(power)));
  }
  return result;
}

std::optional<Poly> Algebra::sqrt(const Poly &a) {
  if (!a.isSingle())
    return std::nullopt;
  auto &[monomial, coefficient] = *a.terms.begin();
  std::optional<Rational> root = coefficient.squareRoot();
  if (!root)
    return std::nullopt;
  Poly result =
      exp(scale(exponents[monomial.exponent], Rational::fraction(1, 2)));
  std::vector<std::pair<AtomId, int>> factors = monomial.factors;
  for (auto [atom, power] : factors) {
    if (!atoms[atom].positive)
      return std::nullopt;
    result = mul(result, power % 2 == 0
                             ? of(atom, power / 2)
                             : of(apply(Function::Sqrt, of(atom)), power));
  }
  return scale(result, *root);
}

Poly Algebra::rewrite(const Poly &in,
                      llvm::function_ref<std::optional<Poly>(AtomId)> by) {
  Poly result;
  for (auto &[monomial, coefficient] : in.terms) {
    Poly term = constant(coefficient);
    if (monomial.exponent)
      term = mul(term, exp(rewrite(Poly(exponents[monomial.exponent]), by)));
    for (auto [atom, power] : monomial.factors) {
      std::optional<Poly> replacement = by(atom);
      std::optional<Poly> factor =
          replacement ? this->power(*replacement, power) : std::nullopt;
      term = mul(term, factor ? *factor : of(atom, power));
    }
    result = add(result, term);
  }
  return result;
}

Poly Algebra::substitute(const Poly &in, AtomId atom, const Poly &by) {
  Poly result;
  for (auto &[monomial, coefficient] : in.terms) {
    Monomial rest = monomial;
    int power = std::max(monomial.power(atom), 0);
    if (power > 0)
      llvm::erase_if(rest.factors,
                     [&](auto &factor) { return factor.first == atom; });
    if (monomial.exponent)
      rest.exponent = 0;
    Poly term = of(rest, coefficient);
    if (monomial.exponent)
      term = mul(term,
                 exp(substitute(Poly(exponents[monomial.exponent]), atom, by)));
    if (power > 0)
      if (std::optional<Poly> factor = this->power(by, power))
        term = mul(term, *factor);
      else
        term = mul(term, of(atom, power));
    result = add(result, term);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool Algebra::carries(const Monomial &monomial) const {
  return llvm::any_of(monomial.factors,
                      [&](auto &f) { return atoms[f.first].carries; }) ||
         (monomial.exponent && carries(exponents[monomial.exponent]));
}

bool Algebra::carries(const Poly &poly) const {
  return llvm::any_of(poly.terms,
                      [&](auto &term) { return carries(term.first); });
}

unsigned Algebra::level(const Monomial &monomial) const {
  unsigned result = monomial.exponent ? level(exponents[monomial.exponent]) : 0;
  for (auto [atom, power] : monomial.factors)
    result = std::max(result, atoms[atom].level);
  return result;
}

unsigned Algebra::level(const Poly &poly) const {
  unsigned result = 0;
  for (auto &[monomial, coefficient] : poly.terms)
    result = std::max(result, level(monomial));
  return result;
}

std::string Algebra::str(AtomId id) const {
  const Atom &atom = atoms[id];
  switch (atom.kind) {
  case Atom::Leaf:
    return fieldName(atom.value);
  case Atom::Apply:
    return cascade::stringifyFunction(atom.function).str() + "(" +
           str(atom.argument) + ")";
  case Atom::Sum:
    return "(" + str(atom.argument) + ")";
  case Atom::Choice:
    return (atom.truth ? "[" : "[not ") + fieldName(atom.value) + "]";
  case Atom::Component:
    return "t" + std::to_string(atom.number);
  case Atom::Symbol:
    return atom.name;
  }
  return "";
}

std::string Algebra::str(const Poly &poly) const {
  if (poly.isZero())
    return "0";
  std::string text;
  for (auto &[monomial, coefficient] : poly.terms) {
    bool negative = coefficient.sign() < 0;
    Rational size = negative ? -coefficient : coefficient;
    text += text.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
    std::string over, under;
    auto append = [&](std::string &side, const std::string &factor, int k) {
      side += (side.empty() ? "" : "*") + factor +
              (k == 1 ? "" : "^" + std::to_string(k));
    };
    if (!size.isOne())
      append(over, size.str(), 1);
    if (monomial.exponent)
      append(over, "exp(" + str(exponents[monomial.exponent]) + ")", 1);
    for (auto [atom, power] : monomial.factors)
      append(power > 0 ? over : under, str(atom), std::abs(power));
    text += over.empty() ? "1" : over;
    if (!under.empty())
      text += "/" + (under.find('*') == std::string::npos ? under
                                                          : "(" + under + ")");
  }
  return text;
}
