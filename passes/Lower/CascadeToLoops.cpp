//===- CascadeToLoops.cpp - Any cascade as plain loops --------------------===//

#include "passes/Lower/CascadeToLoops.h"

#include "dialect/Cascade/KernelInterface.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {

/// One element of a field while it is computed. No `present` means that it is
/// surely present.
struct Scalar {
  Value value;
  Value present;
};

/// The coordinate of every rank that a loop or a substitution has bound.
using Frame = std::map<StringRef, Value>;

/// A field that is kept in the workspace, or (no ranks) in a register.
struct Kept {
  SmallVector<StringRef> ranks;
  Scalar scalar;  ///< when there are no ranks
  Value values;   ///< pointer to the values, row-major over `ranks`
  Value presence; ///< pointer to one byte per value, or null
};

class LoopEmitter {
public:
  LoopEmitter(KernelOp kernel)
      : kernel(kernel), interface(KernelInterface::of(kernel)),
        b(kernel->getContext()) {
    b.setInsertionPoint(kernel);
  }

  LogicalResult run() {
    if (failed(check()))
      return failure();
    findItemRanks();
    findKept();
    emitItems();
    emitWorkspace();
    emitShared();
    emitKernel();
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // What is kept, what is recomputed
  //===--------------------------------------------------------------------===//

  LogicalResult check() {
    LogicalResult result = success();
    auto checkStorage = [&](Operation *op, Type type) {
      if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 16)
        result = op->emitError() << "storage type " << type
                                 << " is not lowered to the CPU yet";
    };
    kernel.getBody().walk([&](Operation *op) {
      if (isa<FoldOp>(op))
        result = op->emitError() << "a fold has no plain loops; lower the "
                                    "kernel as it was before derivation";
      if (auto input = dyn_cast<InputOp>(op)) {
        checkStorage(op, input.getResult().getType().getElement());
        if (input.getPacked())
          result = op->emitError()
                   << "packed storage is not lowered to the CPU yet";
      }
      if (auto output = dyn_cast<OutputOp>(op))
        checkStorage(op, output.getStorage());
    });
    return result;
  }

  /// Ranks of all outputs that nothing sums over or substitutes.
  void findItemRanks() {
    std::optional<SmallVector<StringRef>> common;
    for (auto output : kernel.getBody().getOps<OutputOp>()) {
      SmallVector<StringRef> dims = names(output.getDims());
      if (!common) {
        common = dims;
        continue;
      }
      llvm::erase_if(*common, [&](StringRef rank) {
        return !llvm::is_contained(dims, rank);
      });
    }
    if (!common)
      return;
    kernel.getBody().walk([&](Operation *op) {
      SmallVector<StringRef> bound;
      if (auto reduce = dyn_cast<ReduceOp>(op))
        bound = names(reduce.getRanks());
      else if (auto at = dyn_cast<AtOp>(op))
        bound = names(at.getRanks());
      llvm::erase_if(*common, [&](StringRef rank) {
        return llvm::is_contained(bound, rank);
      });
    });
    itemRanks = *common;
    // A rank such as f would only repeat the row's work: leave it inside the
    // item when a reduction ranges over all the other item ranks but not it.
    SmallVector<StringRef> all = itemRanks;
    llvm::erase_if(itemRanks, [&](StringRef rank) {
      return llvm::any_of(kernel.getBody().getOps<ReduceOp>(), [&](ReduceOp op) {
        FieldType type = fieldType(op.getResult());
        return all.size() > 1 && llvm::all_of(all, [&](StringRef other) {
                 return type.hasRank(other) == (other != rank);
               });
      });
    });
  }

  SmallVector<StringRef> keptRanks(Value field) {
    SmallVector<StringRef> ranks = fieldType(field).getRankNames();
    llvm::erase_if(ranks, [&](StringRef rank) {
      return llvm::is_contained(itemRanks, rank);
    });
    return ranks;
  }

