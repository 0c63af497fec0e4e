//===- WarpProgram.cpp - A kernel as written, a warp for each item --------===//

#include "passes/Lower/Threads/WarpProgram.h"

#include "passes/Lower/Threads/WarpReduce.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {

constexpr int64_t lanesOfWarp = 32;

/// A kept field while its program is emitted.
struct Place {
  const KeptField *plan;
  Element element;      ///< when there are no ranks
  Value values;         ///< i32 address of the values
  Value presence;       ///< of one byte for each, where it may be absent
  bool defined = false; ///< its code has been emitted
};

class WarpEmitter {
public:
  WarpEmitter(KernelOp kernel, const WarpPlan &plan)
      : kernel(kernel), plan(plan), emitter(kernel), b(emitter.builder()) {
    emitter.given = [this](Value field, const Coordinates &at) {
      return lookup(field, at);
    };
    emitter.reduction = [this](ReduceOp op, const Coordinates &at) {
      return reduceAlone(op, at);
    };
  }

  LogicalResult run(StringRef target, StringRef name);

private:
  Location loc() { return emitter.loc(); }
  void emitGrid();
  void emitBody();
  void emitDefinition(Operation &op, const Coordinates &item);
  void emitOutput(OutputOp output, const Coordinates &item);

  /// A loop nest over `ranks`, bound in `at` while `body` runs. Lanes start at
  /// their number and go in steps of a warp along `shared`.
  SmallVector<Value>
  loops(ArrayRef<StringRef> ranks, StringRef shared, Coordinates &at,
        ValueRange init,
        llvm::function_ref<SmallVector<Value>(ValueRange)> body);
  /// By one lane, or (where lanes share it) by all of them.
  Element reduceAlone(ReduceOp op, const Coordinates &at);
  Element reduceTogether(ReduceOp op, StringRef shared, const Coordinates &at);
  std::optional<Element> lookup(Value field, const Coordinates &at);

  Value items();
  Value elements(const KeptField &field);
  /// Bytes of the values of a field, and of its presence.
  std::pair<Value, Value> sizes(Value field, const KeptField &kept);
  Value indexOf(const KeptField &field, const Coordinates &at);
  Value address(Value base, Value index, int64_t bytes);
  Value isFirstLane();

  KernelOp kernel;
  const WarpPlan &plan;
  DeviceElements emitter;
  OpBuilder &b;
  llvm::MapVector<Value, Place> places;
  Value lane; ///< i64
};

} // namespace

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

SmallVector<Value>
WarpEmitter::loops(ArrayRef<StringRef> ranks, StringRef shared, Coordinates &at,
                   ValueRange init,
                   llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
  if (ranks.empty())
    return body(init);
  StringRef rank = ranks.front();
  bool isShared = rank == shared;
  return emitter.loop(
      isShared ? lane : emitter.constant(0), emitter.extent(rank),
      isShared ? lanesOfWarp : 1, init, [&](Value i, ValueRange carried) {
        Coordinates outside = at;
        at[rank] = {i};
        SmallVector<Value> next =
            loops(ranks.drop_front(), shared, at, carried, body);
        at = std::move(outside);
        return next;
      });
}

/// `ranks` with `last`, if it is one of them, at the end.
static SmallVector<StringRef> withLast(SmallVector<StringRef> ranks,
                                       StringRef last) {
  std::stable_partition(ranks.begin(), ranks.end(),
                        [&](StringRef rank) { return rank != last; });
  return ranks;
}

Element WarpEmitter::reduceAlone(ReduceOp op, const Coordinates &at) {
  WarpReduce reduce(emitter, op);
  Coordinates inner = at;
  return reduce.result(
      loops(names(op.getRanks()), "", inner, reduce.init(),
            [&](ValueRange carried) { return reduce.take(carried, inner); }));
}

Element WarpEmitter::reduceTogether(ReduceOp op, StringRef shared,
                                    const Coordinates &at) {
  WarpReduce reduce(emitter, op);
  Coordinates inner = at;
  SmallVector<Value> own = loops(
      withLast(names(op.getRanks()), shared), shared, inner, reduce.init(),
      [&](ValueRange carried) { return reduce.take(carried, inner); });
  return reduce.result(reduce.join(own));
}

//===----------------------------------------------------------------------===//
// Kept fields
//===----------------------------------------------------------------------===//

Value WarpEmitter::elements(const KeptField &field) {
  Value count = emitter.constant(1);
  for (StringRef rank : field.ranks)
    count = emitter.mul(count, emitter.extent(rank));
  return count;
}

std::pair<Value, Value> WarpEmitter::sizes(Value field, const KeptField &kept) {
  Value count = elements(kept);
  auto rounded = [&](Value bytes) -> Value {
    Value whole = emitter.add(bytes, emitter.constant(keptAlignment - 1));
    return arith::AndIOp::create(b, loc(), whole,
                                 emitter.constant(-keptAlignment));
  };
  Value values = rounded(emitter.mul(
      count, emitter.constant(kept.bytes - (kept.mayBeAbsent ? 1 : 0))));
  return {values, kept.mayBeAbsent ? rounded(count) : Value()};
}

