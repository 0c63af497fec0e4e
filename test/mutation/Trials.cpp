//===- Trials.cpp - Does anything notice a mutant? ------------------------===//

#include "test/mutation/Trials.h"

#include "frontend/driver/Launcher.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace einfall;
using namespace einfall::mutation;

/// The seeds of the device that every launch is run with.
static constexpr uint64_t seeds[] = {1, 2};
const unsigned Trial::seedCount = std::size(seeds);

/// Instructions a block may execute with arguments that its program is not for.
static constexpr uint64_t instructionsOfOthers = 100'000'000;

//===----------------------------------------------------------------------===//
// Arguments and expectations
//===----------------------------------------------------------------------===//

std::unique_ptr<Trial> Trial::create(driver::Options options,
                                     const LaunchSpec &spec) {
  auto trial = std::make_unique<Trial>();
  trial->name = spec.text;
  trial->spec = spec;
  trial->options = std::move(options);
  trial->session = std::make_unique<driver::Session>(trial->options);
  driver::Session &session = *trial->session;
  trial->program = driver::Program::load(session);
  if (!trial->program)
    return nullptr;
  trial->kernel = trial->program->kernel(trial->options.kernel);
  if (!trial->kernel)
    return nullptr;
  trial->arguments = driver::KernelArguments::create(
      trial->kernel, session, trial->program->randomRanges(trial->kernel));
  if (!trial->arguments)
    return nullptr;
  trial->change(spec);
  trial->words = driver::deviceParameters(*trial->arguments);
  trial->buffers = driver::deviceBuffers(*trial->arguments);
  for (const driver::HostTensor &output : trial->arguments->getOutputs())
    trial->outputs.push_back(output.view);
  trial->shifts.assign(trial->outputs.size(), 0);
  if (!spec.misaligned.empty())
    trial->misalign(spec.misaligned);
  return trial;
}

/// Calls visit(coordinates) for each element of a shape.
template <typename Visit>
static void forElements(llvm::ArrayRef<int64_t> shape, Visit visit) {
  llvm::SmallVector<int64_t> at(shape.size(), 0);
  int64_t elements = 1;
  for (int64_t extent : shape)
    elements *= extent;
  for (int64_t n = 0; n < elements; ++n) {
    visit(at);
    for (int64_t d = int64_t(at.size()) - 1; d >= 0; --d) {
      if (++at[d] < shape[d])
        break;
      at[d] = 0;
    }
  }
}

void Trial::change(const LaunchSpec &spec) {
  for (auto [info, input] :
       llvm::zip_equal(arguments->interface.inputs, arguments->getInputs())) {
    const interpreter::Tensor &tensor = input.view;
    if (auto fill = spec.fills.find(info.name); fill != spec.fills.end())
      forElements(tensor.shape, [&](llvm::ArrayRef<int64_t> at) {
        interpreter::storeElement(tensor.element, tensor.data,
                                  tensor.offset(at), fill->second);
      });
    double sign = info.name == "Q" ? 1 : info.name == "K" ? -1 : 0;
    if (spec.away && sign)
      forElements(tensor.shape, [&](llvm::ArrayRef<int64_t> at) {
        double value = interpreter::loadElement(tensor.element, tensor.data,
                                                tensor.offset(at));
        interpreter::storeElement(tensor.element, tensor.data,
                                  tensor.offset(at),
                                  sign * spec.away * std::abs(value));
      });
    for (const LaunchSpec::Poison &poison : spec.poisons) {
      auto dim = llvm::find(info.dims, poison.rank);
      if (poison.input != info.name || dim == info.dims.end())
        continue;
      size_t number = dim - info.dims.begin();
      auto within = llvm::find(info.dims, poison.within);
      double value = poison.isInfinity ? std::numeric_limits<double>::infinity()
                                       : std::nan("");
      forElements(tensor.shape, [&](llvm::ArrayRef<int64_t> at) {
        if (within != info.dims.end() &&
            at[within - info.dims.begin()] != poison.element)
          return;
        if (at[number] == poison.index ||
            (poison.andMore && at[number] > poison.index) ||
            (poison.andLess && at[number] < poison.index))
          interpreter::storeElement(tensor.element, tensor.data,
                                    tensor.offset(at), value);
      });
    }
  }
}

