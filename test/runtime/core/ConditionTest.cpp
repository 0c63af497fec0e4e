//===- ConditionTest.cpp - Preconditions as data --------------------------===//

#include "runtime/core/Condition.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>

using namespace einfall::runtime;

namespace {

using Kind = ConditionStep::Kind;
constexpr ValueType Int = ValueType::Int, Real = ValueType::Real,
                    Bool = ValueType::Bool;

ConditionStep real(double value) {
  return {Kind::Constant, Real, std::bit_cast<int64_t>(value)};
}
ConditionStep number(int64_t value) { return {Kind::Constant, Int, value}; }
ConditionStep extent(int64_t rank) { return {Kind::Extent, Int, rank}; }

/// Two extents, and two parameters of which the second is not given.
std::optional<bool> valueOf(std::vector<ConditionStep> steps,
                            int64_t first = 5) {
  EXPECT_TRUE(isSound(steps, 2, 2));
  int64_t extents[] = {first, 3};
  double given = -2.5;
  const double *params[] = {&given, nullptr};
  return evaluate(steps, extents, params);
}

TEST(Condition, ComparesIntegersAndReals) {
  for (auto [kind, less, equal, greater] :
       {std::tuple(Kind::Lt, true, false, false),
        {Kind::Le, true, true, false},
        {Kind::Eq, false, true, false},
        {Kind::Ne, true, false, true},
        {Kind::Ge, false, true, true},
        {Kind::Gt, false, false, true}}) {
    EXPECT_EQ(valueOf({number(2), number(3), {kind, Int}}), less);
    EXPECT_EQ(valueOf({number(3), number(3), {kind, Int}}), equal);
    EXPECT_EQ(valueOf({number(4), number(3), {kind, Int}}), greater);
    EXPECT_EQ(valueOf({real(2), real(2.5), {kind, Real}}), less);
    EXPECT_EQ(valueOf({real(3), real(3), {kind, Real}}), equal);
    EXPECT_EQ(valueOf({real(4), real(3.5), {kind, Real}}), greater);
  }
  // What is no number is equal to nothing.
  EXPECT_EQ(valueOf({real(NAN), real(NAN), {Kind::Ge, Real}}), false);
}

TEST(Condition, CalculatesAsTheLanguageDoes) {
  auto isEqual = [](std::vector<ConditionStep> steps, int64_t expected) {
    steps.push_back(number(expected));
    steps.push_back({Kind::Eq, Int});
    return valueOf(steps).value_or(false);
  };
  EXPECT_TRUE(isEqual({extent(0), extent(1), {Kind::Sub, Int}}, 2));
  EXPECT_TRUE(isEqual({extent(0), extent(1), {Kind::Mul, Int}}, 15));
  EXPECT_TRUE(isEqual({number(-7), number(2), {Kind::FloorDiv, Int}}, -4));
  EXPECT_TRUE(isEqual({number(-7), number(4), {Kind::Mod, Int}}, 1));
  EXPECT_TRUE(isEqual({number(-7), {Kind::Abs, Int}}, 7));
  EXPECT_TRUE(isEqual({number(-7), {Kind::Negate, Int}}, 7));
  EXPECT_TRUE(isEqual({number(4), number(9), {Kind::Max, Int}}, 9));
  EXPECT_TRUE(isEqual({number(4), number(9), {Kind::Min, Int}}, 4));
  // 1 / sqrt(|0| - 1) = 0.5
  EXPECT_EQ(valueOf({real(1),
                     extent(0),
                     number(1),
                     {Kind::Sub, Int},
                     {Kind::ToReal, Int},
                     {Kind::Sqrt, Real},
                     {Kind::Div, Real},
                     real(0.5),
                     {Kind::Eq, Real}}),
            true);
  EXPECT_EQ(valueOf({number(1),
                     number(1),
                     {Kind::Eq, Int},
                     number(1),
                     number(2),
                     {Kind::Eq, Int},
                     {Kind::Not, Bool},
                     {Kind::And, Bool},
                     number(1),
                     number(2),
                     {Kind::Eq, Int},
                     {Kind::Or, Bool}}),
            true);
}

TEST(Condition, ReadsParametersAndTheirDefaults) {
  EXPECT_EQ(valueOf({{Kind::Param, Real, 0}, real(-2.5), {Kind::Eq, Real}}),
            true);
  EXPECT_EQ(valueOf({{Kind::Param, Real, 1}, real(0), {Kind::Gt, Real}}),
            std::nullopt);
  EXPECT_EQ(
      valueOf({real(7), {Kind::ParamOr, Real, 1}, real(7), {Kind::Eq, Real}}),
      true);
  EXPECT_EQ(
      valueOf(
          {real(7), {Kind::ParamOr, Real, 0}, real(-2.5), {Kind::Eq, Real}}),
      true);
}

TEST(Condition, HasNoValueBeyond64Bits) {
  EXPECT_EQ(
      valueOf(
          {extent(0), number(1), {Kind::Add, Int}, number(0), {Kind::Gt, Int}},
          INT64_MAX),
      std::nullopt);
  EXPECT_EQ(
      valueOf(
          {number(1), number(0), {Kind::Mod, Int}, number(0), {Kind::Gt, Int}}),
      std::nullopt);
  EXPECT_EQ(
      valueOf(
          {number(INT64_MIN), {Kind::Abs, Int}, number(0), {Kind::Gt, Int}}),
      std::nullopt);
}

TEST(Condition, RefusesWhatIsNone) {
  auto refuses = [](std::vector<ConditionStep> steps) {
    return !isSound(steps, 2, 2);
  };
  EXPECT_TRUE(refuses({}));
  EXPECT_TRUE(refuses({number(1)}));
  EXPECT_TRUE(refuses({{Kind::Constant, Bool, 1}, {Kind::Constant, Bool, 1}}));
  EXPECT_TRUE(refuses({number(1), {Kind::Gt, Int}}));
  EXPECT_TRUE(refuses({number(1), real(1), {Kind::Gt, Real}}));
  EXPECT_TRUE(refuses({number(1), number(1), {Kind::Gt, Real}}));
  EXPECT_TRUE(refuses(
      {number(1), number(1), {Kind::Div, Int}, number(1), {Kind::Gt, Int}}));
  EXPECT_TRUE(refuses({real(1), {Kind::Not, Real}}));
  EXPECT_TRUE(refuses({extent(2), number(1), {Kind::Gt, Int}}));
  EXPECT_TRUE(refuses({extent(-1), number(1), {Kind::Gt, Int}}));
  EXPECT_TRUE(refuses({{Kind::Param, Int, 2}, number(1), {Kind::Gt, Int}}));
  EXPECT_TRUE(refuses(
      {number(1), {Kind::ParamOr, Real, 0}, real(1), {Kind::Gt, Real}}));
  EXPECT_TRUE(refuses({{Kind::Constant, static_cast<ValueType>(3), 1}}));
  EXPECT_TRUE(refuses({number(1), number(1), {static_cast<Kind>(40), Int}}));
}

} // namespace
