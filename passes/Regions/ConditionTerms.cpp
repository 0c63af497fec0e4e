//===- ConditionTerms.cpp - Conditions as terms ---------------------------===//

#include "passes/Regions/ConditionTerms.h"

#include "dialect/Cascade/Inside.h"

using llvm::StringRef;
using mlir::Value;

namespace einfall::regions {

using cascade::Function;
using cascade::Kind;
using proof::Sort;
using proof::TermContext;

bool isAlwaysPresent(Value field) {
  mlir::Operation *op = field.getDefiningOp();
  if (!op)
    return false;
  if (mlir::isa<cascade::ConstOp, cascade::CoordOp, cascade::ExtentOp,
                cascade::ParamOp, cascade::PresentOp>(op))
    return true;
  if (auto map = mlir::dyn_cast<cascade::MapOp>(op))
    return llvm::all_of(map.getOperands(), isAlwaysPresent);
  if (auto otherwise = mlir::dyn_cast<cascade::OrElseOp>(op))
    return isAlwaysPresent(otherwise.getFallback());
  if (auto read = mlir::dyn_cast<cascade::ReadOp>(op)) {
    for (auto [dim, index] : llvm::enumerate(read.getIndices()))
      if (!cascade::isInside(read, dim) || !isAlwaysPresent(index))
        return false;
    return true;
  }
  return false;
}

bool ConditionReader::isUniform(Value value) const {
  cascade::FieldType type = cascade::fieldType(value);
  return !type.hasRank(regions.stream.rank) &&
         llvm::none_of(regions.rows, [&](const Axis &axis) {
           return type.hasRank(axis.rank);
         });
}

Term ConditionReader::extent(StringRef rank) {
  Term symbol = regions.terms->symbol(("extent." + rank).str(), Sort::Int);
  for (const Leaf &leaf : regions.leaves)
    if (leaf.symbol == symbol)
      return symbol;
  regions.leaves.push_back({symbol, Leaf::Kind::Extent, rank.str(), Value()});
  return symbol;
}

Term ConditionReader::coordinate(StringRef rank) {
  if (rank == regions.stream.rank)
    return regions.stream.coordinate;
  for (const Axis &axis : regions.rows)
    if (axis.rank == rank)
      return axis.coordinate;
  Term symbol = regions.terms->symbol(rank, Sort::Int);
  for (const Leaf &leaf : regions.leaves)
    if (leaf.symbol == symbol)
      return symbol;
  regions.leaves.push_back(
      {symbol, Leaf::Kind::Coordinate, rank.str(), Value()});
  return symbol;
}

/// A value that is the same for a whole block.
Term ConditionReader::leaf(Value value) {
  Sort sort = cascade::fieldType(value).getKind() == Kind::Bool ? Sort::Bool
                                                                : Sort::Int;
  std::string name = "value";
  if (auto param = value.getDefiningOp<cascade::ParamOp>())
    name = "param." + param.getName().str();
  else if (auto read = value.getDefiningOp<cascade::ReadOp>())
    if (auto input = read.getTensor().getDefiningOp<cascade::InputOp>())
      name = "read." + input.getName().str();
  Term symbol = regions.terms->fresh(name, sort);
  regions.leaves.push_back({symbol, Leaf::Kind::Value, "", value});
  return symbol;
}

/// An application rather than a symbol: it varies over the tile.
Term ConditionReader::opaque(Value value) {
  std::string name = "opaque." + std::to_string(regions.opaque.size());
  llvm::SmallVector<Term> coordinates = {regions.stream.coordinate};
  for (const Axis &axis : regions.rows)
    coordinates.push_back(axis.coordinate);
  Term term = regions.terms->apply(name, coordinates, Sort::Bool);
  regions.opaque.push_back({term, value});
  return term;
}

Term ConditionReader::integer(Value value) {
  if (auto it = values.find(value); it != values.end())
    return it->second;
  TermContext &c = *regions.terms;
  Term result;
  if (auto constant = value.getDefiningOp<cascade::ConstOp>()) {
    if (auto number = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue()))
      result = c.integer(number.getValue().getSExtValue());
  } else if (auto coord = value.getDefiningOp<cascade::CoordOp>()) {
    result = coordinate(coord.getRank());
  } else if (auto size = value.getDefiningOp<cascade::ExtentOp>()) {
    result = extent(size.getRank());
  } else if (auto map = value.getDefiningOp<cascade::MapOp>()) {
    llvm::SmallVector<Term> operands;
    for (Value operand : map.getOperands()) {
      if (cascade::fieldType(operand).getKind() != Kind::Int)
        break;
      operands.push_back(integer(operand));
      if (operands.back().isNull())
        break;
    }
    bool complete =
        operands.size() == map.getNumOperands() && !operands.back().isNull();
    auto isPositive = [](Term t) {
      return t.isConstant() && t.value().sign() > 0;
    };
    if (complete) {
      switch (map.getFunction()) {
      case Function::Add:
        result = operands[0] + operands[1];
        break;
      case Function::Sub:
        result = operands[0] - operands[1];
        break;
      case Function::Neg:
        result = -operands[0];
        break;
      case Function::Mul: // products of unknowns are not linear: a leaf, below
        if (operands[0].isConstant() || operands[1].isConstant())
          result = operands[0] * operands[1];
        break;
      case Function::FloorDiv:
        if (isPositive(operands[1]))
          result = c.floorDiv(operands[0], operands[1]);
        break;
      case Function::Mod:
        if (isPositive(operands[1]))
          result = c.mod(operands[0], operands[1]);
        break;
      case Function::Max:
        result = max(operands[0], operands[1]);
        break;
      case Function::Min:
        result = min(operands[0], operands[1]);
        break;
      default:
        break;
      }
    }
  }
  if (result.isNull() && isUniform(value) && isAlwaysPresent(value))
    result = leaf(value);
  values[value] = result;
  return result;
}

