//===- MachineTest.cpp - Descriptions of machines -------------------------===//

#include "codegen/targets/Machine.h"
#include "codegen/targets/MachineTexts.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace einfall;

TEST(Machine, EveryDescriptionIsRead) {
  ASSERT_EQ(machineTexts().size(), 8u);
  for (const MachineText &text : machineTexts()) {
    auto machine = parseMachine(text.text, text.name);
    ASSERT_TRUE(bool(machine)) << llvm::toString(machine.takeError());
    EXPECT_EQ(machine->name, text.name);
    EXPECT_EQ(machine->sha256.size(), 64u);
  }
  EXPECT_EQ(machines().size(), machineTexts().size());
  EXPECT_EQ(findMachine("h100"), nullptr);
}

/// Peaks as the makers publish them, in FLOP per second: a slip in units,
/// rates or clocks shows here.
TEST(Machine, PeaksAreThePublishedOnes) {
  auto expectPeak = [](const char *name, const char *operands, double peak) {
    const Machine &machine = *findMachine(name);
    double found = double(machine.units) * machine.clockHz *
                   machine.matrixFlopPerClock(operands);
    EXPECT_LT(std::abs(found / peak - 1), 0.003) << name << " " << operands;
  };
  expectPeak("a100-sxm4", "bf16", 312e12);
  expectPeak("a100-sxm4", "tf32", 156e12);
  expectPeak("h100-sxm5", "f16", 989.4e12);
  expectPeak("h100-sxm5", "fp8", 1978.9e12);
  expectPeak("h200-sxm", "bf16", 989.4e12);
  expectPeak("b200", "bf16", 2.25e15);
  expectPeak("mi250x", "bf16", 383e12 / 2);
  expectPeak("mi300x", "bf16", 1307.4e12);
  expectPeak("mi355x", "fp8", 5.03e15);
  EXPECT_EQ(findMachine("x86-64")->matrixFlopPerClock("f16"), 0);
}

TEST(Machine, TargetsHaveMachinesOfTheirArchitecture) {
  for (const GpuTarget &target : gpuTargets()) {
    const Machine &machine = target.reference();
    EXPECT_EQ(machine.architecture, target.name);
    EXPECT_GT(machine.block.sharedBytes, 0);
  }
  auto other = machineFor(*findTarget("sm_90a"), "h200-sxm");
  ASSERT_TRUE(bool(other));
  EXPECT_EQ(other->name, "h200-sxm");
  auto wrong = machineFor(*findTarget("sm_80"), "h200-sxm");
  EXPECT_EQ(llvm::toString(wrong.takeError()),
            "machine h200-sxm is of architecture sm_90a, not of target sm_80");
  EXPECT_EQ(llvm::toString(machineFor(*findTarget("sm_80"), "h2").takeError()),
            "there is no machine h2; name a100-sxm4, h100-sxm5, h200-sxm, "
            "b200, mi250x, mi300x, mi355x, x86-64, or a file that ends with "
            ".json");
}

TEST(Boundaries, InsideIsEverythingNearer) {
  std::vector<Boundary> hopper = boundariesOf(*findMachine("h100-sxm5"));
  ASSERT_EQ(hopper.size(), 2u);
  EXPECT_EQ(hopper[0].name, "HBM to L2");
  EXPECT_EQ(hopper[0].units, 1);
  EXPECT_EQ(hopper[0].capacityBytes(), (50 << 20) + 132 * (512 << 10));
  EXPECT_EQ(hopper[1].name, "L2 to SM");
  EXPECT_EQ(hopper[1].units, 132);
  EXPECT_EQ(hopper[1].capacityBytes(), 512 << 10);
  EXPECT_EQ(hopper[1].inside.back().name, "registers");
  EXPECT_EQ(hopper[1].inside.back().bytes, 256 << 10);
  EXPECT_EQ(hopper[1].sectorBytes, 32);
  EXPECT_EQ(hopper[1].bytesPerSecond, 5120 * 1.83e9);
}

TEST(Boundaries, ClustersAreOneUnit) {
  std::vector<Boundary> pairs = boundariesOf(*findMachine("h100-sxm5"), 2);
  EXPECT_EQ(pairs[0].capacityBytes(),
            boundariesOf(*findMachine("h100-sxm5"))[0].capacityBytes());
  EXPECT_EQ(pairs[1].units, 66);
  EXPECT_EQ(pairs[1].capacityBytes(), 1 << 20);
  // 8 does not divide 132: the last is taken as large as the others.
  EXPECT_EQ(boundariesOf(*findMachine("h100-sxm5"), 8)[1].units, 17);
}

