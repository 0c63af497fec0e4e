//===- Integers.cpp - Integers of a program as forms ----------------------===//

#include "passes/Traffic/Integers.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

std::optional<int64_t> einfall::traffic::constantOf(Value value) {
  APInt constant;
  if (!matchPattern(value, m_ConstantInt(&constant)))
    return std::nullopt;
  if (constant.getBitWidth() == 1)
    return constant.getZExtValue();
  return constant.getSExtValue();
}

bool Integers::isTruth(Value value) {
  return getElementTypeOrSelf(value.getType()).isInteger(1);
}

/// The tensors that `value` is computed from, as far as they are read in
/// between; `seen` are values that are done.
void Integers::addReads(Value value, llvm::DenseSet<Value> &seen,
                        std::set<std::string> &to) {
  if (!seen.insert(value).second)
    return;
  auto add = [&](ValueRange values) {
    for (Value each : values)
      addReads(each, seen, to);
  };
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
    if (!loop)
      return;
    if (argument == loop.getInductionVar())
      return add({loop.getLowerBound(), loop.getUpperBound(), loop.getStep()});
    unsigned position = argument.getArgNumber() - loop.getNumInductionVars();
    return add({loop.getInitArgs()[position], loop.getYieldedValues()[position],
                loop.getUpperBound()});
  }
  Operation *op = value.getDefiningOp();
  if (findReads(
          op, [&](Value each) { addReads(each, seen, to); }, to))
    return;
  unsigned number = cast<OpResult>(value).getResultNumber();
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return add({loop.getInitArgs()[number], loop.getYieldedValues()[number],
                loop.getUpperBound()});
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return add({branch.getCondition(),
                branch.thenBlock()->getTerminator()->getOperand(number),
                branch.elseBlock()->getTerminator()->getOperand(number)});
  add(op->getOperands());
}

std::set<std::string> Integers::readsOf(ValueRange values) {
  llvm::DenseSet<Value> seen;
  std::set<std::string> reads;
  for (Value value : values)
    addReads(value, seen, reads);
  return reads;
}

Ref Integers::unknownOf(Value value) {
  std::string source = llvm::join(readsOf(value), ", ");
  return isTruth(value) ? pool.unknownTruth(source) : pool.unknown(source);
}

static bool isBounded(Ref integer) {
  return integer->kind == Kind::Polynomial && integer->low > -unbounded &&
         integer->high < unbounded;
}

Ref Integers::of(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second = pool.resolve(it->second);
  if (!isa<IntegerType>(getElementTypeOrSelf(value.getType())))
    return known[value] = pool.unknown();
  Ref form = compute(value);
  if (form->kind == Kind::UnknownTruth ||
      (Pool::atomOf(form) && Pool::atomOf(form)->kind == Kind::Unknown))
    if (sourcesOf(form).empty() && !isBounded(form))
      form = unknownOf(value);
  known[value] = form;
  return form;
}

