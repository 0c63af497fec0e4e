//===- CascadeToLoops.cpp - Any cascade as plain loops --------------------===//

#include "passes/Lower/CascadeToLoops.h"

#include "passes/Lower/ElementEmitter.h"
#include "passes/Schedule/WrittenPlan.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

namespace {

/// A field that is kept in the workspace, or (no ranks) in a register.
struct Kept {
  SmallVector<StringRef> ranks;
  Element element;      ///< when there are no ranks
  Value values;         ///< pointer to the values, row-major over `ranks`
  Value presence;       ///< pointer to one byte per value, or null
  bool defined = false; ///< its code has been emitted
};

class LoopEmitter {
public:
  explicit LoopEmitter(KernelOp kernel)
      : kernel(kernel), emitter(kernel), b(emitter.builder()) {
    emitter.given = [this](Value field, const Coordinates &at) {
      return lookup(field, at);
    };
  }

  LogicalResult run() {
    if (failed(check()))
      return failure();
    itemRanks = itemRanksOf(kernel);
    for (Value field : fieldsToKeep(kernel, itemRanks))
      kept.insert({field, {}});
    emitItems();
    emitSizes();
    emitKernel();
    return success();
  }

private:
  //===--------------------------------------------------------------------===//
  // What is kept, what is recomputed
  //===--------------------------------------------------------------------===//

  LogicalResult check() {
    LogicalResult result = emitter.checkStorage();
    kernel.getBody().walk([&](FoldOp fold) {
      result = fold.emitError()
               << "a fold has no plain loops; lower the kernel "
                  "as it was before derivation";
    });
    return result;
  }

  SmallVector<StringRef> keptRanks(Value field) {
    return ranksWithin(field, itemRanks);
  }

  //===--------------------------------------------------------------------===//
  // Loops and reductions
  //===--------------------------------------------------------------------===//

  /// A loop nest over `ranks`, bound in `at` while `body` runs.
  SmallVector<Value>
  loops(ArrayRef<StringRef> ranks, Coordinates &at, ValueRange init,
        llvm::function_ref<SmallVector<Value>(ValueRange)> body) {
    if (ranks.empty())
      return body(init);
    return emitter.loop(emitter.constant(0), emitter.extent(ranks.front()), 1,
                        init, [&](Value i, ValueRange carried) {
                          Coordinates outside = at;
                          at[ranks.front()] = {i};
                          SmallVector<Value> next =
                              loops(ranks.drop_front(), at, carried, body);
                          at = std::move(outside);
                          return next;
                        });
  }

  Element emitReduce(ReduceOp reduce, const Coordinates &outer) {
    Kind kind = fieldType(reduce.getValue()).getKind();
    Monoid monoid = reduce.getMonoid();
    SmallVector<StringRef> ranks = names(reduce.getRanks());
    Coordinates at = outer;

    // Carried: the value; for monoids without an identity whether there is one;
    // for argmax the coordinate.
    bool hasIdentity = monoid == Monoid::Sum || monoid == Monoid::Any ||
                       monoid == Monoid::All || monoid == Monoid::Count;
    SmallVector<Value> init{monoid == Monoid::Count ? emitter.constant(0)
                            : monoid == Monoid::All
                                ? emitter.truth(true)
                                : emitter.zero(emitter.elementType(kind))};
    if (!hasIdentity)
      init.push_back(emitter.truth(false));
    if (monoid == Monoid::ArgMax)
      init.push_back(emitter.constant(0));

    SmallVector<Value> result =
        loops(ranks, at, init, [&](ValueRange carried) -> SmallVector<Value> {
          if (monoid == Monoid::Count)
            return {emitter.select(emitter.emitPresence(reduce.getValue(), at),
                                   emitter.add(carried[0], emitter.constant(1)),
                                   carried[0])};
          Element x = emitter.emit(reduce.getValue(), at);
          return take(monoid, kind, carried, x, at.at(ranks.front()).index);
        });
    Value value = monoid == Monoid::ArgMax ? result[2] : result[0];
    return {value, hasIdentity ? Value() : result[1]};
  }

