//===- Tune.cpp - einfall tune --------------------------------------------===//
//
// Times the schedules that the cost model likes best on the device at hand: in
// rounds, each of which launches every candidate, so that what disturbs the
// machine disturbs all of them. The results of every candidate are compared
// with those of the first. Ctrl-C ends the rounds and keeps what was measured.
//
//===----------------------------------------------------------------------===//

#include "dialect/Interpreter/Elements.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Launcher.h"
#include "frontend/driver/Progress.h"
#include "frontend/driver/Version.inc"
#include "frontend/driver/tune/Candidates.h"
#include "frontend/driver/tune/Tuned.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>

using namespace einfall;
using namespace einfall::driver;

//===----------------------------------------------------------------------===//
// Ctrl-C
//===----------------------------------------------------------------------===//

static volatile std::sig_atomic_t wasInterrupted = 0;

static void noteInterrupt(int) { wasInterrupted = 1; }

namespace {

/// While it lives the first SIGINT is noted; the second one kills.
class InterruptGuard {
public:
  InterruptGuard() {
    struct sigaction action = {};
    action.sa_handler = noteInterrupt;
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, &before);
  }
  ~InterruptGuard() { sigaction(SIGINT, &before, nullptr); }

private:
  struct sigaction before;
};

/// A candidate that is ready to run, in a session of its own.
struct Contender {
  TunedCandidate candidate;
  std::unique_ptr<Options> options;
  std::unique_ptr<std::string> diagnostics = std::make_unique<std::string>();
  std::unique_ptr<Session> session;
  std::unique_ptr<Launcher> launcher;
  unsigned each = 1; ///< launches of a round
  std::vector<double> seconds;
};

class Tuner {
public:
  Tuner(const Options &options, Session &session)
      : options(options), session(session) {
    progress.emplace(options.quiet);
  }
  int run();

private:
  bool prepare();
  bool add(const TunedCandidate &candidate, const std::string &what);
  bool isSame(const Contender &one, const Contender &other);
  bool round(Contender &contender);
  bool keep();
  void hold();
  void print();

  const Options &options;
  Session &session;
  std::optional<Progress> progress;
  Options each;      ///< of a candidate
  TuneResults known; ///< what the file has already
  TuneRecord record;
  std::vector<Contender> contenders;
  size_t fitting = 0;
  unsigned rounds = 0;
  std::chrono::steady_clock::time_point kept;
};

} // namespace

