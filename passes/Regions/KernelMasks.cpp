//===- KernelMasks.cpp - The masks of a kernel ----------------------------===//

#include "passes/Regions/KernelMasks.h"
#include "passes/Regions/RegionProof.h"

#include "dialect/Cascade/Cascade.h"

using llvm::StringRef;
using mlir::Value;

namespace einfall::regions {

/// The ranks that folds stream; those of reductions where there are none.
static llvm::SetVector<StringRef> streamedRanks(cascade::KernelOp kernel) {
  llvm::SetVector<StringRef> ranks;
  kernel->walk([&](cascade::FoldOp fold) {
    for (StringRef rank : fold.getRankNames())
      ranks.insert(rank);
  });
  if (ranks.empty())
    kernel->walk([&](cascade::ReduceOp reduce) {
      for (StringRef rank : cascade::names(reduce.getRanks()))
        ranks.insert(rank);
    });
  return ranks;
}

std::vector<KernelMask> findMasks(cascade::KernelOp kernel) {
  std::vector<KernelMask> masks;
  for (StringRef stream : streamedRanks(kernel)) {
    llvm::DenseSet<Value> seen;
    kernel->walk([&](cascade::WhereOp where) {
      Value condition = where.getCondition();
      cascade::FieldType type = cascade::fieldType(condition);
      if (!type.hasRank(stream) || !seen.insert(condition).second)
        return;
      llvm::SmallVector<StringRef> rows = type.getRankNames();
      llvm::erase(rows, stream);
      mlir::FailureOr<MaskRegions> regions =
          analyzeMask({condition}, rows, stream);
      if (mlir::succeeded(regions))
        masks.push_back({where, std::move(*regions)});
    });
  }
  return masks;
}

/// "attention.ein:15:20" of the innermost file location.
static std::string describe(mlir::Location loc) {
  if (auto file = loc->findInstanceOf<mlir::FileLineColLoc>())
    return file.getFilename().str() + ":" + std::to_string(file.getLine()) +
           ":" + std::to_string(file.getColumn());
  return "";
}

unsigned proveMasks(cascade::KernelOp kernel, proof::Prover &prover,
                    StringRef name) {
  unsigned failures = 0;
  std::vector<KernelMask> masks = findMasks(kernel);
  for (auto [index, mask] : llvm::enumerate(masks)) {
    std::string prefix = (name + "." + mask.regions.stream.rank + ".mask" +
                          std::to_string(index))
                             .str();
    if (proveRegions(mask.regions, prover, prefix,
                     describe(mask.where->getLoc())) == 0)
      continue;
    mask.where->setAttr(testedEverywhere,
                        mlir::UnitAttr::get(kernel.getContext()));
    ++failures;
  }
  return failures;
}

} // namespace einfall::regions
