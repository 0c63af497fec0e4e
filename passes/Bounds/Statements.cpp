//===- Statements.cpp - The sums of products of a cascade -----------------===//

#include "passes/Bounds/Statements.h"
#include "passes/Derive/PassAnalysis.h"
#include "passes/Schedule/TilePlan.h"

#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::bounds;
using namespace einfall::cascade;

static bool has(ArrayRef<StringRef> ranks, StringRef rank) {
  return llvm::is_contained(ranks, rank);
}

static SmallVector<StringRef> ranksOf(Value field) {
  return fieldType(field).getRankNames();
}

/// The reads that `field` is made of coordinate by coordinate.
static void collectReads(Value field, SmallVectorImpl<ReadOp> &reads) {
  if (auto read = field.getDefiningOp<ReadOp>()) {
    if (!llvm::is_contained(reads, read))
      reads.push_back(read);
  } else if (auto map = field.getDefiningOp<MapOp>()) {
    for (Value operand : map.getOperands())
      collectReads(operand, reads);
  } else if (auto where = field.getDefiningOp<WhereOp>()) {
    collectReads(where.getValue(), reads);
  }
}

namespace {
class Finder {
public:
  Finder(KernelOp kernel, const IndexExpressions &expressions)
      : kernel(kernel), expressions(expressions) {}

  Statements run();

private:
  std::optional<Words> wordsOf(Value factor);
  void findSum(const SumNeed &need);
  void findAttention(const SumNeed &need);
  std::string weigh(const SumNeed &need, const Product &product, unsigned value,
                    Attention &attention);
  std::string classify(ReduceOp sum, Attention attention);
  bool findScores(Value weight, const std::set<std::string> &columns,
                  Attention &attention);
  std::string checkRanks(ReduceOp sum, const Attention &attention);
  OutputOp outputOf(Value sum);
  std::string nameOf(ReduceOp sum);

  KernelOp kernel;
  const IndexExpressions &expressions;
  Statements result;
  /// Sums of weighted words, and why one is no attention; empty if it is.
  std::vector<Attention> weighted;
  std::vector<std::string> refusals;
};
} // namespace

std::string Finder::nameOf(ReduceOp sum) {
  std::string name = givenName(sum);
  return name.empty() ? describe(sum.getOperation()) : name;
}

/// The one read of `factor` that names most ranks: of these one word each.
std::optional<Words> Finder::wordsOf(Value factor) {
  SmallVector<ReadOp> reads;
  collectReads(factor, reads);
  ReadOp widest;
  bool isUnique = true;
  for (ReadOp read : reads) {
    size_t ranks = ranksOf(read.getResult()).size();
    if (!widest || ranks > ranksOf(widest.getResult()).size())
      widest = read, isUnique = true;
    else if (ranks == ranksOf(widest.getResult()).size())
      isUnique = false;
  }
  if (!widest || !isUnique ||
      ranksOf(widest.getResult()).size() != ranksOf(factor).size())
    return std::nullopt;
  Words words;
  words.tensor = widest.getTensor().getDefiningOp<InputOp>().getName().str();
  // Truth values are stored as bytes.
  unsigned bits =
      widest.getTensor().getType().getElement().getIntOrFloatBitWidth();
  words.bits = bits == 1 ? 8 : bits;
  for (Value index : widest.getIndices()) {
    std::optional<Expression> expression = expressions.of(index, {});
    if (!expression)
      return std::nullopt;
    words.index.push_back(*expression);
  }
  return words;
}

/// The output that every element of `sum` goes to, whatever is done to it by
/// itself on the way.
OutputOp Finder::outputOf(Value sum) {
  SmallVector<Value> work{sum};
  for (unsigned i = 0; i < work.size(); ++i)
    for (Operation *user : work[i].getUsers()) {
      if (auto output = dyn_cast<OutputOp>(user)) {
        if (output.getIndices().empty() && output.getValue() == work[i] &&
            output.getDims().size() == ranksOf(sum).size())
          return output;
      } else if (isa<MapOp, WhereOp, OrElseOp>(user)) {
        Value result = user->getResult(0);
        if (ranksOf(result) == ranksOf(sum) &&
            !llvm::is_contained(work, result))
          work.push_back(result);
      }
    }
  return {};
}

static SmallVector<std::string> strings(ArrayRef<StringRef> names) {
  return llvm::to_vector(
      llvm::map_range(names, [](StringRef name) { return name.str(); }));
}

