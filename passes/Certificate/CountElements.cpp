//===- CountElements.cpp - Which elements of a tensor are needed ----------===//
//
// Dimensions whose indices share no rank are independent: their counts
// multiply. The ranks of the condition count as shared.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Counting.h"
#include "passes/Certificate/Integer.h"
#include "passes/Certificate/RankProgram.h"

#include <algorithm>
#include <set>

namespace einfall::certificate {

static constexpr int64_t maxTuples = int64_t(1) << 22;
static constexpr int64_t maxElements = int64_t(1) << 27;

namespace {

/// Dimensions whose indices share ranks.
struct Component {
  std::vector<size_t> dimensions;
  std::set<std::string> ranks;
  bool conditioned = false; ///< a rank of the condition is among them
};

class ElementCounter {
public:
  ElementCounter(const Tensor &tensor, const Condition *condition,
                 const ConditionCount *counted,
                 const std::map<std::string, int64_t> &extents)
      : tensor(tensor), condition(condition), counted(counted),
        extents(extents) {}

  Result<mpz_class> count();

private:
  std::vector<Component> components() const;
  Result<mpz_class> countComponent(const Component &component);
  /// Every index is a rank of its own, within the dimension.
  std::optional<mpz_class> countPlain(const Component &component);
  /// One index that is affine and leaves no gaps.
  std::optional<mpz_class> countAffine(const Component &component);
  Result<mpz_class> enumerate(const Component &component);
  bool isConditioned(const std::string &rank) const {
    return condition &&
           std::find(condition->ranks.begin(), condition->ranks.end(), rank) !=
               condition->ranks.end();
  }
  int64_t extent(const std::string &rank) const { return extents.at(rank); }

