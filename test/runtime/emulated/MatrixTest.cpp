//===- MatrixTest.cpp - ldmatrix and mma against the PTX ISA --------------===//
//
// The tables here are copied by hand from the figures of the PTX ISA, not
// computed by the formulas that the emulator uses.
//
//===----------------------------------------------------------------------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

using namespace einfall;
using namespace einfall::test;

namespace {

/// Threads load four words of A, two of B from x; D goes to y.
const char *mmaBody = R"(
  %c16 = arith.constant 16 : i64
  %c8 = arith.constant 8 : i64
  %oa = arith.muli %tw, %c16 : i64
  %va = device.load global %x[%oa : i64] : i64 -> vector<4xi32>
  %size = arith.constant 512 : i64
  %bbase = arith.addi %x, %size : i64
  %ob = arith.muli %tw, %c8 : i64
  %vb = device.load global %bbase[%ob : i64] : i64 -> vector<2xi32>
  %size2 = arith.constant 768 : i64
  %cbase = arith.addi %x, %size2 : i64
  %vc = device.load global %cbase[%oa : i64] : i64 -> vector<4xf32>
  %d = device.nv.mma TYPE %va, %vb, %vc : vector<4xi32>, vector<2xi32>, vector<4xf32>
  device.store global %d, %y[%oa : i64] : i64, vector<4xf32>
)";

/// The same of products 8 deep: two words of A, one of B.
const char *shallowBody = R"(
  %c16 = arith.constant 16 : i64
  %c8 = arith.constant 8 : i64
  %c4 = arith.constant 4 : i64
  %oa = arith.muli %tw, %c8 : i64
  %va = device.load global %x[%oa : i64] : i64 -> vector<2xi32>
  %size = arith.constant 512 : i64
  %bbase = arith.addi %x, %size : i64
  %ob = arith.muli %tw, %c4 : i64
  %word = device.load global %bbase[%ob : i64] : i64 -> i32
  %vb = vector.broadcast %word : i32 to vector<1xi32>
  %size2 = arith.constant 768 : i64
  %cbase = arith.addi %x, %size2 : i64
  %oc = arith.muli %tw, %c16 : i64
  %vc = device.load global %cbase[%oc : i64] : i64 -> vector<4xf32>
  %d = device.nv.mma TYPE %va, %vb, %vc : vector<2xi32>, vector<1xi32>, vector<4xf32>
  device.store global %d, %y[%oc : i64] : i64, vector<4xf32>
)";

std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  for (size_t at; (at = text.find(from)) != std::string::npos;)
    text.replace(at, from.size(), to);
  return text;
}

uint32_t bf16(float value) { return asWord(value) >> 16; }

} // namespace

