//===- KernelInterface.cpp - The arguments of a kernel --------------------===//

#include "dialect/Cascade/KernelInterface.h"

using namespace mlir;
using namespace einfall::cascade;

KernelInterface KernelInterface::of(KernelOp kernel) {
  KernelInterface interface;
  interface.name = kernel.getSymName().str();
  auto addRank = [&](StringRef rank) {
    if (!llvm::is_contained(interface.ranks, rank))
      interface.ranks.push_back(rank.str());
  };
  auto tensor = [&](StringRef name, Type element, ArrayAttr dims) {
    Tensor result{name.str(), element, {}};
    for (StringRef rank : names(dims))
      result.dims.push_back(rank.str());
    return result;
  };
  Block &body = kernel.getBody().front();
  for (auto op : body.getOps<InputOp>()) {
    interface.inputs.push_back(tensor(
        op.getName(), op.getResult().getType().getElement(), op.getDims()));
    llvm::for_each(names(op.getDims()), addRank);
  }
  for (auto op : body.getOps<ParamOp>())
    interface.params.push_back({op.getName().str(), op.getStorage(),
                                static_cast<bool>(op.getFallback())});
  for (auto op : body.getOps<RankOp>())
    addRank(op.getName());
  for (auto op : body.getOps<OutputOp>()) {
    interface.outputs.push_back(
        tensor(op.getName(), op.getStorage(), op.getDims()));
    llvm::for_each(names(op.getDims()), addRank);
  }
  return interface;
}

unsigned KernelInterface::rankNumber(StringRef rank) const {
  auto *found = llvm::find(ranks, rank);
  assert(found != ranks.end() && "not a rank of the kernel");
  return found - ranks.begin();
}

unsigned KernelInterface::firstStride(unsigned number) const {
  unsigned position = 0;
  for (unsigned i = 0; i < number; ++i)
    position += i < inputs.size() ? inputs[i].dims.size()
                                  : outputs[i - inputs.size()].dims.size();
  return position;
}
