//===- Term.cpp - The language of proof obligations -----------------------===//

#include "passes/Proof/Term.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <deque>
#include <map>
#include <unordered_map>

using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

namespace einfall::proof {

struct Term::Node {
  TermContext *context;
  TermKind kind;
  Sort sort;
  unsigned id;
  llvm::SmallVector<Term, 3> operands;
  Rational value;
  std::string name;
};

struct TermContext::Storage {
  std::deque<Term::Node> nodes;
  std::unordered_multimap<size_t, const Term::Node *> table;
  llvm::StringMap<Term> symbols;
  llvm::StringMap<unsigned> lastFresh;
};

TermKind Term::kind() const { return node->kind; }
Sort Term::sort() const { return node->sort; }
unsigned Term::id() const { return node->id; }
TermContext &Term::context() const { return *node->context; }
ArrayRef<Term> Term::operands() const { return node->operands; }
const Rational &Term::value() const { return node->value; }
StringRef Term::name() const { return node->name; }

TermContext::TermContext() : storage(std::make_unique<Storage>()) {}
TermContext::~TermContext() = default;

Term TermContext::unique(TermKind kind, Sort sort, ArrayRef<Term> operands,
                         const Rational &value, StringRef name) {
  llvm::hash_code code =
      llvm::hash_combine(kind, sort, hash_value(value), name);
  for (Term operand : operands) {
    assert(&operand.context() == this && "a term of another context");
    code = llvm::hash_combine(code, operand.id());
  }
  size_t key = code;
  auto [begin, end] = storage->table.equal_range(key);
  for (auto it = begin; it != end; ++it) {
    const Term::Node &node = *it->second;
    if (node.kind == kind && node.sort == sort && node.name == name &&
        node.value == value && ArrayRef<Term>(node.operands) == operands)
      return Term(&node);
  }
  storage->nodes.push_back(
      {this, kind, sort, static_cast<unsigned>(storage->nodes.size()),
       llvm::SmallVector<Term, 3>(operands), value, name.str()});
  storage->table.emplace(key, &storage->nodes.back());
  return Term(&storage->nodes.back());
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

Term TermContext::constant(const Rational &value, Sort sort) {
  assert(sort != Sort::Bool && (sort == Sort::Real || value.isInteger()));
  return unique(TermKind::Constant, sort, {}, value);
}
Term TermContext::real(const Rational &value) {
  return constant(value, Sort::Real);
}
Term TermContext::integer(const Rational &value) {
  return constant(value, Sort::Int);
}
Term TermContext::boolean(bool value) {
  return unique(value ? TermKind::True : TermKind::False, Sort::Bool, {});
}

Term TermContext::symbol(StringRef name, Sort sort) {
  Term &entry = storage->symbols[name];
  if (entry.isNull())
    entry = unique(TermKind::Symbol, sort, {}, Rational(), name);
  assert(entry.sort() == sort && "one name with two sorts");
  return entry;
}

Term TermContext::fresh(StringRef prefix, Sort sort) {
  std::string name = prefix.str();
  while (storage->symbols.count(name))
    name = (prefix + "." + std::to_string(++storage->lastFresh[prefix])).str();
  return symbol(name, sort);
}

Term TermContext::apply(StringRef function, ArrayRef<Term> arguments,
                        Sort sort) {
  return unique(TermKind::Apply, sort, arguments, Rational(), function);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

std::pair<Rational, Term> splitCoefficient(Term term) {
  TermContext &context = term.context();
  if (term.isConstant())
    return {term.value(), context.constant(1, term.sort())};
  if (!term.is(TermKind::Mul) || !term.operand(0).isConstant())
    return {Rational(1), term};
  return {term.operand(0).value(),
          context.mul(term.operands().drop_front(), term.sort())};
}

static bool byId(Term a, Term b) { return a.id() < b.id(); }

Term TermContext::add(ArrayRef<Term> operands, Sort sort) {
  // Coefficients by what they multiply, in the order of creation.
  std::map<unsigned, std::pair<Rational, Term>> parts;
  Rational offset;
  auto collect = [&](auto &self, Term term) -> void {
    if (term.is(TermKind::Add)) {
      for (Term operand : term.operands())
        self(self, operand);
      return;
    }
    auto [coefficient, rest] = splitCoefficient(term);
    if (rest.isConstant()) {
      offset = offset + coefficient;
      return;
    }
    auto &entry = parts.try_emplace(rest.id(), Rational(), rest).first->second;
    entry.first = entry.first + coefficient;
  };
  for (Term operand : operands) {
    assert(operand.sort() != Sort::Bool && "a sum of truth values");
    sort = operand.sort();
    collect(collect, operand);
  }
  SmallVector<Term> terms;
  for (auto &[id, part] : parts)
    if (!part.first.isZero())
      terms.push_back(mul({constant(part.first, sort), part.second}, sort));
  if (!offset.isZero() || terms.empty())
    terms.push_back(constant(offset, sort));
  if (terms.size() == 1)
    return terms.front();
  return unique(TermKind::Add, sort, terms);
}

Term TermContext::mul(ArrayRef<Term> operands, Sort sort) {
  std::map<unsigned, std::pair<int64_t, Term>> powers;
  Rational coefficient(1);
  auto collect = [&](auto &self, Term term, int64_t exponent) -> void {
    if (term.isConstant()) {
      coefficient = coefficient * term.value().power(exponent);
    } else if (term.is(TermKind::Mul)) {
      for (Term operand : term.operands())
        self(self, operand, exponent);
    } else if (term.is(TermKind::Pow)) {
      self(self, term.operand(0), exponent * *term.value().asInteger());
    } else {
      powers.try_emplace(term.id(), 0, term).first->second.first += exponent;
    }
  };
  for (Term operand : operands) {
    assert(operand.sort() != Sort::Bool && "a product of truth values");
    sort = operand.sort();
    collect(collect, operand, 1);
  }
  if (coefficient.isZero() || powers.empty())
    return constant(coefficient, sort);
  if (powers.size() == 1 && !coefficient.isOne()) {
    auto &[exponent, base] = powers.begin()->second;
    if (exponent == 1 && base.is(TermKind::Add)) {
      SmallVector<Term> terms;
      for (Term term : base.operands())
        terms.push_back(mul({constant(coefficient, sort), term}, sort));
      return add(terms, sort);
    }
  }
  SmallVector<Term> factors;
  for (auto &[id, power] : powers) {
    auto &[exponent, base] = power;
    factors.push_back(exponent == 1 ? base
                                    : unique(TermKind::Pow, sort, {base},
                                             Rational(exponent)));
  }
  llvm::sort(factors, byId);
  if (!coefficient.isOne())
    factors.insert(factors.begin(), constant(coefficient, sort));
  if (factors.size() == 1)
    return factors.front();
  return unique(TermKind::Mul, sort, factors);
}

Term TermContext::pow(Term base, int64_t exponent) {
  if (exponent < 0)
    return div(real(1), pow(base, -exponent));
  return mul(SmallVector<Term>(exponent, base), base.sort());
}

Term TermContext::div(Term numerator, Term denominator) {
  assert(numerator.sort() == Sort::Real && denominator.sort() == Sort::Real);
  if (denominator.isConstant() && !denominator.value().isZero())
    return mul({real(Rational(1) / denominator.value()), numerator});
  return unique(TermKind::Div, Sort::Real, {numerator, denominator});
}

Term TermContext::floorDiv(Term numerator, Term denominator) {
  assert(numerator.sort() == Sort::Int && denominator.sort() == Sort::Int);
  if (denominator.isConstant(1))
    return numerator;
  if (numerator.isConstant() && denominator.isConstant() &&
      !denominator.value().isZero())
    return integer((numerator.value() / denominator.value()).floor());
  return unique(TermKind::FloorDiv, Sort::Int, {numerator, denominator});
}

Term TermContext::mod(Term numerator, Term denominator) {
  assert(numerator.sort() == Sort::Int && denominator.sort() == Sort::Int);
  if (numerator.isConstant() && denominator.isConstant() &&
      !denominator.value().isZero()) {
    Rational quotient = (numerator.value() / denominator.value()).floor();
    return integer(numerator.value() - quotient * denominator.value());
  }
  return unique(TermKind::Mod, Sort::Int, {numerator, denominator});
}

Term TermContext::toReal(Term integer) {
  if (integer.isConstant())
    return real(integer.value());
  return unique(TermKind::ToReal, Sort::Real, {integer});
}

Term TermContext::exp(Term x) {
  assert(x.sort() == Sort::Real);
  return x.isConstant(0) ? real(1) : unique(TermKind::Exp, Sort::Real, {x});
}

Term TermContext::log(Term x) {
  assert(x.sort() == Sort::Real);
  return x.isConstant(1) ? real(0) : unique(TermKind::Log, Sort::Real, {x});
}

Term TermContext::sqrt(Term x) {
  assert(x.sort() == Sort::Real);
  if (x.isConstant())
    if (std::optional<Rational> root = x.value().squareRoot())
      return real(*root);
  return unique(TermKind::Sqrt, Sort::Real, {x});
}

Term TermContext::max(Term a, Term b) {
  if (a == b)
    return a;
  if (a.isConstant() && b.isConstant())
    return a.value() < b.value() ? b : a;
  if (b.id() < a.id())
    std::swap(a, b);
  return unique(TermKind::Max, a.sort(), {a, b});
}

Term TermContext::min(Term a, Term b) {
  if (a == b)
    return a;
  if (a.isConstant() && b.isConstant())
    return a.value() < b.value() ? a : b;
  if (b.id() < a.id())
    std::swap(a, b);
  return unique(TermKind::Min, a.sort(), {a, b});
}

//===----------------------------------------------------------------------===//
// Logic
//===----------------------------------------------------------------------===//

Term TermContext::ite(Term condition, Term then, Term otherwise) {
  assert(then.sort() == otherwise.sort() && "branches of two sorts");
  if (condition.isTrue() || then == otherwise)
    return then;
  if (condition.isFalse())
    return otherwise;
  return unique(TermKind::Ite, then.sort(), {condition, then, otherwise});
}

Term TermContext::logicalNot(Term a) {
  assert(a.sort() == Sort::Bool);
  switch (a.kind()) {
  case TermKind::True:
    return boolean(false);
  case TermKind::False:
    return boolean(true);
  case TermKind::Not:
    return a.operand(0);
  case TermKind::Lt:
    return le(a.operand(1), a.operand(0));
  case TermKind::Le:
    return lt(a.operand(1), a.operand(0));
  default:
    return unique(TermKind::Not, Sort::Bool, {a});
  }
}

/// Flattens `operands` of `kind`; nothing where `absorbing` occurs.
static std::optional<SmallVector<Term>> junction(ArrayRef<Term> operands,
                                                 TermKind kind,
                                                 TermKind neutral,
                                                 TermKind absorbing) {
  SmallVector<Term> flat;
  for (Term operand : operands) {
    assert(operand.sort() == Sort::Bool && "a junction of numbers");
    if (operand.is(absorbing))
      return std::nullopt;
    if (operand.is(kind))
      flat.append(operand.operands().begin(), operand.operands().end());
    else if (!operand.is(neutral))
      flat.push_back(operand);
  }
  llvm::sort(flat, byId);
  flat.erase(std::unique(flat.begin(), flat.end()), flat.end());
  return flat;
}

Term TermContext::logicalAnd(ArrayRef<Term> operands) {
  auto flat =
      junction(operands, TermKind::And, TermKind::True, TermKind::False);
  if (!flat)
    return boolean(false);
  if (flat->size() < 2)
    return flat->empty() ? boolean(true) : flat->front();
  return unique(TermKind::And, Sort::Bool, *flat);
}

Term TermContext::logicalOr(ArrayRef<Term> operands) {
  auto flat = junction(operands, TermKind::Or, TermKind::False, TermKind::True);
  if (!flat)
    return boolean(true);
  if (flat->size() < 2)
    return flat->empty() ? boolean(false) : flat->front();
  return unique(TermKind::Or, Sort::Bool, *flat);
}

Term TermContext::eq(Term a, Term b) {
  assert(a.sort() == b.sort() && "equality between two sorts");
  if (a == b)
    return boolean(true);
  if (a.isConstant() && b.isConstant())
    return boolean(false);
  if (a.sort() == Sort::Bool) {
    if (a.isTrue() || b.isTrue())
      return a.isTrue() ? b : a;
    if (a.isFalse() || b.isFalse())
      return logicalNot(a.isFalse() ? b : a);
  }
  if (b.id() < a.id())
    std::swap(a, b);
  return unique(TermKind::Eq, Sort::Bool, {a, b});
}

Term TermContext::lt(Term a, Term b) {
  assert(a.sort() == b.sort() && a.sort() != Sort::Bool);
  if (a == b)
    return boolean(false);
  if (a.isConstant() && b.isConstant())
    return boolean(a.value() < b.value());
  return unique(TermKind::Lt, Sort::Bool, {a, b});
}

Term TermContext::le(Term a, Term b) {
  assert(a.sort() == b.sort() && a.sort() != Sort::Bool);
  if (a == b)
    return boolean(true);
  if (a.isConstant() && b.isConstant())
    return boolean(a.value() <= b.value());
  return unique(TermKind::Le, Sort::Bool, {a, b});
}

//===----------------------------------------------------------------------===//
// Notation
//===----------------------------------------------------------------------===//

static Term number(Term like, int64_t value) {
  return like.context().constant(value, like.sort());
}

Term operator-(Term a) { return number(a, -1) * a; }
Term operator+(Term a, Term b) { return a.context().add({a, b}, a.sort()); }
Term operator-(Term a, Term b) { return a + -b; }
Term operator*(Term a, Term b) { return a.context().mul({a, b}, a.sort()); }
Term operator/(Term a, Term b) { return a.context().div(a, b); }
Term operator+(Term a, int64_t b) { return a + number(a, b); }
Term operator-(Term a, int64_t b) { return a + number(a, -b); }
Term operator*(int64_t a, Term b) { return number(b, a) * b; }
Term abs(Term a) { return ite(ge(a, 0), a, -a); }
Term lt(Term a, int64_t b) { return lt(a, number(a, b)); }
Term le(Term a, int64_t b) { return le(a, number(a, b)); }
Term gt(Term a, int64_t b) { return gt(a, number(a, b)); }
Term ge(Term a, int64_t b) { return ge(a, number(a, b)); }
Term eq(Term a, int64_t b) { return eq(a, number(a, b)); }

} // namespace einfall::proof
