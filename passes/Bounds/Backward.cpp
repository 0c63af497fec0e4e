//===- Backward.cpp - Three sums that make a backward pass ----------------===//

#include "passes/Bounds/Statements.h"

#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::bounds;

static bool same(const Words &a, const Words &b) {
  return a.tensor == b.tensor && llvm::equal(a.index, b.index);
}

static bool same(ArrayRef<std::string> a, ArrayRef<std::string> b) {
  return std::set<std::string>(a.begin(), a.end()) ==
         std::set<std::string>(b.begin(), b.end());
}

/// Whether the weights of `sum` are functions of the products of `rows` and
/// `columns`, whichever of them it sums over.
static bool scores(const Attention &sum, const Words &rows,
                   const Words &columns) {
  return llvm::any_of(sum.scores, [&](const ScoreSum &score) {
    return (same(score.query, rows) && same(score.key, columns)) ||
           (same(score.query, columns) && same(score.key, rows));
  });
}

/// The sum of `sums` over words of `value`, of pairs like those of `like` and
/// of so many scores, that is an output.
static const Attention *find(ArrayRef<Attention> sums, const Words &value,
                             const Attention &like, size_t numScores) {
  auto found = llvm::find_if(sums, [&](const Attention &sum) {
    return same(sum.value, value) && sum.scores.size() == numScores &&
           sum.output && same(sum.pairs, like.pairs) &&
           sum.surely == like.surely;
  });
  return found == sums.end() ? nullptr : &*found;
}

/// dQ = sum of dS K: scores and gradients of weights make dS, with K and V of
/// the columns that it sums over. From it follow the names of all others: dK =
/// sum of dS Q, dV = sum of P dO.
static std::optional<Backward> backwardOf(ArrayRef<Attention> sums,
                                          const Attention &queries,
                                          SmallVectorImpl<bool> &isPart) {
  if (queries.scores.size() != 2 || !queries.output)
    return std::nullopt;
  bool isFirst = same(queries.scores[0].key, queries.value);
  const ScoreSum &score = queries.scores[isFirst ? 0 : 1];
  const ScoreSum &gradient = queries.scores[isFirst ? 1 : 0];
  if (!same(score.key, queries.value) || !same(score.summed, queries.features))
    return std::nullopt;
  const Words &query = score.query, &key = score.key, &value = gradient.key,
              &outputGradient = gradient.query;
  const Attention *keys = find(sums, query, queries, 2);
  const Attention *values = find(sums, outputGradient, queries, 1);
  if (!keys || !values || !scores(*keys, query, key) ||
      !scores(*keys, outputGradient, value) || !scores(*values, query, key) ||
      !same(keys->features, score.summed) ||
      !same(values->features, gradient.summed))
    return std::nullopt;
  for (const Attention *part : {&queries, keys, values})
    isPart[part - sums.data()] = true;
  return Backward{queries.name, query,           key,
                  value,        outputGradient,  queries.pairs,
                  score.summed, gradient.summed, queries.output,
                  keys->output, values->output,  queries.surely};
}

std::vector<Backward> bounds::backwardsOf(ArrayRef<Attention> sums,
                                          SmallVectorImpl<bool> &isPart) {
  std::vector<Backward> result;
  for (const Attention &sum : sums)
    if (std::optional<Backward> backward = backwardOf(sums, sum, isPart))
      result.push_back(std::move(*backward));
  return result;
}
