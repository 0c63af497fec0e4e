//===- LayoutAlgebra.cpp - Composition, inverse, product, division --------===//

#include "dialect/Layout/Detail.h"
#include "dialect/Layout/Layout.h"

#include <algorithm>
#include <bit>

using namespace einfall::layout;
using namespace einfall::layout::detail;

//===----------------------------------------------------------------------===//
// Layouts of matrices
//===----------------------------------------------------------------------===//

static unsigned bitsOf(int64_t extent) {
  return std::bit_width(uint64_t(extent - 1));
}

/// The layout of a matrix over GF(2) between boxes of bits.
static OrError<Layout> layoutOf(const LinearMap &map,
                                const std::vector<Dim> &inputs,
                                const std::vector<Dim> &outputs) {
  std::vector<Input> ins;
  unsigned bit = 0;
  for (const Dim &dim : inputs) {
    Input in{dim, {}};
    for (unsigned i = 0; i < bitsOf(dim.extent); ++i) {
      uint64_t word = map.column(bit++);
      Point step;
      for (const Dim &out : outputs) {
        unsigned bits = bitsOf(out.extent);
        step.push_back(bits ? word & (~uint64_t(0) >> (64 - bits)) : 0);
        word = bits < 64 ? word >> bits : 0;
      }
      in.digits.push_back({2, true, std::move(step)});
    }
    ins.push_back(std::move(in));
  }
  OrError<Layout> layout = Layout::create(std::move(ins), outputs);
  if (!layout)
    return layout.failure();
  return layout->simplified();
}

/// The matrix with its input bits in the order of `inputs`, where each
/// dimension has `bits` bits; missing dimensions and bits map to zero.
static LinearMap inOrder(const Layout &layout, const LinearMap &map,
                         const std::vector<Dim> &inputs) {
  std::vector<uint64_t> columns;
  for (const Dim &dim : inputs) {
    unsigned first = 0;
    int index = layout.inputIndex(dim.name);
    for (int i = 0; i < index; ++i)
      first += bitsOf(layout.inputs()[i].dim.extent);
    unsigned has = index < 0 ? 0 : bitsOf(layout.inputs()[index].dim.extent);
    for (unsigned bit = 0; bit < bitsOf(dim.extent); ++bit)
      columns.push_back(bit < has ? map.column(first + bit) : 0);
  }
  return LinearMap(map.outputBits(), std::move(columns));
}

//===----------------------------------------------------------------------===//
// Composition and inverse
//===----------------------------------------------------------------------===//

OrError<Layout> einfall::layout::compose(const Layout &outer,
                                         const Layout &inner) {
  for (const Dim &dim : inner.outputs())
    if (dim.extent > outer.inputExtent(dim.name))
      return Failure{"dimension '" + dim.name + "' has extent " +
                     std::to_string(dim.extent) + ", but the outer layout " +
                     "takes " + std::to_string(outer.inputExtent(dim.name))};
  std::optional<LinearMap> f = outer.linear(), g = inner.linear();
  if (f && g)
    return layoutOf(inOrder(outer, *f, inner.outputs()).compose(*g),
                    inner.inputDims(), outer.outputs());
  std::vector<int> place; // inner output -> outer input
  for (const Dim &dim : inner.outputs())
    place.push_back(outer.inputIndex(dim.name));
  return fit(inner.inputDims(), outer.outputs(), [&](const Point &x) {
    Point y = inner.apply(x), arranged(outer.inputs().size(), 0);
    for (size_t d = 0; d < y.size(); ++d)
      if (place[d] >= 0)
        arranged[place[d]] = y[d];
    return outer.apply(arranged);
  });
}

OrError<Layout> einfall::layout::pseudoInverse(const Layout &layout) {
  std::vector<Dim> inputs = layout.inputDims();
  if (std::optional<LinearMap> map = layout.linear()) {
    bool powersOfTwo = true;
    for (const Dim &dim : layout.outputs())
      powersOfTwo &= std::has_single_bit(uint64_t(dim.extent));
    if (powersOfTwo)
      return layoutOf(map->pseudoInverse(), layout.outputs(), inputs);
  }
  if (layout.outputSize() > maxPoints)
    return Failure{"a box of " + std::to_string(layout.outputSize()) +
                   " outputs is too large to invert"};
  // The first preimage of every output, the last input slowest.
  std::vector<int64_t> preimage(layout.outputSize(), -1);
  int64_t hit = 0;
  layout.forEach([&](const Point &x, const Point &y) {
    int64_t &entry = preimage[flatIndex(layout.outputs(), y)];
    if (entry < 0) {
      entry = flatIndex(inputs, x);
      ++hit;
    }
  });
  if (hit != layout.outputSize())
    return Failure{"the layout reaches " + std::to_string(hit) + " of " +
                   std::to_string(layout.outputSize()) +
                   " outputs; a layout that is not linear has an inverse only "
                   "where it is surjective"};
  return fit(layout.outputs(), inputs, [&](const Point &y) {
    int64_t index = preimage[flatIndex(layout.outputs(), y)];
    Point x;
    for (const Dim &dim : inputs) {
      x.push_back(index % dim.extent);
      index /= dim.extent;
    }
    return x;
  });
}

OrError<Layout> einfall::layout::inverse(const Layout &layout) {
  if (!layout.isInjective())
    return Failure{"the layout has no inverse: it holds elements twice"};
  if (!layout.isSurjective())
    return Failure{"the layout has no inverse: it misses outputs"};
  return pseudoInverse(layout);
}

