//===- CheckBackward.cpp - Theorem 10 -------------------------------------===//
//
// docs/bounds/attention.md has the theorem and its proof. What is checked of
// the class it is about: queries, the gradient of outputs and that of queries
// have the same rows, keys, values and their gradients the same columns; all
// words are different; keys are as wide as values. That gradients are sums over
// pairs of what the theorem says is the reader's to see in the cascade.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

namespace einfall::certificate {

namespace {
/// A tensor of a backward pass, and what it has to be.
struct Role {
  const char *member;
  std::string tensor;
  Tensor::Direction direction;
  const std::vector<std::string> &inner;
  bool isOfRows;
};
} // namespace

static std::vector<Role> rolesOf(const BackwardBound &bound) {
  const auto input = Tensor::Direction::Input,
             output = Tensor::Direction::Output;
  return {
      {".query", bound.query, input, bound.keyRanks, true},
      {".outputGradient", bound.outputGradient, input, bound.valueRanks, true},
      {".queryGradient", bound.queryGradient, output, bound.keyRanks, true},
      {".key", bound.key, input, bound.keyRanks, false},
      {".value", bound.value, input, bound.valueRanks, false},
      {".keyGradient", bound.keyGradient, output, bound.keyRanks, false},
      {".valueGradient", bound.valueGradient, output, bound.valueRanks, false}};
}

bool Checker::checkBackwardShape(Path path, const BackwardBound &bound) {
  auto refuse = [&](Path at, const std::string &message) {
    problem(path + at, message);
    return false;
  };
  for (auto [member, ranks] : {std::pair(".pairRanks", &bound.pairRanks),
                               std::pair(".keyRanks", &bound.keyRanks),
                               std::pair(".valueRanks", &bound.valueRanks)}) {
    if (!checkRanks(path + member, *ranks))
      return false;
    if (ranks->empty())
      return refuse(member, "is empty");
  }
  std::set<std::string> names, told;
  std::vector<std::string> rows, columns;
  for (const Role &role : rolesOf(bound)) {
    const Tensor *tensor = findTensor(path + role.member, role.tensor);
    if (!tensor)
      return false;
    if (tensor->direction != role.direction)
      return refuse(role.member, "'" + role.tensor + "' is not an " +
                                     (role.direction == Tensor::Direction::Input
                                          ? "input"
                                          : "output"));
    if (!names.insert(role.tensor).second)
      return refuse(role.member,
                    "a tensor has two roles: words are not disjoint");
    std::vector<std::string> outer;
    if (!outerIndices(*tensor, role.inner, certificate.extents, outer))
      return refuse(role.member, "'" + role.tensor + "' is not indexed by " +
                                     role.inner.front() + " by itself, once");
    std::vector<std::string> &expected = role.isOfRows ? rows : columns;
    if (expected.empty())
      expected = outer;
    if (outer.empty() || outer != expected)
      return refuse(role.member, "'" + role.tensor + "' is not of the same " +
                                     (role.isOfRows ? "rows" : "columns"));
    // A pair is told by an element of its row and one of its column.
    for (const std::string &rank : plainRanks(*tensor, certificate.extents))
      if (std::find(role.inner.begin(), role.inner.end(), rank) ==
          role.inner.end())
        told.insert(rank);
    if (role.direction == Tensor::Direction::Output &&
        plainRanks(*tensor, certificate.extents).size() != tensor->index.size())
      return refuse(role.member, "'" + role.tensor +
                                     "' has an index that is not a rank by "
                                     "itself");
  }
  if (rows == columns)
    return refuse(".key", "rows and columns are the same");
  for (const auto &inner : {bound.keyRanks, bound.valueRanks})
    for (const std::string &rank : inner)
      if (told.count(rank))
        return refuse(".pairRanks", "rank '" + rank + "' is one of widths");
  if (told !=
      std::set<std::string>(bound.pairRanks.begin(), bound.pairRanks.end()))
    return refuse(".pairRanks", "they are not those of rows and columns");
  return true;
}

Checker::Bytes Checker::derive(Path path, BackwardBound &bound,
                               const Boundary &boundary) {
  if (!checkBackwardShape(path, bound))
    return std::nullopt;
  std::optional<mpz_class> pairs =
      countTuples(path + ".condition", bound.pairRanks, bound.condition);
  if (!pairs)
    return std::nullopt;
  expect(path + ".pairs", bound.pairs, *pairs);
  expect(path + ".width", bound.width, volume(bound.keyRanks));
  if (volume(bound.valueRanks) != volume(bound.keyRanks)) {
    problem(path + ".valueRanks", "theorem 10 needs values as wide as keys");
    return std::nullopt;
  }
  unsigned least = ~0u;
  for (const Role &role : rolesOf(bound))
    least = std::min(least, tensors.at(role.tensor)->bits);
  expect(path + ".bits", bound.bits, least);

  const mpz_class &d = bound.width;
  const mpz_class memory = floorQuotient(boundary.capacity * 8, least);
  if (memory == 0 || memory < 24 * d * d) {
    problem(path + ".width", "theorem 10 needs M >= 24 d^2; d = " + text(d) +
                                 ", M = " + text(memory) + " words");
    return std::nullopt;
  }
  for (const char *name :
       {"F10", "F11", "F17.1", "F17.2", "F17.3", "F17.4", "F17.5", "F17.6"})
    need(name);
  return floorQuotient(floorQuotient(least * 12 * d * d * bound.pairs, memory),
                       8);
}

} // namespace einfall::certificate
