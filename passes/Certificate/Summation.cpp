//===- Summation.cpp - Sums in closed form --------------------------------===//

#include "passes/Certificate/Summation.h"

#include "passes/Certificate/Integer.h"
#include "passes/Certificate/Polynomial.h"

#include <algorithm>

namespace einfall::certificate {

using Kind = Expression::Kind;

uint64_t countSectors(std::vector<std::pair<mpz_class, mpz_class>> &ranges) {
  for (auto &[first, last] : ranges) {
    first = floorQuotient(first, sectorBytes);
    last = floorQuotient(last, sectorBytes);
  }
  std::sort(ranges.begin(), ranges.end());
  mpz_class count = 0, next;
  bool any = false;
  for (const auto &[first, last] : ranges) {
    mpz_class from = any && next > first ? next : first;
    if (last >= from) {
      count += last - from + 1;
      next = last + 1;
      any = true;
    }
  }
  return count.get_ui();
}

namespace {

/// Evaluates an expression as a polynomial of k on begin <= k < end.
class Piece {
public:
  enum class Outcome { Done, Split, Period, None };

  Piece(const Surroundings &surroundings, uint64_t &steps)
      : surroundings(surroundings), steps(steps) {}

  void bind(const std::string &name, Polynomial value) {
    scope.emplace_back(name, std::move(value));
  }

  mpz_class begin, end;
  /// Of Split: where the second part begins. Of Period: the factor of p.
  mpz_class splitAt, factor;

  Outcome evaluate(const Expression &e, Polynomial &out);

private:
  Outcome evaluateAll(const Expression &e, std::vector<Polynomial> &out);
  /// The sign of `a`, if it is the same on the whole interval.
  Outcome signOf(const Polynomial &a, int &sign);
  Outcome truthOf(const Expression &e, bool &out);
  Outcome divide(const Polynomial &a, const Polynomial &b, bool up,
                 bool remainder, Polynomial &out);
  Outcome extremum(const Expression &e, Polynomial &out);
  Outcome compare(const Expression &e, Polynomial &out);
  Outcome sum(const Expression &e, Polynomial &out);
  Outcome sectors(const Expression &e, Polynomial &out);
  Outcome lookUp(const Expression &e, Polynomial &out);

  const Surroundings &surroundings;
  uint64_t &steps;
  std::vector<std::pair<std::string, Polynomial>> scope;
};

} // namespace

using Outcome = Piece::Outcome;

Outcome Piece::lookUp(const Expression &e, Polynomial &out) {
  std::optional<mpz_class> value;
  if (e.kind() == Kind::Extent) {
    value = surroundings.extent(e.name());
  } else {
    for (auto entry = scope.rbegin(); entry != scope.rend(); ++entry)
      if (entry->first == e.name()) {
        out = entry->second;
        return Outcome::Done;
      }
    value = surroundings.coordinate(e.name());
  }
  if (!value)
    return Outcome::None;
  out = Polynomial(*value);
  return Outcome::Done;
}

Outcome Piece::evaluateAll(const Expression &e, std::vector<Polynomial> &out) {
  out.resize(e.operands().size());
  for (size_t i = 0; i < out.size(); ++i)
    if (Outcome outcome = evaluate(e.operands()[i], out[i]);
        outcome != Outcome::Done)
      return outcome;
  return Outcome::Done;
}

Outcome Piece::signOf(const Polynomial &a, int &sign) {
  sign = sgn(a.at(begin));
  if (a.isConstant())
    return Outcome::Done;
  if (a.degree() > 1)
    return Outcome::None;
  // The first k at which an affine function has another sign.
  mpz_class slope = a.coefficient(1), constant = a.constant();
  if (sign == 0) {
    splitAt = begin + 1;
  } else if (sgn(slope) == sign) {
    return Outcome::Done;
  } else {
    if (slope < 0) {
      slope = -slope;
      constant = -constant;
    }
    splitAt = ceilQuotient(-constant, slope);
  }
  return splitAt < end ? Outcome::Split : Outcome::Done;
}

Outcome Piece::truthOf(const Expression &e, bool &out) {
  Polynomial value;
  if (Outcome outcome = evaluate(e, value); outcome != Outcome::Done)
    return outcome;
  int sign;
  Outcome outcome = signOf(value, sign);
  out = sign != 0;
  return outcome;
}

Outcome Piece::divide(const Polynomial &a, const Polynomial &b, bool up,
                      bool remainder, Polynomial &out) {
  if (!b.isConstant() || b.constant() <= 0)
    return Outcome::None;
  mpz_class divisor = b.constant(), common = divisor;
  for (size_t d = 1; d <= a.degree(); ++d)
    common = greatestDivisor(common, a.coefficient(d));
  if (common != divisor) {
    // Multiplying p by f multiplies the coefficient of k^d by f^d.
    factor = divisor / common;
    return Outcome::Period;
  }
  if (remainder) {
    out = Polynomial(floorRemainder(a.constant(), divisor));
    return Outcome::Done;
  }
  out = a;
  for (size_t d = 1; d <= a.degree(); ++d)
    out.coefficients[d] /= divisor;
  mpz_class quotient = up ? ceilQuotient(a.constant(), divisor)
                          : floorQuotient(a.constant(), divisor);
  if (out.coefficients.empty())
    out = Polynomial(quotient);
  else
    out.coefficients[0] = quotient;
  if (out.isConstant())
    out = Polynomial(quotient);
  return Outcome::Done;
}

Outcome Piece::extremum(const Expression &e, Polynomial &out) {
  std::vector<Polynomial> values;
  if (Outcome outcome = evaluateAll(e, values); outcome != Outcome::Done)
    return outcome;
  out = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    Polynomial difference = values[i];
    difference.subtract(out);
    int sign;
    if (Outcome outcome = signOf(difference, sign); outcome != Outcome::Done)
      return outcome;
    if (e.kind() == Kind::Minimum ? sign < 0 : sign > 0)
      out = values[i];
  }
  return Outcome::Done;
}

