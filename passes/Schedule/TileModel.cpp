//===- TileModel.cpp - What a size of the CPU's tiles takes ---------------===//

#include "passes/Schedule/TileModel.h"

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

namespace {

/// The weights of the model, in clocks of a core. They were fitted together, on
/// one processor; passes/Certificate/CheckSizes.cpp has them as well.
struct TileWeights {
  mpq_class latency = 6;        ///< of a multiply-add behind its loads
  mpq_class beside{7, 20};      ///< of loads, beside multiply-adds
  mpq_class blockStart = 16;    ///< of a register block's loop
  mpq_class partStart = 150;    ///< of a step over a part of a tile
  mpq_class search = 12;        ///< of a block, where a mask ends
  mpq_class packed = 10;        ///< instructions for a vector of keys
  mpq_class testedMore{3, 10};  ///< of a key with its conditions
  mpq_class exposed{1, 2};      ///< of a transfer, beside arithmetic
  mpq_class usableFirst{3, 4};  ///< of the first level
  mpq_class usableSecond{4, 5}; ///< of the second
};

} // namespace

/// Instructions on vectors that a function takes.
static int64_t instructionsOf(Function function) {
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

static mpq_class number(int64_t value) { return mpq_class(long(value)); }
static mpq_class quotient(int64_t a, int64_t b) {
  return number(a) / number(b);
}

static int64_t upTo(int64_t x, int64_t step) {
  return (x + step - 1) / step * step;
}

TileModel::TileModel(const TilePlan &plan, const CpuMachine &machine,
                     const llvm::StringMap<int64_t> &extents)
    : plan(plan), machine(machine) {
  auto extent = [&](StringRef rank, int64_t assumed, bool &isKnown) {
    auto known = extents.find(rank);
    isKnown &= known != extents.end();
    return std::max<int64_t>(1,
                             known == extents.end() ? assumed : known->second);
  };
  rows = extent(plan.row, assumedExtent, knowsRows);
  for (StringRef rank : plan.items)
    items *= long(extent(rank, 1, knowsItems));
  for (const FoldPlan &fold : plan.folds) {
    int64_t keys = extent(fold.stream, assumedExtent, knowsKeys);
    longest = std::max(longest, keys);
    folds.push_back(workOf(fold, keys));
    samplers.emplace_back(plan, fold, extents, std::min(rows, mostSampled),
                          std::min(keys, mostSampled));
  }
}

FoldWork TileModel::workOf(const FoldPlan &fold, int64_t keys) const {
  FoldWork work{&fold, keys};
  for (auto &[value, contraction] : fold.contractions) {
    ++work.contractions;
    work.contracted += contraction.extent;
    work.deepest = std::max(work.deepest, contraction.extent);
  }
  FoldOp op = fold.fold;
  work.moves = op.getReferences() > 0;
  for (const Component &component : fold.components) {
    if (component.isMatrix)
      work.features += upTo(component.extent, block());
    else
      ++work.instructions;
  }
  // Scores are kept between the passes, and weights for the accumulators.
  work.instructions += 2 * work.moves + 2 * (work.features > 0);
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

int64_t TileModel::keptBytes(int64_t rows) const {
  int64_t floats = 0;
  for (const FoldWork &fold : folds)
    floats = std::max(floats, fold.contracted + fold.features);
  return 4 * floats * rows;
}

bool TileModel::hasRegisters(const TileSizes &sizes) const {
  int64_t vectors = sizes.rowVectors;
  return block() * vectors + vectors + 1 <= int64_t(machine.registers);
}

std::optional<SizeExcess> TileModel::excess(const TileSizes &sizes) const {
  using Of = SizeExcess::Of;
  int64_t vectors = sizes.rowVectors, groupRows = rowsOf(sizes);
  auto exceeds = [](Of of, int64_t needs, int64_t has) {
    return needs > has ? std::optional(SizeExcess{of, needs, has})
                       : std::nullopt;
  };
  std::optional<SizeExcess> found = exceeds(
      Of::Registers, block() * vectors + vectors + 1, machine.registers);
  // A row of the last group, a key of the last sixteen.
  if (!found && knowsRows)
    found = exceeds(Of::Rows, groupRows * (sizes.groups - 1) + 1, rows);
  if (!found && knowsKeys)
    found = exceeds(Of::Keys, int64_t(sizes.keyTile) - 15, longest);
  if (!found)
    found = exceeds(Of::First, 4 * int64_t(sizes.keyTile) * groupRows,
                    machine.l1Bytes);
  if (!found && sizes.groups > 1)
    found = exceeds(Of::Second, keptBytes(groupRows * sizes.groups),
                    machine.l2Bytes);
  return found;
}

std::string TileModel::textOf(const SizeExcess &excess,
                              const TileSizes &sizes) const {
  int64_t vectors = sizes.rowVectors, groupRows = rowsOf(sizes);
  switch (excess.of) {
  case SizeExcess::Of::Registers:
    return llvm::formatv("{0} x {1} sums, {1} row vectors and a key take {2} "
                         "registers; there are {3}",
                         block(), vectors, excess.needs, excess.has);
  case SizeExcess::Of::Rows:
    return llvm::formatv("an item of {0} groups has {1} rows; |{2}| is {3}",
                         sizes.groups, groupRows * sizes.groups, plan.row,
                         excess.has);
  case SizeExcess::Of::Keys:
    return llvm::formatv("a tile has {0} keys; the longest stream has {1}",
                         sizes.keyTile, excess.has);
  case SizeExcess::Of::First:
    return llvm::formatv("weights of {0} keys and {1} rows take {2} bytes and "
                         "are read for every {3} features; the first-level "
                         "cache has {4}",
                         sizes.keyTile, groupRows, excess.needs, block(),
                         excess.has);
  case SizeExcess::Of::Second:
    return llvm::formatv("operands and accumulators of {0} groups take {1} "
                         "bytes; the second-level cache has {2}",
                         sizes.groups, excess.needs, excess.has);
  }
  return "";
}

//===----------------------------------------------------------------------===//
// What it takes
//===----------------------------------------------------------------------===//

TileClocks TileModel::clocks(const TileSizes &sizes) {
  const TileWeights weigh;
  TileClocks sum;
  int64_t vectors = sizes.rowVectors, keyTile = sizes.keyTile;
  int64_t groupRows = rowsOf(sizes);
  int64_t rowGroups = upTo(rows, groupRows) / groupRows;
  // Items are smaller where there are few of them (passes/Lower/TileToVector).
  int64_t share = rowGroups;
  if (mpz_class even = long(rowGroups) * items / (4 * machine.cores);
      knowsRows && knowsItems && even < long(share))
    share = even.get_si();
  int64_t groups = std::max<int64_t>(1, std::min<int64_t>(sizes.groups, share));
  // The sums of a block are independent; fewer than cover the latency wait.
  mpq_class waits = weigh.latency * machine.arithmetic;
  waits = std::max<mpq_class>(1, waits / number(block() * vectors));
  // Of one key and an element, by multiply-adds or loads.
  mpq_class multiplies = vectors * waits / machine.arithmetic;
  mpq_class loads = quotient(vectors + block(), block()) / machine.loads;
  mpq_class product =
      std::max(multiplies, loads) + weigh.beside * std::min(multiplies, loads);
  int64_t vectorBytes = 4 * int64_t(plan.lanes);
  mpq_class packing = weigh.packed / machine.arithmetic +
                      number(vectorBytes) / machine.bytesBeyondL2;
  for (auto [fold, sampler] : llvm::zip_equal(folds, samplers)) {
    TileVisits seen = sampler.visits(groupRows, groups, block(), keyTile);
    mpq_class scale = quotient(fold.keys, std::min(fold.keys, mostSampled));
    for (mpq_class *mean :
         {&seen.keys, &seen.tested, &seen.tiles, &seen.parts, &seen.itemTiles})
      *mean *= scale;
    // Keys count by so much more where they are tested.
    mpq_class keys = seen.keys + weigh.testedMore * seen.tested;
    sum.products += keys * product * number(fold.contracted + fold.features);
    sum.elements +=
        keys * number(vectors * fold.instructions) / machine.arithmetic;
    // A load, a store and, where references move, a product.
    sum.accumulate +=
        seen.parts *
        quotient(fold.features * vectors * (fold.moves ? 3 : 2), 2);
    sum.starts +=
        weigh.blockStart * seen.keys * quotient(fold.contractions, block()) +
        seen.parts * (weigh.partStart +
                      weigh.blockStart * quotient(fold.features, block()));
    if (sampler.hasConditions())
      sum.starts += weigh.search * seen.parts * quotient(keyTile, block());
    // Once for the groups of an item.
    sum.packing += packing * seen.itemTiles *
                   quotient(keyTile * (fold.contracted + fold.features),
                            groups * int64_t(plan.lanes));
    sum.packing += number(2 * vectors * (fold.contracted + 3 * fold.features));

    // Bytes from the second level. A group's things of a tile:
    int64_t operand = 4 * groupRows * fold.contracted;
    int64_t state = 4 * groupRows * fold.features;
    int64_t weights = 4 * groupRows * keyTile;
    int64_t panels = 4 * keyTile * (fold.contracted + fold.features);
    mpq_class bytes = 0;
    if (operand + weights + panels + state > machine.l1Bytes)
      bytes += number(panels + 2 * state + operand);
    // A pass that comes over the same things again finds what still fits.
    auto again = [&](int64_t what, int64_t beside, const mpq_class &times) {
      mpq_class over =
          number(what + beside) - weigh.usableFirst * number(machine.l1Bytes);
      over = std::clamp<mpq_class>(over, 0, number(what));
      bytes += over * std::max<mpq_class>(0, times - 1);
    };
    if (fold.contracted)
      again(operand, weights / 2 + 8 * block() * fold.deepest,
            quotient(keyTile, block()));
    if (fold.features)
      again(weights, 8 * block() * keyTile, quotient(fold.features, block()));
    bool isKept = number(keptBytes(groupRows * groups) + panels) <=
                  weigh.usableSecond * number(machine.l2Bytes);
    sum.caches += weigh.exposed * seen.tiles * bytes /
                  (isKept ? machine.bytesFromL2 : machine.bytesBeyondL2);
  }
  mpq_class perRow = quotient(rowGroups, rows);
  for (mpq_class *part : {&sum.products, &sum.elements, &sum.accumulate,
                          &sum.starts, &sum.packing, &sum.caches})
    *part *= perRow;
  return sum;
}
