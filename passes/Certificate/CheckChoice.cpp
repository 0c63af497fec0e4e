//===- CheckChoice.cpp - That no tile of a space takes less ---------------===//
//
// The model of docs/decisions/0010-scheduler.md once more, from the figures of
// the claim alone, in integers without bound.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/ChoiceReader.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

namespace einfall::certificate {

namespace {

using Program = Choice::Program;

/// Sizes of one shape of the claim's program.
class Shape {
public:
  Shape(const Choice &choice, Choice::Rows warps, int64_t keys, int64_t stages)
      : choice(choice), figures(choice.figures), warps(toInteger(warps.warps)),
        fragments(toInteger(warps.fragments)), keys(toInteger(keys)),
        stages(toInteger(stages)) {}

  struct Limit {
    const char *of;
    mpz_class needs, has;
  };
  std::vector<Limit> limits() const;
  mpz_class registers() const;
  mpz_class sharedBytes() const;
  mpz_class resident() const;
  Choice::Cost cost(const Choice::Fold &fold) const {
    return cost(fold, resident());
  }
  /// With so many blocks on a unit.
  Choice::Cost cost(const Choice::Fold &fold, const mpz_class &blocks) const;
  mpz_class scores() const { return rows() * keys; }

private:
  mpz_class threads() const {
    return (warps + (hasRoles() ? 4 : 0)) * toInteger(figures.warpLanes);
  }
  /// That a thread which keeps rows has.
  mpz_class registersThere() const;
  /// How many rows there must be, so that no warps are without any.
  mpz_class rowsNeeded() const;
  bool hasRoles() const { return choice.program == Program::Warpgroups; }
  mpz_class rows() const { return warps * fragments * 16; }
  mpz_class consumers() const { return floorQuotient(warps, 4); }
  mpz_class producerRegisters() const { return consumers() == 2 ? 24 : 32; }
  mpz_class bytesOf(const Choice::Operand &operand,
                    const mpz_class &rows) const;
  mpz_class addressesOf(const Choice::Operand &operand) const;
  /// After each row of stored weights: 32 bytes, or as many after every second
  /// where a row is an odd number of 64 bytes and so lies in other banks.
  int padOfWeights() const {
    return mpz_divisible_ui_p(keys.get_mpz_t(), 32) ? 32 : 16;
  }

