//===- RowsShare.cpp - Rows that read the same ----------------------------===//
//
// Large reads are those along the stream and one more rank that is not a row's:
// keys and values, not biases. Two rows read the same elements of one where its
// indices agree. An index that has no row rank always agrees; a row's own
// coordinate never does; a quotient agrees along a run of coordinates.
//
//===----------------------------------------------------------------------===//

#include "passes/Lower/RowsForm.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::rows;

Sharing Sharing::of(KernelOp kernel, StringRef stream,
                    ArrayRef<StringRef> rowRanks) {
  auto isRow = [&](StringRef rank) {
    return llvm::is_contained(rowRanks, rank);
  };
  auto isLarge = [&](Value field) {
    auto ranks = fieldType(field).getRankNames();
    return llvm::is_contained(ranks, stream) &&
           llvm::any_of(ranks, [&](StringRef rank) {
             return rank != stream && !isRow(rank);
           });
  };
  std::map<StringRef, SmallVector<Quotient>> quotients;
  SmallVector<StringRef> own; // ranks along which rows differ
  Sharing sharing;
  bool any = false;
  auto look = [&](Value index) {
    auto ranks = fieldType(index).getRankNames();
    auto quotient = quotientOf(index);
    for (StringRef rank : ranks)
      if (isRow(rank)) {
        if (quotient && ranks.size() == 1)
          quotients[rank].push_back(*quotient);
        else
          own.push_back(rank);
      }
    if (quotient && ranks.size() == 1 && isRow(ranks.front()) &&
        !llvm::is_contained(sharing.indices, index))
      sharing.indices.push_back(index);
  };
  kernel.getBody().walk([&](Operation *op) {
    if (auto read = dyn_cast<ReadOp>(op); read && isLarge(read.getResult())) {
      any = true;
      for (Value index : read.getIndices())
        look(index);
      SmallVector<StringRef> others;
      for (StringRef rank : fieldType(read.getResult()).getRankNames())
        if (rank != stream && !isRow(rank))
          others.push_back(rank);
      auto plain = [&](StringRef rank) {
        return llvm::any_of(read.getIndices(), [&](Value index) {
          auto coord = index.getDefiningOp<CoordOp>();
          return coord && coord.getRank() == rank;
        });
      };
      if (others.size() == 1 && plain(stream) && plain(others.front()))
        sharing.streamed.push_back({read, others.front()});
    } else if (auto at = dyn_cast<AtOp>(op); at && isLarge(at.getResult())) {
      for (Value index : at.getIndices())
        llvm::append_range(own, fieldType(index).getRankNames());
    }
  });
  if (!any)
    return {};
  for (StringRef rank : rowRanks)
    if (!llvm::is_contained(own, rank))
      sharing.ranks.push_back({rank, quotients[rank]});
  llvm::erase_if(sharing.indices, [&](Value index) {
    return llvm::is_contained(own, fieldType(index).getRankNames().front());
  });
  return sharing;
}

//===----------------------------------------------------------------------===//
// How many rows are worked on together
//===----------------------------------------------------------------------===//

static std::optional<int64_t> known(Value field,
                                    const llvm::StringMap<int64_t> &extents) {
  if (!field)
    return 1;
  if (auto constant = field.getDefiningOp<ConstOp>())
    return cast<IntegerAttr>(constant.getValue()).getInt();
  if (auto extent = field.getDefiningOp<ExtentOp>())
    if (auto it = extents.find(extent.getRank()); it != extents.end())
      return it->second;
  return std::nullopt;
}

std::optional<int64_t>
Sharing::rowsOfBlock(const llvm::StringMap<int64_t> &extents) const {
  int64_t rows = 1;
  for (const Rank &rank : llvm::reverse(ranks)) {
    auto it = extents.find(rank.name);
    if (it == extents.end())
      return std::nullopt;
    int64_t run = std::max<int64_t>(it->second, 1);
    for (const Quotient &quotient : rank.quotients) {
      auto times = known(quotient.times, extents);
      auto by = known(quotient.by, extents);
      if (!times || !by)
        return std::nullopt;
      int64_t length = *by / std::max<int64_t>(*times, 1);
      run = std::min(run, std::max<int64_t>(length, 1));
    }
    rows *= std::min(run, std::max<int64_t>(mostRows / rows, 1));
  }
  return rows;
}

unsigned Sharing::rowsTogether(const llvm::StringMap<int64_t> &extents,
                               unsigned registers) const {
  if (ranks.empty())
    return 1;
  // Rows take turns in the registers; those left over come one by one.
  const int64_t least = std::min<int64_t>(4, registers / 4);
  const int64_t most = registers / 4;
  std::optional<int64_t> rows = rowsOfBlock(extents);
  if (!rows)
    return static_cast<unsigned>(least);
  if (*rows <= most)
    return static_cast<unsigned>(*rows);
  int64_t best = most;
  auto passes = [&](int64_t together) {
    return *rows / together + *rows % together;
  };
  for (int64_t together = most; together >= least; --together)
    if (passes(together) < passes(best))
      best = together;
  return static_cast<unsigned>(best);
}
