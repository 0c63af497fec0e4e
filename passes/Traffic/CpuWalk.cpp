//===- CpuWalk.cpp - The accesses of a CPU program to memory --------------===//

#include "passes/Traffic/CpuWalk.h"

#include "passes/Traffic/CpuValues.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

static constexpr const char *visitName = "einfall.visit";

namespace {

/// What an operation touches.
struct Touched {
  Value address, mask; ///< mask: null where all lanes take part
  Type type;
  Direction direction;
};

class CpuWalker {
public:
  CpuWalker(func::FuncOp function, Pool &pool, CpuValues &values, CpuWalk &to)
      : function(function), pool(pool), values(values), to(to) {}
  llvm::Error run();

private:
  llvm::Error walk(Block &block);
  llvm::Error loop(scf::ForOp op);
  llvm::Error branch(scf::IfOp op);
  llvm::Error within(Ref condition, Block &block);
  void access(const Touched &touched, const std::string &what);
  void visit(scf::ForOp op, const CpuValues::Loop &rounds);
  Access here(Ref active);

  func::FuncOp function;
  Pool &pool;
  CpuValues &values;
  CpuWalk &to;
  llvm::DenseSet<Operation *> wanted; ///< have accesses in them
  std::vector<Ref> loops, conditions;
};

} // namespace

static std::optional<Touched> touchedBy(Operation *op) {
  if (auto load = dyn_cast<LLVM::LoadOp>(op))
    return Touched{load.getAddr(), nullptr, load.getType(), Direction::Load};
  if (auto store = dyn_cast<LLVM::StoreOp>(op))
    return Touched{store.getAddr(), nullptr, store.getValue().getType(),
                   Direction::Store};
  if (auto load = dyn_cast<LLVM::MaskedLoadOp>(op))
    return Touched{load.getData(), load.getMask(), load.getType(),
                   Direction::Load};
  if (auto store = dyn_cast<LLVM::MaskedStoreOp>(op))
    return Touched{store.getData(), store.getMask(), store.getValue().getType(),
                   Direction::Store};
  if (auto load = dyn_cast<LLVM::masked_gather>(op))
    return Touched{load.getPtrs(), load.getMask(), load.getType(),
                   Direction::Load};
  if (auto store = dyn_cast<LLVM::masked_scatter>(op))
    return Touched{store.getPtrs(), store.getMask(), store.getValue().getType(),
                   Direction::Store};
  return std::nullopt;
}

llvm::Error CpuWalker::run() {
  bool hasVisits = function
                       .walk([](Operation *op) {
                         return op->hasAttr(visitName) ? WalkResult::interrupt()
                                                       : WalkResult::advance();
                       })
                       .wasInterrupted();
  function.walk([&](Operation *op) {
    bool counts = op->hasAttr(visitName);
    if (std::optional<Touched> touched = touchedBy(op)) {
      CpuPlace place = values.placeOf(touched->address);
      counts = place.kind == CpuPlace::Tensor ||
               (!hasVisits && !values.nameOf(place).empty());
    }
    if (counts)
      for (; op != function && wanted.insert(op).second; op = op->getParentOp())
        ;
  });
  return walk(function.getBody().front());
}

llvm::Error CpuWalker::walk(Block &block) {
  for (Operation &op : block) {
    if (!wanted.contains(&op))
      continue;
    if (auto each = dyn_cast<scf::ForOp>(op)) {
      if (llvm::Error error = loop(each))
        return error;
    } else if (auto each = dyn_cast<scf::IfOp>(op)) {
      if (llvm::Error error = branch(each))
        return error;
    } else if (std::optional<Touched> touched = touchedBy(&op)) {
      access(*touched, values.nameOf(values.placeOf(touched->address)));
    } else {
      return llvm::createStringError("%s has accesses in it and no form",
                                     op.getName().getStringRef().str().c_str());
    }
  }
  return llvm::Error::success();
}

llvm::Error CpuWalker::loop(scf::ForOp op) {
  CpuValues::Loop rounds = values.loopOf(op);
  if (!rounds.round)
    return llvm::createStringError(
        "a loop of %s has bounds that no form expresses",
        function.getSymName().str().c_str());
  if (!rounds.isExact) {
    std::set<std::string> sources = sourcesOf(values.of(op.getUpperBound()));
    sources.merge(sourcesOf(values.of(op.getLowerBound())));
    rounds.active =
        pool.both(rounds.active, pool.unknownTruth(llvm::join(sources, ", ")));
  }
  if (op->hasAttr(visitName))
    visit(op, rounds);
  loops.push_back(rounds.round);
  llvm::Error error = within(rounds.active, *op.getBody());
  loops.pop_back();
  return error;
}

llvm::Error CpuWalker::within(Ref condition, Block &block) {
  conditions.push_back(condition);
  llvm::Error error = walk(block);
  conditions.pop_back();
  return error;
}

