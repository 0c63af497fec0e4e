//===- TileSizes.cpp - Sizes of the CPU's tiles, and their cost -----------===//

#include "passes/Schedule/TileSizes.h"

#include "codegen/targets/Machine.h"
#include "passes/Schedule/TileVisits.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// What is assumed
//===----------------------------------------------------------------------===//

// Extents that are not known when a kernel is compiled: long sequences. A mask
// is sampled on at most `mostSampled` rows and keys.
static constexpr int64_t assumedExtent = 4096, mostSampled = 8192;

// The weights of the model, in clocks of a core. They were fitted together, on
// one processor.
static constexpr double latency = 6;     ///< of a multiply-add behind its loads
static constexpr double beside = 0.35;   ///< of loads, beside multiply-adds
static constexpr double blockStart = 16; ///< of a register block's loop
static constexpr double partStart = 150; ///< of a step over a part of a tile
static constexpr double search = 12;     ///< of a block, where a mask ends
static constexpr double packed = 10;     ///< instructions for a vector of keys
static constexpr double testedMore = 0.3; ///< of a key with its conditions
static constexpr double exposed = 0.5;    ///< of a transfer, beside arithmetic

/// Instructions on vectors that a function takes.
static double instructionsOf(Function function) {
  switch (function) {
  case Function::Exp:
    return 10;
  case Function::Log:
  case Function::Pow:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
    return 30;
  case Function::Div:
  case Function::Sqrt:
    return 10;
  default:
    return 1;
  }
}

namespace {

/// What the folds of a plan do, apart from sizes.
struct FoldWork {
  const FoldPlan *plan;
  int64_t keys;           ///< the stream's extent
  int64_t contracted = 0; ///< sum of the contractions' extents
  int64_t deepest = 0;    ///< the greatest of them
  int64_t features = 0;   ///< of all matrix accumulators
  int64_t widest = 0;
  unsigned contractions = 0, matrices = 0;
  double instructions = 0; ///< of a row vector and a key
  bool moves = false;      ///< accumulators follow references
};

class Model {
public:
  Model(const TilePlan &plan, const CpuMachine &machine,
        const llvm::StringMap<int64_t> &extents);

  std::string rejection(const TileSizes &sizes) const;
  /// Registers are the limit that is no matter of speed.
  bool hasRegisters(const TileSizes &sizes) const;
  TileClocks clocks(const TileSizes &sizes);

  int64_t rows;
  int64_t longest = 0; ///< of the streams
  bool knowsRows = true, knowsKeys = true, knowsItems = true;

private:
  int64_t block() const { return plan.keyBlock; }
  int64_t rowsOf(const TileSizes &sizes) const {
    return int64_t(sizes.rowVectors) * plan.lanes;
  }
  int64_t keptBytes(const TileSizes &sizes) const;
  FoldWork workOf(const FoldPlan &fold, int64_t keys) const;

  const TilePlan &plan;
  const CpuMachine &machine;
  double items = 1;
  std::vector<FoldWork> folds;
  std::vector<VisitSampler> samplers;
};

} // namespace

static int64_t upTo(int64_t x, int64_t step) {
  return (x + step - 1) / step * step;
}

Model::Model(const TilePlan &plan, const CpuMachine &machine,
             const llvm::StringMap<int64_t> &extents)
    : plan(plan), machine(machine) {
  auto extent = [&](StringRef rank, int64_t assumed, bool *isKnown) {
    auto known = extents.find(rank);
    if (isKnown)
      *isKnown &= known != extents.end();
    return std::max<int64_t>(1,
                             known == extents.end() ? assumed : known->second);
  };
  rows = extent(plan.row, assumedExtent, &knowsRows);
  for (StringRef rank : plan.items)
    items *= extent(rank, 1, &knowsItems);
  for (const FoldPlan &fold : plan.folds) {
    int64_t keys = extent(fold.stream, assumedExtent, &knowsKeys);
    longest = std::max(longest, keys);
    folds.push_back(workOf(fold, keys));
    samplers.emplace_back(plan, fold, extents, std::min(rows, mostSampled),
                          std::min(keys, mostSampled));
  }
}

