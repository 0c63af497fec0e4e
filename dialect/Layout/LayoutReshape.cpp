//===- LayoutReshape.cpp - Repetition, pads, units, names -----------------===//

#include "dialect/Layout/Detail.h"
#include "dialect/Layout/Layout.h"

#include <algorithm>

using namespace einfall::layout;
using namespace einfall::layout::detail;

static Failure noInput(const std::string &name) {
  return {"there is no input dimension '" + name + "'"};
}
static Failure noOutput(const std::string &name) {
  return {"there is no output dimension '" + name + "'"};
}

OrError<Layout> einfall::layout::repeated(const Layout &layout,
                                          const std::string &input,
                                          int64_t count, const Steps &steps) {
  if (count < 1 || count > maxPoints)
    return Failure{"a repetition of " + std::to_string(count) + " copies"};
  std::vector<Dim> grown = layout.outputs();
  Point step(grown.size(), 0);
  for (const auto &[name, amount] : steps) {
    int index = layout.outputIndex(name);
    if (index < 0)
      return noOutput(name);
    if (amount < 0 || amount > maxStep)
      return Failure{"a step of " + std::to_string(amount)};
    step[index] = amount;
    grown[index].extent += amount * (count - 1);
  }
  std::vector<Input> ins = layout.inputs();
  auto found = std::find_if(ins.begin(), ins.end(), [&](const Input &in) {
    return in.dim.name == input;
  });
  if (found == ins.end()) {
    ins.push_back(Input{{input, 1}, {}});
    found = ins.end() - 1;
  }
  if (count == 1)
    return Layout::create(std::move(ins), std::move(grown));
  int64_t below = 1;
  for (size_t i = 0; i + 1 < found->digits.size(); ++i)
    below *= found->digits[i].radix;
  if (found->dim.extent % below != 0)
    return Failure{"extent " + std::to_string(found->dim.extent) +
                   " of dimension '" + input + "' is no multiple of " +
                   std::to_string(below) + ", so nothing can stand above it"};
  if (!found->digits.empty())
    found->digits.back().radix = found->dim.extent / below;
  found->dim.extent *= count;
  found->digits.push_back({count, false, std::move(step)});
  return Layout::create(std::move(ins), std::move(grown));
}

OrError<Layout> einfall::layout::padded(const Layout &layout,
                                        const std::string &output,
                                        int64_t every, int64_t pad) {
  int index = layout.outputIndex(output);
  if (index < 0)
    return noOutput(output);
  if (every < 1 || pad < 0)
    return Failure{"a pad of " + std::to_string(pad) + " every " +
                   std::to_string(every)};
  std::vector<Dim> outputs = layout.outputs();
  outputs[index].extent += (outputs[index].extent - 1) / every * pad;
  return fit(layout.inputDims(), outputs, [&](const Point &x) {
    Point y = layout.apply(x);
    y[index] += y[index] / every * pad;
    return y;
  });
}

OrError<Layout> einfall::layout::scaled(const Layout &layout,
                                        const std::string &output,
                                        int64_t factor,
                                        const std::string &newName) {
  int index = layout.outputIndex(output);
  if (index < 0)
    return noOutput(output);
  std::vector<Dim> outputs = layout.outputs();
  outputs[index] = {newName, outputs[index].extent * factor};
  return fit(layout.inputDims(), outputs, [&](const Point &x) {
    Point y = layout.apply(x);
    y[index] *= factor;
    return y;
  });
}

OrError<Layout> einfall::layout::unscaled(const Layout &layout,
                                          const std::string &output,
                                          int64_t factor,
                                          const std::string &newName) {
  int index = layout.outputIndex(output);
  if (index < 0)
    return noOutput(output);
  std::vector<Dim> outputs = layout.outputs();
  outputs[index] = {newName, (outputs[index].extent + factor - 1) / factor};
  int64_t uneven = 0;
  OrError<Layout> result =
      fit(layout.inputDims(), outputs, [&](const Point &x) {
        Point y = layout.apply(x);
        if (y[index] % factor != 0)
          uneven = y[index];
        y[index] /= factor;
        return y;
      });
  if (uneven)
    return Failure{output + " " + std::to_string(uneven) +
                   " is no multiple of " + std::to_string(factor)};
  return result;
}

