//===- FoldToRows.cpp - One fold for few rows (decode) --------------------===//

#include "passes/Lower/FoldToRows.h"

#include "passes/Lower/RowsEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

/// Keys that rows take turns with: with their values, a part of a second-level
/// cache. A multiple of all vectors.
static constexpr int64_t keysInCache = 128;

RowsEmitter::RowsEmitter(KernelOp kernel, Form form,
                         const FoldToRowsOptions &options)
    : form(std::move(form)), emitter(kernel), b(emitter.builder()),
      lanes(options.lanes), registers(options.registers),
      extents(options.extents), rowsTogether(this->form.sharing.rowsTogether(
                                    options.extents, registers)) {
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
  Value wanted = ceilDiv(constant(items), maximum(blockCount(), constant(1)));
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
  Value count = emitter.select(is(1), rowCount(), constant(-1));
  emitter.endFunction(
      emitter.select(is(0), emitter.mul(blockCount(), splitCount()), count));
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
  allocateWeights();
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
// Phase 0: one split of one block of rows
//===----------------------------------------------------------------------===//

void RowsEmitter::foldSplit(Value item, Value shared) {
  // Neighbouring items are blocks of one split.
  Value blocks = blockCount();
  Value split = quotient(item, blocks);
  Block block = blockAt(remainder(item, blocks));
  auto each = [&](Value from, Value to, int64_t step,
                  function_ref<void()> body) {
    emitter.loop(from, to, step, {}, [&](Value number, ValueRange) {
      rows.assign(step, Row());
      for (auto [i, row] : llvm::enumerate(rows)) {
        row.at = rowOf(block, emitter.add(number, constant(i)));
        row.state = stateAddress(shared, rowNumber(row.at), split);
      }
      current = 0;
      body();
      return SmallVector<Value>();
    });
  };
  Value zero = constant(0);
  each(zero, block.rows, 1, [&] { clearState(); });

  // Splits are whole numbers of vectors.
  Value extent = emitter.extent(form.stream);
  Value keys = ceilDiv(ceilDiv(extent, splitCount()), lanes);
  keys = emitter.mul(keys, constant(lanes));
  Value begin = minimum(emitter.mul(split, keys), extent);
  Value end = minimum(emitter.add(begin, keys), extent);

  // Rows work together where they agree; those left over, and all others, one
  // by one. Where rows take turns, they do so while keys are in a cache.
  bool dense = emitter.laneAccess == ElementEmitter::LaneAccess::Dense;
  bool together = rowsTogether > 1 && dense;
  Value joined = zero, turns = block.rows;
  if (together) {
    Value size = constant(rowsTogether);
    Value rest = remainder(block.rows, size);
    joined = emitter.select(agree(block), emitter.sub(block.rows, rest), zero);
    turns =
        emitter.add(quotient(joined, size), emitter.sub(block.rows, joined));
  }
  Value span = emitter.sub(end, begin);
  Value step = emitter.select(emitter.less(constant(1), turns),
                              minimum(constant(keysInCache), span), span);
  step = maximum(step, constant(1));
  emitter.loop(zero, ceilDiv(span, step), 1, {}, [&](Value turn, ValueRange) {
    Value from = emitter.add(begin, emitter.mul(turn, step));
    Value to = minimum(emitter.add(from, step), end);
    if (together)
      each(zero, joined, rowsTogether, [&] { foldRows(from, to); });
    each(joined, block.rows, 1, [&] { foldRows(from, to); });
    return SmallVector<Value>();
  });
}

void RowsEmitter::clearState() {
  Value state = rows[current].state;
  for (auto [i, component] : llvm::enumerate(form.components)) {
    if (!component.column.empty()) {
      clearColumn(i);
      continue;
    }
    emitter.store(identity(component), slotAddress(state, i, 0), constant(0),
                  emitter.elementType(component.kind));
    if (component.hasFlag())
      emitter.store(emitter.truth(false), slotAddress(state, i, 1), constant(0),
                    b.getI1Type());
  }
}

void RowsEmitter::foldRows(Value begin, Value end) {
  SmallVector<Value> init;
  for (current = 0; current < rows.size(); ++current) {
    emitRowReductions(rows[current].at);
    SmallVector<State> states = loadNumbers(rows[current].state);
    for (auto [component, state] : llvm::zip(form.components, states))
      if (isPartial(component)) {
        Value none =
            emitter.spread(identity(component), vectorOf(component.kind));
        state.value =
            vector::InsertOp::create(b, loc(), state.value, none, int64_t(0));
      }
    llvm::append_range(init, pack(states));
  }
  current = 0;
  Value whole =
      emitter.sub(end, remainder(emitter.sub(end, begin), constant(lanes)));
  auto masked = [&](Value key, ValueRange carried) {
    Value inside = emitter.less(emitter.iota(lanes), emitter.sub(end, key));
    return foldKeys({key, lanes, inside}, carried, end);
  };
  SmallVector<Value> carried;
  // Strided streams are the exception: one loop, masked, is enough for them.
  if (emitter.laneAccess == ElementEmitter::LaneAccess::Strided) {
    carried = emitter.loop(begin, end, lanes, init, masked);
  } else {
    carried = emitter.loop(begin, whole, lanes, init,
                           [&](Value key, ValueRange carried) {
                             return foldKeys({key, lanes, {}}, carried, end);
                           });
    carried = emitter.branch(
        emitter.less(whole, end), TypeRange(ValueRange(carried)),
        [&] { return masked(whole, carried); }, [&] { return carried; });
  }
  size_t numbers = carried.size() / rows.size();
  for (auto [r, row] : llvm::enumerate(rows)) {
    SmallVector<State> states =
        unpack(ValueRange(carried).slice(r * numbers, numbers));
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (!component.column.empty())
        continue;
      Value value = states[i].value;
      if (isPartial(component))
        value = acrossLanes(component.monoid, value);
      emitter.store(value, slotAddress(row.state, i, 0), constant(0),
                    emitter.elementType(component.kind));
      if (component.hasFlag())
        emitter.store(states[i].flag, slotAddress(row.state, i, 1), constant(0),
                      b.getI1Type());
    }
  }
}

