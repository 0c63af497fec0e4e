//===- TileVisits.cpp - What masks leave of a stream, sampled -------------===//

#include "passes/Schedule/TileVisits.h"

#include <cmath>

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

VisitSampler::VisitSampler(const TilePlan &plan, const FoldPlan &fold,
                           const llvm::StringMap<int64_t> &extents,
                           int64_t rows, int64_t keys)
    : row(plan.row), stream(fold.stream), extents(extents), rows(rows),
      keys(keys) {
  llvm::SmallPtrSet<void *, 32> seen;
  auto yield =
      cast<YieldOp>(FoldOp(fold.fold).getStep().front().getTerminator());
  for (Value value : yield.getValues())
    collect(value, seen);
  for (Value condition : conditions)
    isUnknown |= !evaluate(condition, 0, 0).has_value();
  if (isUnknown)
    conditions.clear();
}

/// Gathers the conditions over rows or keys that values stand under.
void VisitSampler::collect(Value value, llvm::SmallPtrSetImpl<void *> &seen) {
  Operation *op = value.getDefiningOp();
  if (!op || !seen.insert(value.getAsOpaquePointer()).second)
    return;
  if (auto where = dyn_cast<WhereOp>(op)) {
    FieldType type = fieldType(where.getCondition());
    if (type.hasRank(stream) &&
        !llvm::is_contained(conditions, where.getCondition()))
      conditions.push_back(where.getCondition());
    return collect(where.getValue(), seen);
  }
  for (Value operand : op->getOperands())
    if (isa<FieldType>(operand.getType()))
      collect(operand, seen);
}

/// The value at a row and a key and the first item, as far as it follows from
/// coordinates, constants and known extents.
std::optional<double> VisitSampler::evaluate(Value field, int64_t atRow,
                                             int64_t atKey) const {
  Operation *op = field.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto coord = dyn_cast<CoordOp>(op))
    return coord.getRank() == row      ? atRow
           : coord.getRank() == stream ? atKey
                                       : 0;
  if (auto extent = dyn_cast<ExtentOp>(op)) {
    if (extent.getRank() == row)
      return rows;
    if (extent.getRank() == stream)
      return keys;
    auto known = extents.find(extent.getRank());
    return known == extents.end() ? std::nullopt
                                  : std::optional<double>(known->second);
  }
  if (auto constant = dyn_cast<ConstOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return real.getValueAsDouble();
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      return number.getType().isInteger(1)
                 ? double(number.getValue().getBoolValue())
                 : double(number.getInt());
    return std::nullopt;
  }
  if (auto param = dyn_cast<ParamOp>(op))
    return param.getFallback() ? evaluate(param.getFallback(), atRow, atKey)
                               : std::nullopt;
  auto map = dyn_cast<MapOp>(op);
  if (!map)
    return std::nullopt;
  SmallVector<double, 3> x;
  for (Value operand : map.getOperands()) {
    std::optional<double> value = evaluate(operand, atRow, atKey);
    if (!value)
      return std::nullopt;
    x.push_back(*value);
  }
  switch (map.getFunction()) {
  case Function::Add:
    return x[0] + x[1];
  case Function::Sub:
    return x[0] - x[1];
  case Function::Mul:
    return x[0] * x[1];
  case Function::Div:
    return x[0] / x[1];
  case Function::FloorDiv:
    return x[1] == 0 ? 0 : std::floor(x[0] / x[1]);
  case Function::Mod:
    return x[1] == 0 ? 0 : x[0] - x[1] * std::floor(x[0] / x[1]);
  case Function::Neg:
    return -x[0];
  case Function::Abs:
    return std::abs(x[0]);
  case Function::Max:
    return std::max(x[0], x[1]);
  case Function::Min:
    return std::min(x[0], x[1]);
  case Function::Floor:
    return std::floor(x[0]);
  case Function::Ceil:
    return std::ceil(x[0]);
  case Function::Eq:
    return x[0] == x[1];
  case Function::Ne:
    return x[0] != x[1];
  case Function::Lt:
    return x[0] < x[1];
  case Function::Le:
    return x[0] <= x[1];
  case Function::Gt:
    return x[0] > x[1];
  case Function::Ge:
    return x[0] >= x[1];
  case Function::And:
    return x[0] != 0 && x[1] != 0;
  case Function::Or:
    return x[0] != 0 || x[1] != 0;
  case Function::Not:
    return x[0] == 0;
  case Function::Select:
    return x[0] != 0 ? x[1] : x[2];
  case Function::ToReal:
  case Function::ToInt:
    return x[0];
  default:
    return std::nullopt;
  }
}