FoldWork Model::workOf(const FoldPlan &fold, int64_t keys) const {
  FoldWork work{&fold, keys};
  for (auto &[value, contraction] : fold.contractions) {
    ++work.contractions;
    work.contracted += contraction.extent;
    work.deepest = std::max(work.deepest, contraction.extent);
  }
  FoldOp op = fold.fold;
  work.moves = op.getReferences() > 0;
  for (const Component &component : fold.components) {
    if (component.isMatrix) {
      ++work.matrices;
      work.features += upTo(component.extent, block());
      work.widest = std::max(work.widest, component.extent);
    } else {
      work.instructions += 1;
    }
  }
  // Scores are kept between the passes, and weights for the accumulators.
  work.instructions += 2 * work.moves + 2 * (work.matrices > 0);
  llvm::SmallPtrSet<void *, 32> seen;
  std::function<void(Value)> walk = [&](Value value) {
    Operation *map = value.getDefiningOp();
    if (!map || fold.contractions.count(value) ||
        !seen.insert(value.getAsOpaquePointer()).second)
      return;
    FieldType type = fieldType(value);
    bool own = type.hasRank(plan.row) && type.hasRank(fold.stream) &&
               type.getKind() == Kind::Real;
    for (StringRef rank : type.getRankNames())
      own &= rank == plan.row || rank == fold.stream ||
             llvm::is_contained(plan.items, rank);
    if (auto function = dyn_cast<MapOp>(map); function && own)
      work.instructions += instructionsOf(function.getFunction());
    for (Value operand : map->getOperands())
      if (isa<FieldType>(operand.getType()))
        walk(operand);
  };
  for (Value value : op.getStep().front().getTerminator()->getOperands())
    walk(value);
  return work;
}

//===----------------------------------------------------------------------===//
// What fits
//===----------------------------------------------------------------------===//

/// Operands and accumulators that the groups of an item keep.
int64_t Model::keptBytes(const TileSizes &sizes) const {
  int64_t floats = 0;
  for (const FoldWork &fold : folds)
    floats = std::max(floats, fold.contracted + fold.features);
  return 4 * floats * rowsOf(sizes) * sizes.groups;
}

bool Model::hasRegisters(const TileSizes &sizes) const {
  int64_t vectors = sizes.rowVectors;
  return block() * vectors + vectors + 1 <= int64_t(machine.registers);
}

std::string Model::rejection(const TileSizes &sizes) const {
  int64_t vectors = sizes.rowVectors, groupRows = rowsOf(sizes);
  if (!hasRegisters(sizes))
    return llvm::formatv("{0} x {1} sums, {1} row vectors and a key take {2} "
                         "registers; there are {3}",
                         block(), vectors, block() * vectors + vectors + 1,
                         machine.registers);
  if (int64_t before = groupRows * (sizes.groups - 1);
      sizes.groups > 1 && knowsRows && before >= rows)
    return llvm::formatv("an item of {0} groups has {1} rows; |{2}| is {3}",
                         sizes.groups, groupRows * sizes.groups, plan.row,
                         rows);
  if (knowsKeys && sizes.keyTile > 16 && sizes.keyTile >= longest + 16)
    return llvm::formatv("a tile has {0} keys; the longest stream has {1}",
                         sizes.keyTile, longest);
  int64_t scores = 4 * int64_t(sizes.keyTile) * groupRows;
  if (scores > machine.l1Bytes)
    return llvm::formatv("weights of {0} keys and {1} rows take {2} bytes and "
                         "are read for every {3} features; the first-level "
                         "cache has {4}",
                         sizes.keyTile, groupRows, scores, block(),
                         machine.l1Bytes);
  if (int64_t kept = keptBytes(sizes);
      sizes.groups > 1 && kept > machine.l2Bytes)
    return llvm::formatv("operands and accumulators of {0} groups take {1} "
                         "bytes; the second-level cache has {2}",
                         sizes.groups, kept, machine.l2Bytes);
  return "";
}

//===----------------------------------------------------------------------===//
// What it takes
//===----------------------------------------------------------------------===//

