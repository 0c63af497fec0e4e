//===- BlockPlan.cpp - How a kernel of folds is tiled for a GPU -----------===//

#include "passes/Schedule/BlockPlan.h"

#include "dialect/Cascade/Inside.h"
#include "passes/Schedule/TileSpace.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

/// The 16-bit type of an operand that is one read, which matrix units can take
/// as it is.
static std::optional<device::Pair> pairOf(ArrayRef<Factor> factors) {
  if (factors.size() != 1 || factors[0].inverted)
    return std::nullopt;
  auto read = factors[0].value.getDefiningOp<ReadOp>();
  if (!read)
    return std::nullopt;
  Type type = cast<InputOp>(read.getTensor().getDefiningOp())
                  .getResult()
                  .getType()
                  .getElement();
  if (type.isF16())
    return device::Pair::F16;
  if (type.isBF16())
    return device::Pair::BF16;
  return std::nullopt;
}

/// Whether 16 bytes of the operand are 16 bytes of memory: one read at the
/// coordinate of the inner rank itself, of the type that shared memory has.
static bool isDirect(const SharedOperand &operand) {
  if (operand.factors.size() != 1 || operand.factors[0].inverted ||
      operand.extent * operand.elementBytes() % 16)
    return false;
  auto read = operand.factors[0].value.getDefiningOp<ReadOp>();
  if (!read)
    return false;
  auto input = cast<InputOp>(read.getTensor().getDefiningOp());
  if (!operand.pair && !input.getResult().getType().getElement().isF32())
    return false;
  unsigned plain = 0;
  for (auto [dim, index] : llvm::enumerate(read.getIndices())) {
    auto coord = index.getDefiningOp<CoordOp>();
    if (coord && coord.getRank() == operand.inner)
      ++plain;
    else if (fieldType(index).hasRank(operand.inner))
      return false;
    if (!isInside(read, dim))
      return false;
  }
  return plain == 1;
}

/// Whether the field is one number for the whole kernel, and surely there.
static bool isNumber(Value field) {
  Operation *op = field.getDefiningOp();
  return op && (isa<ConstOp, ParamOp, ExtentOp>(op) ||
                (isa<MapOp>(op) && llvm::all_of(op->getOperands(), isNumber)));
}

/// The one greatest-value reference of `fold` that `score` serves, and that it
/// serves with nothing but distances whose exponentials are taken.
static std::optional<unsigned> soleReference(FoldOp fold, Value score) {
  std::optional<unsigned> reference;
  auto isExponent = [](MapOp map) {
    return llvm::all_of(map.getResult().getUsers(), [](Operation *next) {
      auto exp = dyn_cast<MapOp>(next);
      return exp && exp.getFunction() == Function::Exp;
    });
  };
  auto isDistance = [&](Operation *user, Value from, Value to) {
    auto map = dyn_cast<MapOp>(user);
    return map && map.getFunction() == Function::Sub &&
           map.getOperands()[0] == from && map.getOperands()[1] == to &&
           isExponent(map);
  };
  SmallVector<std::pair<Operation *, Value>> distances; ///< of the score
  std::function<bool(Value)> visit = [&](Value value) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (auto where = dyn_cast<WhereOp>(user);
          where && use.getOperandNumber() == 0) {
        if (!visit(where.getResult()))
          return false;
      } else if (isa<YieldOp>(user) && user->getParentOp() == fold &&
                 use.getOperandNumber() < fold.getReferences() &&
                 fold.getMonoid(use.getOperandNumber()) == Monoid::Max &&
                 !reference) {
        reference = use.getOperandNumber();
      } else {
        distances.push_back({user, value});
      }
    }
    return true;
  };
  if (!visit(score) || !reference)
    return std::nullopt;
  // Whoever else uses the reference wants it as it is written.
  BlockArgument inForce = fold.getStep().getArgument(*reference);
  size_t uses = std::distance(inForce.use_begin(), inForce.use_end());
  if (uses != distances.size() || !llvm::all_of(distances, [&](auto use) {
        return isDistance(use.first, use.second, inForce);
      }))
    return std::nullopt;
  if (!fold.getAct().empty()) {
    BlockArgument before = fold.getAct().getArgument(*reference);
    BlockArgument after =
        fold.getAct().getArgument(fold.getReferences() + *reference);
    for (BlockArgument argument : {before, after})
      for (Operation *user : argument.getUsers())
        if (!isDistance(user, before, after))
          return std::nullopt;
  }
  return reference;
}

