//===- TileToVector.cpp - Items, groups of rows and outputs ---------------===//

#include "passes/Lower/TileToVector.h"

#include "passes/Lower/TileEmitter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

void einfall::lowerTilesToVector(KernelOp kernel, const TilePlan &plan,
                                 const CpuMachine &machine) {
  TileEmitter(kernel, plan, machine).run();
}

void TileEmitter::run() {
  emitKernel();
  emitSizes();
}

static func::FuncOp makeFunction(OpBuilder &b, KernelOp kernel,
                                 StringRef suffix, TypeRange inputs,
                                 TypeRange results) {
  b.setInsertionPoint(kernel);
  auto function = func::FuncOp::create(b, kernel.getLoc(),
                                       (kernel.getSymName() + suffix).str(),
                                       b.getFunctionType(inputs, results));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

Value TileEmitter::heads() {
  Value count = constant(1);
  for (StringRef rank : plan.items)
    count = mul(count, extent(rank));
  return count;
}

/// Items of at most `groups` groups, of which each thread has about four; the
/// rest of a head in halves, so that threads end together.
TileEmitter::Division TileEmitter::divide() {
  auto ceilDiv = [&](Value x, Value y) -> Value {
    return arith::CeilDivSIOp::create(b, loc(), x, y);
  };
  Value one = constant(1), two = constant(2);
  Division d;
  d.groups = ceilDiv(extent(plan.row), constant(rows()));
  Value workers =
      select(compare(arith::CmpIPredicate::sgt, threads, constant(0)), threads,
             constant(8));
  Value share =
      arith::DivUIOp::create(b, loc(), mul(d.groups, heads()), mul(workers, 4));
  d.size =
      maximum(one, minimum(minimum(share, constant(plan.groups)), d.groups));
  d.whole = arith::DivUIOp::create(b, loc(), d.groups, d.size);
  Value rest = sub(d.groups, mul(d.whole, d.size));
  d.first = ceilDiv(rest, two);
  d.second = ceilDiv(sub(rest, d.first), two);
  d.third = sub(sub(rest, d.first), d.second);
  d.items = d.whole;
  for (Value part : {d.first, d.second, d.third})
    d.items = add(d.items, minimum(part, one));
  return d;
}

void TileEmitter::emitSizes() {
  auto items = makeFunction(b, kernel, "_items", {pointer(), b.getI64Type()},
                            {b.getI64Type()});
  loadArguments(items.getArgument(0));
  // One phase.
  Value first =
      compare(arith::CmpIPredicate::eq, items.getArgument(1), constant(0));
  Value count = select(first, mul(heads(), divide().items), constant(-1));
  func::ReturnOp::create(b, loc(), count);
  for (auto [name, size] :
       {std::pair("_workspace", used), std::pair("_shared", int64_t(0))}) {
    makeFunction(b, kernel, name, {pointer()}, {b.getI64Type()});
    Value bytes = constant(size);
    func::ReturnOp::create(b, loc(), bytes);
  }
}

Value TileEmitter::scratch(int64_t floats) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(workspace.getParentBlock());
  Value address = element(workspace, constant(used), b.getI8Type());
  used += (floats * 4 + 63) / 64 * 64;
  return address;
}

void TileEmitter::emitKernel() {
  auto function = makeFunction(b, kernel, "",
                               {pointer(), b.getI64Type(), b.getI64Type(),
                                b.getI64Type(), pointer(), pointer()},
                               {});
  // Zeroing loops over scratch stay loops.
  function->setAttr("passthrough", b.getStrArrayAttr({"no-builtins"}));
  workspace = function.getArgument(4);
  loadArguments(function.getArgument(0));
  loop(function.getArgument(2), function.getArgument(3), 1,
       [&](Value item) { emitItem(item); });
  func::ReturnOp::create(b, loc());
}

Point TileEmitter::rowPoint(const Point &group, unsigned part) {
  Point point = group;
  point.lane = plan.row;
  point.base = add(group.base, int64_t(part) * plan.lanes);
  point.limit = extent(plan.row);
  point.part = part;
  return point;
}

