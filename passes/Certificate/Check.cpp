//===- Check.cpp - Derives every number of a certificate again ------------===//

#include "passes/Certificate/Check.h"

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>
#include <cstdio>

namespace einfall::certificate {

static std::string entry(const std::string &path, size_t i) {
  return path + "[" + std::to_string(i) + "]";
}

std::set<std::string>
plainRanks(const Tensor &tensor,
           const std::map<std::string, int64_t> &extents) {
  std::set<std::string> ranks;
  for (size_t d = 0; d < tensor.index.size(); ++d) {
    const std::optional<Expression> &index = tensor.index[d];
    if (!index || index->kind() != Expression::Kind::Coordinate)
      continue;
    auto extent = extents.find(index->name());
    if (extent != extents.end() && extent->second <= tensor.dimensions[d])
      ranks.insert(index->name());
  }
  return ranks;
}

mpz_class floorOfRoot(const mpq_class &radicand, unsigned long degree) {
  return floorRoot(floorOf(radicand), degree);
}

// --- shared -----------------------------------------------------------------

const Tensor *Checker::findTensor(Path path, const std::string &name) {
  auto found = tensors.find(name);
  if (found != tensors.end())
    return found->second;
  problem(path, "there is no tensor '" + name + "'");
  return nullptr;
}

bool Checker::checkRanks(Path path, const std::vector<std::string> &ranks) {
  std::set<std::string> seen;
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (!certificate.extents.count(ranks[i])) {
      problem(entry(path, i), "rank '" + ranks[i] + "' has no extent");
      return false;
    }
    if (!seen.insert(ranks[i]).second) {
      problem(entry(path, i), "rank '" + ranks[i] + "' occurs twice");
      return false;
    }
  }
  return true;
}

mpz_class Checker::volume(const std::vector<std::string> &ranks) const {
  mpz_class product = 1;
  for (const std::string &rank : ranks)
    product *= toInteger(certificate.extents.at(rank));
  return product;
}

std::optional<mpz_class>
Checker::countTuples(Path path, const std::vector<std::string> &ranks,
                     const std::string &condition) {
  if (condition.empty())
    return volume(ranks);
  auto counted = counts.find(condition);
  if (counted == counts.end()) {
    problem(path, "there is no condition '" + condition + "'");
    return std::nullopt;
  }
  mpz_class tuples = counted->second.count;
  const std::vector<std::string> &bound = conditions.at(condition)->ranks;
  for (const std::string &rank : bound)
    if (std::find(ranks.begin(), ranks.end(), rank) == ranks.end()) {
      problem(path, "'" + condition + "' is about rank '" + rank +
                        "', which is not among the ranks here");
      return std::nullopt;
    }
  for (const std::string &rank : ranks)
    if (std::find(bound.begin(), bound.end(), rank) == bound.end())
      tuples *= toInteger(certificate.extents.at(rank));
  return tuples;
}

void Checker::need(const char *name) {
  inequalities[name] = *findInequality(name);
}

// --- what the certificate is about ------------------------------------------

void Checker::checkNames() {
  for (size_t i = 0; i < certificate.tensors.size(); ++i) {
    const Tensor &tensor = certificate.tensors[i];
    if (!tensors.emplace(tensor.name, &tensor).second)
      problem(entry("tensors", i) + ".name",
              "there are two tensors '" + tensor.name + "'");
  }
  for (size_t i = 0; i < certificate.conditions.size(); ++i) {
    const Condition &condition = certificate.conditions[i];
    if (!conditions.emplace(condition.name, &condition).second)
      problem(entry("conditions", i) + ".name",
              "there are two conditions '" + condition.name + "'");
  }
}

void Checker::checkConditions() {
  for (size_t i = 0; i < certificate.conditions.size(); ++i) {
    Condition &condition = certificate.conditions[i];
    std::string path = entry("conditions", i);
    if (!checkRanks(path + ".ranks", condition.ranks))
      continue;
    Result<ConditionCount> counted = countCondition(
        condition.ranks, condition.condition, certificate.extents);
    if (!counted) {
      problem(path + ".condition", counted.error());
      continue;
    }
    expect(path + ".count", condition.count, counted->count);
    for (const std::string &rank : condition.ranks)
      expect(path + ".distinct." + rank, condition.distinct[rank],
             counted->distinct(rank));
    counts.emplace(condition.name, std::move(*counted));
  }
}

void Checker::checkTensors() {
  for (size_t i = 0; i < certificate.tensors.size(); ++i) {
    Tensor &tensor = certificate.tensors[i];
    std::string path = entry("tensors", i);
    if (tensor.index.size() != tensor.dimensions.size()) {
      problem(path + ".index",
              std::to_string(tensor.index.size()) + " indices for " +
                  std::to_string(tensor.dimensions.size()) + " dimensions");
      continue;
    }
    mpz_class bits = tensor.bits;
    for (int64_t length : tensor.dimensions)
      bits *= toInteger(length);
    expect(path + ".bytes", tensor.bytes, ceilQuotient(bits, 8));
    const Condition *condition = nullptr;
    const ConditionCount *counted = nullptr;
    if (!tensor.needs.empty()) {
      if (!counts.count(tensor.needs)) {
        problem(path + ".needs",
                "there is no condition '" + tensor.needs + "'");
        continue;
      }
      condition = conditions.at(tensor.needs);
      counted = &counts.at(tensor.needs);
    }
    Result<mpz_class> elements =
        countElements(tensor, condition, counted, certificate.extents);
    if (elements)
      expect(path + ".elements", tensor.elements, *elements);
    else
      problem(path + ".index", elements.error());
  }
}

// --- boundaries -------------------------------------------------------------

