//===- CpuModel.cpp - What a CPU schedule moves, as a model ---------------===//

#include "passes/Traffic/CpuModel.h"

using namespace einfall;
using namespace einfall::traffic;
using certificate::Expression;
using Schedule = certificate::ScheduleTraffic;

namespace {

/// Sums of what is to stay in a memory.
struct Room {
  Schedule::Fit fit;
  explicit Room(const CpuLevel &level) { fit.memory = level.memory; }
  void keep(std::string what, int64_t bytes) {
    if (bytes == 0)
      return;
    fit.keeps.push_back({std::move(what), bytes});
    fit.bytes += static_cast<long>(bytes);
  }
  bool holds(const CpuLevel &level) const {
    return fit.bytes <= static_cast<long>(level.bytes);
  }
};

class Model {
public:
  Model(const CpuTraffic &traffic, llvm::ArrayRef<CpuLevel> levels,
        int64_t cores, int64_t workspace, int64_t shared)
      : traffic(traffic), levels(levels), cores(cores), workspace(workspace),
        shared(shared) {}

  std::vector<std::pair<std::string, int64_t>> tensors; ///< and their bytes
  Schedule of(const CpuLevel &level) const;

private:
  void addTensors(Schedule &to, const CpuLevel &level, bool holdsAll) const;
  void addWorkspace(Schedule &to, const CpuLevel &innermost) const;
  void addVisits(Schedule &to, const CpuVisits &visits,
                 const CpuLevel &level) const;

  const CpuTraffic &traffic;
  llvm::ArrayRef<CpuLevel> levels;
  int64_t cores, workspace, shared;
};

} // namespace

static Schedule::Term term(std::string what, int64_t bytes, Expression times) {
  Schedule::Term result;
  result.what = std::move(what);
  result.bytes = bytes;
  result.times = std::move(times);
  return result;
}

static bool isNothing(const Expression &expression) {
  return expression.isNumber(0);
}

void Model::addTensors(Schedule &to, const CpuLevel &level,
                       bool holdsAll) const {
  bool isInnermost = &level == &levels.back();
  Expression waves = certificate::ceilDivide(traffic.items, Expression(cores));
  for (const CpuTerm &asked : traffic.asked) {
    Expression most = asked.bytes;
    for (auto &[name, bytes] : tensors) {
      if (name != asked.what)
        continue;
      if (holdsAll)
        most = certificate::minimum(most, Expression(level.units * bytes));
      else if (level.units < cores)
        most = certificate::minimum(most, waves * Expression(bytes));
    }
    std::string what =
        asked.what +
        (asked.direction == Direction::Store ? ", stored" : ", loaded");
    Schedule::Term entry = term(std::move(what), 1, most);
    // What the innermost cache is asked for is what the program asks for.
    if (isInnermost)
      entry.asked = asked.bytes;
    to.terms.push_back(std::move(entry));
  }
}

/// A visit, in the three steps that CpuModel.h lists.
void Model::addVisits(Schedule &to, const CpuVisits &visits,
                      const CpuLevel &level) const {
  int64_t operands = visits["operands"], states = visits["states"],
          tile = visits["tile"], block = visits["block"],
          scores = visits["scores"], keys = visits["keys"],
          features = visits["features"];
  auto add = [&](const char *what, int64_t bytes, const Expression &times) {
    if (bytes > 0 && !isNothing(times))
      to.terms.push_back(term(std::string("workspace: ") + what, bytes, times));
  };
  if (!tile) {
    // Made before the first tile and looked at after the last.
    add("operands and states of a group", operands + 2 * states, visits.rounds);
    return;
  }
  Room products(level), sums(level);
  products.keep("operands of a group", operands);
  products.keep("keys of a block", block * keys);
  products.keep("scores of a block", block * scores);
  sums.keep("weights of a tile", tile * scores);
  sums.keep("a tile of a block of features", features ? tile * block * 4 : 0);
  sums.keep("sums of a block", features ? block * visits["rows"] * 4 : 0);
  add("panels, when packed", keys + features, visits.keys);
  if (products.holds(level)) {
    to.fits.push_back(products.fit);
    add("operands of a group", operands, visits.rounds);
  } else {
    // Again for every block of keys: as many bytes as a key's share, rounded
    // up, times the keys.
    add("operands of a group, for every block of keys",
        (operands + block - 1) / block, visits.keysOfRounds);
  }
  add("panels", keys + features, visits.keysOfRounds);
  // Out after the products, in for the weights.
  add("scores", 2 * scores, visits.keysOfRounds);
  if (sums.holds(level))
    to.fits.push_back(sums.fit);
  else
    add("weights, for every block of features",
        scores * std::max<int64_t>(1, visits["feature blocks"]),
        visits.keysOfRounds);
  add("states of a group", 2 * states, visits.rounds);
}

