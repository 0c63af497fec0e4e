//===- ElementArithmetic.cpp - Numbers, lanes and memory of elements ------===//
//
// The arithmetic half of ElementEmitter: every function of the cascade dialect
// on f32, i64 and i1, scalar or per lane, and loads and stores of storage
// types.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/ElementEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

Type ElementEmitter::pointer() {
  return LLVM::LLVMPointerType::get(b.getContext());
}

Type ElementEmitter::elementType(Kind kind) {
  switch (kind) {
  case Kind::Real:
    return b.getF32Type();
  case Kind::Int:
    return b.getI64Type();
  case Kind::Bool:
    return b.getI1Type();
  }
  llvm_unreachable("all kinds are handled");
}

Value ElementEmitter::constant(int64_t value) {
  return arith::ConstantIntOp::create(b, loc(), value, 64);
}

Value ElementEmitter::truth(bool value) {
  return arith::ConstantIntOp::create(b, loc(), value, 1);
}

Value ElementEmitter::real(double value) {
  return arith::ConstantOp::create(
      b, loc(), b.getF32FloatAttr(static_cast<float>(value)));
}

Value ElementEmitter::zero(Type type) {
  return arith::ConstantOp::create(b, loc(), b.getZeroAttr(type));
}

Value ElementEmitter::iota(unsigned lanes) {
  auto steps = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  return arith::ConstantOp::create(
      b, loc(),
      DenseIntElementsAttr::get(VectorType::get(lanes, b.getI64Type()),
                                ArrayRef<int64_t>(steps)));
}

Value ElementEmitter::spread(Value value, Type like) {
  auto lanes = dyn_cast<VectorType>(like);
  if (!lanes || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, loc(), VectorType::get(lanes.getShape(), value.getType()), value);
}

/// Gives all of `x` the lanes that one of them has.
static void spreadAll(ElementEmitter &emitter, SmallVectorImpl<Value> &x) {
  for (Value &value : x)
    if (isa<VectorType>(value.getType())) {
      Type like = value.getType();
      for (Value &other : x)
        other = emitter.spread(other, like);
      return;
    }
}

Value ElementEmitter::add(Value x, Value y) {
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::AddIOp::create(b, loc(), both[0], both[1]);
}

Value ElementEmitter::sub(Value x, Value y) {
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::SubIOp::create(b, loc(), both[0], both[1]);
}

Value ElementEmitter::mul(Value x, Value y) {
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::MulIOp::create(b, loc(), both[0], both[1]);
}

Value ElementEmitter::less(Value x, Value y) {
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::slt, both[0],
                               both[1]);
}

Value ElementEmitter::conjunction(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::AndIOp::create(b, loc(), both[0], both[1]);
}

Value ElementEmitter::disjunction(Value x, Value y) {
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  return arith::OrIOp::create(b, loc(), both[0], both[1]);
}

Value ElementEmitter::negation(Value x) {
  return arith::XOrIOp::create(b, loc(), x, spread(truth(true), x.getType()));
}

Value ElementEmitter::select(Value condition, Value x, Value y) {
  if (!condition)
    return x;
  SmallVector<Value> both{x, y};
  spreadAll(*this, both);
  if (isa<VectorType>(condition.getType())) {
    both[0] = spread(both[0], condition.getType());
    both[1] = spread(both[1], condition.getType());
  }
  return arith::SelectOp::create(b, loc(), condition, both[0], both[1]);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The type a storage element has in memory: a truth value takes a byte.
static Type stored(Type type) {
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type;
}

Value ElementEmitter::element(Value base, Value index, Type type) {
  return LLVM::GEPOp::create(b, loc(), pointer(), stored(type), base,
                             ValueRange{index});
}

Value ElementEmitter::loadRaw(Value base, Value index, Type type) {
  return LLVM::LoadOp::create(b, loc(), stored(type),
                              element(base, index, type));
}

/// From what lies in memory to what is computed with.
Value ElementEmitter::widen(Value raw, Type storage) {
  auto like = [&](Type type) -> Type {
    if (auto lanes = dyn_cast<VectorType>(raw.getType()))
      return VectorType::get(lanes.getShape(), type);
    return type;
  };
  if (storage.isInteger(1))
    return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, raw,
                                 zero(raw.getType()));
  if (storage.isF32() || storage.isInteger(64))
    return raw;
  if (storage.isF64())
    return arith::TruncFOp::create(b, loc(), like(b.getF32Type()), raw);
  if (isa<FloatType>(storage))
    return arith::ExtFOp::create(b, loc(), like(b.getF32Type()), raw);
  return arith::ExtSIOp::create(b, loc(), like(b.getI64Type()), raw);
}

