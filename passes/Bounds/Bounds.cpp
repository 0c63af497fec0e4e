//===- Bounds.cpp - What any schedule of a kernel must move ---------------===//

#include "passes/Bounds/Bounds.h"
#include "dialect/Cascade/KernelInterface.h"
#include "passes/Bounds/Needs.h"
#include "passes/Bounds/Numbers.h"
#include "passes/Bounds/Statements.h"
#include "passes/Certificate/Counting.h"
#include "passes/Derive/PassAnalysis.h"

#include <cmath>
#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::bounds;
using namespace einfall::cascade;
namespace cert = einfall::certificate;

namespace {
class BoundFinder {
public:
  BoundFinder(KernelOp kernel, const PassReport &derived,
              const Machine &machine, const BoundsOptions &options)
      : kernel(kernel), derived(derived), machine(machine), options(options),
        expressions(options.parameters, extents) {}

  llvm::Expected<BoundsResult> run();

private:
  void addInputs();
  void addInput(InputOp input, ArrayRef<Need> needs);
  void addOutput(OutputOp output);
  std::optional<std::string> conditionNamed(const Expression &condition);
  /// Nothing also where it is about other ranks than these.
  std::optional<std::string> conditionNamed(const Expression &condition,
                                            ArrayRef<std::string> ranks);
  bool isKnown(const Expression &expression) const;
  const cert::Tensor *tensorOf(const Words &words) const;
  const cert::Tensor *tensorNamed(StringRef name) const;
  void addStatements();
  void addContraction(const ProductSum &sum);
  void addAttention(const Attention &attention);
  void addBackward(const Backward &backward);
  void addPasses();
  llvm::Error count();
  mpz_class tuples(const std::vector<std::string> &ranks,
                   const std::string &name) const;
  bool choose(cert::ContractionBound &bound, double capacity,
              double units) const;
  bool choose(cert::AttentionBound &bound, double capacity) const;
  bool chooseMixedWords(cert::AttentionBound &bound, double capacity) const;
  void add(cert::Boundary &boundary, cert::Bound bound);
  void addBoundary(const Boundary &described);

  KernelOp kernel;
  const PassReport &derived;
  const Machine &machine;
  const BoundsOptions &options;
  IndexExpressions::Extents extents;
  IndexExpressions expressions;
  Statements statements;
  BoundsResult result;
  /// What is claimed, as far as it is the same at every boundary.
  std::vector<cert::PassesBound> passes;
  std::vector<cert::ContractionBound> contractions;
  std::vector<cert::AttentionBound> attentions;
  std::vector<cert::BackwardBound> backwards;
};
} // namespace

//===----------------------------------------------------------------------===//
// Extents and conditions
//===----------------------------------------------------------------------===//

llvm::Expected<std::map<std::string, int64_t>>
bounds::extentsOf(KernelOp kernel, const BoundsOptions &options) {
  IndexExpressions::Extents extents;
  for (const auto &[rank, extent] : options.extents)
    extents[rank.str()] = static_cast<long>(extent);
  IndexExpressions expressions(options.parameters, extents);
  for (auto rank : kernel.getBody().getOps<RankOp>()) {
    if (!rank.getExtent() || extents.count(rank.getName().str()))
      continue;
    if (std::optional<Expression> extent = expressions.of(rank.getExtent(), {}))
      if (auto value = extent->evaluate({extents, {}}))
        extents[rank.getName().str()] = *value;
  }
  KernelInterface interface = KernelInterface::of(kernel);
  for (const auto *tensors : {&interface.inputs, &interface.outputs})
    for (const KernelInterface::Tensor &tensor : *tensors)
      for (const std::string &rank : tensor.dims)
        if (!extents.count(rank))
          return llvm::createStringError("the extent of rank " + rank +
                                         " is not known: bind it with -D " +
                                         rank + "=N");
  kernel.walk([&](RecurrenceOp recurrence) {
    auto steps = extents.find(recurrence.getRank().str());
    if (steps != extents.end())
      extents[recurrence.getStates().str()] = steps->second + 1;
  });
  std::map<std::string, int64_t> result;
  for (const auto &[rank, extent] : extents)
    result[rank] = extent.get_si();
  return result;
}

bool BoundFinder::isKnown(const Expression &expression) const {
  auto known = [&](const std::string &rank) { return extents.count(rank) > 0; };
  return llvm::all_of(expression.freeNames(), known) &&
         llvm::all_of(expression.extentNames(), known);
}

