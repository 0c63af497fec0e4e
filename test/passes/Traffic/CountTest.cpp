//===- CountTest.cpp - How many sectors an access comes to ----------------===//
//
// Small accesses whose sectors are counted by hand, and against every launch of
// a range by enumeration. A warp reads 32 words of 4 bytes unless a case says
// otherwise: 4 sectors where the address is a multiple of 32.
//
//===----------------------------------------------------------------------===//

#include "passes/Traffic/Count.h"

#include <gtest/gtest.h>

using namespace einfall::traffic;

namespace {
class CountTest : public ::testing::Test {
protected:
  /// Of the warps that `loops` enumerate.
  Access access(std::vector<Ref> loops, Ref active, Ref address = nullptr) {
    Access result;
    result.direction = Direction::Load;
    result.loops = std::move(loops);
    result.active = active;
    result.address =
        pool.add(pool.scale(pool.lane, 4), address ? address : pool.zero);
    result.bytes = pool.number(4);
    return result;
  }
  std::optional<int64_t> valueOf(Ref form, int64_t p) {
    return evaluate(form, pool,
                    [&](const std::string &) { return std::optional(p); });
  }
  int64_t closed(const Access &access, int64_t p = 0) {
    return valueOf(sectorsOf({&access}, pool), p).value_or(-1);
  }
  /// Round by round.
  int64_t enumerated(const Access &access, int64_t p = 0) {
    Ref sum = pool.sectors(access.active, access.address, access.bytes);
    for (auto loop = access.loops.rbegin(); loop != access.loops.rend(); ++loop)
      sum = pool.sum(*loop, Pool::atomOf(*loop)->operands[0],
                     Pool::atomOf(*loop)->operands[1], sum);
    return valueOf(sum, p).value_or(-1);
  }
  Ref number(int64_t value) { return pool.number(value); }
  Ref variable(Ref from, Ref to) { return pool.variable("v", from, to); }

  Pool pool;
};
} // namespace

TEST_F(CountTest, RoundsMultiply) {
  Ref round = variable(number(0), number(3));
  EXPECT_EQ(closed(access({round}, pool.yes)), 12);
}

TEST_F(CountTest, RowsThatAreLeft) {
  // Words 32 v + lane below p: 32, 32 and 6 of 70.
  Ref p = pool.parameter("|p|", 0);
  Ref round = variable(number(0), number(3));
  Access each =
      access({round}, pool.less(pool.add(pool.scale(round, 32), pool.lane), p));
  EXPECT_EQ(closed(each, 70), 4 + 4 + 1);
  for (int64_t extent = 0; extent < 110; ++extent)
    EXPECT_EQ(closed(each, extent), enumerated(each, extent)) << extent;
}

TEST_F(CountTest, AddressesThatRepeat) {
  // 4 v mod 32 is 0 for two of 16 rounds; else a warp touches 5 sectors.
  Ref round = variable(number(0), number(16));
  EXPECT_EQ(closed(access({round}, pool.yes, pool.scale(round, 4))),
            2 * 4 + 14 * 5);
}

// An outer range is split where a condition turns for all of an inner range. No
// such point exists where the inner range begins or ends at the outer variable:
// the end of the inner range moves with it.
TEST_F(CountTest, InnerRangeBeginsAtTheOuterVariable) {
  // i + j >= 3 for i < 4 and i <= j < 6: 3, 4, 4 and 3 pairs.
  Ref i = variable(number(0), number(4));
  Ref j = variable(i, number(6));
  Access each = access({i, j}, pool.lessOrEqual(number(3), pool.add(i, j)));
  EXPECT_EQ(closed(each), 4 * (3 + 4 + 4 + 3));
  EXPECT_EQ(enumerated(each), 4 * (3 + 4 + 4 + 3));
}

TEST_F(CountTest, InnerRangeEndsAtTheOuterVariable) {
  // 2 i - j <= 4 for i < 6 and j < i: 0, 1, 2, 1, 0 and 0 pairs.
  Ref i = variable(number(0), number(6));
  Ref j = variable(number(0), i);
  Access each = access(
      {i, j}, pool.lessOrEqual(pool.sub(pool.scale(i, 2), j), number(4)));
  EXPECT_EQ(closed(each), 4 * (0 + 1 + 2 + 1));
  EXPECT_EQ(enumerated(each), 4 * (0 + 1 + 2 + 1));
}

TEST_F(CountTest, ADiagonalUnderAMask) {
  // Keys of a causal block of rows: j < 8 with 4 i <= p and j <= 2 i + 1.
  Ref p = pool.parameter("|p|", 0);
  Ref i = variable(number(0), pool.ceil(p, number(4)));
  Ref j = variable(number(0), number(8));
  Ref row = pool.add(pool.scale(i, 4), pool.lane);
  Access each = access(
      {i, j},
      pool.both(pool.lessOrEqual(j, pool.add(pool.scale(i, 2), pool.one)),
                pool.less(row, p)));
  for (int64_t extent = 0; extent < 70; ++extent)
    EXPECT_EQ(closed(each, extent), enumerated(each, extent)) << extent;
}

TEST_F(CountTest, ChangedFormsDiffer) {
  // The comparison above can fail: one row more is another count.
  Ref p = pool.parameter("|p|", 0);
  Ref round = variable(number(0), number(3));
  Access each =
      access({round}, pool.less(pool.add(pool.scale(round, 32), pool.lane), p));
  EXPECT_NE(closed(each, 72), enumerated(each, 73));
}

TEST_F(CountTest, SourcesOfWhatIsNotKnown) {
  Ref form =
      pool.add(pool.unknown("K, n"), pool.mul(pool.lane, pool.unknown("n")));
  EXPECT_EQ(sourcesOf(form), (std::set<std::string>{"K", "n"}));
  EXPECT_TRUE(sourcesOf(pool.lane).empty());
}
