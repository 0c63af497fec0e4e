//===- Separability.cpp - The rank test, numerically ----------------------===//

#include "test/numerics/Separability.h"

#include "dialect/Interpreter/Interpreter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"

#include <cmath>
#include <deque>
#include <random>

using namespace mlir;
using namespace einfall;
using namespace einfall::numerics;
using namespace einfall::cascade;

/// Divides the numbers by the greatest of their magnitudes.
template <typename At> static void scaleToOne(size_t n, At at) {
  double greatest = 0;
  for (size_t i = 0; i < n; ++i)
    greatest = std::max(greatest, std::abs(at(i)));
  for (size_t i = 0; greatest > 0 && i < n; ++i)
    at(i) /= greatest;
}

unsigned numerics::numericRank(std::vector<std::vector<double>> matrix,
                               double tolerance) {
  // Rows and columns alike in size: the rank is about shape.
  for (auto &row : matrix)
    scaleToOne(row.size(), [&](size_t j) -> double & { return row[j]; });
  for (size_t j = 0; !matrix.empty() && j < matrix.front().size(); ++j)
    scaleToOne(matrix.size(),
               [&](size_t i) -> double & { return matrix[i][j]; });
  unsigned rank = 0;
  std::vector<bool> doneRow(matrix.size());
  while (rank < matrix.size()) {
    size_t pivotRow = 0, pivotColumn = 0;
    double pivot = 0;
    for (size_t i = 0; i < matrix.size(); ++i)
      for (size_t j = 0; !doneRow[i] && j < matrix[i].size(); ++j)
        if (std::abs(matrix[i][j]) > std::abs(pivot)) {
          pivot = matrix[i][j];
          pivotRow = i;
          pivotColumn = j;
        }
    if (std::abs(pivot) <= tolerance)
      break;
    ++rank;
    doneRow[pivotRow] = true;
    for (size_t i = 0; i < matrix.size(); ++i) {
      if (doneRow[i])
        continue;
      double factor = matrix[i][pivotColumn] / pivot;
      for (size_t j = 0; j < matrix[i].size(); ++j)
        matrix[i][j] -= factor * matrix[pivotRow][j];
      matrix[i][pivotColumn] = 0;
    }
  }
  return rank;
}

namespace {
/// Is a field positive (or zero) wherever it is present?
bool isPositive(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (auto constant = dyn_cast<ConstOp>(op)) {
    auto real = dyn_cast<FloatAttr>(constant.getValue());
    return real && real.getValueAsDouble() >= 0;
  }
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getMonoid() == Monoid::Count ||
           (reduce.getMonoid() != Monoid::ArgMax &&
            isPositive(reduce.getValue()));
  if (auto where = dyn_cast<WhereOp>(op))
    return isPositive(where.getValue());
  if (isa<ExtentOp>(op))
    return true;
  auto map = dyn_cast<MapOp>(op);
  if (!map)
    return false;
  switch (map.getFunction()) {
  case Function::Exp:
  case Function::Abs:
  case Function::Sqrt:
    return true;
  case Function::Max:
    return llvm::any_of(map.getOperands(), isPositive);
  case Function::Mul:
    if (map.getOperands()[0] == map.getOperands()[1])
      return true;
    [[fallthrough]];
  case Function::Add:
  case Function::Div:
  case Function::Min:
  case Function::ToReal:
    return llvm::all_of(map.getOperands(), isPositive);
  default:
    return false;
  }
}

/// Cuts the body of a reduction out of its kernel: what is complete becomes an
/// input over rank "a", what the coordinate brings an input over rank "b".
class Cut {
public:
  Cut(MLIRContext *context, StringRef rank) : rank(rank) {
    Location loc = UnknownLoc::get(context);
    module = ModuleOp::create(loc);
    OpBuilder outer = OpBuilder::atBlockEnd(module->getBody());
    kernel = KernelOp::create(outer, loc, "g", DictionaryAttr());
    builder = OpBuilder::atBlockEnd(&kernel.getBody().emplaceBlock());
  }

