//===- ConversionTest.cpp - Conversions, carried out on data --------------===//

#include "dialect/Layout/Conversion.h"
#include "dialect/Layout/Access.h"
#include "dialect/Layout/NvidiaLayouts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace einfall::layout;
using namespace einfall::layout::nvidia;

namespace {
/// What the registers of every thread hold: [thread][register] is the element.
std::vector<std::vector<Point>> contents(const Layout &layout) {
  std::vector<std::vector<Point>> threads;
  for (const Steps &rest : otherCoordinates(layout))
    for (int64_t lane = 0; lane < layout.inputExtent("lane"); ++lane) {
      auto &registers = threads.emplace_back();
      for (int64_t i = 0; i < layout.inputExtent("register"); ++i) {
        Steps x = rest;
        x.push_back({"lane", lane});
        x.push_back({"register", i});
        registers.push_back(layout.apply(x));
      }
    }
  return threads;
}

/// Carries the conversion out, and compares with the target.
void expectConverts(const Conversion &conversion, const Layout &source,
                    const Layout &target) {
  auto have = contents(source), want = contents(target);
  std::vector<std::vector<Point>> got(
      want.size(), std::vector<Point>(want.front().size(), Point{-1}));
  for (size_t thread = 0; thread < want.size(); ++thread)
    for (size_t i = 0; i < want[thread].size(); ++i) {
      if (conversion.kind == ConversionKind::Nothing)
        got[thread][i] = have[thread][i];
      else if (conversion.kind == ConversionKind::Registers)
        got[thread][i] = have[thread][conversion.sources[i]];
      else if (int64_t kept = conversion.kept[thread][i]; kept >= 0)
        got[thread][i] = have[thread][kept];
    }
  int64_t lanes = source.inputExtent("lane");
  for (const auto &round : conversion.rounds)
    for (size_t thread = 0; thread < round.size(); ++thread) {
      const LaneMove &move = round[thread];
      if (move.from < 0)
        continue;
      size_t from = thread / lanes * lanes + move.from;
      ASSERT_GE(round[from].offers, 0);
      for (int64_t k = 0; k < conversion.pack; ++k)
        got[thread][move.receives + k] = have[from][round[from].offers + k];
    }
  EXPECT_EQ(got, want) << source.str() << " to " << target.str();
}

TEST(Conversion, AccumulatorIsTheNextOperand) {
  // P of P V: two accumulator tiles of eight columns are an A fragment.
  Layout s = *repeated(mmaC(), "register", 2, {{"column", 8}});
  OrError<Conversion> conversion = convert(s, *mmaA(16, 16), 2);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Nothing);
  // The same for a warpgroup: 16 columns of D are A of the next wgmma.
  EXPECT_EQ(convert(*wgmmaD(16), *wgmmaA(16), 2)->kind,
            ConversionKind::Nothing);
}

TEST(Conversion, RegistersAreRenamed) {
  Layout source = *Layout::parse(
      "[register 4: 2 x column 1, 2 x row 8; lane 32: 4 x column 2, 8 x row 1]"
      " -> [row 16, column 8]");
  Layout target = *Layout::parse(
      "[register 4: 2 x row 8, 2 x column 1; lane 32: 4 x column 2, 8 x row 1]"
      " -> [row 16, column 8]");
  OrError<Conversion> conversion = convert(source, target, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Registers);
  EXPECT_EQ(conversion->sources, (std::vector<int64_t>{0, 2, 1, 3}));
  expectConverts(*conversion, source, target);
}

TEST(Conversion, Fp8OperandsShuffleWithinAQuad) {
  // C of 32 columns to A of k 32 bytes: t holds columns 2t, 2t+1 of each eight,
  // and wants 4t .. 4t+3.
  Layout s = *repeated(mmaC(), "register", 4, {{"column", 8}});
  OrError<Conversion> conversion = convert(s, *mmaA(8, 32), 1);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Shuffle);
  EXPECT_EQ(conversion->pack, 2);
  expectConverts(*conversion, s, *mmaA(8, 32));
  // Eight pairs a lane of which it has some: all moves stay in the quad.
  for (const auto &round : conversion->rounds)
    for (size_t lane = 0; lane < round.size(); ++lane)
      if (round[lane].from >= 0) {
        EXPECT_EQ(round[lane].from / 4, int64_t(lane) / 4);
      }
}

TEST(Conversion, ShufflesTakeTheLeastRounds) {
  // A row per two lanes from the accumulator's quads.
  Layout target = *Layout::parse(
      "[register 4: 4 x column 1; lane 32: 2 x column 4, 16 x row 1] -> "
      "[row 16, column 8]");
  OrError<Conversion> conversion = convert(mmaC(), target, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Shuffle);
  expectConverts(*conversion, mmaC(), target);
  // The least is the most that a lane must receive.
  auto have = contents(mmaC()), want = contents(target);
  size_t most = 0;
  for (size_t lane = 0; lane < want.size(); ++lane) {
    size_t missing = 0;
    for (const Point &element : want[lane])
      missing += std::find(have[lane].begin(), have[lane].end(), element) ==
                 have[lane].end();
    most = std::max(most, missing);
  }
  EXPECT_EQ(conversion->rounds.size(), most);
}

