//===- Memory.cpp - What a schedule moves from HBM, as a model ------------===//

#include "passes/Traffic/Memory.h"

using namespace einfall;
using namespace einfall::traffic;
using certificate::Expression;

Expression MemoryTraffic::total() const {
  Expression sum;
  for (const MemoryTerm &term : terms)
    sum = sum + term.bytes;
  return sum;
}

MemoryTraffic einfall::traffic::memoryTrafficOf(
    const Traffic &traffic, const cascade::KernelInterface &interface,
    const llvm::StringMap<int64_t> &fixed, const MemoryModel &model) {
  std::vector<std::pair<std::string, Expression>> sizes;
  for (const auto *tensors : {&interface.inputs, &interface.outputs})
    for (const auto &tensor : *tensors) {
      int64_t bits = tensor.element.getIntOrFloatBitWidth();
      Expression bytes((bits + 7) / 8);
      for (const std::string &rank : tensor.dims) {
        auto known = fixed.find(rank);
        bytes = bytes * (known == fixed.end() ? Expression::extent(rank)
                                              : Expression(known->second));
      }
      sizes.emplace_back(tensor.name, bytes);
    }
  sizes.emplace_back("workspace", traffic.workspace);

  Expression all;
  for (auto &[name, bytes] : sizes)
    all = all + bytes;
  Expression waves =
      certificate::ceilDivide(traffic.blocks, Expression(model.blocksAtOnce));
  MemoryTraffic result;
  result.isCompulsory =
      certificate::lessEqual(all, Expression(model.cacheBytes));
  for (auto &[name, bytes] : sizes) {
    Expression sectors;
    for (const TrafficTerm &term : traffic.terms)
      if (term.what == name)
        sectors = sectors + term.sectors;
    if (sectors.isNumber(0))
      continue;
    Expression most =
        certificate::select(result.isCompulsory, bytes, waves * bytes);
    result.terms.push_back(
        {name, certificate::minimum(
                   sectors * Expression(TrafficTerm::sectorBytes), most)});
  }
  return result;
}
