//===- Separability.h - The rank test, numerically --------------*- C++ -*-===//
//
// Can a reduction over m run in the same pass as the reductions over m that its
// body stands on? Its body is a function g(rho, c) of what is complete (rho,
// the earlier results) and of the coordinate's own data (c). A sum needs one
// accumulator per term of a separation
//
//     g(rho, c) = sum_k a_k(rho) b_k(c),
//
// so one pass with finite state is possible exactly where that rank is finite.
// The test evaluates g at random rho_a and c_b and looks at the numeric rank of
// the matrix: small, or as large as the sample. A maximum or minimum needs rank
// 1 and a factor that does not change sign.
//
// The body is cut out of the IR and evaluated by the interpreter, so the test
// shares nothing with derivation. It is numeric evidence, no proof: ranks above
// `finiteRank` count as infinite.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_NUMERICS_SEPARABILITY_H
#define EINFALL_TEST_NUMERICS_SEPARABILITY_H

#include "dialect/Cascade/Cascade.h"

#include <vector>

namespace einfall::numerics {

constexpr unsigned finiteRank = 8;

/// The rank of a matrix (rows of equal length) by elimination with complete
/// pivoting, after rows and columns are scaled to a greatest entry of 1.
unsigned numericRank(std::vector<std::vector<double>> matrix,
                     double tolerance = 1e-9);

struct Separability {
  bool depends = false; ///< the body stands on an earlier reduction over m
  unsigned rank = 0;
  bool onePass = true;
  bool extremum = false; ///< a maximum or minimum
};

/// Tests one reduction over `rank`. Nothing where the body is not a composition
/// of maps and restrictions of such fields, or is not a number at the sample.
std::optional<Separability> separability(cascade::ReduceOp reduce,
                                         llvm::StringRef rank);

/// Whether all reductions of a kernel over `rank` fit in one pass; nothing
/// where one of them cannot be tested. With `sumsOnly`, factors are pulled out
/// of sums and never out of maxima and minima.
std::optional<bool> onePassReachable(cascade::KernelOp kernel,
                                     llvm::StringRef rank,
                                     bool sumsOnly = false);

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_SEPARABILITY_H
