//===- CheckContraction.cpp - Products of words, summed -------------------===//
//
// In a segment in which at most B bytes of the operands' words are at hand, n_j
// of operand j, sum_j b_j n_j <= B, there are at most prod_j n_j^s_j products
// for any fractional edge cover s of their ranks, so at most
//
//   Psi(B) = prod_j (s_j B / (sigma b_j))^s_j,   sigma = sum_j s_j.
//
// Segments are cut where loads and fresh partial sums reach X bytes, which
// overshoots by less than the largest word; what is at hand is that and the M
// bytes inside. docs/bounds/attention.md has the argument.
//
// Operands that are the same tensor share their words: each has at most all of
// them, so their exponents add up.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Checker.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>
#include <numeric>

namespace einfall::certificate {

namespace {
/// The words of one tensor.
struct Words {
  unsigned bits;
  mpq_class exponent;
};
} // namespace

Checker::Bytes Checker::derive(Path path, ContractionBound &bound,
                               const Boundary &boundary) {
  if (bound.ranks.empty())
    problem(path + ".ranks", "is empty");
  if (bound.ranks.empty() || !checkRanks(path + ".ranks", bound.ranks))
    return std::nullopt;
  std::optional<mpz_class> products =
      countTuples(path + ".condition", bound.ranks, bound.condition);
  if (!products)
    return std::nullopt;
  expect(path + ".products", bound.products, *products);

  // Which ranks an operand's word tells, and how exponents cover them.
  std::map<std::string, mpq_class> cover;
  std::map<std::string, Words> groups;
  mpz_class correction = 0, degree = 1; // bits
  unsigned numOutputs = 0;
  for (size_t j = 0; j < bound.operands.size(); ++j) {
    const ContractionBound::Operand &operand = bound.operands[j];
    std::string at = path + ".operands[" + std::to_string(j) + "]";
    const Tensor *tensor = findTensor(at + ".tensor", operand.tensor);
    if (!tensor)
      return std::nullopt;
    if (operand.exponent <= 0 || operand.exponent > 1) {
      problem(at + ".exponent", "is not within 0 .. 1, or is 0");
      return std::nullopt;
    }
    if (tensor->direction == Tensor::Direction::Output) {
      if (++numOutputs > 1) {
        problem(at + ".tensor", "is a second output");
        return std::nullopt;
      }
      if (operand.bits < tensor->bits) {
        problem(at + ".bits", "partial sums are smaller than sums");
        return std::nullopt;
      }
      // The last store of a sum may be that much smaller.
      correction = tensor->elements * (operand.bits - tensor->bits);
    } else if (operand.bits > tensor->bits) {
      problem(at + ".bits", "claimed " + text(operand.bits) + ", '" +
                                operand.tensor + "' has " + text(tensor->bits));
      return std::nullopt;
    }
    for (const std::string &rank : plainRanks(*tensor, certificate.extents))
      cover[rank] += operand.exponent;
    auto [group, isNew] =
        groups.emplace(operand.tensor, Words{operand.bits, operand.exponent});
    if (!isNew)
      group->second.exponent += operand.exponent;
    degree = leastMultiple(degree, operand.exponent.get_den());
  }
  constexpr unsigned maxDegree = 60;
  if (bound.operands.empty() || degree > maxDegree) {
    problem(path + ".operands", "there is none, or their exponents have no "
                                "common denominator up to 60");
    return std::nullopt;
  }
  for (const std::string &rank : bound.ranks)
    if (cover[rank] < 1) {
      problem(path + ".operands", "exponents do not cover rank '" + rank + "'");
      return std::nullopt;
    }

  mpz_class memory = boundary.capacity * 8, segment = bound.segment * 8;
  if (segment < memory) {
    problem(path + ".segment", "is less than the capacity of " +
                                   text(boundary.capacity) + " bytes");
    return std::nullopt;
  }
  // Counted in words, segments end where they should.
  unsigned largest = 0, least = ~0u;
  mpq_class sigma = 0;
  for (const auto &[name, words] : groups) {
    largest = std::max(largest, words.bits);
    least = std::min(least, words.bits);
    sigma += words.exponent;
  }
  bool exactSegments =
      largest == least && memory % largest == 0 && segment % largest == 0;
  mpz_class overshoot = exactSegments ? 0 : largest;

  if (segment <= overshoot) {
    problem(path + ".segment", "holds no word");
    return std::nullopt;
  }

  // Psi to the power of the degree is rational.
  mpq_class psi = 1;
  std::vector<unsigned> weights;
  for (const auto &[name, words] : groups) {
    mpq_class base = words.exponent * (memory + segment) / (sigma * words.bits);
    mpq_class weight = words.exponent * degree;
    weights.push_back(weight.get_num().get_ui());
    for (unsigned n = 0; n < weights.back(); ++n)
      psi *= base;
  }
  unsigned common = 0;
  for (unsigned weight : weights)
    common = std::gcd(common, weight);
  for (unsigned &weight : weights)
    weight /= common;
  std::sort(weights.begin(), weights.end());
  if (std::optional<Inequality> means = meansInequality(weights))
    inequalities[means->name] = *means;

  mpz_class counted = power((segment - overshoot) * *products, degree.get_ui());
  mpz_class bits = floorOfRoot(counted / psi, degree.get_ui()) +
                   toInteger(boundary.units) * (memory - segment) - correction;
  return floorQuotient(bits, 8);
}

} // namespace einfall::certificate