// "MMA .m16n8k16 fragment layout": one element of A and one of B at a time; the
// only element of D that is not C tells where they were taken to be.
TEST(Mma, TakesFragmentsFromTheTablesOfTheIsa) {
  auto image = buildImage(kernelText(replaced(mmaBody, "TYPE", "bf16"), 32, 0));
  struct Entry {
    unsigned thread, element, row, column;
  };
  // A, m16n8k16, from the figure "fragment layout for matrix A with .f16 /
  // .bf16 type": T0 {a0,a1} row 0 columns 0 1; {a2,a3} row 8; {a4,a5} row 0
  // columns 8 9; {a6,a7} row 8 columns 8 9; T31 {a0,a1} row 7 columns 6 7, ...
  const Entry a[] = {{0, 0, 0, 0},    {0, 1, 0, 1},  {0, 2, 8, 0},
                     {0, 4, 0, 8},    {0, 7, 8, 9},  {1, 0, 0, 2},
                     {4, 0, 1, 0},    {31, 0, 7, 6}, {31, 3, 15, 7},
                     {31, 7, 15, 15}, {30, 5, 7, 13}};
  // B: T0 {b0,b1} rows 0 1 column 0; {b2,b3} rows 8 9; T1 rows 2 3; T4 column
  // 1; T31 {b2,b3} rows 14 15 column 7.
  const Entry b[] = {{0, 0, 0, 0},   {0, 1, 1, 0},  {0, 2, 8, 0},
                     {1, 0, 2, 0},   {4, 0, 0, 1},  {31, 3, 15, 7},
                     {31, 2, 14, 7}, {30, 1, 5, 7}, {7, 0, 6, 1}};
  // C and D: T0 {c0,c1} row 0 columns 0 1, {c2,c3} row 8; T4 row 1; T31 {c2,c3}
  // row 15 columns 6 7.
  auto placeOfD = [](unsigned row, unsigned column) {
    unsigned thread = row % 8 * 4 + column / 2;
    return thread * 4 + column % 2 + (row >= 8 ? 2 : 0);
  };
  EXPECT_EQ(placeOfD(0, 1), 1u);
  EXPECT_EQ(placeOfD(8, 0), 2u);
  EXPECT_EQ(placeOfD(15, 7), 127u);
  unsigned met = 0;
  for (const Entry &ea : a)
    for (const Entry &eb : b) {
      TestLaunch launch;
      launch.x.assign(128 + 64 + 128, 0);
      launch.y.assign(128, 0);
      launch.x[ea.thread * 4 + ea.element / 2] = bf16(3)
                                                 << (ea.element % 2 * 16);
      launch.x[128 + eb.thread * 2 + eb.element / 2] = bf16(5)
                                                       << (eb.element % 2 * 16);
      for (unsigned i = 0; i < 128; ++i)
        launch.x[192 + i] = asWord(float(i));
      auto report = launch.run(image);
      ASSERT_TRUE(report.ok) << report.str();
      bool meet = ea.column == eb.row;
      met += meet;
      for (unsigned i = 0; i < 128; ++i) {
        float expected = float(i);
        if (meet && i == placeOfD(ea.row, eb.column))
          expected += 15;
        EXPECT_EQ(asFloat(launch.y[i]), expected) << i;
      }
    }
  EXPECT_GT(met, 10u);
}

// The same 8 deep: A has two words, B one.
TEST(MmaShallow, TakesFragmentsFromTheTablesOfTheIsa) {
  struct Entry {
    unsigned thread, element, row, column;
  };
  // Figure "MMA .m16n8k8 fragment layout for matrix A with .f16 / .bf16 type":
  // T0 {a0,a1} row 0 columns 0 1, {a2,a3} row 8 columns 0 1; T1 columns 2 3; T4
  // row 1; T31 {a0,a1} row 7 columns 6 7, {a2,a3} row 15.
  const Entry a[] = {{0, 0, 0, 0},  {0, 1, 0, 1},   {0, 2, 8, 0},
                     {0, 3, 8, 1},  {1, 0, 0, 2},   {4, 0, 1, 0},
                     {31, 0, 7, 6}, {31, 3, 15, 7}, {30, 1, 7, 5}};
  // Matrix B: T0 {b0,b1} rows 0 1 column 0; T1 rows 2 3; T4 column 1; T31 rows
  // 6 7 column 7.
  const Entry b[] = {{0, 0, 0, 0},  {0, 1, 1, 0},  {1, 0, 2, 0}, {4, 0, 0, 1},
                     {31, 0, 6, 7}, {31, 1, 7, 7}, {30, 1, 5, 7}};
  auto placeOfD = [](unsigned row, unsigned column) {
    return (row % 8 * 4 + column / 2) * 4 + column % 2 + (row >= 8 ? 2 : 0);
  };
  for (bool half : {false, true}) {
    auto image = buildImage(kernelText(
        replaced(shallowBody, "TYPE", half ? "f16" : "bf16"), 32, 0));
    // 3 and 5.
    uint32_t three = half ? 0x4200 : bf16(3), five = half ? 0x4500 : bf16(5);
    unsigned met = 0;
    for (const Entry &ea : a)
      for (const Entry &eb : b) {
        TestLaunch launch;
        launch.x.assign(128 + 64 + 128, 0);
        launch.y.assign(128, 0);
        launch.x[ea.thread * 2 + ea.element / 2] = three
                                                   << (ea.element % 2 * 16);
        launch.x[128 + eb.thread] = five << (eb.element % 2 * 16);
        for (unsigned i = 0; i < 128; ++i)
          launch.x[192 + i] = asWord(float(i));
        auto report = launch.run(image);
        ASSERT_TRUE(report.ok) << report.str();
        EXPECT_EQ(report.counters.matrixFlops, 2048u);
        bool meet = ea.column == eb.row;
        met += meet;
        for (unsigned i = 0; i < 128; ++i) {
          float expected = float(i);
          if (meet && i == placeOfD(ea.row, eb.column))
            expected += 15;
          EXPECT_EQ(asFloat(launch.y[i]), expected) << i;
        }
      }
    EXPECT_GT(met, 5u);
  }
}

