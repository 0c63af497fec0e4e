//===- DeviceElements.cpp - Elements of fields in a GPU's thread ----------===//

#include "passes/Lower/Threads/DeviceElements.h"

#include "passes/Lower/Threads/DeviceFunctions.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

void DeviceElements::listParameters(SmallVectorImpl<std::string> &names,
                                    SmallVectorImpl<Type> &types) {
  auto list = [&](const Twine &name, Type type) {
    names.push_back(name.str());
    types.push_back(type);
  };
  Type i64 = b.getI64Type();
  SmallVector<const KernelInterface::Tensor *> tensors;
  for (auto &tensor : interface.inputs)
    tensors.push_back(&tensor);
  for (auto &tensor : interface.outputs)
    tensors.push_back(&tensor);
  for (auto *tensor : tensors)
    list(tensor->name, i64);
  for (auto *tensor : tensors)
    for (size_t dim = 0; dim < tensor->dims.size(); ++dim)
      list("stride " + tensor->name + "." + Twine(dim), i64);
  for (const std::string &rank : interface.ranks)
    list("|" + rank + "|", i64);
  for (auto param : kernel.getBody().getOps<ParamOp>()) {
    bool isReal = param.getResult().getType().getKind() == Kind::Real;
    list(param.getName(), isReal ? Type(b.getF32Type()) : i64);
    list("has " + param.getName(), b.getI32Type());
  }
}

void DeviceElements::beginRegion(Block &block) {
  b.setInsertionPointToEnd(&block);
  openScope();
  auto next = block.getArguments().begin();
  unsigned tensors = interface.inputs.size() + interface.outputs.size();
  data.clear();
  strides.clear();
  extents.clear();
  params.clear();
  for (unsigned i = 0; i < tensors; ++i)
    data.push_back(*next++);
  for (unsigned i = 0, e = interface.firstStride(tensors); i < e; ++i)
    strides.push_back(*next++);
  for (const std::string &rank : interface.ranks)
    extents[rank] = *next++;
  for (size_t i = 0; i < interface.params.size(); ++i) {
    Value value = *next++, given = *next++;
    params.push_back({value, given});
  }
  for (auto rank : kernel.getBody().getOps<RankOp>())
    if (rank.getExtent())
      extents[rank.getName()] = emit(rank.getExtent(), {}).value;
}

Element DeviceElements::emitParam(ParamOp param, const Coordinates &at) {
  auto [value, given] = params[numberOf(param)];
  if (param.getResult().getType().getKind() == Kind::Bool)
    value = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, value,
                                  constant(0));
  if (!param.getFallback())
    return {value, {}};
  Value has = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, given,
                                    integer(0));
  return {select(has, value, emit(param.getFallback(), at).value), {}};
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// The type that a value of `type` has in memory.
static Type inMemory(Type type) {
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type;
}

Value DeviceElements::integer(int64_t value) {
  return arith::ConstantIntOp::create(b, loc(), value, 32);
}

Value DeviceElements::narrow(Value value) {
  return arith::TruncIOp::create(b, loc(), b.getI32Type(), value);
}

Value DeviceElements::element(Value base, Value index, Type type) {
  return add(base, mul(index, constant(device::sizeInBytes(inMemory(type)))));
}

Value DeviceElements::loadRaw(Value base, Value index, Type type) {
  return device::LoadOp::create(b, loc(), inMemory(type), device::Space::Global,
                                element(base, index, type), constant(0),
                                /*readonly=*/true);
}

void DeviceElements::storeRaw(Value value, Value base, Value index) {
  device::StoreOp::create(b, loc(), device::Space::Global, value,
                          element(base, index, value.getType()), constant(0));
}

Value DeviceElements::loadShared(Value address, Type type) {
  Value raw = device::LoadOp::create(b, loc(), inMemory(type),
                                     device::Space::Shared, address, integer(0),
                                     /*readonly=*/false);
  if (!type.isInteger(1))
    return raw;
  return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, raw,
                               zero(raw.getType()));
}

void DeviceElements::storeShared(Value value, Value address) {
  if (value.getType().isInteger(1))
    value = arith::ExtUIOp::create(b, loc(), b.getI8Type(), value);
  device::StoreOp::create(b, loc(), device::Space::Shared, value, address,
                          integer(0));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

Value DeviceElements::apply(Function function, Kind kind,
                            ArrayRef<Value> operands) {
  if (function == Function::ToInt && kind == Kind::Real) {
    // Truncates and saturates, and of a NaN it is 0.
    Value isNumber = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::ORD,
                                           operands[0], operands[0]);
    Value number = select(isNumber, operands[0], real(0));
    return arith::FPToSIOp::create(b, loc(), b.getI64Type(), number);
  }
  if (kind != Kind::Bool)
    if (Value result = DeviceFunctions(b, loc()).apply(function, operands))
      return result;
  return ElementEmitter::apply(function, kind, operands);
}

bool einfall::mayDivideByZero(MapOp map) {
  if (map.getFunction() != Function::FloorDiv &&
      map.getFunction() != Function::Mod)
    return false;
  Value divisor = map.getOperands()[1];
  if (auto constant = divisor.getDefiningOp<ConstOp>())
    return cast<IntegerAttr>(constant.getValue()).getInt() == 0;
  // A rank that has a coordinate has an extent.
  auto extent = divisor.getDefiningOp<ExtentOp>();
  return !extent || !fieldType(map.getOperands()[0]).hasRank(extent.getRank());
}

Element DeviceElements::emitMap(MapOp map, const Coordinates &at) {
  Function function = map.getFunction();
  if (function != Function::FloorDiv && function != Function::Mod)
    return ElementEmitter::emitMap(map, at);
  Element x = emit(map.getOperands()[0], at);
  Element y = emit(map.getOperands()[1], at);
  Value present = conjunction(x.present, y.present);
  Value divisor = y.value;
  if (mayDivideByZero(map)) {
    Value some = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne,
                                       divisor, constant(0));
    divisor = select(some, divisor, constant(1));
    present = conjunction(present, some);
  }
  return {apply(function, Kind::Int, {x.value, divisor}), present};
}
