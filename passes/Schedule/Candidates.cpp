//===- Candidates.cpp - The shapes that a kernel's tiles may have ---------===//

#include "passes/Schedule/Candidates.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// The plan with no sharing of blocks; `asked` fixes what it names.
static std::optional<BlockPlan>
planWith(KernelOp kernel, const DeviceMachine &machine,
         const llvm::StringMap<int64_t> &extents, Staging staging,
         const TileChoice &asked, std::string &reason) {
  BlockForm form(staging);
  form.tile = asked;
  return planBlocks(kernel, machine, extents, form, reason);
}

size_t CandidateSpace::fitting() const {
  return llvm::count_if(candidates,
                        [](const Candidate &each) { return !each.excess; });
}

Staging einfall::preferredStaging(KernelOp kernel, const DeviceMachine &machine,
                                  const llvm::StringMap<int64_t> &extents) {
  std::string reason;
  for (Staging staging : {Staging::Boxes, Staging::Chunks})
    if (planWith(kernel, machine, extents, staging, {}, reason))
      return staging;
  return Staging::Elements;
}

std::optional<CandidateSpace>
einfall::candidatesOf(KernelOp kernel, const DeviceMachine &machine,
                      const llvm::StringMap<int64_t> &extents, Staging staging,
                      std::string &reason) {
  auto plan = planWith(kernel, machine, extents, staging, {}, reason);
  if (!plan)
    return std::nullopt;
  std::optional<TileSpace> shapes = tileSpaceOf(*plan, plan->fixed, reason);
  if (!shapes)
    return std::nullopt;
  CandidateSpace space{std::move(*plan), *shapes, {}, std::nullopt};
  BlockPlan &each = space.plan;
  TileShape chosen{each.warps, each.fragments, each.keys, each.stages};
  bool spills = each.spills;
  const Machine &description = machine.description;
  for (const TileShape &shape : shapes->shapes()) {
    if (shape == chosen && !spills)
      space.chosen = space.candidates.size();
    Candidate &candidate = space.candidates.emplace_back();
    candidate.shape = shape;
    candidate.excess = giveShape(each, shape, description);
    candidate.threads = each.threads();
    candidate.registers = each.registers;
    candidate.sharedBytes = each.shared;
    if (candidate.excess)
      candidate.rejection = textOf(*candidate.excess, each, description);
    else
      candidate.cost = costOf(each, description);
  }
  giveShape(each, chosen, description);
  each.spills = spills;
  return space;
}

static std::string exact(const mpq_class &number) { return number.get_str(); }

llvm::json::Object einfall::toJson(const CandidateSpace &space,
                                   const Machine &machine) {
  bool hasRoles = space.plan.staging == Staging::Boxes;
  llvm::json::Array all, streams;
  for (const BlockFold &fold : space.plan.folds)
    streams.push_back(fold.plan->stream);
  for (const Candidate &candidate : space.candidates) {
    llvm::json::Object entry{{"rows", candidate.shape.rows()},
                             {"warps", candidate.shape.warps},
                             {"keys", candidate.shape.keys},
                             {"stages", candidate.shape.stages}};
    if (candidate.excess) {
      entry["rejected"] = candidate.rejection;
      all.push_back(std::move(entry));
      continue;
    }
    llvm::json::Array folds;
    for (const TileCost &tile : candidate.cost.folds)
      folds.push_back(
          llvm::json::Object{{"contraction", exact(tile.contraction)},
                             {"panels", exact(tile.panels)},
                             {"special", exact(tile.special)},
                             {"arithmetic", exact(tile.arithmetic)},
                             {"shared", exact(tile.shared)},
                             {"copies", exact(tile.copies)},
                             {"waits", exact(tile.waits)},
                             {"clocks", exact(tile.clocks)},
                             {"limit", tile.limit}});
    entry["threads"] = candidate.threads;
    entry["registers"] = candidate.registers;
    entry["shared_bytes"] = candidate.sharedBytes;
    entry["blocks_of_an_sm"] = candidate.cost.resident;
    entry["folds"] = std::move(folds);
    entry["clocks_per_score"] = exact(candidate.cost.perScore);
    all.push_back(std::move(entry));
  }
  llvm::json::Object result{
      {"kind", "schedule-choice"},
      {"machine",
       llvm::json::Object{{"name", machine.name}, {"sha256", machine.sha256}}},
      {"program", hasRoles ? "warpgroups" : "blocks"},
      {"objective", "clocks of an SM for a row and a key, steady state"},
      {"rows", space.plan.tiles.row},
      {"streams", std::move(streams)},
      {"candidates", std::move(all)}};
  if (space.chosen)
    result["chosen"] = int64_t(*space.chosen);
  result["least"] = space.chosen.has_value();
  return result;
}

std::string einfall::whyNot(KernelOp kernel, const DeviceMachine &machine,
                            const llvm::StringMap<int64_t> &extents,
                            const llvm::StringMap<int64_t> &asked) {
  Staging staging = preferredStaging(kernel, machine, extents);
  std::string reason;
  auto plan = planWith(kernel, machine, extents, staging, {}, reason);
  if (!plan)
    return "there is no program of tiles: " + reason;
  TileChoice tile;
  for (const auto &entry : asked) {
    StringRef rank = entry.first();
    bool isStream = llvm::any_of(plan->folds, [&](const BlockFold &fold) {
      return fold.plan->stream == rank;
    });
    if (rank == "stages")
      tile.stages = entry.second;
    else if (rank == plan->tiles.row)
      tile.rows = entry.second;
    else if (isStream)
      tile.keys = entry.second;
    else
      return ("tiles are over the rows, \"" + plan->tiles.row +
              "\", and the stream, not over \"" + rank + "\"")
          .str();
  }
  // What is not asked for stays; where that does not fit, it is chosen anew.
  TileChoice whole{tile.rows.value_or(plan->rows()),
                   tile.keys.value_or(plan->keys),
                   tile.stages.value_or(plan->stages)};
  auto other = planWith(kernel, machine, extents, staging, whole, reason);
  std::string first = reason;
  if (!other)
    other = planWith(kernel, machine, extents, staging, tile, reason);
  if (!other)
    return "it does not fit: " + first;
  BlockCost here = costOf(*plan, machine.description);
  BlockCost there = costOf(*other, machine.description);
  auto shapeOf = [](const BlockPlan &plan) {
    return llvm::formatv("{0} rows, {1} keys and {2} stages", plan.rows(),
                         plan.keys, plan.stages)
        .str();
  };
  auto costs = [](const BlockCost &cost) {
    return llvm::formatv("{0:f4} clocks a score, limited by {1}",
                         cost.perScore.get_d(), cost.folds.back().limit)
        .str();
  };
  double more = (mpq_class(there.perScore / here.perScore).get_d() - 1) * 100;
  std::string text = shapeOf(*other) + " fit: " + costs(there) + "; " +
                     shapeOf(*plan) + ", which are chosen, take " + costs(here);
  if (there.perScore == here.perScore)
    return text + ": the same by the model";
  return text + llvm::formatv(": {0:f1} % {1} by the model", std::abs(more),
                              more > 0 ? "more" : "less")
                    .str();
}
