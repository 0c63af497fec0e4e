//===- SizesClaim.cpp - That sizes are the least, as a claim --------------===//
//
// What the model takes of a tile plan and of a processor, and every size as it
// was found (passes/Certificate/SizeChoice.h).
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/TileModel.h"

using namespace mlir;
using namespace einfall;
using certificate::SizeChoice;

/// Runs of blocks; nothing if there are so many that nobody would read them.
static std::optional<SizeChoice::Runs>
runsOf(const std::vector<VisitSampler::Presence> &blocks) {
  using Kind = SizeChoice::Run::Kind;
  constexpr size_t mostRuns = 64;
  SizeChoice::Runs runs;
  for (VisitSampler::Presence presence : blocks) {
    Kind kind = presence == VisitSampler::Presence::None   ? Kind::None
                : presence == VisitSampler::Presence::Some ? Kind::Some
                                                           : Kind::All;
    if (runs.empty() || runs.back().kind != kind)
      runs.push_back({kind, 0});
    ++runs.back().blocks;
  }
  return runs.size() > mostRuns ? std::nullopt : std::optional(runs);
}

static const char *nameOfSizeExcess(SizeExcess::Of of) {
  switch (of) {
  case SizeExcess::Of::Registers:
    return "registers";
  case SizeExcess::Of::Rows:
    return "rows";
  case SizeExcess::Of::Keys:
    return "keys";
  case SizeExcess::Of::First:
    return "L1 bytes";
  case SizeExcess::Of::Second:
    return "L2 bytes";
  }
  return "";
}

static SizeChoice::Figures figuresOfCore(const TilePlan &plan,
                                         const CpuMachine &machine) {
  SizeChoice::Figures figures;
  figures.lanes = plan.lanes;
  figures.registers = machine.registers;
  figures.l1Bytes = machine.l1Bytes;
  figures.l2Bytes = machine.l2Bytes;
  figures.cores = machine.cores;
  figures.arithmetic = machine.arithmetic;
  figures.loads = machine.loads;
  figures.bytesFromL2 = machine.bytesFromL2;
  figures.bytesBeyondL2 = machine.bytesBeyondL2;
  return figures;
}

std::optional<SizeChoice>
einfall::claimOf(const TilePlan &plan, const CpuMachine &machine,
                 const llvm::StringMap<int64_t> &extents) {
  TileModel model(plan, machine, extents);
  SizeChoice choice;
  choice.figures = figuresOfCore(plan, machine);
  choice.keyBlock = plan.keyBlock;
  choice.rows = {{plan.row.str()}, model.rows, !model.knowsRows};
  for (StringRef rank : plan.items)
    choice.items.ranks.push_back(rank.str());
  choice.items.isAssumed = !model.knowsItems;
  // Used only where all is known.
  if (!model.items.fits_slong_p())
    return std::nullopt;
  choice.items.size = model.knowsItems ? model.items.get_si() : 1;
  for (auto [work, sampler] : llvm::zip_equal(model.folds, model.samplers)) {
    SizeChoice::Fold &fold = choice.folds.emplace_back();
    StringRef stream = work.plan->stream;
    fold.keys = {{stream.str()}, work.keys, !extents.count(stream)};
    fold.contracted = work.contracted;
    fold.deepest = work.deepest;
    fold.features = work.features;
    fold.contractions = work.contractions;
    fold.instructions = work.instructions;
    fold.moves = work.moves;
    fold.isMasked = sampler.hasConditions();
  }
  SizeSpace space = SizeSpace::of(plan.asked);
  for (const SizeSpace::Rows &rows : space.rows) {
    SizeChoice::Rows &claim = choice.space.emplace_back();
    claim.vectors = rows.vectors;
    claim.groups.assign(rows.groups.begin(), rows.groups.end());
    for (VisitSampler &sampler : model.samplers) {
      if (!sampler.hasConditions())
        continue;
      auto &mask = claim.masks.emplace_back();
      for (const auto &blocks :
           sampler.profile(int64_t(rows.vectors) * plan.lanes, plan.keyBlock)) {
        std::optional<SizeChoice::Runs> runs = runsOf(blocks);
        if (!runs)
          return std::nullopt;
        mask.push_back(std::move(*runs));
      }
    }
  }
  choice.keys.assign(space.keys.begin(), space.keys.end());
  TileSizes chosen{plan.rowVectors, plan.keyTile, plan.groups};
  std::optional<int64_t> number;
  for (const SizedTile &tile : sizesOf(plan, machine, extents, plan.asked)) {
    SizeChoice::Candidate &claim = choice.candidates.emplace_back();
    claim.vectors = tile.sizes.rowVectors;
    claim.keys = tile.sizes.keyTile;
    claim.groups = tile.sizes.groups;
    if (tile.excess) {
      claim.excess = nameOfSizeExcess(tile.excess->of);
      claim.needs = tile.excess->needs;
      claim.has = tile.excess->has;
      continue;
    }
    const TileClocks &clocks = *tile.clocks;
    claim.cost = {clocks.products, clocks.elements, clocks.accumulate,
                  clocks.starts,   clocks.packing,  clocks.caches,
                  clocks.total()};
    if (tile.sizes == chosen)
      number = choice.candidates.size() - 1;
  }
  if (!number)
    return std::nullopt;
  choice.chosen = *number;
  return choice;
}
