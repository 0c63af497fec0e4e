//===- DeriveTest.cpp - Derivation against the interpreter and the rank ---===//
//
// Random cascades are interpreted as written and as derived; whether one pass
// was reached is compared with the numeric rank test, which shares nothing with
// derivation.
//
//===----------------------------------------------------------------------===//

#include "passes/Derive/Derive.h"
#include "passes/Proof/Prover.h"
#include "test/numerics/Faults.h"
#include "test/numerics/RandomCascade.h"
#include "test/numerics/Separability.h"
#include "test/numerics/Support.h"

#include "mlir/IR/Verifier.h"

#include <map>

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
class DeriveTest : public NumericsTest {
protected:
  /// Where derivation is known to stop although sums separate.
  static bool stops(const Recipe &recipe) {
    // The sum of w / sum(w) is 1, which does not range over the rows.
    if (recipe.sum && recipe.normaliser == Normaliser::Sum)
      return true;
    // log(w / max |w|) splits only where the maximum is known to be positive.
    return recipe.entropy && recipe.normaliser == Normaliser::MaxAbs;
  }

  /// How often a kernel goes over m: folds and reductions that stand on each
  /// other.
  static unsigned passes(cascade::KernelOp kernel) {
    llvm::DenseMap<mlir::Value, unsigned> level;
    unsigned most = 0;
    for (mlir::Operation &op : kernel.getBody().front()) {
      unsigned before = 0;
      op.walk([&](mlir::Operation *inner) {
        for (mlir::Value operand : inner->getOperands())
          before = std::max(before, level.lookup(operand));
      });
      bool streams = false;
      if (auto reduce = llvm::dyn_cast<cascade::ReduceOp>(op))
        streams = llvm::is_contained(cascade::names(reduce.getRanks()), "m");
      if (auto fold = llvm::dyn_cast<cascade::FoldOp>(op))
        streams = llvm::is_contained(fold.getRankNames(), "m");
      for (mlir::Value result : op.getResults())
        level[result] = before + streams;
      most = std::max(most, before + streams);
    }
    return most;
  }
};

/// Derivation proposes forms whose range is then refuted, but what it says of
/// empty rows is always right.
TEST_F(DeriveTest, GuardsAreProved) {
  proof::ProverOptions options;
  options.totalSeconds = 600;
  proof::Prover prover(options);
  std::map<std::string, unsigned> proved = {
      {"R1 domain", 0}, {"R1 guard", 0}, {"R1 empty", 0}, {"R3 guard", 0}};
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Recipe recipe = Recipe::random(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + recipe.text());
    auto module = build(&context, recipe);
    ASSERT_TRUE(module) << messages;
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernelOf(*module), log))) << messages;
    for (const proof::Obligation &obligation : log.obligations) {
      auto it = proved.find(obligation.rule);
      if (it == proved.end())
        continue;
      proof::Verdict verdict = prover.prove(obligation);
      EXPECT_TRUE(verdict.isProved())
          << obligation.name << " (" << obligation.rule << ") is "
          << toString(verdict.status).str() << ": " << verdict.reason;
      ++it->second;
    }
  }
  for (auto &[rule, count] : proved)
    EXPECT_GT(count, 0u) << rule;
}

TEST_F(DeriveTest, DerivedAgreesWithWritten) {
  unsigned folded = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Recipe recipe = Recipe::random(seed);
    if (!recipe.isWellConditioned())
      continue;
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + recipe.text());
    auto written = build(&context, recipe);
    auto derived = build(&context, recipe);
    ASSERT_TRUE(written && derived) << messages;
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernelOf(*derived), log))) << messages;
    ASSERT_TRUE(succeeded(mlir::verify(*derived))) << messages;
    auto folds = kernelOf(*derived).getBody().getOps<cascade::FoldOp>();
    folded += !folds.empty();
    Pattern pattern = seed % 3 == 0   ? Pattern::Coded
                      : seed % 3 == 1 ? Pattern::Normal
                                      : Pattern::Constant;
    auto made = RandomArguments::make(
        kernelOf(*written), randomExtents(recipe, seed), {seed, pattern});
    ASSERT_TRUE(succeeded(made)) << messages;
    auto before = Interpreter::create(kernelOf(*written), made->arguments);
    auto after = Interpreter::create(kernelOf(*derived), made->arguments);
    ASSERT_TRUE(succeeded(before) && succeeded(after)) << messages;
    for (auto output :
         kernelOf(*written).getBody().getOps<cascade::OutputOp>()) {
      Sample sample = chooseSample(*before, output);
      auto exact = before->evaluateAll(output);
      auto found = after->evaluateAll(after->getOutput(output.getName()));
      ASSERT_TRUE(succeeded(exact) && succeeded(found)) << messages;
      // Both in f64: judged far below what f32 could show.
      Report report = judge(sample, Element::F64, *exact, *exact, *found);
      for (size_t i = 0; i < exact->size(); ++i) {
        bool bothFinite =
            std::isfinite((*exact)[i]) && std::isfinite((*found)[i]);
        // 0 / 0 may be x / 0 after derivation: both are no number.
        bool neither = std::isnan((*exact)[i]) ? !std::isfinite((*found)[i])
                                               : (*exact)[i] == (*found)[i];
        ASSERT_TRUE(bothFinite || neither)
            << output.getName().str() << " at " << i << ": expected "
            << (*exact)[i] << ", found " << (*found)[i];
      }
      EXPECT_LT(report.error, 1e-9)
          << output.getName().str() << ": " << report.text();
    }
  }
  EXPECT_GT(folded, 100u);
}

