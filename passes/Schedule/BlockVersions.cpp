//===- BlockVersions.cpp - How blocks share the work of a kernel ----------===//
//
// Which streams can be split, which rows read the same keys, and which versions
// of the program a launch may come to. Where extents are known, that is decided
// here, the number of parts included; where they are not, grid programs compare
// by the same model (passes/Lower/Device/BlockShare.cpp) the number of parts
// that a rule gives: a search has no place in every block.
//
//===----------------------------------------------------------------------===//

#include "passes/Schedule/CostModel.h"
#include "passes/Schedule/LaunchWays.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::cascade;

//===----------------------------------------------------------------------===//
// Splits
//===----------------------------------------------------------------------===//

std::string einfall::whyNotSplit(const BlockPlan &plan) {
  for (const FoldPlan &fold : plan.tiles.folds) {
    SmallVector<Value> open;
    fold.fold->walk(
        [&](Operation *op) { llvm::append_range(open, op->getOperands()); });
    llvm::SmallPtrSet<Operation *, 16> seen;
    while (!open.empty()) {
      Operation *op = open.pop_back_val().getDefiningOp();
      if (!op || op == fold.fold || !seen.insert(op).second)
        continue;
      if (isa<FoldOp>(op))
        return "a fold needs the whole of another";
      llvm::append_range(open, op->getOperands());
    }
  }
  return "";
}

int64_t BlockPlan::stateOffset(const BlockFold &fold,
                               const Component &component) const {
  int64_t offset = 0;
  for (bool matrices : {true, false})
    for (const BlockFold &each : folds)
      for (const Component &other : each.plan->components) {
        if (other.isMatrix != matrices)
          continue;
        if (&each == &fold && &other == &component)
          return offset;
        int64_t length = 1;
        for (const BlockMatrix &matrix : each.matrices)
          if (matrix.component == &other)
            length = matrix.panel.padded();
        offset += length;
      }
  return offset;
}

int64_t BlockPlan::stateFloats() const {
  const BlockFold &last = folds.back();
  const Component *end = nullptr;
  for (const Component &component : last.plan->components)
    if (!component.isMatrix)
      end = &component;
  int64_t used = 0;
  if (end)
    used = stateOffset(last, *end) + 1;
  else
    for (const BlockFold &fold : folds)
      for (const Component &component : fold.plan->components)
        for (const BlockMatrix &matrix : fold.matrices)
          used = std::max(
              used,
              stateOffset(fold, component) +
                  (matrix.component == &component ? matrix.panel.padded() : 1));
  return (used + 7) / 8 * 8;
}

//===----------------------------------------------------------------------===//
// Rows that read the same keys
//===----------------------------------------------------------------------===//

static bool isSize(Value field) {
  return !field || field.getDefiningOp<ConstOp>() ||
         field.getDefiningOp<ExtentOp>();
}

/// Whether `field` depends on `rank` by quotients alone, which it adds.
static bool isSharedAlong(Value field, StringRef rank,
                          SmallVector<Quotient> &quotients) {
  if (!fieldType(field).hasRank(rank))
    return true;
  Operation *op = field.getDefiningOp();
  if (!isa_and_nonnull<ReadOp, MapOp, WhereOp, OrElseOp>(op))
    return false;
  if (auto quotient = quotientOf(field)) {
    bool isNew = llvm::none_of(quotients, [&](const Quotient &other) {
      return other.times == quotient->times && other.by == quotient->by;
    });
    if (isNew)
      quotients.push_back(*quotient);
    return isSize(quotient->times) && isSize(quotient->by);
  }
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return !isa<FieldType>(operand.getType()) ||
           isSharedAlong(operand, rank, quotients);
  });
}

static std::optional<int64_t> sizeOf(Value field,
                                     const llvm::StringMap<int64_t> &extents) {
  if (!field)
    return 1;
  if (auto constant = field.getDefiningOp<ConstOp>())
    return cast<IntegerAttr>(constant.getValue()).getInt();
  auto known = extents.find(field.getDefiningOp<ExtentOp>().getRank());
  if (known == extents.end())
    return std::nullopt;
  return known->second;
}

/// How many coordinates read the same keys; 0: not the same number everywhere.
static std::optional<int64_t> groupOf(const PackedRank &packed,
                                      const llvm::StringMap<int64_t> &extents) {
  auto known = extents.find(packed.rank);
  if (known == extents.end())
    return std::nullopt;
  int64_t all = known->second;
  std::optional<int64_t> group;
  for (const Quotient &quotient : packed.quotients) {
    auto times = sizeOf(quotient.times, extents);
    auto by = sizeOf(quotient.by, extents);
    if (!times || !by)
      return std::nullopt;
    if (*times < 1 || *by < 1 || *by % *times ||
        (group && *group != *by / *times))
      return 0;
    group = *by / *times;
  }
  if (!group)
    return all;
  return all % *group ? 0 : *group;
}

