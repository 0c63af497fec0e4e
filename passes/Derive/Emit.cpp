//===- Emit.cpp - A plan as folds -----------------------------------------===//

#include "passes/Derive/Emit.h"

#include "passes/Derive/PolyEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::derive;

namespace {

/// Copies the streamed part of the kernel into a step region.
class StepCloner {
public:
  StepCloner(OpBuilder &builder, Stream &stream)
      : builder(builder), stream(stream) {}

  Value operator()(Value value) {
    Operation *op = value.getDefiningOp();
    // Coordinates have no elements, and folds are not run again.
    if (!stream.carries(value) || !op || isa<CoordOp, FoldOp>(op))
      return value;
    if (Value known = mapping.lookupOrNull(value))
      return known;
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        mapping.map(operand, (*this)(operand));
    builder.clone(*op, mapping);
    return mapping.lookup(value);
  }

private:
  OpBuilder &builder;
  Stream &stream;
  IRMapping mapping;
};

class FoldWriter {
public:
  FoldWriter(KernelOp kernel, Stream &stream, const Plan &plan)
      : stream(stream), algebra(stream.algebra), plan(plan),
        builder(OpBuilder::atBlockEnd(&kernel.getBody().front(), &listener)) {
    listener.out = &out;
    listener.block = &kernel.getBody().front();
    out.results.resize(plan.components.size());
  }

  Emission run() {
    for (unsigned level = 1; level <= plan.levels; ++level)
      writeFold(level);
    for (const Finish &finish : plan.finishes)
      writeFinish(finish);
    for (auto &[value, form] : plan.rewritten)
      writeRewritten(value, form);
    return std::move(out);
  }

private:
  /// Collects the operations of the kernel's own block.
  struct Listener : OpBuilder::Listener {
    Emission *out = nullptr;
    Block *block = nullptr;
    void notifyOperationInserted(Operation *op,
                                 OpBuilder::InsertPoint) override {
      if (op->getBlock() == block)
        out->operations.push_back(op);
    }
  };

  void writeFold(unsigned level);
  void writeAct(Region &region, ArrayRef<unsigned> order, unsigned references,
                ArrayRef<Type> types, Location loc);
  Value enter(const Component &component, PolyEmitter &emitter,
              StepCloner &clone, const DenseMap<unsigned, Value> &references);
  Value restrict(Value value, const Component &component, StepCloner &clone);
  void collectFacts(const Poly &poly, Domain &facts);
  void collectFacts(const Monomial &monomial, Domain &facts);
  void writeFinish(const Finish &finish);
  void writeRewritten(Value value, const Poly &form);
  Value conjunction(ArrayRef<Value> conditions, PolyEmitter &emitter) {
    Value all = conditions.front();
    for (Value condition : conditions.drop_front())
      all = emitter.map(Function::And, {all, condition});
    return all;
  }
  Value whetherPresent(unsigned component, Location loc) {
    Value result = out.results[component];
    if (plan.components[component].monoid == Monoid::Any)
      return result;
    return PresentOp::create(builder, loc, result);
  }