TEST_F(DeriveTest, TheInterfaceStays) {
  // Callers number arguments by their order in the kernel as written.
  auto names = [](cascade::KernelOp kernel) {
    std::vector<std::string> found;
    for (auto op : kernel.getBody().getOps<cascade::InputOp>())
      found.push_back(op.getName().str());
    for (auto op : kernel.getBody().getOps<cascade::ParamOp>())
      found.push_back(op.getName().str());
    for (auto op : kernel.getBody().getOps<cascade::OutputOp>())
      found.push_back(op.getName().str());
    return found;
  };
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Recipe recipe = Recipe::random(seed);
    auto kernel = build(&context, recipe);
    ASSERT_TRUE(kernel) << messages;
    auto before = names(kernelOf(*kernel));
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernelOf(*kernel), log))) << messages;
    EXPECT_EQ(names(kernelOf(*kernel)), before)
        << "seed " << seed << ": " << recipe.text();
  }
}

TEST_F(DeriveTest, OnePassWhereTheRankTestSaysSo) {
  unsigned agree = 0, untested = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Recipe recipe = Recipe::random(seed);
    auto kernel = build(&context, recipe);
    ASSERT_TRUE(kernel) << messages;
    std::optional<bool> reachable = onePassReachable(kernelOf(*kernel), "m");
    std::optional<bool> bySums =
        onePassReachable(kernelOf(*kernel), "m", /*sumsOnly=*/true);
    if (!reachable) {
      ++untested;
      continue;
    }
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernelOf(*kernel), log))) << messages;
    bool reached = passes(kernelOf(*kernel)) == 1;
    std::string label = "seed " + std::to_string(seed) + ": " + recipe.text();
    EXPECT_TRUE(!reached || *reachable) << label;
    EXPECT_TRUE(!*bySums || stops(recipe) || reached) << label;
    ++agree;
  }
  EXPECT_GT(agree, 300u);
  EXPECT_LT(untested, 80u);
}

TEST_F(DeriveTest, FaultsInDerivedKernelsAreSeen) {
  Recipe recipe;
  recipe.score = Score::Scaled;
  recipe.mask = Mask::Causal;
  auto written = build(&context, recipe);
  for (Fault fault : allFaults()) {
    auto derived = build(&context, recipe);
    DerivationLog log;
    ASSERT_TRUE(succeeded(deriveKernel(kernelOf(*derived), log)));
    auto made = randomArguments(kernelOf(*written),
                                {{"p", 65}, {"m", 90}, {"e", 8}, {"f", 4}});
    auto checker = Checker::create(kernelOf(*written), made.arguments);
    ASSERT_TRUE(succeeded(checker)) << messages;
    auto good =
        outputOf(kernelOf(*derived), made.arguments, "O", {Precision::Single});
    auto report = checker->check("O", good.view);
    ASSERT_TRUE(succeeded(report)) << messages;
    EXPECT_TRUE(report->accepted) << report->text();
    ASSERT_TRUE(inject(kernelOf(*derived), fault)) << name(fault).str();
    auto bad =
        outputOf(kernelOf(*derived), made.arguments, "O", {Precision::Single});
    report = checker->check("O", bad.view);
    ASSERT_TRUE(succeeded(report)) << messages;
    EXPECT_FALSE(report->accepted)
        << name(fault).str() << ": " << report->text();
  }
}
} // namespace