Term ConditionReader::truth(Value value) {
  if (auto it = values.find(value); it != values.end())
    return it->second;
  TermContext &c = *regions.terms;
  Term result;
  if (auto constant = value.getDefiningOp<cascade::ConstOp>()) {
    if (auto bit = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue()))
      result = c.boolean(bit.getValue().isOne());
  } else if (auto map = value.getDefiningOp<cascade::MapOp>()) {
    Value a = map.getOperands()[0];
    Value b = map.getNumOperands() > 1 ? map.getOperands()[1] : a;
    Kind kind = cascade::fieldType(a).getKind();
    Function function = map.getFunction();
    if (kind == Kind::Bool) {
      if (function == Function::And)
        result = truth(a) && truth(b);
      else if (function == Function::Or)
        result = truth(a) || truth(b);
      else if (function == Function::Not)
        result = !truth(a);
    } else if (kind == Kind::Int &&
               cascade::fieldType(b).getKind() == Kind::Int) {
      Term x = integer(a), y = integer(b);
      if (!x.isNull() && !y.isNull()) {
        if (function == Function::Eq)
          result = eq(x, y);
        else if (function == Function::Ne)
          result = ne(x, y);
        else if (function == Function::Lt)
          result = lt(x, y);
        else if (function == Function::Le)
          result = le(x, y);
        else if (function == Function::Gt)
          result = gt(x, y);
        else if (function == Function::Ge)
          result = ge(x, y);
      }
    }
  }
  if (result.isNull())
    result = isUniform(value) && isAlwaysPresent(value) ? leaf(value)
                                                        : opaque(value);
  values[value] = result;
  return result;
}

Term ConditionReader::inside(cascade::ReadOp read, unsigned dim) {
  Value index = read.getIndices()[dim];
  auto input = read.getTensor().getDefiningOp<cascade::InputOp>();
  Term at = input ? integer(index) : Term();
  if (at.isNull())
    return opaque(index);
  return ge(at, 0) && lt(at, extent(cascade::names(input.getDims())[dim]));
}

} // namespace einfall::regions
