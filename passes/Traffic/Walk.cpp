//===- Walk.cpp - The accesses of a device program to memory --------------===//

#include "passes/Traffic/Walk.h"

#include "passes/Traffic/ControlWalk.h"
#include "passes/Traffic/Values.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::traffic;

static bool touchesGlobal(Operation *op) {
  if (auto load = dyn_cast<device::LoadOp>(op))
    return load.getSpace() == device::Space::Global;
  if (auto store = dyn_cast<device::StoreOp>(op))
    return store.getSpace() == device::Space::Global;
  return isa<device::CopyAsyncOp, device::BulkLoadOp, device::BulkStoreOp>(op);
}

namespace {
class Walker : ControlWalk {
public:
  Walker(device::KernelOp kernel, Pool &pool, const Parameters &parameters)
      : ControlWalk(kernel, pool, values), kernel(kernel),
        values(kernel, pool, parameters) {}

  llvm::Expected<Launch> launch();
  llvm::Error run(const Launch &launch);
  std::vector<Access> accesses;

private:
  llvm::Error at(Operation *op) override;
  bool saysByLoops(Ref condition) override { return joinsWarps(condition); }
  void bulk(Operation *op, Value map, OperandRange coordinates,
            Direction direction);
  /// `thread`: the variable of the lane that comes alone, or null.
  void take(Access access, Ref thread = nullptr);
  bool joinsWarps(Ref condition);

  device::KernelOp kernel;
  Values values;
};
} // namespace

//===----------------------------------------------------------------------===//
// The grid
//===----------------------------------------------------------------------===//

