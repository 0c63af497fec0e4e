//===- TileSizes.cpp - Sizes of the CPU's tiles, and their cost -----------===//

#include "passes/Schedule/TileSizes.h"

#include "codegen/targets/Machine.h"
#include "passes/Schedule/TileModel.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

std::string TileClocks::limit() const {
  std::pair<mpq_class, const char *> parts[] = {
      {products, "multiply-adds"},  {elements, "functions"},
      {accumulate, "accumulators"}, {starts, "starts of loops"},
      {packing, "packing"},         {caches, "the second-level cache"}};
  return std::max_element(std::begin(parts), std::end(parts))->second;
}

//===----------------------------------------------------------------------===//
// The space
//===----------------------------------------------------------------------===//

SizeSpace SizeSpace::of(const AskedSizes &asked) {
  SizeSpace space;
  for (unsigned vectors : {3, 2, 1, 4}) {
    if (asked.rowVectors && vectors != *asked.rowVectors)
      continue;
    // Rows of an item say how many vectors a group has: as many as divide it.
    if (vectors == 1)
      space.rows.push_back({vectors, {1, 5, 7, 13, 25, 49}});
    else
      space.rows.push_back({vectors, {1, 2, 4, 8, 16, 32}});
  }
  if (space.rows.empty())
    space.rows.push_back({*asked.rowVectors, {1}});
  if (asked.groups)
    for (Rows &rows : space.rows)
      rows.groups = {*asked.groups};
  space.keys = {16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 384, 512};
  if (asked.keyTile)
    space.keys = {*asked.keyTile};
  return space;
}

std::vector<SizedTile> einfall::sizesOf(const TilePlan &plan,
                                        const CpuMachine &machine,
                                        const llvm::StringMap<int64_t> &extents,
                                        const AskedSizes &asked) {
  TileModel model(plan, machine, extents);
  SizeSpace space = SizeSpace::of(asked);
  std::vector<SizedTile> all;
  for (const SizeSpace::Rows &rows : space.rows)
    for (unsigned keys : space.keys)
      for (unsigned groups : rows.groups) {
        SizedTile &entry = all.emplace_back();
        entry.sizes = {rows.vectors, keys, groups};
        entry.excess = model.excess(entry.sizes);
        if (entry.excess)
          entry.rejection = model.textOf(*entry.excess, entry.sizes);
        if (model.hasRegisters(entry.sizes))
          entry.clocks = model.clocks(entry.sizes);
      }
  return all;
}

std::vector<SizedTile> einfall::ranked(std::vector<SizedTile> sizes) {
  llvm::erase_if(sizes,
                 [](const SizedTile &tile) { return tile.excess.has_value(); });
  llvm::stable_sort(sizes, [](const SizedTile &a, const SizedTile &b) {
    return a.clocks->total() < b.clocks->total();
  });
  return sizes;
}

TileSizes einfall::leastSizes(const TilePlan &plan, const CpuMachine &machine,
                              const llvm::StringMap<int64_t> &extents) {
  std::vector<SizedTile> space = sizesOf(plan, machine, extents, plan.asked);
  // Something is taken even where all of it exceeds a cache.
  const SizedTile *best = nullptr;
  for (bool all : {false, true}) {
    for (const SizedTile &tile : space)
      if ((all || !tile.excess) && tile.clocks &&
          (!best || tile.clocks->total() < best->clocks->total()))
        best = &tile;
    if (best)
      break;
  }
  return best ? best->sizes : TileSizes{1, 64, 1};
}

//===----------------------------------------------------------------------===//
// For people, and as data
//===----------------------------------------------------------------------===//

std::string einfall::describe(const TilePlan &plan, const TileSizes &sizes) {
  return llvm::formatv("{0} rows in groups of {1}, {2} keys",
                       int64_t(sizes.groups) * sizes.rowVectors * plan.lanes,
                       sizes.rowVectors * plan.lanes, sizes.keyTile);
}

