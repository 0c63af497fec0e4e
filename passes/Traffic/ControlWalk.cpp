//===- ControlWalk.cpp - Loops and branches around accesses ---------------===//

#include "passes/Traffic/ControlWalk.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

void ControlWalk::want(Operation *op) {
  for (; op != program && wanted.insert(op).second; op = op->getParentOp())
    ;
}

llvm::Error ControlWalk::walk(Block &block) {
  for (Operation &op : block) {
    if (!wanted.contains(&op))
      continue;
    auto each = dyn_cast<scf::ForOp>(op);
    auto either = dyn_cast<scf::IfOp>(op);
    if (llvm::Error error = each     ? loop(each)
                            : either ? branch(either)
                                     : at(&op))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error ControlWalk::loop(scf::ForOp op) {
  Integers::Loop rounds = integers.loopOf(op);
  if (!rounds.round)
    return llvm::createStringError(
        "a loop of %s has bounds that no form expresses, as they depend on "
        "what memory holds",
        SymbolTable::getSymbolName(program).str().c_str());
  if (!rounds.isExact) {
    std::set<std::string> sources = sourcesOf(integers.of(op.getUpperBound()));
    sources.merge(sourcesOf(integers.of(op.getLowerBound())));
    rounds.active =
        pool.both(rounds.active, pool.unknownTruth(llvm::join(sources, ", ")));
  }
  atLoop(op, rounds);
  loops.push_back(rounds.round);
  llvm::Error error = within(rounds.active, *op.getBody());
  loops.pop_back();
  return error;
}

llvm::Error ControlWalk::within(Ref condition, Block &block) {
  conditions.push_back(condition);
  llvm::Error error = walk(block);
  conditions.pop_back();
  return error;
}

llvm::Error ControlWalk::branch(scf::IfOp op) {
  Ref condition = pool.resolve(integers.of(op.getCondition()));
  bool isAlone = op.getElseRegion().empty();
  std::vector<Ref> outer = loops;
  if (isAlone && saysByLoops(condition))
    condition = pool.yes;
  llvm::Error error = condition == pool.no ? llvm::Error::success()
                                           : within(condition, *op.thenBlock());
  loops = outer;
  if (error || isAlone)
    return error;
  Ref other = pool.negate(condition);
  if (other == pool.no)
    return llvm::Error::success();
  return within(other, *op.elseBlock());
}

/// The truths that `truth` is the conjunction of.
static void listConjuncts(Ref truth, std::vector<Ref> &to) {
  if (truth->kind != Kind::And) {
    to.push_back(truth);
    return;
  }
  for (Ref operand : truth->operands)
    listConjuncts(operand, to);
}

void ControlWalk::restrict(Access &access) {
  std::vector<Ref> conjuncts;
  for (Ref condition : conditions)
    listConjuncts(pool.resolve(condition), conjuncts);
  listConjuncts(pool.resolve(access.active), conjuncts);
  access.active = pool.yes;
  for (Ref each : conjuncts) {
    if (!each->hasUnknown) {
      access.active = pool.both(access.active, each);
      continue;
    }
    access.isExact = false;
    access.reads.merge(sourcesOf(each));
  }
}