OrError<Layout> einfall::layout::restricted(const Layout &layout,
                                            const std::string &input,
                                            int64_t extent) {
  int index = layout.inputIndex(input);
  if (index < 0)
    return noInput(input);
  std::vector<Input> ins = layout.inputs();
  Input &in = ins[index];
  if (extent < 1 || extent > in.dim.extent)
    return Failure{"extent " + std::to_string(extent) + " of dimension '" +
                   input + "', which has " + std::to_string(in.dim.extent)};
  in.dim.extent = extent;
  int64_t covered = 1;
  size_t needed = 0;
  while (covered < extent)
    covered *= in.digits[needed++].radix;
  in.digits.resize(needed);
  return Layout::create(std::move(ins), layout.outputs());
}

OrError<Layout> einfall::layout::dropped(const Layout &layout,
                                         const std::string &input) {
  std::vector<Input> ins;
  for (const Input &in : layout.inputs())
    if (in.dim.name != input)
      ins.push_back(in);
  return Layout::create(std::move(ins), layout.outputs());
}

OrError<Layout>
einfall::layout::flattened(const Layout &layout,
                           const std::vector<std::string> &names,
                           const std::string &name) {
  Input flat{{name, 1}, {}};
  for (size_t i = 0; i < names.size(); ++i) {
    int index = layout.inputIndex(names[i]);
    if (index < 0)
      return noInput(names[i]);
    const Input &in = layout.inputs()[index];
    int64_t below = 1;
    for (size_t d = 0; d + 1 < in.digits.size(); ++d)
      below *= in.digits[d].radix;
    if (i + 1 < names.size() && in.dim.extent % below != 0)
      return Failure{"extent " + std::to_string(in.dim.extent) +
                     " of dimension '" + names[i] + "' is no multiple of " +
                     std::to_string(below) + ", so nothing can stand above it"};
    flat.dim.extent *= in.dim.extent;
    flat.digits.insert(flat.digits.end(), in.digits.begin(), in.digits.end());
    if (i + 1 < names.size() && !in.digits.empty())
      flat.digits.back().radix = in.dim.extent / below;
  }
  std::vector<Input> ins;
  for (const Input &in : layout.inputs()) {
    if (!names.empty() && in.dim.name == names.front())
      ins.push_back(flat);
    else if (std::find(names.begin(), names.end(), in.dim.name) == names.end())
      ins.push_back(in);
  }
  return Layout::create(std::move(ins), layout.outputs());
}

OrError<Layout> einfall::layout::split(const Layout &layout,
                                       const std::string &name, int64_t extent,
                                       const std::string &low,
                                       const std::string &high) {
  int index = layout.inputIndex(name);
  if (index < 0)
    return noInput(name);
  const Input &in = layout.inputs()[index];
  if (extent < 1 || in.dim.extent % extent != 0)
    return Failure{"extent " + std::to_string(in.dim.extent) +
                   " of dimension '" + name + "' is no multiple of " +
                   std::to_string(extent)};
  Input lower{{low, extent}, {}}, upper{{high, in.dim.extent / extent}, {}};
  int64_t weight = 1;
  for (const Digit &digit : in.digits) {
    if (weight >= extent) {
      upper.digits.push_back(digit);
    } else if (weight * digit.radix <= extent) {
      lower.digits.push_back(digit);
    } else {
      // The cut goes through a digit: its lower part keeps the step.
      int64_t part = extent / weight;
      if (extent % weight != 0 || digit.radix % part != 0)
        return Failure{"a digit of radix " + std::to_string(digit.radix) +
                       " of dimension '" + name + "' cannot be split at " +
                       std::to_string(extent)};
      Digit rest = digit;
      rest.radix = digit.radix / part;
      for (int64_t &amount : rest.step)
        amount *= part;
      lower.digits.push_back({part, digit.isBit, digit.step});
      upper.digits.push_back(std::move(rest));
    }
    weight *= digit.radix;
  }
  std::vector<Input> ins = layout.inputs();
  ins[index] = std::move(lower);
  ins.insert(ins.begin() + index + 1, std::move(upper));
  return Layout::create(std::move(ins), layout.outputs());
}

OrError<Layout> einfall::layout::renamed(
    const Layout &layout,
    const std::vector<std::pair<std::string, std::string>> &names) {
  auto rename = [&](std::string &name) {
    for (const auto &[from, to] : names)
      if (name == from) {
        name = to;
        return;
      }
  };
  std::vector<Input> ins = layout.inputs();
  for (Input &in : ins)
    rename(in.dim.name);
  std::vector<Dim> outs = layout.outputs();
  for (Dim &out : outs)
    rename(out.name);
  return Layout::create(std::move(ins), std::move(outs));
}
