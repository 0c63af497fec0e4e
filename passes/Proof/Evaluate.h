//===- Evaluate.h - Terms at exact points -----------------------*- C++ -*-===//
//
// Evaluates terms with exp, log and roots exactly, in a model where that can be
// done: exp is x -> 2^(L*x) for an integer L, which obeys every law that the
// proofs use (exp 0 = 1, exp(x+y) = exp x * exp y, positive, increasing) and
// differs from e^x by a change of unit of x. Its logarithm is taken of any
// positive rational through its prime factors: log 2 = 1/L, and the logarithm
// of every other prime is a number of its own, drawn at random, because
// logarithms of primes are linearly independent over the rationals. So an
// equation that is linear in logarithms and fails here fails for the real
// logarithm too; an inequality between such numbers is not decided.
//
// Uninterpreted functions are hashes of their arguments.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_EVALUATE_H
#define EINFALL_PASSES_PROOF_EVALUATE_H

#include "passes/Proof/Term.h"

#include "llvm/ADT/DenseMap.h"

namespace einfall::proof {

/// What a term evaluates to at a point.
struct Value {
  enum class State {
    Exact,     // number or truth
    Undefined, // a quotient by 0, a logarithm of -1, a root of -1
    Unknown    // a value that this evaluation cannot express: sqrt(2)
  };
  State state = State::Exact;
  Rational number;
  bool truth = false;
  /// Holds a logarithm of a prime: equal or not, but of no known size.
  bool generic = false;

  static Value of(Rational number) {
    return {State::Exact, number, false, false};
  }
  static Value of(bool truth) {
    return {State::Exact, Rational(), truth, false};
  }
  bool isExact() const { return state == State::Exact; }
};

/// Values of symbols.
using Point = llvm::DenseMap<Term, Value>;

class Evaluator {
public:
  /// exp is 2^(`scale` * x). `seed` chooses functions and logarithms.
  Evaluator(const Point &point, int64_t scale, uint64_t seed)
      : point(point), scale(scale), seed(seed) {}

  Value evaluate(Term term);

private:
  Value compute(Term term);
  Value junction(Term term);
  Value exponential(const Value &x) const;
  Value logarithm(const Value &x) const;
  Value function(Term term, llvm::ArrayRef<Value> arguments) const;

  const Point &point;
  int64_t scale;
  uint64_t seed;
  llvm::DenseMap<Term, Value> done;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_EVALUATE_H
