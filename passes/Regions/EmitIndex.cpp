//===- EmitIndex.cpp - Closed forms as arith operations -------------------===//

#include "passes/Regions/EmitIndex.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace arith = mlir::arith;
using mlir::Value;

namespace einfall::regions {

using proof::Sort;
using proof::TermKind;

mlir::FailureOr<Value> IndexEmitter::emit(Term term) {
  if (auto it = done.find(term); it != done.end())
    return it->second;
  llvm::SmallVector<Value> operands;
  for (Term operand : term.operands()) {
    mlir::FailureOr<Value> value = emit(operand);
    if (mlir::failed(value))
      return mlir::failure();
    operands.push_back(*value);
  }
  auto constant = [&](int64_t value) {
    mlir::TypedAttr attribute =
        builder.getIntegerAttr(type ? type : builder.getIndexType(), value);
    return Value(arith::ConstantOp::create(builder, loc, attribute));
  };
  auto truth = [&](bool value) {
    return Value(
        arith::ConstantOp::create(builder, loc, builder.getBoolAttr(value)));
  };
  auto fold = [&](auto make) {
    Value result = operands.front();
    for (Value operand : llvm::drop_begin(operands))
      result = make(result, operand);
    return result;
  };
  auto compare = [&](arith::CmpIPredicate predicate) {
    return Value(arith::CmpIOp::create(builder, loc, predicate, operands[0],
                                       operands[1]));
  };

  Value result;
  switch (term.kind()) {
  case TermKind::Constant:
    if (auto value = term.value().asInteger())
      result = constant(*value);
    break;
  case TermKind::True:
  case TermKind::False:
    result = truth(term.isTrue());
    break;
  case TermKind::Symbol:
    result = symbol(term);
    break;
  case TermKind::Add:
    result = fold([&](Value a, Value b) {
      return arith::AddIOp::create(builder, loc, a, b);
    });
    break;
  case TermKind::Mul:
    result = fold([&](Value a, Value b) {
      return arith::MulIOp::create(builder, loc, a, b);
    });
    break;
  case TermKind::FloorDiv:
    result =
        arith::FloorDivSIOp::create(builder, loc, operands[0], operands[1]);
    break;
  case TermKind::Mod: {
    // a - floor(a / b) * b: the remainder that is not negative.
    Value quotient =
        arith::FloorDivSIOp::create(builder, loc, operands[0], operands[1]);
    Value part = arith::MulIOp::create(builder, loc, quotient, operands[1]);
    result = arith::SubIOp::create(builder, loc, operands[0], part);
    break;
  }
  case TermKind::Max:
    result = arith::MaxSIOp::create(builder, loc, operands[0], operands[1]);
    break;
  case TermKind::Min:
    result = arith::MinSIOp::create(builder, loc, operands[0], operands[1]);
    break;
  case TermKind::Ite:
    result = arith::SelectOp::create(builder, loc, operands[0], operands[1],
                                     operands[2]);
    break;
  case TermKind::Not:
    result = arith::XOrIOp::create(builder, loc, operands[0], truth(true));
    break;
  case TermKind::And:
    result = fold([&](Value a, Value b) {
      return arith::AndIOp::create(builder, loc, a, b);
    });
    break;
  case TermKind::Or:
    result = fold([&](Value a, Value b) {
      return arith::OrIOp::create(builder, loc, a, b);
    });
    break;
  case TermKind::Eq:
    result = compare(arith::CmpIPredicate::eq);
    break;
  case TermKind::Lt:
    result = compare(arith::CmpIPredicate::slt);
    break;
  case TermKind::Le:
    result = compare(arith::CmpIPredicate::sle);
    break;
  default:
    break;
  }
  if (!result)
    return mlir::failure();
  done[term] = result;
  return result;
}

} // namespace einfall::regions
