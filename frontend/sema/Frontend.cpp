//===- Frontend.cpp - From Ein text to elaborated kernels -----------------===//

#include "frontend/sema/Frontend.h"
#include "frontend/sema/Elaborate.h"
#include "frontend/sema/Recurrences.h"
#include "frontend/sema/Scope.h"
#include "frontend/syntax/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

namespace {
class Analysis {
public:
  Analysis(SourceManager &sources, const FrontendOptions &options,
           DiagnosticEngine &diagnostics)
      : sources(sources), options(options), diagnostics(diagnostics) {}

  llvm::FailureOr<Program> run(unsigned buffer);

private:
  void collectDefs(File &file, bool ofPrelude);
  bool checkRecursion();
  void checkKernelNames(File &file);
  void elaborateKernel(const Kernel &kernel, File &file);
  void elaborateGradient(const Kernel &kernel);
  std::optional<RankId> findRank(const ElaboratedKernel &kernel,
                                 Identifier rank, Rule rule);
  void applySchedule(const Schedule &schedule, ElaboratedKernel &kernel);
  void applyShard(const Schedule &schedule);
  void applySchedules(File &file);

  SourceManager &sources;
  const FrontendOptions &options;
  DiagnosticEngine &diagnostics;
  DefTable defs;
  llvm::DenseMap<const Def *, File *> fileOf;
  std::vector<std::unique_ptr<Scope>> scopes;
  DefScopes defScopes;
  llvm::StringMap<const Kernel *> kernels;
  Program program;
};
} // namespace

const ElaboratedKernel *Program::find(StringRef name) const {
  for (const ElaboratedKernel &kernel : kernels)
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}

/// Defs by name; a file's own def replaces the prelude's.
void Analysis::collectDefs(File &file, bool ofPrelude) {
  for (Def *def : file.defs) {
    def->isPrelude = ofPrelude;
    StringRef name = def->name.name;
    if (findBuiltin(name, true) || findBuiltin(name, false)) {
      diagnostics.error(def->name.range, Rule::Name3,
                        "`" + name + "` is a built-in function");
      continue;
    }
    auto [it, isNew] = defs.try_emplace(name, def);
    if (!isNew && it->second->isPrelude == ofPrelude) {
      diagnostics
          .error(def->name.range, Rule::Name2,
                 "def `" + name + "` is declared twice")
          .note(it->second->name.range, "declared here before");
      continue;
    }
    it->second = def;
    fileOf[def] = &file;
  }
}

bool Analysis::checkRecursion() {
  std::vector<const Scope *> list;
  llvm::StringMap<unsigned> number;
  for (auto &scope : scopes) {
    number[scope->def->name.name] = list.size();
    list.push_back(scope.get());
  }
  std::vector<SmallVector<unsigned, 4>> edges(list.size());
  for (auto [i, scope] : llvm::enumerate(list))
    for (auto &[name, range] : scope->calls)
      if (auto it = number.find(name); it != number.end())
        edges[i].push_back(it->second);
  std::vector<unsigned> order, cycle;
  if (orderByDependence(edges, order, cycle))
    return true;
  std::string path;
  for (unsigned i : cycle)
    path += "`" + list[i]->def->name.name.str() + "` calls ";
  StringRef first = list[cycle.front()]->def->name.name;
  diagnostics.error(list[cycle.front()]->def->name.range, Rule::Def5,
                    "def `" + first + "` calls itself: " + path + "`" + first +
                        "`");
  return false;
}

void Analysis::checkKernelNames(File &file) {
  for (const Kernel *kernel : file.kernels) {
    auto [it, isNew] = kernels.try_emplace(kernel->name.name, kernel);
    if (!isNew)
      diagnostics
          .error(kernel->name.range, Rule::Name2,
                 "kernel `" + kernel->name.name + "` is declared twice")
          .note(it->second->name.range, "declared here before");
  }
}

void Analysis::elaborateKernel(const Kernel &kernel, File &file) {
  Scope scope;
  scope.kernel = &kernel;
  resolve(scope, file, defs, options.defines, diagnostics);
  if (!scope.valid)
    return;
  ElaboratedKernel result;
  if (elaborate(result, scope, defScopes, options.defines, file.defaults,
                diagnostics) &&
      checkRecurrences(result, diagnostics))
    program.kernels.push_back(std::move(result));
}

