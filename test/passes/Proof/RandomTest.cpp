//===- RandomTest.cpp - What is proved has no counterexample --------------===//
//
// Random statements about exponentials, roots, quotients and choices: whatever
// the prover accepts is evaluated at random exact points, which do not go
// through elimination. Half of the statements are true by construction (two
// ways of writing one term), so that both verdicts occur.
//
//===----------------------------------------------------------------------===//

#include "passes/Proof/Definitions.h"
#include "passes/Proof/Prover.h"

#include "gtest/gtest.h"

#include <random>

using namespace einfall::proof;

namespace {

class Statements {
public:
  explicit Statements(uint64_t seed) : random(seed) {}

  Obligation draw() {
    std::vector<Term> given;
    if (pick(2))
      given.push_back(gt(symbol(), 0));
    if (pick(3) == 0)
      given.push_back(le(symbol(), symbol()));
    if (pick(3) == 0)
      given.push_back(eq(c.symbol("d"), real(1)));
    Term left = real(3);
    Term right = pick(2) ? rewrite(left) : rewrite(real(2) + left);
    Term goal = pick(4) ? eq(left, right) : le(left, right);
    if (pick(3) == 0)
      goal = truth() || goal;
    return {"random", "random", "", given, goal, pick(2) == 0};
  }

private:
  unsigned pick(unsigned n) { return random() % n; }
  Term symbol() {
    static const char *names[] = {"x", "y", "z", "d"};
    return c.symbol(names[pick(4)]);
  }
  Term leaf() {
    return pick(4)
               ? symbol()
               : c.real(Rational::fraction(int64_t(pick(7)) - 3, 1 + pick(2)));
  }
  /// What stays small where exp is taken of it.
  Term exponent() {
    Term a = leaf(), b = leaf();
    return pick(2) ? a - b : max(a, b) - a;
  }
  Term real(unsigned depth) {
    if (depth == 0)
      return leaf();
    Term a = real(depth - 1), b = pick(2) ? real(depth - 1) : leaf();
    switch (pick(9)) {
    case 0:
    case 1:
      return a + b;
    case 2:
      return a * b;
    case 3:
      return a / b;
    case 4:
      return exp(exponent()) * a;
    case 5:
      return max(a, b);
    case 6:
      return ite(truth(), a, b);
    case 7:
      return pick(2) ? sqrt(b) * a : log(exp(exponent())) + a;
    default:
      return pick(2) ? min(a, b) : c.apply("f", {b});
    }
  }
  Term truth() { return pick(2) ? lt(leaf(), leaf()) : eq(leaf(), leaf()); }

  /// The same number, written differently.
  Term rewrite(Term term) {
    llvm::SmallVector<Term> operands;
    for (Term operand : term.operands())
      operands.push_back(operand.sort() == Sort::Real ? rewrite(operand)
                                                      : operand);
    switch (term.kind()) {
    case TermKind::Exp: {
      Term shift = symbol();
      return exp(term.operand(0) - shift) * exp(shift);
    }
    case TermKind::Max:
      return ite(lt(operands[0], operands[1]), operands[1], operands[0]);
    case TermKind::Div:
      return 2 * operands[0] / (operands[1] + operands[1]);
    case TermKind::Constant:
    case TermKind::Symbol:
      return term;
    default:
      return rebuild(term, operands);
    }
  }

  TermContext c;
  std::mt19937_64 random;
};

} // namespace

TEST(RandomStatements, ProvedOnesHoldAtEveryPoint) {
  unsigned counts[3] = {0, 0, 0};
  ProverOptions options;
  options.querySeconds = 0.5;
  options.totalSeconds = 60;
  Prover prover(options);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Statements statements(seed);
    Obligation obligation = statements.draw();
    Verdict verdict = prover.prove(obligation);
    ++counts[static_cast<unsigned>(verdict.status)];
    if (!verdict.isProved())
      continue;
    SearchOptions search;
    search.seed = seed + 1;
    std::optional<Assignment> point = findCounterexample(obligation, search);
    EXPECT_FALSE(point) << "seed " << seed << "\n" << verdict.script;
    if (point)
      for (auto &[name, value] : *point)
        ADD_FAILURE() << name << " = " << value;
  }
  EXPECT_GT(counts[0], 20u);
  EXPECT_GT(counts[1], 20u);
}
