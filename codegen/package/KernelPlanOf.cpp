//===- KernelPlanOf.cpp - The launch plan of a kernel ---------------------===//

#include "codegen/package/KernelPlanOf.h"

#include "codegen/package/ConditionOf.h"
#include "dialect/Cascade/KernelInterface.h"

using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::runtime;

/// Nothing where elements are no whole number of bytes.
static std::optional<EinfallDataType> typeOf(mlir::Type type) {
  auto make = [&](int code) {
    return EinfallDataType{static_cast<uint8_t>(code),
                           static_cast<uint8_t>(type.getIntOrFloatBitWidth()),
                           1};
  };
  if (llvm::isa<mlir::Float8E4M3FNType>(type))
    return make(EINFALL_FLOAT8_E4M3FN);
  if (llvm::isa<mlir::Float8E5M2Type>(type))
    return make(EINFALL_FLOAT8_E5M2);
  if (type.isBF16())
    return make(EINFALL_BFLOAT);
  if (llvm::isa<mlir::FloatType>(type))
    return make(EINFALL_FLOAT);
  if (type.isInteger(1))
    return EinfallDataType{EINFALL_BOOL, 8, 1};
  if (!llvm::isa<mlir::IntegerType>(type) ||
      type.getIntOrFloatBitWidth() % 8 != 0)
    return std::nullopt;
  return make(type.isUnsignedInteger() ? EINFALL_UINT : EINFALL_INT);
}

static bool append(mlir::Value value, const KernelInterface &interface,
                   Expression &steps);

/// The same of floor(a / b) and ceil(a / b), a and b integers as reals.
static bool appendQuotient(mlir::Value value, const KernelInterface &interface,
                           Expression &steps) {
  auto whole = value.getDefiningOp<MapOp>();
  if (!whole || (whole.getFunction() != Function::Ceil &&
                 whole.getFunction() != Function::Floor))
    return false;
  bool isCeil = whole.getFunction() == Function::Ceil;
  auto quotient = whole.getOperands()[0].getDefiningOp<MapOp>();
  if (!quotient || quotient.getFunction() != Function::Div)
    return false;
  for (auto [i, operand] : llvm::enumerate(quotient.getOperands())) {
    auto real = operand.getDefiningOp<MapOp>();
    if (!real || real.getFunction() != Function::ToReal ||
        !append(real.getOperands()[0], interface, steps))
      return false;
    if (isCeil && i == 0) // ceil(a / b) = -floor(-a / b)
      steps.push_back({Step::Negate, 0});
  }
  steps.push_back({Step::FloorDiv, 0});
  if (isCeil)
    steps.push_back({Step::Negate, 0});
  return steps.size() <= maxSteps;
}

/// Appends the steps of an integer value; false where it has none.
static bool append(mlir::Value value, const KernelInterface &interface,
                   Expression &steps) {
  mlir::Operation *op = value.getDefiningOp();
  if (auto constant = mlir::dyn_cast_or_null<ConstOp>(op)) {
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue());
    if (number)
      steps.push_back({Step::Constant, number.getInt()});
    return static_cast<bool>(number);
  }
  if (auto extent = mlir::dyn_cast_or_null<ExtentOp>(op)) {
    steps.push_back({Step::Extent, interface.rankNumber(extent.getRank())});
    return true;
  }
  auto map = mlir::dyn_cast_or_null<MapOp>(op);
  if (!map)
    return false;
  if (map.getFunction() == Function::ToInt)
    return appendQuotient(map.getOperands()[0], interface, steps);
  for (mlir::Value operand : map.getOperands())
    if (!append(operand, interface, steps))
      return false;
  auto done = [&](Step::Kind kind) {
    steps.push_back({kind, 0});
    return steps.size() <= maxSteps;
  };
  switch (map.getFunction()) {
  case Function::Add:
    return done(Step::Add);
  case Function::Sub:
    return done(Step::Sub);
  case Function::Mul:
    return done(Step::Mul);
  case Function::FloorDiv:
    return done(Step::FloorDiv);
  case Function::Mod:
    return done(Step::Mod);
  case Function::Max:
    return done(Step::Max);
  case Function::Min:
    return done(Step::Min);
  case Function::Neg:
    return done(Step::Negate);
  default:
    return false;
  }
}