//===----------------------------------------------------------------------===//
// Product and division
//===----------------------------------------------------------------------===//

OrError<Layout> einfall::layout::product(const Layout &inner,
                                         const Layout &outer) {
  std::vector<Dim> outputs;
  for (const Dim &dim : inner.outputs())
    outputs.push_back(
        {dim.name, cappedProduct(dim.extent, outer.outputExtent(dim.name))});
  for (const Dim &dim : outer.outputs())
    if (inner.outputIndex(dim.name) < 0)
      outputs.push_back(dim);

  // A step of one factor as a step of the product.
  auto widen = [&](const Layout &from, const Point &step, bool isOuter) {
    Point result;
    for (const Dim &dim : outputs) {
      int index = from.outputIndex(dim.name);
      int64_t scale = isOuter ? inner.outputExtent(dim.name) : 1;
      result.push_back(index < 0 || step[index] == 0
                           ? 0
                           : cappedProduct(step[index], scale));
    }
    return result;
  };
  // XOR commutes with scaling by powers of two only.
  Layout high = outer.simplified();
  for (const Input &in : high.inputs())
    for (const Digit &digit : in.digits)
      for (size_t d = 0; digit.isBit && d < high.outputs().size(); ++d) {
        const Dim &dim = high.outputs()[d];
        int64_t scale = inner.outputExtent(dim.name);
        if (digit.step[d] && !std::has_single_bit(uint64_t(scale)))
          return Failure{"bits of dimension '" + dim.name +
                         "' cannot repeat an atom of extent " +
                         std::to_string(scale)};
      }

  std::vector<Input> ins;
  for (const Input &in : inner.inputs()) {
    Input result{in.dim, {}};
    for (const Digit &digit : in.digits)
      result.digits.push_back(
          {digit.radix, digit.isBit, widen(inner, digit.step, false)});
    ins.push_back(std::move(result));
  }
  for (const Input &in : high.inputs()) {
    auto found = std::find_if(ins.begin(), ins.end(), [&](const Input &have) {
      return have.dim.name == in.dim.name;
    });
    if (found == ins.end()) {
      ins.push_back({{in.dim.name, 1}, {}});
      found = ins.end() - 1;
    }
    if (in.dim.extent == 1)
      continue;
    // Nothing can stand above a digit that the extent cuts short unevenly.
    int64_t below = 1;
    for (size_t i = 0; i + 1 < found->digits.size(); ++i)
      below *= found->digits[i].radix;
    if (found->dim.extent % below != 0)
      return Failure{"extent " + std::to_string(found->dim.extent) +
                     " of dimension '" + in.dim.name + "' is no multiple of " +
                     std::to_string(below) + ", so nothing can stand above it"};
    if (!found->digits.empty())
      found->digits.back().radix = found->dim.extent / below;
    found->dim.extent *= in.dim.extent;
    for (const Digit &digit : in.digits)
      found->digits.push_back(
          {digit.radix, digit.isBit, widen(high, digit.step, true)});
  }
  return Layout::create(std::move(ins), std::move(outputs));
}

OrError<Layout> einfall::layout::divide(const Layout &layout,
                                        const Layout &atom) {
  std::vector<Dim> inputs, outputs;
  for (const Dim &dim : atom.inputDims())
    if (layout.inputIndex(dim.name) < 0 && dim.extent > 1)
      return Failure{"the layout has no input dimension '" + dim.name + "'"};
  for (const Dim &dim : layout.inputDims()) {
    int64_t part = atom.inputExtent(dim.name);
    if (dim.extent % part != 0)
      return Failure{"extent " + std::to_string(dim.extent) +
                     " of dimension '" + dim.name +
                     "' is no multiple of the atom's " + std::to_string(part)};
    inputs.push_back({dim.name, dim.extent / part});
  }
  for (const Dim &dim : layout.outputs()) {
    int64_t part = atom.outputExtent(dim.name);
    outputs.push_back({dim.name, (dim.extent + part - 1) / part});
  }
  bool divisible = true;
  OrError<Layout> quotient = fit(inputs, outputs, [&](const Point &x) {
    Point y = x;
    for (size_t i = 0; i < y.size(); ++i)
      y[i] *= atom.inputExtent(inputs[i].name);
    Point image = layout.apply(y);
    for (size_t d = 0; d < image.size(); ++d) {
      int64_t part = atom.outputExtent(outputs[d].name);
      divisible &= image[d] % part == 0;
      image[d] /= part;
    }
    return image;
  });
  if (!divisible)
    return Failure{"the layout's copies of the atom overlap"};
  if (!quotient)
    return quotient.failure();
  OrError<Layout> whole = product(atom, *quotient);
  if (!whole)
    return whole.failure();
  // The layout's own output extents may be cut shorter than the product's.
  bool same = forEachPoint(layout.inputDims(), [&](const Point &x) {
    Steps named;
    for (size_t i = 0; i < x.size(); ++i)
      named.push_back({layout.inputs()[i].dim.name, x[i]});
    Point y = layout.apply(x), z = whole->apply(named);
    for (size_t d = 0; d < y.size(); ++d)
      if (y[d] != z[whole->outputIndex(layout.outputs()[d].name)])
        return false;
    return true;
  });
  if (!same)
    return Failure{"the layout is no repetition of the atom"};
  return quotient;
}
