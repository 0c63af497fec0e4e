//===- Exponents.cpp - Exponents as linear combinations -------------------===//

#include "passes/Proof/Exponents.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

#include <map>

using llvm::DenseMap;
using llvm::SmallVector;

namespace einfall::proof {

/// Powers beyond this are not worth a polynomial.
static constexpr int64_t greatestPower = 32;

/// `factors` less the one at `index`.
static SmallVector<Term> without(llvm::ArrayRef<Term> factors, size_t index) {
  SmallVector<Term> rest(factors);
  rest.erase(rest.begin() + index);
  return rest;
}

static void split(Term term, const Rational &scale,
                  std::map<unsigned, std::pair<Rational, Term>> &atoms) {
  TermContext &context = term.context();
  if (term.isConstant()) {
    Term one = context.real(1);
    auto &entry = atoms.try_emplace(one.id(), Rational(), one).first->second;
    entry.first = entry.first + scale * term.value();
    return;
  }
  if (term.is(TermKind::Add)) {
    for (Term operand : term.operands())
      split(operand, scale, atoms);
    return;
  }
  auto [coefficient, rest] = splitCoefficient(term);
  if (!coefficient.isOne())
    return split(rest, scale * coefficient, atoms);
  if (term.is(TermKind::Mul)) {
    for (auto [index, factor] : llvm::enumerate(term.operands())) {
      Term others = context.mul(without(term.operands(), index));
      if (factor.is(TermKind::Add)) {
        for (Term operand : factor.operands())
          split(operand * others, scale, atoms);
        return;
      }
      if (factor.is(TermKind::Div))
        return split(context.div(factor.operand(0) * others, factor.operand(1)),
                     scale, atoms);
    }
  }
  if (term.is(TermKind::Div)) {
    auto [inner, numerator] = splitCoefficient(term.operand(0));
    if (!inner.isOne() && !numerator.isConstant())
      return split(context.div(numerator, term.operand(1)), scale * inner,
                   atoms);
    std::map<unsigned, std::pair<Rational, Term>> parts;
    split(term.operand(0), Rational(1), parts);
    if (parts.size() > 1) {
      for (auto &[id, part] : parts)
        split(context.div(part.second, term.operand(1)), scale * part.first,
              atoms);
      return;
    }
  }
  auto &entry = atoms.try_emplace(term.id(), Rational(), term).first->second;
  entry.first = entry.first + scale;
}

LinearForm linearize(Term real) {
  std::map<unsigned, std::pair<Rational, Term>> atoms;
  split(real, Rational(1), atoms);
  TermContext &context = real.context();
  LinearForm form;
  for (auto &[id, atom] : atoms) {
    auto [coefficient, term] = atom;
    if (coefficient.isZero())
      continue;
    bool usual = coefficient.denominator() <= greatestPower &&
                 abs(coefficient.numerator()) <= greatestPower;
    if (!usual) {
      bool negative = coefficient.sign() < 0;
      term = context.real(negative ? -coefficient : coefficient) * term;
      coefficient = negative ? -1 : 1;
    }
    form.emplace_back(coefficient, term);
  }
  return form;
}

std::optional<Choice> choiceIn(Term atom) {
  TermContext &context = atom.context();
  switch (atom.kind()) {
  case TermKind::Max:
    return Choice{ge(atom.operand(0), atom.operand(1)), atom.operand(0),
                  atom.operand(1)};
  case TermKind::Min:
    return Choice{le(atom.operand(0), atom.operand(1)), atom.operand(0),
                  atom.operand(1)};
  case TermKind::Ite:
    return Choice{atom.operand(0), atom.operand(1), atom.operand(2)};
  case TermKind::Mul:
    for (auto [index, factor] : llvm::enumerate(atom.operands()))
      if (std::optional<Choice> choice = choiceIn(factor)) {
        Term others = context.mul(without(atom.operands(), index));
        return Choice{choice->condition, choice->then * others,
                      choice->otherwise * others};
      }
    return std::nullopt;
  case TermKind::Div:
    if (std::optional<Choice> choice = choiceIn(atom.operand(0)))
      return Choice{choice->condition,
                    context.div(choice->then, atom.operand(1)),
                    context.div(choice->otherwise, atom.operand(1))};
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

static Rational greatestUnit(const Rational &a, const Rational &b) {
  return Rational(
      gcd(a.numerator() * b.denominator(), b.numerator() * a.denominator()),
      a.denominator() * b.denominator());
}

namespace {
class UnitScan {
public:
  void visit(Term term) {
    if (!seen.insert(term).second)
      return;
    if (term.is(TermKind::Exp))
      exponent(term.operand(0));
    for (Term operand : term.operands())
      visit(operand);
  }

  DenseMap<Term, Rational> units;

private:
  void exponent(Term term) {
    if (!exponents.insert(term).second)
      return;
    for (auto &[coefficient, atom] : linearize(term)) {
      Rational size = coefficient.sign() < 0 ? -coefficient : coefficient;
      auto [it, isNew] = units.try_emplace(atom, size);
      if (!isNew)
        it->second = greatestUnit(it->second, size);
      if (std::optional<Choice> choice = choiceIn(atom)) {
        Term factor = term.context().real(size);
        exponent(factor * choice->then);
        exponent(factor * choice->otherwise);
      }
    }
  }

  llvm::DenseSet<Term> seen, exponents;
};
} // namespace

DenseMap<Term, Rational> exponentUnits(llvm::ArrayRef<Term> roots) {
  UnitScan scan;
  for (Term root : roots)
    scan.visit(root);
  return std::move(scan.units);
}

} // namespace einfall::proof
