//===- Layout.cpp - Construction and evaluation of layouts ----------------===//

#include "dialect/Layout/Layout.h"
#include "dialect/Layout/Detail.h"

#include <algorithm>
#include <bit>
#include <set>

using namespace einfall::layout;
using namespace einfall::layout::detail;

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// Whether the extent of some input cuts its last digit short.
static bool isCut(const std::vector<Input> &ins) {
  for (const Input &in : ins) {
    int64_t covered = 1;
    for (const Digit &digit : in.digits)
      covered = cappedProduct(covered, digit.radix);
    if (covered != in.dim.extent)
      return true;
  }
  return false;
}

/// The largest value of each output over all values of the digits: exact where
/// no digit is cut short, else an upper bound.
static Point largestValues(const std::vector<Input> &ins, size_t numOutputs) {
  Point largest(numOutputs, 0);
  for (size_t d = 0; d < numOutputs; ++d) {
    int64_t sum = 0, atom = 0;
    // Bits are eliminated from the highest down, so that taking each vector
    // that raises the value gives the largest of the span.
    std::vector<int64_t> basis;
    for (const Input &in : ins)
      for (const Digit &digit : in.digits) {
        if (!digit.isBit) {
          sum += (digit.radix - 1) * digit.step[d];
          continue;
        }
        int64_t vector = digit.step[d];
        for (int64_t other : basis)
          vector = std::min(vector, vector ^ other);
        if (vector)
          basis.push_back(vector);
        std::sort(basis.rbegin(), basis.rend());
      }
    for (int64_t vector : basis)
      atom = std::max(atom, atom ^ vector);
    largest[d] = sum + atom;
  }
  return largest;
}

static std::optional<std::string> checkNames(const std::vector<Dim> &dims,
                                             const char *what) {
  std::set<std::string> seen;
  for (const Dim &dim : dims)
    if (!seen.insert(dim.name).second)
      return std::string(what) + " dimension '" + dim.name + "' appears twice";
  return std::nullopt;
}

static std::optional<std::string> checkInput(const Input &in,
                                             size_t numOutputs) {
  std::string where = "input dimension '" + in.dim.name + "'";
  if (in.dim.extent < 1)
    return where + " has extent " + std::to_string(in.dim.extent);
  int64_t covered = 1;
  for (const Digit &digit : in.digits) {
    if (digit.radix < 2)
      return where + " has a digit of radix " + std::to_string(digit.radix);
    if (digit.isBit && digit.radix != 2)
      return where + " has a bit of radix " + std::to_string(digit.radix);
    if (digit.step.size() != numOutputs)
      return where + " has a step of " + std::to_string(digit.step.size()) +
             " amounts for " + std::to_string(numOutputs) + " outputs";
    for (int64_t amount : digit.step)
      if (amount < 0 || amount > maxStep)
        return where + " has a step of " + std::to_string(amount);
    if (covered >= in.dim.extent)
      return where + " of extent " + std::to_string(in.dim.extent) +
             " has more digits than it needs";
    covered = cappedProduct(covered, digit.radix);
  }
  if (covered < in.dim.extent)
    return where + " of extent " + std::to_string(in.dim.extent) +
           " has digits for " + std::to_string(covered);
  return std::nullopt;
}

OrError<Layout> Layout::create(std::vector<Input> inputs,
                               std::vector<Dim> outputs) {
  std::vector<Dim> inputDims;
  for (const Input &in : inputs)
    inputDims.push_back(in.dim);
  if (auto error = checkNames(inputDims, "input"))
    return Failure{*error};
  if (auto error = checkNames(outputs, "output"))
    return Failure{*error};
  for (const Input &in : inputs)
    if (auto error = checkInput(in, outputs.size()))
      return Failure{*error};
  if (boxSize(inputDims) > maxPoints)
    return Failure{"a layout has at most " + std::to_string(maxPoints) +
                   " points"};

  Layout layout(std::move(inputs), std::move(outputs));
  Point largest = largestValues(layout.ins, layout.outs.size());
  bool known = true;
  for (size_t d = 0; d < largest.size(); ++d)
    known &= layout.outs[d].extent > largest[d];
  if (!known && isCut(layout.ins)) {
    std::fill(largest.begin(), largest.end(), 0);
    layout.forEach([&](const Point &, const Point &y) {
      for (size_t d = 0; d < y.size(); ++d)
        largest[d] = std::max(largest[d], y[d]);
    });
  }
  for (size_t d = 0; d < largest.size(); ++d) {
    Dim &dim = layout.outs[d];
    if (dim.extent == 0)
      dim.extent = largest[d] + 1;
    else if (dim.extent <= largest[d])
      return Failure{"output dimension '" + dim.name + "' has extent " +
                     std::to_string(dim.extent) + ", but " +
                     std::to_string(largest[d]) + " is reached"};
  }
  if (boxSize(layout.outs) > maxBox)
    return Failure{"the box of outputs has more than 2^62 points"};
  return layout;
}

