//===- RowsStep.cpp - Keys enter the state of a row -----------------------===//

#include "passes/Lower/RowsEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

SmallVector<Value> RowsEmitter::foldKeys(const Coordinates &row,
                                         Coordinate keys, ValueRange carried,
                                         Value end) {
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
    Value present = emitter.conjunction(
        emitter.emitPresence(component.entering, here), keys.mask);
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

SmallVector<Value> RowsEmitter::enter(const Coordinates &at,
                                      ArrayRef<Value> presence,
                                      ValueRange carried) {
  SmallVector<State> states = unpack(carried);
  SmallVector<State> before(states);
  // New references.
  for (auto [i, component] : llvm::enumerate(form.components)) {
    if (!component.isReference)
      continue;
    Value x = emitter.spread(emitter.emit(component.entering, at).value,
                             vectorOf(component.kind));
    Value here =
        presence[i]
            ? acrossLanes(Monoid::Any,
                          emitter.spread(presence[i], vectorOf(Kind::Bool)))
            : emitter.truth(true);
    if (component.monoid == Monoid::First) {
      Value first = firstPresent(x, presence[i]);
      states[i].value =
          emitter.select(states[i].flag, states[i].value,
                         emitter.select(here, first, states[i].value));
    } else {
      Value greatest =
          acrossLanes(component.monoid,
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
      Value here =
          presence[i]
              ? acrossLanes(Monoid::Any,
                            emitter.spread(presence[i], vectorOf(Kind::Bool)))
              : emitter.truth(true);
      x = acrossLanes(component.monoid, x);
      states[i].flag = emitter.disjunction(states[i].flag, here);
    }
    states[i].value =
        emitter.combine(component.monoid, component.kind, states[i].value, x);
  }
  references.clear();
  return pack(states);
}

Value RowsEmitter::firstPresent(Value x, Value present) {
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

void RowsEmitter::bindReferences(ArrayRef<State> states) {
  references.clear();
  Block &step = form.fold.getStep().front();
  for (unsigned i = 0; i < step.getNumArguments(); ++i)
    references[step.getArgument(i)] = {
        emitter.select(states[i].flag, states[i].value, emitter.real(0)), {}};
}

void RowsEmitter::bindAct(ArrayRef<State> before, ArrayRef<State> after,
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

Value RowsEmitter::acted(unsigned component, Coordinate column) {
  auto yield = cast<YieldOp>(form.fold.getAct().front().getTerminator());
  unsigned count = static_cast<unsigned>(form.fold.getReferences());
  Coordinates at = currentRow;
  if (column.index)
    at[form.components[component].column] = column;
  return emitter.emit(yield.getValues()[component - count], at).value;
}

void RowsEmitter::reReference(ArrayRef<State> before,
                              MutableArrayRef<State> states) {
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
            result[i].value =
                emitter.spread(acted(i), before[i].value.getType());
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

void RowsEmitter::enterColumns(unsigned number, const Coordinates &at,
                               Value present) {
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
        Value next =
            emitter.apply(Function::Add, Kind::Real,
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
        acrossLanes(Monoid::All, present), {},
        [&] { return accumulate(false); }, [&] { return accumulate(true); });
  perKey.clear();
}

void RowsEmitter::collectWeights(const Component &component, Value value,
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

Value RowsEmitter::keyCoordinate(const Coordinates &at, unsigned j) {
  const Coordinate &keys = at.at(form.stream);
  Value key = emitter.add(keys.index, constant(j));
  return keys.mask ? minimum(key, lastKey) : key;
}
