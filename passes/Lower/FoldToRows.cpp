//===- FoldToRows.cpp - One fold for few rows (decode) --------------------===//

#include "passes/Lower/FoldToRows.h"

#include "passes/Lower/RowsEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

RowsEmitter::RowsEmitter(KernelOp kernel, Form form, unsigned lanes)
    : form(std::move(form)), emitter(kernel), b(emitter.builder()),
      lanes(lanes) {
  emitter.given = [this](Value field, const Coordinates &at) {
    return lookup(field, at);
  };
  emitter.reduction = [this](ReduceOp reduce, const Coordinates &at) {
    return reduceAt(reduce, at);
  };
}

LogicalResult RowsEmitter::run() {
  if (failed(emitter.checkStorage()))
    return failure();
  emitItems();
  emitSizes();
  emitKernel();
  return success();
}

Location RowsEmitter::loc() { return emitter.loc(); }

Type RowsEmitter::i64() { return b.getI64Type(); }

Value RowsEmitter::constant(int64_t value) { return emitter.constant(value); }

VectorType RowsEmitter::vectorOf(Kind kind) {
  return VectorType::get(lanes, emitter.elementType(kind));
}

Value RowsEmitter::ceilDiv(Value x, int64_t y) {
  return arith::DivUIOp::create(b, loc(), emitter.add(x, constant(y - 1)),
                                constant(y));
}

Value RowsEmitter::minimum(Value x, Value y) {
  return arith::MinSIOp::create(b, loc(), x, y);
}

Value RowsEmitter::maximum(Value x, Value y) {
  return arith::MaxSIOp::create(b, loc(), x, y);
}

//===----------------------------------------------------------------------===//
// Sizes: how a stream is split, where a state lies
//===----------------------------------------------------------------------===//

Value RowsEmitter::rowCount() {
  Value count = constant(1);
  for (StringRef rank : form.rowRanks)
    count = emitter.mul(count, emitter.extent(rank));
  return count;
}

Value RowsEmitter::splitCount() {
  constexpr int64_t items = 64, keysPerSplit = 512;
  Value wanted = arith::CeilDivSIOp::create(b, loc(), constant(items),
                                            maximum(rowCount(), constant(1)));
  Value possible = ceilDiv(emitter.extent(form.stream), keysPerSplit);
  return maximum(minimum(wanted, possible), constant(1));
}

Value RowsEmitter::stateBytes() {
  Value bytes = constant((16 * form.components.size() + 63) / 64 * 64);
  for (const Component &component : form.components)
    if (!component.column.empty())
      bytes = emitter.add(bytes, columnBytes(component));
  return bytes;
}

Value RowsEmitter::columnBytes(const Component &component) {
  return emitter.mul(ceilDiv(emitter.extent(component.column), 16),
                     constant(64));
}

Value RowsEmitter::stateAddress(Value shared, Value row, Value split) {
  Value number = emitter.add(emitter.mul(row, splitCount()), split);
  return emitter.element(shared, emitter.mul(number, stateBytes()),
                         b.getI8Type());
}

Value RowsEmitter::slotAddress(Value state, unsigned component, unsigned slot) {
  return emitter.element(state, constant(16 * component + 8 * slot),
                         b.getI8Type());
}

Value RowsEmitter::columnAddress(Value state, unsigned component) {
  Value offset = constant((16 * form.components.size() + 63) / 64 * 64);
  for (unsigned i = 0; i < component; ++i)
    if (!form.components[i].column.empty())
      offset = emitter.add(offset, columnBytes(form.components[i]));
  return emitter.element(state, offset, b.getI8Type());
}

void RowsEmitter::emitItems() {
  auto function = cast<func::FuncOp>(
      emitter.beginFunction("_items", {emitter.pointer(), i64()}, {i64()}));
  auto is = [&](int64_t phase) -> Value {
    return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                 function.getArgument(1), constant(phase));
  };
  Value rows = rowCount();
  Value count = emitter.select(is(1), rows, constant(-1));
  emitter.endFunction(
      emitter.select(is(0), emitter.mul(rows, splitCount()), count));
}

