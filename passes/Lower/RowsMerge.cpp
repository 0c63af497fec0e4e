//===- RowsMerge.cpp - Splits are merged and a row is finished ------------===//

#include "passes/Lower/RowsEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

SmallVector<State> RowsEmitter::loadNumbers(Value from) {
  SmallVector<State> states;
  for (auto [i, component] : llvm::enumerate(form.components)) {
    State loaded;
    if (component.column.empty()) {
      loaded.value = emitter.load(slotAddress(from, i, 0), constant(0),
                                  emitter.elementType(component.kind));
      if (component.hasFlag())
        loaded.flag =
            emitter.load(slotAddress(from, i, 1), constant(0), b.getI1Type());
    }
    states.push_back(loaded);
  }
  return states;
}

void RowsEmitter::finishRow(Value row, Value shared) {
  rows.assign(1, Row());
  current = 0;
  Coordinates at = rows[0].at = rowCoordinates(row);
  emitRowReductions(at);
  rows[0].state = stateAddress(shared, row, constant(0));
  SmallVector<Value> carried = emitter.loop(
      constant(1), splitCount(), 1, pack(loadNumbers(rows[0].state)),
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

SmallVector<Value> RowsEmitter::merge(SmallVector<State> mine,
                                      Value otherState) {
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
      rows[0].references.clear();
      return emitter.combine(form.components[i].monoid, form.components[i].kind,
                             x, y);
    };
    if (component.column.empty()) {
      joint[i].value = sum(
          {}, [&](unsigned j) { return mine[j].value; },
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
      storeColumn(sum(
                      f,
                      [&](unsigned j) { return pick(rows[0].state, mine, j); },
                      [&](unsigned j) { return pick(otherState, other, j); }),
                  i, f.index);
    });
  }
  return pack(joint);
}

Element RowsEmitter::finalState(unsigned number, const Coordinates &at) {
  const Component &component = form.components[number];
  if (component.column.empty())
    return {finalNumbers[number].value, finalNumbers[number].flag};
  const Coordinate &f = at.at(component.column);
  if (f.lanes)
    return {loadColumn(rows[0].state, number, f.index), {}};
  return {emitter.load(columnAddress(rows[0].state, number), f.index,
                       b.getF32Type()),
          {}};
}