  static bool isCostly(Function function) {
    switch (function) {
    case Function::Div:
    case Function::Pow:
    case Function::Exp:
    case Function::Log:
    case Function::Tanh:
    case Function::Sin:
    case Function::Cos:
    case Function::Erf:
      return true;
    default:
      return false;
    }
  }

  void findKept() {
    for (Operation &op : kernel.getBody().front()) {
      bool keep = isa<ReduceOp>(op);
      if (auto map = dyn_cast<MapOp>(op)) {
        FieldType type = fieldType(map.getResult());
        bool reused = !map->hasOneUse() ||
                      llvm::any_of(map->getUsers(), [&](Operation *user) {
                        return user->getNumResults() == 1 &&
                               fieldType(user->getResult(0)).getRanks().size() >
                                   type.getRanks().size();
                      });
        keep = keptRanks(map.getResult()).empty()
                   ? isCostly(map.getFunction())
                   : isCostly(map.getFunction()) && reused;
      }
      if (keep)
        kept.insert({op.getResult(0), {}});
    }
  }

  //===--------------------------------------------------------------------===//
  // Small pieces of IR
  //===--------------------------------------------------------------------===//

  Location loc() { return kernel.getLoc(); }
  Value constant(int64_t value) {
    return arith::ConstantIntOp::create(b, loc(), value, 64);
  }
  Value truth(bool value) {
    return arith::ConstantIntOp::create(b, loc(), value, 1);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc(), x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, loc(), x, y); }
  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Type compute(Kind kind) {
    return kind == Kind::Real ? Type(b.getF32Type())
           : kind == Kind::Int ? Type(b.getI64Type())
                               : Type(b.getI1Type());
  }
  /// The type a value has in memory: a truth value takes a byte.
  Type stored(Type type) { return type.isInteger(1) ? b.getI8Type() : type; }

  Value element(Value base, Value index, Type type) {
    return LLVM::GEPOp::create(b, loc(), pointer(), stored(type), base,
                               ValueRange{index});
  }
  Value loadRaw(Value base, Value index, Type type) {
    return LLVM::LoadOp::create(b, loc(), stored(type),
                                element(base, index, type));
  }
  /// Loads a storage element and widens it to the type it is computed in.
  Value load(Value base, Value index, Type type) {
    Value raw = loadRaw(base, index, type);
    if (type.isInteger(1))
      return arith::CmpIOp::create(
          b, loc(), arith::CmpIPredicate::ne, raw,
          arith::ConstantIntOp::create(b, loc(), 0, 8));
    if (isa<FloatType>(type)) {
      if (type.isF32())
        return raw;
      if (type.isF64())
        return arith::TruncFOp::create(b, loc(), b.getF32Type(), raw);
      return arith::ExtFOp::create(b, loc(), b.getF32Type(), raw);
    }
    return type.isInteger(64)
               ? raw
               : Value(arith::ExtSIOp::create(b, loc(), b.getI64Type(), raw));
  }
  void store(Value value, Value base, Value index, Type type) {
    if (type.isInteger(1))
      value = arith::ExtUIOp::create(b, loc(), b.getI8Type(), value);
    else if (type.isF64())
      value = arith::ExtFOp::create(b, loc(), type, value);
    else if (isa<FloatType>(type) && !type.isF32())
      value = arith::TruncFOp::create(b, loc(), type, value);
    else if (isa<IntegerType>(type) && !type.isInteger(64))
      value = arith::TruncIOp::create(b, loc(), type, value);
    LLVM::StoreOp::create(b, loc(), value, element(base, index, type));
  }
  Value both(Value x, Value y) {
    if (!x || !y)
      return x ? x : y;
    return arith::AndIOp::create(b, loc(), x, y);
  }
  Value select(Value condition, Value x, Value y) {
    return condition ? Value(arith::SelectOp::create(b, loc(), condition, x, y))
                     : x;
  }
  Value zero(Type type) {
    return arith::ConstantOp::create(b, loc(), b.getZeroAttr(type));
  }

  /// `for i in [0, extent)`, carrying `init`; `body` returns what it carries on.
  SmallVector<Value>
  loop(Value extent, ValueRange init,
       function_ref<SmallVector<Value>(Value, ValueRange)> body) {
    auto op = scf::ForOp::create(b, loc(), constant(0), extent, constant(1), init);
    OpBuilder::InsertionGuard guard(b);
    if (op.getBody()->mightHaveTerminator())
      if (op.getBody()->back().hasTrait<OpTrait::IsTerminator>())
        op.getBody()->back().erase();
    b.setInsertionPointToEnd(op.getBody());
    scopes.emplace_back();
    SmallVector<Value> next = body(op.getInductionVar(), op.getRegionIterArgs());
    scopes.pop_back();
    scf::YieldOp::create(b, loc(), next);
    return llvm::to_vector_of<Value>(op.getResults());
  }

  /// A loop nest over `ranks`, bound in `frame`.
  SmallVector<Value>
  loops(ArrayRef<StringRef> ranks, Frame &frame, ValueRange init,
        function_ref<SmallVector<Value>(ValueRange)> body) {
    if (ranks.empty())
      return body(init);
    return loop(extent(ranks.front()), init, [&](Value i, ValueRange carried) {
      Frame inner = frame;
      inner[ranks.front()] = i;
      return loops(ranks.drop_front(), inner, carried,
                   [&](ValueRange values) {
                     std::swap(frame, inner);
                     SmallVector<Value> next = body(values);
                     std::swap(frame, inner);
                     return next;
                   });
    });
  }

  /// Computes a scalar only where `condition` holds; elsewhere it is absent.
  Scalar guarded(Value condition, Kind kind, function_ref<Scalar()> body) {
    Type type = compute(kind);
    auto op = scf::IfOp::create(b, loc(), TypeRange{type, b.getI1Type()},
                                condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    auto fill = [&](Block *block, function_ref<Scalar()> emit) {
      b.setInsertionPointToStart(block);
      scopes.emplace_back();
      Scalar scalar = emit();
      scopes.pop_back();
      Value present = scalar.present ? scalar.present : truth(true);
      scf::YieldOp::create(b, loc(), ValueRange{scalar.value, present});
    };
    fill(op.thenBlock(), body);
    fill(op.elseBlock(), [&] { return Scalar{zero(type), truth(false)}; });
    return {op.getResult(0), op.getResult(1)};
  }

  //===--------------------------------------------------------------------===//
  // Fields at a coordinate
  //===--------------------------------------------------------------------===//

  Value extent(StringRef rank) { return extents.at(rank); }

  /// The place of the frame's coordinate in a kept field.
  Value position(const Kept &field, const Frame &frame) {
    Value index = constant(0);
    for (StringRef rank : field.ranks)
      index = add(mul(index, extent(rank)), frame.at(rank));
    return index;
  }

  Scalar emit(Value field, const Frame &frame) {
    if (auto it = kept.find(field); it != kept.end()) {
      const Kept &memory = it->second;
      if (memory.ranks.empty())
        return memory.scalar;
      Value index = position(memory, frame);
      Type type = compute(fieldType(field).getKind());
      Scalar scalar{load(memory.values, index, type), nullptr};
      if (memory.presence)
        scalar.present = load(memory.presence, index, b.getI1Type());
      return scalar;
    }
    // Within one frame every field is computed once.
    SmallVector<void *> key{field.getAsOpaquePointer()};
    for (StringRef rank : fieldType(field).getRankNames())
      key.push_back(frame.at(rank).getAsOpaquePointer());
    for (auto &scope : scopes)
      if (auto it = scope.find(key); it != scope.end())
        return it->second;
    Scalar scalar = compute(field, frame);
    scopes.back()[key] = scalar;
    return scalar;
  }

  Scalar compute(Value field, const Frame &frame) {
    Operation *op = field.getDefiningOp();
    return TypeSwitch<Operation *, Scalar>(op)
        .Case<ConstOp>([&](ConstOp c) -> Scalar {
          Kind kind = c.getResult().getType().getKind();
          if (kind == Kind::Real)
            return {arith::ConstantOp::create(
                        b, loc(),
                        b.getF32FloatAttr(static_cast<float>(
                            cast<FloatAttr>(c.getValue()).getValueAsDouble()))),
                    nullptr};
          int64_t value = cast<IntegerAttr>(c.getValue()).getInt();
          return {kind == Kind::Int ? constant(value) : truth(value), nullptr};
        })
        .Case<CoordOp>([&](CoordOp c) -> Scalar {
          return {frame.at(c.getRank()), nullptr};
        })
        .Case<ExtentOp>([&](ExtentOp e) -> Scalar {
          return {extent(e.getRank()), nullptr};
        })
        .Case<ParamOp>([&](ParamOp p) { return emitParam(p, frame); })
        .Case<ReadOp>([&](ReadOp read) { return emitRead(read, frame); })
        .Case<MapOp>([&](MapOp map) { return emitMap(map, frame); })
        .Case<WhereOp>([&](WhereOp where) -> Scalar {
          Scalar value = emit(where.getValue(), frame);
          Scalar condition = emit(where.getCondition(), frame);
          return {value.value, both(value.present, both(condition.present,
                                                        condition.value))};
        })
        .Case<OrElseOp>([&](OrElseOp orElse) -> Scalar {
          Scalar value = emit(orElse.getValue(), frame);
          if (!value.present)
            return value;
          Scalar fallback = emit(orElse.getFallback(), frame);
          Value present = fallback.present
                              ? Value(arith::OrIOp::create(
                                    b, loc(), value.present, fallback.present))
                              : Value();
          return {select(value.present, value.value, fallback.value), present};
        })
        .Case<PresentOp>([&](PresentOp present) -> Scalar {
          Scalar value = emit(present.getValue(), frame);
          return {value.present ? value.present : truth(true), nullptr};
        })
        .Case<AtOp>([&](AtOp at) { return emitAt(at, frame); })
        .Default([&](Operation *) -> Scalar {
          llvm_unreachable("reductions are kept, folds are refused");
        });
  }

  Scalar emitParam(ParamOp param, const Frame &frame) {
    unsigned number = 0;
    for (auto other : kernel.getBody().getOps<ParamOp>()) {
      if (other == param)
        break;
      ++number;
    }
    Value given = loadRaw(paramPointers, constant(number), pointer());
    Type type = compute(param.getResult().getType().getKind());
    auto read = [&]() -> Value {
      Value value = loadRaw(given, constant(0), b.getF64Type());
      if (type.isF32())
        return arith::TruncFOp::create(b, loc(), type, value);
      Value integer =
          arith::FPToSIOp::create(b, loc(), b.getI64Type(), value);
      return type.isInteger(64) ? integer
                                : Value(arith::TruncIOp::create(b, loc(), type,
                                                                integer));
    };
    if (!param.getFallback())
      return {read(), nullptr};
    Value null = LLVM::ZeroOp::create(b, loc(), pointer());
    Value missing =
        LLVM::ICmpOp::create(b, loc(), LLVM::ICmpPredicate::eq, given, null);
    auto op = scf::IfOp::create(b, loc(), TypeRange{type}, missing, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.thenBlock());
    scopes.emplace_back();
    scf::YieldOp::create(b, loc(), emit(param.getFallback(), frame).value);
    scopes.pop_back();
    b.setInsertionPointToStart(op.elseBlock());
    scf::YieldOp::create(b, loc(), read());
    return {op.getResult(0), nullptr};
  }

  /// 0 <= index < size, as one unsigned comparison.
  Value inside(Value index, Value size) {
    return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ult, index,
                                 size);
  }

  Scalar emitRead(ReadOp read, const Frame &frame) {
    auto input = read.getTensor().getDefiningOp<InputOp>();
    unsigned number = 0;
    for (auto other : kernel.getBody().getOps<InputOp>()) {
      if (other == input)
        break;
      ++number;
    }
    SmallVector<StringRef> dims = names(input.getDims());
    Type storage = input.getResult().getType().getElement();
    Value condition;
    SmallVector<Value> indices;
    for (auto [dim, index] : llvm::zip(dims, read.getIndices())) {
      Scalar scalar = emit(index, frame);
      indices.push_back(scalar.value);
      condition = both(condition, scalar.present);
      auto coord = index.getDefiningOp<CoordOp>();
      if (!coord || coord.getRank() != dim)
        condition = both(condition, inside(scalar.value, extent(dim)));
    }
    auto access = [&]() -> Scalar {
      Value offset = constant(0);
      for (auto [i, index] : llvm::enumerate(indices))
        offset = add(offset, mul(index, strides[interface.firstStride(number) + i]));
      return {load(data[number], offset, storage), nullptr};
    };
    if (!condition)
      return access();
    return guarded(condition, *storageKind(storage), access);
  }

  Scalar emitAt(AtOp at, const Frame &frame) {
    Frame inner = frame;
    Value condition;
    for (auto [rank, index] : llvm::zip(names(at.getRanks()), at.getIndices())) {
      Scalar scalar = emit(index, frame);
      condition = both(condition, both(scalar.present,
                                       inside(scalar.value, extent(rank))));
      inner[rank] = scalar.value;
    }
    return guarded(condition, fieldType(at.getValue()).getKind(),
                   [&] { return emit(at.getValue(), inner); });
  }

  Scalar emitMap(MapOp map, const Frame &frame) {
    SmallVector<Value> x;
    Value present;
    for (Value operand : map.getOperands()) {
      Scalar scalar = emit(operand, frame);
      x.push_back(scalar.value);
      present = both(present, scalar.present);
    }
    Kind kind = fieldType(map.getOperands().back()).getKind();
    return {kind == Kind::Real ? emitReal(map.getFunction(), x)
            : kind == Kind::Int ? emitInt(map.getFunction(), x)
                                : emitBool(map.getFunction(), x),
            present};
  }

  Value emitReal(Function function, ArrayRef<Value> x) {
    auto compare = [&](arith::CmpFPredicate predicate) -> Value {
      return arith::CmpFOp::create(b, loc(), predicate, x[0], x[1]);
    };
    switch (function) {
    case Function::Add:
      return arith::AddFOp::create(b, loc(), x[0], x[1], contract());
    case Function::Sub:
      return arith::SubFOp::create(b, loc(), x[0], x[1], contract());
    case Function::Mul:
      return arith::MulFOp::create(b, loc(), x[0], x[1], contract());
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
    case Function::ToInt:
      return arith::FPToSIOp::create(b, loc(), b.getI64Type(), x[0]);
    default:
      llvm_unreachable("not a function of reals");
    }
  }

  Value emitInt(Function function, ArrayRef<Value> x) {
    auto compare = [&](arith::CmpIPredicate predicate) -> Value {
      return arith::CmpIOp::create(b, loc(), predicate, x[0], x[1]);
    };
    switch (function) {
    case Function::Add:
      return add(x[0], x[1]);
    case Function::Sub:
      return arith::SubIOp::create(b, loc(), x[0], x[1]);
    case Function::Mul:
      return mul(x[0], x[1]);
    case Function::FloorDiv:
      return arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
    case Function::Mod: {
      Value quotient = arith::FloorDivSIOp::create(b, loc(), x[0], x[1]);
      return arith::SubIOp::create(b, loc(), x[0], mul(quotient, x[1]));
    }
    case Function::Neg:
      return arith::SubIOp::create(b, loc(), constant(0), x[0]);
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
    case Function::ToReal:
      return arith::SIToFPOp::create(b, loc(), b.getF32Type(), x[0]);
    default:
      llvm_unreachable("not a function of integers");
    }
  }

  Value emitBool(Function function, ArrayRef<Value> x) {
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
      return arith::XOrIOp::create(b, loc(), x[0], truth(true));
    case Function::Select:
      return select(x[0], x[1], x[2]);
    case Function::ToReal:
      return arith::UIToFPOp::create(b, loc(), b.getF32Type(), x[0]);
    case Function::ToInt:
      return arith::ExtUIOp::create(b, loc(), b.getI64Type(), x[0]);
    default:
      llvm_unreachable("not a function of truth values");
    }
  }

  arith::FastMathFlags contract() { return arith::FastMathFlags::contract; }

  //===--------------------------------------------------------------------===//
  // Reductions
  //===--------------------------------------------------------------------===//

  Scalar emitReduce(ReduceOp reduce, const Frame &outer) {
    Kind kind = fieldType(reduce.getValue()).getKind();
    Type type = compute(kind);
    Monoid monoid = reduce.getMonoid();
    SmallVector<StringRef> ranks = names(reduce.getRanks());
    Frame frame = outer;

    // Carried: the value; for monoids without an identity whether there is one;
    // for argmax the coordinate.
    bool hasIdentity = monoid == Monoid::Sum || monoid == Monoid::Any ||
                       monoid == Monoid::All || monoid == Monoid::Count;
    SmallVector<Value> init;
    if (monoid == Monoid::Count)
      init = {constant(0)};
    else if (monoid == Monoid::All)
      init = {truth(true)};
    else
      init = {zero(type)};
    if (!hasIdentity)
      init.push_back(truth(false));
    if (monoid == Monoid::ArgMax)
      init.push_back(constant(0));

    SmallVector<Value> result =
        loops(ranks, frame, init, [&](ValueRange carried) -> SmallVector<Value> {
          Scalar x = emit(reduce.getValue(), frame);
          Value acc = carried[0];
          switch (monoid) {
          case Monoid::Sum: {
            Value sum =
                kind == Kind::Real
                    ? Value(arith::AddFOp::create(
                          b, loc(), acc, x.value,
                          arith::FastMathFlags::contract |
                              arith::FastMathFlags::reassoc))
                    : add(acc, x.value);
            return {select(x.present, sum, acc)};
          }
          case Monoid::Any:
            return {select(x.present, emitBool(Function::Or, {acc, x.value}),
                           acc)};
          case Monoid::All:
            return {select(x.present, emitBool(Function::And, {acc, x.value}),
                           acc)};
          case Monoid::Count:
            return {select(x.present, add(acc, constant(1)), acc)};
          case Monoid::Max:
          case Monoid::Min: {
            Function function =
                monoid == Monoid::Max ? Function::Max : Function::Min;
            Value merged = kind == Kind::Real ? emitReal(function, {acc, x.value})
                                              : emitInt(function, {acc, x.value});
            Value next = select(carried[1], merged, x.value);
            Value present = x.present ? x.present : truth(true);
            return {select(x.present, next, acc),
                    arith::OrIOp::create(b, loc(), carried[1], present)};
          }
          case Monoid::First: {
            Value present = x.present ? x.present : truth(true);
            return {select(carried[1], acc, x.value),
                    arith::OrIOp::create(b, loc(), carried[1], present)};
          }
          case Monoid::ArgMax: {
            Value better =
                kind == Kind::Real
                    ? emitBool(Function::Or,
                               {emitReal(Function::Gt, {x.value, acc}),
                                emitBool(Function::And,
                                         {emitReal(Function::Ne, {x.value, x.value}),
                                          emitReal(Function::Eq, {acc, acc})})})
                    : emitInt(Function::Gt, {x.value, acc});
            Value none = emitBool(Function::Not, {carried[1]});
            Value take = both(x.present, emitBool(Function::Or, {none, better}));
            Value present = x.present ? x.present : truth(true);
            return {select(take, x.value, acc),
                    arith::OrIOp::create(b, loc(), carried[1], present),
                    select(take, frame.at(ranks.front()), carried[2])};
          }
          }
          llvm_unreachable("all monoids are handled");
        });
    Value value = monoid == Monoid::ArgMax ? result[2] : result[0];
    return {value, hasIdentity ? Value() : result[1]};
  }

  //===--------------------------------------------------------------------===//
  // The functions of a kernel
  //===--------------------------------------------------------------------===//

  func::FuncOp begin(StringRef suffix, TypeRange inputs, TypeRange results) {
    b.setInsertionPoint(kernel);
    auto function = func::FuncOp::create(
        b, loc(), (kernel.getSymName() + suffix).str(),
        b.getFunctionType(inputs, results));
    b.setInsertionPointToStart(function.addEntryBlock());
    scopes.clear();
    scopes.emplace_back();
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

  void emitItems() {
    auto function =
        begin("_items", {pointer(), b.getI64Type()}, {b.getI64Type()});
    Value count = constant(1);
    for (StringRef rank : itemRanks)
      count = mul(count, extent(rank));
    Value first = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                        function.getArgument(1), constant(0));
    func::ReturnOp::create(b, loc(),
                           ValueRange{select(first, count, constant(-1))});
  }

  /// Bytes of a kept field: its values, then one byte each for presence.
  std::pair<Value, Value> sizes(Value field, ArrayRef<StringRef> ranks) {
    Value count = constant(1);
    for (StringRef rank : ranks)
      count = mul(count, extent(rank));
    Type type = stored(compute(fieldType(field).getKind()));
    Value bytes = mul(count, constant(type.getIntOrFloatBitWidth() / 8));
    auto align = [&](Value size) {
      return mul(arith::DivUIOp::create(b, loc(), add(size, constant(63)),
                                        constant(64)),
                 constant(64));
    };
    return {align(bytes), align(count)};
  }

  void emitWorkspace() {
    begin("_workspace", {pointer()}, {b.getI64Type()});
    Value total = constant(0);
    for (auto &[field, memory] : kept) {
      SmallVector<StringRef> ranks = keptRanks(field);
      if (ranks.empty())
        continue;
      auto [values, presence] = sizes(field, ranks);
      total = add(total, add(values, presence));
    }
    func::ReturnOp::create(b, loc(), ValueRange{total});
  }

  void emitShared() {
    begin("_shared", {pointer()}, {b.getI64Type()});
    func::ReturnOp::create(b, loc(), ValueRange{constant(0)});
  }

  void emitKernel() {
    Type i64 = b.getI64Type();
    auto function =
        begin("", {pointer(), i64, i64, i64, pointer(), pointer()}, {});
    Value begin = function.getArgument(2), end = function.getArgument(3);
    Value workspace = function.getArgument(4);
    // Where kept fields lie does not depend on the item.
    Value offset = constant(0);
    for (auto &[field, memory] : kept) {
      memory.ranks = keptRanks(field);
      if (memory.ranks.empty())
        continue;
      auto [values, presence] = sizes(field, memory.ranks);
      memory.values = element(workspace, offset, b.getI8Type());
      offset = add(offset, values);
      memory.presence = element(workspace, offset, b.getI8Type());
      offset = add(offset, presence);
    }
    Value count = arith::SubIOp::create(b, loc(), end, begin);
    loop(count, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      Value item = add(begin, i);
      Frame frame;
      for (StringRef rank : llvm::reverse(itemRanks)) {
        frame[rank] = arith::RemUIOp::create(b, loc(), item, extent(rank));
        item = arith::DivUIOp::create(b, loc(), item, extent(rank));
      }
      for (Operation &op : kernel.getBody().front())
        emitDefinition(op, frame);
      return {};
    });
    func::ReturnOp::create(b, loc());
  }

  void emitDefinition(Operation &op, const Frame &item) {
    if (auto output = dyn_cast<OutputOp>(op))
      return emitOutput(output, item);
    if (op.getNumResults() != 1)
      return;
    auto it = kept.find(op.getResult(0));
    if (it == kept.end())
      return;
    Kept &memory = it->second;
    auto value = [&](const Frame &frame) {
      if (auto reduce = dyn_cast<ReduceOp>(op))
        return emitReduce(reduce, frame);
      return compute(op.getResult(0), frame);
    };
    if (memory.ranks.empty()) {
      memory.scalar = value(item);
      return;
    }
    Frame frame = item;
    bool mayBeAbsent = false;
    loops(memory.ranks, frame, {}, [&](ValueRange) -> SmallVector<Value> {
      Scalar scalar = value(frame);
      Value index = position(memory, frame);
      Type type = compute(fieldType(op.getResult(0)).getKind());
      store(scalar.value, memory.values, index, type);
      if (scalar.present) {
        mayBeAbsent = true;
        store(scalar.present, memory.presence, index, b.getI1Type());
      }
      return {};
    });
    if (!mayBeAbsent)
      memory.presence = nullptr;
  }

  void emitOutput(OutputOp output, const Frame &item) {
    unsigned number = interface.inputs.size();
    for (auto other : kernel.getBody().getOps<OutputOp>()) {
      if (other == output)
        break;
      ++number;
    }
    SmallVector<StringRef> dims = names(output.getDims());
    SmallVector<StringRef> inner = dims;
    llvm::erase_if(inner, [&](StringRef rank) { return item.count(rank); });
    Frame frame = item;
    loops(inner, frame, {}, [&](ValueRange) -> SmallVector<Value> {
      Scalar scalar = emit(output.getValue(), frame);
      if (output.getFiller() && scalar.present)
        scalar.value = select(scalar.present, scalar.value,
                              emit(output.getFiller(), frame).value);
      Value offset = constant(0);
      for (auto [i, rank] : llvm::enumerate(dims))
        offset = add(offset, mul(frame.at(rank),
                                 strides[interface.firstStride(number) + i]));
      store(scalar.value, data[number], offset, output.getStorage());
      return {};
    });
  }

  KernelOp kernel;
  KernelInterface interface;
  OpBuilder b;
  SmallVector<StringRef> itemRanks;
  llvm::MapVector<Value, Kept> kept;
  /// Scalars already computed, one map per region that is being filled.
  std::vector<std::map<SmallVector<void *>, Scalar>> scopes;
  // Of the function being emitted:
  std::map<StringRef, Value> extents;
  SmallVector<Value> data, strides;
  Value paramPointers;
};

struct LowerCascadeToLoops
    : PassWrapper<LowerCascadeToLoops, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerCascadeToLoops)

  StringRef getArgument() const override { return "lower-cascade-to-loops"; }
  StringRef getDescription() const override {
    return "lower kernels as written to scalar loop nests";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                    math::MathDialect, LLVM::LLVMDialect>();
  }
  void runOnOperation() override {
    for (auto kernel :
         llvm::to_vector(getOperation().getOps<KernelOp>())) {
      if (failed(lowerCascadeToLoops(kernel)))
        return signalPassFailure();
      kernel.erase();
    }
  }
};

} // namespace

LogicalResult einfall::lowerCascadeToLoops(KernelOp kernel) {
  return LoopEmitter(kernel).run();
}

std::unique_ptr<Pass> einfall::createLowerCascadeToLoopsPass() {
  return std::make_unique<LowerCascadeToLoops>();
}