TileClocks Model::clocks(const TileSizes &sizes) {
  TileClocks sum;
  double vectors = sizes.rowVectors, keyTile = sizes.keyTile;
  int64_t groupRows = rowsOf(sizes);
  double rowGroups = double(upTo(rows, groupRows)) / groupRows;
  // Items are smaller where there are few of them (passes/Lower/TileToVector).
  double share = rowGroups * items / (4 * machine.cores);
  if (!knowsRows || !knowsItems)
    share = rowGroups;
  double groups = std::max(
      1.0, std::floor(std::min({double(sizes.groups), share, rowGroups})));
  // The sums of a block are independent; fewer than cover the latency wait.
  double waits =
      std::max(1.0, latency * machine.arithmetic / (block() * vectors));
  double vectorBytes = 4.0 * plan.lanes;
  for (auto [fold, sampler] : llvm::zip_equal(folds, samplers)) {
    TileVisits seen =
        sampler.visits(groupRows, std::llround(groups), block(), keyTile);
    double scale = double(fold.keys) / std::min(fold.keys, mostSampled);
    for (double *number :
         {&seen.keys, &seen.tested, &seen.tiles, &seen.parts, &seen.itemTiles})
      *number *= scale;
    double tested =
        1 + (seen.keys > 0 ? testedMore * seen.tested / seen.keys : 0);
    // Of one key and `inner` elements, by multiply-adds or loads.
    double multiplies = vectors * waits / machine.arithmetic;
    double loads = (vectors + block()) / block() / machine.loads;
    auto product = [&](double inner) {
      return inner * (std::max(multiplies, loads) +
                      beside * std::min(multiplies, loads));
    };
    sum.products += tested * seen.keys *
                    (product(fold.contracted) + product(fold.features));
    sum.elements +=
        tested * seen.keys * vectors * fold.instructions / machine.arithmetic;
    // A load, a store and, where references move, a product.
    sum.accumulate +=
        seen.parts * fold.features * vectors * (fold.moves ? 1.5 : 1);
    sum.starts +=
        seen.keys / block() * fold.contractions * blockStart +
        seen.parts * (partStart + double(fold.features) / block() * blockStart);
    if (sampler.hasConditions())
      sum.starts += seen.parts * keyTile / block() * search;
    // Once for the groups of an item.
    double panel = (fold.contracted + fold.features) / double(plan.lanes);
    double packing =
        seen.itemTiles * keyTile * panel *
        (packed / machine.arithmetic + vectorBytes / machine.bytesBeyondL2);
    sum.packing += packing / groups;
    sum.packing += 2 * vectors * (fold.contracted + 3 * fold.features);

    // Bytes from the second level. A group's things of a tile:
    double operand = 4.0 * groupRows * fold.contracted;
    double state = 4.0 * groupRows * fold.features;
    double weights = 4.0 * groupRows * keyTile;
    double keysPanel = 4.0 * keyTile * fold.contracted;
    double panels = 4.0 * keyTile * fold.features;
    double l1 = machine.l1Bytes;
    double bytes = 0;
    if (operand + weights + keysPanel + panels + state > l1)
      bytes += keysPanel + panels + 2 * state + operand;
    // A pass that comes over the same things again finds what still fits.
    auto again = [&](double what, double beside, double times) {
      double over = std::clamp((what + beside - 0.75 * l1) / what, 0.0, 1.0);
      bytes += over * what * std::max(0.0, times - 1);
    };
    if (fold.contracted)
      again(operand, weights / 2 + 8.0 * block() * fold.deepest,
            keyTile / block());
    if (fold.matrices)
      again(weights, 8.0 * block() * keyTile, double(fold.features) / block());
    double rate = machine.bytesFromL2;
    double kept = keptBytes(sizes) * groups / sizes.groups + keysPanel + panels;
    if (kept > 0.8 * machine.l2Bytes)
      rate = machine.bytesBeyondL2;
    sum.caches += seen.tiles * bytes * exposed / rate;
  }
  double perRow = rowGroups / rows;
  for (double *part : {&sum.products, &sum.elements, &sum.accumulate,
                       &sum.starts, &sum.packing, &sum.caches})
    *part *= perRow;
  return sum;
}

std::string TileClocks::limit() const {
  std::pair<double, const char *> parts[] = {
      {products, "multiply-adds"},  {elements, "functions"},
      {accumulate, "accumulators"}, {starts, "starts of loops"},
      {packing, "packing"},         {caches, "the second-level cache"}};
  return std::max_element(std::begin(parts), std::end(parts))->second;
}

//===----------------------------------------------------------------------===//
// The space
//===----------------------------------------------------------------------===//

