//===- Schedules.h - Orders of attention and of matrix products -*- C++ -*-===//

#ifndef EINFALL_TEST_PASSES_BOUNDS_SCHEDULES_H
#define EINFALL_TEST_PASSES_BOUNDS_SCHEDULES_H

#include "test/passes/Bounds/PebbleGame.h"

#include <random>
#include <string>

namespace einfall::pebbles {

struct Shape {
  int rows, columns, e, f; ///< E and F words
  /// Pairs that count; empty: all.
  std::vector<bool> mask;
  bool sharedLatent = false; ///< the first F words of keys are the values
  unsigned outputSize = 1;   ///< of a partial output, in units
  bool has(int i, int j) const { return mask.empty() || mask[i * columns + j]; }
  int64_t pairs() const;
};

Shape dense(int rows, int columns, int e, int f);
Shape causal(int n, int e, int f);
Shape band(int n, int width, int e, int f);
Shape blockDiagonal(int n, int block, int e, int f);
Shape scattered(int rows, int columns, int e, int f, double density,
                std::mt19937 &random);

enum class Order {
  RowsResident,    ///< FlashAttention-2: a block of rows, columns stream
  ColumnsResident, ///< FlashAttention
  SplitColumns,    ///< split-K: partial outputs of parts, merged at the end
  ValueBlocks,     ///< a part of the value columns at a time, scores again
  SpilledScores,   ///< all scores of a tile first, then its values
  Random           ///< tiles of random shape in random order
};

/// Blocks of `block` rows or columns, `parts` parts of columns or of value
/// columns. With `statistics` a running sum is kept for every row.
Program attention(const Shape &shape, Order order, int block, int parts,
                  bool statistics, std::mt19937 &random);

/// The backward pass of `shape`, E = F = d: scores and their gradients are made
/// again for every pair. A block of rows or of columns is resident while the
/// others stream, or tiles of `block` pairs a side come in random order.
Program backward(const Shape &shape, Order order, int block,
                 std::mt19937 &random);

/// C = A B of i x k and k x j, tiles of ti x tj of C resident, k innermost; or
/// in random order.
Program matmul(int i, int j, int k, int ti, int tj, bool randomly,
               std::mt19937 &random);

} // namespace einfall::pebbles

#endif // EINFALL_TEST_PASSES_BOUNDS_SCHEDULES_H
