//===- TrafficCases.cpp - Closed forms of traffic against counts ----------===//
//
// For examples and both targets: compiles the device program once, with those
// extents alone that its plan needs, derives what every version moves
// (passes/Traffic), and for several launches runs the program on the emulated
// device and compares sectors of loads, copies and stores. So one expression is
// held against all launches.
//
//   traffic_cases CASES EXAMPLES [--all] [NAME ...]
//
// A line of CASES: example, fixed extents, launches, separated by tabs. Exit
// code 1 where an exact expression is not what was counted, an upper bound is
// below it, or `applies` is not what the device says; with --wrong, where one
// that was made wrong is not noticed.
//
//===----------------------------------------------------------------------===//

#include "codegen/emulated/DeviceToImage.h"
#include "frontend/driver/Launcher.h"
#include "passes/Traffic/Traffic.h"
#include "runtime/devices/emulated/Emulator.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"

#include <chrono>

using namespace einfall;
using namespace einfall::traffic;
namespace cl = llvm::cl;

static cl::OptionCategory category("traffic_cases");
static cl::opt<std::string> casesFile(cl::Positional, cl::Required,
                                      cl::desc("CASES"), cl::cat(category));
static cl::opt<std::string> examples(cl::Positional, cl::Required,
                                     cl::desc("EXAMPLES"), cl::cat(category));
static cl::list<std::string> names(cl::Positional, cl::desc("NAME..."),
                                   cl::cat(category));
static cl::opt<bool> all("all",
                         cl::desc("all launches of an example, not the first"),
                         cl::cat(category));
static cl::opt<bool> verbose("verbose", cl::desc("a line for each launch"),
                             cl::cat(category));
static cl::opt<std::string> wrong(
    "wrong",
    cl::desc("make expressions wrong: term (the first is left out), extent "
             "(of the first rank: one more)"),
    cl::cat(category));

static double now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

namespace {
struct Version {
  std::string name;
  std::vector<emulated::DeviceImage> images;
  std::optional<Traffic> traffic;
  std::string whyNot;
  std::vector<std::string> parameters;
};

struct Totals {
  unsigned launches = 0, exact = 0, wrong = 0;
};

/// An example compiled for a target.
class Subject {
public:
  Subject(std::string name, std::string target, std::string fixed)
      : name(std::move(name)), target(std::move(target)),
        fixedText(std::move(fixed)) {}
  bool compile();
  void launch(llvm::StringRef text, Totals &totals);

private:
  driver::Options optionsOf(llvm::StringRef launch) const;
  bool compare(const Version &version, const driver::KernelArguments &given,
               const emulated::Report &report, llvm::StringRef where,
               Totals &totals);

  std::string name, target, fixedText;
  driver::Options base;
  std::unique_ptr<driver::Session> session;
  std::unique_ptr<driver::Program> program;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::string> ranks;
  llvm::StringMap<int64_t> fixed;
  std::vector<Version> versions;
  double derivation = 0;
};
} // namespace

driver::Options Subject::optionsOf(llvm::StringRef launch) const {
  driver::Options options;
  options.file = examples + "/" + name + "/" + name + ".ein";
  options.prove = false;
  options.seed = 1;
  options.target = target;
  options.device = "emulated:" + target;
  options.threads = 1;
  for (llvm::StringRef text : {llvm::StringRef(fixedText), launch}) {
    llvm::SmallVector<llvm::StringRef> entries;
    text.split(entries, ',', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef entry : entries) {
      auto [key, value] = entry.split('=');
      int64_t number = 0;
      value.getAsInteger(10, number);
      if (ranks.empty() || llvm::is_contained(ranks, key))
        options.defines[key.str()] = number;
      else
        options.params[key.str()] = number;
    }
  }
  return options;
}

bool Subject::compile() {
  base = optionsOf("");
  for (auto &[rank, extent] : base.defines)
    fixed[rank] = extent;
  session = std::make_unique<driver::Session>(base);
  program = driver::Program::load(*session);
  if (!program)
    return false;
  cascade::KernelOp kernel = program->kernel("");
  if (!kernel)
    return false;
  auto interface = cascade::KernelInterface::of(kernel);
  ranks.assign(interface.ranks.begin(), interface.ranks.end());
  driver::PipelineOptions options;
  options.target = target;
  options.until = driver::Stage::Device;
  options.fixedExtents = fixed;
  auto result = driver::compileKernel(kernel, options, *session);
  if (!result)
    return false;
  module =
      mlir::parseSourceString<mlir::ModuleOp>(result->text, &session->context);
  if (!module)
    return false;
  for (llvm::ArrayRef<device::KernelOp> programs :
       device::versionsOf(*module)) {
    Version &version = versions.emplace_back();
    device::KernelOp first = programs.front();
    version.name = first.getSymName().str();
    for (mlir::Attribute each : first.getParameters())
      version.parameters.push_back(
          mlir::cast<mlir::StringAttr>(each).getValue().str());
    for (device::KernelOp each : programs) {
      auto image = translateToImage(each);
      if (mlir::failed(image))
        return false;
      std::string error;
      auto made = emulated::DeviceImage::make(std::move(*image), error);
      if (!made) {
        llvm::errs() << error << "\n";
        return false;
      }
      version.images.push_back(std::move(*made));
    }
    double begin = now();
    auto traffic = trafficOf(programs, interface, fixed);
    derivation += now() - begin;
    if (traffic)
      version.traffic = std::move(*traffic);
    else
      version.whyNot = llvm::toString(traffic.takeError());
  }
  return true;
}