TEST(Mma, RoundsOnceAndReadsF16) {
  auto image = buildImage(kernelText(replaced(mmaBody, "TYPE", "f16"), 32, 0));
  TestLaunch launch;
  launch.x.assign(320, 0);
  launch.y.assign(128, 0);
  // Row 0 of A: 1 and the least subnormal 2^-24; column 0 of B: 1 and 1.
  launch.x[0] = 0x3c00 | 0x0001 << 16;
  launch.x[128] = 0x3c00 | 0x3c00 << 16;
  launch.x[192] = asWord(0x1p-24f);
  auto report = launch.run(image);
  ASSERT_TRUE(report.ok) << report.str();
  // 1 + 2^-24 + 2^-24: each alone would be lost in f32.
  EXPECT_EQ(asFloat(launch.y[0]), 1 + 0x1p-23f);
  EXPECT_EQ(report.counters.matrixFlops, 4096u);
}

// "MMA .m16n8k8 fragment layout" for .tf32: one element of A and one of B at a
// time, as above.
TEST(MmaTf32, TakesFragmentsFromTheTablesOfTheIsa) {
  std::string text =
      replaced(mmaBody, "device.nv.mma TYPE", "device.nv.mma_tf32");
  auto image = buildImage(kernelText(text, 32, 0));
  struct Entry {
    unsigned thread, element, row, column;
  };
  // Figure "MMA .m16n8k8 fragment layout for matrix A with .tf32 type": T0 a0
  // row 0 column 0, a1 row 8 column 0, a2 row 0 column 4, a3 row 8 column 4; T1
  // column 1; T4 row 1; T31 a3 row 15 column 7.
  const Entry a[] = {{0, 0, 0, 0},  {0, 1, 8, 0},   {0, 2, 0, 4},
                     {0, 3, 8, 4},  {1, 0, 0, 1},   {4, 0, 1, 0},
                     {31, 0, 7, 3}, {31, 1, 15, 3}, {31, 3, 15, 7}};
  // Matrix B: T0 b0 row 0 column 0, b1 row 4; T1 row 1; T4 column 1; T31 b1 row
  // 7 column 7.
  const Entry b[] = {{0, 0, 0, 0}, {0, 1, 4, 0},  {1, 0, 1, 0},
                     {4, 0, 0, 1}, {31, 0, 3, 7}, {31, 1, 7, 7}};
  auto placeOfD = [](unsigned row, unsigned column) {
    return (row % 8 * 4 + column / 2) * 4 + column % 2 + (row >= 8 ? 2 : 0);
  };
  unsigned met = 0;
  for (const Entry &ea : a)
    for (const Entry &eb : b) {
      TestLaunch launch;
      launch.x.assign(128 + 64 + 128, 0);
      launch.y.assign(128, 0);
      launch.x[ea.thread * 4 + ea.element] = asWord(3);
      launch.x[128 + eb.thread * 2 + eb.element] = asWord(5);
      for (unsigned i = 0; i < 128; ++i)
        launch.x[192 + i] = asWord(float(i));
      auto report = launch.run(image);
      ASSERT_TRUE(report.ok) << report.str();
      EXPECT_EQ(report.counters.matrixFlops, 2048u);
      bool meet = ea.column == eb.row;
      met += meet;
      for (unsigned i = 0; i < 128; ++i) {
        float expected = float(i);
        if (meet && i == placeOfD(ea.row, eb.column))
          expected += 15;
        EXPECT_EQ(asFloat(launch.y[i]), expected) << i;
      }
    }
  EXPECT_GT(met, 5u);
}