static std::optional<PackedRank>
findPackedRank(const BlockPlan &plan, const llvm::StringMap<int64_t> &extents) {
  for (StringRef rank : llvm::reverse(plan.tiles.items)) {
    PackedRank packed{rank, {}, {}};
    auto isShared = [&](const SharedOperand &operand) {
      return llvm::all_of(operand.factors, [&](Factor factor) {
        return isSharedAlong(factor.value, rank, packed.quotients);
      });
    };
    bool all = true;
    for (const BlockFold &fold : plan.folds) {
      for (const BlockContraction &contraction : fold.contractions)
        all &= isShared(contraction.keys);
      for (const BlockMatrix &matrix : fold.matrices)
        all &= isShared(matrix.panel);
    }
    if (!all)
      continue;
    packed.group = groupOf(packed, extents);
    if (packed.group == 0)
      continue;
    return packed;
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Versions
//===----------------------------------------------------------------------===//

bool einfall::scheduledTile(KernelOp kernel, const TilePlan &tiles,
                            TileChoice &tile, std::string &reason) {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  if (!schedule)
    return true;
  if (auto stages = schedule.getAs<IntegerAttr>("stages"))
    tile.stages = stages.getInt();
  auto sizes = schedule.getAs<DictionaryAttr>("tile");
  if (!sizes)
    return true;
  for (NamedAttribute entry : sizes) {
    StringRef rank = entry.getName();
    int64_t size = cast<IntegerAttr>(entry.getValue()).getInt();
    bool isStream = llvm::any_of(
        tiles.folds, [&](const FoldPlan &fold) { return fold.stream == rank; });
    if (rank == tiles.row) {
      tile.rows = size;
    } else if (isStream) {
      tile.keys = size;
    } else {
      reason = ("tiles are over the rows, \"" + tiles.row +
                "\", and the stream, not over \"" + rank + "\"")
                   .str();
      return false;
    }
  }
  return true;
}

bool einfall::planSharing(BlockPlan &plan, const DeviceMachine &machine,
                          const llvm::StringMap<int64_t> &extents,
                          BlockForm form, std::string &reason) {
  if (machine.splits == 1) {
    reason = "it is not asked for";
    return false;
  }
  plan.packed = findPackedRank(plan, extents);
  if (!plan.packed && !form.splits) {
    reason = "no rows of several items read the same keys";
    return false;
  }
  if (!form.splits)
    return true;
  reason = whyNotSplit(plan);
  if (!reason.empty())
    return false;
  // Two blocks on an SM copy while others compute; more gain nothing.
  int64_t resident =
      machine.sharedPerSm / (plan.shared + machine.sharedReserved);
  plan.splits = true;
  plan.splitCount = machine.splits;
  plan.slots = machine.sms * std::clamp<int64_t>(resident, 1, 2);
  return true;
}

std::optional<LaunchSize>
einfall::launchSizeOf(const BlockPlan &plan,
                      const llvm::StringMap<int64_t> &extents) {
  LaunchSize size;
  auto extentOf = [&](StringRef rank, int64_t &out) {
    auto known = extents.find(rank);
    out = known == extents.end() ? 0 : known->second;
    return known != extents.end();
  };
  if (plan.packed) {
    if (!plan.packed->group)
      return std::nullopt;
    size.group = std::max<int64_t>(*plan.packed->group, 1);
  }
  if (!extentOf(plan.tiles.row, size.rows))
    return std::nullopt;
  for (StringRef rank : plan.tiles.items) {
    int64_t extent = 0;
    if (!extentOf(rank, extent))
      return std::nullopt;
    size.items *= extent;
  }
  for (const FoldPlan &fold : plan.tiles.folds)
    if (!extentOf(fold.stream, size.streams.emplace_back()))
      return std::nullopt;
  return size;
}

static int64_t blocksOf(const LaunchTerms &terms, const LaunchSize &size) {
  int64_t group = terms.packs ? size.group : 1;
  return size.items / group * llvm::divideCeil(size.rows * group, terms.rows);
}

int64_t einfall::clocksOf(const BlockPlan &plan, const LaunchTerms &terms,
                          const LaunchSize &size, int64_t parts) {
  PlainOps ops;
  const LaunchMachine &machine = plan.launch->machine;
  int64_t group = terms.packs ? size.group : 1;
  int64_t clocks =
      clocksOfLaunch(ops, terms, machine, size.items / group, size.rows * group,
                     ArrayRef(size.streams), parts);
  if (parts > 1)
    clocks += clocksOfMerge(ops, machine, plan.stateFloats() * 4,
                            size.items * size.rows, parts);
  return clocks;
}

bool einfall::packingPays(const BlockPlan &plan, const LaunchSize &size) {
  const LaunchTerms &packed = *plan.launch->packed;
  LaunchTerms alone = packed;
  alone.packs = false;
  return 2 * blocksOf(packed, size) <= blocksOf(alone, size) &&
         clocksOf(plan, packed, size, 1) <=
             clocksOf(plan, plan.launch->alone, size, 1);
}

int64_t einfall::leastParts(const BlockPlan &plan, const LaunchSize &size) {
  int64_t tiles = llvm::divideCeil(size.longest(), plan.launch->own.keys);
  int64_t most = std::min(tiles, mostTriedParts), best = 1, least = 0;
  for (int64_t parts = 2; parts <= most; ++parts) {
    int64_t clocks = clocksOf(plan, plan.launch->own, size, parts);
    if (best == 1 || clocks < least)
      best = parts, least = clocks;
  }
  return best;
}

int64_t einfall::clocksWithoutParts(const BlockPlan &plan,
                                    const LaunchSize &size) {
  bool packs = plan.launch->packed && packingPays(plan, size);
  return clocksOf(plan, packs ? *plan.launch->packed : plan.launch->alone, size,
                  1);
}

void einfall::compareLaunches(BlockPlan &plan, const BlockPlan &alone,
                              const BlockPlan *packed, const Machine &machine) {
  LaunchComparison &launch = plan.launch.emplace();
  launch.machine = launchMachineOf(machine);
  launch.machine.folds = plan.folds.size();
  launch.own = launchTermsOf(plan, machine);
  launch.alone = launchTermsOf(alone, machine);
  if (packed)
    launch.packed = launchTermsOf(*packed, machine);
}

std::optional<bool>
BlockPlan::applies(const llvm::StringMap<int64_t> &extents) const {
  if (!splits && !packed) // but a box must not be empty
    return staging == Staging::Boxes ? std::nullopt : std::optional(true);
  if (packed && !packed->group)
    return std::nullopt;
  if (splits && splitCount)
    return true;
  std::optional<LaunchSize> size = launchSizeOf(*this, extents);
  if (!size)
    return std::nullopt;
  if (!splits)
    return packingPays(*this, *size);
  int64_t parts = leastParts(*this, *size);
  return parts > 1 && partsPay(clocksOf(*this, launch->own, *size, parts),
                               clocksWithoutParts(*this, *size));
}

bool einfall::visitVersions(KernelOp kernel, const DeviceMachine &machine,
                            const llvm::StringMap<int64_t> &extents,
                            llvm::function_ref<void(const BlockPlan &)> take,
                            std::string &reason) {
  bool any = false, hasChunks = false;
  std::optional<BlockPlan> whole; ///< with roles
  // What relies on as much as a version that takes all of that is not reached.
  std::optional<Staging> covered;
  bool isScheduled = bool(kernel.getScheduleAttr()), obeyed = false;
  std::string whyNot; ///< that the preferred version does not obey
  // What a launch takes where it takes no parts.
  auto compare = [&](BlockPlan &plan, Staging staging) {
    std::string ignored;
    bool chunks = staging == Staging::Chunks;
    std::optional<BlockPlan> alone = whole;
    if (!chunks || !alone)
      alone = planBlocks(kernel, machine, extents, staging, ignored);
    if (!alone) // its schedule cannot be obeyed
      alone = plan;
    // Its tile is that of the version with parts.
    bool packs = plan.packed && (chunks || !hasChunks);
    compareLaunches(plan, *alone, packs ? &plan : nullptr, machine.description);
  };
  auto attempt = [&](BlockForm form) {
    std::optional<BlockPlan> plan =
        planBlocks(kernel, machine, extents, form, reason);
    // Another version may have tiles that this one cannot.
    if (plan) {
      obeyed = true;
    } else if (isScheduled) {
      std::string without;
      form.obeysSchedule = false;
      plan = planBlocks(kernel, machine, extents, form, without);
      if (plan && whyNot.empty())
        whyNot = reason;
    }
    if (!plan)
      return;
    if (plan->splits || plan->packed)
      compare(*plan, form.staging);
    hasChunks |= form.staging == Staging::Chunks;
    std::optional<bool> applies = plan->applies(extents);
    if ((covered && form.staging >= *covered) || applies == false)
      return;
    if (applies)
      covered = form.staging;
    if (applies && plan->splits && !plan->splitCount)
      plan->splitCount = leastParts(*plan, *launchSizeOf(*plan, extents));
    take(*plan);
    any = true;
  };
  BlockForm boxes(Staging::Boxes);
  boxes.obeysSchedule = false;
  whole = planBlocks(kernel, machine, extents, boxes, reason);
  attempt({Staging::Chunks, /*splits=*/true, /*packs=*/true});
  attempt({Staging::Chunks, /*splits=*/false, /*packs=*/true});
  attempt(Staging::Boxes);
  attempt(Staging::Chunks);
  attempt({Staging::Elements, /*splits=*/true, /*packs=*/true});
  if (!hasChunks)
    attempt({Staging::Elements, /*splits=*/false, /*packs=*/true});
  attempt(Staging::Elements);
  if (any && isScheduled && !obeyed) {
    auto diag = kernel.emitError() << "the schedule cannot be obeyed on "
                                   << machine.target << ": " << whyNot;
    diag.attachNote() << "without it, the compiler chooses tiles that fit";
    reason = whyNot;
    return false;
  }
  return any;
}