std::optional<std::string>
BoundFinder::conditionNamed(const Expression &condition,
                            ArrayRef<std::string> ranks) {
  for (const std::string &rank : condition.freeNames())
    if (!llvm::is_contained(ranks, rank))
      return std::nullopt;
  return conditionNamed(condition);
}

/// The certificate's name of `condition`, empty where it always holds; nothing
/// where it never does or is not known.
std::optional<std::string>
BoundFinder::conditionNamed(const Expression &condition) {
  if (condition.isNumber(1))
    return "";
  if (condition.isNumber(0) || !isKnown(condition))
    return std::nullopt;
  auto &conditions = result.certificate.conditions;
  for (const cert::Condition &known : conditions)
    if (known.condition == condition)
      return known.name;
  cert::Condition entry;
  entry.name = "mask" + std::to_string(conditions.size());
  entry.ranks = condition.freeNames();
  entry.condition = condition;
  conditions.push_back(std::move(entry));
  return conditions.back().name;
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static std::vector<int64_t>
dimensionsOf(ArrayAttr dims, const IndexExpressions::Extents &extents) {
  std::vector<int64_t> result;
  for (StringRef rank : names(dims))
    result.push_back(extents.find(rank.str())->second.get_si());
  return result;
}

/// As they are stored: a truth value takes a byte.
static unsigned bitsOf(Type element) {
  unsigned bits = element.getIntOrFloatBitWidth();
  return bits == 1 ? 8 : bits;
}

static bool sameIndex(ArrayRef<std::optional<Expression>> a,
                      ArrayRef<Expression> b) {
  return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
           auto &[x, y] = pair;
           return x && *x == y;
         });
}

/// Of all ways from `input` to an output one has to be chosen. Those that the
/// statements speak of come first, then those with most indices known and
/// fewest conditions.
void BoundFinder::addInput(InputOp input, ArrayRef<Need> needs) {
  auto isOfStatement = [&](const Need &need) {
    auto matches = [&](const Words &words) {
      return words.tensor == input.getName() &&
             sameIndex(need.index, words.index);
    };
    for (const Attention &attention : statements.attentions) {
      if (matches(attention.value))
        return 2;
      for (const ScoreSum &score : attention.scores)
        if (matches(score.query) || matches(score.key))
          return 2;
    }
    for (const ProductSum &sum : statements.sums)
      if (llvm::any_of(sum.arrays, matches))
        return 1;
    return 0;
  };
  const Need *best = nullptr;
  std::tuple<int, int, int64_t> greatest;
  for (const Need &need : needs) {
    const Expression &condition = need.conditions.surely;
    int known = 0;
    bool isUsable = isKnown(condition) && !condition.isNumber(0);
    for (const std::optional<Expression> &index : need.index) {
      known += bool(index);
      isUsable &= !index || isKnown(*index);
    }
    if (!isUsable)
      continue;
    std::tuple<int, int, int64_t> rank{isOfStatement(need), known,
                                       -int64_t(condition.size())};
    if (!best || rank > greatest)
      best = &need, greatest = rank;
  }
  if (!best) {
    result.notes.push_back("what is needed of " + input.getName().str() +
                           " depends on data: none of it is counted");
    return;
  }
  cert::Tensor tensor;
  tensor.name = input.getName().str();
  tensor.bits = bitsOf(input.getResult().getType().getElement());
  tensor.dimensions = dimensionsOf(input.getDims(), extents);
  tensor.index.assign(best->index.begin(), best->index.end());
  tensor.needs = *conditionNamed(best->conditions.surely);
  result.certificate.tensors.push_back(std::move(tensor));
}

void BoundFinder::addOutput(OutputOp output) {
  cert::Tensor tensor;
  tensor.name = output.getName().str();
  tensor.direction = cert::Tensor::Direction::Output;
  tensor.bits = bitsOf(output.getStorage());
  tensor.dimensions = dimensionsOf(output.getDims(), extents);
  // Without a filler, elements that no index names are not written.
  bool isWhole = output.getIndices().empty() || output.getFiller();
  for (StringRef rank : names(output.getDims()))
    tensor.index.push_back(
        isWhole ? std::optional(Expression::coordinate(rank.str()))
                : std::nullopt);
  result.certificate.tensors.push_back(std::move(tensor));
}