  Stream &stream;
  Algebra &algebra;
  const Plan &plan;
  Emission out;
  Listener listener;
  OpBuilder builder;
};

Kind stateKind(Monoid monoid, Kind kind) {
  return monoid == Monoid::Count || monoid == Monoid::ArgMax ? Kind::Int : kind;
}

//===----------------------------------------------------------------------===//
// Step
//===----------------------------------------------------------------------===//

void FoldWriter::collectFacts(const Monomial &monomial, Domain &facts) {
  if (monomial.exponent)
    collectFacts(algebra.exponent(monomial.exponent), facts);
  for (auto [id, power] : monomial.factors) {
    const Atom &atom = algebra[id];
    if (atom.value)
      addFacts(facts, stream.domains.get(atom.value));
    collectFacts(atom.argument, facts);
  }
}

void FoldWriter::collectFacts(const Poly &poly, Domain &facts) {
  for (auto &[monomial, coefficient] : poly.terms)
    collectFacts(monomial, facts);
}

/// Cancelled and moved factors take their absence with them; here it returns.
Value FoldWriter::restrict(Value value, const Component &component,
                           StepCloner &clone) {
  Domain present;
  collectFacts(component.entering, present);
  collectFacts(component.exponent, present);
  collectFacts(component.rest, present);
  if (component.centred)
    addFacts(present, stream.domains.get(algebra[*component.centred].value));
  for (const Fact &fact : component.domain) {
    if (hasFact(present, fact))
      continue;
    Value condition = clone(fact.value);
    if (!fact.truth)
      condition = PresentOp::create(builder, component.loc, condition);
    value = WhereOp::create(builder, component.loc, value, condition);
  }
  return value;
}

Value FoldWriter::enter(const Component &component, PolyEmitter &emitter,
                        StepCloner &clone,
                        const DenseMap<unsigned, Value> &references) {
  if (component.field)
    return clone(component.field);
  if (!component.isAccumulator)
    return restrict(emitter.poly(component.entering), component, clone);
  if (component.monoid == Monoid::Any)
    return restrict(ConstOp::create(builder, component.loc, true), component,
                    clone);
  Value value;
  if (!component.exponent.isZero()) {
    Value exponent = emitter.poly(component.exponent);
    if (component.reference)
      exponent = emitter.map(
          Function::Sub, {exponent, references.lookup(*component.reference)});
    value = emitter.map(Function::Exp, {exponent});
  }
  if (component.centred) {
    Value y = clone(algebra[*component.centred].value);
    Value distance =
        emitter.map(Function::Sub, {y, references.lookup(*component.centre)});
    Value power = emitter.power(distance, component.power);
    value = value ? emitter.map(Function::Mul, {value, power}) : power;
  }
  if (!component.rest.isOne())
    value = emitter.times(value, component.rest);
  if (!value)
    value = emitter.constant(1.0);
  return restrict(value, component, clone);
}

void FoldWriter::writeFold(unsigned level) {
  SmallVector<unsigned> order;
  for (bool references : {true, false})
    for (auto [number, component] : llvm::enumerate(plan.components))
      if (component.level == level && component.isReference == references)
        order.push_back(number);
  if (order.empty())
    return;
  unsigned references = llvm::count_if(order, [&](unsigned number) {
    return plan.components[number].isReference;
  });
  SmallVector<Location> locs;
  for (unsigned number : order)
    if (!llvm::is_contained(locs, plan.components[number].loc))
      locs.push_back(plan.components[number].loc);
  Location loc = FusedLoc::get(builder.getContext(), locs);

  OpBuilder::InsertionGuard guard(builder);
  Region step, act;
  builder.createBlock(&step);
  StepCloner clone(builder, stream);
  DenseMap<unsigned, Value> arguments;
  SmallVector<Value> entering;
  SmallVector<Type> types;
  SmallVector<Attribute> monoids;
  for (auto [position, number] : llvm::enumerate(order)) {
    const Component &component = plan.components[number];
    PolyEmitter emitter(
        builder, component.loc, algebra, [&](Value v) { return clone(v); },
        [&](unsigned n) { return out.results[n]; });
    Value value = enter(component, emitter, clone, arguments);
    entering.push_back(value);
    FieldType type = fieldType(value);
    type = type.without(stream.getRanks())
               .withKind(stateKind(component.monoid, type.getKind()));
    types.push_back(type);
    monoids.push_back(MonoidAttr::get(builder.getContext(), component.monoid));
    if (position < references)
      arguments[number] = step.front().addArgument(type, component.loc);
  }
  YieldOp::create(builder, loc, entering);
  writeAct(act, order, references, types, loc);

  builder.setInsertionPointToEnd(listener.block);
  auto fold = FoldOp::create(builder, loc, types,
                             builder.getStrArrayAttr(stream.getRanks()),
                             references, builder.getArrayAttr(monoids));
  fold.getStep().takeBody(step);
  fold.getAct().takeBody(act);
  for (auto [number, result] : llvm::zip(order, fold.getState()))
    out.results[number] = result;
  out.folds.push_back(fold);
}

//===----------------------------------------------------------------------===//
// Act
//===----------------------------------------------------------------------===//

/// t_k' = exp(r - r') sum_i binomial(k, i) (q - q')^(k - i) t_i.
void FoldWriter::writeAct(Region &region, ArrayRef<unsigned> order,
                          unsigned references, ArrayRef<Type> types,
                          Location loc) {
  Block *block = builder.createBlock(&region);
  DenseMap<unsigned, Value> before, after, state;
  for (unsigned i = 0; i < references; ++i)
    before[order[i]] = block->addArgument(types[i], loc);
  for (unsigned i = 0; i < references; ++i)
    after[order[i]] = block->addArgument(types[i], loc);
  for (unsigned i = references; i < order.size(); ++i)
    state[order[i]] = block->addArgument(types[i], loc);

  SmallVector<Value> yielded;
  for (unsigned number : order.drop_front(references)) {
    const Component &component = plan.components[number];
    PolyEmitter emitter(
        builder, component.loc, algebra, [](Value v) { return v; },
        [](unsigned) { return Value(); });
    Value value = state[number];
    if (component.centre) {
      Value distance = emitter.map(
          Function::Sub, {before[*component.centre], after[*component.centre]});
      double binomial = 1;
      for (int i = component.power - 1; i >= 0; --i) {
        binomial = binomial * (i + 1) / (component.power - i);
        for (unsigned other : order.drop_front(references)) {
          const Component &lower = plan.components[other];
          bool same = lower.isAccumulator && lower.monoid == Monoid::Sum &&
                      lower.power == i &&
                      lower.exponent == component.exponent &&
                      lower.reference == component.reference &&
                      lower.rest == component.rest &&
                      sameDomain(lower.domain, component.domain) &&
                      (i == 0 || (lower.centred == component.centred &&
                                  lower.centre == component.centre));
          if (!same)
            continue;
          Value term = emitter.map(
              Function::Mul,
              {state[other], emitter.power(distance, component.power - i)});
          if (binomial != 1)
            term =
                emitter.map(Function::Mul, {term, emitter.constant(binomial)});
          value = emitter.map(Function::Add, {value, term});
          break;
        }
      }
    }
    if (component.reference) {
      Value distance =
          emitter.map(Function::Sub, {before[*component.reference],
                                      after[*component.reference]});
      value = emitter.map(Function::Mul,
                          {value, emitter.map(Function::Exp, {distance})});
    }
    yielded.push_back(value);
  }
  YieldOp::create(builder, loc, yielded);
}

//===----------------------------------------------------------------------===//
// Finish
//===----------------------------------------------------------------------===//

void FoldWriter::writeFinish(const Finish &finish) {
  ReduceOp member = finish.member;
  Location loc = member.getLoc();
  PolyEmitter emitter(
      builder, loc, algebra, [](Value v) { return v; },
      [&](unsigned number) { return out.results[number]; });
  // A member that is a component is its result, whatever its kind.
  Value value;
  for (auto [component, result] : llvm::zip(plan.components, out.results))
    if (finish.value == algebra.of(component.atom))
      value = result;
  if (!value)
    value = emitter.poly(finish.value);
  out.unguarded.push_back(value);
  SmallVector<Value> conditions;
  for (const Fact &fact : finish.conditions)
    conditions.push_back(
        fact.truth ? fact.value
                   : Value(PresentOp::create(builder, loc, fact.value)));
  if (finish.nonEmpty)
    conditions.push_back(whetherPresent(*finish.nonEmpty, loc));
  if (finish.nonEmptyByExtent) {
    Value zero = ConstOp::create(builder, loc, int64_t(0));
    for (StringRef rank : stream.getRanks()) {
      Value extent =
          ExtentOp::create(builder, loc,
                           FieldType::get(builder.getContext(), Kind::Int,
                                          ArrayRef<StringRef>{}),
                           rank);
      conditions.push_back(emitter.map(Function::Gt, {extent, zero}));
    }
  }
  if (finish.guarded && !conditions.empty()) {
    value =
        WhereOp::create(builder, loc, value, conjunction(conditions, emitter));
    if (member.getMonoid() == Monoid::Sum)
      value = OrElseOp::create(builder, loc, value, emitter.constant(0.0));
    else if (member.getMonoid() == Monoid::Count)
      value = OrElseOp::create(builder, loc, value,
                               ConstOp::create(builder, loc, int64_t(0)));
  }
  // A rank that cancelled comes back as a condition that always holds.
  for (StringRef rank : member.getType().getRankNames()) {
    if (fieldType(value).hasRank(rank))
      continue;
    Value coordinate =
        CoordOp::create(builder, loc,
                        FieldType::get(builder.getContext(), Kind::Int,
                                       ArrayRef<StringRef>{rank}),
                        rank);
    Value zero = ConstOp::create(builder, loc, int64_t(0));
    value = WhereOp::create(builder, loc, value,
                            emitter.map(Function::Ge, {coordinate, zero}));
  }
  out.finishes.push_back(value.getType() == member.getType() ? value : Value());
}

void FoldWriter::writeRewritten(Value value, const Poly &form) {
  Location loc = value.getLoc();
  PolyEmitter emitter(
      builder, loc, algebra, [](Value v) { return v; },
      [&](unsigned number) { return out.results[number]; });
  // The references whose exponentials the form is without.
  llvm::SmallSetVector<unsigned, 4> references;
  std::function<void(const Poly &)> collect = [&](const Poly &poly) {
    for (auto &[term, coefficient] : poly.terms) {
      collect(algebra.exponent(term.exponent));
      for (auto [id, power] : term.factors) {
        const Atom &atom = algebra[id];
        if (atom.kind == Atom::Component &&
            plan.components[atom.number].reference)
          references.insert(*plan.components[atom.number].reference);
        collect(atom.argument);
      }
    }
  };
  collect(form);
  Value result = emitter.poly(form);
  out.rewrittenUnguarded.push_back(result);
  if (!references.empty()) {
    SmallVector<Value> conditions;
    for (unsigned reference : references)
      conditions.push_back(whetherPresent(reference, loc));
    result =
        WhereOp::create(builder, loc, result, conjunction(conditions, emitter));
    // Without anything to reduce it is what the cascade makes of that.
    Operation *original = builder.clone(*value.getDefiningOp());
    result = OrElseOp::create(builder, loc, result, original->getResult(0));
  }
  out.rewritten.push_back(result.getType() == value.getType() ? result
                                                              : Value());
}

} // namespace

Emission einfall::derive::emitPlan(KernelOp kernel, Stream &stream,
                                   const Plan &plan) {
  return FoldWriter(kernel, stream, plan).run();
}

void Emission::commit(const Plan &plan) {
  for (auto [entry, replacement] : llvm::zip(plan.rewritten, rewritten))
    if (Value value = entry.first; replacement)
      value.replaceAllUsesWith(replacement);
  for (auto [finish, replacement] : llvm::zip(plan.finishes, finishes)) {
    ReduceOp member = finish.member;
    member.getResult().replaceAllUsesWith(replacement);
  }
}

void Emission::discard() {
  for (Operation *op : llvm::reverse(operations))
    op->erase();
  operations.clear();
}