  const Choice &choice;
  const Choice::Figures &figures;
  mpz_class warps, fragments, keys, stages;
};

} // namespace

/// Side by side in shared memory: boxes of 64 elements in rows of 128 bytes, or
/// rows of an odd number of 16 bytes.
mpz_class Shape::bytesOf(const Choice::Operand &operand,
                         const mpz_class &rows) const {
  if (hasRoles())
    return ceilQuotient(toInteger(operand.width), 64) * rows * 128;
  mpz_class chunks =
      floorQuotient(toInteger(operand.width) * toInteger(operand.bytes), 16);
  if (mpz_even_p(chunks.get_mpz_t()))
    ++chunks;
  return chunks * 16 * rows;
}

mpz_class Shape::sharedBytes() const {
  mpz_class most = 0;
  for (const Choice::Fold &fold : choice.folds) {
    mpz_class kept = 0, tile = 0;
    for (const Choice::Operand &operand : fold.contractions) {
      kept += bytesOf(operand, rows());
      tile += bytesOf(operand, keys);
    }
    for (const Choice::Operand &operand : fold.panels)
      tile += bytesOf(operand, keys);
    kept +=
        toInteger(fold.storedWeights) * rows() * (keys * 4 + padOfWeights());
    most = std::max<mpz_class>(most, kept + stages * tile);
  }
  if (!hasRoles())
    return most;
  mpz_class barriers = 8 * (1 + 4 * stages);
  return most + barriers * toInteger(uint64_t(choice.folds.size())) +
         4 * (1 + toInteger(choice.items));
}

/// Chunks of 16 bytes that a thread copies and that are no regular distance
/// apart; three where it evaluates elements.
mpz_class Shape::addressesOf(const Choice::Operand &operand) const {
  mpz_class chunks =
      floorQuotient(toInteger(operand.width) * toInteger(operand.bytes), 16);
  if (!operand.copied)
    return 3;
  if (mpz_popcount(chunks.get_mpz_t()) == 1)
    return 0;
  return ceilQuotient(chunks * keys, threads());
}

mpz_class Shape::registers() const {
  mpz_class most = 0;
  for (const Choice::Fold &fold : choice.folds) {
    mpz_class scores = toInteger(uint64_t(fold.contractions.size())) * keys;
    mpz_class columns = 0, addresses = 0;
    for (const Choice::Operand &operand : fold.contractions)
      addresses += addressesOf(operand);
    for (const Choice::Operand &operand : fold.panels) {
      columns += toInteger(operand.width);
      addresses += addressesOf(operand);
    }
    mpz_class count;
    if (hasRoles())
      count = 36 + (mpz_divisible_ui_p(keys.get_mpz_t(), 32) ? 1 : 0) +
              floorQuotient(scores, 2) + floorQuotient(columns, 2) +
              floorQuotient(toInteger(fold.weights) * keys, 4);
    else
      count = 64 +
              fragments * (12 + floorQuotient(scores + columns, 2) +
                           floorQuotient(keys, 32)) +
              5 * addresses;
    most = std::max<mpz_class>(most, count);
  }
  return most;
}

mpz_class Shape::registersThere() const {
  mpz_class all = toInteger(figures.registersPerThread);
  if (!hasRoles() || consumers() < 2)
    return all;
  mpz_class perLane = floorQuotient(toInteger(figures.unitRegisters),
                                    4 * toInteger(figures.warpLanes));
  mpz_class share = floorQuotient(perLane - producerRegisters(), consumers());
  return floorQuotient(std::min<mpz_class>(share, all), 8) * 8;
}

mpz_class Shape::rowsNeeded() const {
  if (rows() <= 64)
    return 0;
  return (hasRoles() ? mpz_class(rows() - 64) : floorQuotient(rows(), 2)) + 1;
}

mpz_class Shape::resident() const {
  if (hasRoles())
    return 1;
  mpz_class unit = toInteger(figures.registersPerWarpUnit);
  mpz_class ofWarp =
      ceilQuotient(toInteger(figures.warpLanes) * registers(), unit) * unit;
  mpz_class most =
      floorQuotient(toInteger(figures.unitRegisters), warps * ofWarp);
  for (const mpz_class &other :
       {floorQuotient(
            toInteger(figures.unitSharedBytes),
            std::max<mpz_class>(
                sharedBytes() + toInteger(figures.sharedReservedBytes), 1)),
        floorQuotient(toInteger(figures.unitThreads), threads()),
        toInteger(figures.unitBlocks)})
    most = std::min(most, other);
  return std::max<mpz_class>(most, 1);
}

std::vector<Shape::Limit> Shape::limits() const {
  std::vector<Limit> all = {{"threads", threads(), toInteger(figures.threads)}};
  if (choice.rows)
    all.push_back({"rows", rowsNeeded(), toInteger(*choice.rows)});
  all.push_back({"registers", registers(), registersThere()});
  all.push_back(
      {"shared bytes", sharedBytes(), toInteger(figures.sharedBytes)});
  return all;
}

static mpq_class over(const mpz_class &amount, const mpq_class &rate) {
  return mpq_class(amount) / rate;
}

Choice::Cost Shape::cost(const Choice::Fold &fold,
                         const mpz_class &blocks) const {
  Choice::Cost cost;
  bool onUnits = figures.matrixFlopPerClock > 0;
  mpq_class flop =
      toInteger(onUnits ? figures.matrixFlopPerClock : figures.fmaFlopPerClock);
  mpz_class readers = hasRoles() ? consumers() : warps, read = 0, copied = 0;
  for (const Choice::Operand &operand : fold.contractions) {
    mpz_class width = toInteger(operand.width);
    mpz_class row = width * toInteger(operand.bytes);
    cost.contraction += over(2 * scores() * width, flop);
    copied += keys * row;
    read += readers * keys * row + rows() * row;
  }
  for (const Choice::Operand &operand : fold.panels) {
    mpz_class width = toInteger(operand.width);
    mpz_class bytes = keys * width * toInteger(operand.bytes);
    cost.panels += over(2 * scores() * width, flop);
    copied += bytes;
    read += readers * bytes;
  }
  cost.special = over(scores() * toInteger(fold.special) +
                          rows() * toInteger(fold.rowSpecial),
                      toInteger(figures.specialPerClock));
  // A lane begins an instruction where FMA count two operations.
  cost.arithmetic = over(scores() * toInteger(fold.halves) +
                             2 * rows() * toInteger(fold.rowInstructions),
                         toInteger(figures.fmaFlopPerClock));
  // Four parts of a unit, of which warps keep one each.
  if (blocks * warps < 4)
    for (mpq_class *time :
         {&cost.contraction, &cost.panels, &cost.special, &cost.arithmetic})
      *time = *time * 4 / mpq_class(blocks * warps);
  if (!onUnits) {
    cost.arithmetic += cost.contraction + cost.panels;
    cost.contraction = cost.panels = 0;
  }
  cost.shared = over(read + copied, toInteger(figures.sharedBytesPerClock));
  cost.copies = over(copied, figures.copyBytesPerClock);
  if (blocks == 1)
    cost.waits = 3 * toInteger(figures.barrierClocks);

  mpq_class matrix = cost.contraction + cost.panels;
  mpq_class threads = std::max(cost.special, cost.arithmetic);
  mpq_class busy = std::max(matrix, threads);
  if (hasRoles() && consumers() == 1)
    busy = cost.contraction + std::max(cost.panels, threads);
  else if (!hasRoles() && blocks * warps < 8)
    busy = matrix + threads;
  busy = std::max(busy, cost.shared);
  cost.clocks =
      stages > 1 ? std::max(busy, cost.copies) : mpq_class(busy + cost.copies);
  cost.clocks += cost.waits;
  return cost;
}

std::vector<mpz_class> tileClocks(const Choice &choice,
                                  const Choice::Candidate &candidate,
                                  bool lone) {
  Shape shape(choice, candidate.warps, candidate.keys, candidate.stages);
  std::vector<mpz_class> all;
  for (const Choice::Fold &fold : choice.folds) {
    mpq_class clocks =
        shape.cost(fold, lone ? mpz_class(1) : shape.resident()).clocks;
    all.push_back(ceilQuotient(clocks.get_num(), clocks.get_den()));
  }
  return all;
}

// --- the claim --------------------------------------------------------------

namespace {

class ChoiceChecker {
public:
  explicit ChoiceChecker(const Choice &choice) : choice(choice) {}

