//===- KernelTest.cpp - Compiled random cascades against the interpreter --===//
//
// Every lowering that takes a random cascade must compute what the interpreter
// computes from the cascade as written, whatever the layout of its inputs.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Compiled.h"
#include "test/numerics/RandomCascade.h"
#include "test/numerics/Support.h"

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
class KernelTest
    : public NumericsTest,
      public ::testing::WithParamInterface<std::tuple<Lowering, uint64_t>> {
protected:
  KernelTest() { loadLoweringDialects(context); }

  enum Outcome { Checked, NotTaken, Failed };

  /// Compiles a recipe and checks its outputs for every layout.
  Outcome check(const Recipe &recipe, Lowering lowering, uint64_t seed,
                const Arguments &fixed, std::string &reason) {
    auto written = build(&context, recipe);
    if (!written)
      return Failed;
    bool failed = false;
    auto compiled = Compiled::compile(kernelOf(*written), lowering,
                                      fixed.extents, reason, failed);
    if (!compiled)
      return failed ? Failed : NotTaken;
    for (Layout layout : {Layout::Dense, Layout::Padded, Layout::Permuted}) {
      auto made = RandomArguments::make(kernelOf(*written), fixed,
                                        {seed, Pattern::Normal, layout});
      if (mlir::failed(made))
        return Failed;
      auto checker = Checker::create(kernelOf(*written), made->arguments);
      if (mlir::failed(checker))
        return Failed;
      auto outputs = compiled->run(made->arguments, layout == Layout::Padded
                                                        ? Layout::Padded
                                                        : Layout::Dense);
      size_t next = 0;
      for (auto output :
           kernelOf(*written).getBody().getOps<cascade::OutputOp>()) {
        auto report = checker->check(output.getName(), outputs[next++].view);
        if (mlir::failed(report))
          return Failed;
        EXPECT_TRUE(report->accepted) << "layout " << int(layout) << "\n"
                                      << report->text();
      }
    }
    return Checked;
  }
};

std::string label(const ::testing::TestParamInfo<KernelTest::ParamType> &info) {
  static constexpr const char *names[] = {"Loops", "Rows", "Tiles"};
  return std::string(names[int(std::get<0>(info.param))]) + "_" +
         std::to_string(std::get<1>(info.param));
}

TEST_P(KernelTest, ComputesWhatIsWritten) {
  auto [lowering, seed] = GetParam();
  Recipe recipe = Recipe::random(seed);
  if (!recipe.isWellConditioned())
    GTEST_SKIP() << recipe.text() << ": ill-conditioned";
  std::string reason;
  Outcome outcome;
  {
    SCOPED_TRACE(recipe.text());
    outcome =
        check(recipe, lowering, seed, randomExtents(recipe, seed), reason);
  }
  if (outcome == NotTaken)
    GTEST_SKIP() << recipe.text() << ": " << reason;
  EXPECT_EQ(outcome, Checked) << recipe.text() << "\n"
                              << reason << "\n"
                              << messages;
}

constexpr auto lowerings = {Lowering::Loops, Lowering::Rows, Lowering::Tiles};
INSTANTIATE_TEST_SUITE_P(All, KernelTest,
                         ::testing::Combine(::testing::ValuesIn(lowerings),
                                            ::testing::Range<uint64_t>(0, 16)),
                         label);
// Minutes: with --gtest_also_run_disabled_tests.
INSTANTIATE_TEST_SUITE_P(DISABLED_Many, KernelTest,
                         ::testing::Combine(::testing::ValuesIn(lowerings),
                                            ::testing::Range<uint64_t>(16,
                                                                       300)),
                         label);

/// A fold with one component, whose every rank could be a row's.
TEST_F(NumericsTest, RowsWithOneComponent) {
  loadLoweringDialects(context);
  Recipe recipe;
  recipe.score = Score::Abs;
  recipe.weight = Weight::Linear;
  recipe.normaliser = Normaliser::None;
  auto written = build(&context, recipe);
  auto made = randomArguments(kernelOf(*written),
                              {{"p", 5}, {"m", 40}, {"e", 3}, {"f", 5}});
  std::string reason;
  bool failed = false;
  auto compiled = Compiled::compile(kernelOf(*written), Lowering::Rows,
                                    made.arguments.extents, reason, failed);
  ASSERT_TRUE(compiled) << reason << messages;
  auto outputs = compiled->run(made.arguments);
  auto checker = Checker::create(kernelOf(*written), made.arguments);
  ASSERT_TRUE(succeeded(checker)) << messages;
  auto report = checker->check("O", outputs[0].view);
  ASSERT_TRUE(succeeded(report)) << messages;
  EXPECT_TRUE(report->accepted) << report->text();
}

class PlainKernelTest : public KernelTest {};

/// Every lowering takes plain attention, at sizes next to every tile border.
TEST_P(PlainKernelTest, IsTaken) {
  auto [lowering, keys] = GetParam();
  Recipe recipe;
  recipe.score = Score::Scaled;
  recipe.mask = Mask::Causal;
  recipe.logSum = true;
  Arguments fixed;
  fixed.extents["p"] = 65;
  fixed.extents["m"] = static_cast<int64_t>(keys);
  fixed.extents["e"] = 16;
  fixed.extents["f"] = 16;
  std::string reason;
  EXPECT_EQ(check(recipe, lowering, keys, fixed, reason), Checked)
      << reason << "\n"
      << messages;
}

INSTANTIATE_TEST_SUITE_P(All, PlainKernelTest,
                         ::testing::Combine(::testing::ValuesIn(lowerings),
                                            ::testing::Values(1, 17, 63, 129)),
                         label);
} // namespace