void Model::addWorkspace(Schedule &to, const CpuLevel &innermost) const {
  for (const CpuVisits &visits : traffic.visits)
    addVisits(to, visits, innermost);
  if (!isNothing(traffic.workspaceAsked))
    to.terms.push_back(term("workspace", 1, traffic.workspaceAsked));
}

Schedule Model::of(const CpuLevel &level) const {
  Schedule result;
  result.counted = traffic.isExact() ? "modelled" : "modelled, at most";
  int64_t coresOfUnit = (cores + level.units - 1) / level.units;
  Room all(level), own(level);
  for (auto &[name, bytes] : tensors)
    all.keep(name, bytes);
  for (Room *room : {&all, &own}) {
    room->keep("workspaces", workspace * coresOfUnit);
    room->keep("what threads share", shared);
  }
  bool holdsAll = all.holds(level);
  addTensors(result, level, holdsAll);
  if (own.holds(level)) {
    Schedule::Fit &fit = (holdsAll ? all : own).fit;
    if (!fit.keeps.empty())
      result.fits.push_back(fit);
  } else {
    addWorkspace(result, levels.back());
  }
  // Threads see what others made only from outside of their own memories.
  if ((level.units > 1 || !own.holds(level)) && !isNothing(traffic.sharedAsked))
    result.terms.push_back(term("shared", 1, traffic.sharedAsked));
  return result;
}

llvm::Expected<std::vector<Schedule>>
einfall::traffic::cpuModelOf(const CpuTraffic &traffic,
                             const cascade::KernelInterface &interface,
                             const std::map<std::string, int64_t> &extents,
                             llvm::ArrayRef<CpuLevel> levels, int64_t cores) {
  certificate::Environment environment;
  for (const auto &[rank, extent] : extents)
    environment.extents[rank] = static_cast<long>(extent);
  auto valueOf = [&](const Expression &e) -> llvm::Expected<int64_t> {
    auto value = e.evaluate(environment);
    if (!value)
      return llvm::createStringError(value.error());
    return value->get_si();
  };
  llvm::Expected<int64_t> workspace = valueOf(traffic.workspace);
  if (!workspace)
    return workspace.takeError();
  llvm::Expected<int64_t> shared = valueOf(traffic.shared);
  if (!shared)
    return shared.takeError();
  Model model(traffic, levels, cores, *workspace, *shared);
  for (const auto *list : {&interface.inputs, &interface.outputs})
    for (const auto &tensor : *list) {
      int64_t bytes = (tensor.element.getIntOrFloatBitWidth() + 7) / 8;
      for (const std::string &rank : tensor.dims) {
        auto extent = extents.find(rank);
        if (extent == extents.end())
          return llvm::createStringError("rank '" + rank + "' has no extent");
        bytes *= extent->second;
      }
      model.tensors.emplace_back(tensor.name, bytes);
    }
  std::vector<Schedule> result;
  for (const CpuLevel &level : levels)
    result.push_back(model.of(level));
  return result;
}