/// Rule grad.1: inputs are the forward's, the saved outputs, then a cotangent
/// `dO` for every real output; outputs are `dQ` for every input after `wrt`.
void Analysis::elaborateGradient(const Kernel &kernel) {
  const Gradient &gradient = *kernel.gradient;
  auto it = kernels.find(gradient.of.name);
  if (it == kernels.end() || it->second->gradient) {
    SmallVector<StringRef, 8> known;
    for (auto &entry : kernels)
      if (!entry.second->gradient)
        known.push_back(entry.getKey());
    auto builder = diagnostics.error(gradient.of.range, Rule::Grad1,
                                     "no kernel `" + gradient.of.name +
                                         "` to differentiate");
    StringRef near = nearest(gradient.of.name, known);
    if (!near.empty())
      builder.didYouMean(gradient.of.range, near, kernels[near]->name.range);
    return;
  }
  const ElaboratedKernel *found = program.find(gradient.of.name);
  if (!found)
    return; // its errors are reported
  ElaboratedKernel result = *found;
  result.name = kernel.name.name.str();
  result.range = kernel.name.range;
  result.schedules.clear();
  GradientInfo info;
  info.of = gradient.of.name.str();
  bool ok = true;
  for (const Identifier &name : gradient.saving) {
    const OutputInfo *output = nullptr;
    for (const OutputInfo &candidate : found->outputs)
      if (candidate.name == name.name)
        output = &candidate;
    if (!output) {
      diagnostics
          .error(name.range, Rule::Grad1,
                 "kernel `" + info.of + "` has no output `" + name.name + "`")
          .note(found->range, "declared here");
      ok = false;
      continue;
    }
    info.saving.push_back(name.name.str());
    InputInfo input{output->name, output->type};
    input.range = name.range;
    for (RankId rank : output->dims)
      input.dims.push_back({rank, 0});
    result.inputs.push_back(std::move(input));
  }
  for (const OutputInfo &output : found->outputs) {
    if (getValueKind(output.type) != ValueKind::Real)
      continue;
    InputInfo input{"d" + output.name, output.type};
    input.range = kernel.name.range;
    for (RankId rank : output.dims)
      input.dims.push_back({rank, 0});
    result.inputs.push_back(std::move(input));
  }
  result.outputs.clear();
  for (const Identifier &name : gradient.wrt) {
    const InputInfo *input = nullptr;
    for (const InputInfo &candidate : found->inputs)
      if (candidate.name == name.name)
        input = &candidate;
    if (!input || getValueKind(input->type) != ValueKind::Real) {
      auto builder = diagnostics.error(
          name.range, Rule::Grad1,
          input ? "the input `" + name.name + "` is stored as " +
                      getName(input->type) + ", a gradient needs a real"
                : "kernel `" + info.of + "` has no input `" + name.name + "`");
      builder.note(input ? input->range : found->range, "declared here");
      ok = false;
      continue;
    }
    info.wrt.push_back(name.name.str());
    OutputInfo output{"d" + input->name, input->type};
    output.range = name.range;
    for (const InputDim &dim : input->dims)
      if (dim.rank)
        output.dims.push_back(*dim.rank);
    result.outputs.push_back(std::move(output));
  }
  result.gradient = std::move(info);
  if (ok)
    program.kernels.push_back(std::move(result));
}

/// The rank of `kernel` with that name, or an error.
std::optional<RankId> Analysis::findRank(const ElaboratedKernel &kernel,
                                         Identifier rank, Rule rule) {
  SmallVector<StringRef, 8> known;
  for (auto [id, candidate] : llvm::enumerate(kernel.ranks)) {
    if (candidate.name == rank.name)
      return id;
    known.push_back(candidate.name);
  }
  auto builder = diagnostics.error(rank.range, rule,
                                   "kernel `" + kernel.name +
                                       "` has no rank `" + rank.name + "`");
  builder.didYouMean(rank.range, nearest(rank.name, known));
  return std::nullopt;
}

void Analysis::applySchedule(const Schedule &schedule,
                             ElaboratedKernel &kernel) {
  ScheduleInfo info;
  info.target = schedule.target.name.str();
  info.range = schedule.range;
  auto positive = [&](const Expr *expr, const Twine &what) {
    std::optional<int64_t> value = evaluate(expr);
    if (value && *value > 0)
      return value;
    diagnostics.error(expr->range, Rule::Sched1,
                      what + " is a positive number");
    return std::optional<int64_t>();
  };
  for (const TileSize &tile : schedule.tiles) {
    std::optional<RankId> rank = findRank(kernel, tile.rank, Rule::Sched1);
    std::optional<int64_t> size = positive(tile.size, "a tile size");
    if (!rank || !size)
      continue;
    if (llvm::any_of(info.tiles,
                     [&](auto &other) { return other.first == *rank; })) {
      diagnostics.error(tile.rank.range, Rule::Sched1,
                        "rank `" + tile.rank.name + "` is tiled twice");
      continue;
    }
    info.tiles.push_back({*rank, *size});
  }
  if (schedule.stages)
    info.stages = positive(schedule.stages, "the number of stages");
  for (const Shard &shard : schedule.shards) {
    ShardInfo made;
    made.over = shard.over.name.str();
    StringRef kinds[] = {"ring", "alltoall", "allgather", "state"};
    if (!llvm::is_contained(kinds, shard.over.name)) {
      auto builder = diagnostics.error(
          shard.over.range, Rule::Shard1,
          "unknown exchange `" + shard.over.name.take_front(64) + "`");
      builder.didYouMean(shard.over.range, nearest(shard.over.name, kinds));
    }
    for (const Identifier &rank : shard.ranks)
      if (std::optional<RankId> id = findRank(kernel, rank, Rule::Shard1))
        made.ranks.push_back(*id);
    info.shards.push_back(std::move(made));
  }
  kernel.schedules.push_back(std::move(info));
}

