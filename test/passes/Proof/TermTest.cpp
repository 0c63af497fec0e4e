//===- TermTest.cpp - Terms, rationals and their evaluation ---------------===//

#include "passes/Proof/Term.h"
#include "passes/Proof/Evaluate.h"
#include "passes/Proof/Exponents.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace einfall::proof;

namespace {
class Terms : public ::testing::Test {
protected:
  TermContext c;
  Term x = c.symbol("x"), y = c.symbol("y"), z = c.symbol("z");
  Term a = c.symbol("a", Sort::Bool), b = c.symbol("b", Sort::Bool);
  Term real(int64_t top, int64_t bottom = 1) {
    return c.real(Rational::fraction(top, bottom));
  }
};
} // namespace

TEST(Rationals, AreExact) {
  EXPECT_EQ(Rational::fraction(6, -4).str(), "-3/2");
  EXPECT_EQ(Rational::exactly(0.1).str(), "3602879701896397/36028797018963968");
  EXPECT_EQ(Rational::exactly(-3.0), Rational(-3));
  EXPECT_EQ(Rational::fraction(-7, 2).floor(), Rational(-4));
  EXPECT_EQ(Rational::fraction(2, 3).power(-2), Rational::fraction(9, 4));
  EXPECT_EQ(Rational::fraction(49, 4).squareRoot(), Rational::fraction(7, 2));
  EXPECT_FALSE(Rational(2).squareRoot());
  EXPECT_FALSE(Rational(-1).squareRoot());
  // Beyond 64 bits, and back.
  Rational large = Rational(3).power(100);
  EXPECT_FALSE(large.asInteger());
  EXPECT_EQ((large / Rational(3).power(98)).asInteger(), 9);
  EXPECT_TRUE(Rational(-2) < Rational::fraction(-3, 2));
}

TEST_F(Terms, AreUnique) {
  EXPECT_EQ(x + y, y + x);
  EXPECT_EQ(x * y * x, pow(x, 2) * y);
  EXPECT_EQ(c.symbol("x"), x);
  EXPECT_NE(exp(x), exp(y));
  EXPECT_EQ(max(x, y), max(y, x));
  EXPECT_EQ(a && b && a, b && a);
}

TEST_F(Terms, AreNormalisedLightly) {
  EXPECT_EQ(x + x, 2 * x);
  EXPECT_EQ(x - (x + y), -y);
  EXPECT_EQ(2 * (x + y), 2 * x + 2 * y);
  EXPECT_TRUE((x - x).isConstant(0));
  EXPECT_TRUE((real(0) * x).isConstant(0));
  EXPECT_TRUE(exp(x - x).isConstant(1));
  EXPECT_EQ(x / real(2), real(1, 2) * x);
  EXPECT_TRUE(lt(real(1), real(2)).isTrue());
  EXPECT_TRUE(le(x, x).isTrue());
  EXPECT_EQ(!lt(x, y), le(y, x));
  EXPECT_EQ(!!a, a);
  EXPECT_TRUE((a && c.boolean(false)).isFalse());
  EXPECT_EQ(ite(c.boolean(true), x, y), x);
  // What needs a side condition stays.
  EXPECT_TRUE((x / x).is(TermKind::Div));
  EXPECT_TRUE(c.div(x, real(0)).is(TermKind::Div));
  EXPECT_TRUE(sqrt(pow(x, 2)).is(TermKind::Sqrt));
}

TEST_F(Terms, Integers) {
  Term i = c.symbol("i", Sort::Int), four = c.integer(4);
  EXPECT_EQ(c.floorDiv(c.integer(-7), four), c.integer(-2));
  EXPECT_EQ(c.mod(c.integer(-7), four), c.integer(1));
  EXPECT_EQ((i + 3 - i), c.integer(3));
}

