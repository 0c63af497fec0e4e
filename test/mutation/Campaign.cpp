//===- Campaign.cpp - All mutants of a kernel's programs ------------------===//

#include "test/mutation/Campaign.h"

#include "codegen/emulated/DeviceToImage.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"

#include <atomic>
#include <thread>

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

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
  Runner(const std::string &file, const CampaignOptions &options)
      : file(file), options(options) {}
  std::optional<Campaign> run();

private:
  driver::Options commandOptions() const;
  bool compile();
  std::unique_ptr<Trial> makeTrial(llvm::StringRef launch);
  bool makeConditionTrials(device::KernelOp kernel,
                           llvm::ArrayRef<Mutant> mutants);
  std::vector<Mutant> sampled(std::vector<Mutant> mutants) const;
  Tried attempt(Programs &programs, unsigned number, llvm::StringRef program,
                const Mutant &mutant) const;
  bool runProgram(unsigned number, device::KernelOp kernel);

  const std::string &file;
  const CampaignOptions &options;
  Campaign campaign;
  std::vector<std::string> ranks, params; ///< that the kernel has
  std::string text;                       ///< of the programs
  std::unique_ptr<Programs> programs;
  Trials trials;
  /// By parameter: arguments that break the conditions on it.
  llvm::StringMap<std::unique_ptr<Trial>> conditions;
};
} // namespace

driver::Options Runner::commandOptions() const {
  driver::Options result;
  result.file = file;
  result.prove = false;
  for (const auto &[name, value] : options.params)
    if (llvm::is_contained(params, name))
      result.params[name] = value;
  result.seed = 7;
  result.target = options.target;
  result.device = "emulated:" + options.target;
  return result;
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

std::unique_ptr<Trial> Runner::makeTrial(llvm::StringRef launch) {
  driver::Options command = commandOptions();
  for (const auto &[rank, extent] : options.fixed)
    if (llvm::is_contained(ranks, rank))
      command.defines[rank] = extent;
  llvm::SmallVector<llvm::StringRef> entries;
  launch.split(entries, ',');
  for (llvm::StringRef entry : entries) {
    auto [key, value] = entry.split('=');
    int64_t extent = 0;
    if (key == "pattern")
      command.pattern = value.str();
    else if (!llvm::is_contained(ranks, key.str()))
      continue;
    else if (value.getAsInteger(10, extent)) {
      llvm::errs() << "error: launch `" << launch << "`: `" << entry
                   << "` is not of the form rank=extent\n";
      return nullptr;
    } else {
      command.defines[key.str()] = extent;
    }
  }
  return Trial::create(command, launch.str());
}

/// For every condition of the launch, arguments that break it alone.
bool Runner::makeConditionTrials(device::KernelOp kernel,
                                 llvm::ArrayRef<Mutant> mutants) {
  for (const Mutant &mutant : mutants) {
    if (mutant.kind != Kind::ConditionDropped || conditions.count(mutant.role))
      continue;
    std::unique_ptr<Trial> trial =
        makeTrial("b=2,g=2,h=4,p=17,m=33,pattern=normal");
    if (!trial)
      return false;
    if (!trial->misalign(mutant.role))
      trial = nullptr;
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

Tried Runner::attempt(Programs &programs, unsigned number,
                      llvm::StringRef program, const Mutant &mutant) const {
  Tried tried{program.str(), mutant, {}, ""};
  auto image = programs.image(number, &mutant);
  if (!image) {
    tried.outcome = {Outcome::Report, "not accepted", false, programs.message};
    return tried;
  }
  if (mutant.kind == Kind::ConditionDropped) {
    const Trial *trial = conditions.find(mutant.role)->second.get();
    if (trial) {
      tried.outcome = trial->run(*image);
      tried.launch = trial->label();
    }
    return tried;
  }
  bool equal = true;
  for (const std::unique_ptr<Trial> &trial : trials) {
    tried.outcome = trial->run(*image);
    tried.launch = trial->label();
    equal &= tried.outcome.equal;
    if (tried.outcome.result != Outcome::Survived)
      return tried;
  }
  tried.outcome.equal = equal;
  return tried;
}

bool Runner::runProgram(unsigned number, device::KernelOp kernel) {
  std::string program = kernel.getSymName().str();
  auto image = programs->image(number, nullptr);
  if (!image) {
    llvm::errs() << "error: " << program << ": " << programs->message << "\n";
    return false;
  }
  for (std::unique_ptr<Trial> &trial : trials) {
    Outcome outcome = trial->calibrate(*image);
    if (outcome.result != Outcome::Survived || !outcome.equal) {
      llvm::errs() << "error: " << program
                   << " without fault is not right with " << trial->label()
                   << ": " << outcome.text << "\n";
      return false;
    }
  }
  std::vector<Mutant> mutants = enumerate(kernel);
  campaign.enumerated += mutants.size();
  mutants = sampled(std::move(mutants));
  if (!makeConditionTrials(kernel, mutants))
    return false;
  std::vector<Tried> tried(mutants.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    Programs own(text);
    for (size_t i; (i = next.fetch_add(1)) < mutants.size();)
      tried[i] = attempt(own, number, program, mutants[i]);
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
  for (const std::string &launch : options.launches) {
    trials.push_back(makeTrial(launch));
    if (!trials.back())
      return std::nullopt;
  }
  programs = std::make_unique<Programs>(text);
  for (auto [number, kernel] : llvm::enumerate(programs->kernels()))
    if (!runProgram(number, kernel))
      return std::nullopt;
  return std::move(campaign);
}

std::optional<Campaign> mutation::runCampaign(const std::string &file,
                                              const CampaignOptions &options) {
  return Runner(file, options).run();
}
