//===- Recurrence.cpp - Fields that are defined from their own past -------===//

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace einfall::cascade;

/// Whether `part` is of the kind of `whole` and ranges over ranks of it, and
/// over `also`.
static bool isCovered(FieldType part, FieldType whole, StringRef also = "") {
  return part.getKind() == whole.getKind() &&
         llvm::all_of(part.getRankNames(), [&](StringRef rank) {
           return rank == also || whole.hasRank(rank);
         });
}

LogicalResult RecurrenceOp::verifyRegions() {
  Block &block = getStep().front();
  size_t count = getNumResults();
  if (count == 0 || getStart().size() != count ||
      block.getNumArguments() != count)
    return emitOpError() << "has " << count << " results for "
                         << getStart().size() << " starts and "
                         << block.getNumArguments() << " arguments of step";
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getValues().size() != count)
    return emitOpError() << "step must yield " << count << " values";
  for (size_t i = 0; i < count; ++i) {
    auto state = dyn_cast<FieldType>(block.getArgument(i).getType());
    if (!state || state.hasRank(getRank()) || state.hasRank(getStates()))
      return emitOpError() << "argument " << i
                           << " of step must be a field without the ranks \""
                           << getRank() << "\" and \"" << getStates() << '"';
    SmallVector<StringRef> ranks = state.getRankNames();
    ranks.push_back(getStates());
    FieldType history = FieldType::get(getContext(), state.getKind(), ranks);
    if (getResult(i).getType() != history)
      return emitOpError() << "result " << i << " must be " << history
                           << ", found " << getResult(i).getType();
    if (FieldType start = fieldType(getStart()[i]); !isCovered(start, state))
      return emitOpError() << "start " << i << " of type " << start
                           << " is no state of type " << state;
    if (FieldType next = fieldType(yield.getValues()[i]);
        !isCovered(next, state, getRank()))
      return yield.emitOpError() << "value " << i << " of type " << next
                                 << " is no state of type " << state;
  }
  // A value that stands on the state is known at one coordinate only.
  llvm::DenseSet<Value> stateful(block.args_begin(), block.args_end());
  for (Operation &op : block) {
    bool reads = llvm::any_of(op.getOperands(), [&](Value operand) {
      return stateful.contains(operand);
    });
    if (!reads)
      continue;
    stateful.insert(op.result_begin(), op.result_end());
    SmallVector<StringRef> moved;
    if (auto reduce = dyn_cast<ReduceOp>(op))
      moved = names(reduce.getRanks());
    else if (auto at = dyn_cast<AtOp>(op);
             at && stateful.contains(at.getValue()))
      moved = names(at.getRanks());
    if (llvm::is_contained(moved, getRank()))
      return op.emitOpError() << "takes a value that stands on the state at "
                                 "other coordinates of \""
                              << getRank() << "\" than its own";
  }
  return success();
}
