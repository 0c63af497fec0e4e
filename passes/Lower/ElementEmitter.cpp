//===- ElementEmitter.cpp - Elements of fields as code --------------------===//

#include "passes/Lower/ElementEmitter.h"

#include "dialect/Cascade/Inside.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

ElementEmitter::ElementEmitter(KernelOp kernel)
    : kernel(kernel), interface(KernelInterface::of(kernel)),
      b(kernel->getContext()) {}

LogicalResult ElementEmitter::checkStorage(StringRef target) {
  LogicalResult result = success();
  auto check = [&](Operation *op, Type type) {
    if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 16)
      result = op->emitError() << "storage type " << type
                               << " is not lowered to " << target << " yet";
  };
  for (auto input : kernel.getBody().getOps<InputOp>()) {
    check(input, input.getResult().getType().getElement());
    if (input.getPacked())
      result = input.emitError()
               << "packed storage is not lowered to " << target << " yet";
  }
  for (auto output : kernel.getBody().getOps<OutputOp>())
    check(output, output.getStorage());
  return result;
}

//===----------------------------------------------------------------------===//
// Functions and regions
//===----------------------------------------------------------------------===//

Operation *ElementEmitter::beginFunction(StringRef suffix, TypeRange inputs,
                                         TypeRange results) {
  b.setInsertionPoint(kernel);
  auto function =
      func::FuncOp::create(b, loc(), (kernel.getSymName() + suffix).str(),
                           b.getFunctionType(inputs, results));
  b.setInsertionPointToStart(function.addEntryBlock());
  scopes.clear();
  openScope();
  extents.clear();
  Value arguments = function.getArgument(0);
  auto field = [&](int64_t number) {
    return loadRaw(arguments, constant(number), pointer());
  };
  Value dataPointers = field(0), stridePointer = field(1),
        extentPointer = field(2);
  paramPointers = field(3);
  unsigned tensors = interface.inputs.size() + interface.outputs.size();
  data.clear();
  for (unsigned i = 0; i < tensors; ++i)
    data.push_back(loadRaw(dataPointers, constant(i), pointer()));
  strides.clear();
  for (unsigned i = 0, e = interface.firstStride(tensors); i < e; ++i)
    strides.push_back(loadRaw(stridePointer, constant(i), b.getI64Type()));
  for (auto [i, rank] : llvm::enumerate(interface.ranks))
    extents[rank] = loadRaw(extentPointer, constant(i), b.getI64Type());
  for (auto rank : kernel.getBody().getOps<RankOp>())
    if (rank.getExtent())
      extents[rank.getName()] = emit(rank.getExtent(), {}).value;
  return function;
}

void ElementEmitter::endFunction(ValueRange results) {
  func::ReturnOp::create(b, loc(), results);
}

SmallVector<Value> ElementEmitter::loop(
    Value from, Value to, int64_t step, ValueRange init,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto op = scf::ForOp::create(b, loc(), from, to, constant(step), init);
  OpBuilder::InsertionGuard guard(b);
  // A loop that carries nothing is made with its terminator.
  if (!op.getBody()->empty())
    op.getBody()->back().erase();
  b.setInsertionPointToEnd(op.getBody());
  openScope();
  SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
  closeScope();
  scf::YieldOp::create(b, loc(), next);
  return llvm::to_vector_of<Value>(op.getResults());
}

SmallVector<Value>
ElementEmitter::branch(Value condition, TypeRange types,
                       llvm::function_ref<SmallVector<Value>()> then,
                       llvm::function_ref<SmallVector<Value>()> otherwise) {
  auto op = scf::IfOp::create(b, loc(), types, condition, true);
  OpBuilder::InsertionGuard guard(b);
  auto fill = [&](Block *block, function_ref<SmallVector<Value>()> emit) {
    if (!block->empty())
      block->back().erase();
    b.setInsertionPointToEnd(block);
    openScope();
    SmallVector<Value> values = emit();
    closeScope();
    scf::YieldOp::create(b, loc(), values);
  };
  fill(op.thenBlock(), then);
  fill(op.elseBlock(), otherwise);
  return llvm::to_vector_of<Value>(op.getResults());
}

Element ElementEmitter::guarded(Value condition, Kind kind,
                                llvm::function_ref<Element()> body) {
  Type type = elementType(kind);
  SmallVector<Value> result = branch(
      condition, {type, b.getI1Type()},
      [&]() -> SmallVector<Value> {
        Element element = body();
        return {element.value, element.present ? element.present : truth(true)};
      },
      [&]() -> SmallVector<Value> {
        return {zero(type), truth(false)};
      });
  return {result[0], result[1]};
}

//===----------------------------------------------------------------------===//
// Fields
//===----------------------------------------------------------------------===//

