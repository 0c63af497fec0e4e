//===- FoldToRows.cpp - One fold for few rows (decode) --------------------===//

#include "passes/Lower/FoldToRows.h"

#include "passes/Lower/ElementEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {

//===----------------------------------------------------------------------===//
// The form
//===----------------------------------------------------------------------===//

/// One component of the state.
struct Component {
  Monoid monoid;
  Kind kind;
  bool isReference;
  StringRef column; ///< empty: one number a row
  Value entering;   ///< what the step yields

  /// Whether "nothing yet" needs a flag of its own.
  bool hasFlag() const {
    return monoid == Monoid::Max || monoid == Monoid::Min ||
           monoid == Monoid::First;
  }
};

/// A kernel that this lowering takes.
struct Form {
  FoldOp fold;
  StringRef stream;
  SmallVector<StringRef> rowRanks;
  SmallVector<Component> components;
  SmallVector<ReduceOp> rowReductions; ///< outside the fold, one number a row

  static FailureOr<Form> of(KernelOp kernel, std::string &reason);
};

FailureOr<Form> Form::of(KernelOp kernel, std::string &reason) {
  auto fail = [&](const Twine &why) -> FailureOr<Form> {
    reason = why.str();
    return failure();
  };
  Form form;
  auto folds = llvm::to_vector(kernel.getBody().getOps<FoldOp>());
  if (folds.size() != 1)
    return fail("the kernel has " + Twine(folds.size()) +
                " folds, this form takes one");
  form.fold = folds.front();
  SmallVector<StringRef> ranks = form.fold.getRankNames();
  if (ranks.size() != 1)
    return fail("the fold streams " + Twine(ranks.size()) +
                " ranks, this form takes one");
  form.stream = ranks.front();

  // Rows: the ranks that every component has.
  std::optional<SmallVector<StringRef>> rows;
  for (Type type : form.fold.getResultTypes()) {
    SmallVector<StringRef> own = cast<FieldType>(type).getRankNames();
    if (!rows)
      rows = own;
    else
      llvm::erase_if(*rows, [&](StringRef rank) {
        return !llvm::is_contained(own, rank);
      });
  }
  form.rowRanks = rows.value_or(SmallVector<StringRef>());
  // With column accumulators alone every rank looks like a row's. Then the last
  // rank that no reduction inside the step has is the column.
  auto yield = cast<YieldOp>(form.fold.getStep().front().getTerminator());
  for (unsigned i = 0; i < form.fold.getNumComponents(); ++i) {
    auto type = cast<FieldType>(form.fold.getResult(i).getType());
    Component component{form.fold.getMonoid(i), type.getKind(),
                        form.fold.isReference(i), {}, yield.getValues()[i]};
    SmallVector<StringRef> columns = type.without(form.rowRanks).getRankNames();
    if (columns.size() > 1)
      return fail("component " + Twine(i) + " of the state has " +
                  Twine(columns.size()) + " ranks besides the rows'");
    if (!columns.empty())
      component.column = columns.front();
    if (component.monoid == Monoid::ArgMax ||
        (component.monoid == Monoid::First && !component.isReference))
      return fail("component " + Twine(i) + " is folded by " +
                  stringifyMonoid(component.monoid));
    if (component.hasFlag() && component.kind != Kind::Real)
      return fail("component " + Twine(i) + " is a " +
                  stringifyMonoid(component.monoid) + " of integers");
    if (!component.column.empty() &&
        (component.monoid != Monoid::Sum || component.kind != Kind::Real))
      return fail("component " + Twine(i) + " with column rank \"" +
                  component.column + "\" is not a sum of reals");
    form.components.push_back(component);
  }

  std::string why;
  WalkResult walk = kernel.getBody().walk([&](Operation *op) {
    if (auto output = dyn_cast<OutputOp>(op)) {
      SmallVector<StringRef> dims = names(output.getDims());
      for (StringRef rank : form.rowRanks)
        if (!llvm::is_contained(dims, rank)) {
          why = ("output \"" + output.getName() + "\" lacks the row rank \"" +
                 rank + "\"")
                    .str();
          return WalkResult::interrupt();
        }
      if (dims.size() > form.rowRanks.size() + 1) {
        why = ("output \"" + output.getName() +
               "\" has more than one rank besides the rows'")
                  .str();
        return WalkResult::interrupt();
      }
    }
    if (auto at = dyn_cast<AtOp>(op))
      for (StringRef rank : names(at.getRanks()))
        if (rank == form.stream || llvm::is_contained(form.rowRanks, rank)) {
          why = ("rank \"" + rank + "\" is substituted").str();
          return WalkResult::interrupt();
        }
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      FieldType type = fieldType(reduce.getValue());
      SmallVector<StringRef> over = names(reduce.getRanks());
      bool plain = reduce.getMonoid() == Monoid::Sum ||
                   reduce.getMonoid() == Monoid::Max ||
                   reduce.getMonoid() == Monoid::Min;
      if (over.size() != 1 || !plain || type.getKind() != Kind::Real ||
          !type.hasRank(over.front()) || over.front() == form.stream) {
        why = ("a reduction by " + stringifyMonoid(reduce.getMonoid()) +
               " inside the row")
                  .str();
        return WalkResult::interrupt();
      }
      bool inStep = reduce->getParentOp() == form.fold;
      FieldType result = fieldType(reduce.getResult());
      if (!inStep && !result.hasRank(form.stream) &&
          llvm::all_of(result.getRankNames(), [&](StringRef rank) {
            return llvm::is_contained(form.rowRanks, rank);
          }))
        form.rowReductions.push_back(reduce);
    }
    return WalkResult::advance();
  });
  if (walk.wasInterrupted())
    return fail(why);
  // What exists may depend on the key, not on the column: whole vectors of
  // columns enter or do not.
  for (const Component &component : form.components) {
    if (component.column.empty())
      continue;
    SmallVector<Value> worklist{component.entering};
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op || !fieldType(value).hasRank(component.column))
        continue;
      if (isa<MapOp>(op)) {
        llvm::append_range(worklist, op->getOperands());
        continue;
      }
      if (auto read = dyn_cast<ReadOp>(op)) {
        auto input = read.getTensor().getDefiningOp<InputOp>();
        SmallVector<StringRef> dims = names(input.getDims());
        for (auto [dim, index] : llvm::zip(dims, read.getIndices())) {
          auto coord = index.getDefiningOp<CoordOp>();
          if (fieldType(index).hasRank(component.column) &&
              !(coord && coord.getRank() == dim))
            return fail("rank \"" + component.column +
                        "\" enters an index expression");
        }
        continue;
      }
      if (auto where = dyn_cast<WhereOp>(op)) {
        if (fieldType(where.getCondition()).hasRank(component.column))
          return fail("rank \"" + component.column + "\" enters a condition");
        worklist.push_back(where.getValue());
        continue;
      }
      if (!isa<CoordOp>(op))
        return fail("rank \"" + component.column + "\" enters " +
                    op->getName().getStringRef());
    }
  }
  return form;
}

