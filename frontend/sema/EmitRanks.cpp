//===- EmitRanks.cpp - The extents of ranks
//---------------------------------===//
//
// Every extent stands after those that it is made of, whatever order they are
// declared in.
//
//===----------------------------------------------------------------------===//

#include "frontend/sema/Emitter.h"

using namespace einfall;
using namespace einfall::ein;
using namespace mlir;
using cascade::Function;

void Emitter::emitRanks() {
  for (auto &[name, extent] : fixedDims)
    declareRank(kernel.range, name, integer(extent, loc(kernel.range)),
                std::nullopt);
  for (const Shifted &shifted : shiftedDims)
    if (isBoundBy(shifted))
      declareBoundBy(shifted);
  std::vector<bool> declared(kernel.ranks.size());
  for (RankId id = 0; id < kernel.ranks.size(); ++id)
    declareAfterNeeds(id, declared);
  for (const Shifted &shifted : shiftedDims)
    if (!isBoundBy(shifted)) {
      Location where = loc(kernel.ranks[shifted.rank].range);
      Value extent = map(
          Function::Add,
          {extentOf(rank(shifted.rank), where), integer(shifted.offset, where)},
          where);
      declareRank(kernel.ranks[shifted.rank].range, shifted.name, extent,
                  std::nullopt);
    }
  for (const Precondition &precondition : kernel.preconditions)
    if (precondition.property == Property::Permutation) {
      const InputInfo &input = kernel.inputs[precondition.input];
      std::string name = dimName(precondition.input, input.dims.size() - 1);
      declareRank(precondition.range, permutedRank(name),
                  extentOf(name, loc(precondition.range)), std::nullopt);
    }
}

Value Emitter::integer(int64_t number, Location where) {
  return cascade::ConstOp::create(builder, where, number);
}

Value Emitter::extentOf(StringRef rank, Location where) {
  return cascade::ExtentOp::create(builder, where, builder.getStringAttr(rank));
}

void Emitter::declareRank(SourceRange range, StringRef name, Value extent,
                          std::optional<int64_t> size) {
  cascade::RankOp::create(
      builder, loc(range), builder.getStringAttr(name), extent,
      size ? builder.getI64IntegerAttr(*size) : IntegerAttr());
}

/// Whether a dimension |s| + 1 gives s its extent; else it is the other way
/// round.
bool Emitter::isBoundBy(const Shifted &shifted) {
  const RankInfo &info = kernel.ranks[shifted.rank];
  return info.kind == ExtentKind::Shape && !info.constant &&
         info.offset == shifted.offset &&
         dimName(info.input, info.dim) == shifted.name;
}

void Emitter::declareBoundBy(const Shifted &shifted) {
  const RankInfo &info = kernel.ranks[shifted.rank];
  Location where = loc(info.range);
  // The size for random runs goes where the extent comes from.
  if (info.defaultSize)
    declareRank(info.range, shifted.name, Value(),
                *info.defaultSize + shifted.offset);
  Value extent = map(
      Function::Sub,
      {extentOf(shifted.name, where), integer(shifted.offset, where)}, where);
  declareRank(info.range, info.name, extent, std::nullopt);
}

/// The ranks whose extents a node is made of.
void Emitter::findExtents(NodeId root, SmallVectorImpl<RankId> &ranks) const {
  if (root == noNode)
    return;
  SmallVector<NodeId> rest{root};
  llvm::DenseSet<NodeId> seen;
  while (!rest.empty()) {
    NodeId id = rest.pop_back_val();
    if (!seen.insert(id).second)
      continue;
    if (kernel[id].nodeKind == NodeKind::Extent)
      ranks.push_back(kernel[id].index);
    rest.append(recurrences.needs(id));
  }
}

void Emitter::declareAfterNeeds(RankId id, std::vector<bool> &declared) {
  if (declared[id])
    return;
  declared[id] = true;
  const RankInfo &info = kernel.ranks[id];
  SmallVector<RankId> needs;
  for (NodeId part : {info.extent, info.low, info.high})
    findExtents(part, needs);
  if (info.kind == ExtentKind::Ragged || info.kind == ExtentKind::State)
    needs.push_back(info.parent);
  for (RankId need : needs)
    declareAfterNeeds(need, declared);
  Location where = loc(info.range);
  bool isShifted =
      info.kind == ExtentKind::Shape && info.offset != 0 && !info.constant;
  if (info.kind == ExtentKind::Ragged)
    declareRank(info.range, info.name, longestPiece(info), info.defaultSize);
  else if (info.kind == ExtentKind::State)
    declareRank(info.range, info.name,
                map(Function::Add,
                    {extentOf(rank(info.parent), where), integer(1, where)},
                    where),
                std::nullopt);
  else if (info.extent != noNode)
    declareRank(info.range, info.name, value(info.extent), std::nullopt);
  else if (info.constant)
    declareRank(info.range, info.name, integer(*info.constant, where),
                info.defaultSize);
  else if (info.defaultSize && !isShifted)
    declareRank(info.range, info.name, Value(), info.defaultSize);
}

/// A ragged rank is as long as its longest piece; what a piece lacks is
/// restricted wherever the rank is iterated.
Value Emitter::longestPiece(const RankInfo &info) {
  Location where = loc(info.range);
  Value high = value(info.high);
  if (cascade::fieldType(high).hasRank(rank(info.parent)))
    high = cascade::ReduceOp::create(builder, where, cascade::Monoid::Max,
                                     {rank(info.parent)}, high);
  Value zero = integer(0, where);
  high = cascade::OrElseOp::create(builder, where, high, zero);
  return map(Function::Max, {high, zero}, where);
}