llvm::Expected<Launch> Walker::launch() {
  device::LaunchOp op = kernel.getLaunch();
  auto of = [&](Value value) { return value ? values.of(value) : nullptr; };
  Launch launch{of(op.getX()), of(op.getY()), of(op.getZ()), of(op.getWhen()),
                of(op.getWorkspace())};
  for (Ref form : {launch.x, launch.y, launch.z})
    if (form->hasUnknown)
      return llvm::createStringError(
          "the grid of %s is computed by operations that have no form",
          kernel.getSymName().str().c_str());
  return launch;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

llvm::Error Walker::run(const Launch &launch) {
  kernel.getBody().walk([&](Operation *op) {
    if (touchesGlobal(op))
      want(op);
  });
  Ref counts[3] = {launch.x, launch.y, launch.z};
  for (unsigned i = 0; i < 3; ++i) {
    values.blocks[i] = counts[i] == pool.one
                           ? pool.zero
                           : pool.variable("block", pool.zero, counts[i]);
    if (values.blocks[i] != pool.zero)
      loops.push_back(values.blocks[i]);
  }
  unsigned warps = kernel.getThreads() / 32;
  values.warp = warps == 1
                    ? pool.zero
                    : pool.variable("warp", pool.zero, pool.number(warps));
  if (warps > 1)
    loops.push_back(values.warp);
  return walk(kernel.getBody().front());
}

/// Blocks of w warps that take items together, item w block + warp where it is
/// less than their number: the item becomes the variable.
bool Walker::joinsWarps(Ref condition) {
  if (condition->kind != Kind::NotNegative || loops.size() != 2 ||
      Pool::atomOf(pool.resolve(values.blocks[0])) != Pool::atomOf(loops[0]))
    return false;
  Ref block = loops[0], warp = loops[1];
  Ref warps = pool.number(kernel.getThreads() / 32);
  Ref item = pool.add(pool.mul(block, warps), warp);
  Ref items = pool.add(pool.add(condition->operands[0], item), pool.one);
  if (items->has(Pool::atomOf(block)) || items->has(Pool::atomOf(warp)) ||
      items->has(Pool::atomOf(pool.lane)) ||
      Pool::atomOf(block)->operands[1] != pool.ceil(items, warps))
    return false;
  Ref number = pool.variable("item", pool.zero, items);
  // The program splits the item otherwise.
  pool.splitsVariables = false;
  pool.define(block, pool.quotient(number, warps));
  pool.define(warp, pool.remainder(number, warps));
  pool.splitsVariables = true;
  loops = {number};
  return true;
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

llvm::Error Walker::at(Operation *op) {
  Access access;
  access.active = pool.yes;
  auto sum = [&](Value base, Value offset) {
    return pool.add(values.of(base), values.of(offset));
  };
  if (auto load = dyn_cast<device::LoadOp>(op)) {
    access.direction = Direction::Load;
    access.address = sum(load.getBase(), load.getOffset());
    access.bytes = pool.number(device::sizeInBytes(load.getType()));
  } else if (auto store = dyn_cast<device::StoreOp>(op)) {
    access.direction = Direction::Store;
    access.address = sum(store.getBase(), store.getOffset());
    access.bytes = pool.number(device::sizeInBytes(store.getValue().getType()));
  } else if (auto copy = dyn_cast<device::CopyAsyncOp>(op)) {
    access.direction = Direction::Copy;
    access.address = values.of(copy.getSource());
    access.bytes = values.of(copy.getValid());
    // Those that copy nothing read nothing; the others all of it.
    access.active = pool.less(pool.zero, access.bytes);
    access.bytes = pool.number(copy.getBytes());
  } else if (auto load = dyn_cast<device::BulkLoadOp>(op)) {
    bulk(op, load.getMap(), load.getCoordinates(), Direction::Copy);
    return llvm::Error::success();
  } else if (auto store = dyn_cast<device::BulkStoreOp>(op)) {
    bulk(op, store.getMap(), store.getCoordinates(), Direction::Store);
    return llvm::Error::success();
  }
  access.loops = loops;
  take(std::move(access));
  return llvm::Error::success();
}

/// A box is asked for row by row, by each thread that comes here.
void Walker::bulk(Operation *op, Value map, OperandRange coordinates,
                  Direction direction) {
  unsigned number =
      cast<BlockArgument>(map).getArgNumber() - kernel.getParameters().size();
  auto encode =
      kernel.getLaunch().getMaps()[number].getDefiningOp<device::EncodeMapOp>();
  int64_t size = (encode.getElement().getIntOrFloatBitWidth() + 7) / 8;
  Access access;
  access.direction = direction;
  access.loops = loops;
  access.active = pool.yes;
  Ref x = values.of(coordinates[0]);
  Ref inside = values.of(encode.getExtents()[0]);
  Ref width = pool.number(encode.getBox()[0]);
  Ref first = pool.minimum(pool.maximum(pool.scale(x, -1), pool.zero), width);
  Ref last = pool.minimum(pool.maximum(pool.sub(inside, x), first), width);
  access.address = pool.add(values.of(encode.getBase()),
                            pool.scale(pool.add(x, first), size));
  access.bytes = pool.scale(pool.sub(last, first), size);
  for (unsigned d = 1; d < coordinates.size(); ++d) {
    Ref at = values.of(coordinates[d]);
    if (encode.getBox()[d] > 1) {
      Ref row =
          pool.variable("row", pool.zero, pool.number(encode.getBox()[d]));
      access.loops.push_back(row);
      at = pool.add(at, row);
    }
    access.active =
        pool.both(access.active,
                  pool.both(pool.lessOrEqual(pool.zero, at),
                            pool.less(at, values.of(encode.getExtents()[d]))));
    access.address = pool.add(
        access.address, pool.mul(at, values.of(encode.getStrides()[d - 1])));
  }
  // Lanes come one by one.
  Ref thread = pool.variable("lane", pool.zero, pool.number(32));
  access.loops.insert(access.loops.begin() + loops.size(), thread);
  take(std::move(access), thread);
}

void Walker::take(Access access, Ref thread) {
  restrict(access);
  access.address = pool.resolve(access.address);
  access.bytes = pool.resolve(access.bytes);
  if (thread) {
    Substitution alone{{Pool::atomOf(pool.lane), thread}};
    access.active = pool.both(pool.substitute(access.active, alone),
                              pool.isZero(pool.lane));
    access.address = pool.substitute(access.address, alone);
    access.bytes = pool.substitute(access.bytes, alone);
  }
  access.what = tensorAt(access.address);
  if (access.address->hasUnknown) {
    // Sectors of its own for every lane.
    access.isExact = false;
    access.reads.merge(sourcesOf(access.address));
    access.address = pool.scale(pool.lane, 32);
  }
  accesses.push_back(std::move(access));
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

llvm::Expected<Launch>
einfall::traffic::launchOf(device::KernelOp kernel, Pool &pool,
                           const Parameters &parameters) {
  return Walker(kernel, pool, parameters).launch();
}

llvm::Expected<std::vector<Access>>
einfall::traffic::accessesOf(device::KernelOp kernel, Pool &pool,
                             const Parameters &parameters) {
  Walker walker(kernel, pool, parameters);
  auto launch = walker.launch();
  if (!launch)
    return launch.takeError();
  if (llvm::Error error = walker.run(*launch))
    return error;
  return std::move(walker.accesses);
}
