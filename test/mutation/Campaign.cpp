//===- Campaign.cpp - All mutants of a kernel's programs ------------------===//

#include "test/mutation/Campaign.h"

#include "codegen/emulated/DeviceToImage.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"

#include <atomic>
#include <thread>

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

/// Launches with which a program without fault may fail.
static constexpr unsigned maxLeftOut = 20;

/// Launches for mutants that a rule explains (CampaignOptions::expected).
static constexpr size_t launchesWhenExpected = 6;

using Trials = std::vector<std::unique_ptr<Trial>>;

namespace {

/// A copy of the programs that one thread may change.
class Programs {
public:
  explicit Programs(llvm::StringRef text)
      : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<device::DeviceDialect, arith::ArithDialect,
                        scf::SCFDialect, vector::VectorDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      message = diagnostic.str();
      return success();
    });
    module = parseSourceString<ModuleOp>(text, &context);
  }

  llvm::SmallVector<device::KernelOp> kernels() {
    return llvm::to_vector(module->getOps<device::KernelOp>());
  }

  /// The numbers of the programs of each version.
  llvm::SmallVector<llvm::SmallVector<unsigned>> versions() {
    llvm::SmallVector<llvm::SmallVector<unsigned>> result;
    auto all = kernels();
    for (auto &version : device::versionsOf(*module)) {
      auto &numbers = result.emplace_back();
      for (device::KernelOp kernel : version)
        numbers.push_back(llvm::find(all, kernel) - all.begin());
    }
    return result;
  }

  /// Program `number`, with the fault of `mutant` if there is one.
  std::optional<emulated::DeviceImage> image(unsigned number,
                                             const Mutant *mutant) {
    OwningOpRef<device::KernelOp> copy = kernels()[number].clone();
    if (mutant)
      apply(*copy, *mutant);
    auto translated = translateToImage(*copy);
    if (failed(translated))
      return std::nullopt;
    return emulated::DeviceImage::make(std::move(*translated), message);
  }

  std::string message; ///< of what failed

private:
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

class Runner {
public:
  Runner(std::string file, const CampaignOptions &options)
      : file(std::move(file)), options(options) {}
  std::optional<Campaign> run();

private:
  driver::Options commandOptions() const;
  bool isAskedFor(llvm::StringRef version) const;
  bool compile();
  std::unique_ptr<Trial> makeTrial(const LaunchSpec &launch);
  bool makeConditionTrials(device::KernelOp kernel,
                           llvm::ArrayRef<Mutant> mutants);
  std::vector<Mutant> sampled(std::vector<Mutant> mutants) const;
  Tried attempt(Programs &programs, Equivalence &equivalence, unsigned number,
                llvm::StringRef program, const Mutant &mutant) const;
  bool runVersion(llvm::ArrayRef<unsigned> numbers);
  bool runProgram(unsigned number, device::KernelOp kernel);

  std::string file;
  const CampaignOptions &options;
  Campaign campaign;
  std::vector<std::string> ranks, params; ///< that the kernel has
  bool hasPreconditions = false;
  std::string text; ///< of the programs
  std::unique_ptr<Programs> programs;
  Trials trials;
  /// Of the version at hand: its programs, by number and without fault, and
  /// the trials that it is for.
  std::vector<unsigned> launched;
  std::vector<emulated::DeviceImage> sound;
  std::vector<const Trial *> usable;
  /// Trials that it is not for: with a condition less it may run with them.
  std::vector<const Trial *> foreign;
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

bool Runner::compile() {
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
  driver::PipelineOptions pipeline;
  pipeline.target = options.target;
  pipeline.until = driver::Stage::Device;
  for (const auto &[rank, extent] : options.fixed)
    if (llvm::is_contained(ranks, rank))
      pipeline.fixedExtents[rank] = extent;
  auto compiled = driver::compileKernel(kernel, pipeline, session);
  if (!compiled)
    return false;
  text = std::move(compiled->text);
  return true;
}

std::unique_ptr<Trial> Runner::makeTrial(const LaunchSpec &launch) {
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
                      const Mutant &mutant) const {
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
  auto isNoticed = [&](const Trial &trial) {
    Outcome outcome = trial.run(images);
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
  size_t launches = usable.size();
  if (options.expected && options.expected->explains(program, mutant))
    launches = std::min(launches, launchesWhenExpected);
  auto condition = conditions.find(mutant.role);
  bool noticed = mutant.kind == Kind::ConditionDropped &&
                 condition != conditions.end() && isNoticed(*condition->second);
  if (mutant.kind == Kind::ConditionDropped)
    for (size_t i = 0; i < foreign.size() && !noticed; ++i)
      noticed = isNoticed(*foreign[i]);
  for (size_t i = 0; i < launches && !noticed; ++i)
    noticed = isNoticed(*usable[i]);
  tried.outcome = std::move(last);
  if (!noticed && !options.expected)
    tried.proved = equivalence.proves(programs.kernels()[number], mutant);
  return tried;
}

bool Runner::runVersion(llvm::ArrayRef<unsigned> numbers) {
  auto all = programs->kernels();
  std::string version = all[numbers.front()].getSymName().str();
  launched.assign(numbers.begin(), numbers.end());
  sound.clear();
  usable.clear();
  foreign.clear();
  llvm::StringRef name = version;
  bool shares = name.contains("_split") || name.contains("_packed");
  llvm::SmallVector<const emulated::DeviceImage *> images;
  for (unsigned number : numbers) {
    auto image = programs->image(number, nullptr);
    if (!image) {
      llvm::errs() << "error: " << version << ": " << programs->message << "\n";
      return false;
    }
    sound.push_back(std::move(*image));
  }
  for (const emulated::DeviceImage &image : sound)
    images.push_back(&image);
  unsigned leftOut = 0;
  for (std::unique_ptr<Trial> &trial : trials) {
    if (trial->launch().shares && !shares)
      continue;
    Outcome outcome = trial->calibrate(images);
    if (outcome.result == Outcome::NotRun) {
      foreign.push_back(trial.get());
      continue;
    }
    if (outcome.result == Outcome::Survived && outcome.equal) {
      usable.push_back(trial.get());
      continue;
    }
    // A limit that chance exceeds: other tests judge programs without fault.
    llvm::errs() << "left out with " << version << ": " << trial->label()
                 << ": " << outcome.text << "\n";
    ++leftOut;
  }
  if (usable.empty() || leftOut > maxLeftOut) {
    llvm::errs() << "error: " << version << " without fault is right with "
                 << usable.size() << " of " << usable.size() + leftOut
                 << " launches\n";
    return false;
  }
  for (unsigned number : numbers)
    if (!runProgram(number, all[number]))
      return false;
  return true;
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
    for (size_t i; (i = next.fetch_add(1)) < mutants.size();)
      tried[i] = attempt(own, equivalence, number, program, mutants[i]);
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
    trials.push_back(makeTrial(launch));
    if (!trials.back())
      return std::nullopt;
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