std::vector<SizedTile> einfall::sizesOf(const TilePlan &plan,
                                        const CpuMachine &machine,
                                        const llvm::StringMap<int64_t> &extents,
                                        const AskedSizes &asked) {
  Model model(plan, machine, extents);
  SmallVector<unsigned> vectors{3, 2, 1, 4};
  SmallVector<unsigned> tiles{16,  32,  48,  64,  80,  96, 112,
                              128, 160, 192, 256, 384, 512};
  if (asked.rowVectors)
    vectors = {*asked.rowVectors};
  if (asked.keyTile)
    tiles = {*asked.keyTile};
  std::vector<SizedTile> space;
  for (unsigned v : vectors) {
    // Rows of an item say how many vectors a group has: as many as divide it.
    SmallVector<unsigned> groups{1, 2, 4, 8, 16, 32};
    if (v == 1)
      groups = {1, 5, 7, 13, 25, 49};
    if (asked.groups)
      groups = {*asked.groups};
    for (unsigned tile : tiles)
      for (unsigned count : groups) {
        TileSizes sizes{v, tile, count};
        SizedTile entry{sizes, model.rejection(sizes), {}};
        if (model.hasRegisters(sizes))
          entry.clocks = model.clocks(sizes);
        space.push_back(std::move(entry));
      }
  }
  return space;
}

std::vector<SizedTile> einfall::ranked(std::vector<SizedTile> sizes) {
  llvm::erase_if(sizes,
                 [](const SizedTile &tile) { return !tile.rejection.empty(); });
  llvm::stable_sort(sizes, [](const SizedTile &a, const SizedTile &b) {
    return a.clocks.total() < b.clocks.total();
  });
  return sizes;
}

TileSizes einfall::leastSizes(const TilePlan &plan, const CpuMachine &machine,
                              const llvm::StringMap<int64_t> &extents,
                              const AskedSizes &asked) {
  std::vector<SizedTile> space = sizesOf(plan, machine, extents, asked);
  // Something is taken even where all of it exceeds a cache.
  const SizedTile *best = nullptr;
  for (bool all : {false, true}) {
    for (const SizedTile &tile : space)
      if ((all || tile.rejection.empty()) && tile.clocks.total() > 0 &&
          (!best || tile.clocks.total() < best->clocks.total()))
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
  double took = find(here).clocks.total(), takes = other.clocks.total();
  if (!other.rejection.empty() && takes == 0)
    return "it does not fit: " + other.rejection;
  double more = (takes / took - 1) * 100;
  std::string text = llvm::formatv(
      "{0}: {1:f1} clocks a row, most of them {2}; {3}, which are chosen, take "
      "{4:f1}",
      describe(plan, there), takes, other.clocks.limit(), describe(plan, here),
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
  double least = std::numeric_limits<double>::infinity();
  double took = 0;
  for (const SizedTile &tile : sizesOf(plan, machine, extents)) {
    llvm::json::Object entry{{"rows", int64_t(tile.sizes.groups) *
                                          tile.sizes.rowVectors * plan.lanes},
                             {"row_vectors", tile.sizes.rowVectors},
                             {"keys", tile.sizes.keyTile}};
    if (tile.sizes == here)
      chosen = all.size(), took = tile.clocks.total();
    if (!tile.rejection.empty()) {
      entry["rejected"] = tile.rejection;
    } else {
      const TileClocks &clocks = tile.clocks;
      least = std::min(least, clocks.total());
      entry["clocks_per_row"] = clocks.total();
      entry["parts"] = llvm::json::Object{
          {"products", clocks.products},     {"elements", clocks.elements},
          {"accumulate", clocks.accumulate}, {"starts", clocks.starts},
          {"packing", clocks.packing},       {"caches", clocks.caches}};
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
  result["least"] = chosen && took <= least;
  return result;
}

CpuMachine einfall::cpuMachineOf(const Machine &description) {
  CpuMachine machine;
  machine.lanes = description.warpLanes;
  double unitClocks = description.clockHz * description.units;
  machine.arithmetic =
      double(description.fmaFlopPerClock) / (2 * machine.lanes);
  machine.loads = double(description.sharedBytesPerClock) / (4 * machine.lanes);
  machine.cores = description.units;
  size_t count = description.levels.size();
  machine.l1Bytes = description.levels[count - 1].memories.front().bytes;
  if (description.levels[count - 1].memories.size() > 1)
    machine.registers = description.levels[count - 1].memories.back().bytes /
                        (4 * machine.lanes);
  if (count >= 3) {
    machine.l2Bytes = description.levels[count - 2].memories.front().bytes;
    // Into the level from outside, all units together.
    machine.bytesBeyondL2 = description.bytesPerSecond(count - 2) / unitClocks;
    machine.bytesFromL2 = description.bytesPerSecond(count - 1) / unitClocks;
  }
  return machine;
}