VisitSampler::Presence VisitSampler::presence(int64_t rowFrom, int64_t rowEnd,
                                              int64_t keyFrom,
                                              int64_t keyEnd) const {
  if (isUnknown)
    return Presence::Some;
  bool some = false, all = true;
  for (int64_t atRow : {rowFrom, (rowFrom + rowEnd) / 2, rowEnd - 1})
    for (int64_t atKey : {keyFrom, (keyFrom + keyEnd) / 2, keyEnd - 1}) {
      bool here = llvm::all_of(conditions, [&](Value condition) {
        return evaluate(condition, atRow, atKey).value_or(1) != 0;
      });
      some |= here;
      all &= here;
    }
  return all ? Presence::All : some ? Presence::Some : Presence::None;
}

const VisitSampler::Profile &VisitSampler::profile(int64_t groupRows,
                                                   int64_t keyBlock) {
  auto [entry, isNew] = profiles.try_emplace({groupRows, keyBlock});
  Profile &result = entry->second;
  if (!isNew)
    return result;
  const int64_t most = 12;
  int64_t groups = std::max<int64_t>(1, (rows + groupRows - 1) / groupRows);
  int64_t count = std::min(groups, most);
  for (int64_t i = 0; i < count; ++i) {
    int64_t from = count == 1 ? 0 : i * (groups - 1) / (count - 1) * groupRows;
    int64_t to = std::min(from + groupRows, rows);
    auto &blocks = result.emplace_back();
    for (int64_t key = 0; key < keys; key += keyBlock) {
      int64_t end = std::min(key + keyBlock, keys);
      Presence there = presence(from, to, key, end);
      if (there == Presence::All && key + keyBlock > keys)
        there = Presence::Some;
      blocks.push_back(there);
    }
  }
  return result;
}

TileVisits VisitSampler::visits(int64_t groupRows, int64_t groups,
                                int64_t keyBlock, int64_t keyTile) {
  auto up = [](int64_t x, int64_t to) { return (x + to - 1) / to; };
  int64_t tiles = up(keys, keyTile);
  if (!hasConditions()) {
    bool isRagged = keys % keyBlock != 0;
    return {long(up(keys, keyBlock) * keyBlock), long(isRagged * keyBlock),
            long(tiles), long(tiles + isRagged), long(tiles)};
  }
  int64_t present = 0, tested = 0, visited = 0, parts = 0, edges = 0;
  const Profile &groupsSeen = profile(groupRows, keyBlock);
  int64_t perTile = keyTile / keyBlock;
  for (const std::vector<Presence> &blocks : groupsSeen) {
    bool before = false;
    for (size_t first = 0; first < blocks.size(); first += perTile) {
      int64_t some = 0, whole = 0;
      size_t end = std::min(first + perTile, blocks.size());
      for (size_t block = first; block < end; ++block) {
        some += blocks[block] == Presence::Some;
        whole += blocks[block] == Presence::All;
      }
      bool here = some + whole > 0;
      edges += here != before;
      before = here;
      present += some + whole;
      tested += some;
      visited += here;
      parts += (some > 0) + (whole > 0);
    }
  }
  auto mean = [&](int64_t sum) {
    return mpq_class(mpq_class(long(sum)) / long(groupsSeen.size()));
  };
  TileVisits result{mean(present * keyBlock),
                    mean(tested * keyBlock),
                    mean(visited),
                    mean(parts),
                    {}};
  // An edge moves along the stream with the rows of an item.
  mpq_class moved = mean(edges * groupRows * (groups - 1)) / long(2 * keyTile);
  result.itemTiles = std::min<mpq_class>(long(tiles), result.tiles + moved);
  return result;
}