void RowsEmitter::emitSizes() {
  emitter.beginFunction("_workspace", {emitter.pointer()}, {i64()});
  emitter.endFunction(constant(0));
  emitter.beginFunction("_shared", {emitter.pointer()}, {i64()});
  emitter.endFunction(
      emitter.mul(emitter.mul(rowCount(), splitCount()), stateBytes()));
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void RowsEmitter::emitKernel() {
  auto function = cast<func::FuncOp>(
      emitter.beginFunction("",
                            {emitter.pointer(), i64(), i64(), i64(),
                             emitter.pointer(), emitter.pointer()},
                            {}));
  Value shared = function.getArgument(5);
  Value folding = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                        function.getArgument(1), constant(0));
  auto items = [&](function_ref<void(Value)> item) -> SmallVector<Value> {
    return emitter.loop(function.getArgument(2), function.getArgument(3), 1, {},
                        [&](Value number, ValueRange) {
                          item(number);
                          return SmallVector<Value>();
                        });
  };
  emitter.branch(
      folding, {},
      [&]() -> SmallVector<Value> {
        // Lanes that lie side by side in memory are the rule; anything else
        // is gathered, by a second copy of the loop.
        auto fold = [&](ElementEmitter::LaneAccess access) {
          emitter.laneAccess = access;
          emitter.denseRanks = laneRanks();
          // Keys are read in an order that no hardware prefetcher follows.
          emitter.prefetchRank = form.stream;
          emitter.prefetchAhead = 4 * lanes;
          return items([&](Value item) { foldSplit(item, shared); });
        };
        return emitter.branch(
            emitter.unitStrides(laneRanks()), {},
            [&] { return fold(ElementEmitter::LaneAccess::Dense); },
            [&] { return fold(ElementEmitter::LaneAccess::Strided); });
      },
      [&] { return items([&](Value row) { finishRow(row, shared); }); });
  emitter.endFunction({});
}

SmallVector<StringRef> RowsEmitter::laneRanks() {
  SmallVector<StringRef> ranks;
  for (const Component &component : form.components)
    if (!component.column.empty())
      ranks.push_back(component.column);
  form.fold->getParentOp()->walk([&](ReduceOp reduce) {
    llvm::append_range(ranks, names(reduce.getRanks()));
  });
  return ranks;
}

Coordinates RowsEmitter::rowCoordinates(Value row) {
  Coordinates at;
  for (StringRef rank : llvm::reverse(form.rowRanks)) {
    Value extent = emitter.extent(rank);
    at[rank] = {arith::RemUIOp::create(b, loc(), row, extent)};
    row = arith::DivUIOp::create(b, loc(), row, extent);
  }
  return at;
}

Value RowsEmitter::identity(const Component &component) {
  if (component.kind == Kind::Bool)
    return emitter.truth(component.monoid == Monoid::All);
  if (component.kind == Kind::Int)
    return constant(0);
  switch (component.monoid) {
  case Monoid::Max:
    return emitter.real(-std::numeric_limits<double>::infinity());
  case Monoid::Min:
    return emitter.real(std::numeric_limits<double>::infinity());
  default:
    return emitter.real(0);
  }
}

bool RowsEmitter::isPartial(const Component &component) {
  return component.column.empty() && !component.hasFlag();
}

SmallVector<State> RowsEmitter::unpack(ValueRange carried) {
  SmallVector<State> states;
  unsigned next = 0;
  for (const Component &component : form.components) {
    State state;
    if (component.column.empty()) {
      state.value = carried[next++];
      if (component.hasFlag())
        state.flag = carried[next++];
    }
    states.push_back(state);
  }
  return states;
}

SmallVector<Value> RowsEmitter::pack(ArrayRef<State> states) {
  SmallVector<Value> carried;
  for (auto [component, state] : llvm::zip(form.components, states)) {
    if (!component.column.empty())
      continue;
    carried.push_back(state.value);
    if (component.hasFlag())
      carried.push_back(state.flag);
  }
  return carried;
}

//===----------------------------------------------------------------------===//
// Phase 0: one split of one row
//===----------------------------------------------------------------------===//

void RowsEmitter::foldSplit(Value item, Value shared) {
  // Neighbouring items are rows of one split: they share keys in the caches.
  Value rows = rowCount();
  Value split = arith::DivUIOp::create(b, loc(), item, rows);
  Value row = arith::RemUIOp::create(b, loc(), item, rows);
  Coordinates at = currentRow = rowCoordinates(row);
  emitRowReductions(at);
  state = stateAddress(shared, row, split);

  // Splits are whole numbers of vectors.
  Value extent = emitter.extent(form.stream);
  Value keys = arith::CeilDivSIOp::create(b, loc(), extent, splitCount());
  keys = emitter.mul(ceilDiv(keys, lanes), constant(lanes));
  Value begin = minimum(emitter.mul(split, keys), extent);
  Value end = minimum(emitter.add(begin, keys), extent);
  // Strided streams are the exception: one loop, masked, is enough for them.
  bool masksAll = emitter.laneAccess == ElementEmitter::LaneAccess::Strided;
  Value whole =
      emitter.sub(end, arith::RemUIOp::create(b, loc(), emitter.sub(end, begin),
                                              constant(lanes)));

  SmallVector<Value> init;
  for (auto [i, component] : llvm::enumerate(form.components)) {
    if (!component.column.empty()) {
      clearColumn(i);
      continue;
    }
    Value value = identity(component);
    init.push_back(isPartial(component)
                       ? emitter.spread(value, vectorOf(component.kind))
                       : value);
    if (component.hasFlag())
      init.push_back(emitter.truth(false));
  }
  auto masked = [&](Value key, ValueRange carried) {
    Value inside = emitter.less(emitter.iota(lanes), emitter.sub(end, key));
    return foldKeys(at, {key, lanes, inside}, carried, end);
  };
  SmallVector<Value> carried;
  if (masksAll) {
    carried = emitter.loop(begin, end, lanes, init, masked);
  } else {
    carried = emitter.loop(
        begin, whole, lanes, init, [&](Value key, ValueRange carried) {
          return foldKeys(at, {key, lanes, {}}, carried, end);
        });
    carried = emitter.branch(
        emitter.less(whole, end), TypeRange(ValueRange(carried)),
        [&] { return masked(whole, carried); }, [&] { return carried; });
  }
  SmallVector<State> states = unpack(carried);
  for (auto [i, component] : llvm::enumerate(form.components)) {
    if (!component.column.empty())
      continue;
    if (isPartial(component))
      states[i].value = acrossLanes(component.monoid, states[i].value);
    emitter.store(states[i].value, slotAddress(state, i, 0), constant(0),
                  emitter.elementType(component.kind));
    if (component.hasFlag())
      emitter.store(states[i].flag, slotAddress(state, i, 1), constant(0),
                    b.getI1Type());
  }
}

