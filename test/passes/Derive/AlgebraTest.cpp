//===- AlgebraTest.cpp - Normal forms -------------------------------------===//

#include "passes/Derive/Algebra.h"

#include "gtest/gtest.h"

using namespace einfall;
using namespace einfall::derive;
using cascade::Function;

namespace {

class AlgebraTest : public testing::Test {
protected:
  Algebra algebra;
  AtomId s = algebra.symbol("s", true, 0);
  AtomId x = algebra.symbol("x", false, 1);
  AtomId l = algebra.symbol("l", false, 1, /*positive=*/true);
  Poly S = algebra.of(s), X = algebra.of(x), L = algebra.of(l);
  Poly one = algebra.constant(1);
};

TEST_F(AlgebraTest, LikeTermsMeetAndCancel) {
  EXPECT_TRUE(algebra.sub(algebra.add(S, X), algebra.add(X, S)).isZero());
  EXPECT_EQ(algebra.str(algebra.add(S, S)), "2*s");
}

TEST_F(AlgebraTest, PowersOfSumsExpand) {
  auto square = algebra.power(algebra.sub(S, X), 2);
  ASSERT_TRUE(square);
  EXPECT_EQ(algebra.str(*square), "-2*s*x + s^2 + x^2");
  EXPECT_FALSE(algebra.power(algebra.sub(S, X), 7));
}

TEST_F(AlgebraTest, ExponentialsMultiplyByAddingExponents) {
  Poly e = algebra.mul(algebra.exp(algebra.sub(S, X)), algebra.exp(X));
  EXPECT_TRUE(e == algebra.exp(S));
  auto inverse = algebra.inverse(algebra.exp(S));
  ASSERT_TRUE(inverse);
  EXPECT_TRUE(algebra.mul(*inverse, algebra.exp(S)) == one);
}

TEST_F(AlgebraTest, LogarithmOfAWeightSplits) {
  // log(exp(s - x)/l) = s - x - log l.
  Poly weight =
      algebra.mul(algebra.exp(algebra.sub(S, X)), *algebra.inverse(L));
  auto log = algebra.log(weight);
  ASSERT_TRUE(log);
  EXPECT_EQ(algebra.str(*log), "s - x - log(l)");
  // s may be negative.
  EXPECT_FALSE(algebra.log(S));
  EXPECT_FALSE(algebra.log(algebra.scale(L, proof::Rational(-1))));
}

TEST_F(AlgebraTest, ExponentialOfALogarithmIsAPower) {
  Poly log = *algebra.log(L);
  EXPECT_TRUE(algebra.exp(algebra.scale(log, proof::Rational(-2))) ==
              algebra.of(l, -2));
}

TEST_F(AlgebraTest, InversesOfSumsAreAtoms) {
  auto inverse = algebra.inverse(algebra.add(S, X));
  ASSERT_TRUE(inverse);
  EXPECT_EQ(algebra.str(*inverse), "1/(s + x)");
  EXPECT_FALSE(algebra.inverse(Poly()));
}

TEST_F(AlgebraTest, TheExponentialOfAnAccumulatorIsPulledOut) {
  // 1/(1 + exp(x) t) = exp(-x)/(exp(-x) + t).
  Poly t = algebra.of(algebra.component(0, 1, true));
  auto inverse =
      algebra.inverse(algebra.add(one, algebra.mul(algebra.exp(X), t)));
  ASSERT_TRUE(inverse);
  EXPECT_TRUE(algebra.str(*inverse).find("exp(-x)/(") == 0)
      << algebra.str(*inverse);
}

TEST_F(AlgebraTest, SubstitutionReachesExponentsButNotDivisors) {
  Poly p = algebra.add(algebra.mul(X, algebra.exp(X)), algebra.of(x, -1));
  Poly q = algebra.substitute(p, x, algebra.add(S, one));
  EXPECT_TRUE(q == algebra.add(algebra.mul(algebra.add(S, one),
                                           algebra.exp(algebra.add(S, one))),
                               algebra.of(x, -1)));
}

TEST_F(AlgebraTest, ConstantsAreExact) {
  Poly tenth = algebra.constant(proof::Rational::fraction(1, 10));
  Poly sum;
  for (int i = 0; i < 10; ++i)
    sum = algebra.add(sum, tenth);
  EXPECT_TRUE(sum == one);
}

} // namespace
