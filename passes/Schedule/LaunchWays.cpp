//===- LaunchWays.cpp - How blocks of a launch may share work -------------===//

#include "passes/Schedule/LaunchWays.h"

#include "passes/Schedule/Candidates.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using Way = LaunchWays::Way;
using certificate::Choice;

/// Parts that a workspace is asked for at most (`--splits`).
static constexpr int64_t mostParts = int64_t(1) << 10;

Way LaunchWays::wayOf(bool packed, int64_t parts) const {
  const LaunchComparison &launch = *sharing.launch;
  LaunchTerms terms = packed || parts > 1 ? launch.own : launch.alone;
  terms.packs = packed;
  int64_t group = packed ? size.group : 1;
  int64_t blocks = size.items / group *
                   llvm::divideCeil(size.rows * group, terms.rows) * parts;
  return {packed, parts, blocks,
          int64_t(llvm::divideCeil(blocks, launch.machine.units)),
          clocksOf(sharing, terms, size, parts)};
}

std::optional<LaunchWays>
einfall::waysOf(cascade::KernelOp kernel, const DeviceMachine &machine,
                const llvm::StringMap<int64_t> &extents, Staging preferred,
                std::string &reason) {
  if (machine.splits) {
    reason = "the number of parts is asked for";
    return std::nullopt;
  }
  Staging staging = preferred == Staging::Boxes ? Staging::Chunks : preferred;
  auto planned = [&](BlockForm form) {
    return planBlocks(kernel, machine, extents, form, reason);
  };
  std::optional<BlockPlan> alone = planned(preferred);
  std::optional<BlockPlan> packed = planned({staging, false, true});
  std::optional<BlockPlan> split = planned({staging, true, true});
  if (!alone || !(split || packed))
    return std::nullopt;
  bool splits = split.has_value();
  // Moved, as folds point into their plan.
  LaunchWays result{std::move(splits ? *split : *packed), {}, {}, 0};
  BlockPlan &plan = result.sharing;
  compareLaunches(plan, *alone, plan.packed ? &plan : nullptr,
                  machine.description);
  std::optional<LaunchSize> size = launchSizeOf(plan, extents);
  if (!size || size->items < 1 || size->rows < 1) {
    reason = "extents are not known";
    return std::nullopt;
  }
  result.size = *size;
  bool packs = plan.packed && size->group > 1;
  result.ways.push_back(result.wayOf(false, 1));
  if (packs) {
    result.ways.push_back(result.wayOf(true, 1));
    result.taken = packingPays(plan, *size);
  }
  if (!splits)
    return result;
  int64_t parts = leastParts(plan, *size);
  if (parts < 2)
    return result;
  int64_t tiles = llvm::divideCeil(size->longest(), plan.keys);
  for (int64_t other = 2; other <= std::min(tiles, mostTriedParts);
       other *= 2) {
    result.ways.push_back(result.wayOf(packs, other));
    if (other < parts && parts < 2 * other)
      result.ways.push_back(result.wayOf(packs, parts));
  }
  for (auto [number, way] : llvm::enumerate(result.ways))
    if (way.parts == parts &&
        partsPay(way.clocks, result.ways[result.taken].clocks)) {
      result.taken = number;
      break;
    }
  return result;
}

std::optional<Choice::Launch> einfall::claimOf(const LaunchWays &ways,
                                               const Machine &machine) {
  const BlockPlan &plan = ways.sharing;
  if (plan.spills)
    return std::nullopt;
  TileShape shape{plan.warps, plan.fragments, plan.keys, plan.stages};
  CandidateSpace space{plan, {}, {}, 0};
  space.space.rows.push_back({shape.warps, shape.fragments});
  space.space.keys.push_back(shape.keys);
  space.space.stages.push_back(shape.stages);
  Candidate candidate;
  candidate.shape = shape;
  candidate.registers = plan.registers;
  candidate.sharedBytes = plan.shared;
  candidate.cost = costOf(plan, machine);
  space.candidates.push_back(std::move(candidate));
  Choice::Launch launch;
  const LaunchComparison &compared = *plan.launch;
  launch.units = compared.machine.units;
  launch.launchClocks = compared.machine.launchClocks;
  launch.bytesPerClock = compared.machine.bytesPerClock;
  launch.memoryClocks = machine.memoryClocks;
  launch.cacheClocks = compared.machine.cacheClocks;
  launch.mostParts = mostTriedParts;
  launch.splits = plan.splits;
  launch.stateBytes = plan.splits ? plan.stateFloats() * 4 : 0;
  launch.items = ways.size.items;
  launch.rows = ways.size.rows;
  launch.group = plan.packed ? ways.size.group : 1;
  launch.streams.assign(ways.size.streams.begin(), ways.size.streams.end());
  launch.sharing.push_back(claimOf(space, machine));
  launch.ways = ways.ways;
  launch.taken = ways.taken;
  return launch;
}

std::string einfall::textOf(const Way &way) {
  std::string what = way.parts > 1 ? std::to_string(way.parts) + " parts" +
                                         (way.packed ? " of packed rows" : "")
                     : way.packed ? "packed rows"
                                  : "blocks by themselves";
  return llvm::formatv("{0}: {1} {2}, {3} clocks", what, way.blocks,
                       way.blocks == 1 ? "block" : "blocks", way.clocks)
      .str();
}

std::string einfall::textOf(const LaunchWays &ways) {
  std::string text = textOf(ways.ways[ways.taken]) + " (modelled)";
  for (auto [number, way] : llvm::enumerate(ways.ways))
    if (number != ways.taken)
      text += "; " + textOf(way);
  return text;
}

std::string einfall::whyNotShared(const LaunchWays &ways,
                                  std::optional<int64_t> parts,
                                  std::optional<int64_t> packed) {
  const Way &here = ways.ways[ways.taken];
  bool canPack = ways.sharing.packed && ways.size.group > 1;
  int64_t count = parts.value_or(here.parts);
  bool packs = packed ? *packed != 0 : count == 1 ? here.packed != 0 : canPack;
  if (count < 1 || count > mostParts)
    return llvm::formatv("there are 1 to {0} parts", mostParts).str();
  if (packs && !canPack)
    return "no rows of several items read the same keys";
  if (count > 1 && !ways.sharing.splits)
    return whyNotSplit(ways.sharing);
  if (count > 1 && packs != canPack)
    return "parts are made of packed rows where there are such: half of the "
           "blocks, or fewer, read the same keys";
  Way there = ways.wayOf(packs, count);
  std::string text =
      textOf(there) + "; " + textOf(here) + ", which a launch takes";
  if (there.clocks == here.clocks)
    return text + ": the same by the model";
  double more = (double(there.clocks) / double(here.clocks) - 1) * 100;
  return text + llvm::formatv(": {0:f1} % {1} by the model", std::abs(more),
                              more > 0 ? "more" : "less")
                    .str();
}
