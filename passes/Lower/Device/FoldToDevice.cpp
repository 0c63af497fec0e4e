//===- FoldToDevice.cpp - The launch, the rows and the outputs ------------===//

#include "passes/Lower/Device/FoldToDevice.h"

#include "passes/Lower/Device/BlockEmitter.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;
using Predicate = arith::CmpIPredicate;

/// Of the name of a version.
static std::string suffixOf(const BlockPlan &plan) {
  std::string suffix = plan.splits ? "_split" : plan.packed ? "_packed" : "";
  switch (plan.staging) {
  case Staging::Elements:
    return suffix;
  case Staging::Chunks:
    return suffix + "_aligned";
  case Staging::Boxes:
    return suffix + "_boxes";
  }
  llvm_unreachable("a staging");
}

device::KernelOp einfall::lowerFoldToDevice(KernelOp kernel,
                                            const BlockPlan &plan,
                                            const DeviceMachine &machine) {
  device::KernelOp first = BlockEmitter(kernel, plan, machine).run();
  if (!plan.splits)
    return first;
  device::KernelOp second =
      BlockEmitter(kernel, plan, machine, /*merges=*/true).run();
  first.setThen(second.getSymName());
  return first;
}

//===----------------------------------------------------------------------===//
// Small things
//===----------------------------------------------------------------------===//

Value BlockEmitter::integer(int64_t value) {
  return arith::ConstantIntOp::create(b, loc(), value, 32);
}
Value BlockEmitter::narrow(Value value) {
  return arith::TruncIOp::create(b, loc(), b.getI32Type(), value);
}
Value BlockEmitter::wide(Value value) {
  return arith::ExtUIOp::create(b, loc(), b.getI64Type(), value);
}
Value BlockEmitter::addI(Value x, Value y) {
  return b.createOrFold<arith::AddIOp>(loc(), x, y);
}
Value BlockEmitter::mulI(Value x, int64_t y) {
  return b.createOrFold<arith::MulIOp>(loc(), x, integer(y));
}
Value BlockEmitter::shuffleXor(Value value, int64_t mask) {
  return device::ShuffleOp::create(b, loc(), value.getType(),
                                   device::Shuffle::Xor, value, integer(mask));
}

Value BlockEmitter::element(Value base, Value index, Type type) {
  int64_t bytes = (type.getIntOrFloatBitWidth() + 7) / 8;
  return add(base, mul(index, bytes));
}

Value BlockEmitter::loadScalar(Value address, Type type) {
  if (type.isInteger(1))
    type = b.getI8Type();
  return device::LoadOp::create(b, loc(), type, device::Space::Global, address,
                                constant(0), /*readonly=*/true);
}

