//===- WarpPlan.cpp - How a kernel as written runs on a GPU ---------------===//

#include "passes/Lower/Threads/WarpPlan.h"

#include "dialect/Cascade/Inside.h"
#include "passes/Lower/Threads/DeviceElements.h"
#include "passes/Schedule/WrittenPlan.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {
constexpr int64_t lanes = 32;

class Planner {
public:
  Planner(KernelOp kernel, int64_t sharedBytes,
          const llvm::StringMap<int64_t> &extents)
      : kernel(kernel), sharedBytes(sharedBytes), extents(extents),
        items(itemRanksOf(kernel)) {}

  std::vector<WarpPlan> run();

private:
  /// The plan that keeps `fields`, without its memory.
  WarpPlan keeping(ArrayRef<Value> fields);
  /// Bytes that a warp takes, or nothing where that depends on the launch.
  std::optional<int64_t> bytesOf(const KeptField &field) const;
  bool mayBeAbsent(Value field) const;
  LaneSharing shareReduction(ReduceOp op, const WarpPlan &plan) const;
  LaneSharing shareElements(Value value, ArrayRef<StringRef> ranks,
                            StringRef stored, const WarpPlan &plan) const;
  /// Transactions that one step of all lanes takes: an estimate.
  double costOf(Value value, StringRef lane, const WarpPlan &plan) const;
  double costOf(Value value, StringRef lane, const WarpPlan &plan,
                llvm::SmallPtrSetImpl<void *> &seen) const;
  double extent(StringRef rank) const {
    auto it = extents.find(rank);
    return it == extents.end() ? 256 : double(std::max<int64_t>(it->second, 1));
  }

  KernelOp kernel;
  int64_t sharedBytes;
  const llvm::StringMap<int64_t> &extents;
  SmallVector<StringRef> items;
};
} // namespace

bool Planner::mayBeAbsent(Value field) const {
  Operation *op = field.getDefiningOp();
  if (isa<ConstOp, CoordOp, ExtentOp, ParamOp, PresentOp>(op))
    return false;
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    Monoid monoid = reduce.getMonoid();
    return monoid != Monoid::Sum && monoid != Monoid::Count &&
           monoid != Monoid::Any && monoid != Monoid::All;
  }
  if (auto map = dyn_cast<MapOp>(op))
    return mayDivideByZero(map) ||
           llvm::any_of(map.getOperands(),
                        [&](Value operand) { return mayBeAbsent(operand); });
  if (auto read = dyn_cast<ReadOp>(op)) {
    for (unsigned dim = 0; dim < read.getIndices().size(); ++dim)
      if (!isInside(read, dim) || mayBeAbsent(read.getIndices()[dim]))
        return true;
    return false;
  }
  if (auto orElse = dyn_cast<OrElseOp>(op))
    return mayBeAbsent(orElse.getValue()) && mayBeAbsent(orElse.getFallback());
  return true;
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

double Planner::costOf(Value value, StringRef lane,
                       const WarpPlan &plan) const {
  llvm::SmallPtrSet<void *, 16> seen;
  return 1 + costOf(value, lane, plan, seen);
}

double Planner::costOf(Value value, StringRef lane, const WarpPlan &plan,
                       llvm::SmallPtrSetImpl<void *> &seen) const {
  if (!seen.insert(value.getAsOpaquePointer()).second ||
      !fieldType(value).hasRank(lane))
    return 0;
  if (auto it = plan.kept.find(value); it != plan.kept.end())
    return !it->second.ranks.empty() && it->second.ranks.back() == lane ? 1 : 8;
  Operation *op = value.getDefiningOp();
  double cost = 0;
  if (auto read = dyn_cast<ReadOp>(op)) {
    // Neighbours lie side by side only along the last dimension.
    auto coord = read.getIndices().back().getDefiningOp<CoordOp>();
    bool dense = coord && coord.getRank() == lane &&
                 llvm::none_of(read.getIndices().drop_back(), [&](Value index) {
                   return fieldType(index).hasRank(lane);
                 });
    cost = dense ? 1 : lanes;
  }
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      cost += costOf(operand, lane, plan, seen);
  return cost;
}

LaneSharing Planner::shareElements(Value value, ArrayRef<StringRef> ranks,
                                   StringRef stored,
                                   const WarpPlan &plan) const {
  LaneSharing best;
  double least = 0;
  for (StringRef rank : ranks) {
    double steps = std::ceil(extent(rank) / lanes) / extent(rank);
    double cost =
        steps * (costOf(value, rank, plan) + (rank == stored ? 1 : lanes));
    if (best.rank.empty() || cost < least) {
      best.rank = rank;
      least = cost;
    }
  }
  return best;
}

