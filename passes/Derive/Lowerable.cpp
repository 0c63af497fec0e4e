//===- Lowerable.cpp - What no lowering takes yet -------------------------===//

#include "passes/Derive/Derive.h"

#include "dialect/Cascade/Cascade.h"
#include "dialect/Cascade/Schedules.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// Whether a value is computed from elements of an input.
static bool readsInput(Value value) {
  SmallVector<Value> rest{value};
  llvm::DenseSet<Value> seen;
  while (!rest.empty()) {
    Value next = rest.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || !seen.insert(next).second)
      continue;
    if (isa<ReadOp>(op))
      return true;
    rest.append(op->operand_begin(), op->operand_end());
  }
  return false;
}

/// The name that a definition has in the source, or nothing.
static std::string nameOf(Operation *op) {
  if (auto named = dyn_cast<NameLoc>(op->getLoc()))
    return (" `" + named.getName().getValue() + "`").str();
  return "";
}

std::vector<NotLowered> einfall::findNotLowered(KernelOp kernel) {
  std::vector<NotLowered> found;
  auto refuse = [&](Operation *op, const Twine &what) {
    found.push_back({op->getLoc(), what.str()});
  };
  for (Operation &op : kernel.getBody().front()) {
    if (isa<RecurrenceOp>(op))
      refuse(&op, "the recurrence" + nameOf(&op));
    else if (isa<TopKOp>(op))
      refuse(&op, "`topk`");
    else if (isa<SelectOp>(op))
      refuse(&op, "`select`");
    else if (auto input = dyn_cast<InputOp>(op); input && input.getPacked())
      refuse(&op, "the packed input `" + input.getName() + "`");
    else if (auto output = dyn_cast<OutputOp>(op);
             output && !output.getIndices().empty())
      refuse(&op,
             "an index expression on the left of `" + output.getName() + "`");
    else if (auto rank = dyn_cast<RankOp>(op);
             rank && rank.getExtent() && readsInput(rank.getExtent()))
      refuse(&op, "the ragged rank `" + rank.getName() + "`");
  }
  for (const TargetedSchedule &one : schedulesOf(kernel))
    if (auto shards = one.schedule.getAs<ArrayAttr>("shard"))
      for (Attribute shard : shards)
        refuse(kernel, "`shard` over " + cast<DictionaryAttr>(shard)
                                             .getAs<StringAttr>("over")
                                             .getValue());
  return found;
}

void einfall::dropPreconditions(KernelOp kernel) {
  for (auto require :
       llvm::make_early_inc_range(kernel.getBody().getOps<RequireOp>()))
    require.erase();
  IRRewriter rewriter(kernel.getContext());
  (void)runRegionDCE(rewriter, kernel->getRegions());
}

LogicalResult einfall::prepareForLowering(KernelOp kernel) {
  dropPreconditions(kernel);
  std::vector<NotLowered> found = findNotLowered(kernel);
  for (const NotLowered &one : found)
    emitError(one.loc, one.what + " cannot be lowered yet").attachNote()
        << "the kernel is correct Ein: `einfall run --interpret` runs it";
  return success(found.empty());
}
