//===- RandomCascadeTest.cpp - The generator and the rank test ------------===//

#include "test/numerics/RandomCascade.h"
#include "test/numerics/Separability.h"
#include "test/numerics/Support.h"

#include <set>

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
class RandomCascadeTest : public NumericsTest {
protected:
  std::optional<bool> onePass(Recipe recipe) {
    kept.push_back(build(&context, recipe));
    if (!kept.back()) {
      ADD_FAILURE() << recipe.text() << "\n" << messages;
      return std::nullopt;
    }
    return onePassReachable(kernelOf(*kept.back()), "m");
  }
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> kept;
};

TEST_F(RandomCascadeTest, EveryRecipeBuildsAndRuns) {
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Recipe recipe = Recipe::random(seed);
    texts.insert(recipe.text());
    auto built = build(&context, recipe);
    ASSERT_TRUE(built) << recipe.text() << "\n" << messages;
    auto kernel = kernelOf(*built);
    auto made =
        RandomArguments::make(kernel, randomExtents(recipe, seed), {seed});
    ASSERT_TRUE(succeeded(made)) << recipe.text() << "\n" << messages;
    auto interpreter = Interpreter::create(kernel, made->arguments);
    ASSERT_TRUE(succeeded(interpreter)) << messages;
    for (auto output : kernel.getBody().getOps<cascade::OutputOp>())
      EXPECT_TRUE(succeeded(interpreter->evaluateAll(output)))
          << recipe.text() << "\n"
          << messages;
  }
  EXPECT_GT(texts.size(), 140u);
}

TEST_F(RandomCascadeTest, SameSeedSameCascade) {
  EXPECT_EQ(Recipe::random(5).text(), Recipe::random(5).text());
  EXPECT_NE(Recipe::random(5).text(), Recipe::random(6).text());
}

TEST_F(RandomCascadeTest, KnownVerdicts) {
  Recipe softmax;
  softmax.logSum = true;
  EXPECT_EQ(onePass(softmax), true);
  Recipe entropy = softmax;
  entropy.entropy = true;
  EXPECT_EQ(onePass(entropy), true); // rank 2
  Recipe mean = softmax;
  mean.reference = Reference::Mean;
  EXPECT_EQ(onePass(mean), true);
  Recipe deviation;
  deviation.weight = Weight::Deviation;
  EXPECT_EQ(onePass(deviation), true); // rank 3
  Recipe squares = deviation;
  squares.normaliser = Normaliser::RootOfSquares;
  EXPECT_EQ(onePass(squares), true); // (s - mean)^4: rank 5
  Recipe normalised;
  normalised.weight = Weight::Normalised;
  EXPECT_EQ(onePass(normalised), true);
  // A maximum of squared deviations: rank 3, and no sum.
  Recipe greatest = deviation;
  greatest.normaliser = Normaliser::MaxAbs;
  EXPECT_EQ(onePass(greatest), false);
  // exp(s / heat) separates at no rank.
  Recipe temperature;
  temperature.weight = Weight::Temperature;
  EXPECT_EQ(onePass(temperature), false);
  // The maximum of s / sum(s), whose sign is not known.
  Recipe sign;
  sign.weight = Weight::Linear;
  sign.max = true;
  EXPECT_EQ(onePass(sign), false);
  sign.score = Score::Abs;
  EXPECT_EQ(onePass(sign), true);
}

TEST_F(RandomCascadeTest, NumericRank) {
  auto matrix = [](auto entry) {
    std::vector<std::vector<double>> rows(20, std::vector<double>(20));
    for (int i = 0; i < 20; ++i)
      for (int j = 0; j < 20; ++j)
        rows[i][j] = entry(1 + i / 10.0, 2 + j / 7.0);
    return rows;
  };
  EXPECT_EQ(numericRank(matrix([](double, double) { return 0.0; })), 0u);
  EXPECT_EQ(numericRank(matrix([](double a, double b) { return a * b; })), 1u);
  EXPECT_EQ(
      numericRank(matrix([](double a, double b) { return std::exp(a - b); })),
      1u);
  EXPECT_EQ(
      numericRank(matrix([](double a, double b) { return (a - b) * (a - b); })),
      3u);
  EXPECT_GT(numericRank(
                matrix([](double a, double b) { return std::exp(3 * a * b); })),
            finiteRank);
}
} // namespace