  /// Does a field stand on a reduction over the rank?
  bool standsOnReduction(Value value) {
    auto [known, isNew] = stands.try_emplace(value, false);
    if (!isNew)
      return known->second;
    bool found = false;
    Operation *op = value.getDefiningOp();
    if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
      found = llvm::is_contained(names(reduce.getRanks()), rank);
    if (op)
      for (Value operand : op->getOperands())
        found = found || (isa<FieldType>(operand.getType()) &&
                          standsOnReduction(operand));
    return stands[value] = found;
  }

  /// The value in the cut kernel, or null where it cannot be expressed.
  Value copy(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    bool complete = !fieldType(value).hasRank(rank);
    Value made;
    if (complete && standsOnReduction(value))
      made = leaf(value, "a");
    else if (!standsOnReduction(value))
      made =
          isa_and_nonnull<ConstOp>(value.getDefiningOp())
              ? ConstOp::create(builder, value.getLoc(), value.getType(),
                                cast<ConstOp>(value.getDefiningOp()).getValue())
                    .getResult()
              : leaf(value, complete ? "" : "b");
    else
      made = inner(value.getDefiningOp());
    if (made)
      mapping.map(value, made);
    return made;
  }

  static constexpr int64_t sample = 24;
  OwningOpRef<ModuleOp> module;
  KernelOp kernel;
  OpBuilder builder{static_cast<MLIRContext *>(nullptr)};
  interpreter::Arguments arguments;

private:
  Value inner(Operation *op) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      if (operands.push_back(copy(operand)); !operands.back())
        return nullptr;
    if (auto map = dyn_cast<MapOp>(op))
      return MapOp::create(builder, op->getLoc(), map.getFunction(), operands);
    if (isa<WhereOp>(op))
      return WhereOp::create(builder, op->getLoc(), operands[0], operands[1]);
    if (isa<OrElseOp>(op))
      return OrElseOp::create(builder, op->getLoc(), operands[0], operands[1]);
    return nullptr;
  }

  /// A random field over rank `over` (none if empty).
  Value leaf(Value value, StringRef over) {
    Location loc = value.getLoc();
    Kind kind = fieldType(value).getKind();
    Type storage = kind == Kind::Real  ? Type(builder.getF64Type())
                   : kind == Kind::Int ? Type(builder.getI64Type())
                                       : Type(builder.getI1Type());
    SmallVector<StringRef> dims;
    if (!over.empty())
      dims.push_back(over);
    std::string name = "x" + std::to_string(data.size());
    Value tensor = InputOp::create(
        builder, loc,
        ArgumentType::get(builder.getContext(), storage, dims.size()),
        builder.getStringAttr(name), builder.getStrArrayAttr(dims),
        StringAttr());
    SmallVector<Value> index;
    for (StringRef dim : dims)
      index.push_back(CoordOp::create(builder, loc, dim));

    std::uniform_real_distribution<double> uniform(0.2, 2.2);
    bool positive = isPositive(value);
    int64_t size = over.empty() ? 1 : sample;
    auto &memory = data.emplace_back(size * 8);
    interpreter::Element element =
        kind == Kind::Real  ? interpreter::Element::F64
        : kind == Kind::Int ? interpreter::Element::I64
                            : interpreter::Element::Bool;
    for (int64_t i = 0; i < size; ++i) {
      double number = uniform(random);
      if (kind == Kind::Real && !positive && random() % 2)
        number = -number;
      // Conditions hold: what they exclude enters nothing.
      if (kind == Kind::Bool)
        number = 1;
      if (kind == Kind::Int)
        number = static_cast<double>(1 + random() % 9);
      interpreter::storeElement(element, memory.data(), i, number);
    }
    arguments.inputs[name] = {memory.data(), element,
                              SmallVector<int64_t>(dims.size(), size),
                              SmallVector<int64_t>(dims.size(), 1)};
    return ReadOp::create(builder, loc, tensor, index);
  }