Outcome Piece::compare(const Expression &e, Polynomial &out) {
  std::vector<Polynomial> values;
  if (Outcome outcome = evaluateAll(e, values); outcome != Outcome::Done)
    return outcome;
  Polynomial difference = values[0];
  difference.subtract(values[1]);
  int sign;
  if (Outcome outcome = signOf(difference, sign); outcome != Outcome::Done)
    return outcome;
  bool truth = e.kind() == Kind::Less        ? sign < 0
               : e.kind() == Kind::LessEqual ? sign <= 0
               : e.kind() == Kind::Equal     ? sign == 0
                                             : sign != 0;
  out = Polynomial(mpz_class(truth));
  return Outcome::Done;
}

/// A sum within the body: of one and the same term, or of few terms.
Outcome Piece::sum(const Expression &e, Polynomial &out) {
  constexpr unsigned maxTerms = 4096;
  Polynomial lo, hi, term;
  if (Outcome outcome = evaluate(e.operands()[0], lo); outcome != Outcome::Done)
    return outcome;
  if (Outcome outcome = evaluate(e.operands()[1], hi); outcome != Outcome::Done)
    return outcome;
  Polynomial length = hi;
  length.subtract(lo);
  int sign;
  if (Outcome outcome = signOf(length, sign); outcome != Outcome::Done)
    return outcome;
  out = Polynomial();
  if (sign <= 0)
    return Outcome::Done;
  const Expression &body = e.operands()[2];
  if (!body.dependsOn(e.name())) {
    Outcome outcome = evaluate(body, term);
    if (outcome == Outcome::Done)
      out = length * term;
    return outcome;
  }
  if (!lo.isConstant() || !hi.isConstant() || length.constant() > maxTerms)
    return Outcome::None;
  for (mpz_class j = lo.constant(); j < hi.constant(); ++j) {
    scope.emplace_back(e.name(), Polynomial(j));
    Outcome outcome = evaluate(body, term);
    scope.pop_back();
    if (outcome != Outcome::Done)
      return outcome;
    out.add(term);
  }
  return Outcome::Done;
}

/// Sectors whose addresses all move by the same multiple of a sector.
Outcome Piece::sectors(const Expression &e, Polynomial &out) {
  constexpr unsigned maxLanes = 4096;
  Polynomial lanes;
  if (Outcome outcome = evaluate(e.operands()[0], lanes);
      outcome != Outcome::Done)
    return outcome;
  if (!lanes.isConstant() || lanes.constant() > maxLanes)
    return Outcome::None;
  std::vector<std::pair<mpz_class, mpz_class>> ranges;
  mpz_class slope;
  for (mpz_class lane = 0; lane < lanes.constant(); ++lane) {
    scope.emplace_back(e.name(), Polynomial(lane));
    bool active = false;
    Polynomial address, bytes;
    Outcome outcome = truthOf(e.operands()[1], active);
    if (outcome == Outcome::Done && active)
      outcome = evaluate(e.operands()[2], address);
    if (outcome == Outcome::Done && active)
      outcome = evaluate(e.operands()[3], bytes);
    scope.pop_back();
    if (outcome != Outcome::Done)
      return outcome;
    if (!active)
      continue;
    if (address.degree() > 1 || !bytes.isConstant() || bytes.constant() < 0)
      return Outcome::None;
    if (bytes.constant() == 0)
      continue;
    mpz_class step = address.coefficient(1);
    mpz_class common = greatestDivisor(step, sectorBytes);
    if (common != sectorBytes) {
      factor = sectorBytes / common;
      return Outcome::Period;
    }
    if (!ranges.empty() && step != slope)
      return Outcome::None;
    slope = step;
    ranges.emplace_back(address.constant(),
                        address.constant() + bytes.constant() - 1);
  }
  out = Polynomial(toInteger(countSectors(ranges)));
  return Outcome::Done;
}