unsigned RowsEmitter::vectorsTogether() {
  // A quarter of the registers is for what is loaded.
  unsigned fit = registers * 3 / 4 / rows.size();
  unsigned count = 1;
  while (count * 2 <= std::min(fit, lanes))
    count *= 2;
  return count;
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

void RowsEmitter::forColumnGroups(
    const Component &component, unsigned count,
    function_ref<void(ArrayRef<Coordinate>)> body) {
  Value extent = emitter.extent(component.column);
  Value rest = remainder(extent, constant(lanes));
  Value grouped =
      emitter.sub(extent, remainder(extent, constant(count * lanes)));
  Value whole = emitter.sub(extent, rest);
  auto groups = [&](Value from, Value to, unsigned size) {
    emitter.loop(from, to, size * lanes, {}, [&](Value f, ValueRange) {
      SmallVector<Coordinate> group;
      for (unsigned i = 0; i < size; ++i)
        group.push_back({emitter.add(f, constant(i * lanes)), lanes, {}});
      body(group);
      return SmallVector<Value>();
    });
  };
  groups(constant(0), grouped, count);
  if (count > 1)
    groups(grouped, whole, 1);
  emitter.branch(
      emitter.less(constant(0), rest), {},
      [&] {
        body({{whole, lanes, emitter.less(emitter.iota(lanes), rest)}});
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
      emitter.element(columnAddress(rows[current].state, component), f,
                      b.getF32Type()),
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
  return RowsEmitter(kernel, std::move(*form), options).run();
}

std::unique_ptr<Pass>
einfall::createLowerFoldToRowsPass(const FoldToRowsOptions &options) {
  return std::make_unique<LowerFoldToRows>(options);
}
