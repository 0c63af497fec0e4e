//===- CheckLaunch.cpp - Which version a launch takes ---------------------===//
//
// The counts of docs/decisions/0010-scheduler.md, "Launches", once more, in
// integers without bound.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/ChoiceReader.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>
#include <optional>

namespace einfall::certificate {

namespace {

using Launch = Choice::Launch;
using Way = Launch::Way;

/// Of the tile of a version.
struct Tile {
  mpz_class rows, keys;
  std::vector<mpz_class> lone, together; ///< whole clocks, of each fold
  mpz_class start;                       ///< and of a block, before them
  mpz_class resident;
};

/// Parts whose states are asked for at one time by who merges them.
const mpz_class partsOfRound = 4;
/// Parts that a claim may be about.
const mpz_class mostChecked = 1 << 12;

class LaunchChecker {
public:
  LaunchChecker(const Choice &choice, std::vector<ChoiceProblem> &problems)
      : launch(*choice.launch), problems(problems) {
    alone = tileOf(choice);
    sharing = tileOf(launch.sharing.front());
  }

  void check();

private:
  Tile tileOf(const Choice &choice) const;
  mpz_class blocks(const Tile &tile, bool packed) const;
  Way derive(bool packed, int64_t parts) const;
  /// Of the versions that there are, the one that a launch takes.
  Way taken() const;
  void expect(const std::string &path, int64_t claimed, int64_t derived) {
    if (claimed != derived)
      problems.push_back(
          {"launch." + path, "claimed " + std::to_string(claimed) +
                                 ", derived " + std::to_string(derived)});
  }