Element ElementEmitter::emit(Value field, const Coordinates &at) {
  if (given)
    if (std::optional<Element> element = given(field, at))
      return *element;
  // Within one region a field is computed once at the same coordinates.
  SmallVector<void *> key{field.getAsOpaquePointer()};
  for (StringRef rank : fieldType(field).getRankNames()) {
    const Coordinate &coordinate = at.at(rank);
    key.push_back(coordinate.index.getAsOpaquePointer());
    key.push_back(coordinate.mask ? coordinate.mask.getAsOpaquePointer()
                                  : nullptr);
    key.push_back(reinterpret_cast<void *>(uintptr_t(coordinate.lanes)));
  }
  for (auto &scope : scopes)
    if (auto it = scope.find(key); it != scope.end())
      return it->second;
  Element element = emitHere(field, at);
  scopes.back()[key] = element;
  return element;
}

Element ElementEmitter::emitHere(Value field, const Coordinates &at) {
  return TypeSwitch<Operation *, Element>(field.getDefiningOp())
      .Case<ConstOp>([&](ConstOp op) -> Element {
        Kind kind = op.getResult().getType().getKind();
        if (kind == Kind::Real)
          return {real(cast<FloatAttr>(op.getValue()).getValueAsDouble()), {}};
        int64_t value = cast<IntegerAttr>(op.getValue()).getInt();
        return {kind == Kind::Int ? constant(value) : truth(value), {}};
      })
      .Case<CoordOp>([&](CoordOp op) -> Element {
        const Coordinate &coordinate = at.at(op.getRank());
        if (!coordinate.lanes)
          return {coordinate.index, {}};
        return {add(coordinate.index, iota(coordinate.lanes)), {}};
      })
      .Case<ExtentOp>([&](ExtentOp op) -> Element {
        return {extent(op.getRank()), {}};
      })
      .Case<ParamOp>([&](ParamOp op) { return emitParam(op, at); })
      .Case<ReadOp>([&](ReadOp op) { return emitRead(op, at); })
      .Case<MapOp>([&](MapOp op) { return emitMap(op, at); })
      .Case<WhereOp>([&](WhereOp op) -> Element {
        Element value = emit(op.getValue(), at);
        Element condition = emit(op.getCondition(), at);
        return {value.value,
                conjunction(value.present,
                            conjunction(condition.present, condition.value))};
      })
      .Case<OrElseOp>([&](OrElseOp op) -> Element {
        Element value = emit(op.getValue(), at);
        if (!value.present)
          return value;
        Element fallback = emit(op.getFallback(), at);
        Value present;
        if (fallback.present)
          present = disjunction(value.present, fallback.present);
        return {select(value.present, value.value, fallback.value), present};
      })
      .Case<PresentOp>([&](PresentOp op) -> Element {
        Value present = emitPresence(op.getValue(), at);
        return {present ? present : truth(true), {}};
      })
      .Case<AtOp>([&](AtOp op) { return emitAt(op, at); })
      .Case<ReduceOp>([&](ReduceOp op) { return reduction(op, at); })
      .Default([&](Operation *) -> Element {
        llvm_unreachable("the results of folds are given by the caller");
      });
}

Value ElementEmitter::emitPresence(Value field, const Coordinates &at) {
  Operation *op = field.getDefiningOp();
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
    if (reduce.getMonoid() == Monoid::Sum ||
        reduce.getMonoid() == Monoid::Count ||
        reduce.getMonoid() == Monoid::Any || reduce.getMonoid() == Monoid::All)
      return {};
  if (given)
    if (std::optional<Element> element = given(field, at))
      return element->present;
  // A reference of a fold is present wherever the value that moved it is.
  if (!op || isa<ConstOp, CoordOp, ExtentOp, ParamOp, PresentOp>(op))
    return {};
  if (auto where = dyn_cast<WhereOp>(op)) {
    Element condition = emit(where.getCondition(), at);
    return conjunction(emitPresence(where.getValue(), at),
                       conjunction(condition.present, condition.value));
  }
  Value present;
  if (isa<MapOp>(op)) {
    for (Value operand : op->getOperands())
      present = conjunction(present, emitPresence(operand, at));
    return present;
  }
  if (auto read = dyn_cast<ReadOp>(op)) {
    auto input = read.getTensor().getDefiningOp<InputOp>();
    for (auto [i, dim] : llvm::enumerate(names(input.getDims()))) {
      Value index = read.getIndices()[i];
      present = conjunction(present, emitPresence(index, at));
      if (!isInside(read, i))
        present =
            conjunction(present, inside(emit(index, at).value, extent(dim)));
    }
    return present;
  }
  return emit(field, at).present;
}