TEST(Conversion, ReplicatedElementsComeFromTheNearest) {
  // Row results held by quads, wanted by eight successive lanes, four times.
  Layout quads =
      *Layout::parse("[register 1; lane 32: 4 x 0, 8 x row 1] -> [row 8]");
  Layout eights =
      *Layout::parse("[register 1; lane 32: 8 x row 1, 4 x 0] -> [row 8]");
  OrError<Conversion> conversion = convert(quads, eights, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Shuffle);
  EXPECT_EQ(conversion->rounds.size(), 1u);
  expectConverts(*conversion, quads, eights);
  EXPECT_EQ(convert(quads, quads, 4)->kind, ConversionKind::Nothing);
}

TEST(Conversion, OneOfferServesSeveralLanes) {
  // Lane 0 holds eight elements in as many registers; all lanes want element 3:
  // one round, though lane 0 is read 31 times.
  Layout source = *Layout::parse(
      "[register 8: 8 x row 1; lane 32: 32 x side 1] -> [row 8, side 32]");
  Layout one =
      *Layout::parse("[register 1; lane 32: 32 x 0] -> [row 8, side 32]");
  OrError<Conversion> conversion = convert(source, one, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->rounds.size(), 1u);
  expectConverts(*conversion, source, one);
}

TEST(Conversion, RandomLayoutsOfAWarp) {
  // Bijections between 8 registers of 32 lanes and 16 x 16 elements.
  std::mt19937 random(11);
  auto layout = [&] {
    while (true) {
      LayoutBuilder builder({{"row", 16}, {"column", 16}});
      for (int64_t bits : {3, 5}) {
        builder.input(bits == 3 ? "register" : "lane");
        for (int64_t bit = 0; bit < bits; ++bit)
          builder.bit({{"row", int64_t(random() % 16)},
                       {"column", int64_t(random() % 16)}});
      }
      Layout candidate = *builder.build();
      if (candidate.isInjective())
        return candidate;
    }
  };
  for (int trial = 0; trial < 60; ++trial) {
    Layout source = layout(), target = layout();
    for (int64_t bytes : {2, 4}) {
      OrError<Conversion> conversion = convert(source, target, bytes);
      ASSERT_TRUE(conversion) << conversion.message();
      expectConverts(*conversion, source, target);
      EXPECT_LE(conversion->rounds.size(), 8u);
    }
    // A register bit exchanged with a lane bit moves half of the registers.
    std::vector<Input> inputs = source.inputs();
    std::swap(inputs[0].digits[random() % 3], inputs[1].digits[random() % 5]);
    target = *Layout::create(inputs, source.outputs());
    OrError<Conversion> conversion = convert(source, target, 4);
    ASSERT_TRUE(conversion) << conversion.message();
    expectConverts(*conversion, source, target);
    EXPECT_EQ(conversion->rounds.size(), 4u);
  }
}

TEST(Conversion, OtherWarpsNeedSharedMemory) {
  Layout source = *wgmmaD(64);
  Layout target = *Layout::parse(
      "[register 32: 2 x column 1, 2 x row 8, 2 x column 8, 4 x row 16; lane "
      "32: 4 x column 2, 8 x row 1; warp 4: 4 x column 16] -> [row 64, column "
      "64]");
  OrError<Conversion> conversion = convert(source, target, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::SharedMemory);
}

TEST(Conversion, TilesOfAnyExtent) {
  // 80 columns: the halves of an accumulator as five A fragments.
  Layout a = *repeated(*wgmmaA(16), "register", 5, {{"column", 16}});
  EXPECT_EQ(convert(*wgmmaD(80), a, 2)->kind, ConversionKind::Nothing);
  // Columns in another order within a thread.
  Layout other = *Layout::parse(
      "[register 40: 10 x column 8, 2 x column 1, 2 x row 8; lane 32: 4 x "
      "column 2, 8 x row 1; warp 4: 4 x row 16] -> [row 64, column 80]");
  OrError<Conversion> conversion = convert(*wgmmaD(80), other, 4);
  ASSERT_TRUE(conversion) << conversion.message();
  EXPECT_EQ(conversion->kind, ConversionKind::Registers);
  expectConverts(*conversion, *wgmmaD(80), other);
}

TEST(Conversion, RefusesWhatCannotBe) {
  EXPECT_EQ(convert(mmaC(), *mmaA(16, 16), 2).message(),
            "dimension 'column' has extent 16 in the target, 8 in the source");
  EXPECT_EQ(convert(mmaC(), *wgmmaD(8), 2).message(),
            "the source has 1 warps, the target 4");
  Layout half = *Layout::parse(
      "[register 2: 2 x column 1; lane 32: 4 x column 2, 8 x row 1] -> [row "
      "16, column 8]");
  EXPECT_EQ(convert(half, mmaC(), 4).message(),
            "the target wants an element that the source lacks");
}
} // namespace
