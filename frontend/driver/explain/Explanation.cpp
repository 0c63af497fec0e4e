//===- Explanation.cpp - What a kernel moves, and why ---------------------===//

#include "frontend/driver/explain/Explanation.h"
#include "frontend/driver/Launcher.h"
#include "frontend/driver/explain/Page.h"
#include "passes/Bounds/IndexExpressions.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Traffic/CpuModel.h"
#include "passes/Traffic/Memory.h"
#include "passes/Traffic/Traffic.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;
using llvm::formatv;
namespace cert = einfall::certificate;

//===----------------------------------------------------------------------===//
// The schedule
//===----------------------------------------------------------------------===//

namespace {
/// What of the schedule is looked at while the kernel is compiled.
class Observed {
public:
  /// A launch with these extents and integer parameters ("has w" is 1).
  Observed(const std::map<std::string, int64_t> &extents,
           llvm::StringMap<int64_t> numbers)
      : extents(extents), numbers(std::move(numbers)) {
    for (const auto &[rank, extent] : extents)
      fixed[rank] = extent;
  }

  std::vector<Equation> derived;
  PassReport passes;
  std::vector<WarpGroupTrace> trace;
  std::string program;
  std::optional<traffic::Traffic> traffic;
  std::optional<traffic::CpuTraffic> onCpu;
  std::string whyNoTraffic;

  void look(cascade::KernelOp kernel) {
    derived = equationsOf(kernel);
    passes = analysePasses(kernel);
  }
  void look(mlir::ModuleOp module, const cascade::KernelInterface &interface);
  void lookAtLoops(mlir::ModuleOp module,
                   const cascade::KernelInterface &interface, int64_t cores);

private:
  const std::map<std::string, int64_t> &extents;
  llvm::StringMap<int64_t> fixed, numbers;
};
} // namespace

/// The extents as expressions know them.
static cert::Environment
environmentOf(const std::map<std::string, int64_t> &extents) {
  cert::Environment environment;
  for (const auto &[rank, extent] : extents)
    environment.extents[rank] = static_cast<long>(extent);
  return environment;
}

/// Looks at the loops of a processor, as they are once what is loaded twice
/// without a store between is loaded once.
void Observed::lookAtLoops(mlir::ModuleOp module,
                           const cascade::KernelInterface &interface,
                           int64_t cores) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  mlir::PassManager passes(module.getContext());
  passes.addPass(mlir::createCSEPass());
  if (mlir::failed(passes.run(*copy))) {
    whyNoTraffic = "the loops are not valid";
    return;
  }
  llvm::Expected<traffic::CpuTraffic> found =
      traffic::cpuTrafficOf(*copy, interface, fixed, numbers, cores);
  if (found)
    onCpu = std::move(*found);
  else
    whyNoTraffic = llvm::toString(found.takeError());
}

/// Looks at the first version that a launch takes.
void Observed::look(mlir::ModuleOp module,
                    const cascade::KernelInterface &interface) {
  for (llvm::ArrayRef<device::KernelOp> version : device::versionsOf(module)) {
    llvm::Expected<traffic::Traffic> found =
        traffic::trafficOf(version, interface, fixed, numbers);
    if (!found) {
      whyNoTraffic = llvm::toString(found.takeError());
      continue;
    }
    auto applies = found->applies.evaluate(environmentOf(extents));
    if (!applies) {
      whyNoTraffic = "whether a version applies: " + applies.error();
      continue;
    }
    if (*applies == 0)
      continue;
    device::KernelOp first = version.front();
    program = first.getSymName().str();
    trace = traceOf(first, /*tiles=*/6);
    traffic = std::move(*found);
    whyNoTraffic.clear();
    return;
  }
}