TEST_F(Terms, ArePrintedAsWritten) {
  EXPECT_EQ((exp(x - y) * z + 1).str(), "z*exp(x - y) + 1");
  EXPECT_EQ((-x).str(), "-x");
  EXPECT_EQ((y - x).str(), "y - x");
  EXPECT_EQ((x / (y + z)).str(), "x/(y + z)");
  EXPECT_EQ((pow(x + y, 2)).str(), "(x + y)^2");
  EXPECT_EQ((real(-1, 2) * x).str(), "-1/2*x");
  EXPECT_EQ(implies(lt(x, y), a).str(), "a or y <= x");
  EXPECT_EQ(ite(a, x, y).str(), "if a then x else y");
  EXPECT_EQ(c.apply("tanh", {x}).str(), "tanh(x)");
}

TEST_F(Terms, ExponentsAreLinear) {
  auto describe = [](Term term) {
    std::string text;
    for (auto &[coefficient, atom] : linearize(term))
      text += coefficient.str() + ":" + atom.str() + " ";
    return text;
  };
  EXPECT_EQ(describe(2 * x - y + 3), "2:x -1:y 3:1 ");
  // Products and quotients distribute over sums.
  EXPECT_EQ(describe(z * (x - y)), "1:x*z -1:y*z ");
  EXPECT_EQ(describe((x - 2 * y) / z), "1:x/z -2:y/z ");
  EXPECT_EQ(describe(z * (x - y) - z * x), "-1:y*z ");
  // A rounded constant belongs to its atom.
  Term odd = c.real(Rational::exactly(0.1));
  EXPECT_EQ(linearize(odd * x).front().first, Rational(1));
  EXPECT_EQ(linearize(odd * x), linearize(-(-odd * x)));

  auto units = exponentUnits({exp(x / real(2)) * exp(3 * x) * exp(6 * y)});
  EXPECT_EQ(units.lookup(x), Rational::fraction(1, 2));
  EXPECT_EQ(units.lookup(y), Rational(6));
}

TEST_F(Terms, Evaluate) {
  Point point;
  point[x] = Value::of(Rational(3));
  point[y] = Value::of(Rational::fraction(-1, 2));
  point[z] = Value::of(Rational(0));
  point[a] = Value::of(true);
  auto at = [&](Term term) { return Evaluator(point, 2, 1).evaluate(term); };
  EXPECT_EQ(at(x * y + 1).number, Rational::fraction(-1, 2));
  EXPECT_EQ(at(exp(x + y)).number, at(exp(x) * exp(y)).number);
  EXPECT_EQ(at(exp(y)).number, Rational::fraction(1, 2)); // 2^(2y)
  EXPECT_EQ(at(log(exp(x))).number, Rational(3));
  EXPECT_EQ(at(log(x) + log(x)).number, at(log(x * x)).number);
  EXPECT_EQ(at(x / z).state, Value::State::Undefined);
  EXPECT_EQ(at(log(y)).state, Value::State::Undefined);
  EXPECT_EQ(at(sqrt(y)).state, Value::State::Undefined);
  EXPECT_EQ(at(sqrt(x)).state, Value::State::Unknown);
  EXPECT_EQ(at(sqrt(x + 1)).number, Rational(2));
  EXPECT_EQ(at(c.symbol("nowhere")).state, Value::State::Unknown);
  // The size of a logarithm of 3 is not known here; whether it is 0 is.
  EXPECT_EQ(at(lt(log(x), x)).state, Value::State::Unknown);
  EXPECT_FALSE(at(eq(log(x), x - 3)).truth);
  // A true alternative settles, whatever the others are.
  EXPECT_TRUE(at(a || eq(x / z, x)).truth);
  EXPECT_EQ(at(a && eq(x / z, x)).state, Value::State::Undefined);
  EXPECT_EQ(at(ite(a, x, x / z)).number, Rational(3));
  // Functions: equal for equal arguments.
  EXPECT_EQ(at(c.apply("f", {x})).number, at(c.apply("f", {y + y + 4})).number);
}