  StringRef rank;
  IRMapping mapping;
  llvm::DenseMap<Value, bool> stands;
  std::deque<std::vector<char>> data;
  std::mt19937_64 random{1};
};
} // namespace

/// A field that ranges over "a" and "b" whatever its value does.
static Value spread(OpBuilder &builder, Value value) {
  Location loc = value.getLoc();
  Value field = value;
  for (StringRef rank : {"a", "b"}) {
    Value at = CoordOp::create(builder, loc, rank);
    Value zero = ConstOp::create(builder, loc, int64_t(0));
    Value there =
        MapOp::create(builder, loc, Function::Ge, ValueRange{at, zero});
    field = WhereOp::create(builder, loc, field, there);
  }
  return field;
}

std::optional<Separability> numerics::separability(ReduceOp reduce,
                                                   StringRef rank) {
  Separability result;
  Cut cut(reduce.getContext(), rank);
  if (!cut.standsOnReduction(reduce.getValue()))
    return result;
  result.depends = true;
  if (fieldType(reduce.getValue()).getKind() != Kind::Real)
    return std::nullopt;
  Value body = cut.copy(reduce.getValue());
  if (!body)
    return std::nullopt;
  // What does not occur in the body gets its extent here.
  for (StringRef name : {"a", "b"}) {
    Value extent = ConstOp::create(cut.builder, reduce.getLoc(), Cut::sample);
    RankOp::create(cut.builder, reduce.getLoc(), name, extent, IntegerAttr());
  }
  Value spreadBody = spread(cut.builder, body);
  Value zero = ConstOp::create(cut.builder, reduce.getLoc(), 0.0);
  SmallVector<StringRef> dims = {"a", "b"};
  auto output = OutputOp::create(cut.builder, reduce.getLoc(), "G",
                                 cut.builder.getStrArrayAttr(dims),
                                 cut.builder.getF64Type(), spreadBody, zero,
                                 /*indices=*/ValueRange());
  auto evaluator = interpreter::Interpreter::create(cut.kernel, cut.arguments);
  if (failed(evaluator))
    return std::nullopt;
  auto values = evaluator->evaluateAll(output);
  if (failed(values))
    return std::nullopt;

  std::vector<std::vector<double>> matrix(Cut::sample);
  for (int64_t a = 0; a < Cut::sample; ++a)
    for (int64_t b = 0; b < Cut::sample; ++b) {
      double value = (*values)[a * Cut::sample + b];
      if (!std::isfinite(value))
        return std::nullopt;
      matrix[a].push_back(value);
    }
  result.rank = numericRank(matrix);
  if (reduce.getMonoid() == Monoid::Sum) {
    result.onePass = result.rank <= finiteRank;
  } else if (reduce.getMonoid() == Monoid::Max ||
             reduce.getMonoid() == Monoid::Min) {
    result.extremum = true;
    result.onePass = result.rank <= 1;
    for (int64_t a = 1; a < Cut::sample; ++a)
      for (int64_t b = 0; b < Cut::sample; ++b)
        result.onePass &= matrix[a][b] * matrix[0][b] >= 0;
  } else {
    return std::nullopt;
  }
  return result;
}

std::optional<bool> numerics::onePassReachable(KernelOp kernel, StringRef rank,
                                               bool sumsOnly) {
  bool reachable = true;
  for (auto reduce : kernel.getBody().getOps<ReduceOp>()) {
    if (!llvm::is_contained(names(reduce.getRanks()), rank))
      continue;
    std::optional<Separability> one = separability(reduce, rank);
    if (!one)
      return std::nullopt;
    reachable &= one->onePass && !(sumsOnly && one->extremum);
  }
  return reachable;
}