  /// One more element enters a reduction.
  SmallVector<Value> take(Monoid monoid, Kind kind, ValueRange carried,
                          Element x, Value coordinate) {
    Value acc = carried[0];
    if (carried.size() == 1) {
      Value next =
          monoid == Monoid::Sum && kind == Kind::Real
              ? Value(arith::AddFOp::create(b, emitter.loc(), acc, x.value,
                                            arith::FastMathFlags::contract |
                                                arith::FastMathFlags::reassoc))
              : emitter.combine(monoid, kind, acc, x.value);
      return {emitter.select(x.present, next, acc)};
    }
    Value present = x.present ? x.present : emitter.truth(true);
    Value some = emitter.disjunction(carried[1], present);
    if (monoid == Monoid::First)
      return {emitter.select(carried[1], acc, x.value), some};
    if (monoid != Monoid::ArgMax) {
      Value next = emitter.select(
          carried[1], emitter.combine(monoid, kind, acc, x.value), x.value);
      return {emitter.select(x.present, next, acc), some};
    }
    Value better = emitter.apply(Function::Gt, kind, {x.value, acc});
    if (kind == Kind::Real)
      better = emitter.disjunction(
          better, emitter.conjunction(
                      emitter.apply(Function::Ne, kind, {x.value, x.value}),
                      emitter.apply(Function::Eq, kind, {acc, acc})));
    Value chosen = emitter.conjunction(
        x.present, emitter.disjunction(emitter.negation(carried[1]), better));
    return {emitter.select(chosen, x.value, acc), some,
            emitter.select(chosen, coordinate, carried[2])};
  }

  //===--------------------------------------------------------------------===//
  // The functions of a kernel
  //===--------------------------------------------------------------------===//

  Type i64() { return b.getI64Type(); }

  void emitItems() {
    auto function = cast<func::FuncOp>(
        emitter.beginFunction("_items", {emitter.pointer(), i64()}, {i64()}));
    Value count = emitter.constant(1);
    for (StringRef rank : itemRanks)
      count = emitter.mul(count, emitter.extent(rank));
    Value first =
        arith::CmpIOp::create(b, emitter.loc(), arith::CmpIPredicate::eq,
                              function.getArgument(1), emitter.constant(0));
    emitter.endFunction(emitter.select(first, count, emitter.constant(-1)));
  }

  /// Bytes of a kept field: its values, then one byte each for presence.
  std::pair<Value, Value> sizes(Value field, ArrayRef<StringRef> ranks) {
    Value count = emitter.constant(1);
    for (StringRef rank : ranks)
      count = emitter.mul(count, emitter.extent(rank));
    unsigned bits =
        emitter.elementType(fieldType(field).getKind()).getIntOrFloatBitWidth();
    auto align = [&](Value size) {
      Value lines = arith::DivUIOp::create(
          b, emitter.loc(), emitter.add(size, emitter.constant(63)),
          emitter.constant(64));
      return emitter.mul(lines, emitter.constant(64));
    };
    return {align(emitter.mul(count, emitter.constant((bits + 7) / 8))),
            align(count)};
  }

  void emitSizes() {
    emitter.beginFunction("_workspace", {emitter.pointer()}, {i64()});
    Value total = emitter.constant(0);
    for (auto &[field, memory] : kept) {
      SmallVector<StringRef> ranks = keptRanks(field);
      if (ranks.empty())
        continue;
      auto [values, presence] = sizes(field, ranks);
      total = emitter.add(total, emitter.add(values, presence));
    }
    emitter.endFunction(total);
    emitter.beginFunction("_shared", {emitter.pointer()}, {i64()});
    emitter.endFunction(emitter.constant(0));
  }

  void emitKernel() {
    auto function = cast<func::FuncOp>(
        emitter.beginFunction("",
                              {emitter.pointer(), i64(), i64(), i64(),
                               emitter.pointer(), emitter.pointer()},
                              {}));
    Value workspace = function.getArgument(4);
    // Where kept fields lie does not depend on the item.
    Value offset = emitter.constant(0);
    for (auto &[field, memory] : kept) {
      memory.ranks = keptRanks(field);
      if (memory.ranks.empty())
        continue;
      auto [values, presence] = sizes(field, memory.ranks);
      memory.values = emitter.element(workspace, offset, b.getI8Type());
      offset = emitter.add(offset, values);
      memory.presence = emitter.element(workspace, offset, b.getI8Type());
      offset = emitter.add(offset, presence);
    }
    emitter.loop(
        function.getArgument(2), function.getArgument(3), 1, {},
        [&](Value item, ValueRange) -> SmallVector<Value> {
          Coordinates at;
          for (StringRef rank : llvm::reverse(itemRanks)) {
            Value extent = emitter.extent(rank);
            at[rank] = {arith::RemUIOp::create(b, emitter.loc(), item, extent)};
            item = arith::DivUIOp::create(b, emitter.loc(), item, extent);
          }
          for (Operation &op : kernel.getBody().front())
            emitDefinition(op, at);
          return {};
        });
    emitter.endFunction({});
  }

