//===- RankProgram.cpp - Conditions over ranks, made fast -----------------===//

#include "passes/Certificate/RankProgram.h"

#include <algorithm>
#include <numeric>

namespace einfall::certificate {

using Kind = Expression::Kind;
using Outcome = RankProgram::Outcome;

// --- compilation ------------------------------------------------------------

bool RankProgram::add(const Expression &e,
                      const std::vector<std::string> &ranks,
                      const std::map<std::string, int64_t> &extents,
                      std::string &error, unsigned &position) {
  Operation operation;
  operation.kind = e.kind();
  for (const Expression &operand : e.operands()) {
    unsigned at;
    if (!add(operand, ranks, extents, error, at))
      return false;
    operation.operands.push_back(at);
  }
  if (e.kind() == Kind::Number) {
    if (!e.value().fits_slong_p()) {
      error = "number " + e.value().get_str() + " is beyond 64 bits";
      return false;
    }
    operation.value = e.value().get_si();
  } else if (e.kind() == Kind::Extent) {
    auto extent = extents.find(e.name());
    if (extent == extents.end()) {
      error = "rank '" + e.name() + "' has no extent";
      return false;
    }
    operation.kind = Kind::Number;
    operation.value = extent->second;
  } else if (e.kind() == Kind::Coordinate) {
    auto rank = std::find(ranks.begin(), ranks.end(), e.name());
    if (rank == ranks.end()) {
      error = "unknown name '" + e.name() + "'";
      return false;
    }
    operation.value = rank - ranks.begin();
  } else if (e.kind() == Kind::Sum || e.kind() == Kind::Sectors) {
    error = "'" + std::string(operatorName(e.kind())) +
            "' has no place in a condition or an index";
    return false;
  }
  position = operations.size();
  operations.push_back(std::move(operation));
  return true;
}

Result<RankProgram>
RankProgram::compile(const Expression &expression,
                     const std::vector<std::string> &ranks,
                     const std::map<std::string, int64_t> &extents) {
  RankProgram program;
  std::string error;
  if (!program.add(expression, ranks, extents, error, program.root))
    return Failure{error};
  program.coordinates.resize(ranks.size());
  return program;
}

// --- numbers ----------------------------------------------------------------

static int64_t floorQuotient(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

/// Of a quotient that comes out even: an affine form, whose scale is 1.
Outcome RankProgram::normalise(Form &a) {
  if (a.scale == 0 || a.slope == 0) {
    int64_t value;
    if (__builtin_mul_overflow(a.scale, floorQuotient(a.offset, a.divisor),
                               &value) ||
        __builtin_add_overflow(value, a.rest, &value))
      return Outcome::TooLarge;
    a = constantForm(value);
    return Outcome::Done;
  }
  if (a.slope % a.divisor)
    return Outcome::Done;
  Form even = {1, 0, 0, 1, 0};
  if (__builtin_mul_overflow(a.scale, a.slope / a.divisor, &even.slope) ||
      __builtin_mul_overflow(a.scale, floorQuotient(a.offset, a.divisor),
                             &even.offset) ||
      __builtin_add_overflow(even.offset, a.rest, &even.offset))
    return Outcome::TooLarge;
  a = even;
  return Outcome::Done;
}

Outcome RankProgram::multiply(Form a, int64_t by, Form &out) {
  if (by == 0) {
    out = constantForm(0);
    return Outcome::Done;
  }
  if (__builtin_mul_overflow(a.scale, by, &a.scale) ||
      __builtin_mul_overflow(a.rest, by, &a.rest))
    return Outcome::TooLarge;
  out = a;
  return normalise(out);
}

/// a + sign b, sign being 1 or -1.
Outcome RankProgram::combine(const Form &a, const Form &b, int64_t sign,
                             Form &out) {
  Form other = b;
  if (sign < 0)
    if (Outcome outcome = multiply(b, -1, other); outcome != Outcome::Done)
      return outcome;
  out = a;
  if (a.isConstant() || other.isConstant()) {
    out = a.isConstant() ? other : a;
    return __builtin_add_overflow(a.rest, other.rest, &out.rest)
               ? Outcome::TooLarge
               : normalise(out);
  }
  if (a.divisor == 1 && other.divisor == 1) { // both affine
    bool tooLarge = __builtin_add_overflow(a.slope, other.slope, &out.slope) ||
                    __builtin_add_overflow(a.offset, other.offset, &out.offset);
    return tooLarge ? Outcome::TooLarge : normalise(out);
  }
  if (a.divisor == other.divisor && a.slope == other.slope &&
      a.offset == other.offset) {
    bool tooLarge = __builtin_add_overflow(a.scale, other.scale, &out.scale) ||
                    __builtin_add_overflow(a.rest, other.rest, &out.rest);
    return tooLarge ? Outcome::TooLarge : normalise(out);
  }
  const Form &uneven = a.divisor == 1 ? other : a;
  factor = uneven.divisor / std::gcd(uneven.divisor, uneven.slope);
  return Outcome::Period;
}

Outcome RankProgram::divide(Form a, int64_t divisor, bool up, Form &out) {
  if (divisor <= 0)
    return Outcome::None;
  if (up) { // ceil(a / d) = floor((a + d - 1) / d)
    Form shifted;
    if (Outcome outcome = combine(a, constantForm(divisor - 1), 1, shifted);
        outcome != Outcome::Done)
      return outcome;
    a = shifted;
  }
  if (a.isConstant()) {
    out = constantForm(floorQuotient(a.rest, divisor));
    return Outcome::Done;
  }
  if (a.scale != 1) {
    factor = a.divisor / std::gcd(a.divisor, a.slope);
    return Outcome::Period;
  }
  // floor((floor(u / d) + t) / e) = floor((u + t d) / (d e))
  int64_t shift;
  out = a;
  if (__builtin_mul_overflow(a.rest, a.divisor, &shift) ||
      __builtin_add_overflow(a.offset, shift, &out.offset) ||
      __builtin_mul_overflow(a.divisor, divisor, &out.divisor))
    return Outcome::TooLarge;
  out.rest = 0;
  return normalise(out);
}

Outcome RankProgram::number(unsigned at, Form &out) {
  const Operation &operation = operations[at];
  Form a, b;
  switch (operation.kind) {
  case Kind::Number:
    out = constantForm(operation.value);
    return Outcome::Done;
  case Kind::Coordinate:
    out = operation.value == open ? Form{1, period, residue, 1, 0}
                                  : constantForm(coordinates[operation.value]);
    return Outcome::Done;
  case Kind::Add:
  case Kind::Subtract: {
    if (Outcome outcome = number(operation.operands[0], out);
        outcome != Outcome::Done)
      return outcome;
    int64_t sign = operation.kind == Kind::Add ? 1 : -1;
    for (size_t i = 1; i < operation.operands.size(); ++i) {
      if (Outcome outcome = number(operation.operands[i], b);
          outcome != Outcome::Done)
        return outcome;
      a = out;
      if (Outcome outcome = combine(a, b, sign, out); outcome != Outcome::Done)
        return outcome;
    }
    return Outcome::Done;
  }
  case Kind::Multiply:
    if (Outcome outcome = number(operation.operands[0], out);
        outcome != Outcome::Done)
      return outcome;
    for (size_t i = 1; i < operation.operands.size(); ++i) {
      if (Outcome outcome = number(operation.operands[i], b);
          outcome != Outcome::Done)
        return outcome;
      if (!out.isConstant() && !b.isConstant())
        return Outcome::None;
      bool first = out.isConstant();
      a = first ? b : out;
      int64_t by = first ? out.rest : b.rest;
      if (Outcome outcome = multiply(a, by, out); outcome != Outcome::Done)
        return outcome;
    }
    return Outcome::Done;
  case Kind::FloorDivide:
  case Kind::CeilDivide:
  case Kind::Modulo: {
    if (Outcome outcome = number(operation.operands[0], a);
        outcome != Outcome::Done)
      return outcome;
    if (Outcome outcome = number(operation.operands[1], b);
        outcome != Outcome::Done)
      return outcome;
    if (!b.isConstant())
      return Outcome::None;
    Form quotient, multiple;
    Outcome outcome =
        divide(a, b.rest, operation.kind == Kind::CeilDivide, quotient);
    if (operation.kind != Kind::Modulo || outcome != Outcome::Done) {
      out = quotient;
      return outcome;
    }
    outcome = multiply(quotient, b.rest, multiple);
    return outcome == Outcome::Done ? combine(a, multiple, -1, out) : outcome;
  }
  case Kind::Minimum:
  case Kind::Maximum:
    if (Outcome outcome = number(operation.operands[0], out);
        outcome != Outcome::Done)
      return outcome;
    for (size_t i = 1; i < operation.operands.size(); ++i) {
      if (Outcome outcome = number(operation.operands[i], b);
          outcome != Outcome::Done)
        return outcome;
      if (!out.isConstant() || !b.isConstant())
        return Outcome::None;
      out = constantForm(operation.kind == Kind::Minimum
                             ? std::min(out.rest, b.rest)
                             : std::max(out.rest, b.rest));
    }
    return Outcome::Done;
  default: {
    // A truth, or a choice: both only where they are the same for all k.
    unsigned decides = operation.kind == Kind::If ? operation.operands[0] : at;
    size_t from = stack.size();
    if (Outcome outcome = condition(decides); outcome != Outcome::Done)
      return outcome;
    bool none = stack.size() == from;
    bool all = !none && stack[from].begin == 0 && stack[from].end == end;
    stack.resize(from);
    if (!none && !all)
      return Outcome::None;
    if (operation.kind == Kind::If)
      return number(operation.operands[all ? 1 : 2], out);
    out = constantForm(all);
    return Outcome::Done;
  }
  }
}

// --- conditions -------------------------------------------------------------

/// Pushes where a(k) <= bound.
void RankProgram::pushAtMost(const Form &a, int64_t bound) {
  // In 128 bits, as bounds are multiplied once more.
  using Wide = __int128;
  auto floorWide = [](Wide x, Wide y) {
    return y == 1 ? x : x / y - (x % y < 0); // y > 0; mostly 1
  };
  Wide begin = 0, last = end - 1;
  Wide limit = Wide(bound) - a.rest; // scale q <= limit
  if (a.isConstant()) {
    if (limit < 0)
      return;
  } else {
    // q <= high or q >= low, and q = floor((slope k + offset) / divisor).
    bool atMost = a.scale > 0;
    Wide q = atMost ? floorWide(limit, a.scale) : -floorWide(limit, -a.scale);
    // slope k <= u, or slope k >= u
    Wide u = atMost ? q * a.divisor + a.divisor - 1 - a.offset
                    : q * a.divisor - a.offset;
    Wide slope = a.slope;
    if (slope < 0) {
      slope = -slope;
      u = -u;
      atMost = !atMost;
    }
    if (atMost)
      last = std::min(last, floorWide(u, slope));
    else
      begin = std::max(begin, -floorWide(-u, slope));
    if (begin > last)
      return;
  }
  if (begin <= last)
    stack.push_back(
        {static_cast<int64_t>(begin), static_cast<int64_t>(last) + 1});
}

/// Replaces the intervals from `from` on by what they leave.
void RankProgram::complement(size_t from) {
  scratch.assign(stack.begin() + from, stack.end());
  stack.resize(from);
  int64_t begin = 0;
  for (const Interval &interval : scratch) {
    if (begin < interval.begin)
      stack.push_back({begin, interval.begin});
    begin = interval.end;
  }
  if (begin < end)
    stack.push_back({begin, end});
}

/// Replaces two lists by what they share.
void RankProgram::intersect(size_t from, size_t middle) {
  scratch.clear();
  size_t i = from, j = middle;
  while (i < middle && j < stack.size()) {
    int64_t begin = std::max(stack[i].begin, stack[j].begin);
    int64_t limit = std::min(stack[i].end, stack[j].end);
    if (begin < limit)
      scratch.push_back({begin, limit});
    ++(stack[i].end < stack[j].end ? i : j);
  }
  stack.resize(from);
  stack.insert(stack.end(), scratch.begin(), scratch.end());
}

Outcome RankProgram::compare(Kind kind, const Form &difference) {
  size_t from = stack.size();
  switch (kind) {
  case Kind::Less:
    pushAtMost(difference, -1);
    return Outcome::Done;
  case Kind::LessEqual:
    pushAtMost(difference, 0);
    return Outcome::Done;
  default: { // at most 0, and not at most -1
    pushAtMost(difference, 0);
    size_t middle = stack.size();
    pushAtMost(difference, -1);
    complement(middle);
    intersect(from, middle);
    if (kind == Kind::NotEqual)
      complement(from);
    return Outcome::Done;
  }
  }
}

Outcome RankProgram::condition(unsigned at) {
  const Operation &operation = operations[at];
  size_t from = stack.size();
  switch (operation.kind) {
  case Kind::Less:
  case Kind::LessEqual:
  case Kind::Equal:
  case Kind::NotEqual: {
    Form a, b, difference;
    if (Outcome outcome = number(operation.operands[0], a);
        outcome != Outcome::Done)
      return outcome;
    if (Outcome outcome = number(operation.operands[1], b);
        outcome != Outcome::Done)
      return outcome;
    if (Outcome outcome = combine(a, b, -1, difference);
        outcome != Outcome::Done)
      return outcome;
    return compare(operation.kind, difference);
  }
  case Kind::And:
  case Kind::Or: {
    // or is not (not and not)
    bool isOr = operation.kind == Kind::Or;
    for (size_t i = 0; i < operation.operands.size(); ++i) {
      size_t middle = stack.size();
      if (Outcome outcome = condition(operation.operands[i]);
          outcome != Outcome::Done)
        return outcome;
      if (isOr)
        complement(middle);
      if (i)
        intersect(from, middle);
      if (stack.size() == from)
        break;
    }
    if (isOr)
      complement(from);
    return Outcome::Done;
  }
  case Kind::Not:
    if (Outcome outcome = condition(operation.operands[0]);
        outcome != Outcome::Done)
      return outcome;
    complement(from);
    return Outcome::Done;
  case Kind::If: {
    // (c and a) or (not c and b), disjoint: merged by complements.
    for (unsigned branch : {1u, 2u}) {
      size_t middle = stack.size();
      if (Outcome outcome = condition(operation.operands[0]);
          outcome != Outcome::Done)
        return outcome;
      if (branch == 2)
        complement(middle);
      size_t inner = stack.size();
      if (Outcome outcome = condition(operation.operands[branch]);
          outcome != Outcome::Done)
        return outcome;
      intersect(middle, inner);
      complement(middle);
      if (branch == 2)
        intersect(from, middle);
    }
    complement(from);
    return Outcome::Done;
  }
  default: {
    Form value;
    if (Outcome outcome = number(at, value); outcome != Outcome::Done)
      return outcome;
    return compare(Kind::NotEqual, value);
  }
  }
}

Outcome RankProgram::evaluateCondition(const Interval *&first, size_t &count) {
  stack.clear();
  Outcome outcome = end > 0 ? condition(root) : Outcome::Done;
  first = stack.data();
  count = stack.size();
  return outcome;
}

Outcome RankProgram::evaluateNumber(int64_t &value) {
  stack.clear();
  Form form;
  Outcome outcome = number(root, form);
  value = form.rest;
  return outcome;
}

} // namespace einfall::certificate
