//===- Explanation.cpp - What a kernel moves, and why ---------------------===//

#include "frontend/driver/explain/Explanation.h"
#include "frontend/driver/explain/Page.h"
#include "passes/Derive/Derive.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Traffic/Traffic.h"

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
  Observed(const llvm::StringMap<int64_t> &extents) : extents(extents) {}

  std::vector<Equation> derived;
  PassReport passes;
  std::vector<WarpGroupTrace> trace;
  std::string program;
  std::optional<traffic::Traffic> traffic;
  std::string whyNoTraffic;

  void look(cascade::KernelOp kernel) {
    derived = equationsOf(kernel);
    passes = analysePasses(kernel);
  }
  void look(mlir::ModuleOp module, const cascade::KernelInterface &interface);

private:
  const llvm::StringMap<int64_t> &extents;
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

/// Looks at the first version that a launch takes.
void Observed::look(mlir::ModuleOp module,
                    const cascade::KernelInterface &interface) {
  std::map<std::string, int64_t> known;
  for (const auto &[rank, extent] : extents)
    known[rank.str()] = extent;
  for (llvm::ArrayRef<device::KernelOp> version : device::versionsOf(module)) {
    llvm::Expected<traffic::Traffic> found =
        traffic::trafficOf(version, interface, extents);
    if (!found) {
      whyNoTraffic = llvm::toString(found.takeError());
      continue;
    }
    auto applies = found->applies.evaluate(environmentOf(known));
    if (!applies || *applies == 0)
      continue;
    device::KernelOp first = version.front();
    program = first.getSymName().str();
    trace = traceOf(first, /*tiles=*/6);
    traffic = std::move(*found);
    whyNoTraffic.clear();
    return;
  }
}

/// The innermost boundary is crossed as the program says; the others as a model
/// does: what lies there is fetched once if all of it fits, and as often as the
/// inner boundary asks if not.
static void addSchedule(cert::Certificate &certificate,
                        const traffic::Traffic &traffic,
                        std::vector<std::string> &notes) {
  cert::Environment environment = environmentOf(certificate.extents);
  auto &boundaries = certificate.boundaries;
  for (size_t i = boundaries.size(); i-- > 0;) {
    cert::Boundary &boundary = boundaries[i];
    cert::ScheduleTraffic schedule;
    bool isInnermost = i + 1 == boundaries.size();
    schedule.counted = !isInnermost ? "modelled"
                       : traffic.isExact() ? "exact"
                                           : "at most";
    mpz_class footprint = 0;
    for (const cert::Tensor &tensor : certificate.tensors)
      footprint += tensor.bytes;
    bool fits = footprint <= boundary.capacity;
    if (isInnermost || !fits) {
      for (const traffic::TrafficTerm &term : traffic.terms)
        schedule.terms.push_back(
            {term.what + (term.direction == traffic::Direction::Store
                              ? ", stored"
                              : ", loaded"),
             32, term.sectors});
    } else {
      for (const cert::Tensor &tensor : certificate.tensors) {
        mpz_class bytes = (tensor.elements * tensor.bits + 7) / 8;
        schedule.terms.push_back({tensor.name + ", once", 1,
                                  cert::Expression::number(bytes)});
      }
    }
    for (const cert::ScheduleTraffic::Term &term : schedule.terms) {
      auto times = term.times.evaluate(environment);
      if (!times) {
        notes.push_back("the traffic of the schedule is not known: " + term.what +
                        ": " + times.error());
        return;
      }
      schedule.total += *times * static_cast<long>(term.bytes);
    }
    boundary.schedule = std::move(schedule);
    if (boundary.lowerBytes > 0) {
      boundary.ratio = mpq_class(boundary.schedule->total, boundary.lowerBytes);
      boundary.ratio.canonicalize();
    }
  }
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
  Observed observed(pipeline.fixedExtents);
  auto interface = cascade::KernelInterface::of(kernel);
  pipeline.observeDerived = [&](cascade::KernelOp folds) {
    observed.look(folds);
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
  bounds::BoundsOptions options;
  options.extents = pipeline.fixedExtents;
  options.parameters = session.options.params;
  options.target = pipeline.target;
  options.source = hashOf(program.sourceText);
  auto found = bounds::boundsOf(kernel, observed.passes, machine, options);
  if (!found) {
    explanation.whyNoBounds = llvm::toString(found.takeError());
    return explained;
  }
  explanation.bounds = std::move(*found);
  if (observed.traffic)
    addSchedule(explanation.bounds.certificate, *observed.traffic,
                explanation.bounds.notes);
  else if (!observed.whyNoTraffic.empty())
    explanation.bounds.notes.push_back(
        "the traffic of the schedule is not known: " + observed.whyNoTraffic);
  return explained;
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
    return attention->regime ? text + " (" + attention->regime + ")" : text;
  }
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

void einfall::driver::print(llvm::raw_ostream &os,
                            const Explanation &explanation) {
  const cert::Certificate &certificate = explanation.bounds.certificate;
  if (!explanation.whyNoBounds.empty()) {
    os << "  no bounds: " << explanation.whyNoBounds << "\n";
    return;
  }
  os << "  bytes that any schedule moves, and this one (" << certificate.machineName;
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
  double perClock = double(machine.units) * machine.clockHz;
  if (int64_t matrix = machine.matrixFlopPerClock("f16"))
    page.peaks.push_back({"matrix units, 16 bits", perClock * double(matrix)});
  page.peaks.push_back(
      {"fused multiply-adds, f32", perClock * double(machine.fmaFlopPerClock)});
  return page;
}