static BlockFold planFold(const FoldPlan &plan, StringRef row) {
  BlockFold fold;
  fold.plan = &plan;
  for (auto &[value, contraction] : plan.contractions) {
    BlockContraction block;
    block.result = value;
    block.rest = contraction.rest;
    block.conditions = contraction.conditions;
    // What has not the contracted rank scales the result: 16-bit operands stay
    // as they are in memory.
    auto operand = [&](ArrayRef<Factor> factors, StringRef outer) {
      SharedOperand result;
      for (Factor factor : factors)
        (fieldType(factor.value).hasRank(contraction.rank) ? result.factors
                                                           : block.rest)
            .push_back(factor);
      result.outer = outer;
      result.inner = contraction.rank;
      result.extent = contraction.extent;
      return result;
    };
    block.rows = operand(contraction.rows, row);
    block.keys = operand(contraction.keys, plan.stream);
    std::optional<device::Pair> pair = pairOf(block.rows.factors);
    if (pair && pair == pairOf(block.keys.factors))
      block.rows.pair = block.keys.pair = pair;
    if (!block.rest.empty() && block.conditions.empty() &&
        llvm::all_of(block.rest,
                     [](Factor factor) { return isNumber(factor.value); }))
      block.unscaledReference = soleReference(plan.fold, value);
    fold.contractions.push_back(std::move(block));
  }
  for (const Component &component : plan.components) {
    if (!component.isMatrix)
      continue;
    BlockMatrix matrix{&component, {}, 0};
    matrix.panel.factors = component.panel;
    matrix.panel.outer = plan.stream;
    matrix.panel.inner = component.feature;
    matrix.panel.extent = component.extent;
    matrix.panel.pair = pairOf(component.panel);
    auto known = llvm::find_if(fold.weights, [&](const BlockWeights &weights) {
      return weights.factors == component.weight &&
             weights.conditions == component.conditions;
    });
    matrix.weights = known - fold.weights.begin();
    if (known == fold.weights.end())
      fold.weights.push_back({component.weight, component.conditions, {}});
    if (!matrix.panel.pair)
      fold.weights[matrix.weights].offset = 0;
    fold.matrices.push_back(std::move(matrix));
  }
  return fold;
}

SmallVector<SharedOperand *> BlockPlan::operands() {
  SmallVector<SharedOperand *> all;
  for (BlockFold &fold : folds) {
    for (BlockContraction &contraction : fold.contractions)
      all.append({&contraction.rows, &contraction.keys});
    for (BlockMatrix &matrix : fold.matrices)
      all.push_back(&matrix.panel);
  }
  return all;
}

unsigned BlockPlan::columnsOf(StringRef feature) const {
  int64_t elements = (features.at(feature) + 7) / 8 * 8;
  for (const BlockFold &fold : folds)
    for (const BlockMatrix &matrix : fold.matrices)
      if (matrix.component->feature == feature)
        elements = std::max(elements, matrix.panel.padded());
  return elements / 4;
}

std::optional<unsigned> BlockPlan::mapOf(OutputOp output) const {
  for (auto [known, map] : boxOutputs)
    if (known == output)
      return map;
  return std::nullopt;
}

DeviceMachine DeviceMachine::of(const Machine &machine) {
  DeviceMachine device;
  device.target = machine.architecture;
  device.sharedBytes = machine.block.sharedBytes;
  device.hasWarpgroups = machine.hasBulkCopies && machine.hasWarpgroupMma;
  device.sms = machine.units;
  device.sharedPerSm = machine.perUnit.sharedBytes;
  device.sharedReserved = machine.perUnit.sharedReservedBytes;
  device.registersPerThread = machine.block.registersPerThread;
  device.description = machine;
  return device;
}

