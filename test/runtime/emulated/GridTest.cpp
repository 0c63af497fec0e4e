//===- GridTest.cpp - What a launch comes to ------------------------------===//

#include "runtime/devices/emulated/Grid.h"
#include "DeviceProgram.h"
#include "runtime/devices/emulated/Lanes.h"
#include "gtest/gtest.h"

#include <random>

using namespace einfall;
using namespace einfall::emulated;

namespace {

/// A grid program that ends with Launch of words 0, 2, 4 and mask 0.
struct GridBuilder {
  Image image;

  GridBuilder() {
    image.name = "test";
    image.target = "sm_90a";
    image.parameters = {{"n", ParameterType::I64}};
    image.locations = {{"op", "here:1"}};
    image.grid.words = 16;
    image.grid.masks = 4;
    image.body.code = {{Opcode::Return}};
  }
  void add(Opcode opcode, std::vector<uint32_t> operands,
           uint64_t immediate = 0, uint16_t sub = 0) {
    Program &grid = image.grid;
    grid.code.push_back(
        {opcode, sub, 0, uint32_t(grid.operands.size()), immediate});
    grid.operands.insert(grid.operands.end(), operands.begin(), operands.end());
  }
  /// Sets what is launched.
  void launch() { add(Opcode::Launch, {0, 2, 4, 0}); }
};

Grid evaluate(const Image &image, uint64_t n = 0) {
  EXPECT_EQ(validate(image), std::nullopt);
  TensorMap maps[maxMaps];
  return GridProgram(image).evaluate(&n, maps);
}

} // namespace

// Two readings of each instruction: by the grid, and by the lanes of a warp.
TEST(Grid, AgreesWithLanes) {
  std::mt19937_64 random(3);
  const uint64_t special[] = {
      0,  1,  2,     31,    32,         33,         63,
      64, 65, ~0ull, ~1ull, 1ull << 31, 1ull << 63, (1ull << 63) - 1};
  auto draw = [&] {
    return random() % 2 ? special[random() % std::size(special)] : random();
  };
  unsigned compared = 0;
  for (unsigned number = 0; number < opcodeCount; ++number)
    for (uint16_t sub = 0; sub < 16; ++sub) {
      Opcode opcode = Opcode(number);
      auto letters = signature(opcode, sub);
      LaneFunction lanes =
          letters ? laneTable().function(opcode, sub) : nullptr;
      if (!lanes || !isOfGrid(opcode))
        continue;
      for (unsigned round = 0; round < 200; ++round) {
        GridBuilder builder;
        alignas(8) uint32_t words[16 * warpLanes] = {};
        uint32_t masks[4] = {};
        for (uint32_t i = 0; i < 8; ++i) {
          uint64_t value = draw();
          builder.add(Opcode::Constant64, {2 * i}, value);
          for (unsigned lane = 0; lane < warpLanes; ++lane)
            std::memcpy(words + 2 * i * warpLanes + 2 * lane, &value, 8);
        }
        for (uint32_t i = 0; i < 4; ++i) {
          masks[i] = random() % 2 ? ~0u : 0;
          builder.add(Opcode::ConstantMask, {i}, masks[i] & 1);
        }
        // The result goes to register 0; words have a lane's 4 bytes each.
        uint32_t immediate = 1 + random() % 32;
        std::vector<uint32_t> operands, scaled;
        for (size_t i = 0; i < letters->size(); ++i) {
          char letter = (*letters)[i];
          bool mask = letter == 'M' || letter == 'm';
          bool wide = letter == 'D' || letter == 'd';
          uint32_t reg = i == 0 ? 0
                         : mask ? random() % 4
                                : 2 * (random() % 7) + 2;
          operands.push_back(reg);
          scaled.push_back(mask ? reg : reg * warpLanes);
          if (!mask && !wide && i > 0) // the low halves, side by side
            for (unsigned lane = 0; lane < warpLanes; ++lane)
              words[reg * warpLanes + lane] =
                  uint32_t(builder.image.grid.code[reg / 2].immediate);
        }
        bool mixed = letters->find_first_of("Dd") != std::string::npos &&
                     letters->find_first_of("w") != std::string::npos;
        if (mixed && letters->find('d') != std::string::npos)
          continue;
        builder.add(opcode, operands, immediate, sub);
        builder.launch();
        lanes(words, masks, scaled.data(), immediate);
        Grid grid = evaluate(builder.image);
        ASSERT_EQ(grid.fault, nullptr);
        if ((*letters)[0] == 'M')
          EXPECT_EQ(grid.applies, masks[0] & 1) << number << ", " << sub;
        else if ((*letters)[0] == 'D')
          EXPECT_EQ(grid.blocks[0], words[0] | uint64_t(words[1]) << 32)
              << number << ", " << sub;
        else
          EXPECT_EQ(uint32_t(grid.blocks[0]), words[0])
              << number << ", " << sub;
        ++compared;
      }
    }
  EXPECT_GT(compared, 40u * 200);
}

