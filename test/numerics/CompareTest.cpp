//===- CompareTest.cpp - Samples, inputs and the error rule ---------------===//

#include "test/numerics/Support.h"

#include "dialect/Interpreter/Random.h"
#include "dialect/Interpreter/Walk.h"

#include <gtest/gtest.h>
#include <set>

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
class CompareTest : public NumericsTest {};

Sample rows(std::vector<int64_t> starts, int64_t length) {
  Sample sample;
  for (int64_t start : starts)
    sample.starts.push_back({start, 0});
  sample.length = length;
  sample.shape = {static_cast<int64_t>(starts.size()), length};
  return sample;
}

TEST_F(CompareTest, TheRule) {
  Sample sample = rows({0, 1}, 2);
  std::vector<double> exact = {1, 2, 4, 3};
  std::vector<double> naive = {1, 2, 4, 3 + 4e-6}; // rho = 1e-6
  auto judged = [&](double found) {
    return judge(sample, Element::F32, exact, naive, {1, 2, 4, found});
  };
  Report report = judged(3 + 8e-6);
  EXPECT_NEAR(report.naiveError, 1e-6, 1e-12);
  EXPECT_TRUE(report.accepted);
  report = judged(3 - 12e-6);
  EXPECT_FALSE(report.accepted);
  EXPECT_EQ(report.rejected, 1u);
  EXPECT_EQ(report.worst, (llvm::SmallVector<int64_t>{1, 1}));
  EXPECT_EQ(report.expected, 3);
  EXPECT_EQ(report.found, 3 - 12e-6);
}

TEST_F(CompareTest, SpecialValues) {
  Sample sample = rows({0}, 3);
  double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  auto accepted = [&](std::vector<double> exact, std::vector<double> naive,
                      std::vector<double> found) {
    return judge(sample, Element::F32, exact, naive, found).accepted;
  };
  std::vector<double> exact = {1, -inf, nan};
  EXPECT_TRUE(accepted(exact, exact, exact));
  EXPECT_FALSE(accepted(exact, exact, {1, -inf, 0}));
  EXPECT_FALSE(accepted(exact, exact, {1, -3e38, nan}));
  EXPECT_FALSE(accepted(exact, exact, {nan, -inf, nan}));
  EXPECT_FALSE(accepted({1, 1, 1}, {1, 1, 1}, {1, inf, 1}));
  // Beyond the range of f32: not judged, but counted.
  Report report =
      judge(sample, Element::F32, {1, 1, 1}, {1, 1, nan}, {1, 1, nan});
  EXPECT_TRUE(report.accepted);
  EXPECT_EQ(report.unjudged, 1u);
}

TEST_F(CompareTest, IntegersAreEqualUnlessNaiveDiffers) {
  Sample sample = rows({0}, 3);
  auto accepted = [&](std::vector<double> found) {
    return judge(sample, Element::I32, {1, 2, 3}, {1, 5, 3}, found).accepted;
  };
  EXPECT_TRUE(accepted({1, 2, 3}));
  EXPECT_TRUE(accepted({1, 5, 3}));
  EXPECT_FALSE(accepted({1, 2, 4}));
}

TEST_F(CompareTest, SmallSampleIsComplete) {
  auto kernel = parse(attention);
  auto made = randomArguments(kernel, {{"p", 5}, {"m", 7}, {"e", 3}, {"f", 2}});
  auto interpreter = Interpreter::create(kernel, made.arguments);
  ASSERT_TRUE(succeeded(interpreter)) << messages;
  auto output = interpreter->getOutput("O");
  Sample sample = chooseSample(*interpreter, output);
  EXPECT_TRUE(sample.complete);
  EXPECT_EQ(sample.size(), 10u);
}

TEST_F(CompareTest, SampledEqualsFullOnTheSample) {
  auto kernel = parse(attention);
  auto made =
      randomArguments(kernel, {{"p", 300}, {"m", 130}, {"e", 8}, {"f", 6}});
  auto interpreter = Interpreter::create(kernel, made.arguments);
  ASSERT_TRUE(succeeded(interpreter)) << messages;
  for (const char *name : {"O", "L"}) {
    auto output = interpreter->getOutput(name);
    Sample sample = chooseSample(*interpreter, output, {/*operations=*/1e4});
    EXPECT_FALSE(sample.complete);
    EXPECT_GE(sample.starts.size(), 256u);
    EXPECT_EQ(sample.length, std::string(name) == "O" ? 6 : 1);
    std::set<int64_t> there;
    for (const auto &start : sample.starts)
      there.insert(start[0]);
    for (int64_t p : {0, 299, 15, 16, 17, 47, 48, 49, 63, 64, 65, 287, 288})
      EXPECT_TRUE(there.count(p)) << p;
    auto some = evaluate(*interpreter, output, sample);
    auto all = interpreter->evaluateAll(output);
    ASSERT_TRUE(succeeded(some) && succeeded(all)) << messages;
    for (size_t i = 0; i < some->size(); ++i) {
      auto at = sample.coordinates(i);
      size_t place = at.size() == 2 ? at[0] * 6 + at[1] : at[0];
      ASSERT_EQ((*some)[i], (*all)[place]) << name << " " << i;
    }
  }
}

