//===- CheckSizes.cpp - That no size of the CPU's tiles takes less --------===//
//
// The model of docs/decisions/0010-scheduler.md, "Tiles of the CPU", once more,
// from the figures of the claim alone, in fractions without bound.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Integer.h"
#include "passes/Certificate/SizeChoiceReader.h"

#include <algorithm>

namespace einfall::certificate {

namespace {

using Fold = SizeChoice::Fold;
using Cost = SizeChoice::Cost;
using Kind = SizeChoice::Run::Kind;

/// What is taken of an extent that is not known, and how much of one is looked
/// at: so many rows and keys, so many groups of rows.
const long assumedExtent = 4096, mostSampled = 8192, mostGroups = 12;
/// So that no claim takes seconds.
const size_t mostFolds = 8;

/// What a mask leaves of a stream to a group of rows on average.
struct Left {
  mpq_class keys, tested, tiles, parts;
  mpq_class edges; ///< between tiles that are visited and others
};

/// Of a space's entry and a tile, for all numbers of groups.
class Tile {
public:
  Tile(const SizeChoice &choice, const SizeChoice::Rows &rows, int64_t keys);

  struct Limit {
    const char *of;
    mpz_class needs, has;
  };
  std::vector<Limit> limits(const mpz_class &groups) const;
  Cost cost(const mpz_class &groups) const;

private:
  /// By multiply-adds and loads, of a key and an element.
  mpq_class product() const;
  void addFold(Cost &cost, const Fold &fold, const Left &left,
               const mpz_class &groups) const;
  mpq_class transfers(const Fold &fold, const mpz_class &groups) const;
  Left leftOf(const Fold &fold,
              const std::vector<SizeChoice::Runs> &mask) const;
  mpz_class keptBytes(const mpz_class &groups) const;

  const SizeChoice &choice;
  const SizeChoice::Figures &figures;
  mpz_class vectors, keys, block, groupRows;
  std::vector<Left> left; ///< of each fold
};

class SizeChecker {
public:
  explicit SizeChecker(const SizeChoice &choice) : choice(choice) {}

  void check(const std::map<std::string, int64_t> &extents);

  std::vector<ChoiceProblem> problems;

private:
  template <typename Number>
  void expect(const std::string &path, const Number &claimed,
              const Number &derived) {
    if (claimed != derived)
      problems.push_back({path, "claimed " + claimed.get_str() + ", derived " +
                                    derived.get_str()});
  }
  void expect(const std::string &path, int64_t claimed,
              const mpz_class &derived) {
    expect<mpz_class>(path, toInteger(claimed), derived);
  }
  void checkExtent(const std::string &path, const SizeChoice::Extent &extent,
                   long assumed, const std::map<std::string, int64_t> &extents);
  /// Whether everything is there that costs are derived from.
  void checkSpace();
  void checkCandidates();
  void checkCandidate(const std::string &path,
                      const SizeChoice::Candidate &candidate, const Tile &tile,
                      int64_t groups);

