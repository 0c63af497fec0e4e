//===- Eliminate.cpp - From exponentials to polynomials -------------------===//

#include "passes/Proof/Eliminate.h"

#include "passes/Proof/Definitions.h"
#include "passes/Proof/Eliminator.h"
#include "passes/Proof/Exponents.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using llvm::SmallVector;

namespace einfall::proof {

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
  Term top =
      out.ite(condition, a.numerator * cofactor(out, whole, a.denominator),
              b.numerator * cofactor(out, whole, b.denominator));
  return Fraction(top, whole);
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