Ref Integers::compute(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return ofArgument(argument);
  Operation *op = value.getDefiningOp();
  if (isa<scf::ForOp, scf::IfOp>(op))
    return ofResult(cast<OpResult>(value));
  return isTruth(value) ? computeTruth(op) : computeInteger(op);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

Ref Integers::ofArgument(BlockArgument argument) {
  Operation *parent = argument.getOwner()->getParentOp();
  unsigned number = argument.getArgNumber();
  auto loop = dyn_cast<scf::ForOp>(parent);
  if (!loop)
    return ofParameter(argument);
  const Loop &rounds = loopOf(loop);
  if (!rounds.round)
    return unknownOf(argument);
  if (argument == loop.getInductionVar())
    return pool.add(of(loop.getLowerBound()),
                    pool.mul(rounds.round, of(loop.getStep())));
  // What every round adds the same to.
  if (isTruth(argument))
    return unknownOf(argument);
  Ref carried =
      pool.variable("carried", pool.number(-unbounded), pool.number(unbounded));
  known[argument] = carried;
  unsigned position = number - loop.getNumInductionVars();
  Ref next = of(loop.getYieldedValues()[position]);
  Ref by = pool.sub(next, carried);
  bool isEven = !by->has(Pool::atomOf(carried)) && !by->hasUnknown &&
                !by->has(Pool::atomOf(rounds.round));
  Ref value = isEven ? pool.add(of(loop.getInitArgs()[position]),
                                pool.mul(by, rounds.round))
                     : unknownOf(argument);
  pool.define(carried, value);
  return value;
}

Ref Integers::ofResult(OpResult result) {
  if (auto branch = dyn_cast<scf::IfOp>(result.getOwner())) {
    unsigned number = result.getResultNumber();
    Ref truth = of(branch.getCondition());
    auto arm = [&](Block *block) {
      return of(block->getTerminator()->getOperand(number));
    };
    Ref then = arm(branch.thenBlock()), other = arm(branch.elseBlock());
    if (isTruth(result))
      return pool.either(pool.both(truth, then),
                         pool.both(pool.negate(truth), other));
    return pool.choice(truth, then, other);
  }
  return searched(result);
}

/// What a loop carries along as one of several values: it is none of what lies
/// beyond the ends of them all.
Ref Integers::searched(OpResult result) {
  auto loop = cast<scf::ForOp>(result.getOwner());
  if (isTruth(result))
    return unknownOf(result);
  llvm::DenseSet<Value> seen;
  SmallVector<Value> open{loop.getInitArgs()[result.getResultNumber()],
                          loop.getYieldedValues()[result.getResultNumber()]};
  int64_t low = unbounded, high = -unbounded;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    auto argument = dyn_cast<BlockArgument>(value);
    if (argument && argument.getOwner() == loop.getBody() &&
        argument != loop.getInductionVar()) {
      unsigned position = argument.getArgNumber() - loop.getNumInductionVars();
      open.append(
          {loop.getInitArgs()[position], loop.getYieldedValues()[position]});
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
      open.append({select.getTrueValue(), select.getFalseValue()});
      continue;
    }
    if (isa_and_nonnull<arith::MinSIOp, arith::MaxSIOp>(op)) {
      llvm::append_range(open, op->getOperands());
      continue;
    }
    Ref form = of(value);
    low = std::min(low, form->low);
    high = std::max(high, form->high);
  }
  return pool.unknown(llvm::join(sourcesOf(unknownOf(result)), ", "), low,
                      high);
}