TEST_F(CompareTest, PoisonLiesBetweenTheElements) {
  for (Layout layout : {Layout::Padded, Layout::Permuted})
    for (uint64_t seed = 0; seed < 20; ++seed) {
      OwnedTensor tensor =
          OwnedTensor::make(Element::F32, {3, 1, 4}, layout, seed);
      fill(tensor.view, Pattern::Coded, seed);
      std::set<int64_t> offsets;
      for (int64_t i = 0; i < 12; ++i) {
        int64_t offset = tensor.view.offset({i / 4, 0, i % 4});
        EXPECT_TRUE(offsets.insert(offset).second);
        EXPECT_FALSE(
            std::isnan(loadElement(Element::F32, tensor.view.data, offset)));
      }
      int64_t gaps = 0;
      for (int64_t offset = *offsets.begin(); offset < *offsets.rbegin();
           ++offset)
        if (!offsets.count(offset)) {
          EXPECT_TRUE(
              std::isnan(loadElement(Element::F32, tensor.view.data, offset)));
          ++gaps;
        }
      EXPECT_GT(gaps, 0);
    }
}

TEST_F(CompareTest, EveryPatternAndLayoutPassesInSinglePrecision) {
  for (Pattern pattern : {Pattern::Normal, Pattern::Peaky, Pattern::Coded,
                          Pattern::Constant, Pattern::Huge})
    for (Layout layout : {Layout::Dense, Layout::Padded, Layout::Permuted}) {
      auto kernel = parse(attention);
      auto made =
          randomArguments(kernel, {{"p", 33}, {"m", 65}, {"e", 16}, {"f", 5}},
                          {7, pattern, layout});
      auto checker = Checker::create(kernel, made.arguments);
      ASSERT_TRUE(succeeded(checker)) << messages;
      for (const char *name : {"O", "L"}) {
        auto found =
            outputOf(kernel, made.arguments, name, {Precision::Single});
        auto report = checker->check(name, found.view);
        ASSERT_TRUE(succeeded(report)) << messages;
        EXPECT_TRUE(report->accepted) << report->text();
        EXPECT_EQ(report->unjudged, 0u) << report->text();
      }
    }
}

TEST_F(CompareTest, OtherOrdersOfSumsDecideWhereLuckMight) {
  // Two keys nearly tie where scores are large: the error of the output is that
  // of one score, and one naive evaluation may be right by luck.
  auto kernel = parse(attention);
  unsigned again = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    auto made =
        randomArguments(kernel, {{"p", 3}, {"m", 5}, {"e", 40}, {"f", 2}},
                        {seed, Pattern::Peaky, Layout::Dense});
    auto checker = Checker::create(kernel, made.arguments);
    ASSERT_TRUE(succeeded(checker)) << messages;
    auto found =
        outputOf(kernel, made.arguments, "O",
                 {Precision::Single, Options().stepLimit, /*order=*/1000});
    auto report = checker->check("O", found.view);
    ASSERT_TRUE(succeeded(report)) << messages;
    EXPECT_TRUE(report->accepted) << seed << ": " << report->text();
    again += report->orders > 1;
  }
  EXPECT_GT(again, 0u);
}

TEST_F(CompareTest, OtherOrdersDoNotExcuseFaults) {
  auto kernel = parse(attention);
  auto made =
      randomArguments(kernel, {{"p", 33}, {"m", 65}, {"e", 16}, {"f", 5}},
                      {7, Pattern::Peaky, Layout::Dense});
  auto checker = Checker::create(kernel, made.arguments);
  ASSERT_TRUE(succeeded(checker)) << messages;
  auto found = outputOf(kernel, made.arguments, "O", {Precision::Single});
  auto report = checker->check("O", found.view);
  ASSERT_TRUE(succeeded(report)) << messages;
  // A tenfold error in one value.
  int64_t place = found.view.offset({17, 2});
  double value = loadElement(Element::F32, found.view.data, place);
  storeElement(Element::F32, found.view.data, place,
               value + 10 * report->tolerance);
  report = checker->check("O", found.view);
  ASSERT_TRUE(succeeded(report)) << messages;
  EXPECT_FALSE(report->accepted) << report->text();
  EXPECT_EQ(report->orders, 33u);
  EXPECT_EQ(report->rejectedRows, (std::vector<size_t>{17}));
}

TEST(WalkTest, TakesEveryNumberOnce) {
  std::set<std::vector<int64_t>> orders;
  for (uint64_t seed : {0, 1, 2, 3, 31, 32})
    for (int64_t n : {1, 40, 255, 256, 70000}) {
      Walk walk(seed, n);
      std::vector<int64_t> taken, numbers(n);
      for (int64_t i = 0; i < n; ++i)
        taken.push_back(walk(i));
      std::iota(numbers.begin(), numbers.end(), 0);
      EXPECT_EQ(taken == numbers, seed == 0 || n == 1) << seed << " " << n;
      if (n == 40) {
        EXPECT_TRUE(orders.insert(taken).second) << seed;
      }
      std::sort(taken.begin(), taken.end());
      EXPECT_EQ(taken, numbers) << seed << " " << n;
    }
}

TEST_F(CompareTest, WrongShapeAndTypeAreErrors) {
  auto kernel = parse(attention);
  auto made = randomArguments(kernel, {{"p", 3}, {"m", 4}, {"e", 2}, {"f", 2}});
  auto checker = Checker::create(kernel, made.arguments);
  ASSERT_TRUE(succeeded(checker)) << messages;
  OwnedTensor wrong = OwnedTensor::make(Element::F32, {3, 5}, Layout::Dense, 0);
  EXPECT_TRUE(failed(checker->check("O", wrong.view)));
  EXPECT_NE(messages.find("output `O` has shape [3, 2], found [3, 5]"),
            std::string::npos)
      << messages;
  OwnedTensor half = OwnedTensor::make(Element::F16, {3, 2}, Layout::Dense, 0);
  EXPECT_TRUE(failed(checker->check("O", half.view)));
  EXPECT_NE(messages.find("output `O` is stored as 'f32', found f16"),
            std::string::npos)
      << messages;
}
} // namespace