//===----------------------------------------------------------------------===//
// Emission
//===----------------------------------------------------------------------===//

/// The state of one component while a split is folded or merged.
struct State {
  Value value; ///< a number; lanes of partial sums while folding
  Value flag;  ///< whether anything entered, for components with a flag
};

class RowsEmitter {
public:
  RowsEmitter(KernelOp kernel, Form form, unsigned lanes)
      : form(std::move(form)), emitter(kernel), b(emitter.builder()),
        lanes(lanes) {
    emitter.given = [this](Value field, const Coordinates &at) {
      return lookup(field, at);
    };
    emitter.reduction = [this](ReduceOp reduce, const Coordinates &at) {
      return reduceAt(reduce, at);
    };
  }

  LogicalResult run() {
    if (failed(emitter.checkStorage()))
      return failure();
    emitItems();
    emitSizes();
    emitKernel();
    return success();
  }

private:
  Location loc() { return emitter.loc(); }
  Type i64() { return b.getI64Type(); }
  Value constant(int64_t value) { return emitter.constant(value); }
  VectorType vectorOf(Kind kind) {
    return VectorType::get(lanes, emitter.elementType(kind));
  }
  Value ceilDiv(Value x, int64_t y) {
    return arith::DivUIOp::create(b, loc(), emitter.add(x, constant(y - 1)),
                                  constant(y));
  }
  Value minimum(Value x, Value y) {
    return arith::MinSIOp::create(b, loc(), x, y);
  }
  Value maximum(Value x, Value y) {
    return arith::MaxSIOp::create(b, loc(), x, y);
  }

  //===--------------------------------------------------------------------===//
  // Sizes: how a stream is split, where a state lies
  //===--------------------------------------------------------------------===//

