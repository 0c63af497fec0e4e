//===- WarpReduce.cpp - Reductions within a lane and across them ----------===//

#include "passes/Lower/Threads/WarpReduce.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

WarpReduce::WarpReduce(DeviceElements &emitter, ReduceOp op)
    : emitter(emitter), op(op), monoid(op.getMonoid()),
      kind(fieldType(op.getValue()).getKind()),
      coordinate(names(op.getRanks()).front()) {}

bool WarpReduce::hasIdentity() const {
  return monoid == Monoid::Sum || monoid == Monoid::Any ||
         monoid == Monoid::All || monoid == Monoid::Count;
}

bool WarpReduce::chooses() const {
  return monoid == Monoid::ArgMax || monoid == Monoid::First;
}

WarpReduce::Values WarpReduce::init() {
  Values values;
  if (monoid == Monoid::Count)
    values.push_back(emitter.constant(0));
  else if (monoid == Monoid::All)
    values.push_back(emitter.truth(true));
  else
    values.push_back(emitter.zero(emitter.elementType(kind)));
  if (!hasIdentity())
    values.push_back(emitter.truth(false));
  if (chooses())
    values.push_back(emitter.constant(0));
  return values;
}

Value WarpReduce::isBetter(Value x, Value y) {
  if (monoid == Monoid::First)
    return emitter.truth(false);
  Value better = emitter.apply(Function::Gt, kind, {x, y});
  if (kind != Kind::Real)
    return better;
  // A NaN is above all numbers.
  return emitter.disjunction(
      better, emitter.conjunction(emitter.apply(Function::Ne, kind, {x, x}),
                                  emitter.apply(Function::Eq, kind, {y, y})));
}

WarpReduce::Values WarpReduce::merge(ValueRange x, ValueRange y) {
  if (hasIdentity()) {
    Kind of = monoid == Monoid::Count ? Kind::Int : kind;
    return {emitter.combine(monoid, of, x[0], y[0])};
  }
  Value some = emitter.disjunction(x[1], y[1]);
  if (!chooses()) {
    Value both = emitter.combine(monoid, kind, x[0], y[0]);
    Value one = emitter.select(x[1], x[0], y[0]);
    return {emitter.select(emitter.conjunction(x[1], y[1]), both, one), some};
  }
  // Y is taken where there is no x, where it is better, and where neither is
  // and its coordinate is the lower one.
  Value lower = emitter.conjunction(emitter.negation(isBetter(x[0], y[0])),
                                    emitter.less(y[2], x[2]));
  Value wins = emitter.disjunction(
      emitter.negation(x[1]), emitter.disjunction(isBetter(y[0], x[0]), lower));
  wins = emitter.conjunction(y[1], wins);
  return {emitter.select(wins, y[0], x[0]), some,
          emitter.select(wins, y[2], x[2])};
}

WarpReduce::Values WarpReduce::take(ValueRange carried, const Coordinates &at) {
  if (monoid == Monoid::Count) {
    Value next = emitter.add(carried[0], emitter.constant(1));
    return {emitter.select(emitter.emitPresence(op.getValue(), at), next,
                           carried[0])};
  }
  Element x = emitter.emit(op.getValue(), at);
  if (hasIdentity())
    return {
        emitter.select(x.present, merge(carried, {x.value})[0], carried[0])};
  Value present = x.present ? x.present : emitter.truth(true);
  SmallVector<Value> entering{x.value, present};
  if (chooses())
    entering.push_back(at.at(coordinate).index);
  return merge(carried, entering);
}

Value WarpReduce::shuffle(Value value, int64_t mask) {
  OpBuilder &b = emitter.builder();
  Location loc = emitter.loc();
  auto move = [&](Value word) -> Value {
    return device::ShuffleOp::create(b, loc, word.getType(),
                                     device::Shuffle::Xor, word,
                                     emitter.integer(mask));
  };
  Type type = value.getType(), i32 = b.getI32Type(), i64 = b.getI64Type();
  if (type.isF32() || type.isInteger(32))
    return move(value);
  if (type.isInteger(1)) {
    Value word = move(arith::ExtUIOp::create(b, loc, i32, value));
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, word,
                                 emitter.integer(0));
  }
  Value half = emitter.constant(32);
  Value low = move(emitter.narrow(value));
  Value high =
      move(emitter.narrow(arith::ShRUIOp::create(b, loc, value, half)));
  return arith::OrIOp::create(
      b, loc,
      arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, i64, high),
                            half),
      arith::ExtUIOp::create(b, loc, i64, low));
}

WarpReduce::Values WarpReduce::join(ValueRange carried) {
  OpBuilder &b = emitter.builder();
  if (monoid == Monoid::Any || monoid == Monoid::All)
    return {device::VoteOp::create(b, emitter.loc(),
                                   monoid == Monoid::Any ? device::Vote::Any
                                                         : device::Vote::All,
                                   carried[0])};
  Values all(carried);
  for (int64_t mask = 16; mask; mask /= 2) {
    Values others;
    for (Value value : all)
      others.push_back(shuffle(value, mask));
    all = merge(all, others);
  }
  return all;
}

Element WarpReduce::result(ValueRange carried) {
  Value value = monoid == Monoid::ArgMax ? carried[2] : carried[0];
  return {value, hasIdentity() ? Value() : carried[1]};
}
