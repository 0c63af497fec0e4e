//===- Bench.cpp - einfall bench ------------------------------------------===//
//
// Times one kernel: the median of repeated launches and their spread, as
// operations and bytes a second and as shares of peaks that are measured in the
// same run. Operations are those of the written cascade's contractions, two for
// a multiply-add, at coordinates that exist: work that a kernel saves by a mask
// is not counted, work that it adds is not either.
//
//===----------------------------------------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/Launcher.h"
#include "frontend/driver/Probes.h"
#include "frontend/driver/Work.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cstdio>
#include <sys/resource.h>

using namespace einfall::driver;

namespace {
struct Timing {
  double median = 0, low = 0, high = 0; // seconds; 10th and 90th percentile
  size_t count = 0;
};
} // namespace

static Timing summarise(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  auto at = [&](double share) {
    return seconds[static_cast<size_t>(share * (seconds.size() - 1) + 0.5)];
  };
  return {at(0.5), at(0.1), at(0.9), seconds.size()};
}

/// What repeated launches took, and what the machine gave beside them.
struct Measurement {
  std::vector<double> seconds;
  std::vector<double> shares;     ///< of the FMA rate around each launch
  std::vector<double> rates;      ///< the FMA rates, operations a second
  std::vector<double> readShares; ///< of the read bandwidth around a launch
  std::vector<double> readRates;  ///< bytes a second
};

/// Launches until `repetitions`, or for about two seconds. Before and after
/// each launch the multiply-adds that the machine gives at that moment are
/// measured, for a quarter of a launch's time: with other programs on the
/// machine a peak that was measured at another moment says nothing.
static Measurement measure(CpuLauncher &launcher, unsigned repetitions,
                           double operations, double bytes) {
  Measurement result;
  double once = *launcher.launch(); // warm caches and pages; not counted
  once = std::min(once, *launcher.launch());
  unsigned wanted = repetitions;
  if (!wanted)
    wanted = std::clamp(2.0 / std::max(once, 1e-7), 5.0, 10000.0);
  double probe = std::clamp(once / 4, 0.002, 0.1);
  // A launch that is much shorter than a probe shares one with its neighbours.
  unsigned each = std::max(1.0, probe / std::max(once, 1e-7));
  double before = measureFmaRate(launcher.threadPool(), probe).flops;
  while (result.seconds.size() < wanted) {
    size_t first = result.seconds.size();
    for (unsigned i = 0; i < each; ++i)
      result.seconds.push_back(*launcher.launch());
    double after = measureFmaRate(launcher.threadPool(), probe).flops;
    for (size_t i = first; i < result.seconds.size(); ++i)
      result.shares.push_back(operations / result.seconds[i] /
                              ((before + after) / 2));
    result.rates.push_back(after);
    before = after;
  }
  // Reads evict what caches hold of the inputs, so these launches are others.
  ReadProbe reads(launcher.threadPool());
  before = reads.measure(probe);
  for (int round = 0; round < 9; ++round) {
    double seconds = *launcher.launch(), after = reads.measure(probe);
    if (before + after > 0)
      result.readShares.push_back(bytes / seconds / ((before + after) / 2));
    result.readRates.push_back(after);
    before = after;
  }
  return result;
}

/// The most memory that this process had at once so far, in bytes.
static double peakMemory() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024.0;
}

/// For comparisons that alternate with another program: first the operations
/// and bytes of a launch, the seconds of compilation and the plan in a line;
/// then for every line on standard input one launch, its seconds in a line, or,
/// for the lines "fma SECONDS" and "reads SECONDS", the FMA rate and the read
/// bandwidth over about that time, for the line "clock", the observed clock and
/// the operations a cycle of all threads.
static int serve(CpuLauncher &launcher, double operations) {
  launcher.launch();
  auto answer = [](auto &&...values) {
    llvm::outs() << llvm::format(values...);
    llvm::outs().flush();
  };
  answer("%.0f %.0f %.4f %s\n", operations, launcher.arguments->bytes(),
         launcher.compileSeconds, launcher.report.planKind.c_str());
  ReadProbe reads(launcher.threadPool());
  std::string line;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    double seconds;
    if (std::sscanf(line.c_str(), "fma %lf", &seconds) == 1)
      answer("%.6g\n", measureFmaRate(launcher.threadPool(), seconds).flops);
    else if (std::sscanf(line.c_str(), "reads %lf", &seconds) == 1)
      answer("%.6g\n", reads.measure(seconds));
    else if (line == "clock")
      answer("%.6g %.6g\n", measureClock(),
             operationsPerCycle() * launcher.threads());
    else
      answer("%.9f\n", *launcher.launch());
    line.clear();
  }
  return exitSuccess;
}