  void check();

  std::vector<ChoiceProblem> problems;

private:
  void expect(const std::string &path, const mpq_class &claimed,
              const mpq_class &derived) {
    if (claimed != derived)
      problems.push_back({path, "claimed " + claimed.get_str() + ", derived " +
                                    derived.get_str()});
  }
  void expect(const std::string &path, int64_t claimed,
              const mpz_class &derived) {
    expect(path, mpq_class(toInteger(claimed)), mpq_class(derived));
  }
  void checkCandidate(const std::string &path,
                      const Choice::Candidate &candidate, const Shape &shape);
  void checkExcess(const std::string &path, const Choice::Candidate &candidate,
                   const Shape &shape);

  const Choice &choice;
};

} // namespace

void ChoiceChecker::checkExcess(const std::string &path,
                                const Choice::Candidate &candidate,
                                const Shape &shape) {
  for (const Shape::Limit &limit : shape.limits()) {
    if (candidate.excess != limit.of)
      continue;
    expect(path + ".needs", candidate.needs, limit.needs);
    expect(path + ".has", candidate.has, limit.has);
    if (limit.needs <= limit.has)
      problems.push_back({path + ".excess", "no more " + candidate.excess +
                                                " are needed than there are"});
    return;
  }
  problems.push_back({path + ".excess",
                      "'" + candidate.excess + "' is nothing that is limited"});
}

void ChoiceChecker::checkCandidate(const std::string &path,
                                   const Choice::Candidate &candidate,
                                   const Shape &shape) {
  if (!candidate.excess.empty())
    return checkExcess(path, candidate, shape);
  expect(path + ".registers", candidate.registers, shape.registers());
  expect(path + ".sharedBytes", candidate.sharedBytes, shape.sharedBytes());
  expect(path + ".resident", candidate.resident, shape.resident());
  for (const Shape::Limit &limit : shape.limits())
    if (limit.needs > limit.has)
      problems.push_back({path, std::string("does not fit: ") + limit.of +
                                    ": " + limit.needs.get_str() + " of " +
                                    limit.has.get_str()});
  if (candidate.folds.size() != choice.folds.size()) {
    problems.push_back(
        {path + ".folds", "there are " + std::to_string(choice.folds.size())});
    return;
  }
  mpq_class clocks = 0;
  for (size_t i = 0; i < choice.folds.size(); ++i) {
    std::string at = path + ".folds[" + std::to_string(i) + "].";
    const Choice::Cost &claimed = candidate.folds[i];
    Choice::Cost derived = shape.cost(choice.folds[i]);
    expect(at + "contraction", claimed.contraction, derived.contraction);
    expect(at + "panels", claimed.panels, derived.panels);
    expect(at + "special", claimed.special, derived.special);
    expect(at + "arithmetic", claimed.arithmetic, derived.arithmetic);
    expect(at + "shared", claimed.shared, derived.shared);
    expect(at + "copies", claimed.copies, derived.copies);
    expect(at + "waits", claimed.waits, derived.waits);
    expect(at + "clocks", claimed.clocks, derived.clocks);
    clocks += derived.clocks / shape.scores();
  }
  expect(path + ".clocks", candidate.clocks, clocks);
}

static std::optional<size_t> firstOfLeast(const Choice &choice) {
  std::optional<size_t> least;
  for (size_t i = 0; i < choice.candidates.size(); ++i)
    if (choice.candidates[i].excess.empty() &&
        (!least ||
         choice.candidates[i].clocks < choice.candidates[*least].clocks))
      least = i;
  return least;
}

void ChoiceChecker::check() {
  size_t count =
      choice.warps.size() * choice.keys.size() * choice.stages.size();
  if (choice.candidates.size() != count || count == 0) {
    problems.push_back(
        {"candidates", std::to_string(count) + " are in the space, " +
                           std::to_string(choice.candidates.size()) +
                           " are listed"});
    return;
  }
  size_t number = 0;
  for (const Choice::Rows &warps : choice.warps)
    for (int64_t keys : choice.keys)
      for (int64_t stages : choice.stages) {
        std::string path = "candidates[" + std::to_string(number) + "]";
        const Choice::Candidate &candidate = choice.candidates[number++];
        expect(path + ".warps", candidate.warps.warps, toInteger(warps.warps));
        expect(path + ".fragments", candidate.warps.fragments,
               toInteger(warps.fragments));
        expect(path + ".keys", candidate.keys, toInteger(keys));
        expect(path + ".stages", candidate.stages, toInteger(stages));
        checkCandidate(path, candidate, Shape(choice, warps, keys, stages));
      }
  std::optional<size_t> least = firstOfLeast(choice);
  if (!least)
    problems.push_back({"chosen", "nothing fits"});
  else
    expect("chosen", choice.chosen, toInteger(uint64_t(*least)));
}

void complete(Choice &choice) {
  choice.candidates.clear();
  for (const Choice::Rows &warps : choice.warps)
    for (int64_t keys : choice.keys)
      for (int64_t stages : choice.stages) {
        Shape shape(choice, warps, keys, stages);
        Choice::Candidate &candidate = choice.candidates.emplace_back();
        candidate.warps = warps;
        candidate.keys = keys;
        candidate.stages = stages;
        for (const Shape::Limit &limit : shape.limits())
          if (limit.needs > limit.has && candidate.excess.empty()) {
            candidate.excess = limit.of;
            candidate.needs = limit.needs.get_si();
            candidate.has = limit.has.get_si();
          }
        if (!candidate.excess.empty())
          continue;
        candidate.registers = shape.registers().get_si();
        candidate.sharedBytes = shape.sharedBytes().get_si();
        candidate.resident = shape.resident().get_si();
        for (const Choice::Fold &fold : choice.folds) {
          candidate.folds.push_back(shape.cost(fold));
          candidate.clocks += candidate.folds.back().clocks / shape.scores();
        }
      }
  choice.chosen = int64_t(firstOfLeast(choice).value_or(0));
}

std::vector<ChoiceProblem> checkChoice(const Choice &choice) {
  ChoiceChecker checker(choice);
  checker.check();
  if (choice.launch && checker.problems.empty())
    checkLaunch(choice, checker.problems);
  return checker.problems;
}

std::string describe(const Choice &choice) {
  size_t fit = 0;
  for (const Choice::Candidate &candidate : choice.candidates)
    fit += candidate.excess.empty();
  const Choice::Candidate &chosen = choice.candidates.at(choice.chosen);
  return "tiles of " +
         std::to_string(chosen.warps.warps * chosen.warps.fragments * 16) +
         " rows and " + std::to_string(chosen.keys) + " keys in " +
         std::to_string(chosen.stages) +
         (chosen.stages == 1 ? " stage" : " stages") + ": the least of " +
         std::to_string(fit) + " that fit, of " +
         std::to_string(choice.candidates.size()) +
         (choice.launch ? describeLaunch(*choice.launch) : "");
}

} // namespace einfall::certificate
