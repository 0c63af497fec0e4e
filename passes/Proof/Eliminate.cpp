//===- Eliminate.cpp - From exponentials to polynomials -------------------===//

#include "passes/Proof/Eliminate.h"

#include "passes/Proof/Definitions.h"
#include "passes/Proof/Exponents.h"
#include "passes/Proof/Fraction.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <map>

using llvm::DenseMap;
using llvm::DenseSet;
using llvm::SmallVector;

namespace einfall::proof {

namespace {

/// Translates terms of the source context into division-free ones of `out`.
class Eliminator {
public:
  Eliminator(TermContext &out, DenseMap<Term, Rational> units)
      : out(out), units(std::move(units)) {}

  Term truth(Term term);
  Term integer(Term term);
  Fraction real(Term term);
  /// Where `term` has a value. Junctions are as strong as Kleene's: a true
  /// operand settles an `or` whatever the others are.
  Term defined(Term term);

  /// Takes note of factors that an assumption says are positive or not 0.
  void learn(Term assumption);
  /// exp is increasing, for every exponent met so far.
  void addMonotone();
  /// Equal arguments give equal values, for all unknowns of functions.
  void addCongruence();

  std::vector<Term> axioms;

private:
  Term translateTruth(Term term);
  Fraction translateReal(Term term);
  Term computeDefined(Term term);

  Fraction exponential(Term exponent);
  Fraction power(Term atom, const Rational &coefficient);
  Term unknownOf(Term atom);
  Fraction logarithm(Term argument);
  Term root(Term argument);
  Term application(Term term);
  Fraction choose(Term condition, Fraction a, Fraction b);
  /// `value` without denominators that may be 0: an unknown where there are.
  Fraction stable(Fraction value);
  /// The unknown q with q * denominator = numerator.
  Term quotient(const Fraction &value);
  bool isSafe(const Fraction &value) const;
  Rational unitOf(Term atom) const {
    auto it = units.find(atom);
    return it == units.end() ? Rational(1) : it->second;
  }

  TermContext &out;
  DenseMap<Term, Rational> units;
  DenseMap<Term, Term> truths, integers, defineds;
  std::map<unsigned, Fraction> reals;
  DenseSet<Term> positive, nonzero;

  /// The unknown of an atom, exp(unit * atom).
  DenseMap<Term, Term> unknowns;
  /// Unit and atom by unknown.
  DenseMap<Term, std::pair<Rational, Term>> atomOfUnknown;
  DenseMap<Term, Term> logs;
  std::map<std::pair<unsigned, unsigned>, Term> quotients, roots;
  SmallVector<Term> exponents;
  DenseSet<Term> exponentsSeen;