bool Trial::evaluate() {
  auto exact =
      interpreter::Interpreter::create(kernel, arguments->forInterpreter());
  auto naive = interpreter::Interpreter::create(
      kernel, arguments->forInterpreter(), {interpreter::Precision::Single});
  if (mlir::failed(exact) || mlir::failed(naive))
    return false;
  for (auto [info, tensor] :
       llvm::zip_equal(arguments->interface.outputs, arguments->getOutputs())) {
    cascade::OutputOp output = exact->getOutput(info.name);
    interpreter::Sample sample = interpreter::chooseSample(*exact, output);
    auto values = interpreter::evaluate(*exact, output, sample);
    auto simple = interpreter::evaluate(*naive, output, sample);
    if (mlir::failed(values) || mlir::failed(simple))
      return false;
    for (double &value : *simple)
      value = interpreter::roundTo(tensor.view.element, value);
    expected.push_back({std::move(sample), tensor.view.element,
                        std::move(*values), std::move(*simple)});
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// What a message of the device is about.
static std::string checkOf(const emulated::Message &message) {
  llvm::StringRef text = message.text;
  static const std::pair<const char *, const char *> words[] = {
      {"without having waited for its barrier", "copy not awaited"},
      {"with no fence after it", "fence"},
      {"with no wgmma_fence", "fence"},
      {"while it is read asynchronously", "read asynchronously"},
      {"which holds a barrier", "barrier touched"},
      {"there is no barrier at", "no barrier"},
      {"arrivals of the phase were made", "arrivals"},
      {"the block ends with matrix products", "products in flight"},
      {"the block ends while a bulk copy", "bulk copy in flight"},
      {"the box of", "box"},
      {"limit of the launch", "timeout"},
      {"a copy to it is in flight", "copy in flight"},
      {"a copy from it is in flight", "copy in flight"},
      {"which nothing wrote", "unwritten"},
      {"wrote with no", "race"},
      {"reads with no", "race"},
      {"lie in no buffer", "global bounds"},
      {"of shared memory lie outside", "shared bounds"},
      {"in buffer", "read-only buffer"},
      {"not aligned", "alignment"},
      {"valid bytes", "valid bytes"},
      {"deadlock", "deadlock"},
      {"arrived", "barrier"},
      {"barriers without one", "barrier"},
      {"have to come together", "divergence"},
      {"than lane 0", "descriptor"},
      {"base offset", "descriptor"},
      {"is not what the other warps", "warpgroup"},
      {"map ", "map"},
      {"registers a thread", "registers"},
      {"divides by zero", "division by zero"},
      {"step that is not positive", "loop step"},
      {"blocks along", "grid"}};
  for (auto [part, check] : words)
    if (text.contains(part))
      return check;
  return text.str();
}

Outcome Trial::runSeed(Images images, uint64_t seed,
                       std::vector<std::vector<char>> *outputs) const {
  // Outputs of its own, every byte 0xff: NaN, or the greatest integer.
  emulated::Launch launch;
  launch.image = images.front();
  launch.then.assign(images.begin() + 1, images.end());
  launch.arguments = words;
  launch.buffers = buffers;
  launch.seed = seed;
  launch.threads = 1;
  launch.limit = limit;
  launch.reports = 1;
  size_t inputs = arguments->interface.inputs.size();
  std::vector<driver::AlignedBytes> memory;
  for (size_t i = inputs; i < launch.buffers.size(); ++i) {
    emulated::Buffer &buffer = launch.buffers[i];
    uint64_t shift = shifts[i - inputs];
    memory.push_back(driver::AlignedBytes::allocate(buffer.bytes + shift));
    std::fill_n(memory.back().data(), buffer.bytes + shift, char(0xff));
    buffer.data = memory.back().data() + shift;
    launch.arguments[i] = reinterpret_cast<uintptr_t>(buffer.data);
  }
  emulated::Report report = emulated::run(launch);
  Outcome outcome;
  if (!report.applies)
    return outcome;
  if (!report.ok) {
    outcome.check = checkOf(report.messages.front());
    outcome.result =
        outcome.check == "timeout" ? Outcome::Timeout : Outcome::Report;
    outcome.text = report.messages.front().str();
    return outcome;
  }
  outcome.result = Outcome::Survived;
  for (auto [i, output] : llvm::enumerate(expected)) {
    interpreter::Tensor found = this->outputs[i];
    found.data = memory[i].data() + shifts[i];
    // What has been judged is not judged again.
    if (!reference.empty() &&
        llvm::ArrayRef<char>(memory[i].data(), memory[i].size()) ==
            llvm::ArrayRef<char>(reference[i]))
      continue;
    std::vector<double> values(output.sample.size());
    for (size_t v = 0; v < values.size(); ++v)
      values[v] =
          interpreter::loadElement(output.storage, found.data,
                                   found.offset(output.sample.coordinates(v)));
    interpreter::Report compared = interpreter::judge(
        output.sample, output.storage, output.exact, output.naive, values);
    if (!compared.accepted) {
      outcome.result = Outcome::Numbers;
      outcome.check = "wrong numbers";
      compared.output = arguments->interface.outputs[i].name;
      for (const std::string &rank : arguments->interface.outputs[i].dims)
        compared.ranks.push_back(rank);
      outcome.text = compared.text();
      return outcome;
    }
    std::vector<char> bytes(memory[i].data(),
                            memory[i].data() + memory[i].size());
    outcome.equal &= reference.empty();
    if (outputs)
      outputs->push_back(std::move(bytes));
  }
  // Far beyond what the program needs in any block.
  if (outputs)
    outcome.text = std::to_string(report.counters.warpInstructions());
  return outcome;
}

bool Trial::isFor(Images images) const {
  return llvm::all_of(images, [&](const emulated::DeviceImage *image) {
    return image->gridOf(words).applies;
  });
}

Outcome Trial::calibrate(Images images) {
  reference.clear();
  limit = 0;
  Outcome outcome;
  if (expected.empty() && !evaluate()) {
    outcome.result = Outcome::Report;
    outcome.text = "the interpreter does not evaluate it";
    return outcome;
  }
  limit = instructionsOfOthers;
  if (!isFor(images))
    return outcome;
  limit = 0;
  std::vector<std::vector<char>> outputs;
  outcome = runSeed(images, seeds[0], &outputs);
  if (outcome.result != Outcome::Survived)
    return outcome;
  reference = std::move(outputs);
  llvm::StringRef(outcome.text).getAsInteger(10, limit);
  // Waits that are tried again count, and another seed has others.
  limit = 3 * limit + 10000;
  for (unsigned seed = 1; seed < seedCount; ++seed) {
    Outcome other = run(images, seed);
    if (other.result != Outcome::Survived || !other.equal)
      return other;
  }
  return outcome;
}

Outcome Trial::run(Images images, unsigned seed) const {
  return runSeed(images, seeds[seed], nullptr);
}

//===----------------------------------------------------------------------===//
// Launches that a version is not made for
//===----------------------------------------------------------------------===//

bool Trial::misalign(llvm::StringRef parameter) {
  llvm::StringRef tensor = parameter;
  bool isStride = tensor.consume_front("stride ");
  unsigned dim = 0;
  if (isStride) {
    llvm::StringRef number;
    std::tie(tensor, number) = tensor.rsplit('.');
    if (number.getAsInteger(10, dim))
      return false;
  }
  const cascade::KernelInterface &interface = arguments->interface;
  /// Strides that are multiples of 16 bytes, but for the one that is meant.
  auto moveStrides = [&](interpreter::Tensor &tensor, unsigned number) {
    int64_t size = interpreter::elementBits(tensor.element) / 8;
    int64_t chunk = 16 / size, step = 1, last = 0;
    for (int64_t d = int64_t(tensor.shape.size()) - 1; d >= 0; --d) {
      if (d + 1 != int64_t(tensor.shape.size()))
        step = (step + chunk - 1) / chunk * chunk;
      if (isStride && d == int64_t(dim))
        ++step;
      tensor.strides[d] = step;
      last += (tensor.shape[d] - 1) * step;
      step *= tensor.shape[d];
    }
    unsigned first = interface.inputs.size() + interface.outputs.size() +
                     interface.firstStride(number);
    for (auto [d, value] : llvm::enumerate(tensor.strides))
      words[first + d] = value;
    buffers[number].bytes = (last + 1) * size;
    return isStride ? 0 : size;
  };
  for (auto [i, input] : llvm::enumerate(interface.inputs)) {
    if (input.name != tensor)
      continue;
    const interpreter::Tensor &from = arguments->getInputs()[i].view;
    interpreter::Tensor to = from;
    int64_t shift = moveStrides(to, i);
    // Poison between the elements, 16-byte aligned but for the shift.
    shiftedBytes.assign(buffers[i].bytes + 64, char(0xff));
    uintptr_t start =
        (reinterpret_cast<uintptr_t>(shiftedBytes.data()) + 15) / 16 * 16;
    to.data = reinterpret_cast<void *>(start + shift);
    forElements(from.shape, [&](llvm::ArrayRef<int64_t> at) {
      interpreter::storeElement(
          to.element, to.data, to.offset(at),
          interpreter::loadElement(from.element, from.data, from.offset(at)));
    });
    words[i] = reinterpret_cast<uintptr_t>(to.data);
    buffers[i].data = to.data;
    return true;
  }
  for (auto [i, output] : llvm::enumerate(interface.outputs))
    if (output.name == tensor) {
      shifts[i] = moveStrides(outputs[i], interface.inputs.size() + i);
      return true;
    }
  return false;
}