const Integers::Loop &Integers::loopOf(scf::ForOp op) {
  if (auto it = loops.find(op); it != loops.end())
    return it->second;
  Ref from = of(op.getLowerBound()), to = of(op.getUpperBound()),
      step = of(op.getStep());
  from = pool.resolve(from);
  Loop loop;
  loop.active = pool.yes;
  if (from->hasUnknown)
    if (Ref least = pool.least(from, {})) {
      from = least;
      loop.isExact = false;
    }
  if (to->hasUnknown && !from->hasUnknown)
    // As far as it may go: what is in memory skips rounds.
    if (Ref most = pool.knownGreatest(to)) {
      to = most;
      loop.isExact = false;
    }
  Ref count = pool.ceil(pool.sub(to, from), step);
  if (!count->hasUnknown && step->low > 0) {
    Ref lane = Pool::atomOf(pool.lane);
    Ref most = pool.greatest(count, {pool.lane});
    if (most) {
      loop.round = pool.variable("round", pool.zero, most);
      if (count->has(lane))
        loop.active = pool.less(pool.add(from, pool.mul(loop.round, step)), to);
    }
  }
  return loops[op] = loop;
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Ref Integers::masked(arith::AndIOp op) {
  Ref x = of(op.getLhs());
  std::optional<int64_t> mask = constantOf(op.getRhs());
  if (!mask) {
    mask = constantOf(op.getLhs());
    x = of(op.getRhs());
  }
  if (!mask)
    return pool.unknown();
  auto isPower = [](int64_t n) { return n > 0 && !(n & (n - 1)); };
  if (*mask >= 0 && isPower(*mask + 1))
    return pool.remainder(x, pool.number(*mask + 1));
  if (*mask < 0 && isPower(-*mask))
    return pool.sub(x, pool.remainder(x, pool.number(-*mask)));
  if (isPower(*mask)) {
    Ref bit =
        pool.remainder(pool.quotient(x, pool.number(*mask)), pool.number(2));
    return pool.scale(bit, *mask);
  }
  return pool.unknown();
}

Ref Integers::computeInteger(Operation *op) {
  if (auto constant = constantOf(op->getResult(0)))
    return pool.number(*constant);
  auto x = [&] { return of(op->getOperand(0)); };
  auto y = [&] { return of(op->getOperand(1)); };
  if (isa<arith::AddIOp>(op))
    return pool.add(x(), y());
  if (isa<arith::SubIOp>(op))
    return pool.sub(x(), y());
  if (isa<arith::MulIOp>(op))
    return pool.mul(x(), y());
  if (isa<arith::DivUIOp, arith::FloorDivSIOp>(op))
    return pool.quotient(x(), y());
  if (isa<arith::RemUIOp>(op))
    return pool.remainder(x(), y());
  if (isa<arith::CeilDivSIOp, arith::CeilDivUIOp>(op))
    return pool.ceil(x(), y());
  if (isa<arith::DivSIOp, arith::RemSIOp>(op)) {
    Ref dividend = x();
    if (!pool.isNotNegative(dividend))
      return pool.unknown();
    return isa<arith::DivSIOp>(op) ? pool.quotient(dividend, y())
                                   : pool.remainder(dividend, y());
  }
  if (isa<arith::MinSIOp, arith::MinUIOp>(op))
    return pool.minimum(x(), y());
  if (isa<arith::MaxSIOp, arith::MaxUIOp>(op))
    return pool.maximum(x(), y());
  if (auto mask = dyn_cast<arith::AndIOp>(op))
    return masked(mask);
  if (isa<arith::ShLIOp, arith::ShRUIOp, arith::ShRSIOp>(op)) {
    std::optional<int64_t> by = constantOf(op->getOperand(1));
    if (!by || *by < 0 || *by > 40)
      return pool.unknown();
    int64_t factor = int64_t(1) << *by;
    return isa<arith::ShLIOp>(op) ? pool.scale(x(), factor)
                                  : pool.quotient(x(), pool.number(factor));
  }
  if (isa<arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp>(op)) {
    if (!isTruth(op->getOperand(0)))
      return x();
    return pool.choice(x(), pool.number(isa<arith::ExtUIOp>(op) ? 1 : -1),
                       pool.zero);
  }
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return pool.choice(of(select.getCondition()), of(select.getTrueValue()),
                       of(select.getFalseValue()));
  return ofOther(op);
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

Ref Integers::compared(arith::CmpIOp op) {
  using Predicate = arith::CmpIPredicate;
  if (isTruth(op.getLhs())) {
    Ref x = of(op.getLhs()), y = of(op.getRhs());
    Ref differ =
        pool.either(pool.both(x, pool.negate(y)), pool.both(pool.negate(x), y));
    if (op.getPredicate() == Predicate::ne)
      return differ;
    return op.getPredicate() == Predicate::eq ? pool.negate(differ)
                                              : pool.unknownTruth();
  }
  Ref x = of(op.getLhs()), y = of(op.getRhs());
  // Without signs a negative number is greater than any other here.
  auto below = [&](Ref a, Ref b) {
    return pool.both(pool.lessOrEqual(pool.zero, a), pool.less(a, b));
  };
  switch (op.getPredicate()) {
  case Predicate::eq:
    return pool.isZero(pool.sub(x, y));
  case Predicate::ne:
    return pool.negate(pool.isZero(pool.sub(x, y)));
  case Predicate::slt:
    return pool.less(x, y);
  case Predicate::sle:
    return pool.lessOrEqual(x, y);
  case Predicate::sgt:
    return pool.less(y, x);
  case Predicate::sge:
    return pool.lessOrEqual(y, x);
  case Predicate::ult:
    return below(x, y);
  case Predicate::ugt:
    return below(y, x);
  case Predicate::ule:
    return pool.negate(below(y, x));
  case Predicate::uge:
    return pool.negate(below(x, y));
  }
  return pool.unknownTruth();
}

Ref Integers::computeTruth(Operation *op) {
  if (auto constant = constantOf(op->getResult(0)))
    return pool.truth(*constant);
  auto x = [&] { return of(op->getOperand(0)); };
  auto y = [&] { return of(op->getOperand(1)); };
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    return compared(compare);
  if (isa<arith::AndIOp>(op))
    return pool.both(x(), y());
  if (isa<arith::OrIOp>(op))
    return pool.either(x(), y());
  if (isa<arith::XOrIOp>(op))
    return pool.either(pool.both(x(), pool.negate(y())),
                       pool.both(pool.negate(x()), y()));
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    Ref truth = of(select.getCondition());
    return pool.either(
        pool.both(truth, of(select.getTrueValue())),
        pool.both(pool.negate(truth), of(select.getFalseValue())));
  }
  return truthOfOther(op);
}
