//===- Arguments.cpp - What a kernel is run on ----------------------------===//

#include "frontend/driver/Arguments.h"
#include "frontend/driver/Safetensors.h"
#include "frontend/driver/TensorFile.h"

#include "dialect/Interpreter/Interpreter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"

#include <cstring>
#include <numeric>
#include <random>

using namespace einfall;
using namespace einfall::driver;
using cascade::KernelInterface;
using interpreter::Element;
using llvm::StringRef;
using llvm::Twine;

KernelArguments::KernelArguments(cascade::KernelOp kernel)
    : interface(KernelInterface::of(kernel)) {}

std::unique_ptr<KernelArguments>
KernelArguments::create(cascade::KernelOp kernel, Session &session,
                        const llvm::StringMap<RandomRange> &ranges,
                        const llvm::StringMap<int64_t> &fixed) {
  std::unique_ptr<KernelArguments> arguments(new KernelArguments(kernel));
  for (const auto &extent : fixed)
    arguments->given.extents[extent.getKey()] = extent.getValue();
  if (!arguments->readInputs(session) || !arguments->bind(kernel, session) ||
      !arguments->drawInputs(session, ranges) ||
      // Extents of ragged ranks are read from inputs.
      (llvm::is_contained(arguments->extents, -1) &&
       !arguments->bind(kernel, session)) ||
      mlir::failed(interpreter::checkPreconditions(kernel, arguments->given)) ||
      !arguments->allocateOutputs(session))
    return nullptr;
  KernelArguments &a = *arguments;
  for (const auto *tensors : {&a.inputs, &a.outputs})
    for (const HostTensor &tensor : *tensors) {
      a.data.push_back(tensor.view.data);
      a.strides.insert(a.strides.end(), tensor.view.strides.begin(),
                       tensor.view.strides.end());
    }
  a.paramValues.resize(a.interface.params.size());
  a.params.resize(a.interface.params.size(), nullptr);
  for (auto [i, param] : llvm::enumerate(a.interface.params)) {
    auto found = a.given.params.find(param.name);
    if (found == a.given.params.end())
      continue;
    a.paramValues[i] = found->second;
    a.params[i] = &a.paramValues[i];
  }
  a.launch = {a.data.data(), a.strides.data(), a.extents.data(),
              a.params.data()};
  return arguments;
}

/// Reports that `name` is not one of `known`, with the nearest that is.
static void unknown(Session &session, StringRef what, StringRef kernel,
                    StringRef name, llvm::ArrayRef<StringRef> known) {
  auto error = session.error("kernel `" + kernel + "` has no " + what + " `" +
                             name + "`");
  StringRef near = ein::nearest(name, known);
  if (!near.empty())
    error.remedy("did you mean `" + near + "`?");
  else if (!known.empty())
    error.note("it has " + llvm::join(known, ", "));
}

bool KernelArguments::readInputs(Session &session) {
  llvm::SmallVector<StringRef> inputNames, paramNames, outputNames;
  for (const auto &tensor : interface.inputs)
    inputNames.push_back(tensor.name);
  for (const auto &tensor : interface.outputs)
    outputNames.push_back(tensor.name);
  for (const auto &param : interface.params)
    paramNames.push_back(param.name);
  inputs.resize(interface.inputs.size());
  isGiven.resize(interface.inputs.size());
  bool good = true;
  for (const auto &[name, value] : session.options.params) {
    if (!llvm::is_contained(paramNames, name)) {
      unknown(session, "parameter", interface.name, name, paramNames);
      good = false;
    }
    given.params[name] = value;
  }
  for (const auto &[name, path] : session.options.outputs)
    if (!name.empty() && !llvm::is_contained(outputNames, name)) {
      unknown(session, "output", interface.name, name, outputNames);
      good = false;
    }
  for (const auto &[name, path] : session.options.inputs) {
    if (name.empty())
      continue;
    if (llvm::is_contained(inputNames, name)) {
      good &= readInput(session, name, path);
      continue;
    }
    unknown(session, "input", interface.name, name, inputNames);
    good = false;
  }
  // Files without a name give what they have of the rest.
  for (const auto &[name, path] : session.options.inputs) {
    if (!name.empty())
      continue;
    auto held = safetensorNames(path);
    if (!held) {
      good &= session.succeeded(held.takeError());
      continue;
    }
    bool isUsed = false;
    for (auto [i, input] : llvm::enumerate(inputNames)) {
      if (isGiven[i] || !llvm::is_contained(*held, input))
        continue;
      isUsed = true;
      good &= readInput(session, input.str(), path);
    }
    if (!isUsed) {
      session.error(path + ": has none of the inputs that are not given")
          .note("kernel `" + interface.name + "` has " +
                llvm::join(inputNames, ", ") + "; the file has " +
                llvm::join(llvm::ArrayRef(*held).take_front(8), ", "));
      good = false;
    }
  }
  for (auto [i, tensor] : llvm::enumerate(interface.inputs))
    if (good && !isGiven[i] && !session.options.seed) {
      session.error("input `" + tensor.name + "` is not given")
          .remedy("write --in " + tensor.name +
                  "=FILE.npy, or --random for "
                  "random values");
      good = false;
    }
  return good;
}