Element ElementEmitter::emitParam(ParamOp param, const Coordinates &at) {
  Value address = loadRaw(paramPointers, constant(numberOf(param)), pointer());
  Type type = elementType(param.getResult().getType().getKind());
  auto read = [&]() -> Value {
    Value value = loadRaw(address, constant(0), b.getF64Type());
    if (type.isF32())
      return arith::TruncFOp::create(b, loc(), type, value);
    Value integer = arith::FPToSIOp::create(b, loc(), b.getI64Type(), value);
    if (type.isInteger(64))
      return integer;
    return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, integer,
                                 constant(0));
  };
  if (!param.getFallback())
    return {read(), {}};
  Value null = LLVM::ZeroOp::create(b, loc(), pointer());
  Value missing =
      LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::eq, address, null);
  auto fallback = [&]() -> SmallVector<Value> {
    return {emit(param.getFallback(), at).value};
  };
  auto value = [&]() -> SmallVector<Value> { return {read()}; };
  return {branch(missing, {type}, fallback, value)[0], {}};
}

Value ElementEmitter::stride(unsigned tensor, unsigned dimension) {
  return strides[interface.firstStride(tensor) + dimension];
}

/// 0 <= index < size, as one unsigned comparison.
Value ElementEmitter::inside(Value index, Value size) {
  return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ult, index,
                               spread(size, index.getType()));
}

Element ElementEmitter::emitRead(ReadOp read, const Coordinates &at) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  unsigned number = numberOf(input);
  SmallVector<StringRef> dims = names(input.getDims());
  SmallVector<Value> indices, presences;
  LanesRead lane;
  for (auto [i, index] : llvm::enumerate(read.getIndices())) {
    auto coord = index.getDefiningOp<CoordOp>();
    bool plain = coord && coord.getRank() == dims[i];
    if (plain && at.at(coord.getRank()).lanes) {
      const Coordinate &coordinate = at.at(coord.getRank());
      Value own = stride(number, i);
      lane.lanes = coordinate.lanes;
      lane.mask = coordinate.mask;
      lane.stride = lane.stride ? add(lane.stride, own) : own;
      lane.rank = coord.getRank();
      indices.push_back(coordinate.index);
      presences.push_back({});
      continue;
    }
    Element element = emit(index, at);
    indices.push_back(element.value);
    presences.push_back(element.present);
    if (auto type = dyn_cast<VectorType>(element.value.getType())) {
      lane.lanes = type.getNumElements();
      lane.consecutive = false;
      for (auto &[rank, coordinate] : at)
        if (coordinate.lanes && fieldType(index).hasRank(rank))
          lane.mask = coordinate.mask;
    }
  }
  // What other coordinates read at the same place is read once.
  SmallVector<void *> key{read.getTensor().getAsOpaquePointer(),
                          const_cast<char *>(lane.rank.data()),
                          reinterpret_cast<void *>(uintptr_t(lane.lanes)),
                          lane.mask ? lane.mask.getAsOpaquePointer() : nullptr};
  for (auto [index, present] : llvm::zip(indices, presences)) {
    key.push_back(index.getAsOpaquePointer());
    key.push_back(present ? present.getAsOpaquePointer() : nullptr);
  }
  for (auto &scope : scopes)
    if (auto it = scope.find(key); it != scope.end())
      return it->second;
  Value condition;
  for (auto [i, index] : llvm::enumerate(indices)) {
    condition = conjunction(condition, presences[i]);
    if (!isInside(read, i))
      condition = conjunction(condition, inside(index, extent(dims[i])));
  }
  Element element = readAt(read, indices, condition, lane);
  scopes.back()[key] = element;
  return element;
}

Value ElementEmitter::addressOf(ReadOp read, const Coordinates &at) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  unsigned number = numberOf(input);
  Value offset = constant(0);
  for (auto [i, index] : llvm::enumerate(read.getIndices()))
    offset = add(offset, mul(emit(index, at).value, stride(number, i)));
  return element(data[number], offset,
                 input.getResult().getType().getElement());
}

Value ElementEmitter::strideAlong(ReadOp read, StringRef rank) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  Value sum = constant(0);
  for (auto [i, index] : llvm::enumerate(read.getIndices()))
    if (auto coord = index.getDefiningOp<CoordOp>();
        coord && coord.getRank() == rank)
      sum = add(sum, stride(numberOf(input), i));
  return sum;
}

