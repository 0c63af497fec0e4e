//===- CountersTest.cpp - Counters of known patterns ----------------------===//

#include "DeviceProgram.h"
#include "gtest/gtest.h"

using namespace einfall;
using namespace einfall::test;

namespace {

/// Runs one warp; `shift` is n.
emulated::Counters count(const std::string &body, int64_t n = 0) {
  TestLaunch launch;
  launch.x.assign(32 * 64, 0);
  launch.y.assign(32 * 64, 0);
  launch.n = n;
  auto report = runBody("%n32 = arith.trunci %n : i64 to i32\n" + body, 32,
                        32768, launch);
  EXPECT_TRUE(report.ok) << report.str();
  return report.counters;
}

/// Each lane touches vector<4 or fewer> f32 at n bytes times its number.
std::string strided(const std::string &access) {
  return "%s = arith.muli %tw, %n : i64\n%s32 = arith.trunci %s : i64 to "
         "i32\n" +
         access;
}

} // namespace

TEST(Counters, SectorsOfGlobalAccesses) {
  auto load = [](const std::string &type) {
    return strided("%v = device.load global %x[%s : i64] : i64 -> " + type);
  };
  // 32 lanes side by side: 128 bytes are 4 sectors, 512 bytes 16.
  EXPECT_EQ(count(load("f32"), 4).loadSectors, 4u);
  EXPECT_EQ(count(load("vector<4xf32>"), 16).loadSectors, 16u);
  EXPECT_EQ(count(load("f16"), 2).loadSectors, 2u);
  // All lanes read one word; each its own sector; every other word.
  EXPECT_EQ(count(load("f32"), 0).loadSectors, 1u);
  EXPECT_EQ(count(load("f32"), 128).loadSectors, 32u);
  EXPECT_EQ(count(load("f32"), 8).loadSectors, 8u);
  EXPECT_EQ(count(load("f32"), 4).loadBytes, 128u);
  auto store =
      count(strided("device.store global %a, %y[%s : i64] : i64, f32"), 4);
  EXPECT_EQ(store.storeSectors, 4u);
  EXPECT_EQ(store.loadSectors, 0u);
  // Lanes in reverse touch the same sectors.
  EXPECT_EQ(count(R"(
  %c = arith.constant 124 : i64
  %s = arith.muli %tw, %n : i64
  %r = arith.subi %c, %s : i64
  %v = device.load global %x[%r : i64] : i64 -> f32)",
                  4)
                .loadSectors,
            4u);
}

TEST(Counters, SectorsOfCopies) {
  std::string copy = strided(R"(
  %c16 = arith.constant 16 : i32
  %src = arith.addi %x, %s : i64
  %d = arith.muli %t, %c16 : i32
  device.copy_async 16 %d, %src valid %c16
  device.copy_commit
  device.copy_wait 0)");
  auto counters = count(copy, 16);
  EXPECT_EQ(counters.copySectors, 16u);
  EXPECT_EQ(counters.copyBytes, 512u);
  EXPECT_EQ(counters.copyWavefronts, 4u);
  EXPECT_EQ(counters.copyConflicts, 0u);
  EXPECT_EQ(counters.waits, 1u);
  EXPECT_EQ(counters.bytesAtWaits, 512u);
  EXPECT_EQ(counters.mostBytesAtWait, 512u);
  EXPECT_EQ(counters.bytesAfterWaits, 0u);
  EXPECT_EQ(count(copy, 128).copySectors, 32u);
}

TEST(Counters, BytesInFlightOfStages) {
  auto counters = count(R"(
  %c16 = arith.constant 16 : i32
  %c512 = arith.constant 512 : i32
  %d = arith.muli %t, %c16 : i32
  %e = arith.addi %d, %c512 : i32
  device.copy_async 16 %d, %x valid %c16
  device.copy_commit
  device.copy_async 16 %e, %x valid %c16
  device.copy_commit
  device.copy_wait 1
  device.copy_wait 0)");
  EXPECT_EQ(counters.waits, 2u);
  EXPECT_EQ(counters.mostBytesAtWait, 1024u);
  EXPECT_EQ(counters.bytesAtWaits, 1024u + 512u);
  EXPECT_EQ(counters.bytesAfterWaits, 512u);
}

