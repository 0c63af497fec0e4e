//===- FragmentTest.cpp - Fragments against tables worked by hand ---------===//
//
// The rows below are worked out on paper from the formulas of the PTX ISA
// (group = lane >> 2, t = lane & 3), not printed by the code. Every table is
// also shown to notice a wrong bit in any step of its layout.
//
//===----------------------------------------------------------------------===//

#include "dialect/Layout/NvidiaLayouts.h"

#include <gtest/gtest.h>

using namespace einfall::layout;
using namespace einfall::layout::nvidia;

namespace {
/// A place and the element that it holds.
struct Entry {
  Steps place;
  Point element;
};
using Table = std::vector<Entry>;

/// All registers of one lane.
Table lane(int64_t lane, const std::vector<Point> &elements) {
  Table table;
  for (size_t i = 0; i < elements.size(); ++i)
    table.push_back({{{"register", int64_t(i)}, {"lane", lane}}, elements[i]});
  return table;
}
Table operator+(Table a, const Table &b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

int mismatches(const Layout &layout, const Table &table) {
  int wrong = 0;
  for (const Entry &entry : table)
    wrong += layout.apply(entry.place) != entry.element;
  return wrong;
}

/// The table holds, and no layout with one wrong bit in one step passes it.
void expectTable(const OrError<Layout> &layout, const Table &table) {
  ASSERT_TRUE(layout) << layout.message();
  for (const Entry &entry : table)
    EXPECT_EQ(layout->apply(entry.place), entry.element)
        << layout->str() << " at " << testing::PrintToString(entry.place);
  for (size_t i = 0; i < layout->inputs().size(); ++i)
    for (size_t j = 0; j < layout->inputs()[i].digits.size(); ++j)
      for (size_t d = 0; d < layout->outputs().size(); ++d)
        for (int64_t bit = 1; bit < layout->outputs()[d].extent; bit *= 2) {
          std::vector<Input> inputs = layout->inputs();
          inputs[i].digits[j].step[d] ^= bit;
          std::vector<Dim> outputs = layout->outputs();
          for (Dim &dim : outputs)
            dim.extent = 0; // whatever the fault reaches
          OrError<Layout> faulty = Layout::create(inputs, outputs);
          ASSERT_TRUE(faulty) << faulty.message();
          EXPECT_GT(mismatches(*faulty, table), 0) << faulty->str();
        }
}

TEST(Fragment, MmaM16N8K16) {
  // A: row group (+ 8 for a2, a3, a6, a7), column 2t + i%2 (+ 8 from a4 on).
  expectTable(
      mmaA(16, 16),
      lane(0,
           {{0, 0}, {0, 1}, {8, 0}, {8, 1}, {0, 8}, {0, 9}, {8, 8}, {8, 9}}) +
          lane(5, {{1, 2},
                   {1, 3},
                   {9, 2},
                   {9, 3},
                   {1, 10},
                   {1, 11},
                   {9, 10},
                   {9, 11}}) +
          lane(18, {{4, 4},
                    {4, 5},
                    {12, 4},
                    {12, 5},
                    {4, 12},
                    {4, 13},
                    {12, 12},
                    {12, 13}}) +
          lane(31, {{7, 6},
                    {7, 7},
                    {15, 6},
                    {15, 7},
                    {7, 14},
                    {7, 15},
                    {15, 14},
                    {15, 15}}));
  // B: row 2t + i%2 (+ 8 for b2, b3), column group.
  expectTable(mmaB(16, 16), lane(0, {{0, 0}, {1, 0}, {8, 0}, {9, 0}}) +
                                lane(5, {{2, 1}, {3, 1}, {10, 1}, {11, 1}}) +
                                lane(18, {{4, 4}, {5, 4}, {12, 4}, {13, 4}}) +
                                lane(31, {{6, 7}, {7, 7}, {14, 7}, {15, 7}}));
  // C: row group (+ 8 for c2, c3), column 2t + i%2.
  expectTable(mmaC(), lane(0, {{0, 0}, {0, 1}, {8, 0}, {8, 1}}) +
                          lane(5, {{1, 2}, {1, 3}, {9, 2}, {9, 3}}) +
                          lane(18, {{4, 4}, {4, 5}, {12, 4}, {12, 5}}) +
                          lane(31, {{7, 6}, {7, 7}, {15, 6}, {15, 7}}));
}

TEST(Fragment, MmaM16N8K8OfHalves) {
  expectTable(mmaA(16, 8), lane(5, {{1, 2}, {1, 3}, {9, 2}, {9, 3}}) +
                               lane(31, {{7, 6}, {7, 7}, {15, 6}, {15, 7}}));
  expectTable(mmaB(16, 8),
              lane(5, {{2, 1}, {3, 1}}) + lane(31, {{6, 7}, {7, 7}}));
}

TEST(Fragment, MmaM16N8K8OfTf32) {
  // A: row group (+ 8 for a1, a3), column t (+ 4 for a2, a3).
  expectTable(mmaA(32, 8), lane(0, {{0, 0}, {8, 0}, {0, 4}, {8, 4}}) +
                               lane(5, {{1, 1}, {9, 1}, {1, 5}, {9, 5}}) +
                               lane(18, {{4, 2}, {12, 2}, {4, 6}, {12, 6}}) +
                               lane(31, {{7, 3}, {15, 3}, {7, 7}, {15, 7}}));
  // B: row t (+ 4 for b1), column group.
  expectTable(mmaB(32, 8), lane(5, {{1, 1}, {5, 1}}) +
                               lane(18, {{2, 4}, {6, 4}}) +
                               lane(31, {{3, 7}, {7, 7}}));
  expectTable(mmaA(32, 4), lane(6, {{1, 2}, {9, 2}}) +
                               lane(29, {{7, 1}, {15, 1}}) +
                               lane(31, {{7, 3}, {15, 3}}));
}

TEST(Fragment, MmaM16N8K32OfBytes) {
  // A: row group (+ 8 for a4-a7, a12-a15), column 4t + i%4 (+ 16 from a8 on).
  expectTable(mmaA(8, 32), lane(5, {{1, 4},
                                    {1, 5},
                                    {1, 6},
                                    {1, 7},
                                    {9, 4},
                                    {9, 5},
                                    {9, 6},
                                    {9, 7},
                                    {1, 20},
                                    {1, 21},
                                    {1, 22},
                                    {1, 23},
                                    {9, 20},
                                    {9, 21},
                                    {9, 22},
                                    {9, 23}}) +
                               lane(31, {{7, 12},
                                         {7, 13},
                                         {7, 14},
                                         {7, 15},
                                         {15, 12},
                                         {15, 13},
                                         {15, 14},
                                         {15, 15},
                                         {7, 28}}));
  expectTable(
      mmaB(8, 32),
      lane(5, {{4, 1}, {5, 1}, {6, 1}, {7, 1}, {20, 1}}) +
          lane(31, {{12, 7}, {13, 7}, {14, 7}, {15, 7}, {28, 7}, {29, 7}}));
}

TEST(Fragment, FragmentsTileTheirMatrix) {
  for (int64_t bits : {8, 16, 32})
    for (int64_t k : {128 / bits, 256 / bits})
      for (OrError<Layout> fragment : {mmaA(bits, k), mmaB(bits, k)}) {
        ASSERT_TRUE(fragment) << fragment.message();
        EXPECT_TRUE(fragment->isInjective());
        EXPECT_TRUE(fragment->isSurjective());
        EXPECT_TRUE(fragment->linear());
      }
  EXPECT_EQ(mmaA(16, 32).message(), "mma.m16n8k32 has no operands of 16 bits; "
                                    "k is 8 or 16");
  EXPECT_EQ(mmaA(64, 8).message(),
            "matrix instructions have no operands of 64 bits");
}

TEST(Fragment, LdmatrixResults) {
  // Register i/2 of matrix i/2: row group, column 2t + i%2.
  Table plain = {{{{"register", 0}, {"lane", 0}}, {0, 0, 0}},
                 {{{"register", 1}, {"lane", 5}}, {0, 1, 3}},
                 {{{"register", 2}, {"lane", 5}}, {1, 1, 2}},
                 {{{"register", 5}, {"lane", 18}}, {2, 4, 5}},
                 {{{"register", 6}, {"lane", 31}}, {3, 7, 6}},
                 {{{"register", 7}, {"lane", 31}}, {3, 7, 7}}};
  expectTable(matrixFragment(4, false), plain);
  // Transposed: row 2t + i%2, column group.
  Table transposed = {{{{"register", 0}, {"lane", 0}}, {0, 0, 0}},
                      {{{"register", 1}, {"lane", 5}}, {0, 3, 1}},
                      {{{"register", 2}, {"lane", 5}}, {1, 2, 1}},
                      {{{"register", 5}, {"lane", 18}}, {2, 5, 4}},
                      {{{"register", 6}, {"lane", 31}}, {3, 6, 7}},
                      {{{"register", 7}, {"lane", 31}}, {3, 7, 7}}};
  expectTable(matrixFragment(4, true), transposed);
  EXPECT_FALSE(matrixFragment(3, false));
}

TEST(Fragment, LdmatrixAddresses) {
  expectTable(matrixAddress(4), {{{{"lane", 0}}, {0, 0}},
                                 {{{"lane", 13}}, {1, 5}},
                                 {{{"lane", 22}}, {2, 6}},
                                 {{{"lane", 31}}, {3, 7}}});
  expectTable(matrixAddress(2), {{{{"lane", 13}}, {1, 5}},
                                 {{{"lane", 15}}, {1, 7}},
                                 {{{"lane", 29}}, {1, 5}},
                                 {{{"lane", 23}}, {0, 7}}});
  EXPECT_EQ(matrixAddress(1)->freeDirections(),
            (std::vector<Point>{{8}, {16}}));
}

TEST(Fragment, WgmmaAccumulator) {
  // Row 16 warp + group + 8 (i/2 % 2), column 8 (i/4) + 2t + i%2.
  auto at = [](int64_t reg, int64_t lane, int64_t warp) {
    return Steps{{"register", reg}, {"lane", lane}, {"warp", warp}};
  };
  expectTable(wgmmaD(80), {{at(0, 0, 0), {0, 0}},
                           {at(1, 0, 0), {0, 1}},
                           {at(6, 18, 1), {28, 12}},
                           {at(17, 5, 2), {33, 35}},
                           {at(36, 4, 0), {1, 72}},
                           {at(39, 31, 3), {63, 79}}});
  expectTable(wgmmaD(8), {{at(2, 10, 1), {26, 4}}, {at(3, 31, 3), {63, 7}}});
  EXPECT_EQ(wgmmaD(256)->apply(at(127, 31, 3)), (Point{63, 255}));
  for (int64_t n = 8; n <= 256; n += 8) {
    OrError<Layout> d = wgmmaD(n);
    ASSERT_TRUE(d) << d.message();
    EXPECT_EQ(d->inputExtent("register"), n / 2);
    EXPECT_TRUE(d->isInjective() && d->isSurjective()) << n;
  }
  EXPECT_EQ(wgmmaD(84).message(),
            "wgmma has no n of 84; it is a multiple of 8 up to 256");
  EXPECT_FALSE(wgmmaD(264));
}

TEST(Fragment, WgmmaRegistersOfA) {
  auto at = [](int64_t reg, int64_t lane, int64_t warp) {
    return Steps{{"register", reg}, {"lane", lane}, {"warp", warp}};
  };
  expectTable(wgmmaA(16), {{at(0, 5, 2), {33, 2}},
                           {at(3, 5, 2), {41, 3}},
                           {at(4, 31, 3), {55, 14}},
                           {at(7, 31, 3), {63, 15}},
                           {at(1, 0, 1), {16, 1}}});
  // k 8 of tf32, k 32 of bytes.
  EXPECT_EQ(wgmmaA(32)->apply(at(3, 5, 1)), (Point{25, 5}));
  EXPECT_EQ(wgmmaA(8)->apply(at(15, 5, 1)), (Point{25, 23}));
}
} // namespace
