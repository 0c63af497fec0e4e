//===- Faults.cpp - Faults put into derived kernels -----------------------===//

#include "test/numerics/Faults.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::numerics;
using namespace einfall::cascade;

ArrayRef<Fault> numerics::allFaults() {
  static constexpr Fault faults[] = {
      Fault::KeyDropped,      Fault::MaskOffByOne, Fault::RescaleSkipped,
      Fault::RescaleInverted, Fault::TailUnmasked, Fault::ScaleForgotten,
      Fault::StaleReference};
  return faults;
}

StringRef numerics::name(Fault fault) {
  switch (fault) {
  case Fault::KeyDropped:
    return "a key dropped";
  case Fault::MaskOffByOne:
    return "mask off by one";
  case Fault::RescaleSkipped:
    return "rescale skipped";
  case Fault::RescaleInverted:
    return "rescale inverted";
  case Fault::TailUnmasked:
    return "tail unmasked";
  case Fault::ScaleForgotten:
    return "scale forgotten";
  case Fault::StaleReference:
    return "reference not subtracted";
  }
  return "";
}

static FoldOp foldOf(KernelOp kernel) {
  auto folds = kernel.getBody().getOps<FoldOp>();
  return folds.empty() ? nullptr : *folds.begin();
}

static Value map(OpBuilder &builder, Location loc, Function function,
                 ValueRange operands) {
  return MapOp::create(builder, loc, function, operands);
}

/// The fold and what stands before it: where masks and scores are.
static SmallVector<Operation *> definitions(KernelOp kernel) {
  SmallVector<Operation *> ops;
  kernel.getBody().walk([&](Operation *op) { ops.push_back(op); });
  return ops;
}

static bool dropKey(FoldOp fold) {
  // The second coordinate of the first streamed rank: present in most rows.
  Operation *yield = fold.getStep().front().getTerminator();
  OpBuilder builder(yield);
  Location loc = fold.getLoc();
  Value at = CoordOp::create(builder, loc, fold.getRankNames().front());
  Value one = ConstOp::create(builder, loc, int64_t(1));
  Value others = map(builder, loc, Function::Ne, {at, one});
  for (OpOperand &entering : yield->getOpOperands()) {
    Type type = entering.get().getType();
    Value kept = WhereOp::create(builder, loc, entering.get(), others);
    if (kept.getType() == type)
      entering.set(kept);
  }
  return true;
}

static bool shiftMask(KernelOp kernel) {
  for (Operation *op : definitions(kernel)) {
    auto where = dyn_cast<WhereOp>(op);
    if (!where)
      continue;
    // The first comparison of integers that the condition stands on.
    SmallVector<Value> work = {where.getCondition()};
    while (!work.empty()) {
      auto compare = work.pop_back_val().getDefiningOp<MapOp>();
      if (!compare)
        continue;
      llvm::append_range(work, compare.getOperands());
      if (compare.getOperands().size() != 2 ||
          fieldType(compare.getOperands()[0]).getKind() != Kind::Int)
        continue;
      Function other;
      switch (compare.getFunction()) {
      case Function::Le:
        other = Function::Lt;
        break;
      case Function::Lt:
        other = Function::Le;
        break;
      case Function::Ge:
        other = Function::Gt;
        break;
      case Function::Gt:
        other = Function::Ge;
        break;
      default:
        continue;
      }
      compare.setFunction(other);
      return true;
    }
  }
  return false;
}

static bool skipRescale(FoldOp fold) {
  Block &act = fold.getAct().front();
  Operation *yield = act.getTerminator();
  if (yield->getNumOperands() == 0 || fold.getReferences() == 0)
    return false;
  unsigned last = yield->getNumOperands() - 1;
  Value untouched = act.getArgument(2 * fold.getReferences() + last);
  if (yield->getOperand(last) == untouched)
    return false;
  yield->setOperand(last, untouched);
  return true;
}

static bool invertRescale(FoldOp fold) {
  if (fold.getReferences() == 0)
    return false;
  Block &act = fold.getAct().front();
  unsigned references = fold.getReferences();
  bool used = false;
  for (unsigned i = 0; i < references; ++i) {
    BlockArgument before = act.getArgument(i);
    BlockArgument after = act.getArgument(references + i);
    used |= !before.use_empty() && !after.use_empty();
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : before.getUses())
      uses.push_back(&use);
    after.replaceAllUsesWith(before);
    for (OpOperand *use : uses)
      use->set(after);
  }
  return used;
}

/// 63 keys of zeros weigh exp(0 - r) each in the first sum.
static bool unmaskTail(FoldOp fold) {
  if (fold.getReferences() == 0)
    return false;
  for (unsigned i = fold.getReferences(); i < fold.getNumComponents(); ++i) {
    if (fold.getMonoid(i) != Monoid::Sum ||
        fold.getResult(i).getType() != fold.getResult(0).getType())
      continue;
    OpBuilder builder(fold->getContext());
    builder.setInsertionPointAfter(fold);
    Location loc = fold.getLoc();
    Value score = map(builder, loc, Function::Neg, {fold.getResult(0)});
    Value weight = map(builder, loc, Function::Exp, {score});
    Value count = ConstOp::create(builder, loc, 63.0);
    Value zeros = map(builder, loc, Function::Mul, {count, weight});
    Value sum = map(builder, loc, Function::Add, {fold.getResult(i), zeros});
    fold.getResult(i).replaceAllUsesExcept(sum, sum.getDefiningOp());
    return true;
  }
  return false;
}

static bool forgetScale(KernelOp kernel) {
  for (Operation *op : definitions(kernel)) {
    auto product = dyn_cast<MapOp>(op);
    if (!product || product.getFunction() != Function::Mul)
      continue;
    for (unsigned i = 0; i < 2; ++i) {
      Value factor = product.getOperands()[i];
      if (!factor.getDefiningOp<ParamOp>())
        continue;
      product.getResult().replaceAllUsesWith(product.getOperands()[1 - i]);
      return true;
    }
  }
  return false;
}

static bool staleReference(FoldOp fold) {
  if (fold.getReferences() == 0)
    return false;
  BlockArgument reference = fold.getStep().front().getArgument(0);
  if (reference.use_empty() || fieldType(reference).getKind() != Kind::Real)
    return false;
  // r - r rather than a constant: it stays absent where the reference is.
  OpBuilder builder = OpBuilder::atBlockBegin(&fold.getStep().front());
  Value zero =
      map(builder, fold.getLoc(), Function::Sub, {reference, reference});
  reference.replaceAllUsesExcept(zero, zero.getDefiningOp());
  return true;
}

bool numerics::inject(KernelOp kernel, Fault fault) {
  FoldOp fold = foldOf(kernel);
  if (!fold)
    return false;
  switch (fault) {
  case Fault::KeyDropped:
    return dropKey(fold);
  case Fault::MaskOffByOne:
    return shiftMask(kernel);
  case Fault::RescaleSkipped:
    return skipRescale(fold);
  case Fault::RescaleInverted:
    return invertRescale(fold);
  case Fault::TailUnmasked:
    return unmaskTail(fold);
  case Fault::ScaleForgotten:
    return forgetScale(kernel);
  case Fault::StaleReference:
    return staleReference(fold);
  }
  return false;
}
