//===- NvidiaLayouts.cpp - Fragments of NVIDIA's matrix instructions ------===//

#include "dialect/Layout/NvidiaLayouts.h"

#include <bit>

using namespace einfall::layout;
using namespace einfall::layout::nvidia;

//===----------------------------------------------------------------------===//
// mma.sync
//===----------------------------------------------------------------------===//

/// Elements of a 32-bit register, if a matrix instruction has such elements.
static OrError<int64_t> elementsPerRegister(int64_t elementBits) {
  if (elementBits != 8 && elementBits != 16 && elementBits != 32)
    return Failure{"matrix instructions have no operands of " +
                   std::to_string(elementBits) + " bits"};
  return 32 / elementBits;
}

static Failure badK(int64_t elementBits, int64_t k, int64_t pack) {
  return {"mma.m16n8k" + std::to_string(k) + " has no operands of " +
          std::to_string(elementBits) + " bits; k is " +
          std::to_string(4 * pack) + " or " + std::to_string(8 * pack)};
}

OrError<Layout> nvidia::mmaA(int64_t elementBits, int64_t k) {
  OrError<int64_t> pack = elementsPerRegister(elementBits);
  if (!pack)
    return pack.failure();
  if (k != 4 * *pack && k != 8 * *pack)
    return badK(elementBits, k, *pack);
  // A register packs neighbours of a row; then come row + 8, then the second
  // half of k. A quad of lanes (threadID_in_group) goes along the row, groupID
  // down the rows.
  LayoutBuilder builder({{"row", 16}, {"column", k}});
  builder.input("register").repeat(*pack, {{"column", 1}});
  builder.repeat(2, {{"row", 8}});
  if (k == 8 * *pack)
    builder.repeat(2, {{"column", 4 * *pack}});
  builder.input("lane").repeat(4, {{"column", *pack}}).repeat(8, {{"row", 1}});
  return builder.build();
}

OrError<Layout> nvidia::mmaB(int64_t elementBits, int64_t k) {
  OrError<int64_t> pack = elementsPerRegister(elementBits);
  if (!pack)
    return pack.failure();
  if (k != 4 * *pack && k != 8 * *pack)
    return badK(elementBits, k, *pack);
  LayoutBuilder builder({{"row", k}, {"column", 8}});
  builder.input("register").repeat(*pack, {{"row", 1}});
  if (k == 8 * *pack)
    builder.repeat(2, {{"row", 4 * *pack}});
  builder.input("lane").repeat(4, {{"row", *pack}}).repeat(8, {{"column", 1}});
  return builder.build();
}

/// The accumulator of one warp, `n` columns wide: pairs of a row, row + 8, then
/// the next eight columns.
static LayoutBuilder accumulator(int64_t rows, int64_t n) {
  LayoutBuilder builder({{"row", rows}, {"column", n}});
  builder.input("register")
      .repeat(2, {{"column", 1}})
      .repeat(2, {{"row", 8}})
      .repeat(n / 8, {{"column", 8}});
  builder.input("lane").repeat(4, {{"column", 2}}).repeat(8, {{"row", 1}});
  return builder;
}

Layout nvidia::mmaC() { return *accumulator(16, 8).build(); }

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix
//===----------------------------------------------------------------------===//

static std::optional<Failure> badCount(int64_t count) {
  if (count == 1 || count == 2 || count == 4)
    return std::nullopt;
  return Failure{"ldmatrix and stmatrix move 1, 2 or 4 matrices, not " +
                 std::to_string(count)};
}

OrError<Layout> nvidia::matrixFragment(int64_t count, bool transposed) {
  if (auto failure = badCount(count))
    return *failure;
  const char *along = transposed ? "row" : "column";
  const char *across = transposed ? "column" : "row";
  LayoutBuilder builder({{"matrix", count}, {"row", 8}, {"column", 8}});
  builder.input("register")
      .repeat(2, {{along, 1}})
      .repeat(count, {{"matrix", 1}});
  builder.input("lane").repeat(4, {{along, 2}}).repeat(8, {{across, 1}});
  return builder.build();
}

OrError<Layout> nvidia::matrixAddress(int64_t count) {
  if (auto failure = badCount(count))
    return *failure;
  LayoutBuilder builder({{"matrix", count}, {"row", 8}});
  builder.input("lane")
      .repeat(8, {{"row", 1}})
      .repeat(count, {{"matrix", 1}})
      .repeat(4 / count, {});
  return builder.build();
}

//===----------------------------------------------------------------------===//
// wgmma
//===----------------------------------------------------------------------===//

OrError<Layout> nvidia::wgmmaD(int64_t n) {
  if (n < 8 || n > 256 || n % 8 != 0)
    return Failure{"wgmma has no n of " + std::to_string(n) +
                   "; it is a multiple of 8 up to 256"};
  return accumulator(64, n)
      .input("warp")
      .repeat(warpgroupWarps, {{"row", 16}})
      .build();
}

OrError<Layout> nvidia::wgmmaA(int64_t elementBits) {
  OrError<int64_t> pack = elementsPerRegister(elementBits);
  if (!pack)
    return pack.failure();
  OrError<Layout> warp = mmaA(elementBits, 8 * *pack);
  if (!warp)
    return warp;
  return repeated(*warp, "warp", warpgroupWarps, {{"row", 16}});
}
