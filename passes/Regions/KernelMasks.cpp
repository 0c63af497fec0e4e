//===- KernelMasks.cpp - The masks of a kernel ----------------------------===//

#include "passes/Regions/KernelMasks.h"
#include "passes/Regions/RegionProof.h"

#include "dialect/Cascade/Inside.h"

#include "llvm/ADT/TypeSwitch.h"

using llvm::StringRef;
using mlir::Operation;
using mlir::Value;

namespace einfall::regions {

/// Ranks whose coordinates are calculated with, reads aside.
static void collectRows(Value value, StringRef stream,
                        llvm::SmallSetVector<StringRef, 4> &rows) {
  Operation *op = value.getDefiningOp();
  if (auto coord = mlir::dyn_cast_or_null<cascade::CoordOp>(op)) {
    if (coord.getRank() != stream)
      rows.insert(coord.getRank());
  } else if (mlir::isa_and_nonnull<cascade::MapOp>(op)) {
    for (Value operand : op->getOperands())
      collectRows(operand, stream, rows);
  }
}

std::optional<MaskRegions> analyzeRestriction(Operation *op, StringRef stream) {
  using Result = std::optional<MaskRegions>;
  llvm::SmallSetVector<StringRef, 4> rows;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](cascade::WhereOp where) -> Result {
        collectRows(where.getCondition(), stream, rows);
        auto regions =
            analyzeMask({where.getCondition()}, rows.getArrayRef(), stream);
        return mlir::succeeded(regions) ? Result(std::move(*regions))
                                        : std::nullopt;
      })
      .Case([&](cascade::ReadOp read) -> Result {
        bool restricts = false;
        for (auto [dim, index] : llvm::enumerate(read.getIndices()))
          if (!cascade::isInside(read, dim)) {
            restricts = true;
            collectRows(index, stream, rows);
          }
        if (!restricts)
          return std::nullopt;
        return analyzeRead(read, rows.getArrayRef(), stream);
      })
      .Default([](Operation *) -> Result { return std::nullopt; });
}

/// Whether two fields are computed in the same way.
static bool isSame(Value a, Value b) {
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  return x && y && x->getNumRegions() == 0 && x->getName() == y->getName() &&
         x->getAttrDictionary() == y->getAttrDictionary() &&
         x->getNumOperands() == y->getNumOperands() &&
         a.getType() == b.getType() &&
         llvm::all_of(llvm::zip(x->getOperands(), y->getOperands()),
                      [](auto pair) {
                        auto [u, v] = pair;
                        return isSame(u, v);
                      });
}

static bool restrictAlike(Operation *a, Operation *b) {
  auto x = mlir::dyn_cast<cascade::WhereOp>(a);
  auto y = mlir::dyn_cast<cascade::WhereOp>(b);
  if (x && y)
    return isSame(x.getCondition(), y.getCondition());
  return !x && !y && isSame(a->getResult(0), b->getResult(0));
}

/// Everything that decides where the elements of a fold are: what its step
/// computes, up to reductions within it.
static llvm::SetVector<Operation *> restrictions(cascade::FoldOp fold) {
  llvm::SetVector<Operation *> found;
  llvm::DenseSet<Value> seen;
  std::function<void(Value)> visit = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second ||
        mlir::isa<cascade::ReduceOp, cascade::FoldOp>(op))
      return;
    for (Value operand : op->getOperands())
      if (mlir::isa<cascade::FieldType>(operand.getType()))
        visit(operand);
    if (mlir::isa<cascade::WhereOp, cascade::ReadOp>(op))
      found.insert(op);
  };
  Operation *yield = fold.getStep().front().getTerminator();
  for (Value value : yield->getOperands())
    visit(value);
  return found;
}

std::vector<KernelMask> findMasks(cascade::KernelOp kernel) {
  std::vector<KernelMask> masks;
  kernel->walk([&](cascade::FoldOp fold) {
    llvm::SetVector<Operation *> found = restrictions(fold);
    for (StringRef stream : fold.getRankNames())
      for (Operation *op : found) {
        auto equal = llvm::find_if(masks, [&](const KernelMask &mask) {
          return mask.regions.stream.rank == stream &&
                 restrictAlike(mask.ops.front(), op);
        });
        if (equal != masks.end())
          equal->ops.push_back(op);
        else if (auto regions = analyzeRestriction(op, stream))
          masks.push_back({{op}, std::move(*regions)});
      }
  });
  return masks;
}

/// "attention.ein:15:20" of the innermost file location.
static std::string describe(mlir::Location loc) {
  if (auto file = loc->findInstanceOf<mlir::FileLineColLoc>())
    return file.getFilename().str() + ":" + std::to_string(file.getLine()) +
           ":" + std::to_string(file.getColumn());
  return "";
}

std::vector<Unproved>
proveMasks(cascade::KernelOp kernel,
           llvm::function_ref<bool(const proof::Obligation &)> prove,
           StringRef name) {
  std::vector<Unproved> failures;
  std::vector<KernelMask> masks = findMasks(kernel);
  for (auto [index, mask] : llvm::enumerate(masks)) {
    std::string prefix = (name + "." + mask.regions.stream.rank + ".mask" +
                          std::to_string(index))
                             .str();
    mlir::Location loc = mask.ops.front()->getLoc();
    std::vector<std::string> unproved =
        proveRegions(mask.regions, prove, prefix, describe(loc));
    if (unproved.empty())
      continue;
    for (Operation *op : mask.ops)
      op->setAttr(testedEverywhere, mlir::UnitAttr::get(kernel.getContext()));
    failures.push_back({loc, std::move(unproved.front())});
  }
  return failures;
}

} // namespace einfall::regions
