//===- FieldEmitter.cpp - Fields evaluated at vectors of coordinates ------===//

#include "passes/Lower/FieldEmitter.h"

#include "dialect/Cascade/Inside.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

FieldEmitter::FieldEmitter(KernelOp kernel, unsigned width, bool scalef,
                           unsigned rowVectors)
    : LaneBuilder(kernel->getContext(), kernel.getLoc(), width, scalef),
      kernel(kernel), interface(KernelInterface::of(kernel)),
      rowVectors(rowVectors) {}

bool einfall::isCostly(Function function) {
  switch (function) {
  case Function::Div:
  case Function::Pow:
  case Function::Exp:
  case Function::Log:
  case Function::Sqrt:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
    return true;
  default:
    return false;
  }
}

void FieldEmitter::loadArguments(Value arguments) {
  auto word = [&](Value base, int64_t number, Type type) {
    return loadScalar(element(base, constant(number), type), type);
  };
  Value dataPointers = word(arguments, 0, pointer());
  Value stridePointer = word(arguments, 1, pointer());
  Value extentPointer = word(arguments, 2, pointer());
  params = word(arguments, 3, pointer());
  threads = word(arguments, 4, b.getI64Type());
  unsigned tensors = interface.inputs.size() + interface.outputs.size();
  data.clear();
  strides.clear();
  extents.clear();
  bindings.clear();
  for (unsigned i = 0; i < tensors; ++i)
    data.push_back(word(dataPointers, i, pointer()));
  for (unsigned i = 0, e = interface.firstStride(tensors); i < e; ++i)
    strides.push_back(word(stridePointer, i, b.getI64Type()));
  for (auto [i, rank] : llvm::enumerate(interface.ranks))
    extents[rank] = word(extentPointer, i, b.getI64Type());
  computeExtents();
  Point none;
  for (auto param : kernel.getBody().getOps<ParamOp>())
    bindings[param.getResult()] = {Binding::Register, {readParam(param, none)}};
}

/// Made of constants and extents.
static bool isExtentExpression(Value field) {
  Operation *op = field.getDefiningOp();
  if (isa_and_nonnull<MapOp>(op))
    return llvm::all_of(op->getOperands(), isExtentExpression);
  return isa_and_nonnull<ConstOp, ExtentOp>(op);
}

void FieldEmitter::computeExtents() {
  Point none;
  for (auto rank : kernel.getBody().getOps<RankOp>())
    if (rank.getExtent() && isExtentExpression(rank.getExtent())) {
      Memo memo;
      extents[rank.getName()] = eval(rank.getExtent(), none, memo).value;
    }
}