Value ElementEmitter::load(Value base, Value index, Type storage) {
  return widen(loadRaw(base, index, storage), storage);
}

Value ElementEmitter::loadLanes(Value address, Type storage, unsigned lanes,
                                Value mask) {
  Type raw = VectorType::get(lanes, stored(storage));
  unsigned bytes = stored(storage).getIntOrFloatBitWidth() / 8;
  if (!mask)
    return widen(LLVM::LoadOp::create(b, loc(), raw, address, bytes), storage);
  return widen(LLVM::MaskedLoadOp::create(b, loc(), raw, address, mask,
                                          zero(raw),
                                          b.getI32IntegerAttr(bytes)),
               storage);
}

void ElementEmitter::store(Value value, Value base, Value index, Type type) {
  if (type.isInteger(1))
    value = arith::ExtUIOp::create(b, loc(), b.getI8Type(), value);
  else if (type.isF64())
    value = arith::ExtFOp::create(b, loc(), type, value);
  else if (isa<FloatType>(type) && !type.isF32())
    value = arith::TruncFOp::create(b, loc(), type, value);
  else if (isa<IntegerType>(type) && !type.isInteger(64))
    value = arith::TruncIOp::create(b, loc(), type, value);
  storeRaw(value, base, index);
}

void ElementEmitter::storeRaw(Value value, Value base, Value index) {
  LLVM::StoreOp::create(b, loc(), value, element(base, index, value.getType()));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Value ElementEmitter::apply(Function function, Kind kind,
                            ArrayRef<Value> operands) {
  SmallVector<Value> x(operands);
  spreadAll(*this, x);
  switch (kind) {
  case Kind::Real:
    return applyReal(function, x);
  case Kind::Int:
    return applyInt(function, x);
  case Kind::Bool:
    return applyBool(function, x);
  }
  llvm_unreachable("all kinds are handled");
}

Value ElementEmitter::combine(Monoid monoid, Kind kind, Value x, Value y) {
  switch (monoid) {
  case Monoid::Sum:
    // A product that is summed may enter without being rounded.
    if (kind == Kind::Real) {
      SmallVector<Value> both{x, y};
      spreadAll(*this, both);
      return arith::AddFOp::create(b, loc(), both[0], both[1],
                                   arith::FastMathFlags::contract);
    }
    [[fallthrough]];
  case Monoid::Count:
    return apply(Function::Add, kind, {x, y});
  case Monoid::Max:
    return apply(Function::Max, kind, {x, y});
  case Monoid::Min:
    return apply(Function::Min, kind, {x, y});
  case Monoid::Any:
    return apply(Function::Or, kind, {x, y});
  case Monoid::All:
    return apply(Function::And, kind, {x, y});
  default:
    llvm_unreachable("a monoid of one value");
  }
}

/// A product may enter the sum of a reduction without being rounded, but no
/// other sum or difference: a field that is computed anew at each of its uses
/// would not be the same number at all of them, and a threshold that scores are
/// compared with and subtracted from would not fit them.
Value ElementEmitter::applyReal(Function function, ArrayRef<Value> x) {
  auto compare = [&](arith::CmpFPredicate predicate) -> Value {
    return arith::CmpFOp::create(b, loc(), predicate, x[0], x[1]);
  };
  switch (function) {
  case Function::Add:
    return arith::AddFOp::create(b, loc(), x[0], x[1]);
  case Function::Sub:
    return arith::SubFOp::create(b, loc(), x[0], x[1]);
  case Function::Mul:
    return arith::MulFOp::create(b, loc(), x[0], x[1],
                                 arith::FastMathFlags::contract);
  case Function::Div:
    return arith::DivFOp::create(b, loc(), x[0], x[1]);
  case Function::Neg:
    return arith::NegFOp::create(b, loc(), x[0]);
  case Function::Abs:
    return math::AbsFOp::create(b, loc(), x[0]);
  case Function::Max:
    return arith::MaximumFOp::create(b, loc(), x[0], x[1]);
  case Function::Min:
    return arith::MinimumFOp::create(b, loc(), x[0], x[1]);
  case Function::Pow:
    return math::PowFOp::create(b, loc(), x[0], x[1]);
  case Function::Exp:
    return math::ExpOp::create(b, loc(), x[0]);
  case Function::Log:
    return math::LogOp::create(b, loc(), x[0]);
  case Function::Sqrt:
    return math::SqrtOp::create(b, loc(), x[0]);
  case Function::Tanh:
    return math::TanhOp::create(b, loc(), x[0]);
  case Function::Sin:
    return math::SinOp::create(b, loc(), x[0]);
  case Function::Cos:
    return math::CosOp::create(b, loc(), x[0]);
  case Function::Erf:
    return math::ErfOp::create(b, loc(), x[0]);
  case Function::Floor:
    return math::FloorOp::create(b, loc(), x[0]);
  case Function::Ceil:
    return math::CeilOp::create(b, loc(), x[0]);
  case Function::Round:
    return math::RoundEvenOp::create(b, loc(), x[0]);
  case Function::Eq:
    return compare(arith::CmpFPredicate::OEQ);
  case Function::Ne:
    return compare(arith::CmpFPredicate::UNE);
  case Function::Lt:
    return compare(arith::CmpFPredicate::OLT);
  case Function::Le:
    return compare(arith::CmpFPredicate::OLE);
  case Function::Gt:
    return compare(arith::CmpFPredicate::OGT);
  case Function::Ge:
    return compare(arith::CmpFPredicate::OGE);
  case Function::Select:
    return select(x[0], x[1], x[2]);
  case Function::ToInt: {
    Type type = b.getI64Type();
    if (auto lanes = dyn_cast<VectorType>(x[0].getType()))
      type = VectorType::get(lanes.getShape(), type);
    return arith::FPToSIOp::create(b, loc(), type, x[0]);
  }
  default:
    llvm_unreachable("not a function of reals");
  }
}

Value ElementEmitter::applyInt(Function function, ArrayRef<Value> x) {
  auto compare = [&](arith::CmpIPredicate predicate) -> Value {
    return arith::CmpIOp::create(b, loc(), predicate, x[0], x[1]);
  };
  switch (function) {
  case Function::Add:
    return add(x[0], x[1]);
  case Function::Sub:
    return sub(x[0], x[1]);
  case Function::Mul:
    return mul(x[0], x[1]);
  case Function::FloorDiv:
    return arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
  case Function::Mod: {
    Value quotient = arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
    return sub(x[0], mul(quotient, x[1]));
  }
  case Function::Neg:
    return sub(zero(x[0].getType()), x[0]);
  case Function::Abs:
    return math::AbsIOp::create(b, loc(), x[0]);
  case Function::Max:
    return arith::MaxSIOp::create(b, loc(), x[0], x[1]);
  case Function::Min:
    return arith::MinSIOp::create(b, loc(), x[0], x[1]);
  case Function::Eq:
    return compare(arith::CmpIPredicate::eq);
  case Function::Ne:
    return compare(arith::CmpIPredicate::ne);
  case Function::Lt:
    return compare(arith::CmpIPredicate::slt);
  case Function::Le:
    return compare(arith::CmpIPredicate::sle);
  case Function::Gt:
    return compare(arith::CmpIPredicate::sgt);
  case Function::Ge:
    return compare(arith::CmpIPredicate::sge);
  case Function::Select:
    return select(x[0], x[1], x[2]);
  case Function::ToReal: {
    Type type = b.getF32Type();
    if (auto lanes = dyn_cast<VectorType>(x[0].getType()))
      type = VectorType::get(lanes.getShape(), type);
    return arith::SIToFPOp::create(b, loc(), type, x[0]);
  }
  default:
    llvm_unreachable("not a function of integers");
  }
}

Value ElementEmitter::applyBool(Function function, ArrayRef<Value> x) {
  auto like = [&](Type type) -> Type {
    if (auto lanes = dyn_cast<VectorType>(x[0].getType()))
      return VectorType::get(lanes.getShape(), type);
    return type;
  };
  switch (function) {
  case Function::Eq:
    return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq, x[0],
                                 x[1]);
  case Function::Ne:
    return arith::XOrIOp::create(b, loc(), x[0], x[1]);
  case Function::And:
    return arith::AndIOp::create(b, loc(), x[0], x[1]);
  case Function::Or:
    return arith::OrIOp::create(b, loc(), x[0], x[1]);
  case Function::Not:
    return negation(x[0]);
  case Function::Select:
    return select(x[0], x[1], x[2]);
  case Function::ToReal:
    return arith::UIToFPOp::create(b, loc(), like(b.getF32Type()), x[0]);
  case Function::ToInt:
    return arith::ExtUIOp::create(b, loc(), like(b.getI64Type()), x[0]);
  default:
    llvm_unreachable("not a function of truth values");
  }
}