void TileEmitter::emitItem(Value item) {
  // The last rows first: under a causal mask they have the most keys.
  Value count = heads();
  Value number = arith::DivUIOp::create(b, loc(), item, count);
  Value head = arith::RemUIOp::create(b, loc(), item, count);
  Point point;
  for (StringRef rank : llvm::reverse(plan.items)) {
    point.at[rank] = arith::RemUIOp::create(b, loc(), head, extent(rank));
    head = arith::DivUIOp::create(b, loc(), head, extent(rank));
  }
  Division d = divide();
  Value afterWhole = sub(number, d.whole);
  auto is = [&](int64_t part) {
    return compare(arith::CmpIPredicate::eq, afterWhole, constant(part));
  };
  Value isWhole = compare(arith::CmpIPredicate::slt, number, d.whole);
  Value groups =
      select(isWhole, d.size,
             select(is(0), d.first, select(is(1), d.second, d.third)));
  Value before = select(is(0), constant(0),
                        select(is(1), d.first, add(d.first, d.second)));
  Value later =
      select(isWhole, mul(number, d.size), add(mul(d.whole, d.size), before));
  point.base = mul(sub(sub(d.groups, later), groups), rows());

  auto saved = bindings;
  for (const FoldPlan &fold : plan.folds) {
    FoldBuffers buffers;
    buffers.plan = &fold;
    allocate(buffers);
    loop(constant(0), groups, 1, [&](Value number) {
      Point group = point;
      group.group = number;
      group.base = add(point.base, mul(number, rows()));
      initState(buffers, group);
      packRows(buffers, group);
    });
    markVisits(buffers, /*ofTiles=*/false);
    stream(buffers, point, groups);
    // From here on, the results are known.
    for (const Component &component : fold.components) {
      Binding binding;
      binding.kind = component.isMatrix ? Binding::Matrix : Binding::RowBuffer;
      binding.address = buffers.state[component.number];
      binding.feature = component.feature;
      binding.featureRows =
          (component.extent + plan.lanes - 1) / plan.lanes * plan.lanes;
      FoldOp op = fold.fold;
      if (op.isReference(component.number))
        binding.sentinel = component.monoid == Monoid::Min
                               ? std::numeric_limits<double>::infinity()
                               : -std::numeric_limits<double>::infinity();
      bindings[op.getResult(component.number)] = binding;
    }
  }
  loop(constant(0), groups, 1, [&](Value number) {
    Point group = point;
    group.group = number;
    group.base = add(point.base, mul(number, rows()));
    for (auto output : kernel.getBody().getOps<OutputOp>())
      emitOutput(output, group);
  });
  bindings = saved;
}

void TileEmitter::hoist(Value root, ArrayRef<StringRef> ranks,
                        ValueRange arguments, const Point &group) {
  llvm::SmallPtrSet<void *, 16> seen;
  std::function<void(Value)> walk = [&](Value value) {
    if (!seen.insert(value.getAsOpaquePointer()).second)
      return;
    auto bound = bindings.find(value);
    if (bound != bindings.end() && bound->second.kind == Binding::Rows)
      return;
    FieldType type = fieldType(value);
    bool inner =
        llvm::any_of(ranks, [&](StringRef rank) { return type.hasRank(rank); });
    Operation *op = value.getDefiningOp();
    if (!inner && !dependsOn(value, arguments)) {
      if (op && isa<ConstOp, CoordOp, ExtentOp>(op))
        return;
      Binding binding{Binding::Rows, {}};
      for (unsigned part = 0; part < plan.rowVectors; ++part) {
        Memo memo;
        binding.parts.push_back(eval(value, rowPoint(group, part), memo));
      }
      bindings[value] = binding;
      return;
    }
    if (!op || bound != bindings.end())
      return;
    // A division by what is the same for all features becomes a product.
    if (auto map = dyn_cast<MapOp>(op);
        map && map.getFunction() == Function::Div && inner) {
      Value divisor = map.getOperands()[1];
      if (llvm::none_of(ranks,
                        [&](StringRef rank) {
                          return fieldType(divisor).hasRank(rank);
                        }) &&
          !dependsOn(divisor, arguments)) {
        Binding binding{Binding::Rows, {}};
        for (unsigned part = 0; part < plan.rowVectors; ++part) {
          Memo memo;
          Lanes x = eval(divisor, rowPoint(group, part), memo);
          x.value = apply(Function::Div, {splat(1), x.value});
          binding.parts.push_back(x);
        }
        reciprocals[value] = binding;
        return walk(map.getOperands()[0]);
      }
    }
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        walk(operand);
  };
  walk(root);
}