  /// A field that has been kept, for ElementEmitter.
  std::optional<Element> lookup(Value field, const Coordinates &at) {
    auto it = kept.find(field);
    if (it == kept.end() || !it->second.defined)
      return std::nullopt;
    const Kept &memory = it->second;
    if (memory.ranks.empty())
      return memory.element;
    Value index = emitter.constant(0);
    for (StringRef rank : memory.ranks)
      index = emitter.add(emitter.mul(index, emitter.extent(rank)),
                          at.at(rank).index);
    Type type = emitter.elementType(fieldType(field).getKind());
    Element element{emitter.load(memory.values, index, type), {}};
    if (memory.presence)
      element.present = emitter.load(memory.presence, index, b.getI1Type());
    return element;
  }

  void emitDefinition(Operation &op, const Coordinates &item) {
    if (auto output = dyn_cast<OutputOp>(op))
      return emitOutput(output, item);
    if (op.getNumResults() != 1)
      return;
    Value field = op.getResult(0);
    auto it = kept.find(field);
    if (it == kept.end())
      return;
    Kept &memory = it->second;
    auto value = [&](const Coordinates &at) {
      if (auto reduce = dyn_cast<ReduceOp>(op))
        return emitReduce(reduce, at);
      return emitter.emitHere(field, at);
    };
    if (memory.ranks.empty()) {
      memory.element = value(item);
      memory.defined = true;
      return;
    }
    Coordinates at = item;
    bool mayBeAbsent = false;
    loops(memory.ranks, at, {}, [&](ValueRange) -> SmallVector<Value> {
      Element element = value(at);
      Value index = emitter.constant(0);
      for (StringRef rank : memory.ranks)
        index = emitter.add(emitter.mul(index, emitter.extent(rank)),
                            at.at(rank).index);
      emitter.store(element.value, memory.values, index,
                    emitter.elementType(fieldType(field).getKind()));
      if (element.present) {
        mayBeAbsent = true;
        emitter.store(element.present, memory.presence, index, b.getI1Type());
      }
      return {};
    });
    if (!mayBeAbsent)
      memory.presence = nullptr;
    memory.defined = true;
  }

  void emitOutput(OutputOp output, const Coordinates &item) {
    SmallVector<StringRef> inner = names(output.getDims());
    llvm::erase_if(inner, [&](StringRef rank) { return item.count(rank); });
    Coordinates at = item;
    loops(inner, at, {}, [&](ValueRange) -> SmallVector<Value> {
      emitter.storeOutput(output, at);
      return {};
    });
  }

  KernelOp kernel;
  ElementEmitter emitter;
  OpBuilder &b;
  SmallVector<StringRef> itemRanks;
  llvm::MapVector<Value, Kept> kept;
};

struct LowerCascadeToLoops
    : PassWrapper<LowerCascadeToLoops, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerCascadeToLoops)

  StringRef getArgument() const override { return "lower-cascade-to-loops"; }
  StringRef getDescription() const override {
    return "lower kernels as written to scalar loop nests";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                    math::MathDialect, LLVM::LLVMDialect>();
  }
  void runOnOperation() override {
    for (auto kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
      if (failed(lowerCascadeToLoops(kernel)))
        return signalPassFailure();
      kernel.erase();
    }
  }
};

} // namespace

LogicalResult einfall::lowerCascadeToLoops(KernelOp kernel) {
  return LoopEmitter(kernel).run();
}

std::unique_ptr<Pass> einfall::createLowerCascadeToLoopsPass() {
  return std::make_unique<LowerCascadeToLoops>();
}
