//===- Campaign.cpp - All mutants of a kernel's programs ------------------===//

#include "test/mutation/Campaign.h"

#include "test/mutation/Programs.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

/// Launches with which a program without fault may fail.
static constexpr unsigned maxLeftOut = 20;

/// Launches for mutants that a rule explains (CampaignOptions::expected).
static constexpr size_t launchesWhenExpected = 6;

namespace {

class Runner {
public:
  Runner(std::string file, const CampaignOptions &options)
      : file(std::move(file)), options(options) {}
  std::optional<Campaign> run();

private:
  driver::Options commandOptions() const;
  bool isAskedFor(llvm::StringRef version) const;
  bool readInterface();
  bool compile();
  std::unique_ptr<Trial> makeTrial(const LaunchSpec &launch) const;
  const Trial *find(size_t launch, bool isFor);
  std::vector<size_t> orderFor(const Mutant &mutant, bool isExplained);
  void rememberNotice(const Mutant &mutant, size_t launch);
  bool makeConditionTrials(device::KernelOp kernel,
                           llvm::ArrayRef<Mutant> mutants);
  std::vector<Mutant> sampled(std::vector<Mutant> mutants) const;
  Tried attempt(Programs &programs, Equivalence &equivalence, unsigned number,
                llvm::StringRef program, const Mutant &mutant);
  bool runVersion(llvm::ArrayRef<unsigned> numbers);
  bool runProgram(unsigned number, device::KernelOp kernel);

  std::string file;
  const CampaignOptions &options;
  Campaign campaign;
  std::vector<std::string> ranks, params; ///< that the kernel has
  bool hasPreconditions = false;
  std::string text; ///< of the programs
  std::unique_ptr<Programs> programs;
  /// A launch, whose arguments are made when a mutant is first tried with it.
  struct Candidate {
    const LaunchSpec *launch;
    std::unique_ptr<Trial> trial;
    /// With a condition less, a version may run with launches it is not for.
    enum { Unknown, IsFor, IsNotFor, LeftOut } state = Unknown;
  };
  std::vector<Candidate> candidates;
  /// Launches that noticed a mutant, the last one first, and by kind and role.
  std::vector<size_t> noticing;
  std::map<std::pair<Kind, std::string>, size_t> noticedBy;
  std::mutex mutex; ///< of all that the launches have
  bool hasFailed = false;
  size_t usable = 0, leftOut = 0; ///< launches of the version at hand
  /// Of the version at hand: its programs, by number and without fault.
  std::string version;
  std::vector<unsigned> launched;
  std::vector<emulated::DeviceImage> sound;
  /// By parameter: arguments that break the conditions on it.
  llvm::StringMap<std::unique_ptr<Trial>> conditions;
};
} // namespace

driver::Options Runner::commandOptions() const {
  driver::Options result;
  result.file = file;
  result.prove = false;
  result.seed = 7;
  result.target = options.target;
  result.splits = options.splits;
  result.device = "emulated:" + options.target;
  return result;
}

bool Runner::isAskedFor(llvm::StringRef version) const {
  auto matches = [&](const std::string &expression) {
    return llvm::Regex(expression).match(version);
  };
  return (options.only.empty() || matches(options.only)) &&
         (options.without.empty() || !matches(options.without));
}

bool Runner::readInterface() {
  driver::Options command = commandOptions();
  driver::Session session(command);
  std::unique_ptr<driver::Program> program = driver::Program::load(session);
  cascade::KernelOp kernel = program ? program->kernel("") : nullptr;
  if (!kernel)
    return false;
  campaign.kernel = kernel.getSymName().str();
  cascade::KernelInterface interface = cascade::KernelInterface::of(kernel);
  hasPreconditions = !kernel.getBody().getOps<cascade::RequireOp>().empty();
  ranks.assign(interface.ranks.begin(), interface.ranks.end());
  for (const cascade::KernelInterface::Param &param : interface.params)
    params.push_back(param.name);
  return true;
}

