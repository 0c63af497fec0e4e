//===- EliminateFunctions.cpp - Unknowns for exp, log, sqrt, f(x) ---------===//

#include "passes/Proof/Eliminator.h"
#include "passes/Proof/Exponents.h"

#include "llvm/ADT/STLExtras.h"

using llvm::SmallVector;

namespace einfall::proof {

Fraction Eliminator::exponential(Term exponent) {
  Fraction result(out.real(1));
  for (auto &[coefficient, atom] : linearize(exponent))
    result = result * power(atom, coefficient);
  return result;
}

/// exp(coefficient * atom).
Fraction Eliminator::power(Term atom, const Rational &coefficient) {
  if (atom.is(TermKind::Log) && coefficient.isInteger())
    return real(atom.operand(0)).power(*coefficient.asInteger());
  Rational exponent = coefficient / unitOf(atom);
  if (!exponent.isInteger())
    return Fraction(unknownOf(atom.context().real(coefficient) * atom));
  return Fraction(unknownOf(atom)).power(*exponent.asInteger());
}

/// exp(unit * atom).
Term Eliminator::unknownOf(Term atom) {
  if (Term known = unknowns.lookup(atom); !known.isNull())
    return known;
  Rational unit = unitOf(atom);
  Term whole = atom.context().real(unit) * atom;
  Term unknown = out.fresh("E(" + whole.str() + ")");
  unknowns[atom] = unknown;
  atomOfUnknown.insert({unknown, {unit, atom}});
  positive.insert(unknown);
  axioms.push_back(gt(unknown, 0));

  if (atom.is(TermKind::Log)) {
    // unknown = argument^(top/bottom)
    int64_t top = static_cast<int64_t>(unit.numerator());
    int64_t bottom = static_cast<int64_t>(unit.denominator());
    Fraction argument = stable(real(atom.operand(0)));
    Term exists = less(Fraction(out.real(0)), argument, false, positive);
    axioms.push_back(implies(
        exists, equal(Fraction(unknown).power(bottom), argument.power(top))));
  } else if (std::optional<Choice> choice = choiceIn(atom)) {
    auto branch = [&](Term term) {
      return stable(exponential(atom.context().real(unit) * term));
    };
    Fraction then = branch(choice->then), other = branch(choice->otherwise);
    axioms.push_back(equal(Fraction(unknown),
                           choose(truth(choice->condition), then, other)));
    // Where the two meet, which one was chosen must not matter.
    if (!atom.is(TermKind::Ite))
      axioms.push_back(implies(
          equal(stable(real(choice->then)), stable(real(choice->otherwise))),
          equal(then, other)));
  }
  return unknown;
}

/// log of a product: exponentials give their exponents, what is known to be
/// positive its own logarithm, and what is left one logarithm together. Its
/// sign is that of the argument, so that splitting needs no further condition.
Fraction Eliminator::logarithm(Term argument) {
  Fraction value = stable(real(argument));
  Fraction sum(out.real(0));
  auto logOf = [&](Term factor) {
    Term &unknown = logs[factor];
    if (unknown.isNull())
      unknown = out.fresh("log(" + factor.str() + ")");
    return Fraction(unknown);
  };
  auto take = [&](Term factor, int64_t power) {
    Fraction times(out.real(power));
    if (auto it = atomOfUnknown.find(factor); it != atomOfUnknown.end()) {
      auto [share, atom] = it->second;
      sum = sum + times * Fraction(out.real(share)) * real(atom);
      return true;
    }
    if (positive.contains(factor))
      sum = sum + times * logOf(factor);
    return positive.contains(factor);
  };
  auto [coefficient, factors] = factorsOf(value.numerator);
  Factors top, bottom;
  for (auto &[factor, power] : factors)
    if (!take(factor, power))
      top.emplace_back(factor, power);
  for (auto &[factor, power] : value.denominator)
    if (!take(factor, -power))
      bottom.emplace_back(factor, power);
  Term rest = out.mul({out.real(coefficient), product(out, top)});
  if (!bottom.empty())
    rest = quotient(Fraction(rest, bottom));
  return rest.isConstant(1) ? sum : sum + logOf(rest);
}

Term Eliminator::root(Term argument) {
  Fraction value = stable(real(argument));
  Term bottom = value.denominatorTerm();
  Term &unknown = roots[{value.numerator.id(), bottom.id()}];
  if (unknown.isNull()) {
    unknown = out.fresh("sqrt(" + argument.str() + ")");
    Term exists = less(Fraction(out.real(0)), value, true, positive);
    axioms.push_back(ge(unknown, 0));
    axioms.push_back(
        implies(exists, equal(Fraction(unknown * unknown), value)));
  }
  return unknown;
}

Term Eliminator::application(Term term) {
  if (Term known = applied.lookup(term); !known.isNull())
    return known;
  Application entry;
  std::string name;
  for (Term operand : term.operands()) {
    if (operand.sort() == Sort::Real)
      entry.reals.push_back(stable(real(operand)));
    else
      entry.exact.push_back(operand.sort() == Sort::Int ? integer(operand)
                                                        : truth(operand));
  }
  entry.unknown = out.fresh(term.str(), term.sort());
  applied[term] = entry.unknown;
  std::string key = term.name().str() + "/" + std::to_string(int(term.sort()));
  for (Term operand : term.operands())
    key += std::to_string(int(operand.sort()));
  applications[key].push_back(entry);
  return entry.unknown;
}

void Eliminator::addCongruence() {
  SmallVector<std::string> names;
  for (auto &entry : applications)
    names.push_back(entry.getKey().str());
  llvm::sort(names);
  for (const std::string &name : names) {
    SmallVector<Application> &all = applications[name];
    for (size_t i = 0; i < all.size(); ++i)
      for (size_t j = 0; j < i; ++j) {
        SmallVector<Term> same;
        for (auto [a, b] : llvm::zip_equal(all[i].exact, all[j].exact))
          same.push_back(eq(a, b));
        for (auto [a, b] : llvm::zip_equal(all[i].reals, all[j].reals))
          same.push_back(equal(a, b));
        axioms.push_back(
            implies(out.logicalAnd(same), eq(all[i].unknown, all[j].unknown)));
      }
  }
  SmallVector<std::pair<Term, Term>> arguments(logs.begin(), logs.end());
  llvm::sort(arguments,
             [](auto &a, auto &b) { return a.second.id() < b.second.id(); });
  for (size_t i = 0; i < arguments.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      axioms.push_back(implies(eq(arguments[i].first, arguments[j].first),
                               eq(arguments[i].second, arguments[j].second)));
}

void Eliminator::addMonotone() {
  Fraction zero(out.real(0)), one(out.real(1));
  for (Term exponent : SmallVector<Term>(exponents)) {
    Fraction argument = stable(real(exponent)), value = exponential(exponent);
    axioms.push_back(implies(less(argument, zero, true, positive),
                             less(value, one, true, positive)));
    axioms.push_back(implies(less(zero, argument, true, positive),
                             less(one, value, true, positive)));
  }
}

} // namespace einfall::proof
