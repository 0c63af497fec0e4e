//===- Work.cpp - How much arithmetic a kernel asks for -------------------===//

#include "frontend/driver/Work.h"

#include "llvm/ADT/SetVector.h"

#include <cmath>
#include <random>

using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::driver;
using llvm::StringRef;

namespace {

/// A number of any kind, or nothing.
struct Number {
  double value = 0;
  bool present = false;
};

/// Evaluates conditions at one point: coordinates, extents, parameters,
/// elements of inputs, and maps of them. Anything else counts as absent and
/// ends the evaluation of the condition (`known` becomes false).
class PointEvaluator {
public:
  explicit PointEvaluator(const KernelArguments &arguments)
      : arguments(arguments) {}

  Number evaluate(mlir::Value value);

  llvm::StringMap<int64_t> point;
  bool known = true;

private:
  Number map(MapOp op);
  Number read(ReadOp op);
  const KernelArguments &arguments;
};

} // namespace

static Number give(double value) { return {value, true}; }

Number PointEvaluator::evaluate(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (auto constant = mlir::dyn_cast_or_null<ConstOp>(op)) {
    if (auto whole = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue()))
      return give(whole.getType().isInteger(1) ? whole.getValue().getBoolValue()
                                               : whole.getInt());
    return give(
        mlir::cast<mlir::FloatAttr>(constant.getValue()).getValueAsDouble());
  }
  if (auto coordinate = mlir::dyn_cast_or_null<CoordOp>(op))
    return give(point.lookup(coordinate.getRank()));
  if (auto extent = mlir::dyn_cast_or_null<ExtentOp>(op))
    return give(arguments.extent(extent.getRank()));
  if (auto param = mlir::dyn_cast_or_null<ParamOp>(op)) {
    const auto &given = arguments.forInterpreter().params;
    if (auto found = given.find(param.getName()); found != given.end())
      return give(found->second);
    if (param.getFallback())
      return evaluate(param.getFallback());
  }
  if (auto apply = mlir::dyn_cast_or_null<MapOp>(op))
    return map(apply);
  if (auto access = mlir::dyn_cast_or_null<ReadOp>(op))
    return read(access);
  known = false;
  return {};
}

Number PointEvaluator::read(ReadOp op) {
  auto input = op.getTensor().getDefiningOp<InputOp>();
  const auto &tensors = arguments.forInterpreter().inputs;
  auto found = tensors.find(input.getName());
  if (found == tensors.end()) {
    known = false;
    return {};
  }
  const interpreter::Tensor &tensor = found->second;
  llvm::SmallVector<int64_t> at;
  for (auto [index, extent] : llvm::zip_equal(op.getIndices(), tensor.shape)) {
    Number number = evaluate(index);
    if (!number.present || number.value < 0 || number.value >= extent)
      return {};
    at.push_back(static_cast<int64_t>(number.value));
  }
  return give(
      interpreter::loadElement(tensor.element, tensor.data, tensor.offset(at)));
}

Number PointEvaluator::map(MapOp op) {
  double x[3] = {};
  unsigned count = 0;
  for (mlir::Value operand : op.getOperands()) {
    Number number = evaluate(operand);
    if (!number.present || count == 3)
      return {};
    x[count++] = number.value;
  }
  switch (op.getFunction()) {
  case Function::Add:
    return give(x[0] + x[1]);
  case Function::Sub:
    return give(x[0] - x[1]);
  case Function::Mul:
    return give(x[0] * x[1]);
  case Function::Div:
    return give(x[0] / x[1]);
  case Function::FloorDiv:
    return give(std::floor(x[0] / x[1]));
  case Function::Mod:
    return give(x[0] - x[1] * std::floor(x[0] / x[1]));
  case Function::Neg:
    return give(-x[0]);
  case Function::Abs:
    return give(std::fabs(x[0]));
  case Function::Max:
    return give(std::max(x[0], x[1]));
  case Function::Min:
    return give(std::min(x[0], x[1]));
  case Function::Eq:
    return give(x[0] == x[1]);
  case Function::Ne:
    return give(x[0] != x[1]);
  case Function::Lt:
    return give(x[0] < x[1]);
  case Function::Le:
    return give(x[0] <= x[1]);
  case Function::Gt:
    return give(x[0] > x[1]);
  case Function::Ge:
    return give(x[0] >= x[1]);
  case Function::And:
    return give(x[0] != 0 && x[1] != 0);
  case Function::Or:
    return give(x[0] != 0 || x[1] != 0);
  case Function::Not:
    return give(x[0] == 0);
  case Function::Select:
    return give(x[0] != 0 ? x[1] : x[2]);
  case Function::ToReal:
    return give(x[0]);
  case Function::ToInt:
    return give(std::trunc(x[0]));
  default:
    known = false;
    return {};
  }
}