void BlockEmitter::keep(const Memo &from, Memo &to,
                        ArrayRef<StringRef> without) {
  for (auto &[field, lanes] : from)
    if (llvm::none_of(without, [&](StringRef rank) {
          return fieldType(field).hasRank(rank);
        }))
      to.try_emplace(field, lanes);
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

device::KernelOp BlockEmitter::run() {
  b.setInsertionPoint(kernel);
  SmallVector<std::string> parameters;
  SmallVector<Type> types;
  auto add = [&](const Twine &name, Type type) {
    parameters.push_back(name.str());
    types.push_back(type);
  };
  Type i64 = b.getI64Type(), i32 = b.getI32Type(), f32 = b.getF32Type();
  SmallVector<const KernelInterface::Tensor *> tensors;
  for (auto &tensor : interface.inputs)
    tensors.push_back(&tensor);
  for (auto &tensor : interface.outputs)
    tensors.push_back(&tensor);
  for (auto *tensor : tensors)
    add(tensor->name, i64);
  for (auto *tensor : tensors)
    for (auto [dim, rank] : llvm::enumerate(tensor->dims))
      add("stride " + tensor->name + "." + Twine(dim), i64);
  for (const std::string &rank : interface.ranks)
    add("|" + rank + "|", i64);
  for (auto param : kernel.getBody().getOps<ParamOp>()) {
    bool isReal = param.getResult().getType().getKind() == Kind::Real;
    add(param.getName(), isReal ? f32 : i64);
    add("has " + param.getName(), i32);
  }
  if (plan.splits)
    add("workspace", i64);
  SmallVector<StringRef> names(parameters.begin(), parameters.end());
  auto op = device::KernelOp::create(
      b, loc(),
      (kernel.getSymName() + "_" + machine.target + suffixOf(plan) +
       (merges ? "_merge" : ""))
          .str(),
      machine.target, merges ? mergeWarps * 32 : plan.threads(),
      merges ? 0 : plan.shared, b.getStrArrayAttr(names));
  for (Region *region : {&op.getGrid(), &op.getBody()}) {
    if (region == &op.getBody() && plan.staging == Staging::Boxes)
      types.append(plan.mapCount(), device::TensorMapType::get(b.getContext()));
    SmallVector<Location> locations(types.size(), loc());
    Block *block = b.createBlock(region, {}, types, locations);
    b.setInsertionPointToStart(block);
    bindArguments(*block);
    if (region == &op.getGrid())
      emitGrid();
    else
      emitBody();
  }
  // What the emulated device computes is what the machine computes: nothing may
  // be contracted.
  auto none =
      arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::none);
  op.walk([&](arith::ArithFastMathInterface each) {
    each->setAttr("fastmath", none);
  });
  return op;
}

void BlockEmitter::bindArguments(Block &block) {
  bool isGrid = block.getParent()->getRegionNumber() == 0;
  auto next = block.getArguments().begin();
  unsigned tensors = interface.inputs.size() + interface.outputs.size();
  data.clear();
  strides.clear();
  extents.clear();
  bindings.clear();
  for (unsigned i = 0; i < tensors; ++i)
    data.push_back(*next++);
  for (unsigned i = 0, e = interface.firstStride(tensors); i < e; ++i)
    strides.push_back(*next++);
  for (const std::string &rank : interface.ranks)
    extents[rank] = *next++;
  computeExtents();
  if (isGrid)
    return;
  Point none;
  for (auto param : kernel.getBody().getOps<ParamOp>()) {
    Value value = *next++, given = *next++;
    Kind kind = param.getResult().getType().getKind();
    if (kind == Kind::Bool)
      value = compare(Predicate::ne, value, constant(0));
    if (param.getFallback()) {
      Memo memo;
      Value has = compare(Predicate::ne, given, integer(0));
      value = select(has, value, eval(param.getFallback(), none, memo).value);
    }
    bindings[param.getResult()] = {Binding::Register, {{value, nullptr}}};
  }
  if (plan.splits)
    workspace = *next++;
  maps.assign(next, block.getArguments().end());
}

Value BlockEmitter::heads() {
  Value count = constant(1);
  for (StringRef rank : plan.tiles.items)
    count = mul(count, unitsAlong(rank));
  return count;
}

Value BlockEmitter::blocksOfRows() {
  return quotient(add(rowCount(), plan.rows() - 1), constant(plan.rows()));
}

void BlockEmitter::emitGrid() {
  Value one = constant(1);
  takeShares();
  if (merges) {
    Value blocks =
        quotient(add(rowsOfAllItems(), mergeWarps - 1), constant(mergeWarps));
    device::LaunchOp::create(b, loc(), blocks, one, one, /*when=*/Value(),
                             workspaceBytes(), ValueRange());
    return;
  }
  Value blocks = mul(heads(), blocksOfRows());
  if (plan.splits)
    blocks = mul(blocks, parts);
  Value when =
      plan.staging == Staging::Elements ? Value() : alignedEverywhere();
  when = both(when, sharesFit());
  Values described;
  if (plan.staging == Staging::Boxes)
    described = describeBoxes();
  device::LaunchOp::create(b, loc(), blocks, one, one, when, workspaceBytes(),
                           described);
}

