//===- EliminateTest.cpp - Exponentials, roots and quotients go -----------===//

#include "passes/Proof/Eliminate.h"
#include "passes/Proof/Prover.h"

#include "llvm/ADT/DenseSet.h"
#include "gtest/gtest.h"

using namespace einfall::proof;

namespace {

class Eliminating : public ::testing::Test {
protected:
  TermContext c;
  Term x = c.symbol("x"), y = c.symbol("y"), z = c.symbol("z");
  Prover prover;

  Obligation obligation(std::vector<Term> given, Term goal) {
    return {"test", "test", "", std::move(given), goal, false};
  }
  void expect(const char *status, std::vector<Term> given, Term goal,
              bool monotone = false) {
    Obligation o = obligation(std::move(given), goal);
    o.monotoneExp = monotone;
    Verdict verdict = prover.prove(o);
    EXPECT_EQ(toString(verdict.status), status) << verdict.reason << "\n"
                                                << verdict.script;
  }
  Term real(int64_t top, int64_t bottom = 1) {
    return c.real(Rational::fraction(top, bottom));
  }
};

void collectKinds(Term term, llvm::DenseSet<unsigned> &kinds) {
  kinds.insert(static_cast<unsigned>(term.kind()));
  for (Term operand : term.operands())
    collectKinds(operand, kinds);
}

} // namespace

TEST_F(Eliminating, LeavesPolynomials) {
  Term all = exp(max(x, y) - z / real(3)) / sqrt(x) + log(y / z) +
             c.apply("f", {x / y}) + min(x, y);
  Elimination e = eliminate(obligation({gt(x, 0)}, eq(all, x)));
  llvm::DenseSet<unsigned> kinds;
  for (Term term : e.axioms)
    collectKinds(term, kinds);
  for (Term term : e.assumptions)
    collectKinds(term, kinds);
  collectKinds(e.claim(), kinds);
  for (TermKind gone :
       {TermKind::Exp, TermKind::Log, TermKind::Sqrt, TermKind::Div,
        TermKind::Max, TermKind::Min, TermKind::Apply})
    EXPECT_FALSE(kinds.contains(static_cast<unsigned>(gone)));
}

TEST_F(Eliminating, ExponentialsMultiply) {
  expect("proved", {}, eq(exp(x + y), exp(x) * exp(y)));
  expect("proved", {}, eq(exp(x) * exp(-x), real(1)));
  expect("proved", {}, eq(pow(exp(x / real(3)), 3), exp(x)));
  expect("proved", {}, gt(exp(x - y), 0));
  expect("proved", {}, eq(exp(z * (x - y)) * exp(z * y), exp(z * x)));
  expect("proved", {eq(z, x + y)}, eq(exp(z), exp(x) * exp(y)));
  expect("refuted", {}, eq(exp(x + y), exp(x) + exp(y)));
  // A number keeps one unknown; e is not 1.
  expect("proved", {}, eq(exp(x + 1), exp(x) * exp(real(1))));
}

TEST_F(Eliminating, ChoicesInExponents) {
  expect("proved", {}, eq(exp(max(x, y)) * exp(min(x, y)), exp(x + y)));
  expect("proved", {ge(x, y)}, eq(exp(max(x, y) - x), real(1)));
  expect("proved", {gt(z, 0)},
         eq(exp(z * max(x, y)), ite(ge(x, y), exp(z * x), exp(z * y))));
  expect("refuted", {}, eq(exp(max(x, y)), exp(x)));
}

TEST_F(Eliminating, MonotoneOnlyWhereAsked) {
  expect("proved", {}, le(exp(x - max(x, y)), real(1)), /*monotone=*/true);
  expect("refuted", {le(x, y)}, le(exp(x - y), real(1)));
  expect("proved", {le(x, y)}, le(exp(x - y), real(1)), /*monotone=*/true);
}

