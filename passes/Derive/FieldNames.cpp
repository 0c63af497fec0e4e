//===- FieldNames.cpp - What people call a field ------------------------===//

#include "passes/Derive/Algebra.h"
#include "passes/Derive/PassAnalysis.h"

#include "llvm/Support/Format.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::derive;
using cascade::Function;

static std::string constantName(cascade::ConstOp constant) {
  if (auto real = dyn_cast<FloatAttr>(constant.getValue())) {
    std::string text;
    llvm::raw_string_ostream(text)
        << llvm::format("%g", real.getValueAsDouble());
    return text;
  }
  auto integer = cast<IntegerAttr>(constant.getValue());
  return integer.getType().isInteger(1) ? (integer.getInt() ? "true" : "false")
                                        : std::to_string(integer.getInt());
}

/// A map as one writes it, down to named fields.
static std::string mapName(cascade::MapOp map) {
  auto operand = [&](unsigned i) { return fieldName(map.getOperands()[i]); };
  auto infix = [&](StringRef sign) {
    auto part = [&](unsigned i) {
      std::string text = operand(i);
      bool plain = llvm::all_of(text, [](char c) {
        return llvm::isAlnum(c) || c == '_' || c == '.' || c == '|';
      });
      return plain ? text : "(" + text + ")";
    };
    return part(0) + sign.str() + part(1);
  };
  switch (map.getFunction()) {
  case Function::Add:
    return infix(" + ");
  case Function::Sub:
    return infix(" - ");
  case Function::Mul:
    return infix(" * ");
  case Function::Div:
    return infix(" / ");
  case Function::Lt:
    return infix(" < ");
  case Function::Le:
    return infix(" <= ");
  case Function::Gt:
    return infix(" > ");
  case Function::Ge:
    return infix(" >= ");
  case Function::Eq:
    return infix(" == ");
  case Function::Ne:
    return infix(" != ");
  case Function::And:
    return infix(" and ");
  case Function::Or:
    return infix(" or ");
  case Function::ToReal:
    return operand(0);
  default:
    break;
  }
  std::string text = stringifyFunction(map.getFunction()).str() + "(";
  for (unsigned i = 0; i < map.getNumOperands(); ++i)
    text += (i ? ", " : "") + operand(i);
  return text + ")";
}

std::string einfall::derive::fieldName(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return "reference";
  if (std::string name = givenName(op); !name.empty())
    return name;
  if (auto read = dyn_cast<cascade::ReadOp>(op))
    if (auto input = read.getTensor().getDefiningOp<cascade::InputOp>())
      return input.getName().str();
  if (auto param = dyn_cast<cascade::ParamOp>(op))
    return param.getName().str();
  if (auto reduce = dyn_cast<cascade::ReduceOp>(op))
    return "(" + describe(op) + ")";
  if (auto map = dyn_cast<cascade::MapOp>(op))
    return mapName(map);
  if (auto coord = dyn_cast<cascade::CoordOp>(op))
    return coord.getRank().str();
  if (auto extent = dyn_cast<cascade::ExtentOp>(op))
    return "|" + extent.getRank().str() + "|";
  if (auto constant = dyn_cast<cascade::ConstOp>(op))
    return constantName(constant);
  if (auto where = dyn_cast<cascade::WhereOp>(op))
    return fieldName(where.getValue());
  return describe(op);
}
