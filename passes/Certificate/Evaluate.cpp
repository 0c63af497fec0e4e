//===- Evaluate.cpp - The value of an expression --------------------------===//
//
// In 64 bits as long as nothing overflows, which is nearly always, and without
// bound otherwise.
//
//===----------------------------------------------------------------------===//

#include "passes/Certificate/Expression.h"
#include "passes/Certificate/Integer.h"
#include "passes/Certificate/Summation.h"

#include <algorithm>
#include <optional>

namespace einfall::certificate {

using Kind = Expression::Kind;

namespace {

/// 64-bit arithmetic; each operation says whether it is exact.
struct Machine {
  using Number = int64_t;
  static bool from(const mpz_class &a, int64_t &out) {
    if (!a.fits_slong_p())
      return false;
    out = a.get_si();
    return true;
  }
  static mpz_class toExact(int64_t a) { return toInteger(a); }
  static bool add(int64_t a, int64_t b, int64_t &out) {
    return !__builtin_add_overflow(a, b, &out);
  }
  static bool subtract(int64_t a, int64_t b, int64_t &out) {
    return !__builtin_sub_overflow(a, b, &out);
  }
  static bool multiply(int64_t a, int64_t b, int64_t &out) {
    return !__builtin_mul_overflow(a, b, &out);
  }
  static int64_t floorQuotient(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
  }
  static int64_t ceilQuotient(int64_t a, int64_t b) {
    return a / b + (a % b > 0);
  }
};

/// Arithmetic without bound.
struct Unbounded {
  using Number = mpz_class;
  static bool from(const mpz_class &a, mpz_class &out) {
    out = a;
    return true;
  }
  static mpz_class toExact(const mpz_class &a) { return a; }
  static bool add(const mpz_class &a, const mpz_class &b, mpz_class &out) {
    out = a + b;
    return true;
  }
  static bool subtract(const mpz_class &a, const mpz_class &b, mpz_class &out) {
    out = a - b;
    return true;
  }
  static bool multiply(const mpz_class &a, const mpz_class &b, mpz_class &out) {
    out = a * b;
    return true;
  }
  static mpz_class floorQuotient(const mpz_class &a, const mpz_class &b) {
    return certificate::floorQuotient(a, b);
  }
  static mpz_class ceilQuotient(const mpz_class &a, const mpz_class &b) {
    return certificate::ceilQuotient(a, b);
  }
};

template <typename Arithmetic> class Evaluator {
public:
  using Number = typename Arithmetic::Number;

  Evaluator(const Environment &environment, uint64_t steps)
      : environment(environment), steps(steps) {}

  bool evaluate(const Expression &e, Number &out);

  bool overflowed = false;
  std::string error; ///< if it failed otherwise
  uint64_t stepsLeft() const { return steps; }

private:
  bool exact(bool isExact) {
    overflowed |= !isExact;
    return isExact;
  }
  bool fail(std::string message) {
    error = std::move(message);
    return false;
  }
  bool lookUp(const Expression &e, Number &out);
  bool evaluateQuotient(const Expression &e, Number &out);
  bool evaluateSum(const Expression &e, Number &out);
  bool evaluateSectors(const Expression &e, Number &out);
  std::optional<mpz_class> sumClosed(const Expression &e, const Number &lo,
                                     const Number &hi);

  const Environment &environment;
  uint64_t steps;
  std::vector<std::pair<std::string_view, Number>> scope;
};

} // namespace

template <typename A>
bool Evaluator<A>::lookUp(const Expression &e, Number &out) {
  for (auto entry = scope.rbegin(); entry != scope.rend(); ++entry)
    if (e.kind() == Kind::Coordinate && entry->first == e.name()) {
      out = entry->second;
      return true;
    }
  const auto &names =
      e.kind() == Kind::Extent ? environment.extents : environment.coordinates;
  auto found = names.find(e.name());
  if (found == names.end())
    return fail(e.kind() == Kind::Extent
                    ? "rank '" + e.name() + "' has no extent"
                    : "unknown name '" + e.name() + "'");
  return exact(A::from(found->second, out));
}

template <typename A>
bool Evaluator<A>::evaluateQuotient(const Expression &e, Number &out) {
  Number a, b;
  if (!evaluate(e.operands()[0], a) || !evaluate(e.operands()[1], b))
    return false;
  if (b <= 0)
    return fail("divisor " + A::toExact(b).get_str() + " is not positive");
  if (e.kind() == Kind::CeilDivide) {
    out = A::ceilQuotient(a, b);
    return true;
  }
  out = A::floorQuotient(a, b);
  if (e.kind() == Kind::Modulo)
    out = a - out * b;
  return true;
}

template <typename A>
std::optional<mpz_class> Evaluator<A>::sumClosed(const Expression &e,
                                                 const Number &lo,
                                                 const Number &hi) {
  Surroundings around;
  around.coordinate = [&](const std::string &name) -> std::optional<mpz_class> {
    for (auto entry = scope.rbegin(); entry != scope.rend(); ++entry)
      if (entry->first == name)
        return A::toExact(entry->second);
    auto found = environment.coordinates.find(name);
    return found == environment.coordinates.end()
               ? std::nullopt
               : std::optional(found->second);
  };
  around.extent = [&](const std::string &name) -> std::optional<mpz_class> {
    auto found = environment.extents.find(name);
    return found == environment.extents.end() ? std::nullopt
                                              : std::optional(found->second);
  };
  return sumInClosedForm(e.operands()[2], e.name(), A::toExact(lo),
                         A::toExact(hi), around, steps);
}

template <typename A>
bool Evaluator<A>::evaluateSum(const Expression &e, Number &out) {
  Number lo, hi, term;
  if (!evaluate(e.operands()[0], lo) || !evaluate(e.operands()[1], hi))
    return false;
  out = 0;
  if (hi <= lo)
    return true;
  // Few terms are added sooner than understood.
  Number few;
  if (!exact(A::add(lo, Number(8), few)))
    return false;
  if (hi > few)
    if (std::optional<mpz_class> closed = sumClosed(e, lo, hi))
      return exact(A::from(*closed, out));
  scope.emplace_back(e.name(), lo);
  bool done = true;
  for (Number i = lo; i < hi && done; ++i) {
    scope.back().second = i;
    done = evaluate(e.operands()[2], term) && exact(A::add(out, term, out));
  }
  scope.pop_back();
  return done;
}

template <typename A>
bool Evaluator<A>::evaluateSectors(const Expression &e, Number &out) {
  Number lanes, active, address, bytes;
  if (!evaluate(e.operands()[0], lanes))
    return false;
  constexpr int maxLanes = 65536;
  if (lanes > maxLanes)
    return fail("more than " + std::to_string(maxLanes) + " lanes");
  std::vector<std::pair<mpz_class, mpz_class>> ranges;
  bool done = true;
  scope.emplace_back(e.name(), Number(0));
  for (Number lane = 0; lane < lanes && done; ++lane) {
    scope.back().second = lane;
    done = evaluate(e.operands()[1], active);
    if (!done || active == 0)
      continue;
    done =
        evaluate(e.operands()[2], address) && evaluate(e.operands()[3], bytes);
    if (done && bytes > 0) {
      mpz_class first = A::toExact(address);
      ranges.emplace_back(first, first + A::toExact(bytes) - 1);
    }
  }
  scope.pop_back();
  return done && exact(A::from(toInteger(countSectors(ranges)), out));
}

template <typename A>
bool Evaluator<A>::evaluate(const Expression &e, Number &out) {
  if (steps == 0)
    return fail("too much work");
  --steps;
  const std::vector<Expression> &of = e.operands();
  Number next;
  switch (e.kind()) {
  case Kind::Number:
    return exact(A::from(e.value(), out));
  case Kind::Coordinate:
  case Kind::Extent:
    return lookUp(e, out);
  case Kind::FloorDivide:
  case Kind::Modulo:
  case Kind::CeilDivide:
    return evaluateQuotient(e, out);
  case Kind::Add:
  case Kind::Multiply:
  case Kind::Minimum:
  case Kind::Maximum: {
    Number result;
    if (!evaluate(of[0], result))
      return false;
    for (size_t i = 1; i < of.size(); ++i) {
      if (!evaluate(of[i], next))
        return false;
      if (e.kind() == Kind::Add ? !exact(A::add(result, next, result))
          : e.kind() == Kind::Multiply
              ? !exact(A::multiply(result, next, result))
              : false)
        return false;
      if ((e.kind() == Kind::Minimum && next < result) ||
          (e.kind() == Kind::Maximum && next > result))
        result = next;
    }
    out = result;
    return true;
  }
  case Kind::Subtract:
  case Kind::Less:
  case Kind::LessEqual:
  case Kind::Equal:
  case Kind::NotEqual: {
    Number a;
    if (!evaluate(of[0], a) || !evaluate(of[1], next))
      return false;
    if (e.kind() == Kind::Subtract)
      return exact(A::subtract(a, next, out));
    out = e.kind() == Kind::Less        ? a < next
          : e.kind() == Kind::LessEqual ? a <= next
          : e.kind() == Kind::Equal     ? a == next
                                        : a != next;
    return true;
  }
  case Kind::And:
  case Kind::Or: {
    bool decisive = e.kind() == Kind::Or;
    out = !decisive;
    for (const Expression &operand : of) {
      if (!evaluate(operand, next))
        return false;
      if ((next != 0) == decisive) {
        out = decisive;
        break;
      }
    }
    return true;
  }
  case Kind::Not:
    if (!evaluate(of[0], next))
      return false;
    out = next == 0;
    return true;
  case Kind::If:
    return evaluate(of[0], next) && evaluate(of[next != 0 ? 1 : 2], out);
  case Kind::Sum:
    return evaluateSum(e, out);
  case Kind::Sectors:
    return evaluateSectors(e, out);
  }
  return fail("unknown operator");
}

Result<mpz_class> Expression::evaluate(const Environment &environment,
                                       uint64_t steps) const {
  auto failure = [&](const std::string &error) {
    return Failure{error == "too much work"
                       ? "too much work: more than " + std::to_string(steps) +
                             " steps"
                       : error};
  };
  Evaluator<Machine> machine(environment, steps);
  int64_t small;
  if (machine.evaluate(*this, small))
    return toInteger(small);
  if (!machine.overflowed)
    return failure(machine.error);
  Evaluator<Unbounded> unbounded(environment, steps);
  mpz_class value;
  if (unbounded.evaluate(*this, value))
    return value;
  return failure(unbounded.error);
}

} // namespace einfall::certificate
