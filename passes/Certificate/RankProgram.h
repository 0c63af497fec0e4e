//===- RankProgram.h - Conditions over ranks, made fast ---------*- C++ -*-===//
//
// An expression over the coordinates of a few ranks, compiled for evaluation at
// millions of tuples. One rank may be left open: x = residue + period k with k
// open. Then a number is a form
//
//   scale floor((slope k + offset) / divisor) + rest
//
// and a condition is the sorted list of intervals of k in which it holds.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_RANKPROGRAM_H
#define EINFALL_PASSES_CERTIFICATE_RANKPROGRAM_H

#include "passes/Certificate/Expression.h"

#include <utility>

namespace einfall::certificate {

class RankProgram {
public:
  struct Interval {
    int64_t begin, end; ///< begin <= k < end
  };
  enum class Outcome {
    Done,
    Period,  ///< multiply the period by `factor`
    None,    ///< not of this form in the open rank
    TooLarge ///< beyond 64 bits
  };

  /// The expression's names are those of `ranks`, at the same positions as in
  /// `coordinates`. Fails on unknown names, sums and numbers beyond 64 bits.
  static Result<RankProgram>
  compile(const Expression &expression, const std::vector<std::string> &ranks,
          const std::map<std::string, int64_t> &extents);

  // Where it is evaluated; `open` is a position or -1.
  std::vector<int64_t> coordinates;
  int open = -1;
  int64_t residue = 0, period = 1;
  int64_t end = 1; ///< 0 <= k < end

  /// The intervals where the value is not zero. They stay valid until the next
  /// call.
  Outcome evaluateCondition(const Interval *&first, size_t &count);
  /// The value; without open rank.
  Outcome evaluateNumber(int64_t &value);
  int64_t factor = 1; ///< after Period

private:
  struct Operation {
    Expression::Kind kind = Expression::Kind::Number;
    int64_t value = 0; ///< a number, or the position of a rank
    std::vector<unsigned> operands;
  };
  struct Form {
    int64_t scale, slope, offset, divisor, rest;
    bool isConstant() const { return scale == 0; }
  };

  bool add(const Expression &e, const std::vector<std::string> &ranks,
           const std::map<std::string, int64_t> &extents, std::string &error,
           unsigned &position);
  static Form constantForm(int64_t value) { return {0, 0, 0, 1, value}; }
  Outcome number(unsigned at, Form &out);
  Outcome combine(const Form &a, const Form &b, int64_t sign, Form &out);
  Outcome divide(Form a, int64_t divisor, bool up, Form &out);
  Outcome multiply(Form a, int64_t factor, Form &out);
  Outcome normalise(Form &a);
  /// Pushes intervals on the stack.
  Outcome condition(unsigned at);
  Outcome compare(Expression::Kind kind, const Form &difference);
  void pushAtMost(const Form &a, int64_t bound);
  void complement(size_t from);
  void intersect(size_t from, size_t middle);

  std::vector<Operation> operations;
  unsigned root = 0;
  std::vector<Interval> stack, scratch;
};

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_RANKPROGRAM_H
