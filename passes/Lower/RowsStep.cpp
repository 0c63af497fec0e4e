//===- RowsStep.cpp - Keys enter the state of a row -----------------------===//

#include "passes/Lower/RowsEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

SmallVector<Value> RowsEmitter::foldKeys(Coordinate keys, ValueRange carried,
                                         Value end) {
  lastKey = emitter.sub(end, constant(1));
  jointBlock = b.getInsertionBlock();
  for (Row &row : rows)
    row.at[form.stream] = keys;
  ahead.clear();
  fetching = false;
  if (!keys.mask)
    lookAhead(keys.index);
  Value some;
  bool maskless = false;
  for (current = 0; current < rows.size(); ++current) {
    Row &row = rows[current];
    row.presence.clear();
    for (const Component &component : form.components) {
      Coordinates here = row.at;
      if (!component.column.empty())
        here[component.column] = {constant(0)};
      Value present = emitter.conjunction(
          emitter.emitPresence(component.entering, here), keys.mask);
      // References are present where what they come from is: the step's use of
      // one adds nothing.
      row.presence.push_back(present);
      if (!present)
        maskless = true;
      else
        some = some ? emitter.disjunction(some, present) : present;
    }
  }
  current = 0;
  SmallVector<Value> next;
  if (maskless || !some) {
    next = enter(carried);
  } else {
    if (!isa<VectorType>(some.getType()))
      some = emitter.spread(some, vectorOf(Kind::Bool));
    next = emitter.branch(
        acrossLanes(Monoid::Any, some), TypeRange(carried),
        [&] { return enter(carried); },
        [&] { return llvm::to_vector(carried); });
  }
  joint.clear();
  jointBlock = nullptr;
  return next;
}

SmallVector<Value> RowsEmitter::enter(ValueRange carried) {
  jointBlock = b.getInsertionBlock();
  size_t numbers = carried.size() / rows.size();
  SmallVector<Value> result;
  for (current = 0; current < rows.size(); ++current) {
    SmallVector<State> states =
        unpack(carried.slice(current * numbers, numbers));
    enterNumbers(states);
    llvm::append_range(result, pack(states));
  }
  current = 0;
  for (auto [i, component] : llvm::enumerate(form.components))
    if (!component.column.empty())
      enterColumns(i);
  for (Row &row : rows)
    row.references.clear();
  return result;
}

void RowsEmitter::enterNumbers(SmallVectorImpl<State> &states) {
  Coordinates &at = rows[current].at;
  ArrayRef<Value> presence = rows[current].presence;
  SmallVector<State> before(states.begin(), states.end());
  // Whether any key of the vector enters component i.
  auto enters = [&](unsigned i) -> Value {
    if (!presence[i])
      return emitter.truth(true);
    return acrossLanes(Monoid::Any,
                       emitter.spread(presence[i], vectorOf(Kind::Bool)));
  };
  auto entering = [&](const Component &component) {
    return emitter.spread(emitter.emit(component.entering, at).value,
                          vectorOf(component.kind));
  };
  // New references.
  for (auto [i, component] : llvm::enumerate(form.components)) {
    if (!component.isReference)
      continue;
    Value x = entering(component);
    Value here = enters(i);
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
    if (component.isReference || !component.column.empty())
      continue;
    if (component.monoid == Monoid::Count) {
      Value one = emitter.spread(constant(1), vectorOf(Kind::Int));
      states[i].value = emitter.add(
          states[i].value, emitter.select(presence[i], one, constant(0)));
      continue;
    }
    Value x =
        emitter.select(presence[i], entering(component), identity(component));
    if (component.hasFlag()) {
      x = acrossLanes(component.monoid, x);
      states[i].flag = emitter.disjunction(states[i].flag, enters(i));
    }
    states[i].value =
        emitter.combine(component.monoid, component.kind, states[i].value, x);
  }
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
  auto &references = rows[current].references;
  references.clear();
  mlir::Block &step = form.fold.getStep().front();
  for (unsigned i = 0; i < step.getNumArguments(); ++i)
    references[step.getArgument(i)] = {
        emitter.select(states[i].flag, states[i].value, emitter.real(0)), {}};
}

void RowsEmitter::bindAct(ArrayRef<State> before, ArrayRef<State> after,
                          function_ref<Value(unsigned)> accumulator) {
  auto &references = rows[current].references;
  references.clear();
  mlir::Block &act = form.fold.getAct().front();
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
  Coordinates at = rows[current].at;
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
                         ? loadColumn(rows[current].state, j, f.index)
                         : before[j].value;
            });
            // Partial sums stand for one row only across all lanes: an action
            // that mixed them into columns has no meaning here.
            storeColumn(acted(i, f), i, f.index);
          });
        }
        rows[current].references.clear();
        return pack(result);
      },
      [&] { return kept; });
  SmallVector<State> merged = unpack(next);
  llvm::copy(merged, states.begin());
}