/// The kernel's integer parameters as a launch with these options has them:
/// each is given, be it its default.
static llvm::StringMap<int64_t>
parametersOf(cascade::KernelOp kernel,
             const std::map<std::string, double> &given,
             const cert::Environment &environment) {
  bounds::IndexExpressions expressions(given, environment.extents);
  llvm::StringMap<int64_t> numbers;
  for (auto param : kernel.getBody().getOps<cascade::ParamOp>()) {
    auto value = expressions.of(param.getResult(), {});
    if (!value)
      continue;
    if (auto number = value->evaluate(environment);
        number && number->fits_slong_p()) {
      numbers["has " + param.getName().str()] = 1;
      numbers[param.getName().str()] = number->get_si();
    }
  }
  return numbers;
}

/// Adds what a schedule moves over `boundary`, by its terms; why not, where
/// that is not known.
static std::string addTerms(cert::Boundary &boundary,
                            cert::ScheduleTraffic schedule,
                            const cert::Environment &environment) {
  for (const cert::ScheduleTraffic::Term &term : schedule.terms) {
    auto value = term.times.evaluate(environment);
    if (!value)
      return term.what + ": " + value.error();
    schedule.total += *value * static_cast<long>(term.bytes);
  }
  boundary.schedule = std::move(schedule);
  if (boundary.lowerBytes > 0) {
    boundary.ratio = mpq_class(boundary.schedule->total, boundary.lowerBytes);
    boundary.ratio.canonicalize();
  }
  return "";
}

/// The innermost boundary is crossed as the program says; those further out as
/// a model says (passes/Traffic/Memory.h).
static std::string addSchedule(cert::Certificate &certificate,
                               const traffic::Traffic &traffic,
                               const cascade::KernelInterface &interface,
                               const Machine &machine,
                               std::vector<std::string> &notes) {
  cert::Environment environment = environmentOf(certificate.extents);
  std::vector<cert::ScheduleTraffic::Term> exact, modelled;
  for (const traffic::TrafficTerm &term : traffic.terms) {
    std::string what =
        term.what +
        (term.direction == traffic::Direction::Store ? ", stored" : ", loaded");
    if (!term.isExact)
      notes.push_back("schedule, at most: " + what + ", " + term.note);
    exact.push_back({std::move(what), 32, term.sectors, std::nullopt});
  }
  llvm::StringMap<int64_t> fixed;
  for (const auto &[rank, extent] : certificate.extents)
    fixed[rank] = extent;
  auto &boundaries = certificate.boundaries;
  traffic::MemoryTraffic memory = traffic::memoryTrafficOf(
      traffic, interface, fixed,
      {machine.units, machine.levels[1].memories.front().bytes});
  for (const traffic::MemoryTerm &term : memory.terms)
    modelled.push_back({term.what, 1, term.bytes, std::nullopt});
  for (size_t i = 0; i < boundaries.size(); ++i) {
    bool isInnermost = i + 1 == boundaries.size();
    cert::ScheduleTraffic schedule;
    schedule.counted = !isInnermost        ? "modelled"
                       : traffic.isExact() ? "exact"
                                           : "at most";
    schedule.terms = isInnermost ? exact : modelled;
    std::string why = addTerms(boundaries[i], std::move(schedule), environment);
    if (!why.empty())
      return why;
  }
  return "";
}