bool KernelArguments::readInput(Session &session, const std::string &name,
                                const std::string &path) {
  size_t index = 0;
  while (interface.inputs[index].name != name)
    ++index;
  const auto &input = interface.inputs[index];
  if (isGiven[index]) {
    session.error("input `" + Twine(name) + "` is given twice");
    return false;
  }
  isGiven[index] = true;
  auto tensor = readTensor(path, name, *interpreter::elementOf(input.element));
  if (!tensor)
    return session.succeeded(tensor.takeError());
  if (tensor->view.shape.size() != input.dims.size()) {
    session.error(path + ": holds " + Twine(tensor->view.shape.size()) +
                  " dimensions, input `" + name + "` has " +
                  Twine(input.dims.size()) + ": [" +
                  llvm::join(input.dims, ", ") + "]");
    return false;
  }
  inputs[index] = std::move(*tensor);
  given.inputs[name] = inputs[index].view;
  return true;
}

bool KernelArguments::bind(cascade::KernelOp kernel, Session &session) {
  for (const auto &[rank, extent] : session.options.defines)
    given.extents[rank] = extent;
  // Defaults fill in for ranks that neither a shape nor -D binds.
  llvm::StringSet<> bound;
  for (auto [i, tensor] : llvm::enumerate(interface.inputs))
    if (isGiven[i])
      for (const std::string &rank : tensor.dims)
        bound.insert(rank);
  for (auto op : kernel.getBody().getOps<cascade::RankOp>())
    if (op.getSize() && !op.getExtent() && !bound.contains(op.getName()))
      given.extents.try_emplace(op.getName(), *op.getSize());
  auto result = interpreter::bindExtents(kernel, given);
  if (mlir::failed(result))
    return false;
  extents.clear();
  for (const std::string &rank : interface.ranks)
    extents.push_back(result->lookup(rank));
  return true;
}

/// Elements of a dense tensor, or nothing where they do not fit into memory.
static std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = 1;
  for (int64_t extent : shape)
    if (count)
      count = llvm::checkedMul<int64_t>(*count, extent);
  return count;
}

/// A dense tensor without content. Error: it does not fit into memory.
static llvm::Expected<HostTensor> allocate(StringRef name, Element element,
                                           llvm::ArrayRef<int64_t> shape) {
  HostTensor tensor;
  tensor.view.element = element;
  tensor.view.shape.assign(shape.begin(), shape.end());
  std::optional<int64_t> count = countElements(shape);
  std::optional<int64_t> bits =
      count
          ? llvm::checkedMul<int64_t>(*count, interpreter::elementBits(element))
          : std::nullopt;
  if (bits && *bits < (int64_t(1) << 50))
    tensor.bytes = AlignedBytes::allocate((*bits + 7) / 8);
  if (!tensor.bytes.data()) {
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::interleaveComma(shape, os);
    return llvm::createStringError("no memory for `" + name + "` of shape [" +
                                   text + "]");
  }
  tensor.view.strides = interpreter::Tensor::denseStrides(shape);
  tensor.view.data = tensor.bytes.data();
  return tensor;
}

int64_t KernelArguments::evaluate(const RandomRange::Bound &bound) const {
  int64_t value = bound.offset;
  for (const std::string &rank : bound.ranks)
    value += extent(rank);
  return value;
}

/// Integers from `low` to `high`, row by row along the last dimension.
static void fillIntegers(const interpreter::Tensor &tensor, int64_t low,
                         int64_t high, std::optional<ein::Property> property,
                         uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<int64_t> uniform(low, high);
  int64_t count = *countElements(tensor.shape);
  int64_t length = tensor.shape.empty() ? 1 : tensor.shape.back();
  llvm::SmallVector<int64_t> at(tensor.shape.size(), 0);
  std::vector<int64_t> row(length);
  for (int64_t first = 0; first < count; first += length) {
    for (int64_t &value : row)
      value = uniform(random);
    if (property == ein::Property::Monotone) {
      // All of the range: lists that end before it are a case of their own.
      row.front() = low;
      row.back() = high;
      llvm::sort(row);
    } else if (property == ein::Property::Permutation) {
      std::iota(row.begin(), row.end(), 0);
      std::shuffle(row.begin(), row.end(), random);
    }
    for (int64_t i = 0; i < length; ++i) {
      if (!at.empty())
        at.back() = i;
      interpreter::storeElement(tensor.element, tensor.data, tensor.offset(at),
                                row[i]);
    }
    for (size_t d = at.size(); d-- > 1;) {
      if (++at[d - 1] < tensor.shape[d - 1])
        break;
      at[d - 1] = 0;
    }
  }
}

