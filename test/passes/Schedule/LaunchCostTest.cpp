//===- LaunchCostTest.cpp - Launches counted by hand ----------------------===//

#include "passes/Schedule/LaunchCost.h"
#include "passes/Schedule/LaunchWays.h"

#include "llvm/ADT/ArrayRef.h"
#include <gtest/gtest.h>

using namespace einfall;

namespace {
/// Tiles of 64 rows and 32 keys; 4 multiprocessors with room for 2 blocks.
LaunchTerms terms() {
  LaunchTerms terms;
  terms.rows = 64;
  terms.keys = 32;
  terms.lone = {100};
  terms.together = {60};
  terms.start = {500};
  terms.resident = 2;
  return terms;
}

LaunchMachine machine() {
  LaunchMachine machine;
  machine.units = 4;
  machine.launchClocks = 3000;
  machine.bytesPerClock = 50;
  machine.cacheClocks = 250;
  return machine;
}

int64_t clocks(const LaunchTerms &terms, int64_t items, int64_t rows,
               llvm::ArrayRef<int64_t> keys, int64_t parts) {
  PlainOps ops;
  return clocksOfLaunch(ops, terms, machine(), items, rows, keys, parts);
}

int64_t merge(const LaunchMachine &machine, int64_t stateBytes, int64_t rows,
              int64_t parts) {
  PlainOps ops;
  return clocksOfMerge(ops, machine, stateBytes, rows, parts);
}

/// In so many parts, with what merging rows of 400 bytes takes.
int64_t inParts(int64_t items, int64_t rows, int64_t keys, int64_t parts) {
  int64_t all = clocks(terms(), items, rows, {keys}, parts);
  return parts > 1 ? all + merge(machine(), 400, items * rows, parts) : all;
}
} // namespace

// 2 blocks on 4 multiprocessors: the busiest has one, which walks over 1000
// keys in 32 tiles of 100 clocks and starts once.
TEST(LaunchCost, LoneBlock) {
  EXPECT_EQ(clocks(terms(), 2, 64, {1000}, 1), 32 * 100 + 500);
  // A row more is a block more of each item; 4 blocks still have one each.
  EXPECT_EQ(clocks(terms(), 2, 65, {1000}, 1), 32 * 100 + 500);
}

// 5 blocks: one multiprocessor has two, side by side: 2 * 32 tiles of 60 clocks
// and one start. 9: one has three, in two rounds.
TEST(LaunchCost, TailOfALaunch) {
  EXPECT_EQ(clocks(terms(), 5, 64, {1000}, 1), 2 * 32 * 60 + 500);
  EXPECT_EQ(clocks(terms(), 8, 64, {1000}, 1), 2 * 32 * 60 + 500);
  EXPECT_EQ(clocks(terms(), 9, 64, {1000}, 1), 3 * 32 * 60 + 2 * 500);
}

// 32 tiles in 3 parts are 11, 11 and 10: the longest decides.
TEST(LaunchCost, PartsAreRoundedUp) {
  EXPECT_EQ(clocks(terms(), 1, 64, {1000}, 3), 11 * 100 + 500);
}

// Each fold has tiles and a start of its own: 32 and ceil(100 / 32) = 4 tiles.
TEST(LaunchCost, FoldsFollowEachOther) {
  LaunchTerms two = terms();
  two.lone = {100, 70};
  two.together = {60, 40};
  two.start = {500, 300};
  EXPECT_EQ(clocks(two, 1, 64, {1000, 100}, 1), 3200 + 280 + 800);
}

// A second launch; 2 * 400 bytes of 10 rows in 6 parts at 50 per clock, 960;
// a load for references, and two for 4 and 2 parts.
TEST(LaunchCost, Merging) {
  EXPECT_EQ(merge(machine(), 400, 10, 6), 3000 + 960 + 3 * 250);
  // Of two folds each is loaded by itself.
  LaunchMachine two = machine();
  two.folds = 2;
  EXPECT_EQ(merge(two, 400, 10, 6), 3000 + 960 + 2 * 3 * 250);
}

// One block of one row and 4096 keys, 128 tiles: 13300 clocks alone.
//   parts  tiles  on the busiest       merging              all
//     2     64    6400 + 500           3000 +  32 + 500   10432
//     4     32    3200 + 500           3000 +  64 + 500    7264
//     8     16    2 * 960 + 500        3000 + 128 + 750    6298
//    16      8    4 * 480 + 1000       3000 + 256 + 1250   7426
// The start and the loads of a merge are what makes 16 more than 8: both have
// 128 tiles of 60 clocks on 4 multiprocessors.
TEST(LaunchCost, MorePartsEndUpCostingMore) {
  EXPECT_EQ(inParts(1, 1, 4096, 1), 13300);
  EXPECT_EQ(inParts(1, 1, 4096, 2), 10432);
  EXPECT_EQ(inParts(1, 1, 4096, 4), 7264);
  EXPECT_EQ(inParts(1, 1, 4096, 8), 6298);
  EXPECT_EQ(inParts(1, 1, 4096, 16), 7426);
}

TEST(LaunchCost, PartsPayFromAQuarterLessOn) {
  EXPECT_TRUE(partsPay(75, 100));
  EXPECT_FALSE(partsPay(76, 100));
}
