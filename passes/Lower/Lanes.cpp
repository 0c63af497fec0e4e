//===- Lanes.cpp - Scalars, vectors, memory and loops ---------------------===//

#include "passes/Lower/Lanes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value LaneBuilder::constant(int64_t value) {
  return arith::ConstantIntOp::create(b, loc(), value, 64);
}
Value LaneBuilder::real(double value) {
  return arith::ConstantOp::create(
      b, loc(), b.getF32FloatAttr(static_cast<float>(value)));
}
Value LaneBuilder::truth(bool value) {
  return arith::ConstantIntOp::create(b, loc(), value, 1);
}
Value LaneBuilder::add(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(loc(), x, y);
}
Value LaneBuilder::add(Value x, int64_t y) {
  return y ? add(x, constant(y)) : x;
}
Value LaneBuilder::sub(Value x, Value y) {
  return b.createOrFold<arith::SubIOp>(loc(), x, y);
}
Value LaneBuilder::mul(Value x, Value y) {
  return b.createOrFold<arith::MulIOp>(loc(), x, y);
}
Value LaneBuilder::mul(Value x, int64_t y) {
  return y == 1 ? x : mul(x, constant(y));
}
Value LaneBuilder::minimum(Value x, Value y) {
  return arith::MinSIOp::create(b, loc(), x, y);
}
Value LaneBuilder::maximum(Value x, Value y) {
  return arith::MaxSIOp::create(b, loc(), x, y);
}
Value LaneBuilder::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return arith::CmpIOp::create(b, loc(), predicate, x, y);
}
Value LaneBuilder::roundDown(Value x, int64_t unit) {
  return mul(arith::DivUIOp::create(b, loc(), x, constant(unit)), unit);
}
Value LaneBuilder::roundUp(Value x, int64_t unit) {
  return roundDown(add(x, unit - 1), unit);
}

//===----------------------------------------------------------------------===//
// Lane values
//===----------------------------------------------------------------------===//

VectorType LaneBuilder::vectorOf(Type element) {
  return VectorType::get({width}, element);
}

Value LaneBuilder::splat(double value) {
  return arith::ConstantOp::create(
      b, loc(),
      DenseElementsAttr::get(vectorOf(b.getF32Type()),
                             static_cast<float>(value)));
}

Value LaneBuilder::zeroVector() { return splat(0); }

Value LaneBuilder::broadcast(Value value) {
  if (isVector(value))
    return value;
  if (value.getType().isInteger(64))
    value = arith::TruncIOp::create(b, loc(), b.getI32Type(), value);
  return vector::BroadcastOp::create(b, loc(), vectorOf(value.getType()),
                                     value);
}

Value LaneBuilder::count(Value base) {
  SmallVector<int32_t> steps;
  for (unsigned i = 0; i < width; ++i)
    steps.push_back(i);
  Value step = arith::ConstantOp::create(
      b, loc(),
      DenseElementsAttr::get(vectorOf(b.getI32Type()),
                             ArrayRef<int32_t>(steps)));
  return arith::AddIOp::create(b, loc(), broadcast(base), step);
}

void LaneBuilder::match(Value &x, Value &y) {
  if (isVector(x) != isVector(y)) {
    x = broadcast(x);
    y = broadcast(y);
  }
}

Value LaneBuilder::both(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  match(x, y);
  return arith::AndIOp::create(b, loc(), x, y);
}

Value LaneBuilder::select(Value condition, Value x, Value y) {
  if (!condition)
    return x;
  if (isVector(condition)) {
    x = broadcast(x);
    y = broadcast(y);
  }
  match(x, y);
  return arith::SelectOp::create(b, loc(), condition, x, y);
}

Value LaneBuilder::fma(Value x, Value y, Value z) {
  return vector::FMAOp::create(b, loc(), broadcast(x), broadcast(y),
                               broadcast(z));
}

// `x > y ? x : y` is the one instruction of x86; it returns y where a NaN takes
// part. Of the two orders, the second operand is the newer value.
Value LaneBuilder::greater(Value x, Value y) {
  match(x, y);
  Value above =
      arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OGT, x, y);
  return arith::SelectOp::create(b, loc(), above, x, y);
}
Value LaneBuilder::smaller(Value x, Value y) {
  match(x, y);
  Value below =
      arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::OLT, x, y);
  return arith::SelectOp::create(b, loc(), below, x, y);
}

// Exchanges the off-diagonal blocks of size d of every block of size 2d, for
// d = 1, 2, 4, ...
void LaneBuilder::transpose(SmallVectorImpl<Value> &vectors) {
  for (int64_t d = 1; d < width; d *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t k = 0; k < width; ++k) {
      low.push_back(k & d ? k - d + width : k);
      high.push_back(k & d ? k + width : k + d);
    }
    for (int64_t i = 0; i < width; ++i) {
      if (i & d)
        continue;
      Value x = vectors[i], y = vectors[i + d];
      vectors[i] = vector::ShuffleOp::create(b, loc(), x, y, low);
      vectors[i + d] = vector::ShuffleOp::create(b, loc(), x, y, high);
    }
  }
}

