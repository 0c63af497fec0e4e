//===- LayoutFit.cpp - The layout that equals a function ------------------===//
//
// Digits are read off the axes: along one input, a digit goes on as long as
// every further block repeats the blocks before it, moved by the step. Where
// not even the second block does, the digit is a bit. Then digits of different
// places are tried in pairs; those whose images do not add are split into bits.
// What is proposed so is compared with the function at every point.
//
//===----------------------------------------------------------------------===//

#include "dialect/Layout/Detail.h"
#include "dialect/Layout/Layout.h"

#include <algorithm>

using namespace einfall::layout;
using namespace einfall::layout::detail;

namespace {
using Function = std::function<Point(const Point &)>;

/// A digit together with its place: input dimension and weight in it.
struct Unit {
  size_t input;
  int64_t weight;
  int64_t radix;
  bool isBit;
  bool mayBeCut; ///< the last digit of its input
};

class Fitter {
public:
  Fitter(const std::vector<Dim> &inputs, const std::vector<Dim> &outputs,
         const Function &f)
      : inputs(inputs), outputs(outputs), f(f) {}

  OrError<Layout> run();

private:
  Point axisImage(size_t input, int64_t coordinate) const {
    Point x(inputs.size(), 0);
    x[input] = coordinate;
    return f(x);
  }
  void readAxis(size_t input);
  bool adds(const Unit &a, const Unit &b) const;
  void splitIntoBits(size_t unit);
  bool makeBits();
  OrError<Layout> assemble() const;
  std::string describe(const Point &x) const;

  const std::vector<Dim> &inputs, &outputs;
  const Function &f;
  std::vector<Unit> units;
};
} // namespace

void Fitter::readAxis(size_t input) {
  int64_t extent = inputs[input].extent;
  std::vector<Point> images;
  for (int64_t k = 0; k < extent; ++k)
    images.push_back(axisImage(input, k));
  auto repeats = [&](int64_t weight, int64_t block) {
    const Point &step = images[weight];
    for (int64_t y = 0; y < weight && block * weight + y < extent; ++y)
      for (size_t d = 0; d < outputs.size(); ++d)
        if (images[block * weight + y][d] != block * step[d] + images[y][d])
          return false;
    return true;
  };
  for (int64_t weight = 1; weight < extent;) {
    int64_t radix = 1;
    while (radix * weight < extent && repeats(weight, radix))
      ++radix;
    bool isBit = radix == 1;
    if (isBit)
      radix = 2;
    units.push_back({input, weight, radix, isBit, weight * radix >= extent});
    weight *= radix;
  }
}

/// Whether the images of every pair of values of two digits add up.
bool Fitter::adds(const Unit &a, const Unit &b) const {
  for (int64_t i = 1; i < a.radix; ++i)
    for (int64_t j = 1; j < b.radix; ++j) {
      Point x(inputs.size(), 0), y(inputs.size(), 0), both(inputs.size(), 0);
      x[a.input] = i * a.weight;
      y[b.input] = j * b.weight;
      both[a.input] += x[a.input];
      both[b.input] += y[b.input];
      if (both[a.input] >= inputs[a.input].extent ||
          both[b.input] >= inputs[b.input].extent)
        continue;
      Point fx = f(x), fy = f(y), fboth = f(both);
      for (size_t d = 0; d < outputs.size(); ++d)
        if (fboth[d] != fx[d] + fy[d])
          return false;
    }
  return true;
}

/// Splits a digit into digits of radix 2; an odd rest stays one digit unless
/// the extent cuts it short anyway.
void Fitter::splitIntoBits(size_t index) {
  Unit unit = units[index];
  units.erase(units.begin() + index);
  while (unit.radix > 1) {
    bool last = unit.mayBeCut && unit.radix <= 2;
    if (unit.radix % 2 == 0 || unit.mayBeCut) {
      units.insert(units.begin() + index++,
                   {unit.input, unit.weight, 2, unit.isBit, last});
      unit.radix = (unit.radix + 1) / 2;
      unit.weight *= 2;
      continue;
    }
    units.insert(units.begin() + index, unit);
    break;
  }
}

/// Makes bits of the digits that do not add. False if one of them cannot be a
/// bit.
bool Fitter::makeBits() {
  std::vector<bool> split(units.size(), false);
  for (size_t i = 0; i < units.size(); ++i)
    for (size_t j = i + 1; j < units.size(); ++j)
      if (!adds(units[i], units[j]))
        split[i] = split[j] = true;
  for (size_t i = units.size(); i-- > 0;)
    if (split[i] && units[i].radix > 2)
      splitIntoBits(i);
  std::vector<bool> isBit(units.size(), false);
  for (size_t i = 0; i < units.size(); ++i)
    for (size_t j = i + 1; j < units.size(); ++j)
      if (!adds(units[i], units[j]))
        isBit[i] = isBit[j] = true;
  for (size_t i = 0; i < units.size(); ++i) {
    units[i].isBit |= isBit[i];
    if (units[i].isBit && units[i].radix != 2)
      return false;
  }
  return true;
}

OrError<Layout> Fitter::assemble() const {
  std::vector<Input> result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Input in{inputs[i], {}};
    for (const Unit &unit : units)
      if (unit.input == i)
        in.digits.push_back(
            {unit.radix, unit.isBit, axisImage(i, unit.weight)});
    result.push_back(std::move(in));
  }
  return Layout::create(std::move(result), outputs);
}

std::string Fitter::describe(const Point &x) const {
  std::string text;
  for (size_t i = 0; i < inputs.size(); ++i)
    text += (i ? ", " : "") + inputs[i].name + " " + std::to_string(x[i]);
  return text;
}

OrError<Layout> Fitter::run() {
  if (boxSize(inputs) > maxPoints)
    return Failure{"a domain of " + std::to_string(boxSize(inputs)) +
                   " points is too large to check; at most " +
                   std::to_string(maxPoints) + " are"};
  if (f(Point(inputs.size(), 0)) != Point(outputs.size(), 0))
    return Failure{"a layout maps zero to zero"};
  for (size_t i = 0; i < inputs.size(); ++i)
    readAxis(i);
  if (!makeBits())
    return Failure{"the function is no layout: digits that are no bits meet"};
  OrError<Layout> layout = assemble();
  if (!layout)
    return layout.failure();
  std::string wrong;
  forEachPoint(inputs, [&](const Point &x) {
    if (layout->apply(x) == f(x))
      return true;
    wrong = describe(x);
    return false;
  });
  if (!wrong.empty())
    return Failure{"the function is no layout: it leaves the form at " + wrong};
  return layout->simplified();
}

OrError<Layout> einfall::layout::fit(const std::vector<Dim> &inputs,
                                     const std::vector<Dim> &outputs,
                                     const Function &f) {
  return Fitter(inputs, outputs, f).run();
}
