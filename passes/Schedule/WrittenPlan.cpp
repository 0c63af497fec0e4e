//===- WrittenPlan.cpp - What a kernel as written keeps -------------------===//

#include "passes/Schedule/WrittenPlan.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

SmallVector<StringRef> einfall::itemRanksOf(KernelOp kernel) {
  std::optional<SmallVector<StringRef>> common;
  for (auto output : kernel.getBody().getOps<OutputOp>()) {
    SmallVector<StringRef> dims = names(output.getDims());
    if (!common) {
      common = dims;
      continue;
    }
    llvm::erase_if(*common, [&](StringRef rank) {
      return !llvm::is_contained(dims, rank);
    });
  }
  if (!common)
    return {};
  kernel.getBody().walk([&](Operation *op) {
    SmallVector<StringRef> bound;
    if (auto reduce = dyn_cast<ReduceOp>(op))
      bound = names(reduce.getRanks());
    else if (auto at = dyn_cast<AtOp>(op))
      bound = names(at.getRanks());
    llvm::erase_if(*common, [&](StringRef rank) {
      return llvm::is_contained(bound, rank);
    });
  });
  // A rank such as f would only repeat the row's work: leave it inside the
  // item when a reduction ranges over all the other item ranks but not it.
  SmallVector<StringRef> all = *common;
  llvm::erase_if(*common, [&](StringRef rank) {
    return llvm::any_of(kernel.getBody().getOps<ReduceOp>(), [&](ReduceOp op) {
      FieldType type = fieldType(op.getResult());
      return all.size() > 1 && llvm::all_of(all, [&](StringRef other) {
               return type.hasRank(other) == (other != rank);
             });
    });
  });
  return *common;
}

SmallVector<StringRef> einfall::ranksWithin(Value field,
                                            ArrayRef<StringRef> items) {
  SmallVector<StringRef> ranks = fieldType(field).getRankNames();
  llvm::erase_if(
      ranks, [&](StringRef rank) { return llvm::is_contained(items, rank); });
  return ranks;
}

/// Costly even beside the loads that keeping takes.
static bool isCostlyToRepeat(Function function) {
  switch (function) {
  case Function::Div:
  case Function::Pow:
  case Function::Exp:
  case Function::Log:
  case Function::Tanh:
  case Function::Sin:
  case Function::Cos:
  case Function::Erf:
    return true;
  default:
    return false;
  }
}

SmallVector<Value> einfall::fieldsToKeep(KernelOp kernel,
                                         ArrayRef<StringRef> items) {
  SmallVector<Value> kept;
  for (Operation &op : kernel.getBody().front()) {
    bool keep = isa<ReduceOp>(op);
    if (auto map = dyn_cast<MapOp>(op);
        map && isCostlyToRepeat(map.getFunction())) {
      FieldType type = fieldType(map.getResult());
      bool reused = !map->hasOneUse() ||
                    llvm::any_of(map->getUsers(), [&](Operation *user) {
                      return user->getNumResults() == 1 &&
                             fieldType(user->getResult(0)).getRanks().size() >
                                 type.getRanks().size();
                    });
      keep = reused || ranksWithin(map.getResult(), items).empty();
    }
    if (keep)
      kept.push_back(op.getResult(0));
  }
  return kept;
}