void Subject::launch(llvm::StringRef text, Totals &totals) {
  std::string where = name + " " + target + " " + fixedText + " " + text.str();
  ++totals.launches;
  auto fail = [&](const std::string &why) {
    llvm::outs() << where << ": " << why << "\n";
    ++totals.wrong;
  };
  driver::Options options = optionsOf(text);
  driver::Session here(options);
  auto loaded = driver::Program::load(here);
  cascade::KernelOp kernel = loaded ? loaded->kernel("") : cascade::KernelOp();
  auto arguments = kernel ? driver::KernelArguments::create(
                                kernel, here, loaded->randomRanges(kernel))
                          : nullptr;
  if (!arguments)
    return fail("has no arguments");
  emulated::Launch launch;
  launch.arguments = driver::deviceParameters(*arguments);
  launch.buffers = driver::deviceBuffers(*arguments);
  launch.threads = 1;
  for (const Version &version : versions) {
    launch.image = &version.images.front();
    launch.then.clear();
    for (const emulated::DeviceImage &next : llvm::drop_begin(version.images))
      launch.then.push_back(&next);
    emulated::Report report = emulated::run(launch);
    if (!report.messages.empty())
      return fail(report.str());
    bool holds = compare(version, *arguments, report,
                         where + " " + version.name, totals);
    if (!holds)
      ++totals.wrong;
    if (!holds || report.applies)
      return;
  }
  fail("no version applies");
}

static llvm::StringRef nameOf(Direction direction) {
  return direction == Direction::Load   ? "loads"
         : direction == Direction::Copy ? "copies"
                                        : "stores";
}

bool Subject::compare(const Version &version,
                      const driver::KernelArguments &given,
                      const emulated::Report &report, llvm::StringRef where,
                      Totals &totals) {
  if (!version.traffic) {
    if (report.applies)
      llvm::outs() << where << ": " << version.whyNot << "\n";
    return !report.applies;
  }
  const cascade::KernelInterface &interface = given.interface;
  certificate::Environment environment;
  for (const std::string &rank : interface.ranks)
    environment.extents[rank] = static_cast<long>(given.extent(rank));
  std::vector<uint64_t> words = driver::deviceParameters(given);
  for (auto [parameter, word] : llvm::zip(version.parameters, words))
    environment.coordinates[parameter] = static_cast<long>(word);
  // Tensors begin at 0.
  for (const auto *tensors : {&interface.inputs, &interface.outputs})
    for (const auto &tensor : *tensors)
      environment.coordinates[tensor.name] = 0;
  bool failed = false;
  auto valueOf = [&](const certificate::Expression &expression) -> int64_t {
    auto value = expression.evaluate(environment);
    if (value)
      return value->get_si();
    llvm::outs() << where << ": " << value.error() << "\n";
    failed = true;
    return 0;
  };
  int64_t applies = valueOf(version.traffic->applies);
  if (failed || applies != report.applies) {
    llvm::outs() << where << ": applies is " << applies << ", the device says "
                 << report.applies << "\n";
    return false;
  }
  if (!report.applies)
    return true;
  if (wrong == "extent")
    environment.extents[interface.ranks.front()] += 1;
  const std::pair<Direction, uint64_t> counts[] = {
      {Direction::Load, report.counters.loadSectors},
      {Direction::Copy, report.counters.copySectors},
      {Direction::Store, report.counters.storeSectors}};
  bool good = true;
  uint64_t nodes = 0;
  std::string line;
  double begin = now();
  for (auto [direction, counted] : counts) {
    int64_t derived = 0;
    bool isExact = true, first = true;
    for (const TrafficTerm &term : version.traffic->terms) {
      if (term.direction != direction)
        continue;
      nodes += term.sectors.size();
      isExact &= term.isExact;
      if (!(wrong == "term" && first))
        derived += valueOf(term.sectors);
      first = false;
    }
    bool holds =
        isExact ? derived == int64_t(counted) : derived >= int64_t(counted);
    good &= holds;
    line += llvm::formatv(", {0} {1} {2} {3}", nameOf(direction), counted,
                          !holds    ? "is not"
                          : isExact ? "=="
                                    : "<=",
                          derived);
  }
  totals.exact += good && version.traffic->isExact() && !failed;
  if (verbose || ((!good || failed) && wrong.empty()))
    llvm::outs() << where << line
                 << llvm::formatv(" | {0} nodes, derived in {1:f2} s, "
                                  "evaluated in {2:f2} s\n",
                                  nodes, derivation, now() - begin);
  return good && !failed;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "traffic of device programs\n");
  auto buffer = llvm::MemoryBuffer::getFile(casesFile);
  if (!buffer) {
    llvm::errs() << "cannot read " << casesFile << "\n";
    return 1;
  }
  Totals totals;
  llvm::SmallVector<llvm::StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines) {
    llvm::SmallVector<llvm::StringRef> fields, launches;
    line.split(fields, '\t');
    if (line.starts_with("#") || fields.size() != 3 ||
        (!names.empty() && !llvm::is_contained(names, fields[0].str())))
      continue;
    fields[2].split(launches, ' ', -1, /*KeepEmpty=*/false);
    if (!all)
      launches.truncate(1);
    for (const char *target : {"sm_80", "sm_90a"}) {
      Subject subject(fields[0].str(), target, fields[1].str());
      if (!subject.compile()) {
        llvm::outs() << fields[0] << " " << target << ": does not compile\n";
        ++totals.wrong;
        continue;
      }
      for (llvm::StringRef launch : launches)
        subject.launch(launch, totals);
      llvm::outs().flush();
    }
  }
  llvm::outs() << totals.launches << " launches, " << totals.exact << " exact, "
               << totals.wrong << " wrong\n";
  return wrong.empty() ? totals.wrong != 0 : totals.wrong == 0;
}