Value LaneBuilder::anyLane(Value condition) {
  return vector::ReductionOp::create(b, loc(), vector::CombiningKind::OR,
                                     condition);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Type LaneBuilder::pointer() {
  return LLVM::LLVMPointerType::get(b.getContext());
}

/// Truth values take a byte in memory.
static Type stored(Type type) {
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type;
}

Value LaneBuilder::element(Value base, Value index, Type type) {
  Type result = pointer();
  if (isVector(index))
    result = VectorType::get({width}, result);
  return LLVM::GEPOp::create(b, loc(), result, stored(type), base,
                             ValueRange{index});
}

Value LaneBuilder::loadScalar(Value address, Type type) {
  return LLVM::LoadOp::create(b, loc(), stored(type), address);
}

Value LaneBuilder::loadVector(Value address, Type elementType, unsigned lanes) {
  Type type = VectorType::get({lanes ? lanes : width}, stored(elementType));
  unsigned align = stored(elementType).getIntOrFloatBitWidth() / 8;
  return LLVM::LoadOp::create(b, loc(), type, address, align);
}

void LaneBuilder::store(Value value, Value address) {
  Type element = value.getType();
  if (auto vector = dyn_cast<VectorType>(element))
    element = vector.getElementType();
  LLVM::StoreOp::create(b, loc(), value, address,
                        element.getIntOrFloatBitWidth() / 8);
}

void LaneBuilder::prefetch(Value address) {
  // A read, of data, into the second-level cache.
  LLVM::Prefetch::create(b, loc(), address, 0, 2, 1);
}

/// `type` as an element, in the shape of `like`.
static Type inShapeOf(Value like, Type type) {
  if (auto vector = dyn_cast<VectorType>(like.getType()))
    return VectorType::get(vector.getShape(), type);
  return type;
}

Value LaneBuilder::decode(Value raw, Type storage) {
  if (storage.isInteger(1)) {
    Value zero =
        arith::ConstantOp::create(b, loc(), b.getZeroAttr(raw.getType()));
    return compare(arith::CmpIPredicate::ne, raw, zero);
  }
  if (storage.isF32())
    return raw;
  if (storage.isF64())
    return arith::TruncFOp::create(b, loc(), inShapeOf(raw, b.getF32Type()),
                                   raw);
  if (isa<FloatType>(storage))
    return arith::ExtFOp::create(b, loc(), inShapeOf(raw, b.getF32Type()), raw);
  // Scalar integers are i64, those in vectors i32.
  unsigned bits = isVector(raw) ? 32 : 64;
  Type type = inShapeOf(raw, b.getIntegerType(bits));
  unsigned have = storage.getIntOrFloatBitWidth();
  if (have == bits)
    return raw;
  if (have > bits)
    return arith::TruncIOp::create(b, loc(), type, raw);
  return arith::ExtSIOp::create(b, loc(), type, raw);
}

Value LaneBuilder::encode(Value value, Type storage) {
  Type type = inShapeOf(value, stored(storage));
  if (value.getType() == type)
    return value;
  if (storage.isInteger(1))
    return arith::ExtUIOp::create(b, loc(), type, value);
  if (storage.isF64())
    return arith::ExtFOp::create(b, loc(), type, value);
  if (isa<FloatType>(storage))
    return arith::TruncFOp::create(b, loc(), type, value);
  unsigned have = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  if (have > storage.getIntOrFloatBitWidth())
    return arith::TruncIOp::create(b, loc(), type, value);
  return arith::ExtSIOp::create(b, loc(), type, value);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

SmallVector<Value> LaneBuilder::loop(Value from, Value to, int64_t step,
                                     ValueRange init, LoopBody body) {
  auto op = scf::ForOp::create(
      b, loc(), from, to, constant(step), init,
      [&](OpBuilder &inner, Location, Value i, ValueRange carried) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToEnd(inner.getInsertionBlock());
        SmallVector<Value> next = body(i, carried);
        scf::YieldOp::create(b, loc(), next);
      });
  return llvm::to_vector_of<Value>(op.getResults());
}

void LaneBuilder::loop(Value from, Value to, int64_t step,
                       function_ref<void(Value)> body) {
  loop(from, to, step, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
    body(i);
    return {};
  });
}

void LaneBuilder::ifThen(Value condition, function_ref<void()> then,
                         function_ref<void()> otherwise) {
  auto op = scf::IfOp::create(b, loc(), condition,
                              /*withElseRegion=*/otherwise != nullptr);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  then();
  if (!otherwise)
    return;
  b.setInsertionPointToStart(op.elseBlock());
  otherwise();
}
