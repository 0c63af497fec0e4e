//===- Differential.cpp - One program in several ways ---------------------===//

#include "test/fuzz/Differential.h"

#include "dialect/Interpreter/Compare.h"
#include "frontend/driver/Launcher.h"
#include "frontend/sema/Frontend.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <regex>
#include <sys/mman.h>
#include <unistd.h>

using namespace einfall;
using namespace einfall::driver;
using fuzz::Outcome;
using fuzz::Trial;
using llvm::StringRef;

namespace {
/// All values of all outputs, as the interpreter has them.
using Values = std::vector<std::vector<double>>;

/// A text, its diagnostics and what became of it.
struct Run {
  std::string diagnostics;
  Outcome outcome = Outcome::Agreed;
  Values values;
};
} // namespace

static Options optionsFor(uint64_t seed, const std::string &device) {
  static constexpr const char *layouts[] = {"dense", "padded", "permuted"};
  Options options;
  options.seed = seed;
  options.layout = layouts[seed % 3];
  options.device = device;
  options.prove = false;
  options.threads = 2;
  options.asWritten = device == "cpu" && seed % 4 == 0;
  return options;
}

static Run interpret(const std::string &text, uint64_t seed,
                     std::string *explicitly = nullptr) {
  Run run;
  run.outcome = Outcome::Rejected;
  Options options = optionsFor(seed, "cpu");
  Session session(options, &run.diagnostics);
  if (explicitly) {
    ein::SourceManager sources;
    ein::DiagnosticEngine diagnostics;
    unsigned id = sources.add("program.ein", text);
    auto program = ein::analyze(sources, id, {}, diagnostics);
    llvm::raw_string_ostream os(*explicitly);
    if (succeeded(program))
      for (const ein::ElaboratedKernel &kernel : program->kernels)
        ein::printExplicit(os, kernel);
  }
  auto program = Program::load(session, "program.ein", text);
  cascade::KernelOp kernel = program ? program->kernel("") : nullptr;
  if (!kernel)
    return run;
  run.outcome = Outcome::Unevaluated;
  auto arguments =
      KernelArguments::create(kernel, session, program->randomRanges(kernel));
  if (!arguments)
    return run;
  auto interpreter =
      interpreter::Interpreter::create(kernel, arguments->forInterpreter());
  if (failed(interpreter))
    return run;
  for (auto output : kernel.getBody().getOps<cascade::OutputOp>()) {
    auto values = interpreter->evaluateAll(output);
    if (failed(values))
      return run;
    run.values.push_back(std::move(*values));
  }
  run.outcome = Outcome::Agreed;
  return run;
}

/// Where two evaluations in double precision differ; empty where nowhere.
static std::string difference(const Values &a, const Values &b) {
  if (a.size() != b.size())
    return "the number of outputs";
  for (auto [number, pair] : llvm::enumerate(llvm::zip_equal(a, b))) {
    const auto &[first, second] = pair;
    if (first.size() != second.size())
      return "the size of output " + std::to_string(number);
    for (auto [at, values] : llvm::enumerate(llvm::zip_equal(first, second))) {
      auto [x, y] = values;
      bool same = x == y || (std::isnan(x) && std::isnan(y)) ||
                  std::abs(x - y) <= 1e-9 * (1 + std::abs(x) + std::abs(y));
      if (!same)
        return "output " + std::to_string(number) + " at " +
               std::to_string(at) + ": " + std::to_string(x) + " and " +
               std::to_string(y);
    }
  }
  return "";
}

/// The program as `check --explicit` prints it, with names that Ein has.
static std::string parseable(const std::string &text) {
  return std::regex_replace(text, std::regex("([A-Za-z_]\\w*)\\.([A-Za-z_])"),
                            "$1__$2");
}

/// Compiles and launches; compares with the interpreter.
static Run launch(const std::string &text, uint64_t seed,
                  const std::string &device) {
  Run run;
  int file = memfd_create("program", MFD_CLOEXEC);
  if (file < 0 || write(file, text.data(), text.size()) !=
                      static_cast<ssize_t>(text.size()))
    return run;
  Options options = optionsFor(seed, device);
  options.file = "/proc/self/fd/" + std::to_string(file);
  Session session(options, &run.diagnostics);
  run.outcome = Outcome::Refused;
  auto launcher = Launcher::create(session);
  close(file);
  if (!launcher)
    return run;
  run.outcome = Outcome::Differed;
  if (!launcher->launch())
    return run;
  auto checker = interpreter::Checker::create(
      launcher->kernel, launcher->arguments->forInterpreter());
  if (failed(checker))
    return run;
  bool good = true;
  for (auto [info, tensor] :
       llvm::zip_equal(launcher->arguments->interface.outputs,
                       launcher->arguments->getOutputs())) {
    auto report = checker->check(info.name, tensor.view);
    if (failed(report))
      return run;
    good &= report->accepted;
    if (!report->accepted)
      session.error(report->text());
  }
  if (good)
    run.outcome = Outcome::Agreed;
  return run;
}

Trial fuzz::tryProgram(const RandomProgram &drawn, uint64_t seed,
                       const std::string &device) {
  std::string explicitly;
  Run written = interpret(drawn.text, seed, &explicitly);
  if (written.outcome != Outcome::Agreed)
    return {written.outcome, written.diagnostics + drawn.text};
  auto differ = [&](std::string what, const std::string &text) {
    return Trial{Outcome::Differed, what + "\n" + drawn.text + "---\n" + text};
  };

  std::string again = parseable(explicitly);
  Run spelled = interpret(again, seed);
  // Conversions are not printed, so quotients may look like those of integers.
  bool isUntyped = StringRef(spelled.diagnostics).contains("[type.3]");
  if (spelled.outcome != Outcome::Agreed && !isUntyped)
    return differ("refused as `check --explicit` prints it\n" +
                      spelled.diagnostics,
                  again);
  if (std::string what = difference(written.values, spelled.values);
      !isUntyped && !what.empty())
    return differ("otherwise as `check --explicit` prints it: " + what, again);

  if (drawn.twin != drawn.text) {
    Run twin = interpret(drawn.twin, seed);
    if (twin.outcome != Outcome::Agreed)
      return differ("the twin is refused\n" + twin.diagnostics, drawn.twin);
    if (std::string what = difference(written.values, twin.values);
        !what.empty())
      return differ("the twin differs: " + what, drawn.twin);
  }
  Run compiled = launch(drawn.twin, seed, device);
  if (compiled.outcome == Outcome::Differed)
    return differ("wrong on " + device + "\n" + compiled.diagnostics,
                  drawn.twin);
  return {compiled.outcome, compiled.diagnostics};
}
