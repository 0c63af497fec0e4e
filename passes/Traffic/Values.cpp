//===- Values.cpp - The integers of a device program as forms -------------===//

#include "passes/Traffic/Values.h"

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

static bool isTruth(Value value) { return value.getType().isInteger(1); }

Ref Parameters::form(llvm::StringRef name, bool isAddress) const {
  if (name.consume_front("stride ")) {
    auto [tensor, dim] = name.rsplit('.');
    unsigned number = 0;
    if (!dim.getAsInteger(10, number))
      return strideOf(tensor, number);
  }
  if (name.starts_with("|"))
    return extentOf(name.drop_front().drop_back());
  if (auto given = numbers.find(name); given != numbers.end())
    return pool.number(given->second);
  if (name.starts_with("has "))
    return pool.parameter(name.str(), 0, 1);
  Ref plain = pool.parameter(name.str());
  return isAddress ? pool.scale(plain, 32) : plain;
}

bool Parameters::isAddress(device::KernelOp kernel, unsigned number) {
  auto names = kernel.getParameters().getAsRange<StringAttr>();
  unsigned tensors = 0;
  for (StringAttr name : names) {
    if (name.getValue().starts_with("stride ") ||
        name.getValue().starts_with("|"))
      break;
    ++tensors;
  }
  return number < tensors ||
         (kernel.hasWorkspace() && number + 1 == kernel.getParameters().size());
}

std::string einfall::traffic::tensorAt(Ref address) {
  for (const Term &term : address->terms)
    if (term.atoms.size() == 1 && term.coefficient == 32 &&
        term.atoms[0]->kind == Kind::Parameter && term.atoms[0]->name[0] != '|')
      return term.atoms[0]->name;
  return "";
}

Values::Values(device::KernelOp kernel, Pool &pool,
               const Parameters &parameters)
    : kernel(kernel), pool(pool), parameters(parameters) {}

/// The tensors that `value` is computed from, as far as they are read in
/// between; `seen` are values that are done.
void Values::addReads(Value value, llvm::DenseSet<Value> &seen,
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
  if (auto load = dyn_cast<device::LoadOp>(op)) {
    if (load.getSpace() == device::Space::Global) {
      std::string tensor = tensorAt(of(load.getBase()));
      if (!tensor.empty())
        to.insert(tensor);
      return;
    }
    kernel.getBody().walk([&](device::StoreOp store) {
      if (store.getSpace() == load.getSpace() &&
          store.getValue().getType() == load.getType())
        addReads(store.getValue(), seen, to);
    });
    return;
  }
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

Ref Values::unknownOf(Value value) {
  llvm::DenseSet<Value> seen;
  std::set<std::string> reads;
  addReads(value, seen, reads);
  std::string source = llvm::join(reads, ", ");
  return isTruth(value) ? pool.unknownTruth(source) : pool.unknown(source);
}

Ref Values::of(Value value) {
  if (auto it = known.find(value); it != known.end())
    return it->second = pool.resolve(it->second);
  if (!isa<IntegerType>(value.getType()))
    return known[value] = pool.unknown();
  Ref form = compute(value);
  if (form->kind == Kind::UnknownTruth ||
      (Pool::atomOf(form) && Pool::atomOf(form)->kind == Kind::Unknown))
    if (sourcesOf(form).empty())
      form = unknownOf(value);
  known[value] = form;
  return form;
}

Ref Values::compute(Value value) {
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

Ref Values::ofArgument(BlockArgument argument) {
  Operation *parent = argument.getOwner()->getParentOp();
  unsigned number = argument.getArgNumber();
  if (parent == kernel) {
    auto names = kernel.getParameters();
    if (number >= names.size())
      return unknownOf(argument); // a map
    return parameters.form(cast<StringAttr>(names[number]).getValue(),
                           Parameters::isAddress(kernel, number));
  }
  auto loop = dyn_cast<scf::ForOp>(parent);
  if (!loop)
    return unknownOf(argument);
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

Ref Values::ofResult(OpResult result) {
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
  return unknownOf(result);
}

const Values::Loop &Values::loopOf(scf::ForOp op) {
  if (auto it = loops.find(op); it != loops.end())
    return it->second;
  Ref from = of(op.getLowerBound()), to = of(op.getUpperBound()),
      step = of(op.getStep());
  from = pool.resolve(from);
  Loop loop;
  loop.active = pool.yes;
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

Ref Values::masked(arith::AndIOp op) {
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

/// What is the same for all lanes, or what a lane says whose number is known.
Ref Values::shuffled(device::ShuffleOp op) {
  Ref value = of(op.getValue());
  if (!value->has(Pool::atomOf(pool.lane)))
    return value;
  if (op.getMode() != device::Shuffle::Index)
    return pool.unknown();
  Ref from = pool.remainder(of(op.getOperand()), pool.number(32));
  return pool.substitute(value, {{Pool::atomOf(pool.lane), from}});
}

Ref Values::computeInteger(Operation *op) {
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
  if (isa<device::ThreadOp>(op)) {
    if (!warp)
      warp = pool.variable("warp", pool.zero,
                           pool.number(kernel.getThreads() / 32));
    return pool.add(pool.scale(pool.resolve(warp), 32), pool.lane);
  }
  if (auto block = dyn_cast<device::BlockOp>(op))
    return blocks[static_cast<unsigned>(block.getDimension())];
  if (auto shuffle = dyn_cast<device::ShuffleOp>(op))
    return shuffled(shuffle);
  if (isa<device::UniformOp>(op))
    return pool.substitute(x(), {{Pool::atomOf(pool.lane), pool.zero}});
  if (auto load = dyn_cast<device::LoadOp>(op);
      load && load.getSpace() == device::Space::Shared)
    return shared(load);
  return pool.unknown();
}

Ref Values::shared(device::LoadOp load) {
  auto addressOf = [&](Value base, Value offset) {
    return pool.add(of(base), of(offset));
  };
  Ref address = addressOf(load.getBase(), load.getOffset());
  if (!address->isConstant())
    return pool.unknown();
  device::StoreOp only;
  unsigned count = 0;
  kernel.getBody().walk([&](device::StoreOp store) {
    if (store.getSpace() == device::Space::Shared &&
        addressOf(store.getBase(), store.getOffset()) == address) {
      only = store;
      ++count;
    }
  });
  if (count != 1 || only.getValue().getType() != load.getType())
    return pool.unknown();
  Ref value = of(only.getValue());
  bool isShared = !value->has(Pool::atomOf(pool.lane)) &&
                  !(warp && value->has(Pool::atomOf(warp))) &&
                  !only->getParentOfType<scf::ForOp>();
  return isShared ? value : pool.unknown();
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

Ref Values::compared(arith::CmpIOp op) {
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

Ref Values::computeTruth(Operation *op) {
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
  if (isa<device::VoteOp>(op)) {
    // What the whole warp says alike.
    Ref truth = x();
    if (!truth->has(Pool::atomOf(pool.lane)))
      return truth;
  }
  return pool.unknownTruth();
}