void RowsEmitter::allocateWeights() {
  size_t most = 0;
  for (const Component &component : form.components) {
    SmallVector<Value> own;
    if (!component.column.empty())
      collectWeights(component, component.entering, own);
    most = std::max(most, own.size());
  }
  auto allocate = [&](Type type, size_t count) -> Value {
    return LLVM::AllocaOp::create(b, loc(), emitter.pointer(), type,
                                  constant(count * rowsTogether * lanes),
                                  /*alignment=*/64);
  };
  weightBuffer = allocate(b.getF32Type(), most);
  presenceBuffer = allocate(b.getI8Type(), 1);
}

Value RowsEmitter::weightAddress(unsigned weight, Value key) {
  Value first = constant((weight * rowsTogether + current) * lanes);
  return emitter.element(weightBuffer, emitter.add(first, key), b.getF32Type());
}

Value RowsEmitter::presenceAddress(Value key) {
  return emitter.element(presenceBuffer,
                         emitter.add(constant(current * lanes), key),
                         b.getI8Type());
}

void RowsEmitter::storeWeights(ArrayRef<Value> fields) {
  for (current = 0; current < rows.size(); ++current)
    for (auto [i, field] : llvm::enumerate(fields)) {
      Value value = emitter.spread(emitter.emit(field, rows[current].at).value,
                                   vectorOf(Kind::Real));
      LLVM::StoreOp::create(b, loc(), value, weightAddress(i, constant(0)),
                            /*alignment=*/4);
    }
  current = 0;
}

Value RowsEmitter::storePresence(unsigned number) {
  Value all;
  for (current = 0; current < rows.size(); ++current) {
    Value present = rows[current].presence[number];
    if (!present)
      continue;
    present = emitter.spread(present, vectorOf(Kind::Bool));
    Value bytes = arith::ExtUIOp::create(
        b, loc(), VectorType::get(lanes, b.getI8Type()), present);
    LLVM::StoreOp::create(b, loc(), bytes, presenceAddress(constant(0)),
                          /*alignment=*/1);
    all = emitter.conjunction(all, present);
  }
  current = 0;
  return all;
}

void RowsEmitter::enterColumns(unsigned number) {
  const Component &component = form.components[number];
  SmallVector<Value> fields;
  collectWeights(component, component.entering, fields);
  storeWeights(fields);
  Value all = storePresence(number);
  for (auto [i, field] : llvm::enumerate(fields))
    weights[field] = i;
  // A value is loaded once for all rows, a weight once for several columns.
  auto accumulate = [&](bool masked) {
    auto group = [&](ArrayRef<Coordinate> columns) {
      SmallVector<Value> sums;
      for (const Coordinate &f : columns)
        for (const Row &row : rows)
          sums.push_back(loadColumn(row.state, number, f.index));
      sums = emitter.loop(
          constant(0), constant(lanes), 1, sums,
          [&](Value key, ValueRange carried) {
            currentKey = key;
            if (!masked)
              fetchAhead(key, lanes, 1);
            SmallVector<Value> next;
            Coordinate at = {keyCoordinate(rows[0].at, key)};
            for (const Coordinate &f : columns)
              for (current = 0; current < rows.size(); ++current) {
                Coordinates here = rows[current].at;
                here[form.stream] = at;
                here[component.column] = f;
                Value sofar = carried[next.size()];
                Value sum = emitter.combine(
                    Monoid::Sum, Kind::Real, sofar,
                    emitter.emit(component.entering, here).value);
                if (masked && rows[current].presence[number])
                  sum = emitter.select(emitter.load(presenceAddress(key),
                                                    constant(0), b.getI1Type()),
                                       sum, sofar);
                next.push_back(sum);
              }
            return next;
          });
      for (auto [i, f] : llvm::enumerate(columns))
        for (current = 0; current < rows.size(); ++current)
          storeColumn(sums[i * rows.size() + current], number, f.index);
      current = 0;
    };
    forColumnGroups(component, std::min(vectorsTogether(), 8u), group);
    return SmallVector<Value>();
  };
  if (!all)
    accumulate(false);
  else
    emitter.branch(
        acrossLanes(Monoid::All, all), {}, [&] { return accumulate(false); },
        [&] { return accumulate(true); });
  weights.clear();
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

Value RowsEmitter::keyCoordinate(const Coordinates &at, Value j) {
  const Coordinate &keys = at.at(form.stream);
  Value key = emitter.add(keys.index, j);
  return keys.mask ? minimum(key, lastKey) : key;
}
