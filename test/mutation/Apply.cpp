//===- Apply.cpp - Making one fault in a device program -------------------===//

#include "test/mutation/Mutants.h"

#include "test/mutation/Roles.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

/// The distance of rows in bytes: what an address has rows multiplied with.
static int64_t rowBytesOf(Value address) {
  SmallVector<Value> work{address};
  for (size_t i = 0; i < work.size() && i < 64; ++i) {
    Operation *op = work[i].getDefiningOp();
    if (!op)
      continue;
    if (isa<arith::MulIOp>(op))
      if (std::optional<int64_t> factor = integerOf(op->getOperand(1));
          factor && *factor > 16)
        return *factor;
    llvm::append_range(work, op->getOperands());
  }
  return 16;
}

namespace {
class Maker {
public:
  Maker(device::KernelOp kernel, Operation *op)
      : kernel(kernel), op(op), b(op) {}
  void make(const Mutant &mutant);

private:
  Value moved(Value value, int64_t by) {
    Value distance = arith::ConstantOp::create(
        b, op->getLoc(), b.getIntegerAttr(value.getType(), by));
    return arith::AddIOp::create(b, op->getLoc(), value, distance);
  }
  void becomes(Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
  }
  void becomesTrue() {
    becomes(arith::ConstantOp::create(b, op->getLoc(), b.getBoolAttr(true)));
  }
  void toggle(StringRef attribute) {
    if (op->hasAttr(attribute))
      op->removeAttr(attribute);
    else
      op->setAttr(attribute, b.getUnitAttr());
  }
  void move(OpOperand &operand, int64_t by) {
    operand.assign(moved(operand.get(), by));
  }
  void moveCopy();
  void makeHopper(const Mutant &mutant);
  void moveLoop(scf::ForOp loop, unsigned variant);

  device::KernelOp kernel;
  Operation *op;
  OpBuilder b;
};
} // namespace

void Maker::moveLoop(scf::ForOp loop, unsigned variant) {
  bool isLower = variant < 2, adds = variant % 2;
  Value bound = isLower ? loop.getLowerBound() : loop.getUpperBound();
  Value step = loop.getStep();
  bound = adds ? Value(arith::AddIOp::create(b, op->getLoc(), bound, step))
               : Value(arith::SubIOp::create(b, op->getLoc(), bound, step));
  if (isLower)
    loop.setLowerBound(bound);
  else
    loop.setUpperBound(bound);
}

void Maker::moveCopy() {
  if (auto store = dyn_cast<device::BulkStoreOp>(op))
    return move(store.getSourceMutable(), 1024);
  // By a stage, so that the place is one of the ring.
  std::optional<Ring> ring = ringOf(kernel);
  bool isBytes = ring && ring->stage >= 16;
  if (auto load = dyn_cast<device::BulkLoadOp>(op))
    return move(load.getDestinationMutable(), isBytes ? ring->stage : 1024);
  auto copy = cast<device::CopyAsyncOp>(op);
  move(copy.getDestinationMutable(), isBytes ? ring->stage : copy.getBytes());
}

void Maker::makeHopper(const Mutant &mutant) {
  unsigned variant = mutant.variant;
  switch (mutant.kind) {
  case Kind::ParityFlipped: {
    auto wait = cast<device::MBarrierWaitOp>(op);
    Value one =
        arith::ConstantOp::create(b, op->getLoc(), b.getI32IntegerAttr(1));
    return wait.getParityMutable().assign(
        arith::XOrIOp::create(b, op->getLoc(), wait.getParity(), one));
  }
  case Kind::BytesChanged:
    return move(cast<device::MBarrierExpectOp>(op).getBytesMutable(),
                variant ? 16 : -16);
  case Kind::BarrierMistaken:
    if (auto load = dyn_cast<device::BulkLoadOp>(op))
      return move(load.getBarrierMutable(), 8);
    return move(op->getOpOperand(0), 8);
  case Kind::BoxMoved:
    // Coordinates follow the map.
    return move(op->getOpOperand(1 + variant), 1);
  case Kind::MapExtentChanged:
    return move(op->getOpOperand(1 + variant / 2), variant % 2 ? 1 : -1);
  case Kind::MapStrideChanged: {
    auto map = cast<device::EncodeMapOp>(op);
    return move(op->getOpOperand(1 + map.getExtents().size() + variant), 16);
  }
  case Kind::MapBoxChanged: {
    auto map = cast<device::EncodeMapOp>(op);
    SmallVector<int64_t> box(map.getBox());
    --box[variant];
    return map.setBox(box);
  }
  case Kind::SwizzleChanged: {
    int64_t swizzle = op->getAttrOfType<IntegerAttr>("swizzle").getInt();
    return op->setAttr("swizzle", b.getI64IntegerAttr(swizzle ? 0 : 128));
  }
  case Kind::DescriptorStrides: {
    StringRef attribute = variant ? "stride" : "leading";
    int64_t bytes = op->getAttrOfType<IntegerAttr>(attribute).getInt();
    return op->setAttr(attribute, b.getI64IntegerAttr(bytes + 16));
  }
  case Kind::OperandTransposed:
    return toggle(variant ? "transposeB" : "transposeA");
  default:
    llvm_unreachable("made by make");
  }
}