// 10 bits of fraction: the 13 below are rounded, and not looked at by products.
TEST(MmaTf32, RoundsToNearestTiesAway) {
  const char *round = R"(
  %four = arith.constant 4 : i64
  %o = arith.muli %tw, %four : i64
  %v = device.load global %x[%o : i64] : i64 -> f32
  %r = device.nv.to_tf32 %v
  device.store global %r, %y[%o : i64] : i64, i32
)";
  const std::pair<uint32_t, uint32_t> cases[] = {
      {0x3f800000, 0x3f800000}, {0x3f800fff, 0x3f800000},
      {0x3f801000, 0x3f802000}, // a tie
      {0xbf801000, 0xbf802000}, {0x3f803000, 0x3f804000},
      {0x3f802fff, 0x3f802000}, {0x3fffffff, 0x40000000},
      {0x7f7fffff, 0x7f800000}, // past the greatest
      {0x7f800000, 0x7f800000}, {0xff800000, 0xff800000},
      {0x7fc00000, 0x7fffffff}, {0x7fffffff, 0x7fffffff},
      {0x00000fff, 0x00000000}, {0x00001000, 0x00002000}};
  TestLaunch launch;
  for (unsigned i = 0; i < 32; ++i)
    launch.x.push_back(cases[i % std::size(cases)].first);
  launch.y.assign(32, 0);
  auto report = runBody(round, 32, 0, launch);
  ASSERT_TRUE(report.ok) << report.str();
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(launch.y[i], cases[i % std::size(cases)].second) << i;
}

// Rows 8 i + j of the example hold 16-bit numbers (i, j, element).
TEST(LdMatrix, DistributesRows) {
  for (bool transpose : {false, true}) {
    std::string body = R"(
  %c16 = arith.constant 16 : i64
  %o = arith.muli %tw, %c16 : i64
  %v = device.load global %x[%o : i64] : i64 -> vector<4xi32>
  %at = arith.trunci %o : i64 to i32
  device.store shared %v, %at[%zero : i32] : i32, vector<4xi32>
  device.warp_barrier
  %m = device.nv.ldmatrix 4 TRANSPOSE %at : vector<4xi32>
  device.store global %m, %y[%o : i64] : i64, vector<4xi32>
)";
    body = replaced(body, "TRANSPOSE", transpose ? "transpose" : "");
    TestLaunch launch;
    launch.y.assign(128, 0);
    for (uint32_t row = 0; row < 32; ++row)
      for (uint32_t pair = 0; pair < 4; ++pair)
        launch.x.push_back((row << 8 | 2 * pair) | (row << 8 | (2 * pair + 1))
                                                       << 16);
    auto report = runBody(body, 32, 512, launch);
    ASSERT_TRUE(report.ok) << report.str();
    auto at = [&](unsigned thread, unsigned matrix) {
      return launch.y[thread * 4 + matrix];
    };
    // "Thread 0: row 0 elements 0 1; thread 3: row 0 elements 6 7; thread 4:
    // row 1; thread 31: row 7 elements 6 7"; transposed, rows and columns
    // change places.
    struct Entry {
      unsigned thread, row, element;
    };
    for (Entry e : {Entry{0, 0, 0}, Entry{3, 0, 6}, Entry{4, 1, 0},
                    Entry{31, 7, 6}, Entry{13, 3, 2}})
      for (unsigned matrix = 0; matrix < 4; ++matrix) {
        uint32_t row = 8 * matrix + e.row;
        uint32_t low = row << 8 | e.element, high = row << 8 | (e.element + 1);
        if (transpose) {
          low = (8 * matrix + e.element) << 8 | e.row;
          high = (8 * matrix + e.element + 1) << 8 | e.row;
        }
        EXPECT_EQ(at(e.thread, matrix), low | high << 16)
            << e.thread << " " << matrix << " " << transpose;
      }
    EXPECT_EQ(report.counters.matrixWavefronts, 4u);
    EXPECT_EQ(report.counters.matrixConflicts, 0u);
  }
}