void RowsEmitter::emitRowReductions(const Coordinates &at) {
  for (ReduceOp reduce : form.rowReductions)
    emitter.emit(reduce.getResult(), at);
}

Value RowsEmitter::acrossLanes(Monoid monoid, Value vector) {
  auto type = cast<VectorType>(vector.getType());
  auto kind = vector::CombiningKind::ADD;
  bool isReal = isa<FloatType>(type.getElementType());
  if (monoid == Monoid::Max)
    kind =
        isReal ? vector::CombiningKind::MAXIMUMF : vector::CombiningKind::MAXSI;
  else if (monoid == Monoid::Min)
    kind =
        isReal ? vector::CombiningKind::MINIMUMF : vector::CombiningKind::MINSI;
  else if (monoid == Monoid::Any)
    kind = vector::CombiningKind::OR;
  else if (monoid == Monoid::All)
    kind = vector::CombiningKind::AND;
  // Lanes are added pairwise, in no particular order.
  return vector::ReductionOp::create(b, loc(), kind, vector,
                                     arith::FastMathFlags::reassoc);
}

void RowsEmitter::forColumns(const Component &component,
                             function_ref<void(Coordinate)> body) {
  Value extent = emitter.extent(component.column);
  Value rest = arith::RemUIOp::create(b, loc(), extent, constant(lanes));
  Value whole = emitter.sub(extent, rest);
  emitter.loop(constant(0), whole, lanes, {}, [&](Value f, ValueRange) {
    body({f, lanes, {}});
    return SmallVector<Value>();
  });
  emitter.branch(
      emitter.less(constant(0), rest), {},
      [&] {
        body({whole, lanes, emitter.less(emitter.iota(lanes), rest)});
        return SmallVector<Value>();
      },
      [] { return SmallVector<Value>(); });
}

Value RowsEmitter::loadColumn(Value from, unsigned component, Value f) {
  return emitter.loadLanes(
      emitter.element(columnAddress(from, component), f, b.getF32Type()),
      b.getF32Type(), lanes, {});
}

void RowsEmitter::storeColumn(Value value, unsigned component, Value f) {
  LLVM::StoreOp::create(
      b, loc(), emitter.spread(value, vectorOf(Kind::Real)),
      emitter.element(columnAddress(state, component), f, b.getF32Type()),
      /*alignment=*/4);
}

void RowsEmitter::clearColumn(unsigned component) {
  forColumns(form.components[component], [&](Coordinate f) {
    storeColumn(emitter.real(0), component, f.index);
  });
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

struct LowerFoldToRows : PassWrapper<LowerFoldToRows, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerFoldToRows)

  explicit LowerFoldToRows(FoldToRowsOptions options) : options(options) {}
  StringRef getArgument() const override { return "lower-fold-to-rows"; }
  StringRef getDescription() const override {
    return "lower kernels of one fold for few rows and a long stream";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry
        .insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                math::MathDialect, vector::VectorDialect, LLVM::LLVMDialect>();
  }
  void runOnOperation() override {
    for (auto kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
      if (failed(lowerFoldToRows(kernel, options)))
        return signalPassFailure();
      kernel.erase();
    }
  }
  FoldToRowsOptions options;
};

} // namespace

bool einfall::canLowerFoldToRows(KernelOp kernel, std::string *reason) {
  std::string why;
  bool can = succeeded(Form::of(kernel, why));
  if (reason)
    *reason = why;
  return can;
}

LogicalResult einfall::lowerFoldToRows(KernelOp kernel,
                                       const FoldToRowsOptions &options) {
  std::string reason;
  FailureOr<Form> form = Form::of(kernel, reason);
  if (failed(form))
    return kernel.emitError() << "cannot be lowered for few rows: " << reason;
  return RowsEmitter(kernel, std::move(*form), options.lanes).run();
}

std::unique_ptr<Pass>
einfall::createLowerFoldToRowsPass(const FoldToRowsOptions &options) {
  return std::make_unique<LowerFoldToRows>(options);
}