/// Compares what one element takes, for every way to share.
LaneSharing Planner::shareReduction(ReduceOp op, const WarpPlan &plan) const {
  SmallVector<StringRef> own = ranksWithin(op.getResult(), items);
  double size = 1;
  for (StringRef rank : names(op.getRanks()))
    size *= extent(rank);
  LaneSharing best;
  double least = 0;
  auto propose = [&](LaneSharing sharing, double cost) {
    if (!best.rank.empty() && cost >= least)
      return;
    best = sharing;
    least = cost;
  };
  for (StringRef rank : names(op.getRanks())) {
    constexpr double shuffles = 12;
    double n = extent(rank);
    propose({rank, /*along=*/true}, size / n * std::ceil(n / lanes) *
                                            costOf(op.getValue(), rank, plan) +
                                        shuffles);
  }
  for (StringRef rank : own) {
    double n = extent(rank);
    propose({rank, /*along=*/false}, size * std::ceil(n / lanes) / n *
                                         costOf(op.getValue(), rank, plan));
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

std::optional<int64_t> Planner::bytesOf(const KeptField &field) const {
  if (field.ranks.empty())
    return 0;
  int64_t count = 1;
  for (StringRef rank : field.ranks) {
    auto it = extents.find(rank);
    if (it == extents.end())
      return std::nullopt;
    if (it->second > 0 && count > sharedBytes / it->second)
      return sharedBytes + 1;
    count *= it->second;
  }
  // Values, then presence, each from a multiple of the alignment on.
  int64_t pads = field.mayBeAbsent ? 2 : 1;
  return count * field.bytes + pads * (keptAlignment - 1);
}

WarpPlan Planner::keeping(ArrayRef<Value> fields) {
  WarpPlan plan;
  plan.items = items;
  for (Value field : fields) {
    KeptField kept;
    kept.ranks = ranksWithin(field, items);
    kept.mayBeAbsent = mayBeAbsent(field);
    Kind kind = fieldType(field).getKind();
    kept.bytes = (kind == Kind::Real  ? 4
                  : kind == Kind::Int ? 8
                                      : 1) +
                 (kept.mayBeAbsent ? 1 : 0);
    if (auto reduce = field.getDefiningOp<ReduceOp>())
      kept.lanes = shareReduction(reduce, plan);
    else if (!kept.ranks.empty())
      kept.lanes = shareElements(field, kept.ranks, kept.ranks.back(), plan);
    plan.kept.insert({field, std::move(kept)});
  }
  for (auto output : kernel.getBody().getOps<OutputOp>()) {
    SmallVector<StringRef> dims = names(output.getDims());
    SmallVector<StringRef> inner;
    for (StringRef rank : dims)
      if (!llvm::is_contained(items, rank))
        inner.push_back(rank);
    plan.outputs[output.getName()] =
        shareElements(output.getValue(), inner,
                      dims.empty() ? StringRef() : dims.back(), plan);
  }
  return plan;
}

std::vector<WarpPlan> Planner::run() {
  SmallVector<Value> fields = fieldsToKeep(kernel, items);
  WarpPlan all = keeping(fields);
  bool known = true;
  for (auto &[field, kept] : all.kept)
    known &= bytesOf(kept).has_value();
  std::vector<WarpPlan> plans;
  if (!known) {
    // A quarter of the memory lets several blocks share a processor.
    for (auto [warps, shared] : {std::pair(4u, sharedBytes / 4 / 1024 * 1024),
                                 std::pair(1u, sharedBytes)}) {
      WarpPlan plan = all;
      plan.warps = warps;
      plan.shared = shared;
      plan.warpBytes = shared / warps / keptAlignment * keptAlignment;
      plan.always = false;
      plans.push_back(std::move(plan));
    }
    llvm::erase_if(fields, [&](Value field) {
      return !ranksWithin(field, items).empty();
    });
    plans.push_back(keeping(fields));
    return plans;
  }
  // The greatest fields are left out until a warp's memory is enough.
  for (;;) {
    WarpPlan plan = keeping(fields);
    Value greatest;
    int64_t most = 0;
    for (auto &[field, kept] : plan.kept) {
      int64_t bytes = *bytesOf(kept);
      plan.warpBytes += bytes;
      if (bytes > most) {
        most = bytes;
        greatest = field;
      }
    }
    plan.warpBytes =
        (plan.warpBytes + keptAlignment - 1) / keptAlignment * keptAlignment;
    while (plan.warps > 1 && plan.warpBytes * plan.warps > sharedBytes)
      plan.warps /= 2;
    plan.shared = plan.warpBytes * plan.warps;
    if (plan.shared <= sharedBytes) {
      plans.push_back(std::move(plan));
      return plans;
    }
    llvm::erase(fields, greatest);
  }
}

std::vector<WarpPlan>
einfall::planWarps(KernelOp kernel, int64_t sharedBytes,
                   const llvm::StringMap<int64_t> &extents) {
  return Planner(kernel, sharedBytes, extents).run();
}
