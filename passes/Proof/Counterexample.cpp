//===- Counterexample.cpp - Exact points by random search -----------------===//

#include "passes/Proof/Counterexample.h"

#include "passes/Proof/Definitions.h"
#include "passes/Proof/Evaluate.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>
#include <random>

namespace einfall::proof {

namespace {

class Search {
public:
  Search(const Obligation &obligation, SearchOptions options)
      : solved(solveDefinitions(obligation, Solve::Everywhere)),
        options(options), random(options.seed) {
    for (Term assumption : solved.assumptions)
      inspect(assumption);
    inspect(solved.goal);
    for (auto &[symbol, value] : solved.definitions)
      inspect(value);
    for (Term assumption : solved.assumptions)
      learn(assumption);
  }

  std::optional<Assignment> run(bool failingGoal) {
    for (unsigned i = 0; i < options.samples; ++i) {
      Point point = draw();
      Evaluator evaluator(point, scale, random());
      if (!holds(evaluator))
        continue;
      if (failingGoal) {
        Value goal = evaluator.evaluate(solved.goal);
        if (goal.state == Value::State::Unknown ||
            (goal.isExact() && goal.truth))
          continue;
      }
      return describe(point, evaluator);
    }
    return std::nullopt;
  }

private:
  /// Collects symbols and the denominators that exponents may have.
  void inspect(Term term) {
    if (!seen.insert(term).second)
      return;
    if (term.is(TermKind::Symbol))
      symbols.push_back(term);
    if (term.isConstant() && term.value().denominator() <= 64)
      scale = std::lcm(scale, static_cast<int64_t>(term.value().denominator()));
    for (Term operand : term.operands())
      inspect(operand);
  }

  /// A symbol that an assumption says is not negative is not drawn so.
  void learn(Term assumption) {
    if (!assumption.is(TermKind::Lt) && !assumption.is(TermKind::Le))
      return;
    Term a = assumption.operand(0), b = assumption.operand(1);
    if (a.isConstant() && a.value().sign() >= 0 && b.is(TermKind::Symbol))
      natural.insert(b);
  }

  Rational drawReal() {
    switch (random() % 6) {
    case 0: // squares, for roots
      return Rational::fraction(1, 1 << 2 * (random() % 2)) *
             Rational(random() % 4).power(2);
    case 1: // powers of two, for logarithms
      return Rational(2).power(static_cast<int64_t>(random() % 7) - 3);
    case 2:
      return Rational::fraction(static_cast<int64_t>(random() % 25) - 12,
                                1 + random() % 4);
    default: // integers, for exponents
      return Rational(static_cast<int64_t>(random() % 9) - 4);
    }
  }

  Point draw() {
    Point point;
    for (Term symbol : symbols) {
      if (symbol.sort() == Sort::Bool) {
        point[symbol] = Value::of(random() % 2 == 0);
        continue;
      }
      Rational number = symbol.sort() == Sort::Real
                            ? drawReal()
                            : Rational(static_cast<int64_t>(random() % 25) - 8);
      if (natural.contains(symbol) && number.sign() <= 0)
        number = Rational(1) - number;
      point[symbol] = Value::of(number);
    }
    return point;
  }

  /// An assumption without a value does not hold.
  bool holds(Evaluator &evaluator) {
    return llvm::all_of(solved.assumptions,
                        [&](Term assumption) {
                          Value value = evaluator.evaluate(assumption);
                          return value.isExact() && value.truth;
                        }) &&
           llvm::none_of(solved.definitions, [&](auto &definition) {
             return evaluator.evaluate(definition.second).state ==
                    Value::State::Undefined;
           });
  }

  Assignment describe(const Point &point, Evaluator &evaluator) {
    std::vector<std::pair<Term, Value>> values;
    for (Term symbol : symbols)
      values.emplace_back(symbol, point.lookup(symbol));
    for (auto &[symbol, value] : solved.definitions)
      values.emplace_back(symbol, evaluator.evaluate(value));
    llvm::sort(values,
               [](auto &a, auto &b) { return a.first.id() < b.first.id(); });
    Assignment assignment;
    for (auto &[symbol, value] : values)
      if (value.isExact())
        assignment.emplace_back(symbol.name().str(),
                                symbol.sort() == Sort::Bool
                                    ? (value.truth ? "true" : "false")
                                    : value.number.str());
    return assignment;
  }

  SolvedObligation solved;
  SearchOptions options;
  std::mt19937_64 random;
  std::vector<Term> symbols;
  llvm::DenseSet<Term> seen, natural;
  int64_t scale = 1;
};

} // namespace

/// A narrower statement with the same goal: values for the truth values, and of
/// each alternative one. Equations within then define symbols.
static std::pair<Obligation, Assignment> narrow(const Obligation &obligation,
                                                uint64_t seed) {
  std::mt19937_64 random(seed);
  llvm::SetVector<Term> symbols;
  for (Term assumption : obligation.assumptions)
    collectSymbols(assumption, symbols);
  collectSymbols(obligation.goal, symbols);
  llvm::DenseMap<Term, Term> values;
  Assignment truths;
  for (Term symbol : symbols) {
    if (symbol.sort() != Sort::Bool)
      continue;
    bool value = random() % 2;
    values[symbol] = symbol.context().boolean(value);
    truths.emplace_back(symbol.name().str(), value ? "true" : "false");
  }
  Obligation result = obligation;
  result.goal = substitute(obligation.goal, values);
  for (Term &assumption : result.assumptions) {
    assumption = substitute(assumption, values);
    if (assumption.is(TermKind::Or))
      assumption = assumption.operand(random() % assumption.operands().size());
  }
  return {result, truths};
}

static std::optional<Assignment>
search(const Obligation &obligation, SearchOptions options, bool failingGoal) {
  constexpr unsigned rounds = 16;
  options.samples = (options.samples + rounds - 1) / rounds;
  for (unsigned i = 0; i < rounds; ++i, ++options.seed) {
    auto [narrowed, truths] = narrow(obligation, options.seed);
    if (auto found = Search(narrowed, options).run(failingGoal)) {
      truths.insert(truths.end(), found->begin(), found->end());
      return truths;
    }
  }
  return std::nullopt;
}

std::optional<Assignment> findCounterexample(const Obligation &obligation,
                                             SearchOptions options) {
  return search(obligation, options, /*failingGoal=*/true);
}

std::optional<Assignment> findModel(const Obligation &obligation,
                                    SearchOptions options) {
  return search(obligation, options, /*failingGoal=*/false);
}

} // namespace einfall::proof