/// Every boundary of a processor is crossed as a model says
/// (passes/Traffic/CpuModel.h) of what the program asks for.
static std::string addCpuSchedule(cert::Certificate &certificate,
                                  const traffic::CpuTraffic &traffic,
                                  const cascade::KernelInterface &interface,
                                  const Machine &machine,
                                  std::vector<std::string> &notes) {
  for (const traffic::CpuTerm &term : traffic.asked)
    if (!term.isExact)
      notes.push_back("schedule, at most: " + term.what +
                      (term.direction == traffic::Direction::Store
                           ? ", stored"
                           : ", loaded") +
                      ", " + term.note);
  std::vector<traffic::CpuLevel> levels;
  for (const MemoryLevel &level : llvm::drop_begin(machine.levels))
    levels.push_back({level.memories.front().name, level.units,
                      level.memories.front().bytes});
  auto model = traffic::cpuModelOf(traffic, interface, certificate.extents,
                                   levels, machine.units);
  if (!model)
    return llvm::toString(model.takeError());
  cert::Environment environment = environmentOf(certificate.extents);
  for (auto [boundary, schedule] :
       llvm::zip_equal(certificate.boundaries, *model)) {
    for (const cert::ScheduleTraffic::Term &term : schedule.terms)
      if (term.asked) {
        auto asked = term.asked->evaluate(environment);
        if (!asked)
          return term.what + ": " + asked.error();
        schedule.asked += *asked;
      }
    std::string why = addTerms(boundary, std::move(schedule), environment);
    if (!why.empty())
      return why;
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Putting it together
//===----------------------------------------------------------------------===//

/// Of a kernel that only the interpreter runs.
static KernelReport reportOfWritten(cascade::KernelOp kernel,
                                    const PassReport &passes) {
  KernelReport report;
  report.kernel = kernel.getSymName().str();
  report.planKind = "none";
  for (const RankPasses &rank : passes.ranks)
    report.passes.push_back({rank.rank, rank.passes, rank.passes, {}, {}});
  return report;
}

static std::string hashOf(llvm::StringRef text) {
  llvm::SHA256 hash;
  hash.update(text);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

std::optional<ExplainedKernel>
einfall::driver::explainKernel(cascade::KernelOp kernel,
                               PipelineOptions pipeline, const Machine &machine,
                               const Program &program, Session &session) {
  bounds::BoundsOptions options;
  options.extents = pipeline.fixedExtents;
  options.parameters = session.options.params;
  options.target = pipeline.target;
  options.source = hashOf(program.sourceText);
  std::map<std::string, int64_t> extents;
  if (auto known = bounds::extentsOf(kernel, options))
    extents = *known;
  else
    llvm::consumeError(known.takeError());
  // The program that a launch with these extents compiles: those that a kernel
  // declares of others are known as well.
  for (const auto &[rank, extent] : extents)
    pipeline.fixedExtents[rank] = extent;
  Observed observed(extents, parametersOf(kernel, options.parameters,
                                          environmentOf(extents)));
  auto interface = cascade::KernelInterface::of(kernel);
  pipeline.observeDerived = [&](cascade::KernelOp folds) {
    observed.look(folds);
  };
  pipeline.observeLoops = [&](mlir::ModuleOp module) {
    observed.lookAtLoops(module, interface, machine.units);
  };
  pipeline.observeDevice = [&](mlir::ModuleOp module) {
    observed.look(module, interface);
  };
  ExplainedKernel explained;
  Explanation &explanation = explained.explanation;
  std::vector<NotLowered> notLowered = findNotLowered(kernel);
  if (notLowered.empty()) {
    std::optional<PipelineResult> result =
        compileKernel(kernel, pipeline, session);
    if (!result)
      return std::nullopt;
    explained.report = std::move(result->report);
  } else {
    observed.look(kernel);
    explained.report = reportOfWritten(kernel, observed.passes);
    observed.whyNoTraffic =
        "there is none: " + notLowered.front().what + " cannot be lowered yet";
  }
  explanation.derived = std::move(observed.derived);
  explanation.program = observed.program;
  explanation.clockHz = machine.clockHz;
  if (!observed.trace.empty())
    explanation.timeline = playTrace(observed.trace, machine);
  auto found = bounds::boundsOf(kernel, observed.passes, machine, options);
  if (!found) {
    explanation.whyNoBounds = llvm::toString(found.takeError());
    return explained;
  }
  explanation.bounds = std::move(*found);
  explanation.bounds.certificate.choice = explained.report.claim;
  explanation.bounds.certificate.sizes = explained.report.sizes;
  if (observed.traffic)
    observed.whyNoTraffic =
        addSchedule(explanation.bounds.certificate, *observed.traffic,
                    interface, machine, explanation.bounds.notes);
  else if (observed.onCpu)
    observed.whyNoTraffic =
        addCpuSchedule(explanation.bounds.certificate, *observed.onCpu,
                       interface, machine, explanation.bounds.notes);
  if (!observed.whyNoTraffic.empty())
    explanation.bounds.notes.push_back(
        "the traffic of the schedule is not known: " + observed.whyNoTraffic);
  return explained;
}

int einfall::driver::count(ExplainedKernel &kernel, const Machine &machine,
                           Session &session) {
  const cert::Certificate &certificate = kernel.explanation.bounds.certificate;
  Options options = session.options;
  bool onCpu = options.target == "cpu";
  options.device = onCpu ? "cpu" : "emulated:" + options.target;
  options.kernel = kernel.report.kernel;
  options.seed = options.seed.value_or(0);
  options.prove = false;     // done already
  Session counting(options); // prints what is wrong
  std::unique_ptr<Launcher> launcher =
      onCpu ? Launcher::createCounting(counting, machine.units)
            : Launcher::create(counting);
  std::optional<double> seconds;
  if (launcher)
    seconds = launcher->launch();
  if (!seconds) {
    session.error("kernel `" + kernel.report.kernel + "` did not run on " +
                  options.device + ": nothing was counted");
    return launcher ? exitInternal : counting.result(exitMissing);
  }
  kernel.explanation.counted = launcher->globalBytes();
  std::string wrong =
      contradiction(certificate, *kernel.explanation.counted, onCpu);
  if (wrong.empty())
    return exitSuccess;
  session.error(wrong + ": this is a fault of the compiler\n" +
                launcher->counted());
  return exitInternal;
}

std::string einfall::driver::contradiction(const cert::Certificate &certificate,
                                           uint64_t counted, bool onCpu) {
  if (certificate.boundaries.empty() || !certificate.boundaries.back().schedule)
    return "";
  const cert::ScheduleTraffic &claim = *certificate.boundaries.back().schedule;
  const mpz_class &claimed = onCpu ? claim.asked : claim.total;
  bool isExact = onCpu ? claim.counted == "modelled" : claim.counted == "exact";
  mpz_class bytes = static_cast<unsigned long>(counted);
  if (isExact ? bytes == claimed : bytes <= claimed)
    return "";
  return (onCpu
              ? "the kernel asks its tensors for " + bytes.get_str() + " bytes"
              : "the emulated device counts " + bytes.get_str() +
                    " bytes at the boundary " +
                    certificate.boundaries.back().name) +
         ", the schedule's form " + claimed.get_str() + " (" +
         (isExact ? "exact" : "at most") + ")";
}

std::string einfall::driver::describe(const cert::Bound &bound) {
  if (std::holds_alternative<cert::CompulsoryBound>(bound.claim))
    return "compulsory";
  if (auto *passes = std::get_if<cert::PassesBound>(&bound.claim))
    return formatv("{0} passes over {1}", passes->barriers.size() + 1,
                   passes->tensor)
        .str();
  if (auto *attention = std::get_if<cert::AttentionBound>(&bound.claim)) {
    std::string text = formatv("attention, theorem {0}", attention->theorem);
    return attention->regime ? text + " (" + attention->regime + ")"
                             : formatv("{0}: partial sums of {1} bits", text,
                                       attention->words.output)
                                   .str();
  }
  if (std::holds_alternative<cert::BackwardBound>(bound.claim))
    return "backward of attention, theorem 10";
  const auto &contraction = std::get<cert::ContractionBound>(bound.claim);
  std::string text = "contraction of ";
  for (auto [i, operand] : llvm::enumerate(contraction.operands))
    text += (i ? ", " : "") + operand.tensor;
  return text;
}

/// "4.1", with as many digits as say something.
static std::string ratioText(const mpq_class &ratio) {
  double value = ratio.get_d();
  return formatv(value < 10 ? "{0:f2}" : "{0:f1}", value).str();
}

static bool hasAsked(const cert::Boundary &boundary) {
  return boundary.schedule && boundary.schedule->hasAsked();
}

void einfall::driver::print(llvm::raw_ostream &os,
                            const Explanation &explanation) {
  const cert::Certificate &certificate = explanation.bounds.certificate;
  if (!explanation.whyNoBounds.empty()) {
    os << "  no bounds: " << explanation.whyNoBounds << "\n";
    return;
  }
  os << "  bytes that any schedule moves, and this one ("
     << certificate.machineName;
  for (const auto &[rank, extent] : certificate.extents)
    os << ", " << rank << " = " << extent;
  os << ")\n";
  for (const cert::Boundary &boundary : certificate.boundaries) {
    os << "    " << boundary.name << ": at least "
       << bytesText(boundary.lowerBytes.get_d()) << " ("
       << describe(boundary.bounds[boundary.lowerBound]) << ")";
    if (boundary.schedule) {
      os << "; this schedule " << bytesText(boundary.schedule->total.get_d())
         << " (" << boundary.schedule->counted << ")";
      if (boundary.lowerBytes > 0)
        os << ", ratio " << ratioText(boundary.ratio);
    }
    bool isInnermost = &boundary == &certificate.boundaries.back();
    if (explanation.counted && isInnermost && !hasAsked(boundary))
      os << "; counted " << bytesText(double(*explanation.counted));
    os << "\n";
    if (!isInnermost || !hasAsked(boundary))
      continue;
    os << "    the program asks its tensors for "
       << bytesText(boundary.schedule->asked.get_d()) << " ("
       << (boundary.schedule->counted == "modelled" ? "exact" : "at most")
       << ")";
    if (explanation.counted)
      os << "; counted " << bytesText(double(*explanation.counted));
    os << "\n";
  }
  for (const std::string &note : explanation.bounds.notes)
    os << "    " << note << "\n";
}

PageContent einfall::driver::pageOf(const ExplainedKernel &kernel,
                                    const Program &program,
                                    const Machine &machine,
                                    llvm::StringRef target) {
  PageContent page;
  const Explanation &explanation = kernel.explanation;
  const cert::Certificate &certificate = explanation.bounds.certificate;
  page.report = kernel.report;
  page.target = target.str();
  page.machine = machine.title;
  page.source = program.sourceText.str();
  page.derived = explanation.derived;
  page.timeline = explanation.timeline;
  page.clockHz = machine.clockHz;
  page.flop = explanation.bounds.flop;
  for (const auto &[rank, extent] : certificate.extents)
    page.extents += (page.extents.empty() ? "" : ", ") + rank + " = " +
                    std::to_string(extent);
  std::vector<Boundary> described = boundariesOf(machine);
  for (auto [i, boundary] : llvm::enumerate(certificate.boundaries)) {
    PageBoundary row;
    row.name = boundary.name;
    row.bytesPerSecond = described[i].bytesPerSecond;
    row.lower = boundary.lowerBytes.get_d();
    row.lowerKind = describe(boundary.bounds[boundary.lowerBound]);
    if (boundary.schedule) {
      row.schedule = boundary.schedule->total.get_d();
      row.scheduleKind = boundary.schedule->counted;
    }
    page.boundaries.push_back(std::move(row));
  }
  if (explanation.counted && !page.boundaries.empty() &&
      !hasAsked(certificate.boundaries.back()))
    page.boundaries.back().counted = double(*explanation.counted);
  double perClock = double(machine.units) * machine.clockHz;
  if (int64_t matrix = machine.matrixFlopPerClock("f16"))
    page.peaks.push_back({"matrix units, 16 bits", perClock * double(matrix)});
  page.peaks.push_back(
      {"fused multiply-adds, f32", perClock * double(machine.fmaFlopPerClock)});
  return page;
}
