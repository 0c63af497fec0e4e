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

static Candidate describe(const BlockPlan &plan, const Machine &machine) {
  Candidate candidate{plan.rows(),    plan.keys,      plan.stages, "",
                      plan.threads(), plan.registers, plan.shared, {}};
  candidate.cost = costOf(plan, machine);
  return candidate;
}

bool CandidateSpace::isLeast() const {
  return chosen && llvm::all_of(candidates, [&](const Candidate &other) {
           return !other.rejection.empty() ||
                  candidates[*chosen].cost.perScore <= other.cost.perScore;
         });
}

Staging einfall::preferredStaging(KernelOp kernel, const DeviceMachine &machine,
                                  const llvm::StringMap<int64_t> &extents) {
  std::string reason;
  for (Staging staging : {Staging::Boxes, Staging::Chunks})
    if (planWith(kernel, machine, extents, staging, {}, reason))
      return staging;
  return Staging::Elements;
}

CandidateSpace einfall::candidatesOf(KernelOp kernel,
                                     const DeviceMachine &machine,
                                     const llvm::StringMap<int64_t> &extents,
                                     Staging staging, std::string &reason) {
  CandidateSpace space{staging, "", {}, {}, std::nullopt};
  auto plan = planWith(kernel, machine, extents, staging, {}, reason);
  if (!plan)
    return space;
  space.row = plan->tiles.row.str();
  for (const BlockFold &fold : plan->folds)
    space.streams.push_back(fold.plan->stream.str());
  SmallVector<int64_t> rows{64, 128, 192}, stages{plan->stages};
  if (staging != Staging::Boxes) {
    rows = {16, 32, 64, 128};
    if (staging == Staging::Chunks)
      stages = {1, 2};
  }
  for (int64_t r : rows)
    for (int64_t s : stages)
      for (int64_t k = 16; k <= 128; k += 16) {
        bool isChosen =
            r == plan->rows() && k == plan->keys && s == plan->stages;
        if (isChosen)
          space.chosen = space.candidates.size();
        std::string why;
        auto other = planWith(kernel, machine, extents, staging,
                              TileChoice{r, k, s}, why);
        space.candidates.push_back(other ? describe(*other, machine.description)
                                         : Candidate{r, k, s, why});
      }
  return space;
}

static std::string exact(const mpq_class &number) { return number.get_str(); }

llvm::json::Object einfall::toJson(const CandidateSpace &space,
                                   const Machine &machine) {
  llvm::json::Array all;
  for (const Candidate &candidate : space.candidates) {
    llvm::json::Object entry{{"rows", candidate.rows},
                             {"keys", candidate.keys},
                             {"stages", candidate.stages}};
    if (!candidate.rejection.empty()) {
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
    if (candidate.registers)
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
      {"program", space.staging == Staging::Boxes ? "warpgroups" : "blocks"},
      {"objective", "clocks of an SM for a row and a key, steady state"},
      {"rows", space.row},
      {"streams", llvm::json::Array(space.streams)},
      {"candidates", std::move(all)}};
  if (space.chosen)
    result["chosen"] = int64_t(*space.chosen);
  result["least"] = space.isLeast();
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
