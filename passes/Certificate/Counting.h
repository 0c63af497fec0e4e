//===- Counting.h - How much masks leave, and tensors give ------*- C++ -*-===//
//
// Exact counts of integer points, fast enough for masks of a million rows: for
// every tuple of the other ranks the coordinates of the last rank that satisfy
// a condition are a few intervals (RankProgram.h). Ranks that a condition does
// not mention are factors. What would take more than a few million tuples is
// refused: "too large to count".
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_COUNTING_H
#define EINFALL_PASSES_CERTIFICATE_COUNTING_H

#include "passes/Certificate/Certificate.h"

namespace einfall::certificate {

struct ConditionCount {
  mpz_class count;
  /// Of each rank, by coordinate, whether it occurs in any tuple.
  std::map<std::string, std::vector<bool>> present;

  mpz_class distinct(const std::string &rank) const;
};

/// The tuples of coordinates of `ranks` that satisfy the condition.
Result<ConditionCount>
countCondition(const std::vector<std::string> &ranks,
               const Expression &condition,
               const std::map<std::string, int64_t> &extents);

/// How many elements of a tensor are needed: the tuples of index values, within
/// its dimensions, over all coordinates of the ranks that occur which satisfy
/// `condition` (counted as `counted`), if that is not null.
Result<mpz_class> countElements(const Tensor &tensor,
                                const Condition *condition,
                                const ConditionCount *counted,
                                const std::map<std::string, int64_t> &extents);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_COUNTING_H
