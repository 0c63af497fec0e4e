//===- DeviceTest.cpp - Random cascades on emulated GPUs ------------------===//
//
// Every device lowering that takes a random cascade must compute what the
// interpreter computes from the cascade as written: each version that applies,
// whatever the layout of its inputs and in whichever order things happen.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/OnDevice.h"
#include "test/numerics/RandomCascade.h"
#include "test/numerics/Support.h"

#include <random>

using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::numerics;

namespace {
struct Way {
  DeviceLowering lowering;
  const char *target;
  const char *name;
};
constexpr Way ways[] = {
    {DeviceLowering::Folds, "sm_80", "Folds80"},
    {DeviceLowering::Folds, "sm_90a", "Folds90"},
    {DeviceLowering::Tf32, "sm_80", "Tf32"},
    {DeviceLowering::Parts, "sm_80", "Parts80"},
    {DeviceLowering::Warps, "sm_80", "Warps80"},
    {DeviceLowering::AnyExtent, "sm_90a", "AnyExtent90"},
};

class DeviceTest : public NumericsTest,
                   public ::testing::WithParamInterface<
                       std::tuple<unsigned, Storage, uint64_t>> {
protected:
  DeviceTest() { loadDeviceDialects(context); }

  /// What one run of a version gave.
  enum Outcome { Accepted, Near, Rejected, NotApplied, Failed };

  /// Near: the greatest error is at most 2.5 times the limit, twice that of a
  /// naive evaluation, which of few values is luck.
  Outcome checkRun(OnDevice &compiled, size_t version, cascade::KernelOp kernel,
                   const Arguments &fixed, Layout layout, uint64_t seed,
                   bool tf32, std::string &what) {
    auto made =
        RandomArguments::make(kernel, fixed, {seed, Pattern::Normal, layout});
    if (mlir::failed(made))
      return Failed;
    emulated::Report run;
    auto outputs = compiled.run(
        version, made->arguments,
        layout == Layout::Padded ? Layout::Padded : Layout::Dense, seed, run);
    if (!run.applies)
      return NotApplied;
    what = run.str();
    auto checker = Checker::create(kernel, made->arguments, {}, tf32);
    if (!run.ok || mlir::failed(checker))
      return Failed;
    Outcome outcome = Accepted;
    size_t next = 0;
    for (auto output : kernel.getBody().getOps<cascade::OutputOp>()) {
      auto report = checker->check(output.getName(), outputs[next++].view);
      if (mlir::failed(report))
        return Failed;
      if (report->accepted)
        continue;
      what += report->text() + "\n";
      bool isNear = report->error <= 2.5 * report->tolerance;
      outcome = std::max(outcome, isNear ? Near : Rejected);
    }
    return outcome;
  }

  /// Runs all versions on inputs of every layout.
  void checkVersions(OnDevice &compiled, cascade::KernelOp kernel,
                     const Arguments &fixed, uint64_t seed, bool tf32) {
    for (Layout layout : {Layout::Dense, Layout::Padded, Layout::Permuted}) {
      unsigned applied = 0;
      for (size_t version = 0; version < compiled.versions(); ++version) {
        SCOPED_TRACE(compiled.name(version).str() + ", layout " +
                     std::to_string(int(layout)));
        std::string what;
        auto run = [&](uint64_t with) {
          return checkRun(compiled, version, kernel, fixed, layout, with, tf32,
                          what);
        };
        Outcome outcome = run(seed);
        if (outcome == NotApplied)
          continue;
        ++applied;
        // A near miss is judged by other inputs, which all must be accepted.
        for (uint64_t other = 1; other <= 3 && outcome == Near; ++other)
          if (run(seed + 1000 * other) != Accepted)
            outcome = Rejected;
        EXPECT_TRUE(outcome == Accepted || outcome == Near) << what << messages;
      }
      EXPECT_GT(applied, 0u) << "layout " << int(layout);
    }
  }
};

/// Sizes around those of a GPU's tiles, with rows that machines copy as boxes
/// and in chunks among them.
Arguments tileExtents(const Recipe &recipe, uint64_t seed) {
  std::mt19937_64 random(seed + 77);
  auto pick = [&](std::initializer_list<int64_t> sizes) {
    return sizes.begin()[random() % sizes.size()];
  };
  Arguments arguments = randomExtents(recipe, seed);
  arguments.extents["p"] = pick({1, 17, 64, 65, 129, 200});
  arguments.extents["m"] = pick({1, 17, 63, 64, 65, 129, 200});
  arguments.extents["e"] = pick({3, 8, 16, 40, 64});
  if (recipe.values)
    arguments.extents["f"] = pick({5, 8, 16, 40, 64});
  return arguments;
}

std::string label(const ::testing::TestParamInfo<DeviceTest::ParamType> &info) {
  static constexpr const char *storages[] = {"f32", "bf16", "f16"};
  auto [way, storage, seed] = info.param;
  return std::string(ways[way].name) + "_" + storages[int(storage)] + "_" +
         std::to_string(seed);
}

TEST_P(DeviceTest, ComputesWhatIsWritten) {
  auto [number, storage, seed] = GetParam();
  const Way &way = ways[number];
  if (way.lowering == DeviceLowering::Tf32 && storage != Storage::F32)
    GTEST_SKIP() << "nothing is left to round";
  Recipe recipe = Recipe::random(seed);
  recipe.storage = storage;
  if (!recipe.isWellConditioned())
    GTEST_SKIP() << recipe.text() << ": ill-conditioned";
  SCOPED_TRACE(recipe.text());
  auto written = build(&context, recipe);
  ASSERT_TRUE(written) << messages;
  cascade::KernelOp kernel = kernelOf(*written);
  bool isTiled = way.lowering != DeviceLowering::Warps &&
                 way.lowering != DeviceLowering::AnyExtent;
  Arguments fixed =
      isTiled ? tileExtents(recipe, seed) : randomExtents(recipe, seed);
  std::string reason;
  bool failed = false;
  auto compiled = OnDevice::compile(kernel, way.lowering, way.target,
                                    fixed.extents, reason, failed);
  ASSERT_FALSE(failed) << reason << "\n" << messages;
  if (!compiled)
    GTEST_SKIP() << recipe.text() << ": " << reason;
  checkVersions(*compiled, kernel, fixed, seed,
                way.lowering == DeviceLowering::Tf32);
}

const auto allWays = ::testing::Range(0u, unsigned(std::size(ways)));
constexpr auto storages = {Storage::F32, Storage::BF16};
INSTANTIATE_TEST_SUITE_P(All, DeviceTest,
                         ::testing::Combine(allWays,
                                            ::testing::ValuesIn(storages),
                                            ::testing::Range<uint64_t>(0, 8)),
                         label);
// Minutes: with --gtest_also_run_disabled_tests.
INSTANTIATE_TEST_SUITE_P(DISABLED_Many, DeviceTest,
                         ::testing::Combine(allWays,
                                            ::testing::Values(Storage::F32,
                                                              Storage::BF16,
                                                              Storage::F16),
                                            ::testing::Range<uint64_t>(8, 200)),
                         label);
} // namespace