void Maker::make(const Mutant &mutant) {
  switch (mutant.kind) {
  case Kind::WaitRemoved:
  case Kind::ArrivalRemoved:
  case Kind::CommitRemoved:
  case Kind::FenceRemoved:
  case Kind::BarrierRemoved:
  case Kind::WarpBarrierRemoved:
  case Kind::RegistersKept:
    // Fences and waits for products hand their operands on.
    op->replaceAllUsesWith(op->getOperands().take_front(op->getNumResults()));
    return op->erase();
  case Kind::WaitLoosened:
    return op->setAttr(
        "pending", b.getI64IntegerAttr(
                       op->getAttrOfType<IntegerAttr>("pending").getInt() + 1));
  case Kind::CountChanged: {
    auto init = cast<device::MBarrierInitOp>(op);
    return init.setCount(init.getCount() + (mutant.variant ? 1 : -1));
  }
  case Kind::CopyMoved:
    return moveCopy();
  case Kind::ParityFlipped:
  case Kind::BytesChanged:
  case Kind::BoxMoved:
  case Kind::BarrierMistaken:
  case Kind::MapExtentChanged:
  case Kind::MapStrideChanged:
  case Kind::MapBoxChanged:
  case Kind::SwizzleChanged:
  case Kind::DescriptorStrides:
  case Kind::OperandTransposed:
    return makeHopper(mutant);
  case Kind::CopyUnbounded: {
    auto copy = cast<device::CopyAsyncOp>(op);
    return copy.getValidMutable().assign(arith::ConstantOp::create(
        b, op->getLoc(), b.getI32IntegerAttr(copy.getBytes())));
  }
  case Kind::StageNotWrapped:
    if (isa<arith::RemUIOp>(op))
      return becomes(op->getOperand(0));
    [[fallthrough]];
  case Kind::SentinelKept:
    return becomes(cast<arith::SelectOp>(op).getFalseValue());
  case Kind::StageNotAdvanced: {
    if (isa<arith::RemUIOp>(op))
      return becomes(arith::ConstantOp::create(
          b, op->getLoc(), b.getIntegerAttr(op->getResult(0).getType(), 0)));
    auto select = cast<arith::SelectOp>(op);
    return becomes(
        select.getFalseValue().getDefiningOp<arith::AddIOp>().getLhs());
  }
  case Kind::MatrixTransposed:
    return toggle("transpose");
  case Kind::MatrixMoved: {
    OpOperand &address = op->getOpOperand(0);
    return address.assign(moved(address.get(), rowBytesOf(address.get())));
  }
  case Kind::LoadMoved: {
    auto load = cast<device::LoadOp>(op);
    return load.getOffsetMutable().assign(
        moved(load.getOffset(), device::sizeInBytes(load.getType())));
  }
  case Kind::StoreMoved: {
    auto store = cast<device::StoreOp>(op);
    return store.getOffsetMutable().assign(moved(
        store.getOffset(), device::sizeInBytes(store.getValue().getType())));
  }
  case Kind::CompareShifted: {
    auto compare = cast<arith::CmpIOp>(op);
    return compare.setPredicate(*shifted(compare.getPredicate()));
  }
  case Kind::CompareDropped:
  case Kind::ConditionDropped:
    return becomesTrue();
  case Kind::MaskDropped:
    return becomes(cast<arith::SelectOp>(op).getTrueValue());
  case Kind::ShuffleMoved: {
    auto shuffle = cast<device::ShuffleOp>(op);
    Value three =
        arith::ConstantOp::create(b, op->getLoc(), b.getI32IntegerAttr(3));
    return shuffle.getOperandMutable().assign(
        arith::XOrIOp::create(b, op->getLoc(), shuffle.getOperand(), three));
  }
  case Kind::PowerDropped:
    return becomes(
        arith::ConstantOp::create(b, op->getLoc(), b.getF32FloatAttr(1.0f)));
  case Kind::LoopBound:
    return moveLoop(cast<scf::ForOp>(op), mutant.variant);
  }
}

void mutation::apply(device::KernelOp kernel, const Mutant &mutant) {
  Maker(kernel, operationOf(kernel, mutant)).make(mutant);
}