/// Moves random reals to where preconditions want them: evenly between two
/// bounds, beyond one by their absolute value.
static void confine(const interpreter::Tensor &tensor, const RandomRange &range,
                    uint64_t seed) {
  if (!range.least && !range.most)
    return;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> share;
  llvm::SmallVector<int64_t> at(tensor.shape.size(), 0);
  int64_t count = *countElements(tensor.shape);
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = tensor.offset(at);
    double value =
        std::abs(interpreter::loadElement(tensor.element, tensor.data, offset));
    if (range.least && range.most)
      value = *range.least + (*range.most - *range.least) * share(random);
    else // bounds may be strict
      value = range.least ? *range.least + std::max(value, 1e-3)
                          : *range.most - std::max(value, 1e-3);
    interpreter::storeElement(tensor.element, tensor.data, offset, value);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < tensor.shape[d])
        break;
      at[d] = 0;
    }
  }
}

bool KernelArguments::drawInputs(Session &session,
                                 const llvm::StringMap<RandomRange> &ranges) {
  using interpreter::Layout;
  using interpreter::Pattern;
  auto pattern = llvm::StringSwitch<Pattern>(session.options.pattern)
                     .Case("peaky", Pattern::Peaky)
                     .Case("coded", Pattern::Coded)
                     .Case("constant", Pattern::Constant)
                     .Case("huge", Pattern::Huge)
                     .Default(Pattern::Normal);
  auto layout = llvm::StringSwitch<Layout>(session.options.layout)
                    .Case("padded", Layout::Padded)
                    .Case("permuted", Layout::Permuted)
                    .Default(Layout::Dense);
  for (auto [i, info] : llvm::enumerate(interface.inputs)) {
    if (isGiven[i])
      continue;
    llvm::SmallVector<int64_t> shape;
    for (const std::string &rank : info.dims)
      shape.push_back(extent(rank));
    Element element = *interpreter::elementOf(info.element);
    auto tensor = allocate(info.name, element, shape);
    if (!tensor)
      return session.succeeded(tensor.takeError());
    // Another seed for each input: adding one does not change the others.
    uint64_t seed = *session.options.seed * 1000003 + i;
    if (layout != Layout::Dense) {
      laidOut.push_back(
          interpreter::OwnedTensor::make(element, shape, layout, seed));
      tensor->view = laidOut.back().view;
    }
    auto found = ranges.find(info.name);
    if (interpreter::isReal(element) || found == ranges.end()) {
      interpreter::fill(tensor->view, pattern, seed);
      if (found != ranges.end())
        confine(tensor->view, found->second, seed);
    } else if (*countElements(shape) > 0) {
      int64_t low = evaluate(found->second.low);
      int64_t high = std::max(low, evaluate(found->second.high) - 1);
      fillIntegers(tensor->view, low, high, found->second.property, seed);
    }
    inputs[i] = std::move(*tensor);
    given.inputs[info.name] = inputs[i].view;
  }
  return true;
}

bool KernelArguments::allocateOutputs(Session &session) {
  for (const auto &info : interface.outputs) {
    llvm::SmallVector<int64_t> shape;
    for (const std::string &rank : info.dims)
      shape.push_back(extent(rank));
    auto tensor =
        allocate(info.name, *interpreter::elementOf(info.element), shape);
    if (!tensor)
      return session.succeeded(tensor.takeError());
    outputs.push_back(std::move(*tensor));
  }
  poisonOutputs();
  return true;
}

int64_t KernelArguments::extent(StringRef rank) const {
  return extents[interface.rankNumber(rank)];
}

void KernelArguments::poisonOutputs() {
  // All ones is a NaN of every floating-point type.
  for (HostTensor &tensor : outputs)
    std::memset(tensor.bytes.data(), 0xff, tensor.bytes.size());
}

std::string KernelArguments::describeExtents() const {
  std::string text;
  for (auto [rank, extent] : llvm::zip_equal(interface.ranks, extents))
    text += (text.empty() ? "" : ", ") + rank + " = " + std::to_string(extent);
  return text;
}

std::string KernelArguments::describeRandom(const Options &options) const {
  std::string text;
  for (auto [i, input] : llvm::enumerate(interface.inputs))
    if (!isGiven[i])
      text += (text.empty() ? "random inputs " : ", ") + input.name;
  if (text.empty())
    return text;
  return text + ": " + options.pattern + ", " + options.layout + ", seed " +
         std::to_string(options.seed.value_or(0));
}

double KernelArguments::bytes() const {
  double total = 0;
  for (const auto *tensors : {&inputs, &outputs})
    for (const HostTensor &tensor : *tensors)
      total += tensor.elements() *
               interpreter::elementBits(tensor.view.element) / 8.0;
  return total;
}