Value WarpEmitter::indexOf(const KeptField &field, const Coordinates &at) {
  Value index;
  for (StringRef rank : field.ranks) {
    Value next = at.at(rank).index;
    index = index ? emitter.add(emitter.mul(index, emitter.extent(rank)), next)
                  : next;
  }
  return emitter.narrow(index);
}

Value WarpEmitter::address(Value base, Value index, int64_t bytes) {
  Value offset = arith::MulIOp::create(b, loc(), index, emitter.integer(bytes));
  return arith::AddIOp::create(b, loc(), base, offset);
}

std::optional<Element> WarpEmitter::lookup(Value field, const Coordinates &at) {
  auto it = places.find(field);
  if (it == places.end() || !it->second.defined)
    return std::nullopt;
  const Place &place = it->second;
  if (place.plan->ranks.empty())
    return place.element;
  Value index = indexOf(*place.plan, at);
  Type type = emitter.elementType(fieldType(field).getKind());
  Element element{
      emitter.loadShared(
          address(place.values, index, (type.getIntOrFloatBitWidth() + 7) / 8),
          type),
      {}};
  if (place.plan->mayBeAbsent)
    element.present =
        emitter.loadShared(address(place.presence, index, 1), b.getI1Type());
  return element;
}

Value WarpEmitter::isFirstLane() {
  return arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::eq, lane,
                               emitter.constant(0));
}

void WarpEmitter::emitDefinition(Operation &op, const Coordinates &item) {
  if (auto output = dyn_cast<OutputOp>(op))
    return emitOutput(output, item);
  if (op.getNumResults() != 1)
    return;
  Value field = op.getResult(0);
  auto it = places.find(field);
  if (it == places.end())
    return;
  Place &place = it->second;
  const KeptField &kept = *place.plan;
  auto reduce = dyn_cast<ReduceOp>(op);
  bool together = reduce && kept.lanes.along;
  auto value = [&](const Coordinates &at) {
    if (together)
      return reduceTogether(reduce, kept.lanes.rank, at);
    return reduce ? reduceAlone(reduce, at) : emitter.emitHere(field, at);
  };
  if (kept.ranks.empty()) {
    place.element = value(item);
    place.defined = true;
    return;
  }
  StringRef shared = together ? StringRef() : kept.lanes.rank;
  Coordinates at = item;
  loops(withLast(kept.ranks, shared), shared, at, {},
        [&](ValueRange) -> SmallVector<Value> {
          Element element = value(at);
          auto keep = [&]() -> SmallVector<Value> {
            Value index = indexOf(kept, at);
            unsigned bits = element.value.getType().getIntOrFloatBitWidth();
            emitter.storeShared(element.value,
                                address(place.values, index, (bits + 7) / 8));
            if (kept.mayBeAbsent)
              emitter.storeShared(element.present ? element.present
                                                  : emitter.truth(true),
                                  address(place.presence, index, 1));
            return {};
          };
          if (together)
            emitter.branch(isFirstLane(), {}, keep,
                           [] { return SmallVector<Value>(); });
          else
            keep();
          return {};
        });
  device::WarpBarrierOp::create(b, loc());
  place.defined = true;
}

void WarpEmitter::emitOutput(OutputOp output, const Coordinates &item) {
  SmallVector<StringRef> inner = names(output.getDims());
  llvm::erase_if(inner, [&](StringRef rank) { return item.count(rank); });
  StringRef shared = plan.outputs.lookup(output.getName()).rank;
  Coordinates at = item;
  if (!inner.empty()) {
    loops(withLast(inner, shared), shared, at, {},
          [&](ValueRange) -> SmallVector<Value> {
            emitter.storeOutput(output, at);
            return {};
          });
    return;
  }
  auto store = [&]() -> SmallVector<Value> {
    emitter.storeOutput(output, at);
    return {};
  };
  emitter.branch(isFirstLane(), {}, store, [] { return SmallVector<Value>(); });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

Value WarpEmitter::items() {
  Value count = emitter.constant(1);
  for (StringRef rank : plan.items)
    count = emitter.mul(count, emitter.extent(rank));
  return count;
}

void WarpEmitter::emitGrid() {
  Value warps = emitter.constant(plan.warps);
  Value blocks = arith::DivUIOp::create(
      b, loc(), emitter.add(items(), emitter.constant(int64_t(plan.warps) - 1)),
      warps);
  Value fits;
  if (!plan.always) {
    Value bytes = emitter.constant(0);
    for (auto &[field, kept] : plan.kept) {
      if (kept.ranks.empty())
        continue;
      auto [values, presence] = sizes(field, kept);
      bytes = emitter.add(bytes, values);
      if (presence)
        bytes = emitter.add(bytes, presence);
    }
    fits = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ule, bytes,
                                 emitter.constant(plan.warpBytes));
  }
  Value one = emitter.constant(1);
  device::LaunchOp::create(b, loc(), blocks, one, one, fits);
}