/// As `einfall compile` does with the same extents.
bool Runner::compile() {
  if (!readInterface())
    return false;
  driver::PipelineOptions pipeline;
  pipeline.target = options.target;
  pipeline.until = driver::Stage::Device;
  driver::Options command = commandOptions();
  for (const auto &[rank, extent] : options.fixed)
    if (llvm::is_contained(ranks, rank))
      pipeline.fixedExtents[rank] = command.defines[rank] = extent;
  driver::Session session(command);
  std::unique_ptr<driver::Program> program = driver::Program::load(session);
  if (!program)
    return false;
  auto compiled = driver::compileKernel(program->kernel(""), pipeline, session);
  if (!compiled)
    return false;
  text = std::move(compiled->text);
  return true;
}

std::unique_ptr<Trial> Runner::makeTrial(const LaunchSpec &launch) const {
  driver::Options command = commandOptions();
  command.pattern = launch.pattern;
  command.layout = launch.layout;
  for (const auto &[rank, extent] : options.fixed)
    if (llvm::is_contained(ranks, rank))
      command.defines[rank] = extent;
  for (const auto &[name, value] : launch.numbers) {
    if (llvm::is_contained(ranks, name))
      command.defines[name] = int64_t(value);
    else if (llvm::is_contained(params, name))
      command.params[name] = value;
  }
  return Trial::create(command, launch);
}

/// Candidate `number` where the version at hand is for it, or is not, as is
/// asked, and null otherwise.
const Trial *Runner::find(size_t number, bool isFor) {
  std::lock_guard<std::mutex> lock(mutex);
  Candidate &candidate = candidates[number];
  llvm::StringRef name = version;
  if (candidate.launch->shares && !name.contains("_split") &&
      !name.contains("_packed"))
    return nullptr;
  if (!candidate.trial)
    candidate.trial = makeTrial(*candidate.launch);
  if (!candidate.trial) {
    hasFailed = true;
    return nullptr;
  }
  Trial &trial = *candidate.trial;
  if (candidate.state == Candidate::Unknown) {
    llvm::SmallVector<const emulated::DeviceImage *> images;
    for (const emulated::DeviceImage &image : sound)
      images.push_back(&image);
    if (!isFor && trial.isFor(images))
      return nullptr;
    Outcome outcome = trial.calibrate(images);
    if (outcome.result == Outcome::NotRun) {
      candidate.state = Candidate::IsNotFor;
    } else if (outcome.result == Outcome::Survived && outcome.equal) {
      candidate.state = Candidate::IsFor;
      ++usable;
    } else {
      // A limit that chance exceeds: other tests judge programs without fault.
      llvm::errs() << "left out with " << version << ": " << trial.label()
                   << ": " << outcome.text << "\n";
      candidate.state = Candidate::LeftOut;
      ++leftOut;
    }
  }
  return candidate.state == (isFor ? Candidate::IsFor : Candidate::IsNotFor)
             ? &trial
             : nullptr;
}

/// Launches to try a mutant with: the one that noticed such a one before, those
/// that noticed any, and all others.
std::vector<size_t> Runner::orderFor(const Mutant &mutant, bool isExplained) {
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<size_t> order;
  auto add = [&](size_t number) {
    if (!llvm::is_contained(order, number))
      order.push_back(number);
  };
  if (auto known = noticedBy.find({mutant.kind, mutant.role});
      known != noticedBy.end())
    add(known->second);
  if (!isExplained)
    llvm::for_each(noticing, add);
  size_t count = candidates.size();
  if (isExplained)
    count = std::min(count, launchesWhenExpected);
  for (size_t number = 0; number < count; ++number)
    add(number);
  return order;
}

void Runner::rememberNotice(const Mutant &mutant, size_t launch) {
  std::lock_guard<std::mutex> lock(mutex);
  noticedBy[{mutant.kind, mutant.role}] = launch;
  llvm::erase(noticing, launch);
  noticing.insert(noticing.begin(), launch);
}

