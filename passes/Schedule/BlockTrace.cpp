//===- BlockTrace.cpp - What the warps of a block do, in order ------------===//

#include "passes/Schedule/BlockTrace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace einfall;
using Event = BlockEvent::Kind;

namespace {
class Walker {
public:
  Walker(device::KernelOp program, int64_t warp, int64_t warps, int64_t tiles)
      : program(program), warp(warp), warps(warps), tiles(tiles) {}

  std::vector<BlockEvent> events;

  void walk(Block &block);

private:
  void walk(scf::ForOp loop);
  void walk(scf::IfOp branch);
  void bind(ValueRange to, ValueRange from);
  void evaluate(Operation &op);
  bool take(Operation &op);
  std::optional<int64_t> of(Value value) const {
    auto it = values.find(value);
    return it == values.end() ? std::nullopt : std::optional(it->second);
  }
  int64_t threads() const { return warps * 32; }
  void add(Event kind, double amount = 0, int64_t id = 0, int64_t count = 0) {
    events.push_back({kind, amount, id, count, false, tile});
  }
  /// Amounts of the same kind in a row are one event.
  void accumulate(Event kind, double amount) {
    if (!events.empty() && events.back().kind == kind &&
        events.back().tile == tile && !events.back().isAsynchronous)
      events.back().amount += amount;
    else
      add(kind, amount);
  }

  device::KernelOp program;
  int64_t warp, warps, tiles, tile = -1;
  llvm::DenseMap<Value, int64_t> values;
};
} // namespace

/// Whether a region has anything that a trace shows besides arithmetic.
static bool hasEvents(Region &region) {
  return region
      .walk([](Operation *op) {
        bool found =
            isa<device::CopyAsyncOp, device::BulkLoadOp, device::BarrierOp,
                device::ArriveOp, device::MBarrierWaitOp,
                device::MBarrierArriveOp, device::MmaOp, device::MmaTf32Op,
                device::WgmmaOp, device::CopyCommitOp>(op);
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static int64_t sizeOf(Region &region) {
  int64_t count = 0;
  region.walk([&](Operation *) { ++count; });
  return count;
}

void Walker::bind(ValueRange to, ValueRange from) {
  SmallVector<std::optional<int64_t>> known;
  for (Value value : from)
    known.push_back(of(value));
  for (auto [target, value] : llvm::zip(to, known)) {
    if (value)
      values[target] = *value;
    else
      values.erase(target);
  }
}

/// Integers, as far as they follow from constants and from which warp this is.
void Walker::evaluate(Operation &op) {
  if (op.getNumResults() != 1)
    return;
  Value result = op.getResult(0);
  auto set = [&](std::optional<int64_t> value) {
    if (!value)
      return void(values.erase(result));
    // As wide as the type says.
    if (result.getType().isInteger(32))
      value = int32_t(*value);
    values[result] = *value;
  };
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      set(integer.getType().isInteger(1) ? !integer.getValue().isZero()
                                         : integer.getInt());
    return;
  }
  if (isa<device::ThreadOp>(op))
    return set(warp * 32);
  if (isa<device::UniformOp, arith::ExtUIOp, arith::ExtSIOp, arith::TruncIOp>(
          op))
    return set(of(op.getOperand(0)));
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    std::optional<int64_t> condition = of(select.getCondition());
    return set(!condition   ? std::nullopt
               : *condition ? of(select.getTrueValue())
                            : of(select.getFalseValue()));
  }
  if (op.getNumOperands() != 2)
    return;
  std::optional<int64_t> a = of(op.getOperand(0)), b = of(op.getOperand(1));
  if (!a || !b)
    return set(std::nullopt);
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    bool is32 = compare.getLhs().getType().isInteger(32);
    auto u = [&](int64_t x) {
      return is32 ? uint64_t(uint32_t(x)) : uint64_t(x);
    };
    switch (compare.getPredicate()) {
    case arith::CmpIPredicate::eq:
      return set(*a == *b);
    case arith::CmpIPredicate::ne:
      return set(*a != *b);
    case arith::CmpIPredicate::slt:
      return set(*a < *b);
    case arith::CmpIPredicate::sle:
      return set(*a <= *b);
    case arith::CmpIPredicate::sgt:
      return set(*a > *b);
    case arith::CmpIPredicate::sge:
      return set(*a >= *b);
    case arith::CmpIPredicate::ult:
      return set(u(*a) < u(*b));
    case arith::CmpIPredicate::ule:
      return set(u(*a) <= u(*b));
    case arith::CmpIPredicate::ugt:
      return set(u(*a) > u(*b));
    case arith::CmpIPredicate::uge:
      return set(u(*a) >= u(*b));
    }
  }
  std::optional<int64_t> value;
  if (isa<arith::AddIOp>(op))
    value = *a + *b;
  else if (isa<arith::SubIOp>(op))
    value = *a - *b;
  else if (isa<arith::MulIOp>(op))
    value = *a * *b;
  else if (isa<arith::AndIOp>(op))
    value = *a & *b;
  else if (isa<arith::OrIOp>(op))
    value = *a | *b;
  else if (isa<arith::XOrIOp>(op))
    value = *a ^ *b;
  else if (isa<arith::ShRUIOp>(op) && *b < 64)
    value = int64_t(uint64_t(*a) >> *b);
  else if (isa<arith::ShLIOp>(op) && *b < 64)
    value = int64_t(uint64_t(*a) << *b);
  else if (isa<arith::DivUIOp, arith::DivSIOp>(op) && *b > 0)
    value = *a / *b;
  else if (isa<arith::RemUIOp, arith::RemSIOp>(op) && *b > 0)
    value = *a % *b;
  set(value);
}

