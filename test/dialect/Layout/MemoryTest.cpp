//===- MemoryTest.cpp - Swizzles, boxes, descriptors and conflicts --------===//

#include "dialect/Layout/NvidiaAccess.h"

#include <gtest/gtest.h>

using namespace einfall::layout;
using namespace einfall::layout::nvidia;

namespace {
int64_t byteOf(const OrError<Layout> &tile, int64_t row, int64_t column) {
  return tile->at("byte", {{"row", row}, {"column", column}});
}

TEST(Swizzle, ExchangesChunks) {
  // The chunk (address / 16) is XORed with address / 128, of 1, 2 or 3 bits.
  OrError<Layout> b128 = swizzleMap(Swizzle::B128, 2048);
  ASSERT_TRUE(b128) << b128.message();
  auto at = [](const OrError<Layout> &map, int64_t byte) {
    return map->at("byte", {{"byte", byte}});
  };
  EXPECT_EQ(at(b128, 3 * 128 + 5 * 16 + 2), 3 * 128 + 6 * 16 + 2);
  EXPECT_EQ(at(b128, 9 * 128), 9 * 128 + 16);
  EXPECT_EQ(at(b128, 15 * 128 + 7 * 16 + 15), 15 * 128 + 15);
  OrError<Layout> b64 = swizzleMap(Swizzle::B64, 1024);
  EXPECT_EQ(at(b64, 144), 128);           // chunk 1 of 4, second 128 bytes
  EXPECT_EQ(at(b64, 368), 336);           // chunk 3, third 128 bytes: 3 ^ 2
  EXPECT_EQ(at(b64, 512 + 16), 512 + 16); // the pattern starts again
  OrError<Layout> b32 = swizzleMap(Swizzle::B32, 256);
  EXPECT_EQ(at(b32, 128), 144);
  EXPECT_EQ(at(b32, 240), 224);
  EXPECT_EQ(at(b32, 112), 112);
  for (Swizzle swizzle :
       {Swizzle::None, Swizzle::B32, Swizzle::B64, Swizzle::B128}) {
    OrError<Layout> map = swizzleMap(swizzle, 3 * 1024);
    ASSERT_TRUE(map) << map.message();
    OrError<Layout> twice = compose(*map, *map);
    ASSERT_TRUE(twice) << twice.message();
    EXPECT_TRUE(
        twice->isEquivalent(Layout::identity("byte", "byte", 3 * 1024)));
  }
  EXPECT_FALSE(swizzleMap(Swizzle::B128, 512));
}

TEST(Swizzle, TensorMapBoxes) {
  OrError<Layout> box = tmaBox(80, 64, 2, Swizzle::B128);
  ASSERT_TRUE(box) << box.message();
  EXPECT_EQ(box->str(),
            "[row 80: ^byte 144, ^byte 288, ^byte 576, 10 x byte 1024; column "
            "64: 8 x byte 2, ^byte 16, ^byte 32, ^byte 64] -> [byte 10240]");
  // Row 3, chunk 5 (column 40): chunk 6 of row 3.
  EXPECT_EQ(byteOf(box, 3, 40), 480);
  EXPECT_EQ(byteOf(box, 79, 63), 79 * 128 + 0 * 16 + 14);
  // Five rows: bits that the extent cuts short.
  EXPECT_EQ(byteOf(tmaBox(5, 64, 2, Swizzle::B128), 4, 8), 4 * 128 + 5 * 16);
  OrError<Layout> b64 = tmaBox(12, 32, 2, Swizzle::B64);
  ASSERT_TRUE(b64) << b64.message();
  EXPECT_EQ(byteOf(b64, 2, 8), 128);
  EXPECT_EQ(byteOf(b64, 5, 24), 336);
  OrError<Layout> b32 = tmaBox(16, 8, 4, Swizzle::B32); // floats
  ASSERT_TRUE(b32) << b32.message();
  EXPECT_EQ(byteOf(b32, 4, 0), 144);
  EXPECT_EQ(byteOf(b32, 7, 5), 228);
  EXPECT_EQ(byteOf(tmaBox(16, 80, 2, Swizzle::None), 3, 7), 494);

  EXPECT_EQ(tmaBox(64, 128, 2, Swizzle::B128).message(),
            "rows of 256 bytes under swizzle 128B, which takes 128");
  EXPECT_EQ(tmaBox(257, 64, 2, Swizzle::B128).message(),
            "a box of 257 x 64 elements; a tensor map takes at most 256 each "
            "way");
  EXPECT_EQ(tmaBox(64, 36, 2, Swizzle::None).message(),
            "rows of 72 bytes; a tensor map takes multiples of 16");
}

TEST(Swizzle, TilesOfBoxes) {
  // D = 128 halves: two boxes of 64 columns, 176 rows each.
  OrError<Layout> tile = boxedTile(176, 128, 2, Swizzle::B128);
  ASSERT_TRUE(tile) << tile.message();
  EXPECT_EQ(byteOf(tile, 3, 64 + 40), 176 * 128 + 480);
  EXPECT_EQ(tile->outputExtent("byte"), 176 * 256);
  EXPECT_TRUE(tile->isInjective());
  // D = 80: five boxes of 16 columns. Row 4, column 72: box 4, chunk 1 -> 0.
  OrError<Layout> narrow = boxedTile(112, 80, 2, Swizzle::B32);
  ASSERT_TRUE(narrow) << narrow.message();
  EXPECT_EQ(byteOf(narrow, 4, 72), 4 * 112 * 32 + 128);
  EXPECT_FALSE(boxedTile(112, 80, 2, Swizzle::B128));
}

//===----------------------------------------------------------------------===//
// Matrix descriptors
//===----------------------------------------------------------------------===//

TEST(Descriptor, CanonicalLayouts) {
  // K-major without swizzle, tf32, ((8,m),(4,2k)):((4,SBO),(1,LBO)) elements.
  OrError<Layout> plain =
      wgmmaOperand({Major::K, Swizzle::None, 128, 256}, 64, 8, 4);
  ASSERT_TRUE(plain) << plain.message();
  auto at = [](const OrError<Layout> &layout, int64_t mn, int64_t k) {
    return layout->at("byte", {{"mn", mn}, {"k", k}});
  };
  EXPECT_EQ(at(plain, 3, 2), 3 * 16 + 2 * 4);
  EXPECT_EQ(at(plain, 3, 6), 3 * 16 + 128 + 2 * 4);
  EXPECT_EQ(at(plain, 11, 6), 256 + 3 * 16 + 128 + 2 * 4);
  // K-major under 128 bytes: rows of 128 bytes, cores of 1024.
  OrError<Layout> k128 =
      wgmmaOperand({Major::K, Swizzle::B128, 16, 1024}, 176, 64, 2);
  ASSERT_TRUE(k128) << k128.message();
  EXPECT_EQ(at(k128, 3, 40), 480);
  EXPECT_EQ(at(k128, 11, 40), 1024 + 480);
  // MN-major without swizzle: ((8,1,m),(8,k)):((1,8,SBO),(8,LBO)) halves.
  OrError<Layout> mn =
      wgmmaOperand({Major::MN, Swizzle::None, 1024, 128}, 64, 16, 2);
  ASSERT_TRUE(mn) << mn.message();
  EXPECT_EQ(at(mn, 5, 3), 5 * 2 + 3 * 16);
  EXPECT_EQ(at(mn, 13, 3), 128 + 5 * 2 + 3 * 16);
  EXPECT_EQ(at(mn, 5, 11), 5 * 2 + 1024 + 3 * 16);
  // MN-major under 128 bytes: ((8,8,m),(8,k)):((1,8,LBO),(64,SBO)) halves.
  OrError<Layout> mn128 =
      wgmmaOperand({Major::MN, Swizzle::B128, 176 * 128, 1024}, 128, 176, 2);
  ASSERT_TRUE(mn128) << mn128.message();
  EXPECT_EQ(at(mn128, 40, 3), 480); // k is the row here
  EXPECT_EQ(at(mn128, 64 + 40, 3), 176 * 128 + 480);
  EXPECT_EQ(at(mn128, 40, 11), 1024 + 480);
  EXPECT_EQ(
      wgmmaOperand({Major::K, Swizzle::B128, 16, 512}, 64, 64, 2).message(),
      "descriptor offsets of 16 and 512 bytes are no multiples of 1024");
}

TEST(Descriptor, RefusesWhatIsNotMadeOfCores) {
  EXPECT_EQ(
      wgmmaOperand({Major::K, Swizzle::None, 128, 256}, 12, 16, 2).message(),
      "an operand of 12 x 16 is not made of cores of 8 x 8");
  EXPECT_EQ(
      wgmmaOperand({Major::MN, Swizzle::None, 100, 128}, 64, 16, 2).message(),
      "descriptor offsets of 100 and 128 bytes are no multiples of 16");
  EXPECT_EQ(
      wgmmaOperand({Major::K, Swizzle::B64, 16, 512}, 64, 64, 2).message(),
      "a k of 64 exceeds the 32 elements of swizzle 64B");
}

TEST(Descriptor, FoundFromTheTile) {
  // K of FlashAttention: (key, feature), features contiguous: K-major B.
  OrError<Layout> k = renamed(*boxedTile(176, 64, 2, Swizzle::B128),
                              {{"row", "mn"}, {"column", "k"}});
  ASSERT_TRUE(k) << k.message();
  OrError<WgmmaOperand> b = wgmmaOperandOf(*k, Major::K, Swizzle::B128, 2);
  ASSERT_TRUE(b) << b.message();
  EXPECT_EQ(b->strideOffset, 1024);
  // V: (key, feature) with features contiguous: features are n, so MN-major.
  OrError<Layout> v = renamed(*boxedTile(176, 128, 2, Swizzle::B128),
                              {{"row", "k"}, {"column", "mn"}});
  OrError<WgmmaOperand> vOperand =
      wgmmaOperandOf(*v, Major::MN, Swizzle::B128, 2);
  ASSERT_TRUE(vOperand) << vOperand.message();
  EXPECT_EQ(vOperand->leadingOffset, 176 * 128);
  EXPECT_EQ(vOperand->strideOffset, 1024);
  // Unswizzled columns of 16 bytes: K-major cores.
  OrError<Layout> cores = renamed(*boxedTile(64, 32, 2, Swizzle::None),
                                  {{"row", "mn"}, {"column", "k"}});
  OrError<WgmmaOperand> core =
      wgmmaOperandOf(*cores, Major::K, Swizzle::None, 2);
  ASSERT_TRUE(core) << core.message();
  EXPECT_EQ(core->leadingOffset, 64 * 16);
  EXPECT_EQ(core->strideOffset, 128);
  // The same columns with features as mn: MN-major, the offsets change roles.
  cores = renamed(*boxedTile(64, 32, 2, Swizzle::None),
                  {{"row", "k"}, {"column", "mn"}});
  core = wgmmaOperandOf(*cores, Major::MN, Swizzle::None, 2);
  ASSERT_TRUE(core) << core.message();
  EXPECT_EQ(core->leadingOffset, 128);
  EXPECT_EQ(core->strideOffset, 64 * 16);
  // A plain row-major tile is none of them.
  OrError<Layout> rows =
      renamed(*rowMajor(64, 64, 2, 128), {{"row", "mn"}, {"column", "k"}});
  EXPECT_EQ(wgmmaOperandOf(*rows, Major::K, Swizzle::B128, 2).message(),
            "the tile is not in the canonical form of a K-major operand under "
            "swizzle 128B");
}

TEST(Descriptor, Encoding) {
  // Start 0x400, leading 16, stride 1024 bytes: 0x40, 1, 0x40; 128B is 1.
  EXPECT_EQ(encodeDescriptor({Major::K, Swizzle::B128, 16, 1024}, 0x400),
            0x4000'0040'0001'0040u);
  EXPECT_EQ(encodeDescriptor({Major::MN, Swizzle::B32, 4096, 256}, 0x20010),
            0xc000'0010'0100'2001u);
}

//===----------------------------------------------------------------------===//
// Conflicts
//===----------------------------------------------------------------------===//

TEST(Conflicts, WavefrontsOfOneAccess) {
  auto wavefronts = [](int64_t stride, int64_t bytes) {
    std::vector<int64_t> addresses;
    for (int64_t lane = 0; lane < warpLanes; ++lane)
      addresses.push_back(lane * stride);
    OrError<AccessCost> cost = warpAccess(sharedMemory(), addresses, bytes);
    return cost ? cost->wavefronts : -1;
  };
  EXPECT_EQ(wavefronts(4, 4), 1);
  EXPECT_EQ(wavefronts(0, 4), 1);    // one word for all
  EXPECT_EQ(wavefronts(2, 2), 1);    // two lanes a word
  EXPECT_EQ(wavefronts(8, 4), 2);    // every second bank
  EXPECT_EQ(wavefronts(128, 4), 32); // one bank
  EXPECT_EQ(wavefronts(132, 4), 1);  // a pad of one word
  EXPECT_EQ(wavefronts(8, 8), 2);    // two half-warps
  EXPECT_EQ(wavefronts(16, 16), 4);  // four quarter-warps
  EXPECT_EQ(wavefronts(32, 16), 8);  // each with two conflicts
  EXPECT_EQ(wavefronts(144, 16), 4);
  EXPECT_EQ(wavefronts(128, 16), 32);
  EXPECT_FALSE(warpAccess(sharedMemory(), {2}, 4)); // not aligned
  EXPECT_FALSE(warpAccess(sharedMemory(), {0}, 32));
  // Lanes that take no part cost nothing.
  EXPECT_EQ(warpAccess(sharedMemory(), {noAddress, 0, 128}, 4)->wavefronts, 2);
  EXPECT_EQ(sectorsTouched({0, 4, 32, noAddress}, 4, 32), 2);
  EXPECT_EQ(sectorsTouched({24}, 16, 32), 2);
}

/// The A fragment of a 16 x 64 tile of halves: four steps of k 16.
Layout fragmentOfA(int64_t columns) {
  return *repeated(*mmaA(16, 16), "register", columns / 16, {{"column", 16}});
}

TEST(Conflicts, LdmatrixFromRows) {
  Layout a = fragmentOfA(64);
  auto cost = [&](const OrError<Layout> &tile) {
    OrError<MatrixAccess> access = matrixAccess(a, *tile, 2);
    EXPECT_TRUE(access) << access.message();
    return *matrixAccessCost(*access, *tile);
  };
  // Four x4 instructions, 16 matrices: eight rows in the same four banks.
  AccessCost rows = cost(rowMajor(16, 64, 2, 128));
  EXPECT_EQ(rows.instructions, 4);
  EXPECT_EQ(rows.leastWavefronts, 16);
  EXPECT_EQ(rows.wavefronts, 8 * 16);
  EXPECT_EQ(cost(boxedTile(16, 64, 2, Swizzle::B128)).conflicts(), 0);
  EXPECT_EQ(cost(boxedTile(16, 64, 2, Swizzle::B64)).conflicts(), 0);
  EXPECT_EQ(cost(boxedTile(16, 64, 2, Swizzle::B32)).conflicts(), 0);
  EXPECT_EQ(cost(boxedTile(16, 64, 2, Swizzle::None)).conflicts(), 0);
  EXPECT_EQ(cost(rowMajor(16, 64, 2, 144)).conflicts(), 0); // 8 halves of pad
  EXPECT_EQ(cost(rowMajor(16, 64, 2, 160)).wavefronts, 2 * 16);
}

TEST(Conflicts, RowsOf80And112And176Halves) {
  // 160, 224, 352 bytes are 8, 24, 24 words modulo 32: every fourth row meets.
  for (int64_t columns : {80, 112, 176}) {
    Layout a = fragmentOfA(columns);
    int64_t matrices = columns / 16 * 4;
    OrError<Layout> rows = rowMajor(16, columns, 2, columns * 2);
    EXPECT_EQ(fragmentCost(a, *rows, 2)->wavefronts, 2 * matrices);
    OrError<Layout> padded = rowMajor(16, columns, 2, columns * 2 + 16);
    EXPECT_EQ(fragmentCost(a, *padded, 2)->conflicts(), 0);
    OrError<Layout> boxes = boxedTile(16, columns, 2, Swizzle::B32);
    EXPECT_EQ(fragmentCost(a, *boxes, 2)->conflicts(), 0);
    OrError<SharedTile> tile = chooseTile(16, columns, 2, {a}, true);
    ASSERT_TRUE(tile) << tile.message();
    EXPECT_EQ(tile->swizzle, Swizzle::B32);
    EXPECT_EQ(tile->conflicts, 0);
    EXPECT_EQ(tile->bytes, 16 * columns * 2);
  }
  EXPECT_EQ(chooseTile(16, 64, 2, {fragmentOfA(64)}, true)->swizzle,
            Swizzle::B128);
}

TEST(Conflicts, MatrixUnitsAndTensorMap) {
  for (Swizzle swizzle :
       {Swizzle::None, Swizzle::B32, Swizzle::B64, Swizzle::B128}) {
    OrError<Layout> tile = boxedTile(64, 64, 2, swizzle);
    OrError<Layout> kMajor = renamed(*tile, {{"row", "mn"}, {"column", "k"}});
    OrError<Layout> mnMajor = renamed(*tile, {{"row", "k"}, {"column", "mn"}});
    EXPECT_EQ(*coreConflicts(*kMajor, Major::K, 2), 0) << swizzleName(swizzle);
    EXPECT_EQ(*coreConflicts(*mnMajor, Major::MN, 2), 0);
    OrError<Layout> box = tmaBox(64, swizzleBytes(swizzle) / 2, 2, swizzle);
    EXPECT_EQ(*arrivalConflicts(*box, 2), 0);
  }
  OrError<Layout> rows =
      renamed(*rowMajor(64, 64, 2, 128), {{"row", "mn"}, {"column", "k"}});
  EXPECT_EQ(*coreConflicts(*rows, Major::K, 2), 7);
  EXPECT_EQ(coreConflicts(*rows, Major::MN, 2).message(),
            "the operand has no runs of 16 bytes along mn");
  // A tile written along the other dimension does conflict.
  EXPECT_EQ(*arrivalConflicts(*boxedTile(64, 64, 2, Swizzle::None), 2), 7);
}

//===----------------------------------------------------------------------===//
// Plans and widths
//===----------------------------------------------------------------------===//

/// The element whose address a lane gives in an instruction.
Point rowAt(const MatrixAccess &access, size_t instruction, int64_t lane,
            int64_t warp = 0) {
  Steps at = access.rowOfLane(access.instructions[instruction], lane);
  at.push_back({"warp", warp});
  return access.rowOf.apply(at);
}
/// Matrices by instruction.
std::vector<int64_t> counts(const MatrixAccess &access) {
  std::vector<int64_t> result;
  for (const MatrixAccess::Instruction &instruction : access.instructions)
    result.push_back(instruction.count);
  return result;
}

TEST(MatrixLoad, AddressesOfA) {
  OrError<Layout> tile = boxedTile(16, 16, 2, Swizzle::B32);
  OrError<MatrixAccess> access = matrixAccess(*mmaA(16, 16), *tile, 2);
  ASSERT_TRUE(access) << access.message();
  EXPECT_FALSE(access->transposed);
  EXPECT_EQ(counts(*access), (std::vector<int64_t>{4}));
  EXPECT_EQ(access->pack, 2);
  // Lane l gives row l % 16 of columns 0 or 8.
  for (int64_t lane = 0; lane < warpLanes; ++lane)
    EXPECT_EQ(rowAt(*access, 0, lane), (Point{lane % 16, lane / 16 * 8}));
}

TEST(MatrixLoad, OperandsOfAttention) {
  // B of S = Q K^T from K (key, feature): (row k, column n) is (feature, key).
  OrError<Layout> k = renamed(*boxedTile(8, 64, 2, Swizzle::B128),
                              {{"row", "column"}, {"column", "row"}});
  Layout b = *repeated(*mmaB(16, 16), "register", 4, {{"row", 16}});
  OrError<MatrixAccess> keys = matrixAccess(b, *k, 2);
  ASSERT_TRUE(keys) << keys.message();
  EXPECT_FALSE(keys->transposed);
  EXPECT_EQ(counts(*keys), (std::vector<int64_t>{4, 4}));
  EXPECT_EQ(rowAt(*keys, 1, 29), (Point{32 + 24, 5}));
  EXPECT_EQ(matrixAccessCost(*keys, *k)->conflicts(), 0);
  // B of O = P V from V (key, feature): (row k, column n) is (key, feature).
  OrError<Layout> v = boxedTile(16, 64, 2, Swizzle::B128);
  Layout bv = *repeated(*mmaB(16, 16), "register", 8, {{"column", 8}});
  OrError<MatrixAccess> values = matrixAccess(bv, *v, 2);
  ASSERT_TRUE(values) << values.message();
  EXPECT_TRUE(values->transposed);
  EXPECT_EQ(rowAt(*values, 3, 13), (Point{13, 48}));
  EXPECT_EQ(rowAt(*values, 3, 29), (Point{13, 56}));
  EXPECT_EQ(matrixAccessCost(*values, *v)->conflicts(), 0);
}

TEST(MatrixLoad, AddressesAsALayout) {
  // Lanes in the XOR part of a swizzled tile, boxes in the sum.
  OrError<Layout> tile = boxedTile(16, 128, 2, Swizzle::B128);
  Layout a = *repeated(*mmaA(16, 16), "register", 8, {{"column", 16}});
  OrError<MatrixAccess> access = matrixAccess(a, *tile, 2);
  ASSERT_TRUE(access) << access.message();
  OrError<Layout> address = compose(*tile, access->rowOf);
  ASSERT_TRUE(address) << address.message();
  EXPECT_EQ(address->str(),
            "[row 8: ^byte 144, ^byte 288, ^byte 576; matrix 32: 2 x byte "
            "1024, ^byte 16, ^byte 32, ^byte 64, 2 x byte 2048] -> [byte "
            "4096]");
  // What a lane computes once, and the constant of each instruction.
  for (const MatrixAccess::Instruction &instruction : access->instructions)
    for (int64_t lane = 0; lane < warpLanes; ++lane) {
      Parts once = address->parts({lane % 8, lane / 8});
      Parts constant = address->parts({0, instruction.firstMatrix});
      EXPECT_EQ((once.atom[0] ^ constant.atom[0]) + once.sum[0] +
                    constant.sum[0],
                address->at("byte", access->rowOfLane(instruction, lane)));
    }
}

TEST(MatrixLoad, WhatIsLeftOfFours) {
  // A head dimension of 72: nine blocks of eight features, two matrices each.
  OrError<Layout> v = boxedTile(16, 72, 2, Swizzle::None);
  Layout b = *repeated(*mmaB(16, 16), "register", 9, {{"column", 8}});
  OrError<MatrixAccess> access = matrixAccess(b, *v, 2);
  ASSERT_TRUE(access) << access.message();
  EXPECT_EQ(counts(*access), (std::vector<int64_t>{4, 4, 4, 4, 2}));
  EXPECT_EQ(rowAt(*access, 3, 29), (Point{13, 56}));
  EXPECT_EQ(rowAt(*access, 4, 13), (Point{13, 64}));
  AccessCost cost = *matrixAccessCost(*access, *v);
  EXPECT_EQ(cost.leastWavefronts, 18);
  EXPECT_EQ(cost.conflicts(), 0);
}

TEST(MatrixLoad, EpilogueOfAWgmmaTile) {
  for (int64_t n : {80, 112, 176, 256}) {
    OrError<SharedTile> tile = chooseTile(64, n, 2, {*wgmmaD(n)}, true);
    ASSERT_TRUE(tile) << tile.message();
    EXPECT_EQ(tile->conflicts, 0) << n;
    OrError<MatrixAccess> store = matrixAccess(*wgmmaD(n), tile->layout, 2);
    ASSERT_TRUE(store) << store.message();
    EXPECT_EQ(counts(*store), std::vector<int64_t>(n / 16, 4));
    EXPECT_FALSE(store->transposed);
    // Warp 2, second instruction, lane 9: rows 32.., matrix 1 is row + 8.
    EXPECT_EQ(rowAt(*store, 1, 9, 2), (Point{32 + 9, 16}));
  }
}

TEST(MatrixLoad, RefusesWhatItCannotServe) {
  // Rows that do not start at multiples of 16 bytes.
  EXPECT_EQ(matrixAccess(*mmaA(16, 16), *rowMajor(16, 16, 2, 36), 2).message(),
            "the fragment's rows are not 16 aligned bytes in memory");
  // Floats can be loaded, but not transposed.
  EXPECT_TRUE(matrixAccess(*mmaA(32, 8), *rowMajor(16, 8, 4, 48), 4));
  EXPECT_FALSE(matrixAccess(*mmaB(32, 8), *rowMajor(8, 8, 4, 48), 4));
  EXPECT_EQ(matrixAccess(*mmaA(16, 16), *rowMajor(8, 16, 2, 32), 2).message(),
            "the fragment's 'row' has extent 16, the tile's 8");
}

TEST(Vectors, Copies) {
  // 64 halves: eight lanes a row; 80: two lanes a row, five times.
  OrError<Layout> whole = copyLayout(64, 64, 8, 32, 4);
  ASSERT_TRUE(whole) << whole.message();
  EXPECT_EQ(whole->str(),
            "[register 32: 8 x column 1, 4 x row 16; lane 32: 8 x column 8, 4 "
            "x row 1; warp 4: 4 x row 4] -> [row 64, column 64]");
  OrError<Layout> narrow = copyLayout(64, 80, 8, 32, 4);
  ASSERT_TRUE(narrow) << narrow.message();
  EXPECT_EQ(narrow->str(),
            "[register 40: 8 x column 1, 5 x column 16; lane 32: 2 x column 8, "
            "16 x row 1; warp 4: 4 x row 16] -> [row 64, column 80]");
  for (const OrError<Layout> &copy : {whole, narrow}) {
    int64_t columns = copy->outputExtent("column");
    EXPECT_TRUE(copy->isInjective() && copy->isSurjective());
    OrError<GlobalCost> cost =
        globalAccess(*copy, *rowMajor(64, columns, 2, columns * 2), 2);
    ASSERT_TRUE(cost) << cost.message();
    EXPECT_EQ(cost->instructions, columns * 16 / 32 / 8);
    EXPECT_EQ(cost->sectors, 16 * columns * 2 / 32);
    EXPECT_EQ(cost->sectors, cost->leastSectors);
    OrError<SharedTile> tile = chooseTile(64, columns, 2, {*copy}, true);
    EXPECT_EQ(tile->conflicts, 0);
  }
  // Rows of 144 bytes: every second one starts in the middle of a sector and
  // touches one more.
  EXPECT_EQ(globalAccess(*whole, *rowMajor(64, 64, 2, 144), 2)->sectors,
            16 * 4 + 8);
  EXPECT_EQ(copyLayout(48, 64, 8, 32, 8).message(),
            "48 rows are no multiple of the 32 that 8 warps copy at a time");
  EXPECT_FALSE(copyLayout(64, 36, 8, 32, 4));
}

TEST(Vectors, WidestAccess) {
  // Pairs of floats of the accumulator.
  OrError<VectorAccess> pair = widestAccess(mmaC(), *rowMajor(16, 8, 4, 32), 4);
  ASSERT_TRUE(pair) << pair.message();
  EXPECT_EQ(pair->bytes, 8);
  EXPECT_EQ(pair->registers,
            (std::vector<std::vector<int64_t>>{{0, 1}, {2, 3}}));
  // The same into rows that are not aligned to 8 bytes, and a base that is not.
  EXPECT_EQ(widestAccess(mmaC(), *rowMajor(16, 8, 4, 36), 4)->bytes, 4);
  EXPECT_EQ(widestAccess(mmaC(), *rowMajor(16, 8, 4, 32), 4, 16, 4)->bytes, 4);
  // Eight halves a thread, as a tile is copied: registers may be in any order.
  Layout copy = *Layout::parse(
      "[register 8: 4 x column 2, 2 x column 1; lane 32: 8 x column 8, 4 x row "
      "1] -> [row 4, column 64]");
  OrError<VectorAccess> chunk =
      widestAccess(copy, *tmaBox(4, 64, 2, Swizzle::B128), 2);
  ASSERT_TRUE(chunk) << chunk.message();
  EXPECT_EQ(chunk->bytes, 16);
  EXPECT_EQ(chunk->registers,
            (std::vector<std::vector<int64_t>>{{0, 4, 1, 5, 2, 6, 3, 7}}));
  EXPECT_EQ(
      sharedAccess(sharedMemory(), copy, *tmaBox(4, 64, 2, Swizzle::B128), 2)
          ->conflicts(),
      0);
  // Registers that hold an element twice are no vector.
  Layout twice = *Layout::parse(
      "[register 4: 2 x column 1, 2 x 0; lane 32: 4 x column 2, 8 x row 1] -> "
      "[row 8, column 8]");
  EXPECT_EQ(widestAccess(twice, *rowMajor(8, 8, 4, 32), 4)->bytes, 4);
  EXPECT_EQ(widestAccess(twice, *rowMajor(8, 8, 4, 32), 4)->registers.size(),
            4u);
  // Columns are not contiguous down the rows.
  EXPECT_EQ(widestAccess(*mmaB(16, 16), *rowMajor(16, 8, 2, 16), 2)->bytes, 2);
  EXPECT_FALSE(widestAccess(mmaC(), *rowMajor(8, 8, 4, 32), 4));
}
} // namespace