TEST(Boundaries, CachesOfPartsAreWithinThem) {
  std::vector<Boundary> parts = boundariesOf(*findMachine("mi300x"));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].name, "Infinity Cache to L2");
  EXPECT_EQ(parts[1].units, 8);
  EXPECT_EQ(parts[1].capacityBytes(),
            (4 << 20) + 38 * parts[2].capacityBytes());
  std::vector<Boundary> host = boundariesOf(*findMachine("x86-64"));
  ASSERT_EQ(host.size(), 3u);
  EXPECT_EQ(host[2].name, "L2 to L1");
}

/// What is wrong in a description is named with its path, value and limit.
class Refused : public testing::Test {
protected:
  static std::string message(std::string from, std::string to) {
    std::string text;
    for (const MachineText &known : machineTexts())
      if (known.name == std::string("h100-sxm5"))
        text = known.text;
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    auto machine = parseMachine(text, "x.json");
    EXPECT_FALSE(bool(machine)) << to;
    std::string all = llvm::toString(machine.takeError());
    EXPECT_EQ(all.find("machine description x.json: "), 0u) << all;
    return all.substr(28);
  }
};

TEST_F(Refused, ValuesOutOfRange) {
  EXPECT_EQ(message("\"shared_bytes\": 232448", "\"shared_bytes\": 0"),
            "limits.block.shared_bytes is 0; at least 1 is needed");
  EXPECT_EQ(message("\"shared_bytes\": 232448", "\"shared_bytes\": 240000"),
            "limits.unit.shared_bytes is 233472; at least 241024 is needed");
  EXPECT_EQ(message("\"bytes\": 52428800", "\"bytes\": 1e40"),
            "levels[1].memories[0].bytes is 1e+40, no integer");
  EXPECT_EQ(message("\"bytes\": 52428800", "\"bytes\": 140737488355328"),
            "levels[1].memories[0].bytes is 140737488355328; at most "
            "70368744177664 is possible");
  EXPECT_EQ(message("\"hz\": 1830000000", "\"hz\": -1"),
            "clock.hz is -1; a number from 1 to 1e18 is needed");
  EXPECT_EQ(message("\"count\": 132", "\"count\": 131"),
            "unit.count is 131, but the innermost of `levels` has 132 units");
  EXPECT_EQ(message("\"threads\": 1024", "\"threads\": 1000"),
            "limits.block.threads is 1000, no multiple of the 32 lanes of a "
            "warp");
}

TEST_F(Refused, EntriesThatAreNoneOrMissing) {
  EXPECT_EQ(message("\"special_per_clock\": 16, ", ""),
            "rates.special_per_clock is missing");
  EXPECT_EQ(message("\"special_per_clock\"", "\"specials_per_clock\""),
            "rates.special_per_clock is missing");
  EXPECT_EQ(message("\"features\"", "\"cores\": 3, \"features\""),
            "cores is not known");
  EXPECT_EQ(message("\"bulk_copies\"", "\"bulk_copy\""),
            "features[0] is \"bulk_copy\"; bulk_copies, warpgroup_mma and "
            "tensor_memory are possible");
  EXPECT_EQ(message("\"basis\": \"published\"", "\"basis\": \"sure\""),
            "clock.basis is \"sure\"; published, derived, measured and "
            "conjectured are possible");
  EXPECT_EQ(message("\"sources\": [\"white-paper\"]", "\"sources\": [\"x\"]"),
            "clock.sources[0] is \"x\", which `sources` does not name");
}

TEST_F(Refused, TextThatIsNoDescription) {
  EXPECT_NE(message("{", "").find("end of document"), std::string::npos);
  EXPECT_EQ(message("\"version\": 1", "\"version\": 2"),
            "version is 2; at most 1 is possible");
  EXPECT_NE(message("{", std::string(100000, '[')).find("nested at most 16"),
            std::string::npos);
  EXPECT_NE(message("\"levels\": [", "\"levels\": 3, \"x\": [")
                .find("levels is no list"),
            std::string::npos);
}
