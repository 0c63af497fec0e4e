//===- Numbers.cpp - What a bound comes to --------------------------------===//

#include "passes/Bounds/Numbers.h"
#include "passes/Certificate/Integer.h"

#include <algorithm>

using namespace einfall;
namespace cert = einfall::certificate;

/// Rounded down.
static mpz_class rootOf(const mpq_class &square) {
  return cert::floorRoot(cert::floorOf(square), 2);
}

/// Everything once.
static mpz_class compulsory(const cert::Certificate &certificate) {
  mpz_class bits = 0;
  for (const cert::Tensor &tensor : certificate.tensors)
    bits += tensor.elements * tensor.bits;
  return bits / 8;
}

static mpz_class bytesOf(const cert::Certificate &certificate,
                         const cert::Boundary &boundary,
                         const cert::CompulsoryBound &bound) {
  return compulsory(certificate);
}

static mpz_class bytesOf(const cert::Certificate &certificate,
                         const cert::Boundary &boundary,
                         const cert::PassesBound &bound) {
  mpz_class all = boundary.capacity * boundary.units;
  mpz_class again =
      bound.length > all ? mpz_class(bound.length - all) : mpz_class(0);
  return compulsory(certificate) +
         bound.fibres * again * static_cast<long>(bound.barriers.size());
}

/// (X - s) V / Psi(M + X) + units (M - X), where the exponents are halves.
static mpz_class bytesOf(const cert::Certificate &certificate,
                         const cert::Boundary &boundary,
                         const cert::ContractionBound &bound) {
  mpq_class sigma = 0;
  unsigned greatest = 0;
  bool isEven = true;
  for (const auto &operand : bound.operands) {
    sigma += operand.exponent;
    greatest = std::max(greatest, operand.bits);
    isEven &= operand.bits == bound.operands.front().bits &&
              bound.segment * 8 % operand.bits == 0 &&
              boundary.capacity * 8 % operand.bits == 0;
  }
  mpq_class word = isEven ? 0 : mpq_class(greatest, 8);
  word.canonicalize();
  mpq_class budget = boundary.capacity + bound.segment;
  // The square of Psi, which is rational.
  mpq_class psi = 1;
  for (const auto &operand : bound.operands) {
    mpq_class size(operand.bits, 8);
    size.canonicalize();
    mpq_class factor = operand.exponent * budget / (sigma * size);
    mpq_class twice = operand.exponent * 2;
    for (mpz_class i = 0; i < twice.get_num(); ++i)
      psi *= factor;
  }
  mpq_class work = (mpq_class(bound.segment) - word) * bound.products;
  return rootOf(work * work / psi) +
         boundary.units * (boundary.capacity - bound.segment);
}

/// (1 - s / M) Gamma P / M - (s_o - s_f) outputs, where s is the largest word.
static mpz_class bytesOfMixedWords(const cert::Certificate &certificate,
                                   const cert::Boundary &boundary,
                                   const cert::AttentionBound &bound) {
  const cert::AttentionBound::Words &words = bound.words;
  const mpz_class &e = bound.keyWidth, &f = bound.valueWidth;
  mpz_class m = boundary.capacity * 8;
  mpq_class share(m - std::max({words.query, words.key, words.value,
                                words.score, words.output}),
                  m);
  share *= mpq_class(bound.pairs, m);
  share.canonicalize();
  // Gamma is `whole` and `twice` the root of `square`.
  mpz_class whole, twice = 0;
  mpz_class square = e * e * words.query * words.key * words.value *
                     static_cast<unsigned long>(words.output);
  if (f * f * words.output * words.value <= e * e * words.query * words.key) {
    whole = (words.query * e + words.output * f) *
            (words.key * e + words.value * f);
  } else {
    whole = f * e * (words.query * words.value + words.output * words.key);
    twice = 2 * f;
  }
  mpz_class spared;
  for (const cert::Tensor &tensor : certificate.tensors)
    if (tensor.direction == cert::Tensor::Direction::Output &&
        tensor.name == bound.output)
      spared = tensor.elements * (words.output - tensor.bits);
  // Under one root, with the denominator outside, so that one rounding is all.
  mpz_class parts = share.get_den();
  mpz_class numerator = share.get_num();
  mpz_class bits =
      numerator * whole - spared * parts +
      cert::floorRoot(numerator * numerator * twice * twice * square, 2);
  return cert::floorQuotient(bits, 8 * parts);
}

static mpz_class bytesOf(const cert::Certificate &certificate,
                         const cert::Boundary &boundary,
                         const cert::AttentionBound &bound) {
  if (bound.theorem == 4)
    return bytesOfMixedWords(certificate, boundary, bound);
  // In bits, and words of them.
  const mpz_class word = bound.words.output;
  const mpz_class m = boundary.capacity * 8 / word;
  const mpz_class &e = bound.keyWidth, &f = bound.valueWidth, &p = bound.pairs;
  bool isShared = bound.theorem == 5;
  mpz_class products = word * p * f, side = (isShared ? 2 : 4) * e, bits;
  switch (bound.regime) {
  case 'a':
    bits = word * p * (isShared ? e : mpz_class(e + f)) * (e + f) / m;
    break;
  case 'b':
    bits = products * side / m;
    break;
  case 'c':
    bits =
        std::min(rootOf(mpq_class(27 * products * products) / mpq_class(8 * m)),
                 mpz_class(products * side / m));
    break;
  default:
    bits = rootOf(mpq_class(4 * products * products) / mpq_class(m)) -
           boundary.units * m * word;
  }
  return cert::floorQuotient(bits, 8);
}

/// 12 d^2 P / M, in words.
static mpz_class bytesOf(const cert::Certificate &certificate,
                         const cert::Boundary &boundary,
                         const cert::BackwardBound &bound) {
  mpz_class words = boundary.capacity * 8 / bound.bits;
  mpz_class side = bound.width * bound.bits;
  return cert::floorQuotient(12 * side * bound.width * bound.pairs, 8 * words);
}

mpz_class bounds::bytesOf(const cert::Certificate &certificate,
                          const cert::Boundary &boundary,
                          const cert::Bound &bound) {
  return std::visit(
      [&](const auto &claim) {
        return ::bytesOf(certificate, boundary, claim);
      },
      bound.claim);
}
