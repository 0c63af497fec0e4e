//===- PassAnalysis.cpp - Levels on the dependence graph ------------------===//

#include "passes/Derive/PassAnalysis.h"

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// Names for people
//===----------------------------------------------------------------------===//

std::string einfall::givenName(Operation *op) {
  std::string name;
  op->getLoc()->walk([&](Location loc) {
    if (auto named = dyn_cast<NameLoc>(loc)) {
      name = named.getName().str();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return name;
}

std::string einfall::describe(Location location) {
  std::string text;
  location->walk([&](Location loc) {
    auto place = dyn_cast<FileLineColLoc>(loc);
    if (!place)
      return WalkResult::advance();
    text = (place.getFilename().getValue() + ":" + Twine(place.getLine()) +
            ":" + Twine(place.getColumn()))
               .str();
    return WalkResult::interrupt();
  });
  return text;
}

std::string einfall::describe(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return (stringifyMonoid(reduce.getMonoid()) + " over " +
            llvm::join(names(reduce.getRanks()), ", "))
        .str();
  if (auto fold = dyn_cast<FoldOp>(op))
    return "fold over " + llvm::join(fold.getRankNames(), ", ");
  if (auto map = dyn_cast<MapOp>(op))
    return stringifyFunction(map.getFunction()).str();
  if (auto output = dyn_cast<OutputOp>(op))
    return "output " + output.getName().str();
  return op->getName().stripDialect().str();
}

//===----------------------------------------------------------------------===//
// Levels
//===----------------------------------------------------------------------===//

namespace {

/// What a value is with respect to one rank.
struct State {
  enum Kind { Independent, Carried, Done } kind = Independent;
  unsigned level = 0;
  /// The operation that ends traversal `level` (Done).
  Operation *barrier = nullptr;
  /// The barrier that forced this level, ending traversal `level - 1`.
  Operation *below = nullptr;
  /// The inputs whose elements come along coordinate by coordinate (Carried).
  llvm::SmallSetVector<Operation *, 4> sources;

  /// The level at which an operation that iterates the rank may use it.
  unsigned useLevel() const {
    return kind == Independent ? 1 : kind == Carried ? level : level + 1;
  }
  Operation *useBelow() const { return kind == Done ? barrier : below; }
};

class Levels {
public:
  /// With `tile`, levels are those within one tile of that fold.
  Levels(StringRef rank, FoldOp tile = {}) : rank(rank), tile(tile) {}

  const State &get(Value value) {
    auto it = states.find(value);
    if (it != states.end())
      return it->second;
    State state = compute(value);
    return states[value] = std::move(state);
  }

  /// Visits an operation for its effect on the counts.
  void visit(Operation *op) {
    for (Value result : op->getResults())
      if (isa<FieldType>(result.getType()))
        get(result);
    if (auto output = dyn_cast<OutputOp>(op))
      if (const State &state = get(output.getValue());
          state.kind == State::Carried)
        use(op, state.level, state.below, output.getValue());
    if (auto yield = dyn_cast<YieldOp>(op))
      for (Value value : yield.getValues())
        if (const State &state = get(value); state.kind == State::Carried)
          use(yield->getParentOp(), state.level, state.below, value);
  }

  unsigned passes = 0;
  /// An operation of the last level, and what forced it there.
  Operation *last = nullptr;
  Operation *lastBelow = nullptr;
  llvm::MapVector<Operation *, std::set<unsigned>> reads;
  DenseMap<Operation *, Operation *> belowBarrier;

private:
  bool has(Value value) { return fieldType(value).hasRank(rank); }
  bool reduces(ArrayAttr ranks) {
    return llvm::is_contained(names(ranks), rank);
  }

  void use(Operation *op, unsigned level, Operation *below, Value operand) {
    for (Operation *source : get(operand).sources)
      reads[source].insert(level);
    // Of the last level, a reduction tells more than what leads to it.
    bool tells = isa<ReduceOp, FoldOp>(op) || !last || !isa<ReduceOp>(last);
    if (level > passes || (level == passes && tells)) {
      passes = level;
      last = op;
      lastBelow = below;
    }
  }

  State compute(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value))
      return computeArgument(argument);
    Operation *op = value.getDefiningOp();
    if (tile && !tile->isProperAncestor(op)) {
      State state;
      if (has(value)) {
        state.kind = State::Carried;
        state.level = 1;
        if (auto read = dyn_cast<ReadOp>(op))
          state.sources.insert(read.getTensor().getDefiningOp());
      }
      return state;
    }
    if (auto fold = dyn_cast<FoldOp>(op))
      return computeFold(fold, cast<OpResult>(value).getResultNumber());
    return computePlain(op, value);
  }

  /// The arguments of step and act stand for what enters the components.
  State computeArgument(BlockArgument argument) {
    auto fold = cast<FoldOp>(argument.getOwner()->getParentOp());
    unsigned number = argument.getArgNumber();
    auto references = static_cast<unsigned>(fold.getReferences());
    if (argument.getOwner()->getParent() == &fold.getAct())
      number = number < references ? number : number - references;
    auto yield = cast<YieldOp>(fold.getStep().front().back());
    if (fold == tile) {
      State state = get(yield.getValues()[number]);
      if (state.kind != State::Carried)
        return state;
      State done;
      done.kind = State::Done;
      done.level = state.level;
      done.barrier = fold;
      note(fold, state.below);
      return done;
    }
    if (llvm::is_contained(fold.getRankNames(), rank)) {
      State state;
      state.kind = State::Carried;
      state.level = 1;
      return state;
    }
    return get(yield.getValues()[number]);
  }

  State computeFold(FoldOp fold, unsigned number) {
    if (!llvm::is_contained(fold.getRankNames(), rank))
      return get(
          cast<YieldOp>(fold.getStep().front().back()).getValues()[number]);
    auto [it, isNew] = foldStates.try_emplace(fold);
    if (!isNew)
      return it->second;
    State done;
    done.kind = State::Done;
    done.level = 1;
    done.barrier = fold;
    fold.getStep().walk([&](Operation *op) {
      for (Value operand : op->getOperands()) {
        if (!isa<FieldType>(operand.getType()))
          continue;
        const State &state = get(operand);
        if (state.useLevel() > done.level) {
          done.level = state.useLevel();
          done.below = state.useBelow();
        }
      }
    });
    fold.getStep().walk([&](Operation *op) {
      for (Value operand : op->getOperands())
        if (isa<FieldType>(operand.getType()) && !isa<ReadOp>(op))
          use(fold, done.level, done.below, operand);
    });
    note(fold, done.below);
    return foldStates[fold] = done;
  }

  State computePlain(Operation *op, Value value) {
    auto reduce = dyn_cast<ReduceOp>(op);
    auto at = dyn_cast<AtOp>(op);
    bool ends = reduce && reduces(reduce.getRanks()) && has(reduce.getValue());
    bool gathers = at && reduces(at.getRanks());
    State state;
    unsigned level = ends || has(value) ? 1 : 0;
    bool anyDone = false;
    for (Value operand : op->getOperands()) {
      if (!isa<FieldType>(operand.getType()))
        continue;
      State used = get(operand);
      // An element elsewhere is there only after the whole traversal.
      if (gathers && operand == at.getValue() && used.kind == State::Carried &&
          !movesLittle(at)) {
        used.kind = State::Done;
        used.barrier = op;
        note(op, used.below);
      }
      anyDone |= used.kind == State::Done;
      bool iterates = ends || has(value);
      unsigned needed = iterates ? used.useLevel() : used.level;
      if (used.kind == State::Independent && !iterates)
        continue;
      if (needed > level || (needed == level && !state.barrier)) {
        level = std::max(level, needed);
        state.below = iterates ? used.useBelow() : used.below;
        state.barrier = used.barrier;
      }
      if (used.kind == State::Carried && !ends)
        state.sources.insert(used.sources.begin(), used.sources.end());
    }
    state.level = level;
    if (ends || has(value)) {
      if (!isa<ReadOp, CoordOp>(op))
        for (Value operand : op->getOperands())
          if (isa<FieldType>(operand.getType()))
            use(op, level, state.below, operand);
      state.kind = ends ? State::Done : State::Carried;
      state.barrier = ends ? op : nullptr;
      if (ends)
        note(op, state.below);
    } else if (anyDone) {
      state.kind = State::Done;
    } else {
      return State();
    }
    if (auto read = dyn_cast<ReadOp>(op); read && has(value))
      state.sources.insert(read.getTensor().getDefiningOp());
    return state;
  }

  /// Whether `at` looks at the same coordinate or one a fixed distance away.
  bool movesLittle(AtOp at) {
    for (auto [name, index] : llvm::zip(names(at.getRanks()), at.getIndices()))
      if (name == rank && !isShift(index))
        return false;
    return true;
  }

  bool isShift(Value index) {
    Operation *op = index.getDefiningOp();
    if (auto coord = dyn_cast_or_null<CoordOp>(op))
      return coord.getRank() == rank;
    auto map = dyn_cast_or_null<MapOp>(op);
    return map &&
           (map.getFunction() == Function::Add ||
            map.getFunction() == Function::Sub) &&
           isShift(map.getOperands()[0]) &&
           isa_and_nonnull<ConstOp>(map.getOperands()[1].getDefiningOp());
  }

  void note(Operation *barrier, Operation *below) {
    if (below != barrier)
      belowBarrier.try_emplace(barrier, below);
  }

  StringRef rank;
  FoldOp tile;
  DenseMap<Value, State> states;
  DenseMap<Operation *, State> foldStates;
};

PassLink link(Operation *op, unsigned level) {
  PassLink link;
  link.op = op;
  link.level = level;
  link.what = describe(op);
  link.name = givenName(op);
  link.location = describe(op->getLoc());
  return link;
}

RankPasses summarise(StringRef name, Levels &levels) {
  RankPasses result;
  result.rank = name.str();
  result.passes = std::max(levels.passes, 1u);
  Operation *op = levels.last, *below = levels.lastBelow;
  for (unsigned level = result.passes; op && level > 0; --level) {
    result.chain.insert(result.chain.begin(), link(op, level));
    op = below;
    below = op ? levels.belowBarrier.lookup(op) : nullptr;
  }
  for (auto &[source, read] : levels.reads)
    if (auto input = dyn_cast_or_null<InputOp>(source))
      result.reads.push_back({input.getName().str(), read});
  return result;
}

} // namespace

PassReport einfall::analysePasses(KernelOp kernel) {
  llvm::SmallSetVector<StringRef, 4> ranks;
  SmallVector<FoldOp> folds;
  kernel.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto reduce = dyn_cast<ReduceOp>(op))
      ranks.insert_range(names(reduce.getRanks()));
    if (auto fold = dyn_cast<FoldOp>(op)) {
      ranks.insert_range(fold.getRankNames());
      folds.push_back(fold);
    }
  });

  PassReport report;
  for (StringRef rank : ranks) {
    Levels levels(rank);
    for (Operation &op : kernel.getBody().front())
      levels.visit(&op);
    report.ranks.push_back(summarise(rank, levels));
    // Within a tile of the stream: the fold that needs most is reported.
    std::optional<RankPasses> inTile;
    for (FoldOp fold : folds) {
      if (!llvm::is_contained(fold.getRankNames(), rank))
        continue;
      Levels tile(rank, fold);
      for (Operation &op : fold.getStep().front())
        tile.visit(&op);
      RankPasses passes = summarise((rank + ".0").str(), tile);
      if (!inTile || inTile->passes < passes.passes)
        inTile = std::move(passes);
    }
    if (inTile)
      report.ranks.push_back(std::move(*inTile));
  }
  return report;
}

//===----------------------------------------------------------------------===//
// The report
//===----------------------------------------------------------------------===//

const RankPasses *PassReport::find(StringRef rank) const {
  for (const RankPasses &entry : ranks)
    if (entry.rank == rank)
      return &entry;
  return nullptr;
}

unsigned PassReport::passes(StringRef rank) const {
  const RankPasses *entry = find(rank);
  return entry ? entry->passes : 1;
}

void PassReport::print(llvm::raw_ostream &os) const {
  for (const RankPasses &entry : ranks) {
    os << "rank " << entry.rank << ": " << entry.passes
       << (entry.passes == 1 ? " pass\n" : " passes\n");
    for (const PassLink &link : entry.chain) {
      os << "  " << link.level << ": ";
      if (!link.name.empty())
        os << link.name << " = ";
      os << link.what;
      if (!link.location.empty())
        os << " at " << link.location;
      os << '\n';
    }
    for (const PassReads &read : entry.reads) {
      os << "  reads " << read.tensor << " in";
      for (unsigned level : read.levels)
        os << ' ' << level;
      os << '\n';
    }
  }
}
