//===- CheckAttention.cpp - Theorems 1, 4 and 5 ---------------------------===//
//
// docs/bounds/attention.md has the theorems and their proofs. What is checked
// of the class they are about: rows are what outputs are indexed by, columns
// what keys and values are; the words of all of them are disjoint; every pair
// has products of all E words of its query and key, and of all F words of its
// value.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

namespace einfall::certificate {

using Ranks = std::vector<std::string>;

static bool contains(const Ranks &ranks, const std::string &rank) {
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

bool outerIndices(const Tensor &tensor, const Ranks &inner,
                  const std::map<std::string, int64_t> &extents,
                  std::vector<std::string> &out) {
  std::set<std::string> plain = plainRanks(tensor, extents);
  for (const std::string &rank : inner)
    if (!plain.count(rank))
      return false;
  for (const std::optional<Expression> &index : tensor.index) {
    if (!index)
      return false;
    if (index->kind() == Expression::Kind::Coordinate &&
        contains(inner, index->name()))
      continue;
    for (const std::string &rank : inner)
      if (index->dependsOn(rank))
        return false;
    out.push_back(index->str());
  }
  std::sort(out.begin(), out.end());
  return true;
}

/// Whether words of rows, columns, values and outputs are what the theorems
/// take them to be.
bool Checker::checkAttentionShape(Path path, AttentionBound &bound) {
  auto refuse = [&](Path at, const std::string &message) {
    problem(path + at, message);
    return false;
  };
  const auto &extents = certificate.extents;
  if (!checkRanks(path + ".pairRanks", bound.pairRanks) ||
      !checkRanks(path + ".valueRanks", bound.valueRanks))
    return false;
  const Tensor *output = findTensor(path + ".output", bound.output);
  const Tensor *value = findTensor(path + ".value", bound.value);
  if (!output || !value)
    return false;
  if (output->direction != Tensor::Direction::Output)
    return refuse(".output", "'" + bound.output + "' is not an output");
  if (value->direction != Tensor::Direction::Input)
    return refuse(".value", "'" + bound.value + "' is not an input");

  // Rows: the ranks of outputs that are not of values.
  std::set<std::string> plain = plainRanks(*output, extents);
  if (plain.size() != output->index.size())
    return refuse(".output", "'" + bound.output +
                                 "' has an index that is not a rank by itself");
  Ranks rows, columns;
  for (const std::string &rank : bound.valueRanks)
    if (!plain.erase(rank) || contains(bound.pairRanks, rank))
      return refuse(".valueRanks", "rank '" + rank +
                                       "' is none of the output's"
                                       " alone");
  for (const std::string &rank : bound.pairRanks)
    (plain.erase(rank) ? rows : columns).push_back(rank);
  if (!plain.empty())
    return refuse(".pairRanks", "the output's rank '" + *plain.begin() +
                                    "' is not among them");

  std::set<std::string> names = {bound.output};
  std::vector<std::string> keyOuter;
  bool isShared = bound.theorem == 5, found = false;
  if (!isShared)
    names.insert(bound.value);
  if (bound.scores.empty())
    return refuse(".scores", "is empty");
  Ranks overAll;
  for (size_t i = 0; i < bound.scores.size(); ++i) {
    const AttentionBound::Score &score = bound.scores[i];
    std::string at = ".scores[" + std::to_string(i) + "]";
    if (!checkRanks(path + at + ".over", score.over))
      return false;
    for (const std::string &rank : score.over)
      if (contains(bound.pairRanks, rank))
        return refuse(at + ".over", "rank '" + rank + "' is one of pairs");
    if (score.over.empty())
      return refuse(at + ".over", "is empty");
    const Tensor *query = findTensor(path + at + ".query", score.query);
    const Tensor *key = findTensor(path + at + ".key", score.key);
    if (!query || !key)
      return false;
    if (query->direction != Tensor::Direction::Input ||
        key->direction != Tensor::Direction::Input)
      return refuse(at, "an output is no query and no key");
    if (!names.insert(score.query).second || !names.insert(score.key).second)
      return refuse(at, "a tensor has two roles: words are not disjoint");

    std::vector<std::string> outer, expected = rows;
    std::sort(expected.begin(), expected.end());
    if (!outerIndices(*query, score.over, extents, outer) || outer != expected)
      return refuse(at + ".query", "'" + score.query +
                                       "' is not indexed by rows and by what "
                                       "scores are summed over");
    std::set<std::string> keyPlain = plainRanks(*key, extents);
    for (const std::string &rank : columns)
      if (!keyPlain.count(rank))
        return refuse(at + ".key", "'" + score.key +
                                       "' is not indexed by the column's '" +
                                       rank + "' by itself");
    outer.clear();
    if (!outerIndices(*key, score.over, extents, outer) ||
        (i && outer != keyOuter))
      return refuse(at + ".key", "the columns of '" + score.key +
                                     "' are not those of the other keys");
    keyOuter = outer;
    if (isShared && score.key == bound.value) {
      found = true;
      if (score.over.size() != 1 || bound.valueRanks.size() != 1 ||
          volume(bound.valueRanks) > volume(score.over))
        return refuse(".valueRanks", "values are not words of the key");
    }
  }
  if (isShared && !found)
    return refuse(".value", "'" + bound.value + "' is not a key");
  if (!isShared) {
    std::vector<std::string> outer;
    if (!outerIndices(*value, bound.valueRanks, extents, outer) ||
        outer != keyOuter)
      return refuse(".value", "the columns of '" + bound.value +
                                  "' are not those of the keys");
  }
  return true;
}

/// Theorems 1 and 5, in words of `word` bits.
Checker::Bytes Checker::uniformWords(Path path, const AttentionBound &bound,
                                     const Boundary &boundary, unsigned word) {
  const mpz_class &e = bound.keyWidth, &f = bound.valueWidth, &p = bound.pairs;
  const mpz_class m = floorQuotient(boundary.capacity * 8, word);
  auto refuse = [&](const std::string &condition) -> Bytes {
    problem(path + ".regime", "regime " + std::string(1, bound.regime) +
                                  " needs " + condition + "; E = " + text(e) +
                                  ", F = " + text(f) + ", M = " + text(m) +
                                  " words");
    return std::nullopt;
  };
  if (m == 0)
    return refuse("M > 0");
  bool shared = bound.theorem == 5;
  auto inBytes = [&](const mpz_class &bits) { return floorQuotient(bits, 8); };
  auto needAll = [&](std::initializer_list<const char *> names) {
    for (const char *name : names)
      need(name);
  };
  if (!shared)
    needAll({"F2", "F3"});
  else if (bound.regime == 'a')
    needAll({"F10", "F11"});
  else
    needAll({"F13", "F14"});
  switch (bound.regime) {
  case 'a': {
    if (f > e || m < 2 * e * (e + f))
      return refuse("F <= E and M >= 2 E (E + F)");
    if (!shared)
      needAll({"F4", "F5"});
    mpz_class weight =
        shared ? mpz_class(e * (e + f)) : mpz_class((e + f) * (e + f));
    return inBytes(floorQuotient(word * weight * p, m));
  }
  case 'b':
    if (shared ? 27 * m < 32 * e * e : f < e || 27 * m < 128 * e * e)
      return refuse(shared ? "27 M >= 32 E^2" : "F >= E and 27 M >= 128 E^2");
    if (!shared)
      needAll({"F6", "F7"});
    return inBytes(floorQuotient(word * (shared ? 2 : 4) * e * f * p, m));
  case 'c': {
    // P F times the lesser of sqrt(27 / 8 M) and 4 E / M (or 2 E / M).
    if (!shared)
      needAll({"F6", "F8"});
    mpz_class side = (shared ? 2 : 4) * e;
    mpz_class bits = word * p * f;
    if (27 * m <= 8 * side * side)
      return inBytes(floorOfRoot(mpq_class(27 * bits * bits) / (8 * m), 2));
    return inBytes(floorQuotient(bits * side, m));
  }
  case 'd':
    if (81 * m > (shared ? 64 : 256) * e * e)
      return refuse(shared ? "81 M <= 64 E^2" : "81 M <= 256 E^2");
    if (!shared)
      needAll({"F6", "F8"});
    return inBytes(floorOfRoot(mpq_class(power(2 * word * p * f, 2)) / m, 2) -
                   toInteger(boundary.units) * m * word);
  default:
    problem(path + ".regime",
            "theorem " + text(bound.theorem) + " has the regimes a to d");
    return std::nullopt;
  }
}

/// Theorem 4: sizes in bits.
Checker::Bytes Checker::mixedWords(Path path, const AttentionBound &bound,
                                   const Boundary &boundary,
                                   const Tensor &output) {
  const AttentionBound::Words &words = bound.words;
  const mpz_class &f = bound.valueWidth;
  if (bound.regime) {
    problem(path + ".regime", "theorem 4 has none");
    return std::nullopt;
  }
  if (output.bits > words.output) {
    problem(path + ".words.output", "partial outputs of " + text(words.output) +
                                        " bits are smaller than outputs");
    return std::nullopt;
  }
  mpz_class m = boundary.capacity * 8;
  mpz_class largest = std::max(
      {words.query, words.key, words.value, words.score, words.output});
  mpz_class a0 = words.query * bound.keyWidth, a1 = words.output;
  mpz_class b0 = words.key * bound.keyWidth, b1 = words.value;
  // Gamma = rational + factor sqrt(radicand)
  mpz_class rational, factor = 0, radicand = a0 * b1 * a1 * b0;
  if (f * f * a1 * b1 <= a0 * b0) {
    rational = (a0 + a1 * f) * (b0 + b1 * f);
  } else {
    rational = f * (a0 * b1 + a1 * b0);
    factor = 2 * f;
  }
  // M s >= 2 Gamma
  mpz_class room = m * words.score - 2 * rational;
  if (room < 0 || room * room < 4 * factor * factor * radicand) {
    problem(path + ".theorem", "theorem 4 needs M >= 2 Gamma / s; M = " +
                                   text(boundary.capacity) + " bytes");
    return std::nullopt;
  }
  for (const char *name : {"F11", "F12"})
    need(name);
  // (1 - largest / M) Gamma P / M - (s_o - s_f) outputs, over 8 M^2
  mpz_class scale = (m - largest) * bound.pairs;
  mpz_class correction = output.elements * (words.output - output.bits);
  mpz_class numerator =
      scale * rational - correction * m * m +
      floorRoot(scale * scale * factor * factor * radicand, 2);
  return floorQuotient(numerator, 8 * m * m);
}

Checker::Bytes Checker::derive(Path path, AttentionBound &bound,
                               const Boundary &boundary) {
  if (bound.theorem != 1 && bound.theorem != 4 && bound.theorem != 5) {
    problem(path + ".theorem", "is not 1, 4 or 5");
    return std::nullopt;
  }
  if (!checkAttentionShape(path, bound))
    return std::nullopt;
  std::optional<mpz_class> pairs =
      countTuples(path + ".condition", bound.pairRanks, bound.condition);
  if (!pairs)
    return std::nullopt;
  expect(path + ".pairs", bound.pairs, *pairs);
  mpz_class keyWidth = 0;
  AttentionBound::Words least = {~0u, ~0u, 0, 0, 0};
  for (const AttentionBound::Score &score : bound.scores) {
    keyWidth += volume(score.over);
    least.query = std::min(least.query, tensors.at(score.query)->bits);
    least.key = std::min(least.key, tensors.at(score.key)->bits);
  }
  const Tensor &output = *tensors.at(bound.output);
  least.value = tensors.at(bound.value)->bits;
  expect(path + ".keyWidth", bound.keyWidth, keyWidth);
  expect(path + ".valueWidth", bound.valueWidth, volume(bound.valueRanks));
  if (bound.theorem == 5 && bound.valueWidth > bound.keyWidth) {
    problem(path + ".valueWidth", "theorem 5 needs F <= E");
    return std::nullopt;
  }
  if (bound.theorem != 4) {
    unsigned word =
        std::min({least.query, least.key, least.value, output.bits});
    least = {word, word, word, word, word};
    expect(path + ".words.score", bound.words.score, word);
    expect(path + ".words.output", bound.words.output, word);
  }
  expect(path + ".words.query", bound.words.query, least.query);
  expect(path + ".words.key", bound.words.key, least.key);
  expect(path + ".words.value", bound.words.value, least.value);
  return bound.theorem == 4 ? mixedWords(path, bound, boundary, output)
                            : uniformWords(path, bound, boundary, least.query);
}

} // namespace einfall::certificate