Outcome Piece::evaluate(const Expression &e, Polynomial &out) {
  if (steps == 0)
    return Outcome::None;
  --steps;
  std::vector<Polynomial> values;
  switch (e.kind()) {
  case Kind::Number:
    out = Polynomial(e.value());
    return Outcome::Done;
  case Kind::Coordinate:
  case Kind::Extent:
    return lookUp(e, out);
  case Kind::Add:
  case Kind::Subtract:
  case Kind::Multiply:
  case Kind::FloorDivide:
  case Kind::Modulo:
  case Kind::CeilDivide:
    if (Outcome outcome = evaluateAll(e, values); outcome != Outcome::Done)
      return outcome;
    break;
  case Kind::Minimum:
  case Kind::Maximum:
    return extremum(e, out);
  case Kind::Less:
  case Kind::LessEqual:
  case Kind::Equal:
  case Kind::NotEqual:
    return compare(e, out);
  case Kind::And:
  case Kind::Or: {
    bool decisive = e.kind() == Kind::Or, truth = !decisive;
    for (const Expression &operand : e.operands()) {
      if (Outcome outcome = truthOf(operand, truth); outcome != Outcome::Done)
        return outcome;
      if (truth == decisive)
        break;
    }
    out = Polynomial(mpz_class(truth));
    return Outcome::Done;
  }
  case Kind::Not:
  case Kind::If: {
    bool truth;
    if (Outcome outcome = truthOf(e.operands()[0], truth);
        outcome != Outcome::Done)
      return outcome;
    if (e.kind() == Kind::If)
      return evaluate(e.operands()[truth ? 1 : 2], out);
    out = Polynomial(mpz_class(!truth));
    return Outcome::Done;
  }
  case Kind::Sum:
    return sum(e, out);
  case Kind::Sectors:
    return sectors(e, out);
  }

  out = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    if (e.kind() == Kind::Add)
      out.add(values[i]);
    else if (e.kind() == Kind::Subtract)
      out.subtract(values[i]);
    else if (e.kind() == Kind::Multiply)
      out = out * values[i];
    else
      return divide(values[0], values[1], e.kind() == Kind::CeilDivide,
                    e.kind() == Kind::Modulo, out);
    if (out.degree() > Polynomial::maxSumDegree)
      return Outcome::None;
  }
  return Outcome::Done;
}

static std::optional<mpz_class>
sumOfPieces(const Expression &body, const std::string &variable,
            const mpz_class &lo, const mpz_class &hi,
            const Surroundings &surroundings, uint64_t &steps) {
  mpz_class period = 1;
  while (true) {
    mpz_class total = 0;
    Outcome outcome = Outcome::Done;
    for (mpz_class r = 0; r < period && lo + r < hi; ++r) {
      Piece piece(surroundings, steps);
      piece.bind(variable, Polynomial::affine(period, lo + r));
      // What is left to do, rightmost first.
      std::vector<mpz_class> ends = {ceilQuotient(hi - lo - r, period)};
      mpz_class begin = 0;
      while (!ends.empty()) {
        piece.begin = begin;
        piece.end = ends.back();
        Polynomial value;
        outcome = piece.evaluate(body, value);
        if (outcome == Outcome::Split) {
          ends.push_back(piece.splitAt);
          continue;
        }
        if (outcome != Outcome::Done)
          break;
        total += value.sumOver(piece.begin, piece.end);
        begin = ends.back();
        ends.pop_back();
      }
      if (outcome == Outcome::Period) {
        period *= piece.factor;
        break;
      }
      if (outcome != Outcome::Done)
        return std::nullopt;
    }
    if (outcome == Outcome::Done)
      return total;
    // Nothing is gained where every term is a class of its own.
    if (period * 4 > hi - lo)
      return std::nullopt;
  }
}

std::optional<mpz_class>
sumInClosedForm(const Expression &body, const std::string &variable,
                const mpz_class &lo, const mpz_class &hi,
                const Surroundings &surroundings, uint64_t &steps) {
  // Polynomials cost more than numbers: what takes long is left to adding up.
  uint64_t budget = std::min<uint64_t>(steps, 1'000'000), given = budget;
  std::optional<mpz_class> total =
      sumOfPieces(body, variable, lo, hi, surroundings, budget);
  steps -= given - budget;
  return total;
}

} // namespace einfall::certificate