/// What stands in the trace for `op`; false: nothing.
bool Walker::take(Operation &op) {
  auto barrierThreads = [&](std::optional<int64_t> count) {
    return count.value_or(int64_t(program.getThreads()));
  };
  if (auto copy = dyn_cast<device::CopyAsyncOp>(op)) {
    accumulate(Event::Copy, double(copy.getBytes()) * threads());
  } else if (isa<device::CopyCommitOp>(op)) {
    add(Event::CopyCommit);
  } else if (auto wait = dyn_cast<device::CopyWaitOp>(op)) {
    add(Event::CopyWait, 0, 0, wait.getPending());
  } else if (auto load = dyn_cast<device::BulkLoadOp>(op)) {
    add(Event::Copy, 0, of(load.getBarrier()).value_or(-1));
    events.back().isAsynchronous = true;
  } else if (auto mma = dyn_cast<device::MmaOp>(op)) {
    accumulate(Event::Matrix, 2.0 * 16 * 8 * double(mma.getDepth()) * warps);
  } else if (auto mma = dyn_cast<device::MmaTf32Op>(op)) {
    // Half the depth at half the rate: as long as one of 16-bit factors.
    accumulate(Event::Matrix, 2.0 * 16 * 8 * 16 * warps);
  } else if (auto wgmma = dyn_cast<device::WgmmaOp>(op)) {
    add(Event::Matrix, 2.0 * 64 * double(wgmma.getColumns()) * 16);
    events.back().isAsynchronous = true;
  } else if (isa<device::WgmmaCommitOp>(op)) {
    add(Event::MatrixCommit);
  } else if (auto wait = dyn_cast<device::WgmmaWaitOp>(op)) {
    add(Event::MatrixWait, 0, 0, wait.getPending());
  } else if (isa<device::ApproximateOp>(op)) {
    accumulate(Event::Special, threads());
  } else if (auto barrier = dyn_cast<device::BarrierOp>(op)) {
    add(Event::Barrier, 0, barrier.getId(),
        barrierThreads(barrier.getThreads()));
  } else if (auto barrier = dyn_cast<device::BarrierAnyOp>(op)) {
    add(Event::Barrier, 0, barrier.getId(),
        barrierThreads(barrier.getThreads()));
  } else if (auto arrive = dyn_cast<device::ArriveOp>(op)) {
    add(Event::Arrive, 0, arrive.getId(), arrive.getThreads());
  } else if (auto init = dyn_cast<device::MBarrierInitOp>(op)) {
    add(Event::PhaseInit, 0, of(init.getAddress()).value_or(-1),
        init.getCount());
  } else if (auto arrive = dyn_cast<device::MBarrierArriveOp>(op)) {
    // A lane of each warp does; this is the trace of one warp.
    add(Event::PhaseArrive, 0, of(arrive.getAddress()).value_or(-1), warps);
  } else if (auto expect = dyn_cast<device::MBarrierExpectOp>(op)) {
    add(Event::PhaseExpect, of(expect.getBytes()).value_or(0),
        of(expect.getAddress()).value_or(-1), 1);
  } else if (auto wait = dyn_cast<device::MBarrierWaitOp>(op)) {
    add(Event::PhaseWait, 0, of(wait.getAddress()).value_or(-1),
        of(wait.getParity()).value_or(0) & 1);
  } else if (auto load = dyn_cast<device::LdMatrixOp>(op)) {
    accumulate(Event::Shared, double(load.getCount()) * 128 * warps);
  } else if (auto load = dyn_cast<device::LoadOp>(op)) {
    double bytes =
        double(device::sizeInBytes(load.getType())) * double(threads());
    accumulate(load.getSpace() == device::Space::Shared ? Event::Shared
                                                        : Event::Copy,
               bytes);
  } else if (auto store = dyn_cast<device::StoreOp>(op)) {
    double bytes = double(device::sizeInBytes(store.getValue().getType())) *
                   double(threads());
    accumulate(store.getSpace() == device::Space::Shared ? Event::Shared
                                                         : Event::Store,
               bytes);
  } else if (isa<device::FmaOp, device::PackOp, device::ShuffleOp>(op) ||
             (op.getNumResults() == 1 && op.getResult(0).getType().isF32() &&
              isa<arith::ArithDialect>(op.getDialect()) &&
              !isa<arith::ConstantOp>(op))) {
    accumulate(Event::Arithmetic, threads());
  } else {
    return false;
  }
  return true;
}