/// "161.06 GB"
static std::string readable(const mpz_class &bytes) {
  static const char *units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = bytes.get_d();
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  char text[64];
  std::snprintf(text, sizeof(text), unit ? "%.2f %s" : "%.0f %s", value,
                units[unit]);
  return text;
}

static std::string describe(const CompulsoryBound &) { return "compulsory"; }
static std::string describe(const PassesBound &bound) {
  return std::to_string(bound.barriers.size() + 1) + " passes over " +
         bound.tensor;
}
static std::string describe(const ContractionBound &) { return "contraction"; }
static std::string describe(const AttentionBound &bound) {
  std::string text = "attention, theorem " + std::to_string(bound.theorem);
  return bound.regime ? text + " (" + bound.regime + ")" : text;
}
static std::string describe(const BackwardBound &) {
  return "backward of attention, theorem 10";
}

void Checker::checkBoundary(Path path, Boundary &boundary) {
  mpz_class capacity = 0;
  for (const Boundary::Memory &memory : boundary.inside)
    capacity += toInteger(memory.bytes);
  expect(path + ".capacity", boundary.capacity, capacity);
  if (boundary.capacity <= 0)
    return problem(path + ".inside", "there is no memory inside");
  if (boundary.bounds.empty())
    return problem(path + ".bounds", "there is no bound");

  size_t before = problems.size();
  unsigned greatest = 0;
  for (size_t i = 0; i < boundary.bounds.size(); ++i) {
    Bound &bound = boundary.bounds[i];
    std::string at = entry(path + ".bounds", i);
    Bytes bytes = std::visit(
        [&](auto &claim) { return derive(at, claim, boundary); }, bound.claim);
    if (bytes)
      expect(at + ".bytes", bound.bytes, std::max<mpz_class>(*bytes, 0));
    if (bound.bytes > boundary.bounds[greatest].bytes)
      greatest = i;
  }
  expect(path + ".lower.bound", boundary.lowerBound, greatest);
  expect(path + ".lower.bytes", boundary.lowerBytes,
         boundary.bounds[greatest].bytes);
  if (boundary.schedule)
    checkSchedule(path, boundary);
  if (problems.size() != before)
    return;

  std::string line =
      boundary.name + ": at least " + readable(boundary.lowerBytes) + " (" +
      std::visit([](const auto &claim) { return describe(claim); },
                 boundary.bounds[greatest].claim) +
      ")";
  if (boundary.schedule) {
    line += ", the schedule moves " + readable(boundary.schedule->total);
    if (boundary.lowerBytes > 0) {
      char ratio[32];
      std::snprintf(ratio, sizeof(ratio), "%.3f", boundary.ratio.get_d());
      line += std::string(", ") + ratio + " times that";
    }
  }
  lines.push_back(line);
}

void Checker::checkAll() {
  checkNames();
  checkConditions();
  checkTensors();
  if (certificate.boundaries.empty())
    problem("boundaries", "there is none");
  // What follows is derived from what is right so far.
  if (!problems.empty())
    return;
  for (size_t i = 0; i < certificate.boundaries.size(); ++i)
    checkBoundary(entry("boundaries", i), certificate.boundaries[i]);
  if (certificate.choice) {
    if (amend)
      complete(*certificate.choice);
    for (const ChoiceProblem &wrong : checkChoice(*certificate.choice))
      problem("choice." + wrong.path, wrong.message);
  }
  if (certificate.sizes)
    for (const ChoiceProblem &wrong :
         checkSizes(*certificate.sizes, certificate.extents))
      problem("sizes." + wrong.path, wrong.message);
}

// --- results ----------------------------------------------------------------

CheckResult check(const Certificate &certificate, const CheckOptions &options) {
  CheckResult result;
  Certificate copy = certificate;
  Checker checker(copy, /*amend=*/false);
  checker.checkAll();
  result.problems = checker.problems;
  result.boundaries = checker.lines;
  if (copy.choice && checker.problems.empty())
    result.choice = describe(*copy.choice);
  if (copy.sizes && checker.problems.empty())
    result.sizes = describe(*copy.sizes);

  std::vector<Inequality> needed;
  for (const auto &[name, inequality] : checker.inequalities)
    needed.push_back(inequality);
  std::string count = std::to_string(needed.size()) +
                      (needed.size() == 1 ? " inequality" : " inequalities");
  bool solverMissing = false;
  if (needed.empty()) {
    result.inequalities = "no inequality is needed";
  } else if (!options.useSolver) {
    result.inequalities = count + " taken from the text";
  } else if (result.problems.empty()) {
    Result<std::vector<Answer>> answers =
        solve(needed, options.solver, options.seconds);
    solverMissing = !answers;
    result.inequalities = answers ? count + " proved by z3" : answers.error();
    for (size_t i = 0; answers && i < needed.size(); ++i)
      if ((*answers)[i] != Answer::Unsat)
        result.problems.push_back(
            {"",
             std::string("the solver ") +
                 ((*answers)[i] == Answer::Sat ? "refutes" : "does not prove") +
                 " the inequality " + needed[i].name});
  }
  result.verdict = !result.problems.empty() ? CheckResult::Verdict::Refused
                   : solverMissing          ? CheckResult::Verdict::NoSolver
                                            : CheckResult::Verdict::Accepted;
  return result;
}

Result<Certificate> complete(const Certificate &certificate) {
  Certificate copy = certificate;
  Checker checker(copy, /*amend=*/true);
  checker.checkAll();
  if (!checker.problems.empty())
    return Failure{checker.problems[0].path + ": " +
                   checker.problems[0].message};
  return copy;
}

} // namespace einfall::certificate