Point BlockEmitter::rowPoint(unsigned fragment, unsigned half) {
  if (!rowPoints.empty())
    return rowPoints[fragment * 2 + half];
  Point point = item;
  point.part = fragment * 2 + half;
  Value row = addI(mulI(warp, int64_t(plan.fragments) * 16),
                   arith::ShRUIOp::create(b, loc(), lane, integer(2)));
  row = addI(row, integer(int64_t(fragment) * 16 + half * 8));
  Value at = add(firstRow, wide(row));
  point.at[plan.tiles.row] = at;
  point.readAt[plan.tiles.row] =
      minimum(at, sub(extent(plan.tiles.row), constant(1)));
  return point;
}

/// Of coordinates, extents and numbers, by a few instructions.
static bool isCheapIndex(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || fieldType(value).getKind() == Kind::Real)
    return false;
  if (isa<ConstOp, CoordOp, ExtentOp, ParamOp>(op))
    return true;
  auto map = dyn_cast<MapOp>(op);
  return map &&
         !llvm::is_contained(
             {Function::Div, Function::FloorDiv, Function::Mod, Function::Pow},
             map.getFunction()) &&
         llvm::all_of(map.getOperands(), isCheapIndex);
}

void BlockEmitter::forgetLane() {
  lane =
      device::ShuffleOp::create(b, loc(), device::Shuffle::Index, lane, lane);
}

void BlockEmitter::hoist(Value root, ArrayRef<StringRef> ranks) {
  llvm::SmallPtrSet<void *, 16> seen;
  std::function<bool(Value)> depends = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return true; // an argument of a region: known later
    if (isa<FoldOp>(op))
      return !rowMemos[0].count(value);
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      return isa<FieldType>(operand.getType()) && depends(operand);
    });
  };
  std::function<void(Value)> walk = [&](Value value) {
    if (!seen.insert(value.getAsOpaquePointer()).second)
      return;
    Operation *op = value.getDefiningOp();
    FieldType type = fieldType(value);
    bool inner =
        llvm::any_of(ranks, [&](StringRef rank) { return type.hasRank(rank); });
    if (!inner && !depends(value)) {
      if (isa<ConstOp, CoordOp, ExtentOp, ParamOp>(op) || bindings.count(value))
        return;
      if (isCheapIndex(value))
        return; // evaluated where it is used: it need not wait in registers
      for (unsigned r = 0; r < rowsOfThread(); ++r)
        eval(value, rowPoint(r / 2, r % 2), rowMemos[r]);
      return;
    }
    if (!op || isa<FoldOp, ReduceOp>(op))
      return;
    // A division by what is the same along `ranks` becomes a product.
    if (auto map = dyn_cast<MapOp>(op);
        map && map.getFunction() == Function::Div) {
      Value divisor = map.getOperands()[1];
      FieldType type = fieldType(divisor);
      if (llvm::none_of(ranks, [&](StringRef r) { return type.hasRank(r); }) &&
          !depends(divisor)) {
        Binding &binding = reciprocals[value];
        binding = {Binding::Rows, {}};
        for (unsigned r = 0; r < rowsOfThread(); ++r) {
          Lanes x = eval(divisor, rowPoint(r / 2, r % 2), rowMemos[r]);
          x.value = apply(Function::Div, {real(1), x.value});
          binding.parts.push_back(x);
        }
        return walk(map.getOperands()[0]);
      }
    }
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        walk(operand);
  };
  walk(root);
}

