//===- BenchPackage.cpp - einfall bench of packages and on GPUs -----------===//
//
// Times a kernel as a program would launch it: by the runtime library, with its
// checks. On a CUDA device the seconds are the device's, from before to after
// the launch on its stream; copies are not counted.
//
//===----------------------------------------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/PackageLauncher.h"
#include "frontend/driver/Work.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace einfall::driver;

bool einfall::driver::isTimedByRuntime(const Options &options) {
  return isPackage(options.file) || isCuda(options.device);
}

int einfall::driver::benchByRuntime(const Options &options) {
  Session session(options);
  if (options.device != "cpu" && !isCuda(options.device)) {
    session.error("device `" + options.device + "` cannot be timed")
        .remedy("speed is measured on cpu and cuda; an emulated device has "
                "none");
    return exitMissing;
  }
  if (options.serve) {
    session.error("--serve is for sources on cpu");
    return exitUsage;
  }
  std::unique_ptr<Launcher> launcher = Launcher::create(session);
  if (!launcher)
    return session.isToolMissing ? exitMissing : exitInput;
  // What comes first warms caches and pages, and says how often to repeat.
  std::optional<double> once = launcher->launch();
  unsigned wanted = options.repetitions;
  if (once && !wanted)
    wanted = std::clamp(2.0 / std::max(*once, 1e-7), 5.0, 10000.0);
  std::vector<double> seconds;
  while (once && seconds.size() < wanted) {
    once = launcher->launch();
    if (once)
      seconds.push_back(*once);
  }
  if (!once)
    return exitInternal;
  std::sort(seconds.begin(), seconds.end());
  auto at = [&](double share) {
    return seconds[static_cast<size_t>(share * (seconds.size() - 1) + 0.5)];
  };
  double median = at(0.5);
  double operations = countContractions(launcher->kernel, *launcher->arguments);
  double bytes = launcher->arguments->bytes();
  std::string extents = launcher->arguments->describeExtents();
  if (options.json) {
    llvm::json::Object result{
        {"version", 1},
        {"kernel", launcher->report.kernel},
        {"plan", launcher->report.planKind},
        {"extents", extents},
        {"device", launcher->place()},
        {"compileSeconds", launcher->compileSeconds},
        {"repetitions", static_cast<int64_t>(seconds.size())},
        {"seconds", median},
        {"seconds10", at(0.1)},
        {"seconds90", at(0.9)},
        {"operations", operations},
        {"bytes", bytes},
        {"gflops", operations / median / 1e9},
        {"gbytes", bytes / median / 1e9}};
    llvm::outs() << llvm::formatv("{0:2}", llvm::json::Value(std::move(result)))
                 << "\n";
    return session.result();
  }
  llvm::outs()
      << launcher->report.kernel << " [" << extents << "], "
      << launcher->report.planKind << ", " << launcher->place() << "\n"
      << llvm::format("  time       %.3f ms median, %.3f to %.3f (10%% "
                      "to 90%% of %zu)\n",
                      median * 1e3, at(0.1) * 1e3, at(0.9) * 1e3,
                      seconds.size())
      << llvm::format("  arithmetic %.1f GFLOP/s\n", operations / median / 1e9)
      << llvm::format("  memory     %.2f GB/s\n", bytes / median / 1e9);
  return session.result();
}
