//===- Expression.h - Exact integer expressions over extents ----*- C++ -*-===//
//
// The language in which certificates state counts: an immutable tree over the
// integers, without bound. Trees share their parts, so copies are cheap.
//
// In JSON an expression is an integer, a name (a coordinate, or the variable of
// a sum), or an array with the operator first:
//
//   ["extent", "p"]                    the extent |p| of a rank
//   ["+", a, ...]  ["*", a, ...]       sums and products of any length
//   ["-", a, b]                        a difference
//   ["/", a, b]  ["mod", a, b]         quotient rounded down, and what is left;
//   ["ceil", a, b]                     quotient rounded up; b must be positive
//   ["min", a, ...]  ["max", a, ...]
//   ["<", a, b]  "<="  "=="  "!="      1 or 0
//   ["and", a, ...]  ["or", a, ...]  ["not", a]
//   ["if", c, a, b]
//   ["sum", "i", lo, hi, body]         over lo <= i < hi
//   ["sectors", "lane", n, active, address, bytes]
//                                      how many sectors of 32 bytes lanes
//                                      0 <= lane < n touch at once, each that
//                                      is active at bytes address .. + bytes
//
// Integers beyond 64 bits are decimal strings.
//
// Evaluation is exact. Sums are evaluated in closed form where the body is a
// polynomial of the variable once it is split at the roots of what min, max and
// comparisons compare and into the residues of quotients; otherwise term by
// term. Work is limited, as expressions may come from files.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_CERTIFICATE_EXPRESSION_H
#define EINFALL_PASSES_CERTIFICATE_EXPRESSION_H

#include "passes/Certificate/Result.h"

#include <gmpxx.h>
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace einfall::certificate {

/// What names mean.
struct Environment {
  std::map<std::string, mpz_class, std::less<>> extents;
  std::map<std::string, mpz_class, std::less<>> coordinates;
};

class Expression {
public:
  enum class Kind {
    Number,
    Coordinate, ///< of a rank, or the variable of a sum
    Extent,
    Add,
    Subtract,
    Multiply,
    FloorDivide,
    Modulo,
    CeilDivide,
    Minimum,
    Maximum,
    Less,
    LessEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Not,
    If,
    Sum,    ///< lo, hi, body
    Sectors ///< n, active, address, bytes
  };

  Expression(int64_t number = 0);
  Expression(int number) : Expression(static_cast<int64_t>(number)) {}
  static Expression number(mpz_class value);
  static Expression coordinate(std::string name);
  static Expression extent(std::string rank);

  Kind kind() const;
  /// Of Number.
  const mpz_class &value() const;
  /// Of Coordinate, Extent, and the variable of Sum and Sectors.
  const std::string &name() const;
  const std::vector<Expression> &operands() const;
  /// Nodes, shared ones counted as often as they occur.
  uint64_t size() const;
  unsigned depth() const;
  bool isNumber(int64_t value) const;
  /// Whether the coordinate or variable `name` occurs free.
  bool dependsOn(std::string_view name) const;
  /// The names that occur free, and the ranks whose extents occur; sorted.
  const std::vector<std::string> &freeNames() const;
  const std::vector<std::string> &extentNames() const;

  /// As mathematics: "|b| |h| ceil(|p| / 128)", "sum_{i < n} (i + 1)".
  std::string str() const;
  nlohmann::ordered_json toJSON() const;

  /// Equal trees, not equal values.
  bool operator==(const Expression &other) const;

  struct Limits {
    unsigned depth = 64;
    uint64_t nodes = 8000;
    unsigned digits = 400; ///< of a number
  };
  static Result<Expression> fromJSON(const nlohmann::ordered_json &json,
                                     const Limits &limits);
  static Result<Expression> fromJSON(const nlohmann::ordered_json &json);

  /// The value. Fails on names that mean nothing, divisors that are not
  /// positive, and "too much work: more than N steps".
  Result<mpz_class> evaluate(const Environment &environment,
                             uint64_t steps = 20'000'000) const;

  struct Node;
  explicit Expression(std::shared_ptr<const Node> node);
  const Node *node() const { return tree.get(); }

private:
  std::shared_ptr<const Node> tree;
};

/// What operators build is folded lightly: numbers among themselves, neutral
/// and absorbing elements, sums of sums.
Expression operator+(const Expression &a, const Expression &b);
Expression operator-(const Expression &a, const Expression &b);
Expression operator*(const Expression &a, const Expression &b);
Expression floorDivide(const Expression &a, const Expression &b);
Expression modulo(const Expression &a, const Expression &b);
Expression ceilDivide(const Expression &a, const Expression &b);
Expression minimum(const Expression &a, const Expression &b);
Expression maximum(const Expression &a, const Expression &b);
Expression less(const Expression &a, const Expression &b);
Expression lessEqual(const Expression &a, const Expression &b);
Expression equal(const Expression &a, const Expression &b);
Expression notEqual(const Expression &a, const Expression &b);
Expression conjunction(const Expression &a, const Expression &b);
Expression disjunction(const Expression &a, const Expression &b);
Expression negation(const Expression &a);
Expression select(const Expression &condition, const Expression &a,
                  const Expression &b);
/// The sum of `body` over lo <= variable < hi.
Expression sum(std::string variable, const Expression &lo, const Expression &hi,
               const Expression &body);
Expression sectors(std::string lane, const Expression &lanes,
                   const Expression &active, const Expression &address,
                   const Expression &bytes);

/// The operator's name in JSON.
std::string_view operatorName(Expression::Kind kind);

} // namespace einfall::certificate

#endif // EINFALL_PASSES_CERTIFICATE_EXPRESSION_H