void WarpEmitter::emitBody() {
  Value thread = device::ThreadOp::create(b, loc());
  Value number =
      arith::AndIOp::create(b, loc(), thread, emitter.integer(lanesOfWarp - 1));
  Value warp = device::UniformOp::create(
      b, loc(), arith::ShRUIOp::create(b, loc(), thread, emitter.integer(5)));
  auto wide = [&](Value value) -> Value {
    return arith::ExtUIOp::create(b, loc(), b.getI64Type(), value);
  };
  lane = wide(number);
  Value block = device::BlockOp::create(b, loc(), device::Dimension::X);
  Value item = emitter.add(
      emitter.mul(wide(block), emitter.constant(plan.warps)), wide(warp));
  // Where kept fields lie: one after another in the warp's part.
  Value offset = emitter.mul(wide(warp), emitter.constant(plan.warpBytes));
  for (auto &[field, kept] : plan.kept) {
    Place place;
    place.plan = &kept;
    if (!kept.ranks.empty()) {
      auto [values, presence] = sizes(field, kept);
      place.values = emitter.narrow(offset);
      offset = emitter.add(offset, values);
      if (presence) {
        place.presence = emitter.narrow(offset);
        offset = emitter.add(offset, presence);
      }
    }
    places.insert({field, place});
  }
  Value exists =
      arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ult, item, items());
  emitter.branch(
      exists, {},
      [&]() -> SmallVector<Value> {
        Coordinates at;
        for (StringRef rank : llvm::reverse(plan.items)) {
          Value extent = emitter.extent(rank);
          at[rank] = {arith::RemUIOp::create(b, loc(), item, extent)};
          item = arith::DivUIOp::create(b, loc(), item, extent);
        }
        for (Operation &op : kernel.getBody().front())
          emitDefinition(op, at);
        return {};
      },
      [] { return SmallVector<Value>(); });
  device::ReturnOp::create(b, loc());
}

/// Sums of products become multiply-adds, as the CPU's are; nothing else may be
/// contracted: what the emulated device computes is what the machine computes.
static void fuseMultiplyAdds(device::KernelOp program) {
  program.walk([](arith::AddFOp add) {
    for (unsigned side = 0; side < 2; ++side) {
      auto product = add.getOperand(side).getDefiningOp<arith::MulFOp>();
      auto allowed = arith::FastMathFlags::contract;
      if (!product || !product->hasOneUse() ||
          !bitEnumContainsAll(product.getFastmath(), allowed) ||
          !bitEnumContainsAll(add.getFastmath(), allowed))
        continue;
      OpBuilder builder(add);
      add.replaceAllUsesWith(
          device::FmaOp::create(builder, add.getLoc(), product.getLhs(),
                                product.getRhs(), add.getOperand(1 - side))
              .getResult());
      add.erase();
      product.erase();
      return;
    }
  });
  auto none = arith::FastMathFlagsAttr::get(program.getContext(),
                                            arith::FastMathFlags::none);
  program.walk(
      [&](arith::ArithFastMathInterface op) { op->setAttr("fastmath", none); });
}

LogicalResult WarpEmitter::run(StringRef target, StringRef name) {
  LogicalResult checked = emitter.checkStorage(target);
  kernel.getBody().walk([&](FoldOp fold) {
    checked = fold.emitError() << "a fold has no program as written; lower the "
                                  "kernel as it was before derivation";
  });
  if (failed(checked))
    return failure();
  b.setInsertionPoint(kernel);
  SmallVector<std::string> parameters;
  SmallVector<Type> types;
  emitter.listParameters(parameters, types);
  SmallVector<StringRef> labels(parameters.begin(), parameters.end());
  auto program =
      device::KernelOp::create(b, loc(), name, target, plan.warps * lanesOfWarp,
                               plan.shared, b.getStrArrayAttr(labels));
  SmallVector<Location> locations(types.size(), loc());
  for (Region *region : {&program.getGrid(), &program.getBody()}) {
    Block *block = b.createBlock(region, {}, types, locations);
    emitter.beginRegion(*block);
    if (region == &program.getGrid())
      emitGrid();
    else
      emitBody();
    emitter.endRegion();
  }
  fuseMultiplyAdds(program);
  return success();
}

LogicalResult einfall::lowerToWarps(KernelOp kernel, StringRef target,
                                    ArrayRef<WarpPlan> plans) {
  for (auto [number, plan] : llvm::enumerate(plans)) {
    std::string name = (kernel.getSymName() + "_" + target + "_written").str();
    if (number)
      name += std::to_string(number + 1);
    if (failed(WarpEmitter(kernel, plan).run(target, name)))
      return failure();
  }
  return success();
}