llvm::Error CpuWalker::branch(scf::IfOp op) {
  Ref condition = pool.resolve(values.of(op.getCondition()));
  if (condition != pool.no)
    if (llvm::Error error = within(condition, *op.thenBlock()))
      return error;
  Ref other = pool.negate(condition);
  if (op.getElseRegion().empty() || other == pool.no)
    return llvm::Error::success();
  return within(other, *op.elseBlock());
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

/// One byte, under the loops and conditions around.
Access CpuWalker::here(Ref active) {
  Access access;
  access.direction = Direction::Load;
  access.loops = loops;
  access.address = pool.zero;
  access.bytes = pool.one;
  std::vector<Ref> conjuncts;
  for (Ref condition : conditions)
    listConjuncts(pool.resolve(condition), conjuncts);
  listConjuncts(pool.resolve(active), conjuncts);
  access.active = pool.yes;
  for (Ref each : conjuncts) {
    if (!each->hasUnknown) {
      access.active = pool.both(access.active, each);
      continue;
    }
    access.isExact = false;
    access.reads.merge(sourcesOf(each));
  }
  return access;
}

void CpuWalker::access(const Touched &touched, const std::string &what) {
  auto vector = dyn_cast<VectorType>(touched.type);
  Type element = getElementTypeOrSelf(touched.type);
  // Pointers are not in tensors.
  int64_t size =
      element.isIntOrFloat() ? (element.getIntOrFloatBitWidth() + 7) / 8 : 8;
  int64_t width = vector ? vector.getNumElements() : 1;
  CpuAccess entry{{}, size * width};
  Ref mask = touched.mask ? values.of(touched.mask) : pool.yes;
  Ref every = values.lane(width);
  if (mask != pool.yes) {
    // Lane by lane.
    loops.push_back(every);
    entry = {here(mask), size};
    loops.pop_back();
  } else {
    entry.access = here(pool.yes);
  }
  entry.access.what = what;
  entry.access.direction = touched.direction;
  to.accesses.push_back(std::move(entry));
}

/// The keys of the tile that the loop is for: an operation before it, or before
/// what it is in, is marked.
static Value keysOf(Operation *op) {
  for (; !isa<func::FuncOp>(op); op = op->getParentOp()) {
    for (Operation *before = op->getPrevNode(); before;
         before = before->getPrevNode())
      if (before->hasAttr("einfall.keys"))
        return before->getResult(0);
  }
  return nullptr;
}

void CpuWalker::visit(scf::ForOp op, const CpuValues::Loop &rounds) {
  CpuVisit visit;
  visit.touched = op->getAttrOfType<DictionaryAttr>(visitName);
  Ref keys = pool.zero;
  if (visit.touched.contains("tile"))
    if (Value value = keysOf(op))
      keys = pool.resolve(values.of(value));
  auto perKey = [&](Ref active) {
    Ref most = keys;
    if (keys->hasUnknown)
      most = pool.knownGreatest(keys);
    if (!most)
      most = pool.number(cast<IntegerAttr>(visit.touched.get("tile")).getInt());
    loops.push_back(pool.variable("key", pool.zero, most));
    Access access = here(active);
    access.isExact &= !keys->hasUnknown;
    loops.pop_back();
    return access;
  };
  visit.tiles = here(pool.yes);
  visit.keys = perKey(pool.yes);
  loops.push_back(rounds.round);
  visit.rounds = here(rounds.active);
  visit.keysOfRounds = perKey(rounds.active);
  loops.pop_back();
  to.visits.push_back(std::move(visit));
}

//===----------------------------------------------------------------------===//
// All phases
//===----------------------------------------------------------------------===//

llvm::Expected<CpuWalk>
einfall::traffic::walkCpu(ModuleOp module,
                          const cascade::KernelInterface &interface, Pool &pool,
                          const Parameters &parameters, int64_t threads) {
  auto find = [&](StringRef suffix) {
    return module.lookupSymbol<func::FuncOp>((interface.name + suffix).str());
  };
  func::FuncOp kernel = find(""), items = find("_items");
  // What a function without side effects returns.
  auto returned = [&](func::FuncOp function, int64_t phase) {
    CpuValues values(function, interface, pool, parameters, phase, threads);
    auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    return pool.resolve(values.of(end.getOperand(0)));
  };
  CpuWalk result;
  result.workspace = returned(find("_workspace"), 0);
  result.shared = returned(find("_shared"), 0);
  result.items = pool.zero;
  constexpr int64_t mostPhases = 16;
  for (int64_t phase = 0; phase < mostPhases; ++phase) {
    Ref count = returned(items, phase);
    if (count->hasUnknown)
      return llvm::createStringError(
          "the items of %s are computed by operations that have no form",
          interface.name.c_str());
    if (count == pool.number(-1))
      break;
    result.items = pool.add(result.items, count);
    CpuValues values(kernel, interface, pool, parameters, phase, threads,
                     count);
    pool.splitsVariables = true;
    CpuWalker walker(kernel, pool, values, result);
    if (llvm::Error error = walker.run())
      return error;
    pool.splitsVariables = false;
  }
  return result;
}