  Value rowCount() {
    Value count = constant(1);
    for (StringRef rank : form.rowRanks)
      count = emitter.mul(count, emitter.extent(rank));
    return count;
  }

  /// Enough items to keep many cores busy, and enough keys in each to forget the
  /// cost of merging.
  Value splitCount() {
    constexpr int64_t items = 64, keysPerSplit = 512;
    Value wanted = arith::CeilDivSIOp::create(
        b, loc(), constant(items), maximum(rowCount(), constant(1)));
    Value possible = ceilDiv(emitter.extent(form.stream), keysPerSplit);
    return maximum(minimum(wanted, possible), constant(1));
  }

  /// Bytes of one state: a number and a flag of eight bytes each for every
  /// component, then the columns.
  Value stateBytes() {
    Value bytes = constant((16 * form.components.size() + 63) / 64 * 64);
    for (const Component &component : form.components)
      if (!component.column.empty())
        bytes = emitter.add(bytes, columnBytes(component));
    return bytes;
  }
  Value columnBytes(const Component &component) {
    return emitter.mul(ceilDiv(emitter.extent(component.column), 16),
                       constant(64));
  }
  Value stateAddress(Value shared, Value row, Value split) {
    Value number = emitter.add(emitter.mul(row, splitCount()), split);
    return emitter.element(shared, emitter.mul(number, stateBytes()),
                           b.getI8Type());
  }
  Value slotAddress(Value state, unsigned component, unsigned slot) {
    return emitter.element(state, constant(16 * component + 8 * slot),
                           b.getI8Type());
  }
  Value columnAddress(Value state, unsigned component) {
    Value offset = constant((16 * form.components.size() + 63) / 64 * 64);
    for (unsigned i = 0; i < component; ++i)
      if (!form.components[i].column.empty())
        offset = emitter.add(offset, columnBytes(form.components[i]));
    return emitter.element(state, offset, b.getI8Type());
  }