/// A lane has the columns of accumulators that outputs need in it, and no
/// others. Whether some are wanted elsewhere: in a fold, in a reduction, or in
/// an output along another rank.
static bool usesColumnsElsewhere(KernelOp kernel, const TilePlan &plan) {
  llvm::DenseMap<Value, StringRef> columns;
  for (const FoldPlan &fold : plan.folds)
    for (const Component &component : fold.components)
      if (component.isMatrix)
        columns[FoldOp(fold.fold).getResult(component.number)] =
            component.feature;
  llvm::DenseSet<std::pair<Value, StringRef>> seen;
  // `own`: the rank whose columns a lane has there, empty where it has none.
  std::function<bool(Value, StringRef)> needs = [&](Value value,
                                                    StringRef own) {
    if (!seen.insert({value, own}).second)
      return false;
    if (auto it = columns.find(value); it != columns.end())
      return it->second != own;
    Operation *op = value.getDefiningOp();
    if (!op || isa<FoldOp>(op))
      return false;
    StringRef inside = isa<ReduceOp>(op) ? StringRef() : own;
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return isa<FieldType>(operand.getType()) && needs(operand, inside);
    });
  };
  WalkResult walk = kernel.getBody().walk([&](Operation *op) {
    StringRef own;
    if (auto output = dyn_cast<OutputOp>(op)) {
      for (StringRef rank : names(output.getDims()))
        if (rank != plan.row && !llvm::is_contained(plan.items, rank))
          own = rank;
    } else if (!isa<YieldOp>(op)) {
      return WalkResult::advance();
    }
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()) && needs(operand, own))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return walk.wasInterrupted();
}

std::optional<BlockPlan>
einfall::planBlocks(KernelOp kernel, const DeviceMachine &machine,
                    const llvm::StringMap<int64_t> &extents, BlockForm form,
                    std::string &reason) {
  BlockPlan plan;
  Staging staging = plan.staging = form.staging;
  std::optional<TilePlan> tiles =
      planTiles(kernel, CpuMachine{}, extents, reason, /*obeysSchedule=*/false);
  if (!tiles)
    return std::nullopt;
  plan.tiles = std::move(*tiles);
  plan.fixed = form.tile;
  if (!plan.fixed && form.obeysSchedule &&
      !scheduledTile(kernel, plan.tiles, plan.fixed, reason))
    return std::nullopt;
  for (auto output : kernel.getBody().getOps<OutputOp>())
    for (StringRef rank : names(output.getDims())) {
      if (rank == plan.tiles.row || llvm::is_contained(plan.tiles.items, rank))
        continue;
      auto known = extents.find(rank);
      if (known == extents.end()) {
        reason = ("the extent of " + rank +
                  " is not known when the kernel is compiled")
                     .str();
        return std::nullopt;
      }
      plan.features[known->first()] = known->second;
    }
  if (usesColumnsElsewhere(kernel, plan.tiles)) {
    reason = "an accumulator is used at other columns than an output's";
    return std::nullopt;
  }
  for (const FoldPlan &fold : plan.tiles.folds)
    plan.folds.push_back(planFold(fold, plan.tiles.row));
  plan.tf32 = machine.tf32;
  if (plan.tf32) // weights stay in registers
    for (BlockFold &fold : plan.folds)
      for (BlockWeights &weights : fold.weights)
        weights.offset.reset();
  plan.onMatrixUnits = true;
  for (const BlockFold &fold : plan.folds) {
    for (const BlockContraction &contraction : fold.contractions)
      plan.onMatrixUnits &= contraction.rows.pair.has_value();
    for (const BlockMatrix &matrix : fold.matrices)
      plan.onMatrixUnits &= matrix.panel.pair.has_value();
  }
  plan.tf32 &= !plan.onMatrixUnits; // nothing is left to round
  if (staging != Staging::Elements) {
    bool any = false, all = true;
    for (SharedOperand *operand : plan.operands()) {
      operand->direct = isDirect(*operand);
      any |= operand->direct;
      all &= operand->direct;
    }
    if (!(staging == Staging::Boxes ? all : any)) {
      reason = "operands are no plain reads";
      return std::nullopt;
    }
  }
  if (form.splits || form.packs) {
    if (!shapeForSharing(plan, machine.description, reason) ||
        !planSharing(plan, machine, extents, form, reason))
      return std::nullopt;
    return plan;
  }
  if (staging == Staging::Boxes && !planBoxes(plan, machine, reason))
    return std::nullopt;
  auto known = extents.find(plan.tiles.row);
  if (known != extents.end())
    plan.rowCount = known->second;
  if (!chooseShape(plan, machine.description, reason))
    return std::nullopt;
  if (staging == Staging::Boxes)
    planBoxOutputs(plan, kernel);
  return plan;
}