Lanes FieldEmitter::readParam(ParamOp param, const Point &point) {
  Value given = loadScalar(
      element(params, constant(numberOf(param)), pointer()), pointer());
  Kind kind = param.getResult().getType().getKind();
  Type type = kind == Kind::Real  ? Type(b.getF32Type())
              : kind == Kind::Int ? Type(b.getI64Type())
                                  : Type(b.getI1Type());
  auto read = [&]() -> Value {
    Value value = loadScalar(given, b.getF64Type());
    if (kind == Kind::Real)
      return arith::TruncFOp::create(b, loc(), type, value);
    Value integer = arith::FPToSIOp::create(b, loc(), b.getI64Type(), value);
    return kind == Kind::Int
               ? integer
               : compare(arith::CmpIPredicate::ne, integer, constant(0));
  };
  if (!param.getFallback())
    return {read(), nullptr};
  Value null = LLVM::ZeroOp::create(b, loc(), pointer());
  Value missing =
      LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::eq, given, null);
  auto op = scf::IfOp::create(b, loc(), TypeRange{type}, missing, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  Memo memo;
  scf::YieldOp::create(b, loc(), eval(param.getFallback(), point, memo).value);
  b.setInsertionPointToStart(op.elseBlock());
  scf::YieldOp::create(b, loc(), read());
  return {op.getResult(0), nullptr};
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

Lanes FieldEmitter::load(const Binding &binding, Value field,
                         const Point &point) {
  Type f32 = b.getF32Type();
  int64_t rows = rowVectors * width;
  auto at = [&](Value row, int64_t size) {
    return element(binding.address,
                   add(mul(row, size), int64_t(point.part) * width), f32);
  };
  Lanes result;
  switch (binding.kind) {
  case Binding::Register:
    result = binding.parts[0];
    break;
  case Binding::Rows:
    result = binding.parts[point.part];
    break;
  case Binding::RowBuffer:
    result.value = loadVector(at(point.group, rows), f32);
    break;
  case Binding::Matrix: {
    Value row = add(mul(point.group, binding.featureRows),
                    point.at.at(binding.feature));
    result.value = loadVector(at(row, rows), f32);
    break;
  }
  case Binding::Tile:
    result.value = loadVector(at(point.local, rows), f32);
    break;
  case Binding::Stream:
    result.value = loadScalar(element(binding.address, point.local, f32), f32);
    break;
  }
  if (binding.sentinel && !point.whole) {
    Value absent = isVector(result.value) ? splat(*binding.sentinel)
                                          : real(*binding.sentinel);
    result.present = arith::CmpFOp::create(b, loc(), arith::CmpFPredicate::UNE,
                                           result.value, absent);
  }
  return result;
}

Lanes FieldEmitter::eval(Value field, const Point &point, Memo &memo) {
  if (auto it = memo.find(field); it != memo.end())
    return it->second;
  Lanes result;
  if (auto it = bindings.find(field); it != bindings.end()) {
    result = load(it->second, field, point);
    if (it->second.isKept && !point.whole)
      result.present = presence(field, point, memo);
  } else {
    result = compute(field, point, memo);
  }
  if (point.whole)
    result.present = nullptr;
  memo[field] = result;
  return result;
}

/// `x - r` for a reference r of the fold at hand.
static bool isDistance(Value field) {
  auto map = field.getDefiningOp<MapOp>();
  if (!map || map.getFunction() != Function::Sub)
    return false;
  auto reference = dyn_cast<BlockArgument>(map.getOperands()[1]);
  if (!reference)
    return false;
  // Both regions have their references first, `act` the old and the new ones.
  auto fold = dyn_cast<FoldOp>(reference.getOwner()->getParentOp());
  return fold && reference.getArgNumber() < 2 * fold.getReferences();
}

Lanes FieldEmitter::compute(Value field, const Point &point, Memo &memo) {
  Operation *op = field.getDefiningOp();
  return TypeSwitch<Operation *, Lanes>(op)
      .Case<ConstOp>([&](ConstOp c) -> Lanes {
        Kind kind = c.getResult().getType().getKind();
        if (kind == Kind::Real)
          return {real(cast<FloatAttr>(c.getValue()).getValueAsDouble()),
                  nullptr};
        APInt value = cast<IntegerAttr>(c.getValue()).getValue();
        return {kind == Kind::Int ? constant(value.getSExtValue())
                                  : truth(!value.isZero()),
                nullptr};
      })
      .Case<CoordOp>([&](CoordOp c) -> Lanes {
        if (c.getRank() == point.lane)
          return {count(point.base), nullptr};
        return {point.at.at(c.getRank()), nullptr};
      })
      .Case<ExtentOp>([&](ExtentOp e) -> Lanes {
        return {extent(e.getRank()), nullptr};
      })
      .Case<ReadOp>([&](ReadOp r) { return read(r, point, memo); })
      .Case<MapOp>([&](MapOp map) -> Lanes {
        SmallVector<Value> x;
        Value present;
        if (auto it = reciprocals.find(field); it != reciprocals.end()) {
          Lanes numerator = eval(map.getOperands()[0], point, memo);
          Lanes factor = it->second.parts[point.part];
          return {apply(Function::Mul, {numerator.value, factor.value}),
                  both(numerator.present, factor.present)};
        }
        for (Value operand : map.getOperands()) {
          Lanes lanes = eval(operand, point, memo);
          x.push_back(lanes.value);
          present = both(present, lanes.present);
        }
        if (map.getFunction() == Function::Exp &&
            isDistance(map.getOperands()[0])) {
          auto distance = map.getOperands()[0].getDefiningOp<MapOp>();
          return {weightOf(distance, x[0], point, memo), present};
        }
        return {apply(map.getFunction(), x), present};
      })
      .Case<WhereOp>([&](WhereOp where) -> Lanes {
        Lanes value = eval(where.getValue(), point, memo);
        if (point.whole)
          return value;
        Lanes condition = eval(where.getCondition(), point, memo);
        return {value.value,
                both(value.present, both(condition.present, condition.value))};
      })
      .Case<OrElseOp>([&](OrElseOp orElse) -> Lanes {
        Lanes value = eval(orElse.getValue(), point, memo);
        if (!value.present)
          return value;
        Lanes fallback = eval(orElse.getFallback(), point, memo);
        Value present;
        if (fallback.present)
          present = apply(Function::Or, {value.present, fallback.present});
        return {select(value.present, value.value, fallback.value), present};
      })
      .Case<PresentOp>([&](PresentOp present) -> Lanes {
        Value there = eval(present.getValue(), point, memo).present;
        return {there ? there : truth(true), nullptr};
      })
      .Case<ReduceOp>([&](ReduceOp r) { return reduce(r, point, memo); })
      .Default([&](Operation *) -> Lanes {
        llvm_unreachable("the plan refuses other operations");
      });
}

Value FieldEmitter::weightOf(MapOp, Value distance, const Point &, Memo &) {
  return isVector(distance) ? exponentialOfDistance(distance)
                            : apply(Function::Exp, {distance});
}

Value FieldEmitter::presence(Value field, const Point &point, Memo &memo) {
  if (point.whole)
    return nullptr;
  if (auto it = memo.find(field); it != memo.end())
    return it->second.present;
  if (auto it = bindings.find(field);
      it != bindings.end() && !it->second.isKept)
    return eval(field, point, memo).present;
  Operation *op = field.getDefiningOp();
  return TypeSwitch<Operation *, Value>(op)
      .Case<MapOp>([&](MapOp map) {
        Value all;
        for (Value operand : map.getOperands())
          all = both(all, presence(operand, point, memo));
        return all;
      })
      .Case<WhereOp>([&](WhereOp where) {
        Lanes condition = eval(where.getCondition(), point, memo);
        return both(presence(where.getValue(), point, memo),
                    both(condition.present, condition.value));
      })
      .Case<ReadOp>([&](ReadOp r) {
        Value all;
        for (unsigned dim = 0; dim < r.getIndices().size(); ++dim)
          all = both(all, inside(r, dim, point, memo));
        return all;
      })
      .Case<ReduceOp>([&](ReduceOp r) -> Value {
        // Not by `eval`, which may find its value in scratch and ask here.
        if (r.getMonoid() == Monoid::Max || r.getMonoid() == Monoid::Min)
          return reduce(r, point, memo).present;
        return nullptr;
      })
      .Case<OrElseOp>([&](OrElseOp orElse) -> Value {
        Value first = presence(orElse.getValue(), point, memo);
        Value second =
            first ? presence(orElse.getFallback(), point, memo) : nullptr;
        return second ? apply(Function::Or, {first, second}) : nullptr;
      })
      .Default([](Operation *) { return Value(); });
}

Value FieldEmitter::inside(ReadOp op, unsigned dim, const Point &point,
                           Memo &memo) {
  if (isInside(op, dim))
    return nullptr;
  auto input = op.getTensor().getDefiningOp<InputOp>();
  Lanes index = eval(op.getIndices()[dim], point, memo);
  Value size = extent(names(input.getDims())[dim]);
  if (isVector(index.value))
    size = broadcast(size);
  return both(index.present,
              compare(arith::CmpIPredicate::ult, index.value, size));
}

Lanes FieldEmitter::read(ReadOp op, const Point &point, Memo &memo) {
  auto input = op.getTensor().getDefiningOp<InputOp>();
  unsigned number = numberOf(input);
  Type storage = input.getResult().getType().getElement();
  Type raw = storage.isInteger(1) ? Type(b.getI8Type()) : storage;
  Value present;              // null: surely
  Value offset = constant(0); // the same in all lanes
  Value spread;               // what lanes add to it, a vector of i64
  bool consecutive = false;
  Type wide = vectorOf(b.getI64Type());
  auto splatWide = [&](Value scalar) -> Value {
    return vector::BroadcastOp::create(b, loc(), wide, scalar);
  };
  for (auto [dim, index] : llvm::enumerate(op.getIndices())) {
    present = both(present, inside(op, dim, point, memo));
    Value step = stride(number, dim);
    auto coord = index.getDefiningOp<CoordOp>();
    if (coord && coord.getRank() == point.lane && point.contiguous) {
      offset = add(offset, mul(point.base, step));
      consecutive = true;
      continue;
    }
    Value value;
    if (coord && point.readAt.count(coord.getRank()))
      value = point.readAt.at(coord.getRank());
    else
      value = eval(index, point, memo).value;
    // Beyond the last coordinate, what is inside of a tensor elsewhere may not
    // be.
    bool isClamped = point.limit || !point.readAt.empty();
    if (!coord && isClamped && isInside(op, dim)) {
      Value last = sub(extent(names(input.getDims())[dim]), constant(1));
      value = arith::MinSIOp::create(b, loc(), value,
                                     isVector(value) ? broadcast(last) : last);
    }
    if (!isVector(value)) {
      offset = add(offset, mul(value, step));
      continue;
    }
    if (coord && point.limit) {
      Value last = broadcast(sub(point.limit, constant(1)));
      value = arith::MinSIOp::create(b, loc(), value, last);
    }
    value = arith::ExtSIOp::create(b, loc(), wide, value);
    value = arith::MulIOp::create(b, loc(), value, splatWide(step));
    spread =
        spread ? Value(arith::AddIOp::create(b, loc(), spread, value)) : value;
  }
  Type vectorRaw = vectorOf(raw);
  auto zeros = [&]() -> Value {
    return arith::ConstantOp::create(b, loc(), b.getZeroAttr(vectorRaw));
  };
  Value mask;
  if (point.valid && point.valid < width) {
    SmallVector<bool> bits;
    for (unsigned i = 0; i < width; ++i)
      bits.push_back(i < point.valid);
    mask = arith::ConstantOp::create(
        b, loc(),
        DenseElementsAttr::get(vectorOf(b.getI1Type()), ArrayRef<bool>(bits)));
  }
  unsigned align = raw.getIntOrFloatBitWidth() / 8;
  if (!consecutive && !spread) {
    // Absent everywhere at once: read the first element instead.
    if (present && !isVector(present))
      offset = select(present, offset, constant(0));
    else if (present)
      offset = select(anyLane(present), offset, constant(0));
    Value scalar = loadScalar(element(data[number], offset, storage), raw);
    return {decode(scalar, storage), present};
  }
  if (consecutive && !spread && (!present || !isVector(present))) {
    if (present)
      offset = select(present, offset, constant(0));
    Value address = element(data[number], offset, storage);
    Value loaded =
        mask ? Value(LLVM::MaskedLoadOp::create(b, loc(), vectorRaw, address,
                                                mask, zeros(), align))
             : loadVector(address, storage);
    return {decode(loaded, storage), present};
  }
  if (consecutive) {
    Value lanes = arith::ExtSIOp::create(b, loc(), wide, count(constant(0)));
    spread =
        spread ? Value(arith::AddIOp::create(b, loc(), spread, lanes)) : lanes;
  }
  if (present)
    mask = both(mask, broadcast(present));
  if (!mask)
    mask = arith::ConstantOp::create(
        b, loc(), DenseElementsAttr::get(vectorOf(b.getI1Type()), true));
  Value addresses =
      element(element(data[number], offset, storage), spread, storage);
  Value loaded = LLVM::masked_gather::create(b, loc(), vectorRaw, addresses,
                                             mask, ValueRange{zeros()}, align);
  return {decode(loaded, storage), present};
}

//===----------------------------------------------------------------------===//
// Reductions that are not contractions
//===----------------------------------------------------------------------===//

Lanes FieldEmitter::reduce(ReduceOp op, const Point &point, const Memo &memo) {
  Monoid monoid = op.getMonoid();
  FieldType type = fieldType(op.getValue());
  bool lanes = fieldType(op.getResult()).hasRank(point.lane);
  auto shape = [&](Value value) { return lanes ? broadcast(value) : value; };
  auto zero = [&]() -> Value {
    return type.getKind() == Kind::Real ? real(0) : constant(0);
  };
  SmallVector<Value> init;
  bool isOrder = monoid == Monoid::Max || monoid == Monoid::Min;
  switch (monoid) {
  case Monoid::Any:
  case Monoid::All:
    init = {shape(truth(monoid == Monoid::All))};
    break;
  case Monoid::Count:
    init = {shape(constant(0))};
    break;
  default:
    init = {shape(zero())};
  }
  if (isOrder)
    init.push_back(shape(truth(false)));
  std::function<SmallVector<Value>(ArrayRef<StringRef>, Point &, ValueRange)>
      nest = [&](ArrayRef<StringRef> ranks, Point &inner,
                 ValueRange carried) -> SmallVector<Value> {
    if (!ranks.empty())
      return loop(constant(0), extent(ranks.front()), 1, carried,
                  [&](Value i, ValueRange values) {
                    Point next = inner;
                    next.at[ranks.front()] = i;
                    return nest(ranks.drop_front(), next, values);
                  });
    Memo fresh;
    for (auto &[field, value] : memo)
      if (llvm::none_of(names(op.getRanks()), [&](StringRef rank) {
            return fieldType(field).hasRank(rank);
          }))
        fresh[field] = value;
    Lanes x = eval(op.getValue(), inner, fresh);
    Value acc = carried[0];
    Value present = x.present ? x.present : Value();
    auto take = [&](Value next) { return shape(select(present, next, acc)); };
    switch (monoid) {
    case Monoid::Sum:
      return {take(apply(Function::Add, {acc, x.value}))};
    case Monoid::Count:
      return {take(apply(Function::Add, {acc, constant(1)}))};
    case Monoid::Any:
      return {take(apply(Function::Or, {acc, x.value}))};
    case Monoid::All:
      return {take(apply(Function::And, {acc, x.value}))};
    default: {
      Function function = monoid == Monoid::Max ? Function::Max : Function::Min;
      Value merged =
          select(carried[1], apply(function, {acc, x.value}), x.value);
      Value there = present ? present : truth(true);
      return {take(merged), shape(apply(Function::Or, {carried[1], there}))};
    }
    }
  };
  Point inner = point;
  inner.whole = false;
  SmallVector<StringRef> ranks = names(op.getRanks());
  SmallVector<Value> result = nest(ranks, inner, init);
  return {result[0], isOrder ? result[1] : Value()};
}