  /// Unknown and arguments of each application, by function.
  struct Application {
    Term unknown;
    SmallVector<Term> exact;      // truth values and integers
    SmallVector<Fraction> reals;
  };
  llvm::StringMap<SmallVector<Application>> applications;
  DenseMap<Term, Term> applied;
};

} // namespace

//===----------------------------------------------------------------------===//
// Truth values and integers
//===----------------------------------------------------------------------===//

Term Eliminator::truth(Term term) {
  if (auto it = truths.find(term); it != truths.end())
    return it->second;
  Term result = translateTruth(term);
  truths[term] = result;
  return result;
}

Term Eliminator::translateTruth(Term term) {
  SmallVector<Term> operands;
  switch (term.kind()) {
  case TermKind::True:
  case TermKind::False:
    return out.boolean(term.isTrue());
  case TermKind::Symbol:
    return out.symbol(term.name(), Sort::Bool);
  case TermKind::Apply:
    return application(term);
  case TermKind::Not:
    return !truth(term.operand(0));
  case TermKind::And:
  case TermKind::Or:
    for (Term operand : term.operands())
      operands.push_back(truth(operand));
    return term.is(TermKind::And) ? out.logicalAnd(operands)
                                  : out.logicalOr(operands);
  case TermKind::Ite: {
    Term condition = truth(term.operand(0));
    return (condition && truth(term.operand(1))) ||
           (!condition && truth(term.operand(2)));
  }
  default:
    break;
  }
  Term a = term.operand(0), b = term.operand(1);
  if (a.sort() == Sort::Bool)
    return eq(truth(a), truth(b));
  if (a.sort() == Sort::Int) {
    Term x = integer(a), y = integer(b);
    return term.is(TermKind::Eq)   ? eq(x, y)
           : term.is(TermKind::Lt) ? lt(x, y)
                                   : le(x, y);
  }
  Fraction x = real(a), y = real(b);
  return term.is(TermKind::Eq) ? equal(x, y)
                               : less(x, y, term.is(TermKind::Le), positive);
}

Term Eliminator::integer(Term term) {
  if (auto it = integers.find(term); it != integers.end())
    return it->second;
  Term result;
  switch (term.kind()) {
  case TermKind::Constant:
    result = out.integer(term.value());
    break;
  case TermKind::Symbol:
    result = out.symbol(term.name(), Sort::Int);
    break;
  case TermKind::Apply:
    result = application(term);
    break;
  case TermKind::Ite:
    result = out.ite(truth(term.operand(0)), integer(term.operand(1)),
                     integer(term.operand(2)));
    break;
  case TermKind::Max:
  case TermKind::Min: {
    Term a = integer(term.operand(0)), b = integer(term.operand(1));
    result = out.ite(term.is(TermKind::Max) ? ge(a, b) : le(a, b), a, b);
    break;
  }
  case TermKind::Pow:
    result = out.pow(integer(term.operand(0)), *term.value().asInteger());
    break;
  case TermKind::FloorDiv:
    result = out.floorDiv(integer(term.operand(0)), integer(term.operand(1)));
    break;
  case TermKind::Mod:
    result = out.mod(integer(term.operand(0)), integer(term.operand(1)));
    break;
  default: {
    SmallVector<Term> operands;
    for (Term operand : term.operands())
      operands.push_back(integer(operand));
    result = term.is(TermKind::Add) ? out.add(operands, Sort::Int)
                                    : out.mul(operands, Sort::Int);
    break;
  }
  }
  integers[term] = result;
  return result;
}

//===----------------------------------------------------------------------===//
// Reals
//===----------------------------------------------------------------------===//

Fraction Eliminator::real(Term term) {
  if (auto it = reals.find(term.id()); it != reals.end())
    return it->second;
  Fraction result = translateReal(term);
  reals.emplace(term.id(), result);
  return result;
}

Fraction Eliminator::translateReal(Term term) {
  switch (term.kind()) {
  case TermKind::Constant:
    return Fraction(out.real(term.value()));
  case TermKind::Symbol:
    return Fraction(out.symbol(term.name()));
  case TermKind::Apply:
    return Fraction(application(term));
  case TermKind::ToReal:
    return Fraction(out.toReal(integer(term.operand(0))));
  case TermKind::Add: {
    Fraction sum(out.real(0));
    for (Term operand : term.operands())
      sum = sum + real(operand);
    return sum;
  }
  case TermKind::Mul: {
    Fraction product(out.real(1));
    for (Term operand : term.operands())
      product = product * real(operand);
    return product;
  }
  case TermKind::Pow:
    return real(term.operand(0)).power(*term.value().asInteger());
  case TermKind::Div:
    return real(term.operand(0)) / real(term.operand(1));
  case TermKind::Exp:
    if (exponentsSeen.insert(term.operand(0)).second)
      exponents.push_back(term.operand(0));
    return exponential(term.operand(0));
  case TermKind::Log:
    return logarithm(term.operand(0));
  case TermKind::Sqrt:
    return Fraction(root(term.operand(0)));
  case TermKind::Max:
  case TermKind::Min: {
    Fraction a = stable(real(term.operand(0)));
    Fraction b = stable(real(term.operand(1)));
    Term condition = term.is(TermKind::Max) ? less(b, a, true, positive)
                                            : less(a, b, true, positive);
    return choose(condition, a, b);
  }
  default: // Ite
    return choose(truth(term.operand(0)), real(term.operand(1)),
                  real(term.operand(2)));
  }
}

bool Eliminator::isSafe(const Fraction &value) const {
  return llvm::all_of(value.denominator, [&](auto &factor) {
    return positive.contains(factor.first) || nonzero.contains(factor.first);
  });
}

Fraction Eliminator::stable(Fraction value) {
  return isSafe(value) ? value : Fraction(quotient(value));
}

Term Eliminator::quotient(const Fraction &value) {
  Term bottom = value.denominatorTerm();
  Term &unknown = quotients[{value.numerator.id(), bottom.id()}];
  if (unknown.isNull()) {
    unknown = out.fresh("q");
    axioms.push_back(eq(bottom, 0) || eq(unknown * bottom, value.numerator));
  }
  return unknown;
}

Fraction Eliminator::choose(Term condition, Fraction a, Fraction b) {
  if (condition.isTrue() || condition.isFalse())
    return condition.isTrue() ? a : b;
  a = stable(a);
  b = stable(b);
  Factors whole = commonMultiple(a.denominator, b.denominator);
  Term top = out.ite(condition,
                     a.numerator * cofactor(out, whole, a.denominator),
                     b.numerator * cofactor(out, whole, b.denominator));
  return Fraction(top, whole);
}

//===----------------------------------------------------------------------===//
// Exponentials, logarithms, roots, functions
//===----------------------------------------------------------------------===//

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
    axioms.push_back(implies(exists, equal(Fraction(unknown).power(bottom),
                                           argument.power(top))));
  } else if (std::optional<Choice> choice = choiceIn(atom)) {
    auto branch = [&](Term term) {
      return stable(exponential(atom.context().real(unit) * term));
    };
    Fraction then = branch(choice->then), other = branch(choice->otherwise);
    axioms.push_back(
        equal(Fraction(unknown), choose(truth(choice->condition), then, other)));
    // Where the two meet, which one was chosen must not matter.
    if (!atom.is(TermKind::Ite))
      axioms.push_back(implies(equal(stable(real(choice->then)),
                                     stable(real(choice->otherwise))),
                               equal(then, other)));
  }
  return unknown;
}

