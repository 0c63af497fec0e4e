//===- CountCondition.cpp - How much a mask leaves ------------------------===//

#include "passes/Certificate/Counting.h"
#include "passes/Certificate/Integer.h"
#include "passes/Certificate/RankProgram.h"

#include <algorithm>
#include <numeric>

namespace einfall::certificate {

using Outcome = RankProgram::Outcome;

static constexpr int64_t maxExtent = int64_t(1) << 24;
static constexpr int64_t maxTuples = int64_t(1) << 22;

mpz_class ConditionCount::distinct(const std::string &rank) const {
  auto found = present.find(rank);
  if (found == present.end())
    return 0;
  return toInteger(static_cast<uint64_t>(
      std::count(found->second.begin(), found->second.end(), true)));
}

namespace {

/// Counts the tuples of ranks that all occur in the condition.
class Counter {
public:
  Counter(RankProgram &program, const std::vector<int64_t> &extents)
      : program(program), extents(extents) {}

  /// With the rank `open` given by intervals; -1: all enumerated.
  Outcome count(int open);

  mpz_class total;
  std::vector<std::vector<bool>> present; ///< by rank and coordinate

private:
  Outcome countResidue();
  void mark(const RankProgram::Interval *intervals, size_t count);
  bool next();

  RankProgram &program;
  const std::vector<int64_t> &extents;
  std::vector<int32_t> changes; ///< where coordinates of the open rank begin
};

} // namespace

/// The next tuple of the ranks that are not open; false after the last.
bool Counter::next() {
  for (size_t i = extents.size(); i-- > 0;) {
    if (static_cast<int>(i) == program.open)
      continue;
    if (++program.coordinates[i] < extents[i])
      return true;
    program.coordinates[i] = 0;
  }
  return false;
}

void Counter::mark(const RankProgram::Interval *intervals, size_t count) {
  if (!count)
    return;
  for (size_t i = 0; i < extents.size(); ++i)
    if (static_cast<int>(i) != program.open)
      present[i][program.coordinates[i]] = true;
  if (program.open < 0)
    return;
  for (size_t i = 0; i < count; ++i) {
    ++changes[intervals[i].begin];
    --changes[intervals[i].end];
  }
}

Outcome Counter::countResidue() {
  std::fill(program.coordinates.begin(), program.coordinates.end(), 0);
  int64_t points = 0; // at most 2^22 tuples of 2^24 coordinates
  do {
    const RankProgram::Interval *intervals;
    size_t count;
    if (Outcome outcome = program.evaluateCondition(intervals, count);
        outcome != Outcome::Done)
      return outcome;
    for (size_t i = 0; i < count; ++i)
      points += intervals[i].end - intervals[i].begin;
    mark(intervals, count);
  } while (next());
  total += toInteger(points);
  return Outcome::Done;
}

Outcome Counter::count(int open) {
  program.open = open;
  int64_t tuples = 1;
  for (size_t i = 0; i < extents.size(); ++i)
    if (static_cast<int>(i) != open && tuples <= maxTuples)
      tuples *= extents[i];
  program.period = 1;
  while (true) {
    if (tuples > maxTuples / program.period)
      return Outcome::TooLarge;
    total = 0;
    present.clear();
    for (int64_t extent : extents)
      present.emplace_back(extent, false);
    int64_t length = open < 0 ? 1 : extents[open];
    Outcome outcome = Outcome::Done;
    for (program.residue = 0;
         program.residue < program.period && program.residue < length;
         ++program.residue) {
      program.end =
          (length - program.residue + program.period - 1) / program.period;
      changes.assign(program.end + 1, 0);
      outcome = countResidue();
      if (outcome != Outcome::Done)
        break;
      int64_t depth = 0;
      for (int64_t k = 0; open >= 0 && k < program.end; ++k) {
        depth += changes[k];
        if (depth > 0)
          present[open][program.residue + k * program.period] = true;
      }
    }
    if (outcome != Outcome::Period)
      return outcome;
    if (__builtin_mul_overflow(program.period, program.factor, &program.period))
      return Outcome::TooLarge;
  }
}

static Failure tooLarge(const std::vector<int64_t> &extents) {
  std::string text;
  for (int64_t extent : extents)
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return Failure{"too large to count: a condition over " + text +
                 " coordinates"};
}

Result<ConditionCount>
countCondition(const std::vector<std::string> &ranks,
               const Expression &condition,
               const std::map<std::string, int64_t> &extents) {
  std::vector<std::string> occurring;
  std::vector<int64_t> lengths;
  ConditionCount result;
  mpz_class others = 1;
  bool empty = false;
  for (const std::string &rank : ranks) {
    auto extent = extents.find(rank);
    if (extent == extents.end())
      return Failure{"rank '" + rank + "' has no extent"};
    if (extent->second > maxExtent)
      return tooLarge({extent->second});
    empty |= extent->second == 0;
    if (condition.dependsOn(rank)) {
      occurring.push_back(rank);
      lengths.push_back(extent->second);
    } else {
      others *= toInteger(extent->second);
    }
  }
  Result<RankProgram> program =
      RankProgram::compile(condition, occurring, extents);
  if (!program)
    return program.failure();
  if (empty) {
    for (const std::string &rank : ranks)
      result.present[rank].resize(extents.at(rank));
    return result;
  }

  // The longest rank that the condition is simple in is given by intervals.
  std::vector<int> order(occurring.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return lengths[a] > lengths[b]; });
  order.push_back(-1);
  Counter counter(*program, lengths);
  Outcome outcome = Outcome::None;
  for (int open : order) {
    outcome = counter.count(open);
    if (outcome == Outcome::Done)
      break;
  }
  if (outcome == Outcome::None)
    return Failure{"condition has a divisor that is not positive"};
  if (outcome != Outcome::Done)
    return tooLarge(lengths);

  result.count = counter.total * others;
  for (const std::string &rank : ranks) {
    auto at = std::find(occurring.begin(), occurring.end(), rank);
    result.present[rank] =
        at == occurring.end()
            ? std::vector<bool>(extents.at(rank), counter.total > 0)
            : counter.present[at - occurring.begin()];
  }
  return result;
}

} // namespace einfall::certificate
