//===- ConditionOf.cpp - Preconditions that a launch checks ---------------===//

#include "codegen/package/ConditionOf.h"

#include "dialect/Cascade/Cascade.h"

#include <bit>

using namespace einfall;
using namespace einfall::cascade;
using namespace einfall::runtime;

namespace {

class ConditionMaker {
public:
  explicit ConditionMaker(const KernelPlan &plan) : plan(plan) {}

  /// The steps, or none where the condition speaks of something else.
  std::vector<ConditionStep> make(mlir::Value condition) {
    steps.clear();
    if (!add(condition) || steps.size() > maxSteps ||
        !isSound(steps, plan.ranks.size(), plan.params.size()))
      return {};
    return std::move(steps);
  }

private:
  static ValueType typeOf(mlir::Value value) {
    switch (llvm::cast<FieldType>(value.getType()).getKind()) {
    case Kind::Real:
      return ValueType::Real;
    case Kind::Int:
      return ValueType::Int;
    default:
      return ValueType::Bool;
    }
  }

  bool push(ConditionStep::Kind kind, ValueType type, int64_t value = 0) {
    steps.push_back({kind, type, value});
    return steps.size() <= maxSteps; // shared values are written out
  }

  bool add(mlir::Value value) {
    mlir::Operation *op = value.getDefiningOp();
    if (auto constant = llvm::dyn_cast_or_null<ConstOp>(op))
      return addConstant(constant);
    if (auto extent = llvm::dyn_cast_or_null<ExtentOp>(op))
      return addNamed(ConditionStep::Extent, plan.ranks, extent.getRank(),
                      ValueType::Int);
    if (auto param = llvm::dyn_cast_or_null<ParamOp>(op)) {
      mlir::Value fallback = param.getFallback();
      return (!fallback || add(fallback)) &&
             addNamed(fallback ? ConditionStep::ParamOr : ConditionStep::Param,
                      plan.params, param.getName(), typeOf(value));
    }
    auto map = llvm::dyn_cast_or_null<MapOp>(op);
    return map && addMap(map);
  }

  bool addConstant(ConstOp constant) {
    ValueType type = typeOf(constant.getResult());
    if (auto real = mlir::dyn_cast<mlir::FloatAttr>(constant.getValue()))
      return push(ConditionStep::Constant, type,
                  std::bit_cast<int64_t>(real.getValueAsDouble()));
    auto number = mlir::dyn_cast<mlir::IntegerAttr>(constant.getValue());
    return number &&
           push(ConditionStep::Constant, type,
                type == ValueType::Bool ? number.getValue().getBoolValue()
                                        : number.getInt());
  }

  template <typename Item>
  bool addNamed(ConditionStep::Kind kind, const std::vector<Item> &items,
                llvm::StringRef name, ValueType type) {
    for (const auto &[i, item] : llvm::enumerate(items))
      if (item.name == name)
        return push(kind, type, static_cast<int64_t>(i));
    return false;
  }

  bool addMap(MapOp map) {
    static const std::pair<Function, ConditionStep::Kind> known[] = {
        {Function::Neg, ConditionStep::Negate},
        {Function::Abs, ConditionStep::Abs},
        {Function::Sqrt, ConditionStep::Sqrt},
        {Function::Not, ConditionStep::Not},
        {Function::ToReal, ConditionStep::ToReal},
        {Function::Add, ConditionStep::Add},
        {Function::Sub, ConditionStep::Sub},
        {Function::Mul, ConditionStep::Mul},
        {Function::Div, ConditionStep::Div},
        {Function::FloorDiv, ConditionStep::FloorDiv},
        {Function::Mod, ConditionStep::Mod},
        {Function::Max, ConditionStep::Max},
        {Function::Min, ConditionStep::Min},
        {Function::And, ConditionStep::And},
        {Function::Or, ConditionStep::Or},
        {Function::Eq, ConditionStep::Eq},
        {Function::Ne, ConditionStep::Ne},
        {Function::Lt, ConditionStep::Lt},
        {Function::Le, ConditionStep::Le},
        {Function::Gt, ConditionStep::Gt},
        {Function::Ge, ConditionStep::Ge}};
    const auto *found = llvm::find_if(known, [&](const auto &entry) {
      return entry.first == map.getFunction();
    });
    if (found == std::end(known))
      return false;
    for (mlir::Value operand : map.getOperands())
      if (!add(operand))
        return false;
    return push(found->second, typeOf(map.getOperands()[0]));
  }

  const KernelPlan &plan;
  std::vector<ConditionStep> steps;
};

} // namespace

std::vector<Precondition>
einfall::package::preconditionsOf(KernelOp kernel, const KernelPlan &plan) {
  std::vector<Precondition> made;
  auto texts = kernel->getAttrOfType<mlir::ArrayAttr>("cascade.require");
  if (!texts)
    return made;
  for (auto text : texts.getAsRange<mlir::StringAttr>())
    made.push_back({text.str(), {}});
  auto conditions = llvm::to_vector(kernel.getBody().getOps<RequireOp>());
  if (conditions.size() != made.size())
    return made; // texts of another kernel: shown, not checked
  ConditionMaker maker(plan);
  for (auto [precondition, op] : llvm::zip_equal(made, conditions))
    precondition.steps = maker.make(op.getCondition());
  return made;
}
