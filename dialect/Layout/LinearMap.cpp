//===- LinearMap.cpp - Linear maps over GF(2) -----------------------------===//

#include "dialect/Layout/LinearMap.h"

#include <bit>

using namespace einfall::layout;

namespace {
/// The image of a map in echelon form: each pivot row holds a vector of the
/// image, the input that makes it, and its highest bit. Columns are inserted
/// from the lowest input bit, so dependent columns are the later ones.
struct Echelon {
  struct Row {
    uint64_t vector, input;
  };
  std::vector<Row> rows;
  std::vector<uint64_t> kernel;

  explicit Echelon(const LinearMap &map) {
    for (unsigned j = 0; j < map.inputBits(); ++j) {
      Row row{map.column(j), uint64_t(1) << j};
      reduce(row);
      if (!row.vector) {
        kernel.push_back(row.input);
        continue;
      }
      // Keep the form reduced: no other row has this row's leading bit.
      uint64_t lead = std::bit_floor(row.vector);
      for (Row &other : rows)
        if (other.vector & lead) {
          other.vector ^= row.vector;
          other.input ^= row.input;
        }
      rows.push_back(row);
    }
  }

  void reduce(Row &row) const {
    for (const Row &pivot : rows)
      if (row.vector & std::bit_floor(pivot.vector)) {
        row.vector ^= pivot.vector;
        row.input ^= pivot.input;
      }
  }
};
} // namespace

LinearMap LinearMap::identity(unsigned bits) {
  std::vector<uint64_t> columns;
  for (unsigned j = 0; j < bits; ++j)
    columns.push_back(uint64_t(1) << j);
  return LinearMap(bits, std::move(columns));
}

uint64_t LinearMap::apply(uint64_t x) const {
  uint64_t y = 0;
  for (unsigned j = 0; j < columns.size(); ++j)
    if (x >> j & 1)
      y ^= columns[j];
  return y;
}

LinearMap LinearMap::compose(const LinearMap &inner) const {
  std::vector<uint64_t> result;
  for (uint64_t column : inner.columns)
    result.push_back(apply(column));
  return LinearMap(outputs, std::move(result));
}

unsigned LinearMap::rank() const { return Echelon(*this).rows.size(); }

std::vector<uint64_t> LinearMap::kernel() const {
  return Echelon(*this).kernel;
}

std::optional<uint64_t> LinearMap::solve(uint64_t y) const {
  Echelon::Row row{y, 0};
  Echelon(*this).reduce(row);
  if (row.vector)
    return std::nullopt;
  return row.input;
}

LinearMap LinearMap::pseudoInverse() const {
  // On the pivots' leading bits the reduced rows are a basis of the image in
  // which y is read off; every other output bit maps to zero.
  Echelon echelon(*this);
  std::vector<uint64_t> result(outputs, 0);
  for (const Echelon::Row &row : echelon.rows)
    result[std::bit_width(row.vector) - 1] = row.input;
  return LinearMap(inputBits(), std::move(result));
}
