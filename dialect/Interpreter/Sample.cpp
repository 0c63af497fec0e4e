//===- Sample.cpp - Which values of an output to compare ------------------===//

#include "dialect/Interpreter/Sample.h"

#include "dialect/Cascade/Cascade.h"

#include <algorithm>
#include <random>
#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;

SmallVector<int64_t> Sample::coordinates(size_t index) const {
  SmallVector<int64_t> place = starts[index / length];
  if (!place.empty())
    place.back() += static_cast<int64_t>(index % length);
  return place;
}

/// Both ends, and what is next to the first and last multiples of tile sizes.
static std::vector<int64_t> borders(int64_t extent) {
  std::set<int64_t> found = {0, extent - 1};
  for (int64_t tile : {16, 48, 64}) {
    int64_t last = (extent - 1) / tile * tile;
    for (int64_t multiple :
         {tile, 2 * tile, extent / 2 / tile * tile, last - tile, last})
      for (int64_t near = multiple - 1; near <= multiple + 1; ++near)
        if (near >= 0 && near < extent)
          found.insert(near);
  }
  return {found.begin(), found.end()};
}

Sample einfall::interpreter::chooseSample(const Interpreter &interpreter,
                                          cascade::OutputOp output,
                                          SampleOptions options) {
  Sample sample;
  sample.shape = interpreter.getShape(output);
  size_t dims = sample.shape.size();
  double total = 1;
  for (int64_t extent : sample.shape)
    total *= static_cast<double>(extent);
  if (total == 0)
    return sample;

  auto allUpTo = [&](size_t sampledDims) {
    SmallVector<int64_t> start(dims);
    while (true) {
      sample.starts.push_back(start);
      size_t dim = sampledDims;
      while (dim > 0 && ++start[dim - 1] == sample.shape[dim - 1])
        start[--dim] = 0;
      if (dim == 0)
        return;
    }
  };
  if (dims == 0 || interpreter.countOperations(output) <= options.operations) {
    sample.length = dims ? sample.shape.back() : 1;
    allUpTo(dims ? dims - 1 : 0);
    return sample;
  }

  // Do the values of a row share their work?
  SmallVector<unsigned> fixed;
  for (unsigned dim = 0; dim + 1 < dims; ++dim)
    fixed.push_back(dim);
  double row = interpreter.countOperations(output, fixed);
  fixed.push_back(dims - 1);
  double point = interpreter.countOperations(output, fixed);
  double extent = static_cast<double>(sample.shape.back());
  bool wholeRows = row <= point * std::max(2.0, extent / 2);
  size_t sampledDims = wholeRows ? dims - 1 : dims;
  sample.length = wholeRows ? sample.shape.back() : 1;

  double count = wholeRows ? total / extent : total;
  if (count <= static_cast<double>(options.rows)) {
    allUpTo(sampledDims);
    return sample;
  }
  sample.complete = false;
  std::mt19937_64 random(options.seed);
  auto at = [&](int64_t extent) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(extent));
  };
  std::set<std::vector<int64_t>> rows;
  std::vector<int64_t> corner(dims, 0);
  rows.insert(corner);
  for (size_t dim = 0; dim < sampledDims; ++dim)
    corner[dim] = sample.shape[dim] - 1;
  rows.insert(corner);
  auto insert = [&](size_t fixedDim, int64_t coordinate) {
    std::vector<int64_t> start(dims, 0);
    for (size_t dim = 0; dim < sampledDims; ++dim)
      start[dim] = dim == fixedDim ? coordinate : at(sample.shape[dim]);
    rows.insert(start);
  };
  for (size_t dim = 0; dim < sampledDims; ++dim)
    for (int64_t coordinate : borders(sample.shape[dim]))
      insert(dim, coordinate);
  while (rows.size() < options.rows)
    insert(dims, 0);
  for (const std::vector<int64_t> &start : rows)
    sample.starts.emplace_back(start.begin(), start.end());
  return sample;
}

FailureOr<std::vector<double>>
einfall::interpreter::evaluate(Interpreter &interpreter,
                               cascade::OutputOp output, const Sample &sample) {
  std::vector<double> values(sample.size());
  for (size_t row = 0; row < sample.starts.size(); ++row)
    if (failed(interpreter.evaluate(
            output, sample.starts[row],
            MutableArrayRef(values).slice(row * sample.length, sample.length))))
      return failure();
  return values;
}