llvm::Expected<KernelPlan>
einfall::package::kernelPlanOf(KernelOp kernel,
                               const llvm::StringMap<int64_t> &fixed) {
  KernelInterface interface = KernelInterface::of(kernel);
  KernelPlan plan;
  plan.name = interface.name;
  size_t dims = 0;
  auto add = [&](const KernelInterface::Tensor &tensor, bool isOutput) {
    TensorPlan made{tensor.name, {}, {}, isOutput};
    for (const std::string &rank : tensor.dims)
      made.dims.push_back(interface.rankNumber(rank));
    dims += made.dims.size();
    std::optional<EinfallDataType> type = typeOf(tensor.element);
    if (type)
      made.type = *type;
    plan.tensors.push_back(std::move(made));
    return type.has_value() && tensor.dims.size() <= maxDimensions;
  };
  for (const auto *tensors : {&interface.inputs, &interface.outputs})
    for (const KernelInterface::Tensor &tensor : *tensors)
      if (!add(tensor, tensors == &interface.outputs))
        return llvm::createStringError("tensor `" + tensor.name +
                                       "` cannot be an argument of a package");
  for (const KernelInterface::Param &param : interface.params) {
    std::optional<EinfallDataType> type = typeOf(param.storage);
    if (!type)
      return llvm::createStringError("parameter `" + param.name +
                                     "` cannot be an argument of a package");
    plan.params.push_back({param.name, *type, param.hasDefault});
  }
  for (const std::string &rank : interface.ranks)
    plan.ranks.push_back({rank, {}});
  for (auto op : kernel.getBody().getOps<RankOp>()) {
    if (!op.getExtent())
      continue;
    RankPlan &rank = plan.ranks[interface.rankNumber(op.getName())];
    if (!append(op.getExtent(), interface, rank.extent))
      return llvm::createStringError(
          "the extent of rank `" + rank.name +
          "` is no integer expression of other extents, a package needs one");
  }
  for (uint32_t rank = 0; rank < plan.ranks.size(); ++rank) {
    bool isShaped = llvm::any_of(plan.tensors, [&](const TensorPlan &tensor) {
      return llvm::is_contained(tensor.dims, rank);
    });
    RankPlan &made = plan.ranks[rank];
    if (isShaped || !made.extent.empty())
      continue;
    auto found = fixed.find(made.name);
    if (found == fixed.end())
      return llvm::createStringError("no tensor binds the extent of rank `" +
                                     made.name + "`; write -D " + made.name +
                                     "=N");
    made.extent.push_back({Step::Constant, found->second});
  }
  plan.preconditions = preconditionsOf(kernel, plan);
  if (plan.tensors.size() > maxTensors || plan.ranks.size() > maxRanks ||
      plan.params.size() > maxParams || dims > maxStrides)
    return llvm::createStringError(
        "kernel `" + plan.name + "` has " +
        std::to_string(plan.tensors.size()) + " tensors of " +
        std::to_string(dims) + " dimensions, " +
        std::to_string(plan.ranks.size()) + " ranks and " +
        std::to_string(plan.params.size()) + " parameters; a package takes " +
        std::to_string(maxTensors) + ", " + std::to_string(maxStrides) + ", " +
        std::to_string(maxRanks) + " and " + std::to_string(maxParams));
  return plan;
}

std::vector<FixedExtent>
einfall::package::fixedExtents(const KernelPlan &plan,
                               const llvm::StringMap<int64_t> &fixed) {
  std::vector<FixedExtent> result;
  for (auto [number, rank] : llvm::enumerate(plan.ranks))
    if (auto found = fixed.find(rank.name); found != fixed.end())
      result.push_back({static_cast<uint32_t>(number), found->second});
  return result;
}