Layout Layout::identity(const std::string &input, const std::string &output,
                        int64_t extent) {
  Input in{{input, extent}, {}};
  if (extent > 1)
    in.digits.push_back({extent, false, {1}});
  return Layout({in}, {{output, extent}});
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

int Layout::inputIndex(std::string_view name) const {
  for (size_t i = 0; i < ins.size(); ++i)
    if (ins[i].dim.name == name)
      return i;
  return -1;
}

int Layout::outputIndex(std::string_view name) const {
  for (size_t i = 0; i < outs.size(); ++i)
    if (outs[i].name == name)
      return i;
  return -1;
}

int64_t Layout::inputExtent(std::string_view name) const {
  int index = inputIndex(name);
  return index < 0 ? 1 : ins[index].dim.extent;
}

int64_t Layout::outputExtent(std::string_view name) const {
  int index = outputIndex(name);
  return index < 0 ? 1 : outs[index].extent;
}

std::vector<Dim> Layout::inputDims() const {
  std::vector<Dim> dims;
  for (const Input &in : ins)
    dims.push_back(in.dim);
  return dims;
}

int64_t Layout::inputSize() const { return boxSize(inputDims()); }
int64_t Layout::outputSize() const { return boxSize(outs); }

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

Parts Layout::parts(const Point &x) const {
  Parts result{Point(outs.size(), 0), Point(outs.size(), 0)};
  for (size_t i = 0; i < ins.size(); ++i) {
    int64_t rest = x[i];
    for (const Digit &digit : ins[i].digits) {
      if (rest == 0)
        break;
      int64_t value = rest % digit.radix;
      rest /= digit.radix;
      if (value == 0)
        continue;
      for (size_t d = 0; d < outs.size(); ++d) {
        if (digit.isBit)
          result.atom[d] ^= digit.step[d];
        else
          result.sum[d] += value * digit.step[d];
      }
    }
  }
  return result;
}

Point Layout::apply(const Point &x) const {
  Parts both = parts(x);
  for (size_t d = 0; d < outs.size(); ++d)
    both.sum[d] += both.atom[d];
  return std::move(both.sum);
}

Point Layout::apply(const Steps &x) const {
  Point point(ins.size(), 0);
  for (const auto &[name, value] : x)
    if (int index = inputIndex(name); index >= 0)
      point[index] = value;
  return apply(point);
}

int64_t Layout::at(std::string_view output, const Steps &x) const {
  int index = outputIndex(output);
  return index < 0 ? 0 : apply(x)[index];
}

void Layout::forEach(
    const std::function<void(const Point &, const Point &)> &visit) const {
  forEachPoint(inputDims(), [&](const Point &x) {
    visit(x, apply(x));
    return true;
  });
}

//===----------------------------------------------------------------------===//
// Linearity and properties
//===----------------------------------------------------------------------===//

std::optional<LinearMap> Layout::linear() const {
  std::vector<unsigned> shift;
  unsigned outputBits = 0;
  for (const Dim &dim : outs) {
    shift.push_back(outputBits);
    outputBits += std::bit_width(uint64_t(dim.extent - 1));
  }
  if (outputBits > 64)
    return std::nullopt;
  auto word = [&](const Point &step, int64_t factor) {
    uint64_t result = 0;
    for (size_t d = 0; d < step.size(); ++d)
      result |= uint64_t(step[d] * factor) << shift[d];
    return result;
  };

  uint64_t atom = 0;
  for (const Input &in : ins) {
    if (!std::has_single_bit(uint64_t(in.dim.extent)))
      return std::nullopt;
    for (const Digit &digit : in.digits)
      if (digit.isBit)
        atom |= word(digit.step, 1);
  }
  // Added bits must not meet anything: then nothing carries.
  uint64_t used = atom;
  std::vector<uint64_t> columns;
  for (const Input &in : ins) {
    unsigned bits = std::countr_zero(uint64_t(in.dim.extent));
    for (const Digit &digit : in.digits) {
      if (digit.isBit) {
        columns.push_back(word(digit.step, 1));
        --bits;
        continue;
      }
      // The extent may cut the last digit short.
      uint64_t radix = std::min(uint64_t(digit.radix), uint64_t(1) << bits);
      if (!std::has_single_bit(radix))
        return std::nullopt;
      unsigned digitBits = std::countr_zero(radix);
      for (unsigned bit = 0; bit < digitBits; ++bit) {
        uint64_t column = word(digit.step, int64_t(1) << bit);
        if (column & used)
          return std::nullopt;
        used |= column;
        columns.push_back(column);
      }
      bits -= digitBits;
    }
  }
  return LinearMap(outputBits, std::move(columns));
}

/// How many of the box's points are hit, and whether one is hit twice.
static std::pair<int64_t, bool> countImage(const Layout &layout) {
  std::vector<int64_t> images;
  layout.forEach([&](const Point &, const Point &y) {
    images.push_back(flatIndex(layout.outputs(), y));
  });
  size_t all = images.size();
  std::sort(images.begin(), images.end());
  images.erase(std::unique(images.begin(), images.end()), images.end());
  return {int64_t(images.size()), images.size() != all};
}

bool Layout::isInjective() const {
  if (auto map = linear())
    return map->isInjective();
  return !countImage(*this).second;
}

bool Layout::isSurjective() const {
  if (inputSize() < outputSize())
    return false;
  if (auto map = linear())
    return uint64_t(1) << map->rank() == uint64_t(outputSize());
  return countImage(*this).first == outputSize();
}

/// The point of the domain whose bits, first input lowest, are `word`.
static Point pointOfWord(const std::vector<Dim> &dims, uint64_t word) {
  Point point;
  for (const Dim &dim : dims) {
    point.push_back(word & uint64_t(dim.extent - 1));
    word >>= std::bit_width(uint64_t(dim.extent - 1));
  }
  return point;
}

std::vector<Point> Layout::freeDirections() const {
  std::vector<Point> result;
  if (auto map = linear()) {
    for (uint64_t word : map->kernel())
      result.push_back(pointOfWord(inputDims(), word));
    return result;
  }
  unsigned outputBits = 0;
  for (const Dim &dim : outs)
    outputBits += std::bit_width(uint64_t(dim.extent - 1));
  if (outputBits > 64)
    return result;
  // The kernel of the atom, written in the weights of its bits.
  std::vector<std::pair<size_t, int64_t>> places; // input, weight of the bit
  std::vector<uint64_t> columns;
  for (size_t i = 0; i < ins.size(); ++i) {
    int64_t weight = 1;
    for (const Digit &digit : ins[i].digits) {
      uint64_t word = 0;
      unsigned shift = 0;
      bool zero = true;
      for (size_t d = 0; d < outs.size(); ++d) {
        word |= uint64_t(digit.step[d]) << shift;
        shift += std::bit_width(uint64_t(outs[d].extent - 1));
        zero &= digit.step[d] == 0;
      }
      if (digit.isBit) {
        places.push_back({i, weight});
        columns.push_back(word);
      } else if (zero) {
        Point free(ins.size(), 0);
        free[i] = weight;
        result.push_back(free);
      }
      weight *= digit.radix;
    }
  }
  for (uint64_t word : LinearMap(64, columns).kernel()) {
    Point free(ins.size(), 0);
    for (size_t j = 0; j < places.size(); ++j)
      if (word >> j & 1)
        free[places[j].first] += places[j].second;
    result.push_back(free);
  }
  return result;
}

Layout Layout::simplified() const {
  Layout result = *this;
  // Bits that share no output bit with another bit: XOR with them is addition.
  std::vector<Digit *> bits;
  for (Input &in : result.ins)
    for (Digit &digit : in.digits)
      if (digit.isBit)
        bits.push_back(&digit);
  std::vector<Digit *> alone;
  for (Digit *bit : bits) {
    bool shares = false;
    for (Digit *other : bits)
      for (size_t d = 0; other != bit && d < outs.size(); ++d)
        shares |= (bit->step[d] & other->step[d]) != 0;
    if (!shares)
      alone.push_back(bit);
  }
  for (Digit *bit : alone)
    bit->isBit = false;

  for (Input &in : result.ins) {
    std::vector<Digit> digits;
    int64_t covered = 1;
    for (Digit digit : in.digits) {
      // The last digit may be cut short.
      digit.radix =
          std::min(digit.radix, (in.dim.extent + covered - 1) / covered);
      covered *= digit.radix;
      if (!digits.empty() && !digit.isBit && !digits.back().isBit) {
        Digit &last = digits.back();
        bool continues = true;
        for (size_t d = 0; d < outs.size(); ++d)
          continues &= digit.step[d] == last.step[d] * last.radix;
        if (continues) {
          last.radix *= digit.radix;
          continue;
        }
      }
      digits.push_back(digit);
    }
    if (digits.size() == 1)
      digits.front().radix = in.dim.extent;
    in.digits = std::move(digits);
  }
  return result;
}

bool Layout::isEquivalentUpToNames(const Layout &other) const {
  if (ins.size() != other.ins.size() || outs.size() != other.outs.size())
    return false;
  for (size_t i = 0; i < ins.size(); ++i)
    if (ins[i].dim.extent != other.ins[i].dim.extent)
      return false;
  for (size_t d = 0; d < outs.size(); ++d)
    if (outs[d].extent != other.outs[d].extent)
      return false;
  return forEachPoint(
      inputDims(), [&](const Point &x) { return apply(x) == other.apply(x); });
}

bool Layout::isEquivalent(const Layout &other) const {
  if (ins.size() != other.ins.size() || outs.size() != other.outs.size())
    return false;
  // The other layout with its dimensions in this one's order.
  std::vector<Input> inputs;
  for (const Input &in : ins) {
    int index = other.inputIndex(in.dim.name);
    if (index < 0)
      return false;
    inputs.push_back(other.ins[index]);
  }
  std::vector<size_t> order;
  for (const Dim &dim : outs) {
    int index = other.outputIndex(dim.name);
    if (index < 0)
      return false;
    order.push_back(index);
  }
  std::vector<Dim> outputs;
  for (size_t index : order)
    outputs.push_back(other.outs[index]);
  for (Input &in : inputs)
    for (Digit &digit : in.digits) {
      Point step;
      for (size_t index : order)
        step.push_back(digit.step[index]);
      digit.step = step;
    }
  return isEquivalentUpToNames(Layout(std::move(inputs), std::move(outputs)));
}

//===----------------------------------------------------------------------===//
// LayoutBuilder
//===----------------------------------------------------------------------===//

Point LayoutBuilder::point(const Steps &steps) {
  Point result(outs.size(), 0);
  for (const auto &[name, amount] : steps) {
    auto found = std::find_if(outs.begin(), outs.end(),
                              [&](const Dim &dim) { return dim.name == name; });
    if (found == outs.end())
      error = "a step names '" + name + "', which is no output dimension";
    else
      result[found - outs.begin()] += amount;
  }
  return result;
}

LayoutBuilder &LayoutBuilder::input(const std::string &name, int64_t extent) {
  ins.push_back({{name, extent}, {}});
  return *this;
}

LayoutBuilder &LayoutBuilder::repeat(int64_t radix, const Steps &steps) {
  if (ins.empty())
    error = "a digit stands before every input dimension";
  else if (radix != 1)
    ins.back().digits.push_back({radix, false, point(steps)});
  return *this;
}

LayoutBuilder &LayoutBuilder::bit(const Steps &steps) {
  if (ins.empty())
    error = "a bit stands before every input dimension";
  else
    ins.back().digits.push_back({2, true, point(steps)});
  return *this;
}

OrError<Layout> LayoutBuilder::build() const {
  if (!error.empty())
    return Failure{error};
  std::vector<Input> inputs = ins;
  for (Input &in : inputs)
    if (in.dim.extent == 0) {
      in.dim.extent = 1;
      for (const Digit &digit : in.digits)
        in.dim.extent *= digit.radix;
    }
  return Layout::create(std::move(inputs), outs);
}
