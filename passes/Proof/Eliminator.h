//===- Eliminator.h - The translation behind elimination --------*- C++ -*-===//
//
// Private to Eliminate.cpp (arithmetic, logic, definedness) and
// EliminateFunctions.cpp (exp, log, sqrt, functions). Eliminate.h says what it
// does.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_ELIMINATOR_H
#define EINFALL_PASSES_PROOF_ELIMINATOR_H

#include "passes/Proof/Fraction.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace einfall::proof {

/// Translates terms of the source context into division-free ones of `out`.
class Eliminator {
public:
  Eliminator(TermContext &out, llvm::DenseMap<Term, Rational> units)
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
  llvm::DenseMap<Term, Rational> units;
  llvm::DenseMap<Term, Term> truths, integers, defineds;
  std::map<unsigned, Fraction> reals;
  llvm::DenseSet<Term> positive, nonzero;

  /// The unknown of an atom, exp(unit * atom).
  llvm::DenseMap<Term, Term> unknowns;
  /// Unit and atom by unknown.
  llvm::DenseMap<Term, std::pair<Rational, Term>> atomOfUnknown;
  llvm::DenseMap<Term, Term> logs;
  std::map<std::pair<unsigned, unsigned>, Term> quotients, roots;
  llvm::SmallVector<Term> exponents;
  llvm::DenseSet<Term> exponentsSeen;

  /// Unknown and arguments of each application, by function.
  struct Application {
    Term unknown;
    llvm::SmallVector<Term> exact; // truth values and integers
    llvm::SmallVector<Fraction> reals;
  };
  llvm::StringMap<llvm::SmallVector<Application>> applications;
  llvm::DenseMap<Term, Term> applied;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_ELIMINATOR_H