Element ElementEmitter::readAt(ReadOp read, ArrayRef<Value> indices,
                               Value condition, const LanesRead &lane) {
  auto input = read.getTensor().getDefiningOp<InputOp>();
  unsigned number = numberOf(input);
  SmallVector<StringRef> dims = names(input.getDims());
  Type storage = input.getResult().getType().getElement();
  unsigned lanes = lane.lanes;
  auto offset = [&] {
    Value sum = constant(0);
    for (auto [i, index] : llvm::enumerate(indices))
      sum = add(sum, mul(index, stride(number, i)));
    return sum;
  };
  Kind kind = *storageKind(storage);
  if (!lanes) {
    if (!condition)
      return {load(data[number], offset(), storage), {}};
    return guarded(condition, kind, [&]() -> Element {
      return {load(data[number], offset(), storage), {}};
    });
  }
  // Lanes: the mask keeps accesses inside the tensor.
  auto i64 = VectorType::get(lanes, b.getI64Type());
  auto i1 = VectorType::get(lanes, b.getI1Type());
  Value inBounds = condition ? spread(condition, i1) : Value();
  Value touched = conjunction(inBounds, lane.mask);
  auto contiguous = [&]() -> Value {
    Value address = element(data[number], offset(), storage);
    return loadLanes(address, storage, lanes, touched);
  };
  auto gather = [&]() -> Value {
    Value index = spread(offset(), i64);
    if (lane.stride)
      index = add(index, mul(iota(lanes), lane.stride));
    Type stored = storage.isInteger(1) ? b.getI8Type() : storage;
    Value addresses =
        LLVM::GEPOp::create(b, loc(), VectorType::get(lanes, pointer()), stored,
                            data[number], ValueRange{index});
    Type raw = VectorType::get(lanes, stored);
    Value all = touched ? touched : spread(truth(true), i1);
    return widen(LLVM::masked_gather::create(
                     b, loc(), raw, addresses, all, ValueRange{zero(raw)},
                     b.getI32IntegerAttr(stored.getIntOrFloatBitWidth() / 8)),
                 storage);
  };
  if (!lane.consecutive || laneAccess == LaneAccess::Strided)
    return {gather(), inBounds};
  if (laneAccess == LaneAccess::Dense &&
      llvm::is_contained(denseRanks, lane.rank))
    return {contiguous(), inBounds};
  Value dense = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                      lane.stride, constant(1));
  Value value = branch(
      dense, {VectorType::get(lanes, elementType(kind))},
      [&]() -> SmallVector<Value> { return {contiguous()}; },
      [&]() -> SmallVector<Value> { return {gather()}; })[0];
  return {value, inBounds};
}

Value ElementEmitter::unitStrides(ArrayRef<StringRef> ranks) {
  Value all = truth(true);
  for (auto [number, input] : llvm::enumerate(interface.inputs))
    for (auto [i, dim] : llvm::enumerate(input.dims))
      if (llvm::is_contained(ranks, dim))
        all = conjunction(
            all, arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                       stride(number, i), constant(1)));
  return all;
}

Element ElementEmitter::emitAt(AtOp op, const Coordinates &at) {
  Coordinates inner = at;
  Value condition;
  for (auto [rank, index] : llvm::zip(names(op.getRanks()), op.getIndices())) {
    Element element = emit(index, at);
    condition = conjunction(
        condition,
        conjunction(element.present, inside(element.value, extent(rank))));
    inner[rank] = {element.value};
  }
  return guarded(condition, fieldType(op.getValue()).getKind(),
                 [&] { return emit(op.getValue(), inner); });
}

Element ElementEmitter::emitMap(MapOp map, const Coordinates &at) {
  SmallVector<Value> operands;
  Value present;
  for (Value operand : map.getOperands()) {
    Element element = emit(operand, at);
    operands.push_back(element.value);
    present = conjunction(present, element.present);
  }
  Kind kind = fieldType(map.getOperands().back()).getKind();
  return {apply(map.getFunction(), kind, operands), present};
}

void ElementEmitter::storeOutput(OutputOp output, const Coordinates &at) {
  unsigned number = interface.inputs.size() + numberOf(output);
  Element result = emit(output.getValue(), at);
  if (output.getFiller() && result.present)
    result.value = select(result.present, result.value,
                          emit(output.getFiller(), at).value);
  Value offset = constant(0), laneStride;
  Coordinate lane;
  for (auto [i, rank] : llvm::enumerate(names(output.getDims()))) {
    const Coordinate &coordinate = at.at(rank);
    offset = add(offset, mul(coordinate.index, stride(number, i)));
    if (coordinate.lanes) {
      laneStride = stride(number, i);
      lane = coordinate;
    }
  }
  Type storage = output.getStorage();
  if (!laneStride)
    return store(result.value, data[number], offset, storage);
  auto pick = [&](Value value, unsigned i) -> Value {
    if (!isa<VectorType>(value.getType()))
      return value;
    return vector::ExtractOp::create(b, loc(), value, i);
  };
  for (unsigned i = 0; i < lane.lanes; ++i) {
    auto put = [&]() -> SmallVector<Value> {
      store(pick(result.value, i), data[number],
            add(offset, mul(constant(i), laneStride)), storage);
      return {};
    };
    if (lane.mask)
      branch(pick(lane.mask, i), {}, put, [] { return SmallVector<Value>(); });
    else
      put();
  }
}
