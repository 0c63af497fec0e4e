//===- TilePlan.cpp - How a kernel of folds is tiled for the CPU ----------===//

#include "passes/Schedule/TilePlan.h"

#include "passes/Schedule/TileSizes.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static void collect(Value field, bool inverted, Product &product) {
  if (auto where = field.getDefiningOp<WhereOp>()) {
    product.conditions.push_back(where.getCondition());
    return collect(where.getValue(), inverted, product);
  }
  auto map = field.getDefiningOp<MapOp>();
  if (map && map.getFunction() == Function::Mul) {
    collect(map.getOperands()[0], inverted, product);
    return collect(map.getOperands()[1], inverted, product);
  }
  if (map && map.getFunction() == Function::Div) {
    collect(map.getOperands()[0], inverted, product);
    return collect(map.getOperands()[1], !inverted, product);
  }
  product.factors.push_back({field, inverted});
}

Product Product::of(Value field) {
  Product product;
  collect(field, false, product);
  return product;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

namespace {

class Planner {
public:
  Planner(KernelOp kernel, const CpuMachine &machine,
          const llvm::StringMap<int64_t> &extents, std::string &reason,
          bool obeysSchedule)
      : kernel(kernel), machine(machine), extents(extents), reason(reason),
        obeysSchedule(obeysSchedule) {}

  std::optional<TilePlan> run() {
    if (failed(checkOperations()) || failed(findRanks()))
      return std::nullopt;
    for (auto fold : kernel.getBody().getOps<FoldOp>())
      if (failed(planFold(fold)))
        return std::nullopt;
    if (failed(checkOutputs()) || failed(checkRanks()))
      return std::nullopt;
    if (failed(chooseSizes()))
      return std::nullopt;
    return std::move(plan);
  }

private:
  LogicalResult refuse(const Twine &why) {
    reason = why.str();
    return failure();
  }

  std::optional<int64_t> known(StringRef rank) {
    auto it = extents.find(rank);
    return it == extents.end() ? std::nullopt : std::optional(it->second);
  }

  LogicalResult checkOperations() {
    if (kernel.getBody().getOps<FoldOp>().empty())
      return refuse("the kernel has no fold");
    LogicalResult result = success();
    kernel.getBody().walk([&](Operation *op) {
      if (isa<AtOp>(op))
        result = refuse("a field is used at other coordinates");
      if (isa<TopKOp, SelectOp, RecurrenceOp>(op))
        result = refuse("the kernel has a " + op->getName().stripDialect());
      if (auto input = dyn_cast<InputOp>(op)) {
        Type type = input.getResult().getType().getElement();
        if (input.getPacked() ||
            (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 16))
          result = refuse("input " + input.getName() + " is packed or 8-bit");
      }
      if (auto reduce = dyn_cast<ReduceOp>(op))
        if (reduce.getMonoid() == Monoid::ArgMax ||
            reduce.getMonoid() == Monoid::First)
          result = refuse("a reduction is by " +
                          stringifyMonoid(reduce.getMonoid()));
    });
    return result;
  }

  /// Item ranks and the row rank: those that fold states share, apart from the
  /// feature ranks. The row rank is the one that least of what is streamed
  /// depends on, and of equals the innermost.
  LogicalResult findRanks() {
    SmallVector<StringRef> shared;
    bool first = true;
    for (auto output : kernel.getBody().getOps<OutputOp>()) {
      SmallVector<StringRef> dims = names(output.getDims());
      if (first)
        shared = dims;
      llvm::erase_if(shared, [&](StringRef rank) {
        return !llvm::is_contained(dims, rank);
      });
      first = false;
    }
    for (auto fold : kernel.getBody().getOps<FoldOp>()) {
      if (fold.getRanks().size() != 1)
        return refuse("a fold streams several ranks");
      auto yield = cast<YieldOp>(fold.getStep().front().getTerminator());
      for (Value value : yield.getValues()) {
        FieldType type = fieldType(value);
        llvm::erase_if(shared,
                       [&](StringRef rank) { return !type.hasRank(rank); });
      }
    }
    for (auto fold : kernel.getBody().getOps<FoldOp>())
      if (fold.getNumComponents() == 1)
        dropFeature(fold, shared);
    if (shared.empty())
      return refuse("outputs and folds share no rank that could lie in lanes");
    // Inside of a reduction its rank is no longer the row's or the item's.
    WalkResult walk = kernel.getBody().walk([&](ReduceOp reduce) {
      return llvm::any_of(names(reduce.getRanks()),
                          [&](StringRef rank) {
                            return llvm::is_contained(shared, rank);
                          })
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return refuse("a reduction is over a rank of the rows");
    unsigned best = ~0u;
    for (StringRef rank : shared) {
      unsigned cost = 0;
      kernel.getBody().walk([&](ReadOp read) {
        FieldType type = fieldType(read.getResult());
        bool streamed = false;
        for (auto fold : kernel.getBody().getOps<FoldOp>())
          streamed |= type.hasRank(names(fold.getRanks()).front());
        cost += streamed && type.hasRank(rank);
      });
      if (cost <= best) {
        best = cost;
        plan.row = rank;
      }
    }
    for (StringRef rank : shared)
      if (rank != plan.row)
        plan.items.push_back(rank);
    return success();
  }

  /// Of a fold that is one product of matrices, the ranks of both factors are
  /// shared: the last is the feature rank, where the other factor has one for
  /// the rows.
  static void dropFeature(FoldOp fold, SmallVectorImpl<StringRef> &shared) {
    StringRef stream = names(fold.getRanks()).front();
    auto yield = cast<YieldOp>(fold.getStep().front().getTerminator());
    Product product = Product::of(yield.getValues().front());
    auto isFeature = [&](StringRef rank) {
      for (Factor factor : product.factors)
        for (Factor other : product.factors) {
          FieldType own = fieldType(factor.value);
          FieldType rows = fieldType(other.value);
          if (own.hasRank(rank) && !rows.hasRank(rank) &&
              rows.hasRank(stream) && llvm::any_of(shared, [&](StringRef row) {
                return rows.hasRank(row) && !own.hasRank(row);
              }))
            return true;
        }
      return false;
    };
    while (shared.size() > 1 && isFeature(shared.back()))
      shared.pop_back();
  }

  bool isOuter(StringRef rank) {
    return rank == plan.row || llvm::is_contained(plan.items, rank);
  }

  //===--------------------------------------------------------------------===//
  // Folds
  //===--------------------------------------------------------------------===//

  LogicalResult planFold(FoldOp fold) {
    FoldPlan result;
    result.fold = fold;
    result.stream = names(fold.getRanks()).front();
    if (isOuter(result.stream))
      return refuse("rank " + result.stream + " is streamed and kept");
    auto yield = cast<YieldOp>(fold.getStep().front().getTerminator());
    for (auto [number, value] : llvm::enumerate(yield.getValues())) {
      Component component;
      component.number = number;
      component.value = value;
      component.monoid = fold.getMonoid(number);
      if (failed(planComponent(fold, result.stream, component)))
        return failure();
      result.components.push_back(component);
    }
    for (Component &component : result.components) {
      SmallVector<Value> roots;
      if (!component.isMatrix)
        roots.push_back(component.value);
      for (Factor factor : component.weight)
        roots.push_back(factor.value);
      llvm::append_range(roots, component.conditions);
      for (Value root : roots)
        findContractions(root, result);
    }
    plan.folds.push_back(std::move(result));
    return success();
  }

  LogicalResult planComponent(FoldOp fold, StringRef stream,
                              Component &component) {
    bool reference = fold.isReference(component.number);
    FieldType type = fieldType(component.value);
    if (type.getKind() != Kind::Real)
      return refuse("a state component is not real");
    if (reference) {
      if (component.monoid != Monoid::Max && component.monoid != Monoid::Min &&
          component.monoid != Monoid::First)
        return refuse("a reference is folded by " +
                      stringifyMonoid(component.monoid));
      for (BlockArgument argument : fold.getStep().getArguments())
        if (dependsOn(component.value, argument))
          return refuse("a reference depends on another");
    } else if (component.monoid != Monoid::Sum) {
      return refuse("an accumulator is folded by " +
                    stringifyMonoid(component.monoid));
    }
    SmallVector<StringRef> features;
    for (StringRef rank : type.getRankNames())
      if (!isOuter(rank) && rank != stream)
        features.push_back(rank);
    if (features.empty())
      return success();
    if (reference || features.size() > 1)
      return refuse("a state component has several feature ranks");
    component.isMatrix = true;
    component.feature = features.front();
    std::optional<int64_t> extent = known(component.feature);
    if (!extent)
      return refuse("the extent of " + component.feature +
                    " is not known when the kernel is compiled");
    component.extent = *extent;
    Product product = Product::of(component.value);
    for (Factor factor : product.factors) {
      FieldType type = fieldType(factor.value);
      if (!type.hasRank(component.feature)) {
        component.weight.push_back(factor);
        continue;
      }
      if (type.hasRank(plan.row))
        return refuse("a summand does not split into rows and features");
      component.panel.push_back(factor);
    }
    if (llvm::none_of(component.panel, [&](Factor factor) {
          return fieldType(factor.value).hasRank(stream);
        }))
      return refuse("what ranges over the features is not streamed");
    for (Value condition : product.conditions)
      if (fieldType(condition).hasRank(component.feature))
        return refuse("a condition ranges over the feature rank");
    component.conditions = product.conditions;
    // How other matrix accumulators would enter when references move.
    auto act = cast<YieldOp>(fold.getAct().front().getTerminator());
    unsigned references = fold.getReferences();
    for (auto [other, argument] : llvm::enumerate(
             fold.getAct().getArguments().drop_front(2 * references))) {
      bool matrix =
          llvm::any_of(fieldType(argument).getRankNames(),
                       [&](StringRef rank) { return !isOuter(rank); });
      unsigned position = component.number - references;
      if (matrix && other != position &&
          dependsOn(act.getValues()[position], argument))
        return refuse("matrix accumulators mix when references move");
    }
    return success();
  }

  bool dependsOn(Value value, Value argument) {
    if (value == argument)
      return true;
    Operation *op = value.getDefiningOp();
    return op && llvm::any_of(op->getOperands(), [&](Value operand) {
             return dependsOn(operand, argument);
           });
  }

  void findContractions(Value value, FoldPlan &fold) {
    Operation *op = value.getDefiningOp();
    FieldType type = fieldType(value);
    if (!op || !type.hasRank(fold.stream) || fold.contractions.count(value))
      return;
    if (std::optional<Contraction> found = scaledContraction(op, fold.stream)) {
      fold.contractions.insert({value, *found});
      return;
    }
    if (isa<ReduceOp>(op))
      return;
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        findContractions(operand, fold);
  }

  /// A contraction, or one times or over what is the same everywhere and surely
  /// present: that scales the rows' operand once instead of every sum.
  std::optional<Contraction> scaledContraction(Operation *op,
                                               StringRef stream) {
    if (auto reduce = dyn_cast<ReduceOp>(op))
      return contraction(reduce, stream);
    auto map = dyn_cast<MapOp>(op);
    if (!map || (map.getFunction() != Function::Mul &&
                 map.getFunction() != Function::Div))
      return std::nullopt;
    bool inverted = map.getFunction() == Function::Div;
    for (unsigned i = 0; i < (inverted ? 1 : 2); ++i) {
      Value sum = map.getOperands()[i], factor = map.getOperands()[1 - i];
      auto reduce = sum.getDefiningOp<ReduceOp>();
      if (!reduce || !sum.hasOneUse() || !isScalar(factor))
        continue;
      std::optional<Contraction> result = contraction(reduce, stream);
      if (result) {
        result->rows.push_back({factor, inverted});
        result->result = map.getResult();
      }
      return result;
    }
    return std::nullopt;
  }

  /// Made of constants, parameters and extents.
  static bool isScalar(Value field) {
    Operation *op = field.getDefiningOp();
    if (isa_and_nonnull<MapOp>(op))
      return llvm::all_of(op->getOperands(), isScalar);
    return isa_and_nonnull<ConstOp, ParamOp, ExtentOp>(op);
  }

  std::optional<Contraction> contraction(ReduceOp reduce, StringRef stream) {
    SmallVector<StringRef> ranks = names(reduce.getRanks());
    if (reduce.getMonoid() != Monoid::Sum || ranks.size() != 1 ||
        fieldType(reduce.getValue()).getKind() != Kind::Real ||
        !fieldType(reduce.getResult()).hasRank(plan.row))
      return std::nullopt;
    std::optional<int64_t> extent = known(ranks.front());
    if (extent == 0)
      return std::nullopt;
    Contraction result{
        reduce.getResult(), ranks.front(), extent.value_or(0), {}, {}, {}, {}};
    Product product = Product::of(reduce.getValue());
    for (Factor factor : product.factors) {
      FieldType type = fieldType(factor.value);
      if (!type.hasRank(ranks.front())) {
        result.rest.push_back(factor);
        continue;
      }
      bool row = type.hasRank(plan.row), key = type.hasRank(stream);
      if (row && key)
        return std::nullopt;
      (key ? result.keys : result.rows).push_back(factor);
    }
    if (result.keys.empty() || result.rows.empty())
      return std::nullopt;
    for (Value condition : product.conditions) {
      if (fieldType(condition).hasRank(ranks.front()))
        return std::nullopt;
      result.conditions.push_back(condition);
    }
    if (!extent) {
      if (!llvm::is_contained(plan.openSums, ranks.front()))
        plan.openSums.push_back(ranks.front());
      return std::nullopt;
    }
    return result;
  }

  //===--------------------------------------------------------------------===//
  // What is evaluated where
  //===--------------------------------------------------------------------===//

  /// Every field is evaluated where the program has a coordinate for each of
  /// its ranks: in the loops over rows, keys and one rank more.
  LogicalResult checkRanks() {
    for (const FoldPlan &fold : plan.folds) {
      for (auto &[value, contraction] : fold.contractions) {
        StringRef rank = contraction.rank, stream = fold.stream;
        if (failed(checkFactors(contraction.rows, {plan.row, rank})) ||
            failed(checkFactors(contraction.keys, {stream, rank})) ||
            failed(checkFactors(contraction.rest, {plan.row, stream})) ||
            failed(checkFields(contraction.conditions, {plan.row, stream})))
          return failure();
      }
      for (const Component &component : fold.components) {
        SmallVector<StringRef> ranks{plan.row, fold.stream};
        if (failed(checkFactors(component.weight, ranks)) ||
            failed(checkFields(component.conditions, ranks)) ||
            failed(checkFactors(component.panel,
                                {fold.stream, component.feature})) ||
            (!component.isMatrix &&
             failed(checkFields(component.value, ranks))))
          return failure();
      }
      auto act =
          cast<YieldOp>(FoldOp(fold.fold).getAct().front().getTerminator());
      unsigned references = FoldOp(fold.fold).getReferences();
      for (const Component &component : fold.components)
        if (component.number >= references &&
            failed(checkFields(act.getValues()[component.number - references],
                               {plan.row, component.feature})))
          return failure();
    }
    for (auto output : kernel.getBody().getOps<OutputOp>()) {
      SmallVector<StringRef> ranks = names(output.getDims());
      if (failed(checkFields(output.getValue(), ranks)) ||
          (output.getFiller() &&
           failed(checkFields(output.getFiller(), ranks))))
        return failure();
    }
    return success();
  }

  LogicalResult checkFactors(ArrayRef<Factor> factors,
                             ArrayRef<StringRef> ranks) {
    for (Factor factor : factors)
      if (failed(checkFields(factor.value, ranks)))
        return failure();
    return success();
  }

  LogicalResult checkFields(ValueRange fields, ArrayRef<StringRef> ranks) {
    for (Value field : fields)
      for (StringRef rank : fieldType(field).getRankNames())
        if (!llvm::is_contained(plan.items, rank) &&
            !llvm::is_contained(ranks, rank))
          return refuse("a field over " + rank + " is needed for every " +
                        llvm::join(ranks, ", "));
    for (Value field : fields)
      if (reductionsWithin(field) > 1)
        return refuse("a reduction within another is needed for every " +
                      llvm::join(ranks, ", "));
    return success();
  }

  /// How deep reductions stand in each other that are computed where the field
  /// is: nothing of them is kept.
  unsigned reductionsWithin(Value field) {
    Operation *op = field.getDefiningOp();
    bool isKnown = llvm::any_of(plan.folds, [&](const FoldPlan &fold) {
      return fold.contractions.count(field);
    });
    if (!op || isKnown || isa<FoldOp>(op))
      return 0;
    auto [known, isNew] = nested.try_emplace(field, 0);
    if (!isNew)
      return known->second;
    unsigned depth = 0;
    for (Value operand : op->getOperands())
      if (isa<FieldType>(operand.getType()))
        depth = std::max(depth, reductionsWithin(operand));
    return nested[field] = depth + isa<ReduceOp>(op);
  }

  //===--------------------------------------------------------------------===//
  // Outputs and sizes
  //===--------------------------------------------------------------------===//

  LogicalResult checkOutputs() {
    for (auto output : kernel.getBody().getOps<OutputOp>()) {
      unsigned features = 0;
      for (StringRef rank : names(output.getDims()))
        features += !isOuter(rank);
      if (features > 1)
        return refuse("output " + output.getName() +
                      " has several feature ranks");
      Type type = output.getStorage();
      if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 16)
        return refuse("output " + output.getName() + " is 8-bit");
      // Nothing that is written may need the whole stream again.
      for (FoldPlan &fold : plan.folds)
        if (fieldType(output.getValue()).hasRank(fold.stream))
          return refuse("output " + output.getName() +
                        " ranges over a streamed rank");
    }
    return success();
  }

  /// The register block is keys x row vectors with all sums in registers. What
  /// a schedule leaves open is the least by a model of the machine; a plan for
  /// another device has sizes of its own, and those here mean nothing.
  LogicalResult chooseSizes() {
    plan.lanes = machine.lanes;
    plan.keyBlock = std::min(machine.registers >= 32 ? 8u : 4u, machine.lanes);
    TileSizes sizes{1, 64, 1};
    if (obeysSchedule) {
      if (failed(readSchedule(plan.asked)))
        return failure();
      sizes = leastSizes(plan, machine, extents);
    }
    plan.rowVectors = sizes.rowVectors;
    plan.keyTile = sizes.keyTile;
    plan.groups = sizes.groups;
    return success();
  }

  /// What the user fixed: `tile` of the row rank and of the stream, in rows of
  /// an item and keys of a tile; `row_vectors` of a group, without which rows
  /// of an item are in groups of as many vectors as divide them. Stages are for
  /// devices with asynchronous copies and mean nothing here.
  LogicalResult readSchedule(AskedSizes &asked) {
    DictionaryAttr schedule = kernel.getScheduleAttr();
    if (!schedule)
      return success();
    auto wrong = [&](const Twine &why, const Twine &remedy) {
      auto diag = kernel.emitError() << why;
      diag.attachNote() << remedy;
      return refuse(why);
    };
    if (auto attr = schedule.getAs<IntegerAttr>("row_vectors")) {
      int64_t vectors = attr.getInt();
      if (vectors < 1 || vectors > 3)
        return wrong("schedule asks for " + Twine(vectors) +
                         " row vectors in a group",
                     "between 1 and 3 keep all sums in registers");
      asked.rowVectors = vectors;
    }
    auto tiles = schedule.getAs<DictionaryAttr>("tile");
    if (!tiles)
      return success();
    for (NamedAttribute entry : tiles) {
      StringRef rank = entry.getName();
      int64_t size = cast<IntegerAttr>(entry.getValue()).getInt();
      if (rank == plan.row) {
        int64_t parts = size / plan.lanes;
        if (size % plan.lanes)
          return wrong("tile " + rank + " = " + Twine(size) +
                           " is not a multiple of " + Twine(plan.lanes) +
                           ", the lanes of a vector",
                       "take " + Twine((parts + 1) * plan.lanes));
        if (!asked.rowVectors)
          asked.rowVectors = vectorsOfParts(parts);
        if (parts % *asked.rowVectors)
          return wrong("tile " + rank + " = " + Twine(size) +
                           " is not a multiple of " +
                           Twine(*asked.rowVectors * plan.lanes) +
                           ", the rows of a group",
                       "fix another number of row vectors, or none");
        asked.groups = parts / *asked.rowVectors;
        continue;
      }
      if (llvm::none_of(plan.folds, [&](const FoldPlan &fold) {
            return fold.stream == rank;
          }))
        return wrong("schedule tiles rank \"" + rank +
                         "\", which the processor's program does not tile",
                     "its tiles are over the rows, \"" + plan.row +
                         "\", and the stream");
      if (size % 16 || size > 4096)
        return wrong("tile " + rank + " = " + Twine(size) +
                         " is not a multiple of 16 up to 4096",
                     "take " + Twine(std::clamp<int64_t>((size + 15) / 16 * 16,
                                                         16, 4096)));
      asked.keyTile = size;
    }
    return success();
  }

  KernelOp kernel;
  const CpuMachine &machine;
  const llvm::StringMap<int64_t> &extents;
  std::string &reason;
  bool obeysSchedule;
  TilePlan plan;
  llvm::DenseMap<Value, unsigned> nested;
};

} // namespace

std::optional<TilePlan>
einfall::planTiles(KernelOp kernel, const CpuMachine &machine,
                   const llvm::StringMap<int64_t> &extents, std::string &reason,
                   bool obeysSchedule) {
  return Planner(kernel, machine, extents, reason, obeysSchedule).run();
}

DictionaryAttr einfall::scheduleOf(const TilePlan &plan, MLIRContext *context) {
  Builder builder(context);
  auto entry = [&](StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  };
  SmallVector<NamedAttribute> tiles{
      entry(plan.row, int64_t(plan.groups) * plan.rowVectors * plan.lanes)};
  for (const FoldPlan &fold : plan.folds)
    if (llvm::none_of(tiles, [&](NamedAttribute tile) {
          return tile.getName() == fold.stream;
        }))
      tiles.push_back(entry(fold.stream, plan.keyTile));
  return builder.getDictionaryAttr(
      {entry("row_vectors", plan.rowVectors),
       builder.getNamedAttr("tile", builder.getDictionaryAttr(tiles))});
}
