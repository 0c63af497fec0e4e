//===- CpuWalk.cpp - The accesses of a CPU program to memory --------------===//

#include "passes/Traffic/CpuWalk.h"

#include "passes/Traffic/ControlWalk.h"
#include "passes/Traffic/CpuValues.h"

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

class CpuWalker : ControlWalk {
public:
  CpuWalker(func::FuncOp function, Pool &pool, CpuValues &values, CpuWalk &to)
      : ControlWalk(function, pool, values), function(function), values(values),
        to(to) {}
  llvm::Error run();

private:
  llvm::Error at(Operation *op) override;
  void atLoop(scf::ForOp op, const CpuValues::Loop &rounds) override {
    if (op->hasAttr(visitName))
      visit(op, rounds);
  }
  void access(const Touched &touched, const std::string &what);
  void visit(scf::ForOp op, const CpuValues::Loop &rounds);
  Access here(Ref active);

  func::FuncOp function;
  CpuValues &values;
  CpuWalk &to;
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
      want(op);
  });
  return walk(function.getBody().front());
}

llvm::Error CpuWalker::at(Operation *op) {
  std::optional<Touched> touched = touchedBy(op);
  if (!touched)
    return llvm::createStringError("%s has accesses in it and no form",
                                   op->getName().getStringRef().str().c_str());
  access(*touched, values.nameOf(values.placeOf(touched->address)));
  return llvm::Error::success();
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
  access.active = active;
  restrict(access);
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
