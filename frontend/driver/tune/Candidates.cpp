//===- Candidates.cpp - Schedules worth timing ----------------------------===//

#include "frontend/driver/tune/Candidates.h"
#include "dialect/Cascade/Schedules.h"

#include "passes/Schedule/Candidates.h"
#include "passes/Schedule/TileSizes.h"

using namespace einfall;
using namespace einfall::driver;

namespace {

/// A schedule with its cost.
using Costed = std::pair<double, ChosenSchedule>;

} // namespace

static std::vector<Costed> ofProcessor(cascade::KernelOp kernel,
                                       const CpuMachine &machine,
                                       const llvm::StringMap<int64_t> &extents,
                                       std::string &reason) {
  std::vector<Costed> found;
  auto plan = planTiles(kernel, machine, extents, reason);
  if (!plan)
    return found;
  for (const SizedTile &tile :
       ranked(sizesOf(*plan, machine, extents, plan->asked))) {
    ChosenSchedule schedule;
    schedule.rowVectors = tile.sizes.rowVectors;
    schedule.tiles = {
        {plan->row.str(),
         int64_t(tile.sizes.groups) * tile.sizes.rowVectors * plan->lanes}};
    for (const FoldPlan &fold : plan->folds)
      if (llvm::none_of(schedule.tiles, [&](const auto &entry) {
            return entry.first == fold.stream;
          }))
        schedule.tiles.emplace_back(fold.stream.str(), tile.sizes.keyTile);
    found.emplace_back(tile.clocks->total().get_d(), std::move(schedule));
  }
  return found;
}

static std::vector<Costed> ofGpu(cascade::KernelOp kernel,
                                 const DeviceMachine &gpu,
                                 const llvm::StringMap<int64_t> &extents,
                                 std::string &reason) {
  std::vector<Costed> found;
  std::optional<CandidateSpace> space = candidatesOf(
      kernel, gpu, extents, preferredStaging(kernel, gpu, extents), reason);
  if (!space)
    return found;
  std::string row = space->plan.tiles.row.str();
  for (const Candidate &candidate : space->candidates) {
    if (candidate.excess)
      continue;
    ChosenSchedule schedule;
    schedule.stages = candidate.shape.stages;
    schedule.tiles = {{row, candidate.shape.rows()}};
    for (const BlockFold &fold : space->plan.folds)
      if (fold.plan->stream != row)
        schedule.tiles.emplace_back(fold.plan->stream.str(),
                                    candidate.shape.keys);
    // Of shapes that differ in warps alone, a schedule gets the least.
    double cost = candidate.cost.perScore.get_d();
    auto same = llvm::find_if(found, [&](const Costed &other) {
      return other.second.tiles == schedule.tiles &&
             other.second.stages == schedule.stages;
    });
    if (same != found.end())
      same->first = std::min(same->first, cost);
    else
      found.emplace_back(cost, std::move(schedule));
  }
  llvm::stable_sort(found, [](const Costed &a, const Costed &b) {
    return a.first < b.first;
  });
  return found;
}

CandidateSchedules einfall::driver::candidateSchedules(
    cascade::KernelOp kernel, const std::string &target,
    const llvm::StringMap<int64_t> &extents, unsigned most, bool isSpread,
    Session &session) {
  CandidateSchedules result;
  std::vector<Costed> found;
  std::string reason;
  bool good = true;
  PipelineOptions pipeline;
  pipeline.target = target;
  pipeline.until = Stage::Fold;
  pipeline.fixedExtents = extents;
  pipeline.observeDerived = [&](cascade::KernelOp derived) {
    if (target == "cpu") {
      std::optional<cpu::CpuTarget> processor =
          cpu::CpuTarget::named(session.options.processor);
      auto machine = cpuMachineFor(
          processor ? *processor : cpu::CpuTarget::host(), session.options);
      if (machine)
        found = ofProcessor(derived, *machine, extents, reason);
      else
        good = session.succeeded(machine.takeError());
      return;
    }
    auto machine = machineFor(*findTarget(target), session.options.machine);
    if (!machine) {
      good = session.succeeded(machine.takeError());
      return;
    }
    DeviceMachine gpu = DeviceMachine::of(*machine);
    gpu.tf32 = session.options.tf32;
    found = ofGpu(derived, gpu, extents, reason);
  };
  auto written = cascade::schedulesOf(kernel);
  cascade::setSchedules(kernel, {});
  good &= compileKernel(kernel, pipeline, session).has_value();
  cascade::setSchedules(kernel, written);
  if (!good)
    return result;
  if (found.empty()) {
    session.error("kernel `" + kernel.getSymName() +
                  "` has no tiles to choose: " + reason);
    return result;
  }
  result.fitting = found.size();
  if (most && found.size() > most) {
    // The best, then (spread) evenly from those that are left.
    size_t best = isSpread ? (most + 1) / 2 : most, rest = most - best;
    size_t left = found.size() - best;
    for (size_t i = 0; i < rest; ++i)
      std::swap(found[best + i], found[best + (i + 1) * left / rest - 1]);
    found.resize(most);
  }
  for (auto &[cost, schedule] : found) {
    TunedCandidate candidate;
    candidate.modelled = cost / found.front().first;
    candidate.schedule = std::move(schedule);
    llvm::sort(candidate.schedule.tiles);
    result.candidates.push_back(std::move(candidate));
  }
  return result;
}