  const Launch &launch;
  std::vector<ChoiceProblem> &problems;
  Tile alone, sharing;
};

} // namespace

Tile LaunchChecker::tileOf(const Choice &choice) const {
  const Choice::Candidate &shape = choice.candidates.at(choice.chosen);
  Tile tile{toInteger(shape.warps.warps) * toInteger(shape.warps.fragments) *
                16,
            toInteger(shape.keys),
            tileClocks(choice, shape, /*lone=*/true),
            tileClocks(choice, shape, /*lone=*/false),
            0,
            toInteger(shape.resident)};
  for (size_t i = 0; i < choice.folds.size(); ++i) {
    mpz_class bytes = 0;
    for (const Choice::Operand &operand : choice.folds[i].contractions)
      bytes += tile.rows * toInteger(operand.width) * toInteger(operand.bytes);
    mpq_class clocks = toInteger(launch.memoryClocks) +
                       mpq_class(bytes) / choice.figures.copyBytesPerClock;
    if (shape.stages > 1)
      clocks += shape.folds.at(i).copies;
    tile.start += ceilQuotient(clocks.get_num(), clocks.get_den());
  }
  return tile;
}

mpz_class LaunchChecker::blocks(const Tile &tile, bool packed) const {
  mpz_class group = toInteger(packed ? launch.group : 1);
  return floorQuotient(toInteger(launch.items), group) *
         ceilQuotient(toInteger(launch.rows) * group, tile.rows);
}

Way LaunchChecker::derive(bool packed, int64_t parts) const {
  const Tile &tile = packed || parts > 1 ? sharing : alone;
  mpz_class count = toInteger(parts), all = blocks(tile, packed) * count;
  mpz_class busiest = ceilQuotient(all, toInteger(launch.units)), each = 0;
  for (size_t i = 0; i < launch.streams.size(); ++i) {
    mpz_class tiles = ceilQuotient(
        ceilQuotient(toInteger(launch.streams[i]), tile.keys), count);
    each += tiles * (busiest <= 1 ? tile.lone[i] : tile.together[i]);
  }
  mpz_class clocks =
      busiest * each + ceilQuotient(busiest, tile.resident) * tile.start;
  if (parts > 1)
    clocks += toInteger(launch.launchClocks) +
              (ceilQuotient(count, partsOfRound) + 1) *
                  toInteger(launch.cacheClocks) *
                  mpz_class(launch.streams.size()) +
              floorQuotient(2 * toInteger(launch.stateBytes) *
                                toInteger(launch.items) *
                                toInteger(launch.rows) * count,
                            toInteger(launch.bytesPerClock));
  return {packed, parts, all.get_si(), busiest.get_si(), clocks.get_si()};
}

Way LaunchChecker::taken() const {
  bool packs = launch.group > 1;
  Way best = derive(false, 1);
  if (packs && 2 * blocks(sharing, true) <= blocks(sharing, false)) {
    Way packed = derive(true, 1);
    if (packed.clocks <= best.clocks)
      best = packed;
  }
  if (!launch.splits)
    return best;
  int64_t longest =
      *std::max_element(launch.streams.begin(), launch.streams.end());
  mpz_class most =
      std::min<mpz_class>(ceilQuotient(toInteger(longest), sharing.keys),
                          toInteger(launch.mostParts));
  std::optional<Way> least;
  for (int64_t parts = 2; parts <= most; ++parts) {
    Way split = derive(packs, parts);
    if (!least || split.clocks < least->clocks)
      least = split;
  }
  // Parts move more: a quarter less is asked of them.
  return least && 4 * least->clocks <= 3 * best.clocks ? *least : best;
}

void LaunchChecker::check() {
  for (size_t i = 0; i < launch.ways.size(); ++i) {
    const Way &way = launch.ways[i];
    std::string path = "ways[" + std::to_string(i) + "].";
    bool exists =
        (!way.packed || launch.group > 1) &&
        (way.parts == 1 || (launch.splits && way.packed == (launch.group > 1)));
    if (!exists) {
      problems.push_back({"launch." + path + "parts", "there is no such way"});
      continue;
    }
    Way derived = derive(way.packed, way.parts);
    expect(path + "packed", way.packed, derived.packed);
    expect(path + "blocks", way.blocks, derived.blocks);
    expect(path + "busiest", way.busiest, derived.busiest);
    expect(path + "clocks", way.clocks, derived.clocks);
  }
  Way best = taken();
  size_t at = 0;
  while (at < launch.ways.size() && !(launch.ways[at].packed == best.packed &&
                                      launch.ways[at].parts == best.parts))
    ++at;
  expect("taken", launch.taken, int64_t(at));
  if (at == launch.ways.size())
    problems.push_back({"launch.ways", "a launch takes " +
                                           std::to_string(best.parts) +
                                           " parts, which are not listed"});
}

void checkLaunch(const Choice &choice, std::vector<ChoiceProblem> &problems) {
  const Launch &launch = *choice.launch;
  auto problem = [&](const std::string &path, const std::string &message) {
    problems.push_back({"launch." + path, message});
  };
  if (launch.sharing.size() != 1)
    return problem("sharing", "one is expected");
  const Choice &sharing = launch.sharing.front();
  for (const ChoiceProblem &each : checkChoice(sharing))
    problem("sharing." + each.path, each.message);
  if (!problems.empty())
    return;
  if (launch.streams.size() != choice.folds.size() ||
      sharing.folds.size() != choice.folds.size())
    return problem("streams",
                   "there are " + std::to_string(choice.folds.size()));
  if (launch.mostParts > mostChecked)
    return problem("mostParts",
                   "at most " + mostChecked.get_str() + " are looked at");
  LaunchChecker(choice, problems).check();
}

std::string describeLaunch(const Choice::Launch &launch) {
  const Way &way = launch.ways.at(launch.taken);
  std::string text =
      way.parts > 1 ? std::to_string(way.parts) + " parts" +
                          (way.packed ? " of packed rows" : "")
                    : (way.packed ? "packed rows" : "blocks by themselves");
  return "; a launch takes " + text + ": " + std::to_string(way.blocks) +
         " blocks, " + std::to_string(way.clocks) + " clocks, of " +
         std::to_string(launch.ways.size()) + " ways";
}

} // namespace einfall::certificate