TEST(Grid, DividesAsNamed) {
  auto quotient = [](Division kind, int64_t a, int64_t b, bool narrow) {
    GridBuilder builder;
    builder.add(Opcode::Constant64, {2}, a);
    builder.add(Opcode::Constant64, {4}, b);
    builder.add(narrow ? Opcode::Divide32 : Opcode::Divide64, {0, 2, 4}, 0,
                uint16_t(kind));
    builder.launch();
    Grid grid = evaluate(builder.image);
    EXPECT_EQ(grid.fault, nullptr);
    return narrow ? int64_t(int32_t(grid.blocks[0])) : int64_t(grid.blocks[0]);
  };
  for (bool narrow : {false, true}) {
    EXPECT_EQ(quotient(Division::Signed, -7, 2, narrow), -3);
    EXPECT_EQ(quotient(Division::FloorSigned, -7, 2, narrow), -4);
    EXPECT_EQ(quotient(Division::FloorSigned, 7, -2, narrow), -4);
    EXPECT_EQ(quotient(Division::CeilSigned, 7, 2, narrow), 4);
    EXPECT_EQ(quotient(Division::CeilSigned, -7, 2, narrow), -3);
    EXPECT_EQ(quotient(Division::RemainderSigned, -7, 2, narrow), -1);
    EXPECT_EQ(quotient(Division::RemainderSigned, INT64_MIN, -1, narrow), 0);
    EXPECT_EQ(quotient(Division::CeilUnsigned, 7, 2, narrow), 4);
  }
  EXPECT_EQ(quotient(Division::Signed, INT64_MIN, -1, false), INT64_MIN);
  EXPECT_EQ(quotient(Division::FloorSigned, INT64_MIN, -1, false), INT64_MIN);
  EXPECT_EQ(quotient(Division::FloorSigned, INT32_MIN, -1, true), INT32_MIN);
}

TEST(Grid, BranchesAndCounts) {
  // blocks.x = n > 3 ? sum of 0, 2, ... below n : 100
  GridBuilder builder;
  builder.add(Opcode::Parameter64, {6}, 0);
  builder.add(Opcode::Constant64, {8}, 3);
  builder.add(Opcode::Compare64, {0, 6, 8}, 0,
              uint16_t(IntegerTest::SignedGreater));
  builder.add(Opcode::If, {0});
  builder.add(Opcode::Constant64, {10}, 0);
  builder.add(Opcode::Constant64, {12}, 2);
  builder.add(Opcode::Loop64, {10, 6, 12});
  builder.add(Opcode::Add64, {0, 0, 10});
  builder.add(Opcode::Next64, {10, 6, 12});
  builder.add(Opcode::Else, {});
  builder.add(Opcode::Constant64, {0}, 100);
  builder.add(Opcode::EndIf, {});
  builder.launch();
  EXPECT_EQ(evaluate(builder.image, 7).blocks[0], 12u);
  EXPECT_TRUE(evaluate(builder.image, 7).applies);
  EXPECT_EQ(evaluate(builder.image, 3).blocks[0], 100u);
  EXPECT_FALSE(evaluate(builder.image, 3).applies);
  EXPECT_FALSE(GridProgram(builder.image).isUnconditional());
}