void Walker::walk(scf::ForOp loop) {
  bool isStream = hasEvents(loop.getRegion());
  if (!isStream)
    return;
  std::optional<int64_t> lo = of(loop.getLowerBound()),
                         hi = of(loop.getUpperBound()),
                         step = of(loop.getStep());
  // All groups stop at the same coordinate of the stream, wherever they begin.
  int64_t turns = tiles;
  if (lo && step && *step > 0 && *lo < tiles * *step) {
    int64_t end = hi ? std::min(*hi, tiles * *step) : tiles * *step;
    turns = std::max<int64_t>(0, (end - *lo + *step - 1) / *step);
  }
  bind(loop.getRegionIterArgs(), loop.getInitArgs());
  int64_t outer = tile;
  for (int64_t i = 0; i < turns; ++i) {
    if (outer < 0)
      tile = i;
    if (lo && step)
      values[loop.getInductionVar()] = *lo + i * *step;
    else
      values.erase(loop.getInductionVar());
    walk(*loop.getBody());
    bind(loop.getRegionIterArgs(),
         loop.getBody()->getTerminator()->getOperands());
  }
  tile = outer;
  bind(loop.getResults(), loop.getRegionIterArgs());
}

void Walker::walk(scf::IfOp branch) {
  std::optional<int64_t> condition = of(branch.getCondition());
  Region *region = nullptr;
  if (condition)
    region = *condition ? &branch.getThenRegion() : &branch.getElseRegion();
  else if (branch.getElseRegion().empty())
    // Streams are long: what depends on there being a next tile happens.
    region = hasEvents(branch.getThenRegion()) && tile >= -1
                 ? &branch.getThenRegion()
                 : nullptr;
  else
    region = sizeOf(branch.getThenRegion()) <= sizeOf(branch.getElseRegion())
                 ? &branch.getThenRegion()
                 : &branch.getElseRegion();
  if (!region || region->empty())
    return;
  walk(region->front());
  bind(branch.getResults(), region->front().getTerminator()->getOperands());
}

void Walker::walk(Block &block) {
  for (Operation &op : block) {
    if (auto loop = dyn_cast<scf::ForOp>(op))
      walk(loop);
    else if (auto branch = dyn_cast<scf::IfOp>(op))
      walk(branch);
    else {
      take(op);
      evaluate(op);
    }
  }
}

std::vector<WarpGroupTrace> einfall::traceOf(device::KernelOp program,
                                             int64_t tiles) {
  std::vector<WarpGroupTrace> groups;
  int64_t warps = program.getThreads() / 32;
  for (int64_t first = 0; first < warps; first += 4) {
    int64_t count = std::min<int64_t>(4, warps - first);
    Walker walker(program, first, count, tiles);
    walker.walk(program.getBody().front());
    groups.push_back({"", count, std::move(walker.events)});
  }
  bool anyStream = false, anyCopies = false;
  for (const WarpGroupTrace &group : groups)
    for (const BlockEvent &event : group.events)
      anyStream |= event.tile >= 0 && event.kind == Event::Matrix,
          anyCopies |= event.kind == Event::PhaseExpect;
  if (!anyStream)
    return {};
  unsigned consumers = 0;
  for (auto [i, group] : llvm::enumerate(groups)) {
    bool multiplies = llvm::any_of(group.events, [](const BlockEvent &event) {
      return event.kind == Event::Matrix;
    });
    group.name = !anyCopies ? "warps " + std::to_string(4 * i) + "-" +
                                  std::to_string(4 * i + group.warps - 1)
                 : multiplies ? "consumer " + std::to_string(++consumers)
                              : "producer";
  }
  return groups;
}