void BlockEmitter::emitBody() {
  thread = device::ThreadOp::create(b, loc());
  lane = arith::AndIOp::create(b, loc(), thread, integer(31));
  warp = device::UniformOp::create(
      b, loc(), arith::ShRUIOp::create(b, loc(), thread, integer(5)));
  // The last rows first: under a causal mask they have the most keys. A grid
  // has fewer than 2^31 blocks, so 32 bits are enough for what counts them.
  takeShares();
  item = Point();
  if (merges) {
    emitMerge();
    device::ReturnOp::create(b, loc());
    return;
  }
  Value block = device::BlockOp::create(b, loc(), device::Dimension::X);
  if (plan.splits) {
    Value all = narrow(parts);
    part = wide(arith::RemUIOp::create(b, loc(), block, all));
    block = arith::DivUIOp::create(b, loc(), block, all);
  }
  Value count = narrow(heads());
  blockOfRows =
      arith::SubIOp::create(b, loc(), narrow(sub(blocksOfRows(), constant(1))),
                            arith::DivUIOp::create(b, loc(), block, count));
  Value head = arith::RemUIOp::create(b, loc(), block, count);
  for (StringRef rank : llvm::reverse(plan.tiles.items)) {
    Value size = narrow(unitsAlong(rank));
    item.at[rank] = wide(arith::RemUIOp::create(b, loc(), head, size));
    if (plan.packed && plan.packed->rank == rank)
      item.at[rank] = mul(item.at[rank], group);
    head = arith::DivUIOp::create(b, loc(), head, size);
  }
  firstRow = mul(wide(blockOfRows), plan.rows());
  takePackedRows();
  if (plan.staging == Staging::Boxes)
    emitRoles();
  else
    emitRows();
  device::ReturnOp::create(b, loc());
}

void BlockEmitter::emitRows() {
  rowMemos.assign(rowsOfThread(), Memo());
  DenseMap<Value, Values> matrices;
  for (const BlockFold &fold : plan.folds) {
    FoldOp op = fold.plan->fold;
    SmallVector<StringRef> inner{fold.plan->stream};
    for (const BlockMatrix &matrix : fold.matrices)
      inner.push_back(matrix.component->feature);
    for (const BlockContraction &contraction : fold.contractions) {
      inner.push_back(contraction.rows.inner);
      for (Factor factor : contraction.rest)
        hoist(factor.value, inner);
      for (Value condition : contraction.conditions)
        hoist(condition, inner);
    }
    for (const Component &component : fold.plan->components) {
      if (!component.isMatrix)
        hoist(component.value, inner);
      for (Factor factor : component.weight)
        hoist(factor.value, inner);
      for (Value condition : component.conditions)
        hoist(condition, inner);
    }
    takeScales(fold);
    if (&fold != &plan.folds.front())
      barrier(); // another fold used the same shared memory
    State state =
        plan.staging == Staging::Boxes ? streamBoxes(fold) : stream(fold);
    // Every lane of a quad has summed its own columns.
    for (const Component &component : fold.plan->components)
      if (!component.isMatrix && !op.isReference(component.number))
        state[component.number] =
            quadReduce(state[component.number], Monoid::Sum);
    if (plan.splits) {
      leaveState(fold, state);
      continue;
    }
    for (const Component &component : fold.plan->components) {
      Value result = op.getResult(component.number);
      if (component.isMatrix) {
        matrices[result] = state[component.number];
        continue;
      }
      for (unsigned r = 0; r < rowsOfThread(); ++r) {
        Lanes known{state[component.number][r], nullptr};
        if (op.isReference(component.number)) {
          double infinity = std::numeric_limits<double>::infinity();
          known.present = arith::CmpFOp::create(
              b, loc(), arith::CmpFPredicate::UNE, known.value,
              real(component.monoid == Monoid::Min ? infinity : -infinity));
          known.value = scaled(component.number, known.value);
        }
        rowMemos[r][result] = known;
      }
    }
  }
  if (plan.splits)
    return;
  results = std::move(matrices);
  if (plan.staging == Staging::Boxes)
    reloadCoordinates();
  for (auto output : kernel.getBody().getOps<OutputOp>())
    emitOutput(output);
}
