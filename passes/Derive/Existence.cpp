//===- Existence.cpp - Presence as truth values ---------------------------===//

#include "passes/Derive/Existence.h"

#include "dialect/Cascade/Inside.h"

using namespace mlir;
using namespace einfall::cascade;
using namespace einfall::derive;
using einfall::proof::Sort;
using einfall::proof::Term;

void Existence::bind(Value field, Term present, Term value) {
  bound[field] = {present, value};
  presents.clear();
  values.clear();
}

Term Existence::atom(Value field, bool truth, unsigned at) {
  if (!stream.carries(field))
    return symbols.fact(field, truth);
  Term &term = atoms[{symbols.identity(field), truth, at}];
  if (term.isNull())
    term = symbols.fresh(truth ? "holds" : "there", Sort::Bool);
  return term;
}

Term Existence::present(Value field, unsigned at) {
  if (auto it = bound.find(field); it != bound.end())
    return it->second.present;
  if (auto it = presents.find({field, at}); it != presents.end())
    return it->second;
  Term term = computePresent(field, at);
  return presents[{field, at}] = term;
}

Term Existence::computePresent(Value field, unsigned at) {
  proof::TermContext &terms = symbols.terms;
  if (auto it = replaced.find(field); it != replaced.end())
    return present(it->second, at);
  SmallVector<Term> parts;
  auto all = [&](ValueRange fields) {
    for (Value operand : fields)
      parts.push_back(present(operand, at));
    return terms.logicalAnd(parts);
  };
  auto hasValueOfNothing = [](Monoid monoid) {
    return monoid != Monoid::Max && monoid != Monoid::Min &&
           monoid != Monoid::ArgMax && monoid != Monoid::First;
  };
  Operation *op = field.getDefiningOp();
  if (isa_and_nonnull<ConstOp, CoordOp, ExtentOp, ParamOp, PresentOp>(op))
    return terms.boolean(true);
  if (isa_and_nonnull<MapOp>(op))
    return all(op->getOperands());
  if (auto where = dyn_cast_or_null<WhereOp>(op)) {
    parts.push_back(value(where.getCondition(), at));
    return all({where.getValue(), where.getCondition()});
  }
  if (auto other = dyn_cast_or_null<OrElseOp>(op))
    return present(other.getValue(), at) || present(other.getFallback(), at);
  if (auto read = dyn_cast_or_null<ReadOp>(op)) {
    for (unsigned dim = 0; dim < read.getIndices().size(); ++dim)
      if (!isInside(read, dim)) {
        parts.push_back(atom(field, /*truth=*/false, at));
        break;
      }
    return all(read.getIndices());
  }
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op);
      reduce && hasValueOfNothing(reduce.getMonoid()))
    return terms.boolean(true);
  if (auto fold = dyn_cast_or_null<FoldOp>(op);
      fold && hasValueOfNothing(
                  fold.getMonoid(cast<OpResult>(field).getResultNumber())))
    return terms.boolean(true);
  return atom(field, /*truth=*/false, at);
}

/// A comparison of integers that do not stream: extents and coordinates.
std::optional<Term> Existence::compareComplete(MapOp map) {
  for (Value operand : map.getOperands())
    if (fieldType(operand).getKind() != Kind::Int || stream.carries(operand))
      return std::nullopt;
  auto number = [&](unsigned i) {
    Value operand = map.getOperands()[i];
    Term term = Translation(symbols)(operand);
    if (isa_and_nonnull<CoordOp, ExtentOp>(operand.getDefiningOp()))
      given.push_back(ge(term, 0));
    return term;
  };
  switch (map.getFunction()) {
  case Function::Gt:
    return gt(number(0), number(1));
  case Function::Ge:
    return ge(number(0), number(1));
  default:
    return std::nullopt;
  }
}

Term Existence::value(Value field, unsigned at) {
  if (auto it = bound.find(field); it != bound.end())
    return it->second.value;
  if (auto it = values.find({field, at}); it != values.end())
    return it->second;
  Term term = computeValue(field, at);
  return values[{field, at}] = term;
}

Term Existence::computeValue(Value field, unsigned at) {
  Operation *op = field.getDefiningOp();
  if (auto test = dyn_cast_or_null<PresentOp>(op))
    return present(test.getValue(), at);
  if (auto where = dyn_cast_or_null<WhereOp>(op))
    return value(where.getValue(), at);
  if (auto other = dyn_cast_or_null<OrElseOp>(op))
    return symbols.terms.ite(present(other.getValue(), at),
                             value(other.getValue(), at),
                             value(other.getFallback(), at));
  if (auto map = dyn_cast_or_null<MapOp>(op)) {
    Function function = map.getFunction();
    if (function == Function::Not)
      return !value(map.getOperands()[0], at);
    if (function == Function::And || function == Function::Or) {
      Term x = value(map.getOperands()[0], at),
           y = value(map.getOperands()[1], at);
      return function == Function::And ? x && y : x || y;
    }
    if (std::optional<Term> term = compareComplete(map))
      return *term;
  }
  if (stream.carries(field) && fieldType(field).getKind() == Kind::Bool &&
      !isa_and_nonnull<ConstOp>(op))
    return atom(field, /*truth=*/true, at);
  return Translation(symbols)(field);
}