void Finder::findSum(const SumNeed &need) {
  ReduceOp sum = need.sum;
  Value summand = sum.getValue();
  ProductSum statement{nameOf(sum), sum.getLoc()};
  statement.ranks = strings(ranksOf(summand));
  statement.summed = strings(names(sum.getRanks()));
  statement.surely =
      both(need.conditions, presenceOf(summand, expressions)).surely;
  for (const Factor &factor : Product::of(summand).factors)
    if (std::optional<Words> words = wordsOf(factor.value))
      statement.arrays.push_back(*words);
  statement.output = outputOf(sum.getResult());
  if (!statement.arrays.empty())
    result.sums.push_back(std::move(statement));
}

/// Splits the index of `words` into coordinates of `inner`, each of which must
/// be there as it is, and the rest.
static std::optional<std::set<std::string>> rest(const Words &words,
                                                 ArrayRef<std::string> inner) {
  std::set<std::string> outer, seen;
  for (const Expression &index : words.index) {
    bool isInner = false;
    for (const std::string &rank : inner)
      if (index.dependsOn(rank)) {
        if (!(index == Expression::coordinate(rank)))
          return std::nullopt;
        seen.insert(rank);
        isInner = true;
      }
    if (!isInner && !index.freeNames().empty())
      outer.insert(index.str());
  }
  return seen.size() == inner.size() ? std::optional(outer) : std::nullopt;
}

/// Finds the sums of products of a row's and a column's words that `weight` is
/// made of, coordinate by coordinate.
bool Finder::findScores(Value weight, const std::set<std::string> &columns,
                        Attention &attention) {
  if (auto sum = weight.getDefiningOp<ReduceOp>()) {
    if (sum.getMonoid() != Monoid::Sum)
      return false;
    ScoreSum score;
    score.summed = strings(names(sum.getRanks()));
    bool hasQuery = false, hasKey = false;
    for (const Factor &factor : Product::of(sum.getValue()).factors) {
      std::optional<Words> words = wordsOf(factor.value);
      if (!words)
        continue;
      std::optional<std::set<std::string>> outer = rest(*words, score.summed);
      if (!outer)
        continue;
      if (*outer == columns && !hasKey)
        score.key = *words, hasKey = true;
      else if (*outer != columns && !hasQuery)
        score.query = *words, hasQuery = true;
    }
    if (!hasQuery || !hasKey)
      return false;
    attention.scores.push_back(std::move(score));
    return true;
  }
  bool any = false;
  if (auto map = weight.getDefiningOp<MapOp>())
    for (Value operand : map.getOperands())
      any |= findScores(operand, columns, attention);
  if (auto where = weight.getDefiningOp<WhereOp>())
    any |= findScores(where.getValue(), columns, attention);
  return any;
}

/// Rows of queries and of sums are the same, and with columns they tell pairs
/// apart. Empty where all is well.
std::string Finder::checkRanks(ReduceOp sum, const Attention &attention) {
  std::set<std::string> rows, columns;
  for (StringRef rank : ranksOf(sum.getResult()))
    if (!llvm::is_contained(attention.features, rank.str()))
      rows.insert(rank.str());
  for (const Expression &index : attention.value.index)
    for (const std::string &rank : attention.pairs)
      if (index == Expression::coordinate(rank))
        columns.insert(rank);
  for (const ScoreSum &score : attention.scores) {
    std::optional<std::set<std::string>> outer =
        rest(score.query, score.summed);
    std::set<std::string> plain;
    for (const std::string &rank : rows)
      plain.insert(Expression::coordinate(rank).str());
    if (!outer || *outer != plain)
      return "queries are not of the rows of the sums, one each";
  }
  for (const std::string &rank : attention.pairs)
    if (!rows.count(rank) && !columns.count(rank))
      return "rank " + rank + " is neither of rows nor of columns";
  return "";
}