/// `shard m over ring` outside of a schedule: for every kernel with the ranks.
void Analysis::applyShard(const Schedule &schedule) {
  bool applied = false;
  for (ElaboratedKernel &kernel : program.kernels) {
    bool all = llvm::all_of(
        schedule.shards.front().ranks, [&](const Identifier &rank) {
          return llvm::any_of(kernel.ranks, [&](const RankInfo &candidate) {
            return candidate.name == rank.name;
          });
        });
    if (all && !kernel.gradient)
      applySchedule(schedule, kernel);
    applied |= all;
  }
  if (!applied && !diagnostics.hasErrors())
    diagnostics.error(schedule.range, Rule::Shard1,
                      "no kernel of this file has the ranks that `shard` "
                      "names");
}

void Analysis::applySchedules(File &file) {
  for (const Schedule *schedule : file.schedules) {
    StringRef name = schedule->kernel.name;
    if (name.empty()) {
      applyShard(*schedule);
      continue;
    }
    if (!kernels.count(name)) {
      SmallVector<StringRef, 8> known;
      for (auto &entry : kernels)
        known.push_back(entry.getKey());
      auto builder = diagnostics.error(schedule->kernel.range, Rule::Sched1,
                                       "no kernel `" + name + "` to schedule");
      StringRef near = nearest(name, known);
      if (!near.empty())
        builder.didYouMean(schedule->kernel.range, near,
                           kernels[near]->name.range);
      continue;
    }
    for (ElaboratedKernel &kernel : program.kernels)
      if (kernel.name == name)
        applySchedule(*schedule, kernel);
  }
}

llvm::FailureOr<Program> Analysis::run(unsigned buffer) {
  std::unique_ptr<File> prelude;
  std::unique_ptr<File> file = parse(sources, buffer, diagnostics);
  // What follows would only repeat what the parser said.
  if (diagnostics.hasErrors())
    return llvm::failure();
  if (options.prelude) {
    unsigned id = sources.add("prelude.ein", getPrelude().str());
    prelude = parse(sources, id, diagnostics);
    collectDefs(*prelude, /*ofPrelude=*/true);
  }
  collectDefs(*file, /*ofPrelude=*/false);
  checkKernelNames(*file);
  auto resolveDef = [&](const Def *def) {
    if (defs.lookup(def->name.name) != def)
      return;
    scopes.push_back(std::make_unique<Scope>());
    Scope &scope = *scopes.back();
    scope.def = def;
    resolve(scope, *fileOf[def], defs, options.defines, diagnostics);
    defScopes[def->name.name] = &scope;
  };
  if (prelude)
    for (const Def *def : prelude->defs)
      resolveDef(def);
  for (const Def *def : file->defs)
    resolveDef(def);
  if (!checkRecursion())
    return llvm::failure();
  for (const Kernel *kernel : file->kernels)
    if (kernels.lookup(kernel->name.name) == kernel) {
      if (kernel->gradient)
        continue;
      elaborateKernel(*kernel, *file);
    }
  for (const Kernel *kernel : file->kernels)
    if (kernel->gradient)
      elaborateGradient(*kernel);
  applySchedules(*file);
  for (const RankBinding &binding : file->defaults) {
    bool known = diagnostics.hasErrors() ||
                 llvm::any_of(program.kernels, [&](auto &kernel) {
                   return llvm::any_of(kernel.ranks, [&](auto &rank) {
                     return rank.name == binding.rank.name;
                   });
                 });
    if (!known)
      diagnostics.error(binding.rank.range, Rule::Rank4,
                        "no kernel of this file has a rank `" +
                            binding.rank.name + "`");
  }
  if (diagnostics.hasErrors())
    return llvm::failure();
  // In order of appearance.
  llvm::stable_sort(program.kernels, [](auto &a, auto &b) {
    return a.range.begin < b.range.begin;
  });
  return std::move(program);
}

llvm::FailureOr<Program> einfall::ein::analyze(SourceManager &sources,
                                               unsigned buffer,
                                               const FrontendOptions &options,
                                               DiagnosticEngine &diagnostics) {
  return Analysis(sources, options, diagnostics).run(buffer);
}