/// log of a product: exponentials give their exponents, what is known to be
/// positive its own logarithm, and what is left one logarithm together. Its sign
/// is that of the argument, so that splitting needs no further condition.
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
        axioms.push_back(implies(out.logicalAnd(same),
                                 eq(all[i].unknown, all[j].unknown)));
      }
  }
  SmallVector<std::pair<Term, Term>> arguments(logs.begin(), logs.end());
  llvm::sort(arguments, [](auto &a, auto &b) {
    return a.second.id() < b.second.id();
  });
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

//===----------------------------------------------------------------------===//
// Definedness
//===----------------------------------------------------------------------===//

Term Eliminator::defined(Term term) {
  if (auto it = defineds.find(term); it != defineds.end())
    return it->second;
  Term result = computeDefined(term);
  defineds[term] = result;
  return result;
}

Term Eliminator::computeDefined(Term term) {
  SmallVector<Term> all;
  for (Term operand : term.operands())
    all.push_back(defined(operand));
  switch (term.kind()) {
  case TermKind::Div:
    all.push_back(!eq(real(term.operand(1)).numerator, 0));
    break;
  case TermKind::FloorDiv:
  case TermKind::Mod:
    all.push_back(gt(integer(term.operand(1)), 0));
    break;
  case TermKind::Log:
  case TermKind::Sqrt:
    all.push_back(less(Fraction(out.real(0)), real(term.operand(0)),
                       term.is(TermKind::Sqrt), positive));
    break;
  case TermKind::Ite: {
    if (all[1] == all[2])
      return all[0] && all[1];
    Term condition = truth(term.operand(0));
    return all[0] && (!condition || all[1]) && (condition || all[2]);
  }
  case TermKind::And:
  case TermKind::Or: {
    Term everywhere = out.logicalAnd(all);
    if (everywhere.isTrue())
      return everywhere;
    SmallVector<Term> settled = {everywhere};
    for (auto [operand, has] : llvm::zip_equal(term.operands(), all))
      settled.push_back(
          has && (term.is(TermKind::Or) ? truth(operand) : !truth(operand)));
    return out.logicalOr(settled);
  }
  default:
    break;
  }
  return out.logicalAnd(all);
}

void Eliminator::learn(Term assumption) {
  auto isNumber = [](Term term, int least) {
    return term.isConstant() && term.sort() == Sort::Real &&
           term.value().sign() >= least;
  };
  bool strict = assumption.is(TermKind::Lt);
  if ((strict || assumption.is(TermKind::Le)) &&
      isNumber(assumption.operand(0), strict ? 0 : 1)) {
    Fraction value = real(assumption.operand(1));
    if (value.denominator.empty())
      positive.insert(value.numerator);
  }
  if (assumption.is(TermKind::Not) && assumption.operand(0).is(TermKind::Eq)) {
    Term a = assumption.operand(0).operand(0);
    Term b = assumption.operand(0).operand(1);
    if (isNumber(a, 0) || isNumber(b, 0))
      if (a.isConstant(0) || b.isConstant(0))
        nonzero.insert(real(a.isConstant() ? b : a).numerator);
  }
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

Term Elimination::claim() const {
  return context->logicalAnd(sideConditions) && goal;
}

Elimination eliminate(const Obligation &obligation) {
  SolvedObligation solved = solveDefinitions(obligation, Solve::UnderFunctions);
  std::vector<Term> roots = solved.assumptions;
  roots.push_back(solved.goal);
  for (auto &[symbol, value] : solved.definitions)
    roots.push_back(value);

  Elimination result;
  result.context = std::make_unique<TermContext>();
  Eliminator eliminator(*result.context, exponentUnits(roots));
  // Plain sign conditions first: what they say helps the rest.
  for (Term assumption : solved.assumptions)
    eliminator.learn(assumption);
  for (Term assumption : solved.assumptions)
    result.assumptions.push_back(eliminator.truth(assumption));
  result.goal = eliminator.truth(solved.goal);
  SmallVector<Term> conditions;
  for (Term root : roots)
    conditions.push_back(eliminator.defined(root));
  // What is assumed need not be proved.
  llvm::SetVector<Term> needed;
  for (Term condition : conditions) {
    if (condition.is(TermKind::And))
      needed.insert(condition.operands().begin(), condition.operands().end());
    else if (!condition.isTrue())
      needed.insert(condition);
  }
  for (Term condition : needed)
    if (!llvm::is_contained(result.assumptions, condition))
      result.sideConditions.push_back(condition);
  if (obligation.monotoneExp)
    eliminator.addMonotone();
  eliminator.addCongruence();
  for (Term axiom : eliminator.axioms)
    if (!axiom.isTrue())
      result.axioms.push_back(axiom);
  return result;
}

} // namespace einfall::proof