static std::string bar(size_t done, size_t all) {
  constexpr size_t width = 20;
  size_t filled = all ? std::min(width, done * width / all) : width;
  return "[" + std::string(filled, '#') + std::string(width - filled, '.') +
         "]";
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

/// Whether the outputs of two contenders are equal but for rounding.
bool Tuner::isSame(const Contender &one, const Contender &other) {
  const KernelArguments &a = *one.launcher->arguments;
  const KernelArguments &b = *other.launcher->arguments;
  for (auto [info, x, y] :
       llvm::zip_equal(a.interface.outputs, a.getOutputs(), b.getOutputs())) {
    interpreter::Element element = x.view.element;
    bool isReal = interpreter::isReal(element);
    double relative = interpreter::elementBits(element) < 32 ? 3e-2 : 1e-3;
    double greatest = 0, off = 0;
    bool isLost = false;
    for (int64_t i = 0, e = x.elements(); i < e; ++i) {
      double left = interpreter::loadElement(element, x.view.data, i);
      double right = interpreter::loadElement(element, y.view.data, i);
      if (left == right || (std::isnan(left) && std::isnan(right)))
        continue;
      isLost |= !isReal || !std::isfinite(left) || !std::isfinite(right);
      off = std::max(off, std::abs(left - right));
      greatest = std::max({greatest, std::abs(left), std::abs(right)});
    }
    if (!isLost && off <= relative * greatest)
      continue;
    session
        .error("output `" + info.name + "` of " +
               scheduleText(record.kernel, record.target,
                            other.candidate.schedule) +
               " differs from that of the first candidate by " +
               llvm::formatv("{0:e2}", off).str())
        .note("a schedule changes results by rounding only: this is a fault "
              "of the compiler");
    return false;
  }
  return true;
}

/// Compiles a candidate, runs and compares it and times it once.
bool Tuner::add(const TunedCandidate &candidate, const std::string &what) {
  progress->say(what);
  Contender made;
  made.candidate = candidate;
  made.options = std::make_unique<Options>(each);
  made.options->schedules[record.kernel] = candidate.schedule;
  made.session =
      std::make_unique<Session>(*made.options, made.diagnostics.get());
  made.launcher = Launcher::create(*made.session);
  std::optional<double> once;
  if (!made.launcher || !made.launcher->launch() ||
      !(once = made.launcher->launch())) {
    session.isToolMissing |= made.session->isToolMissing;
    made.launcher.reset();
    made.session.reset();
    llvm::errs() << *made.diagnostics;
    return false;
  }
  made.each = std::clamp(1e-3 / std::max(*once, 1e-7), 1.0, 1000.0);
  if (!contenders.empty() && !isSame(contenders.front(), made))
    return false;
  if (!round(made))
    return false;
  contenders.push_back(std::move(made));
  return keep();
}

bool Tuner::prepare() {
  each = options;
  if (!each.seed && each.inputs.empty())
    each.seed = 0;
  if (options.target != "cpu")
    each.device = "cuda";
  std::unique_ptr<Program> program = Program::load(session);
  cascade::KernelOp kernel =
      program ? program->kernel(options.kernel) : cascade::KernelOp();
  if (!kernel)
    return false;
  record.kernel = kernel.getSymName().str();
  record.hash = hashOf(kernel);
  record.target = options.target;
  record.processor = options.target == "cpu" ? options.processor : "native";
  record.version = EINFALL_VERSION " (" EINFALL_GIT_HASH ")";
  Session quietly(each);
  auto arguments = KernelArguments::create(
      kernel, quietly, program->randomRanges(kernel), program->fixedExtents);
  if (!arguments)
    return false;
  llvm::StringMap<int64_t> extents;
  for (const std::string &rank : arguments->interface.ranks)
    record.extents[rank] = extents[rank] = arguments->extent(rank);
  arguments.reset();
  progress->say("choosing candidates of " + record.kernel);
  CandidateSchedules chosen = candidateSchedules(
      kernel, options.target, extents, options.top, options.spread, session);
  if (chosen.candidates.empty())
    return false;
  fitting = chosen.fitting;
  for (auto [i, candidate] : llvm::enumerate(chosen.candidates)) {
    if (wasInterrupted)
      break;
    if (!add(candidate,
             llvm::formatv("compiling {0} {1} {2} of {3}", record.kernel,
                           bar(i, chosen.candidates.size()), i + 1,
                           chosen.candidates.size())))
      return false;
    Launcher &launcher = *contenders.back().launcher;
    if (i > 0)
      continue;
    if (launcher.report.planKind == "rows") {
      session
          .error("kernel `" + record.kernel + "` is run by the program of " +
                 "few rows, which has no tiles to choose")
          .remedy("bind more rows, with -D");
      return false;
    }
    if (options.target == "cpu")
      continue;
    for (auto &[name, value] : launcher.report.plan)
      if (name == "target" && value != options.target) {
        session.isToolMissing = true;
        session.error("the device " + launcher.place() + " runs " + value +
                      ", not " + options.target);
        return false;
      }
  }
  rounds = 1;
  return true;
}

//===----------------------------------------------------------------------===//
// Rounds
//===----------------------------------------------------------------------===//

/// One round of one contender: the mean of some launches.
bool Tuner::round(Contender &contender) {
  double sum = 0;
  for (unsigned i = 0; i < contender.each; ++i) {
    std::optional<double> seconds = contender.launcher->launch();
    if (!seconds)
      return false;
    sum += *seconds;
  }
  contender.seconds.push_back(sum / contender.each);
  return true;
}

/// Brings the record up to date, and the file where one is wanted.
bool Tuner::keep() {
  record.candidates.clear();
  for (const Contender &contender : contenders) {
    std::vector<double> sorted = contender.seconds;
    llvm::sort(sorted);
    auto at = [&](double share) {
      return sorted[static_cast<size_t>(share * (sorted.size() - 1) + 0.5)];
    };
    TunedCandidate candidate = contender.candidate;
    candidate.rounds = sorted.size();
    candidate.seconds = at(0.5);
    candidate.low = at(0.1);
    candidate.high = at(0.9);
    record.candidates.push_back(std::move(candidate));
  }
  Launcher &first = *contenders.front().launcher;
  record.machine =
      record.target == "cpu"
          ? tunedMachine(static_cast<CpuLauncher &>(first).threads())
          : first.place();
  record.measured = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  kept = std::chrono::steady_clock::now();
  if (options.output.empty() || options.output == "-")
    return true;
  TuneResults all = known;
  all.add(record);
  return session.succeeded(writeFile(options.output, all.toText()));
}

/// Waits until a line comes; what was timed before then is forgotten.
void Tuner::hold() {
  llvm::outs() << "ready\n";
  llvm::outs().flush();
  for (int c = std::getchar(); c != EOF && c != '\n';)
    c = std::getchar();
  for (Contender &contender : contenders)
    contender.seconds.clear();
  rounds = 0;
}

int Tuner::run() {
  InterruptGuard guard;
  if (!options.output.empty() && options.output != "-" &&
      llvm::sys::fs::exists(options.output)) {
    llvm::Expected<TuneResults> read = readResults(options.output);
    if (!read) {
      session.succeeded(read.takeError());
      return exitInput;
    }
    known = std::move(*read);
  }
  if (!prepare())
    return session.isToolMissing ? exitMissing : exitInput;
  if (contenders.empty()) {
    session.error("interrupted before anything was measured");
    return exitInterrupted;
  }
  if (options.hold && !wasInterrupted)
    hold();
  using clock = std::chrono::steady_clock;
  clock::time_point begin = clock::now();
  auto spent = [&] {
    return std::chrono::duration<double>(clock::now() - begin).count();
  };
  // Every round begins with another candidate.
  while (rounds == 0 ||
         (!wasInterrupted && (rounds < 3 || spent() < options.seconds))) {
    progress->say(llvm::formatv("timing {0} {1} round {2}", record.kernel,
                                bar(spent() * 1000, options.seconds * 1000),
                                rounds + 1));
    // After a hold the first round is a whole one.
    for (size_t i = 0; i < contenders.size(); ++i) {
      if (wasInterrupted && rounds > 0)
        break;
      if (!round(contenders[(i + rounds) % contenders.size()]))
        return exitInternal;
    }
    ++rounds;
    if (clock::now() - kept > std::chrono::seconds(1) && !keep())
      return exitInput;
  }
  if (!keep())
    return exitInput;
  progress.reset();
  print();
  return wasInterrupted ? exitInterrupted : session.result();
}

//===----------------------------------------------------------------------===//
// The command
//===----------------------------------------------------------------------===//

static std::string sizesOf(const ChosenSchedule &schedule) {
  std::string text;
  auto add = [&](const std::string &name, int64_t size) {
    text += (text.empty() ? "" : ", ") + name + " = " + std::to_string(size);
  };
  for (const auto &[rank, size] : schedule.tiles)
    add(rank, size);
  if (schedule.stages)
    add("stages", schedule.stages);
  return text;
}

/// A record for people: the fastest first, then the schedule to paste.
static void printRecord(const TuneRecord &record) {
  llvm::outs() << record.kernel << " [";
  llvm::interleaveComma(record.extents, llvm::outs(), [](const auto &extent) {
    llvm::outs() << extent.first << " = " << extent.second;
  });
  llvm::outs() << "] for " << record.target << " on " << record.machine << "\n"
               << llvm::format("  %10s  %-21s %8s  %s\n", "time", "10% to 90%",
                               "model", "tiles");
  std::vector<const TunedCandidate *> order;
  for (const TunedCandidate &candidate : record.candidates)
    order.push_back(&candidate);
  llvm::stable_sort(order, [](const auto *a, const auto *b) {
    return a->seconds < b->seconds;
  });
  for (const TunedCandidate *candidate : order) {
    std::string spread = llvm::formatv("{0:f3} to {1:f3}", candidate->low * 1e3,
                                       candidate->high * 1e3);
    llvm::outs() << llvm::format("  %7.3f ms  %-21s %8.3f  ",
                                 candidate->seconds * 1e3, spread.c_str(),
                                 candidate->modelled)
                 << sizesOf(candidate->schedule) << "\n";
  }
  llvm::outs() << llvm::format("  the model's first choice reaches %.1f%% of "
                               "the fastest, over %u rounds\n",
                               100 * record.best().seconds /
                                   record.candidates.front().seconds,
                               record.rounds())
               << scheduleText(record.kernel, record.target,
                               record.best().schedule)
               << "\n";
}

void Tuner::print() {
  if (options.output == "-") {
    TuneResults all;
    all.add(record);
    llvm::outs() << all.toText();
    return;
  }
  llvm::outs() << contenders.size() << " of " << fitting << " that fit"
               << (wasInterrupted ? ", interrupted" : "") << "\n";
  printRecord(record);
}

/// Puts several files of results together.
static int mergeResults(const Options &options, Session &session) {
  TuneResults all;
  for (const std::string &path : options.merge) {
    llvm::Expected<TuneResults> results = readResults(path);
    if (!results) {
      session.succeeded(results.takeError());
      return exitInput;
    }
    for (TuneRecord &record : results->records)
      all.add(std::move(record));
  }
  std::string output = options.output.empty() ? "-" : options.output;
  if (!session.succeeded(writeFile(output, all.toText())))
    return exitInput;
  return exitSuccess;
}

/// Takes the choice from a file, without timing anything: shows it, or compiles
/// the kernel with it.
static int replayResults(const Options &options) {
  Options replayed = options;
  replayed.tuned = options.replay;
  if (!options.output.empty())
    return compile(replayed);
  Session session(replayed);
  std::unique_ptr<Program> program = Program::load(session);
  cascade::KernelOp kernel =
      program ? program->kernel(options.kernel) : cascade::KernelOp();
  if (!kernel)
    return exitInput;
  llvm::Expected<TuneResults> results = readResults(options.replay);
  if (!results) {
    session.succeeded(results.takeError());
    return exitInput;
  }
  const TuneRecord *record =
      findRecord(kernel, *results, options.replay, session);
  if (!record)
    return exitInput;
  printRecord(*record);
  return exitSuccess;
}

int einfall::driver::tune(const Options &options) {
  if (!options.replay.empty())
    return replayResults(options);
  Session session(options);
  if (!options.merge.empty())
    return mergeResults(options, session);
  if (isPackage(options.file)) {
    session.error("a package is compiled already").remedy("tune its source");
    return exitInput;
  }
  return Tuner(options, session).run();
}