int einfall::driver::bench(const Options &options) {
  Session session(options);
  if (options.device != "cpu") {
    session.error("device `" + options.device + "` cannot be timed")
        .remedy("speed is measured on cpu; an emulated device has none");
    return exitMissing;
  }
  std::unique_ptr<Launcher> created = Launcher::create(session);
  if (!created)
    return exitInput;
  auto *launcher = static_cast<CpuLauncher *>(created.get());
  if (options.serve)
    return serve(*launcher,
                 countContractions(launcher->kernel, *launcher->arguments));
  launcher->launch();
  double memory = peakMemory();
  unsigned threads = launcher->threads();
  double operations = countContractions(launcher->kernel, *launcher->arguments);
  double bytes = launcher->arguments->bytes();
  Measurement measured =
      measure(*launcher, options.repetitions, operations, bytes);
  Timing timing = summarise(measured.seconds);
  Timing share = summarise(measured.shares);
  double peak = summarise(measured.rates).median;
  double bandwidth = summarise(measured.readRates).median;
  double readShare =
      measured.readShares.empty() ? 0 : summarise(measured.readShares).median;
  double sheet = measureClock() * operationsPerCycle() * threads;
  double rate = operations / timing.median, traffic = bytes / timing.median;
  std::string extents = launcher->arguments->describeExtents();
  if (options.json) {
    llvm::json::Object result{
        {"version", 1},
        {"kernel", launcher->report.kernel},
        {"plan", launcher->report.planKind},
        {"extents", extents},
        {"processor", describeProcessor()},
        {"threads", threads},
        {"compileSeconds", launcher->compileSeconds},
        {"repetitions", static_cast<int64_t>(timing.count)},
        {"seconds", timing.median},
        {"seconds10", timing.low},
        {"seconds90", timing.high},
        {"operations", operations},
        {"bytes", bytes},
        {"peakMemoryBytes", memory},
        {"gflops", rate / 1e9},
        {"gbytes", traffic / 1e9},
        {"peakGflops", peak / 1e9},
        {"clockGflops", sheet / 1e9},
        {"peakGbytes", bandwidth / 1e9},
        {"shareOfFmaPeak", share.median},
        {"shareOfFmaPeak10", share.low},
        {"shareOfFmaPeak90", share.high},
        {"shareOfReadPeak", readShare}};
    llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(std::move(result)))
                 << "\n";
    return session.result();
  }
  llvm::outs()
      << launcher->report.kernel << " [" << extents << "], "
      << launcher->report.planKind << ", " << threads << " threads, "
      << describeProcessor() << "\n"
      << llvm::format("  time       %.3f ms median, %.3f to %.3f (10%% to 90%% "
                      "of %zu)\n",
                      timing.median * 1e3, timing.low * 1e3, timing.high * 1e3,
                      timing.count)
      << llvm::format("  arithmetic %.1f GFLOP/s, %.0f%% (%.0f%% to %.0f%%) of "
                      "what multiply-adds reach\n             beside it: %.1f, "
                      "%.0f%% of two a cycle at the observed clock\n",
                      rate / 1e9, 100 * share.median, 100 * share.low,
                      100 * share.high, peak / 1e9, 100 * peak / sheet)
      << llvm::format("  memory     %.2f GB/s, %.0f%% of what reads reach "
                      "beside it: %.1f\n",
                      traffic / 1e9, 100 * readShare, bandwidth / 1e9)
      << llvm::format("  footprint  %.0f MB at most, of which %.0f MB are "
                      "inputs and outputs\n",
                      memory / 1e6, bytes / 1e6);
  return session.result();
}