void BoundFinder::addInputs() {
  Needs needs = needsOf(kernel, expressions);
  for (auto input : kernel.getBody().getOps<InputOp>()) {
    SmallVector<Need> ways;
    for (const Need &need : needs.inputs)
      if (need.input == input)
        ways.push_back(need);
    if (!ways.empty())
      addInput(input, ways);
  }
}

const cert::Tensor *BoundFinder::tensorNamed(StringRef name) const {
  for (const cert::Tensor &tensor : result.certificate.tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

const cert::Tensor *BoundFinder::tensorOf(const Words &words) const {
  const cert::Tensor *tensor = tensorNamed(words.tensor);
  return tensor && sameIndex(tensor->index, words.index) ? tensor : nullptr;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

static std::vector<std::string> toVector(ArrayRef<std::string> names) {
  return {names.begin(), names.end()};
}

void BoundFinder::addContraction(const ProductSum &sum) {
  std::optional<std::string> condition = conditionNamed(sum.surely, sum.ranks);
  if (!condition)
    return;
  cert::ContractionBound bound;
  bound.ranks = toVector(sum.ranks);
  bound.condition = *condition;
  std::set<std::string> seen;
  for (const Words &words : sum.arrays)
    if (const cert::Tensor *tensor = tensorOf(words)) {
      // Words that serve twice are another matter.
      if (!seen.insert(tensor->name).second)
        return;
      bound.operands.push_back({tensor->name, tensor->bits, 0});
    }
  if (OutputOp output = sum.output)
    if (const cert::Tensor *tensor = tensorNamed(output.getName()))
      bound.operands.push_back({tensor->name, tensor->bits, 0});
  contractions.push_back(std::move(bound));
}

void BoundFinder::addAttention(const Attention &attention) {
  OutputOp output = attention.output;
  std::optional<std::string> condition =
      conditionNamed(attention.surely, attention.pairs);
  auto refuse = [&](const std::string &why) {
    result.notes.push_back(attention.name + ": no bound of attention: " + why);
  };
  if (!condition)
    return refuse("which pairs are left depends on data");
  if (!output)
    return refuse("its sums are not stored as they are");
  cert::AttentionBound bound;
  bound.pairRanks = toVector(attention.pairs);
  bound.condition = *condition;
  bound.keyWidth = 0;
  bound.words.query = bound.words.key = attention.value.bits;
  for (const ScoreSum &score : attention.scores) {
    if (!tensorOf(score.query) || !tensorOf(score.key))
      return refuse("its words are read in several ways");
    mpz_class width = 1;
    for (const std::string &rank : score.summed)
      width *= extents.find(rank)->second;
    bound.keyWidth += width;
    bound.scores.push_back(
        {score.query.tensor, score.key.tensor, toVector(score.summed)});
    bound.words.query = std::min(bound.words.query, score.query.bits);
    bound.words.key = std::min(bound.words.key, score.key.bits);
  }
  if (!tensorOf(attention.value) && !attention.isShared)
    return refuse("its values are read in several ways");
  bound.value = attention.value.tensor;
  bound.valueRanks = toVector(attention.features);
  bound.valueWidth = 1;
  for (const std::string &rank : attention.features)
    bound.valueWidth *= extents.find(rank)->second;
  bound.output = output.getName().str();
  bound.theorem = attention.isShared ? 5 : 1;
  attentions.push_back(std::move(bound));
}

void BoundFinder::addBackward(const Backward &backward) {
  auto refuse = [&](const std::string &why) {
    result.notes.push_back(backward.name +
                           ": no bound of a backward pass: " + why);
  };
  std::optional<std::string> condition =
      conditionNamed(backward.surely, backward.pairs);
  if (!condition)
    return refuse("which pairs are left depends on data");
  cert::BackwardBound bound;
  bound.pairRanks = toVector(backward.pairs);
  bound.condition = *condition;
  bound.bits = ~0u;
  for (auto [words, name] :
       {std::pair(&backward.query, &bound.query),
        std::pair(&backward.key, &bound.key),
        std::pair(&backward.value, &bound.value),
        std::pair(&backward.outputGradient, &bound.outputGradient)}) {
    if (!tensorOf(*words))
      return refuse("words of " + words->tensor + " are read in several ways");
    *name = words->tensor;
    bound.bits = std::min(bound.bits, words->bits);
  }
  for (auto [output, name] :
       {std::pair(backward.queryGradient, &bound.queryGradient),
        std::pair(backward.keyGradient, &bound.keyGradient),
        std::pair(backward.valueGradient, &bound.valueGradient)}) {
    *name = OutputOp(output).getName().str();
    bound.bits = std::min(bound.bits, tensorNamed(*name)->bits);
  }
  bound.keyRanks = toVector(backward.keyRanks);
  bound.valueRanks = toVector(backward.valueRanks);
  auto widthOf = [&](const std::vector<std::string> &ranks) {
    mpz_class width = 1;
    for (const std::string &rank : ranks)
      width *= extents.find(rank)->second;
    return width;
  };
  bound.width = widthOf(bound.keyRanks);
  if (bound.width != widthOf(bound.valueRanks))
    return refuse("values are not as wide as keys");
  backwards.push_back(std::move(bound));
}

void BoundFinder::addStatements() {
  for (const ProductSum &sum : statements.sums)
    addContraction(sum);
  for (const Attention &attention : statements.attentions)
    addAttention(attention);
  for (const Backward &backward : statements.backwards)
    addBackward(backward);
  for (const std::string &refusal : statements.refusals)
    result.notes.push_back(refusal);
}

void BoundFinder::addPasses() {
  for (const RankPasses &rank : derived.ranks) {
    if (rank.passes < 2 || !extents.count(rank.rank))
      continue;
    for (const PassReads &reads : rank.reads) {
      const cert::Tensor *tensor = tensorNamed(reads.tensor);
      if (!tensor || reads.levels.size() < 2 || !tensor->needs.empty())
        continue;
      cert::PassesBound bound;
      bound.tensor = tensor->name;
      bound.bits = std::min(tensor->bits, 16u);
      bool hasRank = false;
      for (const std::optional<Expression> &index : tensor->index)
        hasRank |= index && *index == Expression::coordinate(rank.rank);
      if (!hasRank)
        continue;
      bound.fibre = {rank.rank};
      // Each level but the last that reads it ends in a barrier.
      for (unsigned level : reads.levels)
        for (const PassLink &link : rank.chain)
          if (link.level == level && level != *reads.levels.rbegin())
            bound.barriers.push_back(link.name.empty() ? link.what : link.name);
      if (bound.barriers.size() + 1 == reads.levels.size())
        passes.push_back(std::move(bound));
    }
  }
}

//===----------------------------------------------------------------------===//
// Boundaries
//===----------------------------------------------------------------------===//

/// Completes what the certificate counts: elements, tuples.
llvm::Error BoundFinder::count() {
  cert::Certificate &c = result.certificate;
  std::map<std::string, cert::ConditionCount> counted;
  for (cert::Condition &condition : c.conditions) {
    auto count =
        cert::countCondition(condition.ranks, condition.condition, c.extents);
    if (!count)
      return llvm::createStringError(
          "the elements that a mask leaves cannot be "
          "counted: " +
          count.error());
    condition.count = count->count;
    for (const std::string &rank : condition.ranks)
      condition.distinct[rank] = count->distinct(rank);
    counted.emplace(condition.name, std::move(*count));
  }
  for (cert::Tensor &tensor : c.tensors) {
    const cert::Condition *condition = nullptr;
    for (const cert::Condition &one : c.conditions)
      if (one.name == tensor.needs)
        condition = &one;
    auto elements = cert::countElements(
        tensor, condition, condition ? &counted.at(tensor.needs) : nullptr,
        c.extents);
    if (!elements)
      return llvm::createStringError(
          "the elements of " + tensor.name +
          " that are needed cannot be counted: " + elements.error());
    tensor.elements = *elements;
    mpz_class whole = tensor.bits;
    for (int64_t dimension : tensor.dimensions)
      whole *= static_cast<long>(dimension);
    tensor.bytes = (whole + 7) / 8;
  }
  return llvm::Error::success();
}

/// Tuples of `ranks` under the condition of this name.
mpz_class BoundFinder::tuples(const std::vector<std::string> &ranks,
                              const std::string &name) const {
  std::set<std::string> free(ranks.begin(), ranks.end());
  mpz_class count = 1;
  for (const cert::Condition &condition : result.certificate.conditions)
    if (condition.name == name) {
      count = condition.count;
      for (const std::string &rank : condition.ranks)
        free.erase(rank);
    }
  for (const std::string &rank : free)
    count *= extents.find(rank)->second;
  return count;
}

/// The exponents, halves of integers, and the segment that give the greatest
/// bound where `capacity` bytes are inside; false: none says more than that
/// everything moves once.
bool BoundFinder::choose(cert::ContractionBound &bound, double capacity,
                         double units) const {
  size_t operands = bound.operands.size();
  if (operands == 0 || operands > 6)
    return false;
  std::vector<unsigned> halves(operands), best;
  double greatest = 0, segment = 0;
  auto covers = [&](const std::string &rank) {
    unsigned sum = 0;
    for (size_t j = 0; j < operands; ++j)
      for (const std::optional<Expression> &index :
           tensorNamed(bound.operands[j].tensor)->index)
        if (index && *index == Expression::coordinate(rank)) {
          sum += halves[j];
          break;
        }
    return sum >= 2;
  };
  double word = 0;
  for (const auto &operand : bound.operands)
    word = std::max(word, operand.bits / 8.0);
  while (true) {
    double sigma = 0;
    for (unsigned half : halves)
      sigma += half / 2.0;
    if (sigma > 1 && llvm::all_of(bound.ranks, covers)) {
      double x = std::max(capacity, capacity / (sigma - 1)), psi = 1;
      for (size_t j = 0; j < operands; ++j)
        if (halves[j])
          psi *= std::pow(halves[j] / 2.0 * (capacity + x) /
                              (sigma * bound.operands[j].bits / 8.0),
                          halves[j] / 2.0);
      double value =
          (x - word) * bound.products.get_d() / psi + units * (capacity - x);
      if (value > greatest)
        greatest = value, best = halves, segment = x;
    }
    size_t digit = 0;
    while (digit < operands && ++halves[digit] > 2)
      halves[digit++] = 0;
    if (digit == operands)
      break;
  }
  if (best.empty())
    return false;
  for (size_t j = 0; j < operands; ++j) {
    bound.operands[j].exponent = mpq_class(best[j], 2);
    bound.operands[j].exponent.canonicalize();
  }
  llvm::erase_if(bound.operands,
                 [](const auto &operand) { return operand.exponent == 0; });
  // A whole number of words of any size.
  bound.segment = mpz_class(std::ceil(segment / 8)) * 8;
  return true;
}

/// The regime of the theorem that says most; false where none applies.
bool BoundFinder::choose(cert::AttentionBound &bound, double capacity) const {
  double e = bound.keyWidth.get_d(), f = bound.valueWidth.get_d();
  unsigned bits = std::min({bound.words.query, bound.words.key});
  for (const std::string &name : {bound.value, bound.output})
    bits = std::min(bits, tensorNamed(name)->bits);
  bound.words = {bits, bits, bits, bits, bits};
  double m = std::floor(capacity * 8 / bits);
  double greatest = 0;
  auto attempt = [&](char regime, bool applies, double value) {
    if (applies && value > greatest)
      greatest = value, bound.regime = regime;
  };
  if (bound.theorem == 5) {
    attempt('a', f <= e && m >= 2 * e * (e + f), e * (e + f) / m);
    attempt('b', f <= e && m >= 32.0 / 27 * e * e, 2 * e * f / m);
    attempt('c', true,
            f * std::min(std::pow(1.5, 1.5) / std::sqrt(m), 2 * e / m));
    attempt('d', m <= 64.0 / 81 * e * e, 2 * f / std::sqrt(m));
  } else {
    attempt('a', f <= e && m >= 2 * e * (e + f), (e + f) * (e + f) / m);
    attempt('b', f >= e && m >= 128.0 / 27 * e * e, 4 * e * f / m);
    attempt('c', true,
            f * std::min(std::pow(1.5, 1.5) / std::sqrt(m), 4 * e / m));
    attempt('d', m <= 256.0 / 81 * e * e, 2 * f / std::sqrt(m));
  }
  return greatest > 0;
}

/// Whether theorem 4 has something to say, with words as the tensors have them
/// and partial outputs of 32 bits: Ein accumulates in f32 or better.
bool BoundFinder::chooseMixedWords(cert::AttentionBound &bound,
                                   double capacity) const {
  const unsigned accumulator = 32;
  unsigned output = tensorNamed(bound.output)->bits;
  unsigned query = bound.words.query, key = bound.words.key,
           value = tensorNamed(bound.value)->bits;
  unsigned score = std::min({query, key, value});
  if (bound.theorem != 1 || output > accumulator || score >= accumulator)
    return false;
  bound.theorem = 4;
  bound.words = {query, key, value, score, accumulator};
  double e = bound.keyWidth.get_d(), f = bound.valueWidth.get_d();
  double a0 = query * e, a1 = accumulator, b0 = key * e, b1 = value;
  double gamma = f * f * a1 * b1 <= a0 * b0
                     ? (a0 + a1 * f) * (b0 + b1 * f)
                     : f * std::pow(std::sqrt(a0 * b1) + std::sqrt(a1 * b0), 2);
  // At the very edge the checker, which is exact, might disagree.
  return capacity * 8 * score >= 2 * gamma * (1 + 1e-9);
}

/// Adds `bound` if it says something.
void BoundFinder::add(cert::Boundary &boundary, cert::Bound bound) {
  bound.bytes = bytesOf(result.certificate, boundary, bound);
  if (bound.bytes > 0)
    boundary.bounds.push_back(std::move(bound));
}

void BoundFinder::addBoundary(const Boundary &described) {
  cert::Boundary boundary;
  boundary.name = described.name;
  boundary.units = described.units;
  for (const Memory &memory : described.inside)
    boundary.inside.push_back({memory.name, memory.bytes});
  boundary.capacity = static_cast<long>(described.capacityBytes());
  double capacity = boundary.capacity.get_d(), units = double(boundary.units);
  mpz_class inputs = 0, outputs = 0; // bits
  for (const cert::Tensor &tensor : result.certificate.tensors)
    (tensor.direction == cert::Tensor::Direction::Input ? inputs : outputs) +=
        tensor.elements * tensor.bits;
  cert::CompulsoryBound compulsory{inputs / 8, outputs / 8};
  add(boundary, {compulsory, 0});
  for (const cert::PassesBound &bound : passes)
    add(boundary, {bound, 0});
  for (const cert::AttentionBound &attention : attentions) {
    cert::AttentionBound bound = attention;
    if (choose(bound, capacity))
      add(boundary, {std::move(bound), 0});
    bound = attention;
    if (chooseMixedWords(bound, capacity))
      add(boundary, {std::move(bound), 0});
  }
  for (const cert::BackwardBound &bound : backwards)
    if (boundary.capacity * 8 / bound.bits >= 24 * bound.width * bound.width)
      add(boundary, {bound, 0});
  for (cert::ContractionBound bound : contractions)
    if (choose(bound, capacity, units))
      add(boundary, {std::move(bound), 0});
  for (auto [i, bound] : llvm::enumerate(boundary.bounds))
    if (i == 0 || bound.bytes > boundary.lowerBytes) {
      boundary.lowerBound = i;
      boundary.lowerBytes = bound.bytes;
    }
  result.certificate.boundaries.push_back(std::move(boundary));
}

llvm::Expected<BoundsResult> BoundFinder::run() {
  auto known = extentsOf(kernel, options);
  if (!known)
    return known.takeError();
  cert::Certificate &c = result.certificate;
  c.extents = *known;
  for (const auto &[rank, extent] : *known)
    extents[rank] = static_cast<long>(extent);
  c.kernel = kernel.getSymName().str();
  c.source = options.source;
  c.target = options.target;
  c.machineName = machine.name;
  c.machineHash = machine.sha256;
  statements = statementsOf(kernel, expressions);
  addInputs();
  for (auto output : kernel.getBody().getOps<OutputOp>())
    addOutput(output);
  addStatements();
  addPasses();
  if (llvm::Error error = count())
    return error;
  for (cert::ContractionBound &bound : contractions)
    bound.products = tuples(bound.ranks, bound.condition);
  for (cert::AttentionBound &bound : attentions)
    bound.pairs = tuples(bound.pairRanks, bound.condition);
  for (cert::BackwardBound &bound : backwards)
    bound.pairs = tuples(bound.pairRanks, bound.condition);
  for (cert::PassesBound &bound : passes) {
    const cert::Tensor &tensor = *tensorNamed(bound.tensor);
    mpz_class span = 1;
    for (const std::string &rank : bound.fibre)
      span *= extents.find(rank)->second;
    bound.fibres = tensor.elements / span;
    bound.length = (span * bound.bits + 7) / 8;
  }
  for (const ProductSum &sum : statements.sums)
    if (std::optional<std::string> condition =
            conditionNamed(sum.surely, sum.ranks))
      result.flop += 2 * tuples(toVector(sum.ranks), *condition).get_d();
  for (const Boundary &boundary : boundariesOf(machine))
    addBoundary(boundary);
  return std::move(result);
}

llvm::Expected<BoundsResult> bounds::boundsOf(KernelOp kernel,
                                              const PassReport &derived,
                                              const Machine &machine,
                                              const BoundsOptions &options) {
  return BoundFinder(kernel, derived, machine, options).run();
}