  const Tensor &tensor;
  const Condition *condition;
  const ConditionCount *counted;
  const std::map<std::string, int64_t> &extents;
};

/// The value as sum of multiples of ranks, and a number.
struct Affine {
  std::map<std::string, mpz_class> slopes;
  mpz_class constant;
};

} // namespace

static std::optional<Affine>
asAffine(const Expression &e, const std::map<std::string, int64_t> &extents) {
  using Kind = Expression::Kind;
  Affine result;
  switch (e.kind()) {
  case Kind::Number:
    result.constant = e.value();
    return result;
  case Kind::Extent:
    result.constant = toInteger(extents.at(e.name()));
    return result;
  case Kind::Coordinate:
    result.slopes[e.name()] = 1;
    return result;
  case Kind::Add:
  case Kind::Subtract:
    for (size_t i = 0; i < e.operands().size(); ++i) {
      std::optional<Affine> term = asAffine(e.operands()[i], extents);
      if (!term)
        return std::nullopt;
      int sign = i && e.kind() == Kind::Subtract ? -1 : 1;
      result.constant += sign * term->constant;
      for (const auto &[rank, slope] : term->slopes)
        result.slopes[rank] += sign * slope;
    }
    return result;
  case Kind::Multiply:
    result.constant = 1;
    for (const Expression &operand : e.operands()) {
      std::optional<Affine> factor = asAffine(operand, extents);
      if (!factor || (!factor->slopes.empty() && !result.slopes.empty()))
        return std::nullopt;
      Affine &number = factor->slopes.empty() ? *factor : result;
      Affine product = factor->slopes.empty() ? result : *factor;
      mpz_class by = number.constant;
      product.constant *= by;
      for (auto &[rank, slope] : product.slopes)
        slope *= by;
      result = product;
    }
    return result;
  default:
    return std::nullopt;
  }
}

std::vector<Component> ElementCounter::components() const {
  std::vector<Component> result;
  for (size_t d = 0; d < tensor.index.size(); ++d) {
    if (!tensor.index[d])
      continue;
    Component component;
    component.dimensions = {d};
    for (const std::string &rank : tensor.index[d]->freeNames()) {
      component.ranks.insert(rank);
      component.conditioned |= isConditioned(rank);
    }
    // Join those before it that share a rank.
    for (size_t i = result.size(); i-- > 0;) {
      Component &other = result[i];
      bool joined = other.conditioned && component.conditioned;
      for (const std::string &rank : component.ranks)
        joined |= other.ranks.count(rank) > 0;
      if (!joined)
        continue;
      component.dimensions.insert(component.dimensions.end(),
                                  other.dimensions.begin(),
                                  other.dimensions.end());
      component.ranks.insert(other.ranks.begin(), other.ranks.end());
      component.conditioned |= other.conditioned;
      result.erase(result.begin() + i);
    }
    result.push_back(std::move(component));
  }
  return result;
}

std::optional<mpz_class>
ElementCounter::countPlain(const Component &component) {
  if (component.ranks.size() != component.dimensions.size())
    return std::nullopt; // a rank twice, or a constant
  mpz_class free = 1;
  std::vector<std::string> conditioned;
  for (size_t d : component.dimensions) {
    const Expression &index = *tensor.index[d];
    if (index.kind() != Expression::Kind::Coordinate ||
        tensor.dimensions[d] < extent(index.name()))
      return std::nullopt;
    if (isConditioned(index.name()))
      conditioned.push_back(index.name());
    else
      free *= toInteger(extent(index.name()));
  }
  if (conditioned.empty())
    return free;
  if (conditioned.size() == 1)
    return free * counted->distinct(conditioned[0]);
  if (conditioned.size() == condition->ranks.size())
    return free * counted->count;
  return std::nullopt;
}

std::optional<mpz_class>
ElementCounter::countAffine(const Component &component) {
  if (component.dimensions.size() != 1 || component.conditioned)
    return std::nullopt;
  size_t d = component.dimensions[0];
  std::optional<Affine> index = asAffine(*tensor.index[d], extents);
  if (!index)
    return std::nullopt;
  std::vector<std::pair<mpz_class, mpz_class>> steps; // |slope|, extent - 1
  mpz_class lo = index->constant, hi = lo;
  for (const auto &[rank, slope] : index->slopes) {
    mpz_class last = toInteger(extent(rank)) - 1;
    if (last < 0)
      return mpz_class(0);
    if (slope == 0 || last == 0)
      continue;
    (slope < 0 ? lo : hi) += slope * last;
    steps.emplace_back(abs(slope), last);
  }
  std::sort(steps.begin(), steps.end());
  mpz_class reach = 0;
  for (const auto &[slope, last] : steps) {
    if (slope > reach + 1)
      return std::nullopt;
    reach += slope * last;
  }
  lo = std::max<mpz_class>(lo, 0);
  hi = std::min<mpz_class>(hi, toInteger(tensor.dimensions[d]) - 1);
  return hi < lo ? mpz_class(0) : mpz_class(hi - lo + 1);
}

Result<mpz_class> ElementCounter::enumerate(const Component &component) {
  std::vector<std::string> ranks(component.ranks.begin(),
                                 component.ranks.end());
  // One rank of the condition is there or not; of several, tuples are.
  unsigned numConditioned =
      std::count_if(ranks.begin(), ranks.end(), [&](const std::string &rank) {
        return isConditioned(rank);
      });
  if (numConditioned > 1)
    for (const std::string &rank : condition->ranks)
      if (!component.ranks.count(rank))
        ranks.push_back(rank);
  Failure tooLarge{"too large to count: the elements of '" + tensor.name +
                   "' that are needed"};
  int64_t tuples = 1, elements = 1;
  for (const std::string &rank : ranks) {
    if (extent(rank) == 0)
      return mpz_class(0);
    if (extent(rank) > maxTuples / tuples)
      return tooLarge;
    tuples *= extent(rank);
  }
  std::vector<RankProgram> programs;
  for (size_t d : component.dimensions) {
    if (tensor.dimensions[d] == 0)
      return mpz_class(0);
    if (tensor.dimensions[d] > maxElements / elements)
      return tooLarge;
    elements *= tensor.dimensions[d];
    Result<RankProgram> program =
        RankProgram::compile(*tensor.index[d], ranks, extents);
    if (!program)
      return program.failure();
    programs.push_back(*program);
  }
  std::optional<RankProgram> test;
  if (numConditioned > 1) {
    Result<RankProgram> program =
        RankProgram::compile(condition->condition, ranks, extents);
    if (!program)
      return program.failure();
    test = *program;
  }

  std::vector<bool> present(elements, false);
  std::vector<int64_t> at(ranks.size(), 0);
  using Outcome = RankProgram::Outcome;
  while (true) {
    bool needed = true;
    if (numConditioned == 1)
      for (size_t i = 0; i < ranks.size(); ++i)
        if (isConditioned(ranks[i]))
          needed = counted->present.at(ranks[i])[at[i]];
    if (test) {
      test->coordinates = at;
      const RankProgram::Interval *intervals;
      size_t count;
      if (test->evaluateCondition(intervals, count) != Outcome::Done)
        return tooLarge;
      needed = count > 0;
    }
    int64_t element = 0;
    for (size_t i = 0; needed && i < programs.size(); ++i) {
      int64_t value, length = tensor.dimensions[component.dimensions[i]];
      programs[i].coordinates = at;
      if (programs[i].evaluateNumber(value) != Outcome::Done)
        return Failure{"an index of '" + tensor.name +
                       "' divides by what is not positive, or is too large"};
      needed = value >= 0 && value < length;
      if (needed)
        element = element * length + value;
    }
    if (needed)
      present[element] = true;
    size_t i = ranks.size();
    while (i > 0 && ++at[i - 1] == extent(ranks[i - 1]))
      at[--i] = 0;
    if (i == 0)
      break;
  }
  return toInteger(
      static_cast<uint64_t>(std::count(present.begin(), present.end(), true)));
}

Result<mpz_class> ElementCounter::countComponent(const Component &component) {
  if (std::optional<mpz_class> count = countPlain(component))
    return *count;
  if (std::optional<mpz_class> count = countAffine(component))
    return *count;
  return enumerate(component);
}

Result<mpz_class> ElementCounter::count() {
  for (const std::optional<Expression> &index : tensor.index) {
    if (!index)
      continue;
    for (const auto &names : {index->freeNames(), index->extentNames()})
      for (const std::string &rank : names)
        if (!extents.count(rank))
          return Failure{"rank '" + rank + "' has no extent"};
  }
  if (condition && counted->count == 0)
    return mpz_class(0);
  mpz_class total = 1;
  for (const Component &component : components()) {
    Result<mpz_class> count = countComponent(component);
    if (!count)
      return count;
    total *= *count;
  }
  return total;
}

Result<mpz_class> countElements(const Tensor &tensor,
                                const Condition *condition,
                                const ConditionCount *counted,
                                const std::map<std::string, int64_t> &extents) {
  return ElementCounter(tensor, condition, counted, extents).count();
}

} // namespace einfall::certificate