void TileEmitter::emitOutput(OutputOp output, const Point &group) {
  unsigned number = interface.inputs.size() + numberOf(output);
  SmallVector<StringRef> dims = names(output.getDims());
  StringRef feature;
  for (StringRef rank : dims)
    if (rank != plan.row && !group.at.count(rank))
      feature = rank;
  Type storage = output.getStorage();
  auto saved = bindings;
  SmallVector<StringRef> inner;
  if (!feature.empty())
    inner.push_back(feature);
  if (!inner.empty())
    hoist(output.getValue(), inner, {}, group);

  Type wide = vectorOf(b.getI64Type());
  auto result = [&](const Point &point) {
    Memo memo;
    Lanes x = eval(output.getValue(), point, memo);
    Value value = broadcast(x.value);
    if (output.getFiller() && x.present)
      value =
          select(x.present, value, eval(output.getFiller(), point, memo).value);
    return value;
  };
  // One vector of rows, wherever they lie.
  auto write = [&](const Point &point) {
    Value value = result(point);
    Value offset = constant(0);
    Value spread;
    Value rowsHere = count(point.base);
    for (auto [dim, rank] : llvm::enumerate(dims)) {
      Value step = stride(number, dim);
      if (rank != plan.row) {
        offset = add(offset, mul(point.at.at(rank), step));
        continue;
      }
      Value index = arith::ExtSIOp::create(b, loc(), wide, rowsHere);
      spread = arith::MulIOp::create(
          b, loc(), index, vector::BroadcastOp::create(b, loc(), wide, step));
    }
    Value exists = compare(arith::CmpIPredicate::slt, rowsHere,
                           broadcast(extent(plan.row)));
    Value addresses =
        element(element(data[number], offset, storage), spread, storage);
    Type raw = storage.isInteger(1) ? Type(b.getI8Type()) : storage;
    LLVM::masked_scatter::create(b, loc(), encode(value, storage), addresses,
                                 exists, raw.getIntOrFloatBitWidth() / 8);
  };
  // Rows of W features at once, where features are neighbours in memory.
  auto writeRows = [&](Value first) {
    for (unsigned part = 0; part < plan.rowVectors; ++part) {
      SmallVector<Value> block;
      for (unsigned f = 0; f < width; ++f) {
        Point point = rowPoint(group, part);
        point.at[feature] = add(first, f);
        block.push_back(result(point));
      }
      transpose(block);
      Value base = add(group.base, int64_t(part) * width);
      for (unsigned row = 0; row < width; ++row) {
        Value at = add(base, row), offset = constant(0);
        for (auto [dim, rank] : llvm::enumerate(dims)) {
          Value index = rank == plan.row  ? at
                        : rank == feature ? first
                                          : group.at.at(rank);
          offset = add(offset, mul(index, stride(number, dim)));
        }
        ifThen(compare(arith::CmpIPredicate::slt, at, extent(plan.row)), [&] {
          store(encode(block[row], storage),
                element(data[number], offset, storage));
        });
      }
    }
  };
  if (feature.empty()) {
    for (unsigned part = 0; part < plan.rowVectors; ++part)
      write(rowPoint(group, part));
  } else {
    Value done = constant(0);
    if (isa<FloatType>(storage)) {
      unsigned dim = llvm::find(dims, feature) - dims.begin();
      Value unit =
          compare(arith::CmpIPredicate::eq, stride(number, dim), constant(1));
      done = select(unit, roundDown(extent(feature), width), done);
      loop(constant(0), done, width, writeRows);
    }
    loop(done, extent(feature), 1, [&](Value f) {
      for (unsigned part = 0; part < plan.rowVectors; ++part) {
        Point point = rowPoint(group, part);
        point.at[feature] = f;
        write(point);
      }
    });
  }
  bindings = saved;
  reciprocals.clear();
}