  const SizeChoice &choice;
};

} // namespace

static mpz_class sampled(int64_t extent) {
  return std::min<mpz_class>(toInteger(extent), mostSampled);
}

/// How many groups of rows are looked at, and how many blocks of keys.
static mpz_class sampledGroups(const SizeChoice &choice,
                               const SizeChoice::Rows &rows) {
  mpz_class groupRows =
      toInteger(rows.vectors) * toInteger(choice.figures.lanes);
  return std::min<mpz_class>(ceilQuotient(sampled(choice.rows.size), groupRows),
                             mostGroups);
}
static mpz_class sampledBlocks(const SizeChoice &choice, const Fold &fold) {
  return ceilQuotient(sampled(fold.keys.size), toInteger(choice.keyBlock));
}

static std::string sizesEntry(const std::string &list, size_t i) {
  return list + "[" + std::to_string(i) + "]";
}

// --- what fits --------------------------------------------------------------

Tile::Tile(const SizeChoice &choice, const SizeChoice::Rows &rows, int64_t keys)
    : choice(choice), figures(choice.figures), vectors(toInteger(rows.vectors)),
      keys(toInteger(keys)), block(toInteger(choice.keyBlock)),
      groupRows(vectors * toInteger(figures.lanes)) {
  auto mask = rows.masks.begin();
  for (const Fold &fold : choice.folds) {
    left.push_back(
        leftOf(fold, fold.isMasked ? *mask : std::vector<SizeChoice::Runs>()));
    mask += fold.isMasked;
  }
}

mpz_class Tile::keptBytes(const mpz_class &groups) const {
  mpz_class most = 0;
  for (const Fold &fold : choice.folds)
    most = std::max<mpz_class>(most, toInteger(fold.contracted) +
                                         toInteger(fold.features));
  return 4 * most * groupRows * groups;
}

std::vector<Tile::Limit> Tile::limits(const mpz_class &groups) const {
  std::vector<Limit> all = {
      {"registers", (block + 1) * vectors + 1, toInteger(figures.registers)}};
  if (!choice.rows.isAssumed)
    all.push_back(
        {"rows", groupRows * (groups - 1) + 1, toInteger(choice.rows.size)});
  mpz_class longest = 0;
  bool knowsKeys = true;
  for (const Fold &fold : choice.folds) {
    longest = std::max(longest, toInteger(fold.keys.size));
    knowsKeys &= !fold.keys.isAssumed;
  }
  if (knowsKeys)
    all.push_back({"keys", keys - 15, longest});
  all.push_back({"L1 bytes", 4 * keys * groupRows, toInteger(figures.l1Bytes)});
  if (groups > 1)
    all.push_back({"L2 bytes", keptBytes(groups), toInteger(figures.l2Bytes)});
  return all;
}

// --- what it takes ----------------------------------------------------------

Left Tile::leftOf(const Fold &fold,
                  const std::vector<SizeChoice::Runs> &mask) const {
  Left sum;
  mpz_class length = sampled(fold.keys.size);
  if (!fold.isMasked) {
    mpz_class blocks = ceilQuotient(length, block);
    mpz_class ragged = blocks * block != length;
    sum.keys = blocks * block;
    sum.tested = ragged * block;
    sum.tiles = ceilQuotient(length, keys);
    sum.parts = sum.tiles + ragged;
    return sum;
  }
  size_t perTile = floorQuotient(keys, block).get_ui();
  for (const SizeChoice::Runs &runs : mask) {
    std::vector<Kind> blocks;
    for (const SizeChoice::Run &run : runs)
      blocks.insert(blocks.end(), size_t(run.blocks), run.kind);
    bool visitsBefore = false;
    for (size_t first = 0; first < blocks.size(); first += perTile) {
      auto begin = blocks.begin() + first;
      auto end = blocks.begin() + std::min(first + perTile, blocks.size());
      long tested = std::count(begin, end, Kind::Some);
      long whole = std::count(begin, end, Kind::All);
      bool visits = tested + whole > 0;
      sum.keys += block * (tested + whole);
      sum.tested += block * tested;
      sum.tiles += visits;
      sum.parts += (tested > 0) + (whole > 0);
      sum.edges += visits != visitsBefore;
      visitsBefore = visits;
    }
  }
  for (mpq_class *mean :
       {&sum.keys, &sum.tested, &sum.tiles, &sum.parts, &sum.edges})
    *mean /= toInteger(uint64_t(mask.size()));
  return sum;
}

mpq_class Tile::product() const {
  // A multiply-add takes 6 clocks behind its loads; the sums of a register
  // block are independent.
  mpq_class waits = 6 * figures.arithmetic / mpq_class(block * vectors);
  mpq_class multiplies =
      mpq_class(vectors) * std::max<mpq_class>(waits, 1) / figures.arithmetic;
  mpq_class loads(vectors + block, block);
  loads.canonicalize();
  loads /= figures.loads;
  // 0.35 of what takes less comes on top.
  return std::max(multiplies, loads) +
         mpq_class(7, 20) * std::min(multiplies, loads);
}

/// Bytes that come from the second level for a tile of a group.
mpq_class Tile::transfers(const Fold &fold, const mpz_class &groups) const {
  mpz_class contracted = toInteger(fold.contracted);
  mpz_class features = toInteger(fold.features);
  mpz_class l1 = toInteger(figures.l1Bytes);
  mpz_class operand = 4 * groupRows * contracted;
  mpz_class state = 4 * groupRows * features;
  mpz_class weights = 4 * groupRows * keys;
  mpz_class panels = 4 * keys * (contracted + features);
  mpq_class bytes = 0;
  if (operand + state + weights + panels > l1)
    bytes = operand + 2 * state + panels;
  // What is come over again, as far as it exceeds three quarters of the level
  // with what lies beside it.
  auto again = [&](const mpz_class &what, const mpz_class &beside,
                   const mpz_class &length) {
    mpq_class over = mpq_class(what + beside) - mpq_class(3, 4) * l1;
    over = std::max<mpq_class>(0, std::min<mpq_class>(over, what));
    mpq_class times(length - block, block);
    times.canonicalize();
    bytes += over * std::max<mpq_class>(0, times);
  };
  if (contracted > 0)
    again(operand, 2 * groupRows * keys + 8 * block * toInteger(fold.deepest),
          keys);
  if (features > 0)
    again(weights, 8 * block * keys, features);
  bool staysInside =
      5 * (keptBytes(groups) + panels) <= 4 * toInteger(figures.l2Bytes);
  return bytes / (staysInside ? figures.bytesFromL2 : figures.bytesBeyondL2);
}

void Tile::addFold(Cost &cost, const Fold &fold, const Left &sample,
                   const mpz_class &groups) const {
  mpz_class lanes = toInteger(figures.lanes);
  mpz_class contracted = toInteger(fold.contracted);
  mpz_class features = toInteger(fold.features);
  // An edge moves along the stream with the rows of an item.
  mpq_class together = sample.tiles + sample.edges * groupRows * (groups - 1) /
                                          mpq_class(2 * keys);
  if (!fold.isMasked)
    together = sample.tiles;
  together = std::min<mpq_class>(together,
                                 ceilQuotient(sampled(fold.keys.size), keys));
  // To the whole stream. A tested key counts as 1.3.
  mpq_class scale(toInteger(fold.keys.size), sampled(fold.keys.size));
  scale.canonicalize();
  mpq_class tiles = scale * sample.tiles, parts = scale * sample.parts;
  mpq_class all = scale * (sample.keys + mpq_class(3, 10) * sample.tested);

  cost.products += all * product() * (contracted + features);
  cost.elements +=
      all * vectors * toInteger(fold.instructions) / figures.arithmetic;
  cost.accumulate += parts * features * vectors *
                     (fold.moves ? mpq_class(3, 2) : mpq_class(1));
  // 16 for a register block's loop, 150 for a part of a tile, 12 where the end
  // of a mask is searched for.
  mpq_class starts = 16 * scale * sample.keys * toInteger(fold.contractions) +
                     parts * (150 * block + 16 * features);
  if (fold.isMasked)
    starts += 12 * parts * keys;
  cost.starts += starts / block;
  // 10 instructions for a vector of keys, which comes from beyond.
  mpq_class vector =
      10 / figures.arithmetic + mpq_class(4 * lanes) / figures.bytesBeyondL2;
  cost.packing += scale * together * keys * (contracted + features) * vector /
                  mpq_class(lanes * groups);
  cost.packing += mpq_class(2 * vectors * (contracted + 3 * features));
  // Half of a transfer goes on beside arithmetic.
  cost.caches += tiles * transfers(fold, groups) / 2;
}

Cost Tile::cost(const mpz_class &asked) const {
  mpz_class rows = toInteger(choice.rows.size);
  mpz_class rowGroups = ceilQuotient(rows, groupRows);
  // Items are so small that there are four for each core.
  mpz_class groups = std::min(asked, rowGroups);
  if (!choice.rows.isAssumed && !choice.items.isAssumed)
    groups = std::min<mpz_class>(
        groups, floorQuotient(rowGroups * toInteger(choice.items.size),
                              4 * toInteger(figures.cores)));
  groups = std::max<mpz_class>(groups, 1);
  Cost cost;
  for (size_t i = 0; i < choice.folds.size(); ++i)
    addFold(cost, choice.folds[i], left[i], groups);
  mpq_class groupsOfRow(rowGroups, rows);
  groupsOfRow.canonicalize();
  for (mpq_class *part : {&cost.products, &cost.elements, &cost.accumulate,
                          &cost.starts, &cost.packing, &cost.caches}) {
    *part *= groupsOfRow;
    cost.clocks += *part;
  }
  return cost;
}

// --- the claim --------------------------------------------------------------

void SizeChecker::checkExtent(const std::string &path,
                              const SizeChoice::Extent &extent, long assumed,
                              const std::map<std::string, int64_t> &extents) {
  mpz_class size = 1;
  for (size_t i = 0; i < extent.ranks.size(); ++i) {
    auto found = extents.find(extent.ranks[i]);
    if (found == extents.end())
      problems.push_back({sizesEntry(path + ".ranks", i),
                          "rank '" + extent.ranks[i] + "' has no extent"});
    else
      size *= std::max<mpz_class>(toInteger(found->second), 1);
  }
  expect(path + ".size", extent.size,
         extent.isAssumed ? mpz_class(assumed) : size);
}

void SizeChecker::checkSpace() {
  auto problem = [&](const std::string &path, const std::string &message) {
    problems.push_back({path, message});
  };
  if (choice.folds.empty())
    return problem("folds", "there is none");
  if (choice.folds.size() > mostFolds)
    return problem("folds", "there are more than " + std::to_string(mostFolds));
  for (size_t i = 0; i < choice.folds.size(); ++i) {
    const Fold &fold = choice.folds[i];
    if (fold.deepest > fold.contracted ||
        toInteger(fold.contracted) >
            toInteger(fold.deepest) * toInteger(fold.contractions))
      problem(sizesEntry("folds", i) + ".deepest",
              "cannot be the longest of " + std::to_string(fold.contractions) +
                  ", " + std::to_string(fold.contracted) + " together");
  }
  uint64_t masked = 0;
  for (const Fold &fold : choice.folds)
    masked += fold.isMasked;
  for (size_t i = 0; i < choice.keys.size(); ++i)
    if (choice.keys[i] % choice.keyBlock)
      problem(sizesEntry("space.keys", i), "is no multiple of " +
                                               std::to_string(choice.keyBlock) +
                                               ", the keys of a block");
  for (size_t i = 0; i < choice.space.size(); ++i) {
    const SizeChoice::Rows &rows = choice.space[i];
    std::string path = sizesEntry("space.rows", i);
    if (rows.groups.empty())
      problem(path + ".groups", "there is none");
    if (rows.masks.size() != masked) {
      problem(path + ".masks", std::to_string(masked) + " folds have a mask, " +
                                   std::to_string(rows.masks.size()) +
                                   " are listed");
      continue;
    }
    auto mask = rows.masks.begin();
    for (const Fold &fold : choice.folds) {
      if (!fold.isMasked)
        continue;
      std::string at = sizesEntry(path + ".masks", mask - rows.masks.begin());
      mpz_class groups = sampledGroups(choice, rows);
      if (toInteger(uint64_t(mask->size())) != groups)
        problem(at + ".leave", groups.get_str() + " groups are looked at, " +
                                   std::to_string(mask->size()) +
                                   " are listed");
      for (size_t group = 0; group < mask->size(); ++group) {
        mpz_class blocks = 0;
        for (const SizeChoice::Run &run : (*mask)[group])
          blocks += toInteger(run.blocks);
        if (blocks != sampledBlocks(choice, fold))
          problem(sizesEntry(at + ".leave", group),
                  blocks.get_str() + " blocks, of " +
                      sampledBlocks(choice, fold).get_str());
      }
      ++mask;
    }
  }
}

void SizeChecker::checkCandidate(const std::string &path,
                                 const SizeChoice::Candidate &candidate,
                                 const Tile &tile, int64_t groups) {
  std::vector<Tile::Limit> limits = tile.limits(toInteger(groups));
  if (!candidate.excess.empty()) {
    auto limit = std::find_if(
        limits.begin(), limits.end(),
        [&](const Tile::Limit &each) { return each.of == candidate.excess; });
    if (limit == limits.end())
      return problems.push_back(
          {path + ".excess",
           "'" + candidate.excess + "' is nothing that is limited"});
    expect(path + ".needs", candidate.needs, limit->needs);
    expect(path + ".has", candidate.has, limit->has);
    if (limit->needs <= limit->has)
      problems.push_back({path + ".excess", "no more " + candidate.excess +
                                                " are needed than there are"});
    return;
  }
  for (const Tile::Limit &limit : limits)
    if (limit.needs > limit.has)
      problems.push_back({path, std::string("does not fit: ") + limit.of +
                                    ": " + limit.needs.get_str() + " of " +
                                    limit.has.get_str()});
  Cost derived = tile.cost(toInteger(groups));
  const Cost &claimed = candidate.cost;
  expect(path + ".products", claimed.products, derived.products);
  expect(path + ".elements", claimed.elements, derived.elements);
  expect(path + ".accumulate", claimed.accumulate, derived.accumulate);
  expect(path + ".starts", claimed.starts, derived.starts);
  expect(path + ".packing", claimed.packing, derived.packing);
  expect(path + ".caches", claimed.caches, derived.caches);
  expect(path + ".clocks", claimed.clocks, derived.clocks);
}

static size_t countOf(const SizeChoice &choice) {
  size_t count = 0;
  for (const SizeChoice::Rows &rows : choice.space)
    count += rows.groups.size() * choice.keys.size();
  return count;
}

static std::optional<size_t> firstOfLeastSizes(const SizeChoice &choice) {
  std::optional<size_t> least;
  for (size_t i = 0; i < choice.candidates.size(); ++i)
    if (choice.candidates[i].excess.empty() &&
        (!least || choice.candidates[i].cost.clocks <
                       choice.candidates[*least].cost.clocks))
      least = i;
  return least;
}

void SizeChecker::checkCandidates() {
  size_t count = countOf(choice);
  if (choice.candidates.size() != count || count == 0)
    return problems.push_back(
        {"candidates", std::to_string(count) + " are in the space, " +
                           std::to_string(choice.candidates.size()) +
                           " are listed"});
  size_t number = 0;
  for (const SizeChoice::Rows &rows : choice.space)
    for (int64_t keys : choice.keys) {
      Tile tile(choice, rows, keys);
      for (int64_t groups : rows.groups) {
        std::string path = sizesEntry("candidates", number);
        const SizeChoice::Candidate &candidate = choice.candidates[number++];
        expect(path + ".vectors", candidate.vectors, toInteger(rows.vectors));
        expect(path + ".keys", candidate.keys, toInteger(keys));
        expect(path + ".groups", candidate.groups, toInteger(groups));
        checkCandidate(path, candidate, tile, groups);
      }
    }
  std::optional<size_t> least = firstOfLeastSizes(choice);
  if (!least)
    problems.push_back({"chosen", "nothing fits"});
  else
    expect("chosen", choice.chosen, toInteger(uint64_t(*least)));
}

void SizeChecker::check(const std::map<std::string, int64_t> &extents) {
  checkExtent("rows", choice.rows, assumedExtent, extents);
  checkExtent("items", choice.items, 1, extents);
  for (size_t i = 0; i < choice.folds.size(); ++i)
    checkExtent(sizesEntry("folds", i) + ".keys", choice.folds[i].keys,
                assumedExtent, extents);
  checkSpace();
  if (problems.empty())
    checkCandidates();
}

std::vector<ChoiceProblem>
checkSizes(const SizeChoice &choice,
           const std::map<std::string, int64_t> &extents) {
  SizeChecker checker(choice);
  checker.check(extents);
  return checker.problems;
}

void complete(SizeChoice &choice) {
  choice.candidates.clear();
  for (const SizeChoice::Rows &rows : choice.space)
    for (int64_t keys : choice.keys) {
      Tile tile(choice, rows, keys);
      for (int64_t groups : rows.groups) {
        SizeChoice::Candidate &candidate = choice.candidates.emplace_back();
        candidate.vectors = rows.vectors;
        candidate.keys = keys;
        candidate.groups = groups;
        for (const Tile::Limit &limit : tile.limits(toInteger(groups)))
          if (limit.needs > limit.has && candidate.excess.empty()) {
            candidate.excess = limit.of;
            candidate.needs = limit.needs.get_si();
            candidate.has = limit.has.get_si();
          }
        if (candidate.excess.empty())
          candidate.cost = tile.cost(toInteger(groups));
      }
    }
  choice.chosen = int64_t(firstOfLeastSizes(choice).value_or(0));
}

std::string describe(const SizeChoice &choice) {
  size_t fit = 0;
  for (const SizeChoice::Candidate &candidate : choice.candidates)
    fit += candidate.excess.empty();
  const SizeChoice::Candidate &chosen = choice.candidates.at(choice.chosen);
  mpz_class group = toInteger(chosen.vectors) * toInteger(choice.figures.lanes);
  return "items of " + mpz_class(group * toInteger(chosen.groups)).get_str() +
         " rows in groups of " + group.get_str() + ", tiles of " +
         std::to_string(chosen.keys) + " keys: the least of " +
         std::to_string(fit) + " that fit, of " +
         std::to_string(choice.candidates.size());
}

} // namespace einfall::certificate