  void emitItems() {
    auto function = cast<func::FuncOp>(emitter.beginFunction(
        "_items", {emitter.pointer(), i64()}, {i64()}));
    auto is = [&](int64_t phase) -> Value {
      return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                   function.getArgument(1), constant(phase));
    };
    Value rows = rowCount();
    Value count = emitter.select(is(1), rows, constant(-1));
    emitter.endFunction(
        emitter.select(is(0), emitter.mul(rows, splitCount()), count));
  }

  void emitSizes() {
    emitter.beginFunction("_workspace", {emitter.pointer()}, {i64()});
    emitter.endFunction(constant(0));
    emitter.beginFunction("_shared", {emitter.pointer()}, {i64()});
    emitter.endFunction(emitter.mul(emitter.mul(rowCount(), splitCount()),
                                    stateBytes()));
  }

  //===--------------------------------------------------------------------===//
  // The kernel
  //===--------------------------------------------------------------------===//

  void emitKernel() {
    auto function = cast<func::FuncOp>(emitter.beginFunction(
        "",
        {emitter.pointer(), i64(), i64(), i64(), emitter.pointer(),
         emitter.pointer()},
        {}));
    Value shared = function.getArgument(5);
    Value folding = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq,
                                          function.getArgument(1), constant(0));
    auto items = [&](function_ref<void(Value)> item) -> SmallVector<Value> {
      return emitter.loop(function.getArgument(2), function.getArgument(3), 1,
                          {}, [&](Value number, ValueRange) {
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
            // Keys are read in an order that no hardware prefetcher follows.
            emitter.prefetchRank = form.stream;
            emitter.prefetchAhead = 2 * lanes;
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

  /// The ranks that lanes run along.
  SmallVector<StringRef> laneRanks() {
    SmallVector<StringRef> ranks;
    for (const Component &component : form.components)
      if (!component.column.empty())
        ranks.push_back(component.column);
    form.fold->getParentOp()->walk([&](ReduceOp reduce) {
      llvm::append_range(ranks, names(reduce.getRanks()));
    });
    return ranks;
  }

  Coordinates rowCoordinates(Value row) {
    Coordinates at;
    for (StringRef rank : llvm::reverse(form.rowRanks)) {
      Value extent = emitter.extent(rank);
      at[rank] = {arith::RemUIOp::create(b, loc(), row, extent)};
      row = arith::DivUIOp::create(b, loc(), row, extent);
    }
    return at;
  }

  Value identity(const Component &component) {
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

  /// Numbers without a flag are kept as one partial result per lane.
  bool isPartial(const Component &component) {
    return component.column.empty() && !component.hasFlag();
  }

  /// The carried values of a fold, component by component: value, then flag.
  SmallVector<State> unpack(ValueRange carried) {
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
  SmallVector<Value> pack(ArrayRef<State> states) {
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

  //===--------------------------------------------------------------------===//
  // Phase 0: one split of one row
  //===--------------------------------------------------------------------===//

  void foldSplit(Value item, Value shared) {
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
    Value whole = emitter.sub(
        end, arith::RemUIOp::create(b, loc(), emitter.sub(end, begin),
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
      Value inside =
          emitter.less(emitter.iota(lanes), emitter.sub(end, key));
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

  /// Results outside the fold that the row needs as single numbers.
  void emitRowReductions(const Coordinates &at) {
    for (ReduceOp reduce : form.rowReductions)
      emitter.emit(reduce.getResult(), at);
  }

  Value acrossLanes(Monoid monoid, Value vector) {
    auto type = cast<VectorType>(vector.getType());
    auto kind = vector::CombiningKind::ADD;
    bool isReal = isa<FloatType>(type.getElementType());
    if (monoid == Monoid::Max)
      kind = isReal ? vector::CombiningKind::MAXIMUMF
                    : vector::CombiningKind::MAXSI;
    else if (monoid == Monoid::Min)
      kind = isReal ? vector::CombiningKind::MINIMUMF
                    : vector::CombiningKind::MINSI;
    else if (monoid == Monoid::Any)
      kind = vector::CombiningKind::OR;
    else if (monoid == Monoid::All)
      kind = vector::CombiningKind::AND;
    // Lanes are added pairwise, in no particular order.
    return vector::ReductionOp::create(b, loc(), kind, vector,
                                       arith::FastMathFlags::reassoc);
  }

  /// Loops over the columns of a component in vectors; the last may be masked.
  void forColumns(const Component &component,
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

  /// The state's columns are padded to whole vectors: no mask is needed there.
  Value loadColumn(Value from, unsigned component, Value f) {
    return emitter.loadLanes(
        emitter.element(columnAddress(from, component), f, b.getF32Type()),
        b.getF32Type(), lanes, {});
  }
  void storeColumn(Value value, unsigned component, Value f) {
    LLVM::StoreOp::create(
        b, loc(), emitter.spread(value, vectorOf(Kind::Real)),
        emitter.element(columnAddress(state, component), f, b.getF32Type()),
        /*alignment=*/4);
  }
  void clearColumn(unsigned component) {
    forColumns(form.components[component], [&](Coordinate f) {
      storeColumn(emitter.real(0), component, f.index);
    });
  }

  /// One vector of keys enters the state.
  SmallVector<Value> foldKeys(const Coordinates &row, Coordinate keys,
                              ValueRange carried, Value end) {
    Coordinates at = row;
    at[form.stream] = keys;
    lastKey = emitter.sub(end, constant(1));
    SmallVector<Value> presence;
    Value some;
    bool maskless = false;
    for (const Component &component : form.components) {
      Coordinates here = at;
      if (!component.column.empty())
        here[component.column] = {constant(0)};
      Value present =
          emitter.conjunction(emitter.emitPresence(component.entering, here),
                              keys.mask);
      // References are present where what they come from is: the step's use of
      // one adds nothing.
      presence.push_back(present);
      if (!present)
        maskless = true;
      else
        some = some ? emitter.disjunction(some, present) : present;
    }
    if (maskless || !some)
      return enter(at, presence, carried);
    if (!isa<VectorType>(some.getType()))
      some = emitter.spread(some, vectorOf(Kind::Bool));
    return emitter.branch(
        acrossLanes(Monoid::Any, some), TypeRange(carried),
        [&] { return enter(at, presence, carried); },
        [&] { return llvm::to_vector(carried); });
  }

  SmallVector<Value> enter(const Coordinates &at, ArrayRef<Value> presence,
                           ValueRange carried) {
    SmallVector<State> states = unpack(carried);
    SmallVector<State> before(states);
    // New references.
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (!component.isReference)
        continue;
      Value x = emitter.spread(emitter.emit(component.entering, at).value,
                               vectorOf(component.kind));
      Value here = presence[i]
                       ? acrossLanes(Monoid::Any,
                                     emitter.spread(presence[i],
                                                    vectorOf(Kind::Bool)))
                       : emitter.truth(true);
      if (component.monoid == Monoid::First) {
        Value first = firstPresent(x, presence[i]);
        states[i].value =
            emitter.select(states[i].flag, states[i].value,
                           emitter.select(here, first, states[i].value));
      } else {
        Value greatest = acrossLanes(
            component.monoid,
            emitter.select(presence[i], x, identity(component)));
        states[i].value = emitter.combine(component.monoid, component.kind,
                                          states[i].value, greatest);
      }
      states[i].flag = emitter.disjunction(states[i].flag, here);
    }
    reReference(before, states);
    bindReferences(states);
    // Accumulators.
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (component.isReference)
        continue;
      if (!component.column.empty()) {
        enterColumns(i, at, presence[i]);
        continue;
      }
      if (component.monoid == Monoid::Count) {
        Value one = emitter.spread(constant(1), vectorOf(Kind::Int));
        states[i].value = emitter.add(
            states[i].value, emitter.select(presence[i], one, constant(0)));
        continue;
      }
      Value x = emitter.spread(emitter.emit(component.entering, at).value,
                               vectorOf(component.kind));
      x = emitter.select(presence[i], x, identity(component));
      if (component.hasFlag()) {
        Value here = presence[i]
                         ? acrossLanes(Monoid::Any,
                                       emitter.spread(presence[i],
                                                      vectorOf(Kind::Bool)))
                         : emitter.truth(true);
        x = acrossLanes(component.monoid, x);
        states[i].flag = emitter.disjunction(states[i].flag, here);
      }
      states[i].value = emitter.combine(component.monoid, component.kind,
                                        states[i].value, x);
    }
    references.clear();
    return pack(states);
  }

  Value firstPresent(Value x, Value present) {
    if (!present)
      return vector::ExtractOp::create(b, loc(), x, 0);
    Value result = emitter.real(0);
    for (unsigned i = lanes; i-- > 0;)
      result = emitter.select(
          vector::ExtractOp::create(
              b, loc(), emitter.spread(present, vectorOf(Kind::Bool)), i),
          vector::ExtractOp::create(b, loc(), x, i), result);
    return result;
  }

  /// Binds the arguments of the step region to the references.
  void bindReferences(ArrayRef<State> states) {
    references.clear();
    Block &step = form.fold.getStep().front();
    for (unsigned i = 0; i < step.getNumArguments(); ++i)
      references[step.getArgument(i)] = {
          emitter.select(states[i].flag, states[i].value, emitter.real(0)), {}};
  }

  /// Binds the arguments of the act region. A reference that is not there yet
  /// equals the new one, which makes the action the identity.
  void bindAct(ArrayRef<State> before, ArrayRef<State> after,
               function_ref<Value(unsigned)> accumulator) {
    references.clear();
    Block &act = form.fold.getAct().front();
    unsigned count = static_cast<unsigned>(form.fold.getReferences());
    for (unsigned i = 0; i < count; ++i) {
      Value to = emitter.select(after[i].flag, after[i].value, emitter.real(0));
      references[act.getArgument(i)] = {
          emitter.select(before[i].flag, before[i].value, to), {}};
      references[act.getArgument(count + i)] = {to, {}};
    }
    for (unsigned i = count; i < form.components.size(); ++i)
      if (Value value = accumulator(i))
        references[act.getArgument(count + i)] = {value, {}};
  }

  /// What the act region makes of accumulator `component`.
  Value acted(unsigned component, Coordinate column = {}) {
    auto yield = cast<YieldOp>(form.fold.getAct().front().getTerminator());
    unsigned count = static_cast<unsigned>(form.fold.getReferences());
    Coordinates at = currentRow;
    if (column.index)
      at[form.components[component].column] = column;
    return emitter.emit(yield.getValues()[component - count], at).value;
  }

  /// Accumulators follow references that have moved.
  void reReference(ArrayRef<State> before, MutableArrayRef<State> states) {
    Value moved;
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (!component.isReference)
        continue;
      Value changed = emitter.conjunction(
          before[i].flag, emitter.apply(Function::Ne, Kind::Real,
                                        {before[i].value, states[i].value}));
      moved = moved ? emitter.disjunction(moved, changed) : changed;
    }
    if (!moved)
      return;
    SmallVector<State> after(states);
    SmallVector<Value> kept = pack(states);
    SmallVector<Value> next = emitter.branch(
        moved, TypeRange(ValueRange(kept)),
        [&] {
          SmallVector<State> result(after);
          bindAct(before, after, [&](unsigned i) { return before[i].value; });
          for (auto [i, component] : llvm::enumerate(form.components))
            if (!component.isReference && component.column.empty())
              result[i].value = emitter.spread(
                  acted(i), before[i].value.getType());
          for (auto [i, component] : llvm::enumerate(form.components)) {
            if (component.column.empty())
              continue;
            forColumns(component, [&, i = i](Coordinate f) {
              bindAct(before, after, [&](unsigned j) -> Value {
                return form.components[j].column == form.components[i].column
                           ? loadColumn(state, j, f.index)
                           : before[j].value;
              });
              // Partial sums stand for one row only across all lanes: an action
              // that mixed them into columns has no meaning here.
              storeColumn(acted(i, f), i, f.index);
            });
          }
          references.clear();
          return pack(result);
        },
        [&] { return kept; });
    SmallVector<State> merged = unpack(next);
    llvm::copy(merged, states.begin());
  }

  /// o[f] += sum over the keys of the vector of what enters.
  void enterColumns(unsigned number, const Coordinates &at, Value present) {
    const Component &component = form.components[number];
    // What depends on the key alone is computed once, with keys in the lanes.
    SmallVector<Value> weights;
    collectWeights(component, component.entering, weights);
    for (Value weight : weights) {
      Value value = emitter.spread(emitter.emit(weight, at).value,
                                   vectorOf(fieldType(weight).getKind()));
      SmallVector<Value> lane;
      for (unsigned j = 0; j < lanes; ++j)
        lane.push_back(vector::ExtractOp::create(b, loc(), value, j));
      perKey[weight] = std::move(lane);
    }
    if (present)
      present = emitter.spread(present, vectorOf(Kind::Bool));
    auto accumulate = [&](bool masked) {
      forColumns(component, [&](Coordinate f) {
        Value sum = loadColumn(state, number, f.index);
        for (currentKey = 0; currentKey < lanes; ++currentKey) {
          Coordinates here = at;
          here[form.stream] = {keyCoordinate(at, currentKey)};
          here[component.column] = f;
          Value next = emitter.apply(
              Function::Add, Kind::Real,
              {sum, emitter.emit(component.entering, here).value});
          sum = masked ? emitter.select(vector::ExtractOp::create(
                                            b, loc(), present, currentKey),
                                        next, sum)
                       : next;
        }
        storeColumn(sum, number, f.index);
      });
      return SmallVector<Value>();
    };
    if (!present)
      accumulate(false);
    else
      emitter.branch(
          acrossLanes(Monoid::All, present), {}, [&] { return accumulate(false); },
          [&] { return accumulate(true); });
    perKey.clear();
  }

  /// The largest parts of `value` that depend on the key but not on the column.
  void collectWeights(const Component &component, Value value,
                      SmallVectorImpl<Value> &weights) {
    FieldType type = fieldType(value);
    if (!type.hasRank(form.stream))
      return;
    if (!type.hasRank(component.column)) {
      if (type.getKind() == Kind::Real && !llvm::is_contained(weights, value))
        weights.push_back(value);
      return;
    }
    for (Value operand : value.getDefiningOp()->getOperands())
      if (isa<FieldType>(operand.getType()))
        collectWeights(component, operand, weights);
  }

  /// Key j of a vector of keys, never past the last.
  Value keyCoordinate(const Coordinates &at, unsigned j) {
    const Coordinate &keys = at.at(form.stream);
    Value key = emitter.add(keys.index, constant(j));
    return keys.mask ? minimum(key, lastKey) : key;
  }

  //===--------------------------------------------------------------------===//
  // Reductions inside the row
  //===--------------------------------------------------------------------===//

  /// Elements that ElementEmitter does not make itself.
  std::optional<Element> lookup(Value field, const Coordinates &at) {
    if (auto it = references.find(field); it != references.end())
      return it->second;
    if (auto it = perKey.find(field); it != perKey.end())
      if (!at.at(form.stream).lanes)
        return Element{it->second[currentKey], {}};
    if (auto it = results.find(field); it != results.end())
      return finalState(it->second, at);
    return std::nullopt;
  }

  Element reduceAt(ReduceOp reduce, const Coordinates &at) {
    StringRef rank = names(reduce.getRanks()).front();
    StringRef laneRank;
    for (StringRef own : fieldType(reduce.getResult()).getRankNames())
      if (auto it = at.find(own); it != at.end() && it->second.lanes)
        laneRank = own;
    if (laneRank.empty())
      return reduceAlong(reduce, rank, at, 1, [&](unsigned) { return at; });
    if (laneRank == form.stream) {
      return reduceAlong(reduce, rank, at, lanes, [&](unsigned j) {
        Coordinates here = at;
        here[form.stream] = {keyCoordinate(at, j)};
        return here;
      });
    }
    // Columns in the lanes: the reduced rank is walked one by one.
    Monoid monoid = reduce.getMonoid();
    Value init = emitter.spread(startOf(monoid), vectorOf(Kind::Real));
    Value value = emitter.loop(
        constant(0), emitter.extent(rank), 1, {init},
        [&](Value i, ValueRange carried) -> SmallVector<Value> {
          Coordinates here = at;
          here[rank] = {i};
          Element x = emitter.emit(reduce.getValue(), here);
          return {emitter.select(
              x.present,
              emitter.combine(monoid, Kind::Real, carried[0], x.value),
              carried[0])};
        })[0];
    return {value, {}};
  }

  Value startOf(Monoid monoid) {
    return identity({monoid, Kind::Real, false, {}, {}});
  }

  /// Reduces along `rank` in vectors, for `count` keys side by side.
  Element reduceAlong(ReduceOp reduce, StringRef rank, const Coordinates &at,
                      unsigned count,
                      function_ref<Coordinates(unsigned)> keyAt) {
    Monoid monoid = reduce.getMonoid();
    Value start = emitter.spread(startOf(monoid), vectorOf(Kind::Real));
    SmallVector<Coordinates> keys;
    for (unsigned j = 0; j < count; ++j)
      keys.push_back(keyAt(j));
    auto body = [&](Coordinate along, ValueRange carried) {
      SmallVector<Value> next;
      for (unsigned j = 0; j < count; ++j) {
        Coordinates here = keys[j];
        here[rank] = along;
        Element x = emitter.emit(reduce.getValue(), here);
        Value present = emitter.conjunction(x.present, along.mask);
        Value sum = emitter.combine(
            monoid, Kind::Real, carried[j],
            emitter.spread(x.value, vectorOf(Kind::Real)));
        next.push_back(emitter.select(present, sum, carried[j]));
      }
      return next;
    };
    Value extent = emitter.extent(rank);
    Value rest = arith::RemUIOp::create(b, loc(), extent, constant(lanes));
    Value whole = emitter.sub(extent, rest);
    SmallVector<Value> init(count, start);
    SmallVector<Value> partial = emitter.loop(
        constant(0), whole, lanes, init,
        [&](Value e, ValueRange carried) { return body({e, lanes, {}}, carried); });
    partial = emitter.branch(
        emitter.less(constant(0), rest), TypeRange(ValueRange(partial)),
        [&] {
          return body({whole, lanes, emitter.less(emitter.iota(lanes), rest)},
                      partial);
        },
        [&] { return partial; });
    if (count == 1)
      return {acrossLanes(monoid, partial[0]), {}};
    Value scores = emitter.spread(emitter.real(0), vectorOf(Kind::Real));
    for (unsigned j = 0; j < count; ++j)
      scores = vector::InsertOp::create(b, loc(),
                                        acrossLanes(monoid, partial[j]), scores,
                                        j);
    return {scores, {}};
  }

  //===--------------------------------------------------------------------===//
  // Phase 1: merge the splits of a row and finish it
  //===--------------------------------------------------------------------===//

  SmallVector<State> loadNumbers(Value from) {
    SmallVector<State> states;
    for (auto [i, component] : llvm::enumerate(form.components)) {
      State loaded;
      if (component.column.empty()) {
        loaded.value = emitter.load(slotAddress(from, i, 0), constant(0),
                                    emitter.elementType(component.kind));
        if (component.hasFlag())
          loaded.flag = emitter.load(slotAddress(from, i, 1), constant(0),
                                     b.getI1Type());
      }
      states.push_back(loaded);
    }
    return states;
  }

  void finishRow(Value row, Value shared) {
    Coordinates at = currentRow = rowCoordinates(row);
    emitRowReductions(at);
    state = stateAddress(shared, row, constant(0));
    SmallVector<Value> carried = emitter.loop(
        constant(1), splitCount(), 1, pack(loadNumbers(state)),
        [&](Value split, ValueRange carried) {
          return merge(unpack(carried), stateAddress(shared, row, split));
        });
    finalNumbers = unpack(carried);
    for (auto [i, result] : llvm::enumerate(form.fold.getResults()))
      results[result] = i;
    auto kernel = cast<KernelOp>(form.fold->getParentOp());
    for (auto output : kernel.getBody().getOps<OutputOp>()) {
      Component column{Monoid::Sum, Kind::Real, false, {}, {}};
      for (StringRef rank : names(output.getDims()))
        if (!at.count(rank))
          column.column = rank;
      if (column.column.empty()) {
        emitter.storeOutput(output, at);
        continue;
      }
      forColumns(column, [&](Coordinate f) {
        Coordinates here = at;
        here[column.column] = f;
        emitter.storeOutput(output, here);
      });
    }
    results.clear();
  }

  /// Acts both states to a joint reference and adds them; columns in place.
  SmallVector<Value> merge(SmallVector<State> mine, Value otherState) {
    SmallVector<State> other = loadNumbers(otherState);
    SmallVector<State> joint(mine);
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (!component.column.empty() || !component.hasFlag())
        continue;
      Value both = component.monoid == Monoid::First
                       ? mine[i].value
                       : emitter.combine(component.monoid, component.kind,
                                         mine[i].value, other[i].value);
      // Where one side has nothing, the other stands.
      Value value = emitter.select(
          mine[i].flag, emitter.select(other[i].flag, both, mine[i].value),
          other[i].value);
      joint[i] = {value, emitter.disjunction(mine[i].flag, other[i].flag)};
    }
    for (auto [i, component] : llvm::enumerate(form.components)) {
      if (component.isReference || component.hasFlag())
        continue;
      auto sum = [&, i = i](Coordinate column,
                            function_ref<Value(unsigned)> first,
                            function_ref<Value(unsigned)> second) {
        bindAct(mine, joint, first);
        emitter.openScope();
        Value x = acted(i, column);
        emitter.closeScope();
        bindAct(other, joint, second);
        emitter.openScope();
        Value y = acted(i, column);
        emitter.closeScope();
        references.clear();
        return emitter.combine(form.components[i].monoid,
                               form.components[i].kind, x, y);
      };
      if (component.column.empty()) {
        joint[i].value = sum({}, [&](unsigned j) { return mine[j].value; },
                             [&](unsigned j) { return other[j].value; });
        continue;
      }
      forColumns(component, [&, i = i](Coordinate f) {
        StringRef column = form.components[i].column;
        auto pick = [&](Value from, ArrayRef<State> numbers, unsigned j) {
          return form.components[j].column == column
                     ? loadColumn(from, j, f.index)
                     : numbers[j].value;
        };
        storeColumn(sum(f, [&](unsigned j) { return pick(state, mine, j); },
                        [&](unsigned j) { return pick(otherState, other, j); }),
                    i, f.index);
      });
    }
    return pack(joint);
  }

  /// A result of the fold, for the finish.
  Element finalState(unsigned number, const Coordinates &at) {
    const Component &component = form.components[number];
    if (component.column.empty())
      return {finalNumbers[number].value, finalNumbers[number].flag};
    const Coordinate &f = at.at(component.column);
    if (f.lanes)
      return {loadColumn(state, number, f.index), {}};
    return {emitter.load(columnAddress(state, number), f.index, b.getF32Type()),
            {}};
  }

  Form form;
  ElementEmitter emitter;
  OpBuilder &b;
  unsigned lanes;

  Coordinates currentRow; ///< the row that is worked on
  Value state;   ///< the address of its state
  Value lastKey; ///< the last key of the split
  /// Arguments of the step or act region while one is emitted.
  llvm::DenseMap<Value, Element> references;
  /// Weights of single keys while columns enter, and which key it is.
  llvm::DenseMap<Value, SmallVector<Value>> perKey;
  unsigned currentKey = 0;
  /// Results of the fold while the finish is emitted.
  llvm::DenseMap<Value, unsigned> results;
  SmallVector<State> finalNumbers;
};

struct LowerFoldToRows
    : PassWrapper<LowerFoldToRows, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerFoldToRows)

  explicit LowerFoldToRows(FoldToRowsOptions options) : options(options) {}
  StringRef getArgument() const override { return "lower-fold-to-rows"; }
  StringRef getDescription() const override {
    return "lower kernels of one fold for few rows and a long stream";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                    math::MathDialect, vector::VectorDialect,
                    LLVM::LLVMDialect>();
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