TEST_F(Eliminating, Logarithms) {
  expect("proved", {gt(x, 0), gt(y, 0)}, eq(log(x * y), log(x) + log(y)));
  expect("proved", {gt(x, 0)}, eq(log(x * exp(y)), log(x) + y));
  expect("proved", {gt(x, 0)}, eq(exp(log(x)), x));
  expect("proved", {gt(x, 0)}, eq(pow(exp(log(x) / real(2)), 2), x));
  expect("proved", {gt(x, 0), eq(y, x)}, eq(log(x), log(y)));
  expect("proved", {gt(x, 0), eq(y + z, x)}, eq(log(x), log(y + z)));
  expect("refuted", {gt(x, 0), gt(y, 0)}, eq(log(x + y), log(x) + log(y)));
}

TEST_F(Eliminating, Roots) {
  expect("proved", {ge(x, 0)}, eq(pow(sqrt(x), 2), x));
  expect("proved", {}, eq(sqrt(x * x), abs(x)));
  expect("refuted", {}, eq(sqrt(x * x), x));
  expect("proved", {gt(x, 0)}, eq(x / sqrt(x), sqrt(x)));
}

TEST_F(Eliminating, Functions) {
  auto f = [&](Term t) { return c.apply("f", {t}); };
  expect("proved", {eq(x, y)}, eq(f(x), f(y)));
  expect("proved", {eq(x + 1, y * z)}, eq(f(x), f(y * z - 1)));
  expect("refuted", {}, eq(f(x), f(y)));
  expect("refuted", {eq(x, y)}, eq(f(x), c.apply("g", {y})));
}

/// Values that do not exist refute, unless the place is not looked at.
TEST_F(Eliminating, SideConditions) {
  expect("refuted", {}, eq(x / x, real(1)));
  expect("proved", {ne(x, real(0))}, eq(x / x, real(1)));
  expect("proved", {ge(x * x, 1)}, eq(x / x, real(1)));
  expect("refuted", {}, lt(log(x), log(x) + 1));
  expect("refuted", {}, eq(pow(sqrt(x), 2), x));
  expect("proved", {}, eq(x, 0) || eq(x / x, real(1)));
  expect("proved", {}, eq(ite(eq(x, 0), real(1), x / x), real(1)));
  // The quotient of the branch that is not taken says nothing.
  expect("refuted", {}, eq(ite(gt(x, 0), y / x, real(0)), y / x));
  expect("refuted", {eq(x, real(0))}, eq(ite(eq(x, 0), z, y / x), y));
  // An assumption that has no value proves nothing.
  expect("refuted", {eq(y, z / x)}, eq(y * x, z));
  // Conditions of definitions count, even of symbols that are put in.
  expect("refuted", {eq(y, log(x))}, eq(exp(y), x));
  expect("proved", {eq(y, log(x)), gt(x, 0)}, eq(exp(y), x));
}

TEST_F(Eliminating, SignsOfDenominators) {
  expect("refuted", {ne(y, real(0))}, implies(lt(x / y, 1), lt(x, y)));
  expect("proved", {gt(y, 0)}, implies(lt(x / y, 1), lt(x, y)));
  expect("proved", {lt(y, 0)}, implies(lt(x / y, 1), gt(x, y)));
}

TEST_F(Eliminating, IntegersAndReals) {
  Term i = c.symbol("i", Sort::Int), n = c.symbol("n", Sort::Int);
  expect("proved", {},
         eq(4 * c.floorDiv(i, c.integer(4)) + c.mod(i, c.integer(4)), i));
  expect("refuted", {}, le(c.mod(i, n), n)); // n may be 0
  expect("proved", {gt(n, 0)}, lt(c.mod(i, n), n));
  expect("proved", {gt(n, 0)}, gt(c.toReal(n) / real(2), 0));
  expect("refuted", {gt(n, 0)}, gt(c.toReal(n) / real(2), 1));
}
