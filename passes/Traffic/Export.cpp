//===- Export.cpp - Forms in the language of certificates -----------------===//

#include "passes/Traffic/Export.h"

using einfall::certificate::Expression;
using namespace einfall;
using namespace einfall::traffic;

namespace {
class Exporter {
public:
  explicit Exporter(const Pool &pool) : lane(Pool::atomOf(pool.lane)) {}
  Expression of(Ref form);

private:
  Expression make(Ref form);
  /// The terms of one sign.
  Expression part(Ref polynomial, bool negative);
  std::string nameOf(Ref variable);

  Ref lane;
  std::unordered_map<Ref, Expression> done;
};
} // namespace

/// "block#3" is block3; the lane is the only one of its kind.
std::string Exporter::nameOf(Ref variable) {
  if (variable == lane)
    return "lane";
  std::string name = variable->name;
  name.erase(name.find('#'), 1);
  return name;
}

Expression Exporter::part(Ref polynomial, bool negative) {
  Expression sum;
  for (const Term &term : polynomial->terms) {
    if ((term.coefficient < 0) != negative)
      continue;
    Expression product(negative ? -term.coefficient : term.coefficient);
    for (Ref atom : term.atoms)
      product = product * of(atom);
    sum = sum + product;
  }
  return sum;
}

Expression Exporter::of(Ref form) {
  auto it = done.find(form);
  if (it == done.end())
    it = done.emplace(form, make(form)).first;
  return it->second;
}

Expression Exporter::make(Ref form) {
  auto operand = [&](size_t i) { return of(form->operands[i]); };
  switch (form->kind) {
  case Kind::Polynomial:
    return part(form, false) - part(form, true);
  case Kind::Parameter:
    if (form->name.front() == '|')
      return Expression::extent(form->name.substr(1, form->name.size() - 2));
    return Expression::coordinate(form->name);
  case Kind::Variable:
    return Expression::coordinate(nameOf(form));
  case Kind::Quotient:
    return floorDivide(operand(0), operand(1));
  case Kind::Remainder:
    return modulo(operand(0), operand(1));
  case Kind::Minimum:
    return certificate::minimum(operand(0), operand(1));
  case Kind::Maximum:
    return certificate::maximum(operand(0), operand(1));
  case Kind::Choice:
    return certificate::select(operand(0), operand(1), operand(2));
  case Kind::Sum:
    return certificate::sum(nameOf(form->operands[0]), operand(1), operand(2),
                            operand(3));
  case Kind::Sectors:
    return certificate::sectors("lane", 32, operand(0), operand(1), operand(2));
  case Kind::Constant:
    return Expression(form->low);
  case Kind::NotNegative:
    return certificate::lessEqual(part(form->operands[0], true),
                                  part(form->operands[0], false));
  case Kind::Zero:
    return certificate::equal(part(form->operands[0], true),
                              part(form->operands[0], false));
  case Kind::And:
    return conjunction(operand(0), operand(1));
  case Kind::Or:
    return disjunction(operand(0), operand(1));
  case Kind::Not:
    return negation(operand(0));
  case Kind::Unknown:
  case Kind::UnknownTruth:
    break;
  }
  // No name means anything: evaluation says so.
  return Expression::coordinate("unknown");
}

Expression einfall::traffic::exported(Ref form, const Pool &pool) {
  return Exporter(pool).of(form);
}
