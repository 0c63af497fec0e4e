//===- IndexExpressions.cpp - Indices and masks as expressions ------------===//

#include "passes/Bounds/IndexExpressions.h"

#include <cmath>

using namespace mlir;
using namespace einfall;
using namespace einfall::bounds;
using namespace einfall::cascade;

std::optional<Expression>
IndexExpressions::parameter(ParamOp param, const Substitution &at) const {
  if (auto given = parameters.find(param.getName().str());
      given != parameters.end()) {
    if (given->second != std::floor(given->second) ||
        std::abs(given->second) > 1e15)
      return std::nullopt;
    return Expression(int64_t(given->second));
  }
  return param.getFallback() ? of(param.getFallback(), at) : std::nullopt;
}

std::optional<Expression> IndexExpressions::of(Value field,
                                               const Substitution &at) const {
  Operation *op = field.getDefiningOp();
  if (!op || fieldType(field).getKind() == Kind::Real)
    return std::nullopt;
  if (auto constant = dyn_cast<ConstOp>(op)) {
    auto integer = dyn_cast<IntegerAttr>(constant.getValue());
    if (!integer)
      return std::nullopt;
    return integer.getType().isInteger(1)
               ? Expression(integer.getValue().isZero() ? 0 : 1)
               : Expression(integer.getInt());
  }
  if (auto coordinate = dyn_cast<CoordOp>(op)) {
    auto other = at.find(coordinate.getRank().str());
    return other == at.end()
               ? Expression::coordinate(coordinate.getRank().str())
               : other->second;
  }
  if (auto extent = dyn_cast<ExtentOp>(op))
    return Expression::extent(extent.getRank().str());
  if (auto param = dyn_cast<ParamOp>(op))
    return parameter(param, at);
  auto map = dyn_cast<MapOp>(op);
  if (!map)
    return std::nullopt;
  std::vector<Expression> operands;
  for (Value operand : map.getOperands()) {
    std::optional<Expression> expression = of(operand, at);
    if (!expression)
      return std::nullopt;
    operands.push_back(*expression);
  }
  auto &o = operands;
  switch (map.getFunction()) {
  case Function::Add:
    return o[0] + o[1];
  case Function::Sub:
    return o[0] - o[1];
  case Function::Mul:
    return o[0] * o[1];
  case Function::FloorDiv:
    return floorDivide(o[0], o[1]);
  case Function::Mod:
    return modulo(o[0], o[1]);
  case Function::Neg:
    return 0 - o[0];
  case Function::Abs:
    return maximum(o[0], 0 - o[0]);
  case Function::Max:
    return maximum(o[0], o[1]);
  case Function::Min:
    return minimum(o[0], o[1]);
  case Function::Eq:
    return equal(o[0], o[1]);
  case Function::Ne:
    return notEqual(o[0], o[1]);
  case Function::Lt:
    return less(o[0], o[1]);
  case Function::Le:
    return lessEqual(o[0], o[1]);
  case Function::Gt:
    return less(o[1], o[0]);
  case Function::Ge:
    return lessEqual(o[1], o[0]);
  case Function::And:
    return conjunction(o[0], o[1]);
  case Function::Or:
    return disjunction(o[0], o[1]);
  case Function::Not:
    return negation(o[0]);
  case Function::Select:
    return select(o[0], o[1], o[2]);
  default:
    return std::nullopt;
  }
}

/// The greatest condition that implies (`least`), or the least one that is
/// implied by, the condition: what is unknown becomes the neutral truth value,
/// the other one below a negation.
Expression IndexExpressions::bounded(Value condition, const Substitution &at,
                                     bool least) const {
  if (std::optional<Expression> known = of(condition, at))
    return *known;
  if (auto map = condition.getDefiningOp<MapOp>()) {
    auto part = [&](unsigned i, bool least) {
      return bounded(map.getOperands()[i], at, least);
    };
    switch (map.getFunction()) {
    case Function::And:
      return conjunction(part(0, least), part(1, least));
    case Function::Or:
      return disjunction(part(0, least), part(1, least));
    case Function::Not:
      return negation(part(0, !least));
    default:
      break;
    }
  }
  return Expression(least ? 0 : 1);
}

bool IndexExpressions::staysInside(const Expression &index,
                                   const Expression &extent) const {
  if (index.freeNames().size() > 1)
    return false;
  certificate::Environment environment{extents, {}};
  auto end = extent.evaluate(environment);
  int64_t coordinates = 1;
  std::string rank;
  if (!index.freeNames().empty()) {
    rank = index.freeNames().front();
    auto known = extents.find(rank);
    if (known == extents.end() || known->second > 1 << 20)
      return false;
    coordinates = known->second.get_si();
  }
  if (!end)
    return false;
  for (int64_t i = 0; i < coordinates; ++i) {
    environment.coordinates[rank] = static_cast<long>(i);
    auto value = index.evaluate(environment);
    if (!value || *value < 0 || *value >= *end)
      return false;
  }
  return true;
}

Expression IndexExpressions::surely(Value condition,
                                    const Substitution &at) const {
  return bounded(condition, at, /*least=*/true);
}

Expression IndexExpressions::maybe(Value condition,
                                   const Substitution &at) const {
  return bounded(condition, at, /*least=*/false);
}