/// For every condition of the launch, arguments that break it alone.
bool Runner::makeConditionTrials(device::KernelOp kernel,
                                 llvm::ArrayRef<Mutant> mutants) {
  for (const Mutant &mutant : mutants) {
    if (mutant.kind != Kind::ConditionDropped || conditions.count(mutant.role))
      continue;
    LaunchSpec launch = llvm::cantFail(
        LaunchSpec::parse("b=2,g=2,h=4,p=17,m=33,misaligned=" + mutant.role));
    std::unique_ptr<Trial> trial = makeTrial(launch);
    if (!trial)
      return false;
    // None of the programs runs with it: its outputs alone are evaluated.
    llvm::SmallVector<const emulated::DeviceImage *> images;
    for (const emulated::DeviceImage &image : sound)
      images.push_back(&image);
    trial->calibrate(images);
    conditions[mutant.role] = std::move(trial);
  }
  return true;
}

std::vector<Mutant> Runner::sampled(std::vector<Mutant> mutants) const {
  if (!options.sample)
    return mutants;
  std::map<std::pair<Kind, std::string>, std::vector<size_t>> groups;
  for (auto [i, mutant] : llvm::enumerate(mutants))
    groups[{mutant.kind, mutant.role}].push_back(i);
  std::vector<size_t> kept;
  for (auto &[key, members] : groups) {
    size_t count = std::min<size_t>(members.size(), options.sample);
    for (size_t i = 0; i < count; ++i)
      kept.push_back(members[i * members.size() / count]);
  }
  llvm::sort(kept);
  std::vector<Mutant> result;
  for (size_t i : kept)
    result.push_back(std::move(mutants[i]));
  return result;
}

Tried Runner::attempt(Programs &programs, Equivalence &equivalence,
                      unsigned number, llvm::StringRef program,
                      const Mutant &mutant) {
  Tried tried{program.str(), mutant, {}, ""};
  auto image = programs.image(number, &mutant);
  if (!image) {
    tried.outcome = {Outcome::Report, "not accepted", false, programs.message};
    return tried;
  }
  llvm::SmallVector<const emulated::DeviceImage *> images;
  for (size_t i = 0; i < launched.size(); ++i)
    images.push_back(launched[i] == number ? &*image : &sound[i]);
  Outcome last;
  auto isNoticed = [&](const Trial &trial, unsigned seed) {
    Outcome outcome = trial.run(images, seed);
    if (outcome.result == Outcome::NotRun)
      return false;
    outcome.equal &= last.equal;
    last = std::move(outcome);
    tried.launch = trial.label();
    return last.result != Outcome::Survived;
  };
  // Many are quickly seen to be none.
  if (options.expected &&
      equivalence.proves(programs.kernels()[number], mutant)) {
    tried.outcome.result = Outcome::Survived;
    tried.proved = true;
    return tried;
  }
  bool isExplained =
      options.expected && options.expected->explains(program, mutant);
  bool noticed = false;
  if (mutant.kind == Kind::ConditionDropped) {
    auto condition = conditions.find(mutant.role);
    for (unsigned seed = 0; seed < Trial::seedCount && !noticed; ++seed)
      noticed =
          condition != conditions.end() && isNoticed(*condition->second, seed);
    size_t count = candidates.size();
    if (isExplained)
      count = std::min(count, launchesWhenExpected);
    for (size_t i = 0; i < count && !noticed; ++i)
      if (const Trial *trial = find(i, /*isFor=*/false))
        for (unsigned seed = 0; seed < Trial::seedCount && !noticed; ++seed)
          noticed = isNoticed(*trial, seed);
  }
  auto tryLaunches = [&](const std::vector<size_t> &order) {
    for (unsigned seed = 0; seed < Trial::seedCount; ++seed)
      for (size_t i = 0; i < order.size() && !noticed; ++i)
        if (const Trial *trial = find(order[i], /*isFor=*/true))
          if ((noticed = isNoticed(*trial, seed)))
            rememberNotice(mutant, order[i]);
  };
  tryLaunches(orderFor(mutant, isExplained));
  // What changes any bit is not what a rule says it is.
  if (isExplained && !noticed && !last.equal)
    tryLaunches(orderFor(mutant, /*isExplained=*/false));
  tried.outcome = std::move(last);
  if (!noticed && !options.expected)
    tried.proved = equivalence.proves(programs.kernels()[number], mutant);
  return tried;
}