TEST(Counters, WavefrontsOfSharedAccesses) {
  auto store = [](const std::string &type) {
    return strided("%v = vector.broadcast %a : f32 to vector<" + type +
                   "xf32>\ndevice.store shared %v, %zero[%s32 : i32] : i32, "
                   "vector<" +
                   type + "xf32>");
  };
  std::string words =
      strided("device.store shared %a, %zero[%s32 : i32] : i32, f32");
  auto conflicts = [](const emulated::Counters &counters) {
    return counters.sharedConflicts;
  };
  // Words side by side: one wavefront; every second bank: two; rows of 128
  // bytes: one bank for all.
  EXPECT_EQ(count(words, 4).sharedWavefronts, 1u);
  EXPECT_EQ(conflicts(count(words, 4)), 0u);
  EXPECT_EQ(count(words, 8).sharedWavefronts, 2u);
  EXPECT_EQ(conflicts(count(words, 8)), 1u);
  EXPECT_EQ(count(words, 128).sharedWavefronts, 32u);
  EXPECT_EQ(conflicts(count(words, 132)), 0u);
  // 8 bytes: half warps; 16 bytes: quarter warps.
  EXPECT_EQ(count(store("2"), 8).sharedWavefronts, 2u);
  EXPECT_EQ(count(store("4"), 16).sharedWavefronts, 4u);
  EXPECT_EQ(conflicts(count(store("4"), 16)), 0u);
  EXPECT_EQ(count(store("4"), 128).sharedWavefronts, 32u);
  EXPECT_EQ(conflicts(count(store("4"), 128)), 28u);
  EXPECT_EQ(conflicts(count(store("4"), 144)), 0u);
}

TEST(Counters, LdMatrixOnRowsOf128Bytes) {
  // 32 rows of n bytes are written by their lanes, then read as 4 matrices.
  std::string body = R"(
  %row = arith.muli %t, %n32 : i32
  %v = vector.broadcast %a : f32 to vector<4xf32>
  device.store shared %v, %row[%zero : i32] : i32, vector<4xf32>
  device.warp_barrier
  %m = device.nv.ldmatrix 4 %row : vector<4xi32>)";
  auto plain = count(body, 128);
  EXPECT_EQ(plain.matrixWavefronts, 32u);
  EXPECT_EQ(plain.matrixConflicts, 28u);
  auto padded = count(body, 144);
  EXPECT_EQ(padded.matrixWavefronts, 4u);
  EXPECT_EQ(padded.matrixConflicts, 0u);
}

TEST(Counters, InstructionsByClass) {
  using emulated::Class;
  auto counters = count(R"(
  %f = device.fma %a, %a, %a
  %e = device.approximate exp2 %f
  %u = device.uniform %t
  device.barrier 0
  device.store global %e, %y[%zerow : i64] : i64, f32
  %v = device.load global %y[%zerow : i64] : i64 -> f32)");
  auto of = [&](Class kind) { return counters.instructions[unsigned(kind)]; };
  EXPECT_EQ(of(Class::Float), 1u);
  EXPECT_EQ(of(Class::Special), 1u);
  EXPECT_EQ(of(Class::Shuffle), 1u);
  EXPECT_EQ(of(Class::Barrier), 1u);
  EXPECT_EQ(of(Class::StoreGlobal), 1u);
  EXPECT_EQ(of(Class::LoadGlobal), 1u);
  EXPECT_EQ(of(Class::Mma), 0u);
  EXPECT_EQ(counters.blocks, 1u);
  std::string text = counters.str();
  EXPECT_NE(text.find("shared wavefronts (modelled)"), std::string::npos);
}

TEST(Counters, DoNotDependOnSeedOrThreads) {
  std::string body = R"(
  %four = arith.constant 4 : i32
  %fourw = arith.constant 4 : i64
  %b = device.block x
  %o = arith.muli %t, %four : i32
  device.store shared %b, %zero[%o : i32] : i32, i32
  device.barrier 0
  %p = arith.xori %o, %four : i32
  %v = device.load shared %zero[%p : i32] : i32 -> i32
  %bw = arith.extui %b : i32 to i64
  %c64 = arith.constant 64 : i64
  %row = arith.muli %bw, %c64 : i64
  %at = arith.addi %row, %tw : i64
  %ow = arith.muli %at, %fourw : i64
  device.store global %v, %y[%ow : i64] : i64, i32)";
  auto image = buildImage(kernelText(body, 64, 256, 24));
  std::string first;
  for (uint64_t seed : {0, 1, 99}) {
    TestLaunch launch;
    launch.x.assign(1, 0);
    launch.y.assign(24 * 64, ~0u);
    launch.seed = seed;
    launch.threads = 1 + seed % 4;
    auto report = launch.run(image);
    ASSERT_TRUE(report.ok) << report.str();
    EXPECT_EQ(report.counters.blocks, 24u);
    for (uint32_t i = 0; i < 24 * 64; ++i)
      ASSERT_EQ(launch.y[i], i / 64);
    if (first.empty())
      first = report.counters.str();
    EXPECT_EQ(first, report.counters.str());
  }
}