//===----------------------------------------------------------------------===//
// Which conditions restrict a sum
//===----------------------------------------------------------------------===//

using Conditions = llvm::SmallSetVector<mlir::Value, 4>;

/// Conditions under which `value` exists: those of `where` in its expression,
/// not looking into reductions.
static void collectAbove(mlir::Value value, Conditions &conditions) {
  mlir::Operation *op = value.getDefiningOp();
  if (auto where = mlir::dyn_cast_or_null<WhereOp>(op)) {
    conditions.insert(where.getCondition());
    collectAbove(where.getValue(), conditions);
  } else if (auto map = mlir::dyn_cast_or_null<MapOp>(op)) {
    for (mlir::Value operand : map.getOperands())
      collectAbove(operand, conditions);
  }
}

/// Conditions under which anybody wants `value`: those of `where` that all its
/// uses pass through.
static void collectBelow(mlir::Value value, Conditions &conditions) {
  while (value.hasOneUse()) {
    mlir::Operation *user = *value.user_begin();
    if (auto where = mlir::dyn_cast<WhereOp>(user)) {
      if (where.getValue() == value)
        conditions.insert(where.getCondition());
      return;
    }
    if (!mlir::isa<MapOp>(user))
      return;
    value = user->getResult(0);
  }
}

/// The share of coordinates at which all conditions hold.
static double share(const Conditions &conditions,
                    const KernelArguments &arguments) {
  if (conditions.empty())
    return 1;
  llvm::SmallSetVector<StringRef, 4> ranks;
  for (mlir::Value condition : conditions)
    for (StringRef rank : fieldType(condition).getRankNames())
      ranks.insert(rank);
  double size = 1;
  for (StringRef rank : ranks)
    size *= arguments.extent(rank);
  if (size == 0)
    return 0;
  PointEvaluator evaluator(arguments);
  auto holds = [&] {
    return llvm::all_of(conditions, [&](mlir::Value condition) {
      Number number = evaluator.evaluate(condition);
      return number.present && number.value != 0;
    });
  };
  bool exact = size <= (1 << 22);
  int64_t points = exact ? static_cast<int64_t>(size) : 1 << 20;
  std::mt19937_64 random(5);
  int64_t held = 0;
  for (int64_t i = 0; i < points && evaluator.known; ++i) {
    int64_t rest = i;
    for (StringRef rank : ranks) {
      int64_t extent = arguments.extent(rank);
      evaluator.point[rank] = exact ? rest % extent : random() % extent;
      rest /= extent;
    }
    held += holds();
  }
  return evaluator.known ? static_cast<double>(held) / points : 1;
}

double einfall::driver::countContractions(KernelOp kernel,
                                          const KernelArguments &arguments) {
  double total = 0;
  for (auto reduce : kernel.getBody().getOps<ReduceOp>()) {
    auto product = reduce.getValue().getDefiningOp<MapOp>();
    if (reduce.getMonoid() != Monoid::Sum || !product ||
        product.getFunction() != Function::Mul)
      continue;
    double terms = 1;
    for (StringRef rank : fieldType(reduce.getValue()).getRankNames())
      terms *= arguments.extent(rank);
    Conditions conditions;
    collectAbove(reduce.getValue(), conditions);
    collectBelow(reduce.getResult(), conditions);
    total += 2 * terms * share(conditions, arguments);
  }
  return total;
}