std::string einfall::whyNotSizes(const TilePlan &plan,
                                 const CpuMachine &machine,
                                 const llvm::StringMap<int64_t> &extents,
                                 const llvm::StringMap<int64_t> &asked) {
  TileSizes here{plan.rowVectors, plan.keyTile, plan.groups}, there = here;
  if (auto vectors = asked.find("row_vectors"); vectors != asked.end())
    there.rowVectors = vectors->second;
  if (there.rowVectors == 0)
    return "a group has at least one vector of rows";
  for (const auto &entry : asked) {
    StringRef rank = entry.first();
    bool isStream = llvm::any_of(
        plan.folds, [&](const FoldPlan &fold) { return fold.stream == rank; });
    int64_t size = entry.second;
    if (rank == "row_vectors")
      continue;
    if (isStream) {
      if (size % 16 || size < 16 || size > 4096)
        return "a tile has a multiple of 16 keys up to 4096";
      there.keyTile = size;
    } else if (rank == plan.row) {
      int64_t group = int64_t(there.rowVectors) * plan.lanes;
      if (size % plan.lanes || size == 0)
        return llvm::formatv("an item has a multiple of {0} rows, the lanes of "
                             "a vector",
                             plan.lanes);
      if (!asked.count("row_vectors")) {
        there.rowVectors = vectorsOfParts(size / plan.lanes);
        group = int64_t(there.rowVectors) * plan.lanes;
      }
      if (size % group)
        return llvm::formatv("an item has a multiple of {0} rows, those of a "
                             "group",
                             group);
      there.groups = size / group;
    } else {
      return ("tiles are over the rows, \"" + plan.row +
              "\", and the stream, not over \"" + rank + "\"")
          .str();
    }
  }
  auto find = [&](const TileSizes &sizes) {
    return sizesOf(plan, machine, extents,
                   {sizes.rowVectors, sizes.keyTile, sizes.groups})
        .front();
  };
  SizedTile other = find(there);
  if (!other.clocks)
    return "it does not fit: " + other.rejection;
  double took = find(here).clocks->total().get_d();
  double takes = other.clocks->total().get_d();
  double more = (takes / took - 1) * 100;
  std::string text = llvm::formatv(
      "{0}: {1:f1} clocks a row, most of them {2}; {3}, which are chosen, take "
      "{4:f1}",
      describe(plan, there), takes, other.clocks->limit(), describe(plan, here),
      took);
  text += llvm::formatv(": {0:f1} % {1} by the model", std::abs(more),
                        more > 0 ? "more" : "less");
  if (!other.rejection.empty())
    text += "; not in the space, as " + other.rejection;
  return text;
}

llvm::json::Object einfall::sizesToJson(const TilePlan &plan,
                                        const CpuMachine &machine,
                                        const llvm::StringMap<int64_t> &extents,
                                        StringRef machineName) {
  llvm::json::Array all;
  TileSizes here{plan.rowVectors, plan.keyTile, plan.groups};
  std::optional<int64_t> chosen;
  std::optional<mpq_class> least, took;
  for (const SizedTile &tile : sizesOf(plan, machine, extents, plan.asked)) {
    llvm::json::Object entry{{"rows", int64_t(tile.sizes.groups) *
                                          tile.sizes.rowVectors * plan.lanes},
                             {"row_vectors", tile.sizes.rowVectors},
                             {"keys", tile.sizes.keyTile}};
    if (tile.sizes == here)
      chosen = all.size();
    if (tile.excess) {
      entry["rejected"] = tile.rejection;
    } else {
      const TileClocks &clocks = *tile.clocks;
      mpq_class total = clocks.total();
      if (tile.sizes == here)
        took = total;
      if (!least || total < *least)
        least = total;
      entry["clocks_per_row"] = total.get_str();
      entry["parts"] =
          llvm::json::Object{{"products", clocks.products.get_str()},
                             {"elements", clocks.elements.get_str()},
                             {"accumulate", clocks.accumulate.get_str()},
                             {"starts", clocks.starts.get_str()},
                             {"packing", clocks.packing.get_str()},
                             {"caches", clocks.caches.get_str()}};
    }
    all.push_back(std::move(entry));
  }
  llvm::json::Array streams;
  for (const FoldPlan &fold : plan.folds)
    streams.push_back(fold.stream);
  llvm::json::Object result{
      {"kind", "schedule-choice"},
      {"machine", llvm::json::Object{{"name", machineName}}},
      {"program", "tiles"},
      {"objective", "clocks of a core for a row"},
      {"rows", plan.row},
      {"streams", std::move(streams)},
      {"candidates", std::move(all)}};
  if (chosen)
    result["chosen"] = *chosen;
  result["least"] = took && *took == *least;
  return result;
}

CpuMachine einfall::cpuMachineOf(const Machine &description) {
  CpuMachine machine;
  machine.lanes = description.warpLanes;
  mpq_class unitClocks =
      mpq_class(description.clockHz) * long(description.units);
  machine.arithmetic = mpq_class(long(description.fmaFlopPerClock)) /
                       long(2 * description.warpLanes);
  machine.loads = mpq_class(long(description.sharedBytesPerClock)) /
                  long(4 * description.warpLanes);
  machine.cores = description.units;
  size_t count = description.levels.size();
  machine.l1Bytes = description.levels[count - 1].memories.front().bytes;
  if (description.levels[count - 1].memories.size() > 1)
    machine.registers = description.levels[count - 1].memories.back().bytes /
                        (4 * machine.lanes);
  if (count >= 3) {
    machine.l2Bytes = description.levels[count - 2].memories.front().bytes;
    // Into the level from outside, all units together.
    machine.bytesBeyondL2 =
        mpq_class(description.bytesPerSecond(count - 2)) / unitClocks;
    machine.bytesFromL2 =
        mpq_class(description.bytesPerSecond(count - 1)) / unitClocks;
  }
  return machine;
}