bool Runner::runVersion(llvm::ArrayRef<unsigned> numbers) {
  auto all = programs->kernels();
  version = all[numbers.front()].getSymName().str();
  launched.assign(numbers.begin(), numbers.end());
  sound.clear();
  usable = leftOut = 0;
  for (Candidate &candidate : candidates)
    candidate.state = Candidate::Unknown;
  for (unsigned number : numbers) {
    auto image = programs->image(number, nullptr);
    if (!image) {
      llvm::errs() << "error: " << version << ": " << programs->message << "\n";
      return false;
    }
    sound.push_back(std::move(*image));
  }
  for (unsigned number : numbers)
    if (!runProgram(number, all[number]))
      return false;
  if (!usable || leftOut > maxLeftOut) {
    llvm::errs() << "error: " << version << " without fault is right with "
                 << usable << " of " << usable + leftOut << " launches\n";
    return false;
  }
  return !hasFailed;
}

bool Runner::runProgram(unsigned number, device::KernelOp kernel) {
  std::string program = kernel.getSymName().str();
  std::vector<Mutant> mutants = enumerate(kernel);
  campaign.enumerated += mutants.size();
  mutants = sampled(std::move(mutants));
  if (!makeConditionTrials(kernel, mutants))
    return false;
  std::vector<Tried> tried(mutants.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    Programs own(text);
    Equivalence equivalence(options.fixed);
    for (size_t i; (i = next.fetch_add(1)) < mutants.size();) {
      auto start = std::chrono::steady_clock::now();
      tried[i] = attempt(own, equivalence, number, program, mutants[i]);
      std::chrono::duration<double> time =
          std::chrono::steady_clock::now() - start;
      tried[i].seconds = time.count();
      std::lock_guard<std::mutex> lock(mutex);
      if (options.onTried)
        options.onTried(tried[i]);
    }
  };
  unsigned workers = options.threads
                         ? options.threads
                         : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < workers; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  llvm::append_range(campaign.tried, tried);
  return true;
}

std::optional<Campaign> Runner::run() {
  if (!compile())
    return std::nullopt;
  for (const LaunchSpec &launch : options.launches) {
    if (launch.uneven && hasPreconditions)
      continue;
    candidates.push_back({&launch});
  }
  programs = std::make_unique<Programs>(text);
  std::string all;
  for (auto &version : programs->versions()) {
    std::string name = programs->kernels()[version.front()].getSymName().str();
    all += (all.empty() ? "" : ", ") + name;
    if (!isAskedFor(name))
      continue;
    campaign.versions.push_back(name);
    if (!runVersion(version))
      return std::nullopt;
  }
  if (campaign.tried.empty()) {
    llvm::errs() << "error: no mutant was made of " << campaign.kernel
                 << ", which has the versions " << all << "\n";
    return std::nullopt;
  }
  return std::move(campaign);
}

/// A copy of a cascade whose tensors of f32 have elements of `type`. Empty
/// after an error, which has been reported.
static std::string withElements(llvm::StringRef path, llvm::StringRef type) {
  auto source = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  int fd = -1;
  llvm::SmallString<128> copy;
  if (!source || llvm::sys::fs::createTemporaryFile(llvm::sys::path::stem(path),
                                                    "ein", fd, copy)) {
    llvm::errs() << "error: cannot copy " << path << "\n";
    return "";
  }
  llvm::raw_fd_ostream os(fd, /*shouldClose=*/true);
  llvm::StringRef rest = (*source)->getBuffer();
  for (size_t at; (at = rest.find("]: f32")) != llvm::StringRef::npos;) {
    os << rest.take_front(at) << "]: " << type;
    rest = rest.drop_front(at + 6);
  }
  os << rest;
  return std::string(copy);
}

std::optional<Campaign> mutation::runCampaign(const std::string &file,
                                              const CampaignOptions &options) {
  if (options.type.empty())
    return Runner(file, options).run();
  std::string copy = withElements(file, options.type);
  if (copy.empty())
    return std::nullopt;
  llvm::scope_exit remove([&] { llvm::sys::fs::remove(copy); });
  return Runner(copy, options).run();
}
