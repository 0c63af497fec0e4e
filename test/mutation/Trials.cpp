//===- Trials.cpp - Does anything notice a mutant? ------------------------===//

#include "test/mutation/Trials.h"

#include "frontend/driver/Launcher.h"

#include "llvm/ADT/StringExtras.h"

using namespace einfall;
using namespace einfall::mutation;

/// The seeds of the device that every launch is run with.
static constexpr uint64_t seeds[] = {1, 2};

//===----------------------------------------------------------------------===//
// Arguments and expectations
//===----------------------------------------------------------------------===//

std::unique_ptr<Trial> Trial::create(driver::Options options,
                                     std::string label) {
  auto trial = std::make_unique<Trial>();
  trial->name = std::move(label);
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
  if (!trial->arguments || !trial->evaluate())
    return nullptr;
  trial->words = driver::deviceParameters(*trial->arguments);
  trial->buffers = driver::deviceBuffers(*trial->arguments);
  return trial;
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
      {"divides by zero", "division by zero"},
      {"step that is not positive", "loop step"},
      {"blocks along", "grid"}};
  for (auto [part, check] : words)
    if (text.contains(part))
      return check;
  return text.str();
}

Outcome Trial::runSeed(const emulated::DeviceImage &image, uint64_t seed,
                       std::vector<std::vector<char>> *outputs) const {
  // Outputs of its own, every byte 0xff: NaN, or the greatest integer.
  emulated::Launch launch;
  launch.image = &image;
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
    memory.push_back(driver::AlignedBytes::allocate(buffer.bytes));
    std::fill_n(memory.back().data(), buffer.bytes, char(0xff));
    buffer.data = memory.back().data();
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
    interpreter::Tensor found = arguments->getOutputs()[i].view;
    found.data = memory[i].data();
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
    if (!reference.empty())
      outcome.equal &= bytes == reference[i];
    if (outputs)
      outputs->push_back(std::move(bytes));
  }
  // Far beyond what the program needs in any block.
  if (outputs)
    outcome.text = std::to_string(report.counters.warpInstructions());
  return outcome;
}

Outcome Trial::calibrate(const emulated::DeviceImage &image) {
  reference.clear();
  limit = 0;
  std::vector<std::vector<char>> outputs;
  Outcome outcome = runSeed(image, seeds[0], &outputs);
  if (outcome.result != Outcome::Survived)
    return outcome;
  reference = std::move(outputs);
  llvm::StringRef(outcome.text).getAsInteger(10, limit);
  return run(image);
}

Outcome Trial::run(const emulated::DeviceImage &image) const {
  Outcome outcome;
  bool equal = true;
  for (uint64_t seed : seeds) {
    outcome = runSeed(image, seed, nullptr);
    equal &= outcome.equal;
    if (outcome.result != Outcome::Survived)
      break;
  }
  outcome.equal = equal;
  return outcome;
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
  for (auto [i, input] : llvm::enumerate(interface.inputs)) {
    if (input.name != tensor)
      continue;
    const interpreter::Tensor &from = arguments->getInputs()[i].view;
    interpreter::Tensor to = from;
    int64_t size = interpreter::elementBits(from.element) / 8;
    int64_t chunk = 16 / size, stride = 1;
    for (int64_t d = int64_t(from.shape.size()) - 1; d >= 0; --d) {
      bool isInner = d + 1 == int64_t(from.shape.size());
      if (!isInner)
        stride = (stride + chunk - 1) / chunk * chunk;
      if (isStride && d == int64_t(dim))
        ++stride;
      to.strides[d] = stride;
      stride *= from.shape[d];
    }
    // Poison between the elements, 16-byte aligned but for the shift.
    shiftedBytes.assign((stride + 2 * chunk) * size, char(0xff));
    uintptr_t start =
        (reinterpret_cast<uintptr_t>(shiftedBytes.data()) + 15) / 16 * 16;
    to.data = reinterpret_cast<void *>(start + (isStride ? 0 : size));
    llvm::SmallVector<int64_t> at(from.shape.size(), 0);
    int64_t elements = 1;
    for (int64_t extent : from.shape)
      elements *= extent;
    for (int64_t n = 0; n < elements; ++n) {
      interpreter::storeElement(
          to.element, to.data, to.offset(at),
          interpreter::loadElement(from.element, from.data, from.offset(at)));
      for (int64_t d = int64_t(at.size()) - 1; d >= 0; --d) {
        if (++at[d] < from.shape[d])
          break;
        at[d] = 0;
      }
    }
    words[i] = reinterpret_cast<uintptr_t>(to.data);
    unsigned first = interface.inputs.size() + interface.outputs.size() +
                     interface.firstStride(i);
    for (auto [d, value] : llvm::enumerate(to.strides))
      words[first + d] = value;
    int64_t last = 0;
    for (auto [extent, step] : llvm::zip_equal(to.shape, to.strides))
      last += (extent - 1) * step;
    buffers[i].data = to.data;
    buffers[i].bytes = (last + 1) * size;
    return true;
  }
  return false;
}