/// Takes factor `value` of a sum's product for values and all others for
/// weights. Empty where these are functions of scores.
std::string Finder::weigh(const SumNeed &need, const Product &product,
                          unsigned value, Attention &attention) {
  ReduceOp sum = need.sum;
  std::optional<Words> words = wordsOf(product.factors[value].value);
  if (!words)
    return "values are not words of an input: they are summed or made of "
           "several inputs in the kernel";
  attention.value = *words;
  SmallVector<Value> weights;
  std::set<std::string> weightRanks;
  for (auto [i, factor] : llvm::enumerate(product.factors))
    if (i != value) {
      weights.push_back(factor.value);
      for (StringRef rank : ranksOf(factor.value))
        weightRanks.insert(rank.str());
    }
  for (StringRef rank : ranksOf(product.factors[value].value))
    if (has(ranksOf(sum.getResult()), rank) && !weightRanks.count(rank.str()))
      attention.features.push_back(rank.str());
  for (StringRef rank : ranksOf(sum.getValue()))
    if (!llvm::is_contained(attention.features, rank.str()))
      attention.pairs.push_back(rank.str());
  if (attention.features.empty())
    return "values have no features of their own";
  std::optional<std::set<std::string>> columns =
      rest(attention.value, attention.features);
  if (!columns)
    return "values are read at indices that are computed from their features";
  bool any = false;
  for (Value weight : weights)
    any |= findScores(weight, *columns, attention);
  if (!any)
    return "weights are no function of sums of products of a word of the row "
           "and a word of the column";
  // A score that is used twice is one score.
  std::set<std::string> seen;
  llvm::erase_if(attention.scores, [&](const ScoreSum &score) {
    std::string key;
    for (const Words *words : {&score.query, &score.key}) {
      key += words->tensor + "[";
      for (const Expression &index : words->index)
        key += index.str() + ",";
    }
    return !seen.insert(key).second;
  });
  attention.output = outputOf(sum.getResult());
  attention.surely =
      both(need.conditions, presenceOf(sum.getValue(), expressions)).surely;
  return "";
}

/// Adds the attention that `sum` is; else says why it is none.
std::string Finder::classify(ReduceOp sum, Attention attention) {
  if (std::string why = checkRanks(sum, attention); !why.empty())
    return why;
  std::set<std::string> tensors{attention.value.tensor};
  for (const ScoreSum &score : attention.scores) {
    for (const Words *words : {&score.query, &score.key})
      if (!tensors.insert(words->tensor).second) {
        if (words == &score.key && words->tensor == attention.value.tensor &&
            !attention.isShared)
          attention.isShared = true;
        else
          return "words of " + words->tensor + " serve twice in one score";
      }
  }
  result.attentions.push_back(std::move(attention));
  return "";
}

void Finder::findAttention(const SumNeed &need) {
  ReduceOp sum = need.sum;
  Product product = Product::of(sum.getValue());
  SmallVector<StringRef> summed = names(sum.getRanks());
  std::string why;
  for (auto [i, factor] : llvm::enumerate(product.factors)) {
    // The values: streamed, and with coordinates that weights do not have.
    bool isStreamed = llvm::all_of(summed, [&](StringRef rank) {
      return has(ranksOf(factor.value), rank);
    });
    bool isWide = false;
    for (StringRef rank : ranksOf(factor.value))
      isWide |=
          has(ranksOf(sum.getResult()), rank) &&
          llvm::none_of(llvm::enumerate(product.factors), [&](auto it) {
            return it.index() != i && has(ranksOf(it.value().value), rank);
          });
    if (factor.inverted || !isStreamed || !isWide)
      continue;
    bool hasScores =
        llvm::any_of(llvm::enumerate(product.factors), [&](auto it) {
          SmallVector<ReadOp> reads;
          collectReads(it.value().value, reads);
          return it.index() != i && reads.empty() &&
                 llvm::any_of(summed, [&](StringRef rank) {
                   return has(ranksOf(it.value().value), rank);
                 });
        });
    Attention attention{nameOf(sum), sum.getLoc()};
    why = weigh(need, product, i, attention);
    if (why.empty()) {
      why = classify(sum, attention);
      weighted.push_back(std::move(attention));
      refusals.push_back(why.empty() ? "" : nameOf(sum) + ": " + why);
      return;
    }
    if (!hasScores)
      why.clear();
  }
  if (!why.empty())
    result.refusals.push_back(nameOf(sum) + ": " + why);
}

Statements Finder::run() {
  Needs needs = needsOf(kernel, expressions);
  std::set<Operation *> seen;
  for (const SumNeed &need : needs.sums) {
    if (!seen.insert(need.sum).second)
      continue;
    findSum(need);
    findAttention(need);
  }
  SmallVector<bool> isPart(weighted.size(), false);
  result.backwards = backwardsOf(weighted, isPart);
  for (auto [refusal, partOf] : llvm::zip(refusals, isPart))
    if (!partOf && !refusal.empty())
      result.refusals.push_back(refusal);
  return std::move(result);
}

Statements bounds::statementsOf(KernelOp kernel,
                                const IndexExpressions &expressions) {
  return Finder(kernel, expressions).run();
}
