//===- Summation.h - Sums in closed form ------------------------*- C++ -*-===//
//
// A body of quotients, minima and comparisons is a polynomial of the variable
// on each residue class and each interval between roots. This finds the
// classes and intervals that the body needs, on demand: evaluating the body as
// a polynomial of k, where i = lo + r + p k and begin <= k < end, either
// succeeds, or says where the interval must be split, or by what p must be
// multiplied so that a quotient comes out even.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_SUMMATION_H
#define EINFALL_PASSES_CERTIFICATE_SUMMATION_H

#include "passes/Certificate/Expression.h"

#include <functional>
#include <optional>

namespace einfall::certificate {

/// What other names and extents are while a sum is evaluated; nullptr if
/// unknown.
struct Surroundings {
  std::function<std::optional<mpz_class>(const std::string &)> coordinate;
  std::function<std::optional<mpz_class>(const std::string &)> extent;
};

/// The sum of `body` over lo <= variable < hi, or nothing where it has no such
/// form, where finding it would take more than about `steps` steps (those taken
/// are subtracted), or where evaluating it might fail.
std::optional<mpz_class>
sumInClosedForm(const Expression &body, const std::string &variable,
                const mpz_class &lo, const mpz_class &hi,
                const Surroundings &surroundings, uint64_t &steps);

/// How many sectors of 32 bytes the byte ranges [first, last] touch.
uint64_t countSectors(std::vector<std::pair<mpz_class, mpz_class>> &ranges);
inline constexpr int64_t sectorBytes = 32;

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_SUMMATION_H
