//===- Random.cpp - Inputs that show faults -------------------------------===//

#include "dialect/Interpreter/Random.h"

#include "dialect/Cascade/Cascade.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace mlir;
using namespace einfall;
using namespace einfall::interpreter;
using namespace einfall::cascade;

/// Of one tensor: 64 GiB.
static constexpr double maxBytes = 0x1p36;

OwnedTensor OwnedTensor::make(Element element, ArrayRef<int64_t> shape,
                              Layout layout, uint64_t seed) {
  OwnedTensor tensor;
  tensor.view.element = element;
  tensor.view.shape.assign(shape.begin(), shape.end());
  unsigned bits = elementBits(element);
  if (bits < 8) // packed dimensions have no gaps
    layout = Layout::Dense;
  size_t dims = shape.size();
  std::mt19937_64 random(seed);

  // Dimensions from the innermost outwards.
  std::vector<size_t> order(dims);
  std::iota(order.rbegin(), order.rend(), 0);
  if (layout == Layout::Permuted)
    std::shuffle(order.begin(), order.end(), random);
  tensor.view.strides.resize(dims);
  int64_t next = layout == Layout::Permuted ? 2 : 1;
  int64_t origin = 0;
  for (size_t dim : order) {
    tensor.view.strides[dim] = next;
    int64_t extent = std::max<int64_t>(shape[dim], 1);
    if (layout == Layout::Permuted && random() % 3 == 0) {
      origin += next * (extent - 1);
      tensor.view.strides[dim] = -next;
    }
    next *= extent;
    if (layout != Layout::Dense)
      next += 1 + static_cast<int64_t>(random() % 3);
  }
  // Poison before and after as well.
  constexpr int64_t margin = 8;
  int64_t size = next + 2 * margin;
  tensor.memory.resize((size * bits + 7) / 8 + 8);
  double poison = isReal(element) ? std::numeric_limits<double>::quiet_NaN()
                                  : std::ldexp(1.0, 62);
  for (int64_t i = 0; i < size; ++i)
    storeElement(element, tensor.memory.data(), i, poison);
  tensor.view.data = tensor.memory.data() + (origin + margin) * bits / 8;
  return tensor;
}

/// Visits all coordinates, the last dimension fastest.
template <typename Visit>
static void forCoordinates(ArrayRef<int64_t> shape, Visit visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> at(shape.size());
  while (true) {
    visit(at);
    size_t dim = shape.size();
    while (dim > 0 && ++at[dim - 1] == shape[dim - 1])
      at[--dim] = 0;
    if (dim == 0)
      return;
  }
}

/// A number of 7 bits between -1 and 1 that changes with every coordinate.
static double code(ArrayRef<int64_t> at) {
  static constexpr int64_t factors[] = {1, 37, 11, 53, 23, 71};
  int64_t sum = 0;
  for (auto [i, coordinate] : llvm::enumerate(llvm::reverse(at)))
    sum += coordinate * factors[i % 6];
  return static_cast<double>(sum % 127 - 63) / 64;
}

void einfall::interpreter::fill(const Tensor &tensor, Pattern pattern,
                                uint64_t seed, int64_t integers) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  bool real = isReal(tensor.element);
  double amplitude = 1;
  forCoordinates(tensor.shape, [&](ArrayRef<int64_t> at) {
    double value = 0;
    if (tensor.element == Element::Bool) {
      value = random() % 4 != 0;
    } else if (!real) {
      value = static_cast<double>(random() % static_cast<uint64_t>(integers));
      unsigned bits = elementBits(tensor.element);
      if (bits < 8) // quantised values use all that they can hold
        value = static_cast<double>(random() % (uint64_t(1) << bits)) -
                (tensor.element == Element::I4 ? 8 : 0);
    } else {
      switch (pattern) {
      case Pattern::Normal:
        value = normal(random);
        break;
      case Pattern::Peaky:
        if (at.empty() || at.back() == 0)
          amplitude = std::ldexp(1.0, static_cast<int>(random() % 6) - 2);
        value = amplitude * normal(random);
        break;
      case Pattern::Coded:
        value = code(at);
        break;
      case Pattern::Constant:
        value = 0.5;
        break;
      case Pattern::Huge:
        value = 1000 * normal(random);
        break;
      }
    }
    storeElement(tensor.element, tensor.data, tensor.offset(at), value);
  });
}

FailureOr<RandomArguments> RandomArguments::make(KernelOp kernel,
                                                 const Arguments &fixed,
                                                 RandomOptions options) {
  RandomArguments made;
  made.arguments.params = fixed.params;
  made.arguments.extents = fixed.extents;
  for (auto rank : kernel.getBody().getOps<RankOp>())
    if (rank.getSize() && !rank.getExtent())
      made.arguments.extents.try_emplace(rank.getName(), *rank.getSize());
  auto extents = bindExtents(kernel, made.arguments);
  if (failed(extents))
    return failure();
  std::mt19937_64 seeds(options.seed);
  for (auto input : kernel.getBody().getOps<InputOp>()) {
    std::optional<Element> element =
        elementOf(input.getResult().getType().getElement());
    if (!element)
      return input.emitError() << "no random values of type "
                               << input.getResult().getType().getElement();
    SmallVector<int64_t> shape;
    for (StringRef rank : names(input.getDims()))
      shape.push_back(extents->lookup(rank));
    double size = elementBits(*element) / 8.0;
    for (int64_t extent : shape)
      size *= static_cast<double>(extent);
    if (size > maxBytes)
      return input.emitError()
             << "input `" << input.getName() << "` takes " << size
             << " bytes, random inputs take at most " << maxBytes;
    OwnedTensor tensor =
        OwnedTensor::make(*element, shape, options.layout, seeds());
    fill(tensor.view, options.pattern, seeds(), options.integers);
    made.arguments.inputs[input.getName()] = tensor.view;
    made.memory.push_back(std::move(tensor));
  }
  return made;
}