TEST(Grid, SaysWhyItStops) {
  GridBuilder zero;
  zero.add(Opcode::Divide64, {0, 2, 4});
  zero.launch();
  EXPECT_STREQ(evaluate(zero.image).fault, "divides by zero");
  GridBuilder step;
  step.add(Opcode::Loop64, {0, 2, 4});
  step.add(Opcode::Next64, {0, 2, 4});
  step.launch();
  EXPECT_STREQ(evaluate(step.image).fault, "has a step that is not positive");
  GridBuilder endless;
  endless.add(Opcode::Constant64, {2}, INT64_MAX);
  endless.add(Opcode::Constant64, {4}, 1);
  endless.add(Opcode::Loop64, {0, 2, 4});
  endless.add(Opcode::Next64, {0, 2, 4});
  endless.launch();
  EXPECT_STREQ(evaluate(endless.image).fault, "does not come to an end");
}

TEST(Grid, KnowsWhatTakesAllArguments) {
  GridBuilder builder;
  builder.add(Opcode::ConstantMask, {0}, 1);
  builder.launch();
  EXPECT_TRUE(GridProgram(builder.image).isUnconditional());
  builder.image.grid.code[0].immediate = 0;
  EXPECT_FALSE(GridProgram(builder.image).isUnconditional());
  GridBuilder within;
  within.add(Opcode::If, {1});
  within.add(Opcode::ConstantMask, {0}, 1);
  within.add(Opcode::EndIf, {});
  within.launch();
  EXPECT_FALSE(GridProgram(within.image).isUnconditional());
  GridBuilder twice;
  twice.add(Opcode::Compare64, {0, 2, 4});
  twice.add(Opcode::ConstantMask, {0}, 1);
  twice.launch();
  EXPECT_TRUE(GridProgram(twice.image).isUnconditional());
}

TEST(Grid, ComputesWithIntegersOnly) {
  for (Opcode opcode : {Opcode::AddFloat, Opcode::Thread, Opcode::LoadGlobal,
                        Opcode::Descriptor}) {
    GridBuilder builder;
    uint16_t sub = opcode == Opcode::LoadGlobal ? access(4, 1) : 0;
    builder.add(opcode, {0, 2, 4, 6, 8}, 0, sub);
    builder.launch();
    EXPECT_EQ(validate(builder.image),
              "computes its grid with more than integers at instruction 0");
  }
  GridBuilder large;
  large.image.grid.words = maxGridRegisters + 1;
  large.launch();
  EXPECT_EQ(validate(large.image), "asks for 4097 registers");
  GridBuilder many;
  many.image.maps.resize(maxMaps + 1);
  many.launch();
  EXPECT_EQ(validate(many.image), "has 33 maps");
}

TEST(Grid, RefusesWhatNoDeviceLaunches) {
  Image image;
  image.maps.resize(1);
  image.maps[0].dimensions = 2;
  Grid grid;
  grid.blocks = {1, 1, 1};
  TensorMap good;
  good.extents = {64, 5};
  good.strides = {128};
  EXPECT_EQ(findFault(image, grid, &good), std::nullopt);
  TensorMap base = good, extent = good, stride = good, far = good;
  base.base = 0x1008;
  EXPECT_EQ(findFault(image, grid, &base),
            "map 0 starts at 0x1008, which is no multiple of 16");
  extent.extents[1] = 0;
  EXPECT_EQ(findFault(image, grid, &extent),
            "map 0 has extent 0; 1 to 2^32 are possible");
  stride.strides[0] = 130;
  EXPECT_EQ(findFault(image, grid, &stride),
            "map 0 has a stride of 130 bytes; multiples of 16 below 2^40 are "
            "possible");
  far.strides[0] = 1ull << 40;
  EXPECT_NE(findFault(image, grid, &far), std::nullopt);
  grid.blocks = {1, 65536, 1};
  EXPECT_EQ(findFault(image, grid, &good), "its grid has 65536 blocks along y; "
                                           "at most 65535 are possible");
}
