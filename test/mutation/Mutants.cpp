//===- Mutants.cpp - Device programs with one fault each ------------------===//

#include "test/mutation/Mutants.h"

#include "test/mutation/Roles.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;
using Predicate = arith::CmpIPredicate;

llvm::StringRef mutation::name(Kind kind) {
  switch (kind) {
  case Kind::WaitRemoved:
    return "wait removed";
  case Kind::WaitLoosened:
    return "wait loosened";
  case Kind::CommitRemoved:
    return "commit removed";
  case Kind::BarrierRemoved:
    return "barrier removed";
  case Kind::WarpBarrierRemoved:
    return "warp barrier removed";
  case Kind::CopyMoved:
    return "copy moved";
  case Kind::CopyUnbounded:
    return "copy unbounded";
  case Kind::StageNotWrapped:
    return "stage not wrapped";
  case Kind::StageNotAdvanced:
    return "stage not advanced";
  case Kind::MatrixTransposed:
    return "ldmatrix transposed";
  case Kind::MatrixMoved:
    return "ldmatrix moved";
  case Kind::LoadMoved:
    return "shared load moved";
  case Kind::StoreMoved:
    return "store moved";
  case Kind::CompareShifted:
    return "comparison off by one";
  case Kind::CompareDropped:
    return "comparison dropped";
  case Kind::MaskDropped:
    return "mask dropped";
  case Kind::ShuffleMoved:
    return "shuffle moved";
  case Kind::PowerDropped:
    return "2^x replaced by 1";
  case Kind::SentinelKept:
    return "sentinel kept";
  case Kind::LoopBound:
    return "loop bound off by a step";
  case Kind::ConditionDropped:
    return "condition dropped";
  }
  return "";
}

/// `<` for `<=` and so on; nothing for equality.
static std::optional<Predicate> shifted(Predicate predicate) {
  switch (predicate) {
  case Predicate::slt:
    return Predicate::sle;
  case Predicate::sle:
    return Predicate::slt;
  case Predicate::sgt:
    return Predicate::sge;
  case Predicate::sge:
    return Predicate::sgt;
  case Predicate::ult:
    return Predicate::ule;
  case Predicate::ule:
    return Predicate::ult;
  case Predicate::ugt:
    return Predicate::uge;
  case Predicate::uge:
    return Predicate::ugt;
  default:
    return std::nullopt;
  }
}

/// True where a selection takes the sentinel's place or keeps it away: its
/// condition is a comparison with an infinity.
static bool guardsSentinel(arith::SelectOp select) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
  return compare &&
         (isSentinel(compare.getRhs()) || isSentinel(compare.getLhs()));
}

namespace {
/// Lists the mutants of one operation.
class Lister {
public:
  explicit Lister(std::vector<Mutant> &mutants) : mutants(mutants) {}
  void visit(Operation *op, unsigned number);

private:
  void add(Operation *op, Kind kind, std::string role, unsigned variant = 0) {
    std::string text;
    llvm::raw_string_ostream os(text);
    op->print(os, OpPrintingFlags().skipRegions().useLocalScope());
    if (text.size() > 120)
      text = text.substr(0, 117) + "...";
    mutants.push_back({kind, number, variant, std::move(role), text});
  }
  void visitSelect(arith::SelectOp op);
  unsigned number = 0;
  std::vector<Mutant> &mutants;
};
} // namespace

void Lister::visitSelect(arith::SelectOp op) {
  if (ringOf(op)) {
    add(op, Kind::StageNotWrapped, placeOf(op));
    add(op, Kind::StageNotAdvanced, placeOf(op));
  } else if (guardsSentinel(op)) {
    add(op, Kind::SentinelKept, roleOf(op));
  } else if (op.getType().isF32() &&
             (isSentinel(op.getFalseValue()) ||
              matchPattern(op.getFalseValue(), m_AnyZeroFloat())) &&
             !op.getCondition().getDefiningOp<arith::CmpFOp>()) {
    add(op, Kind::MaskDropped, roleOf(op));
  }
}

void Lister::visit(Operation *op, unsigned number) {
  this->number = number;
  bool isGrid = op->getParentRegion() &&
                isa<device::KernelOp>(op->getParentOp()) &&
                op->getParentRegion()->getRegionNumber() == 0;
  if (isGrid) {
    auto compare = dyn_cast<arith::CmpIOp>(op);
    if (compare)
      add(op, Kind::ConditionDropped, parametersOf(compare.getResult()));
    return;
  }
  std::string place = placeOf(op);
  if (isa<device::CopyWaitOp>(op)) {
    add(op, Kind::WaitRemoved, place);
    add(op, Kind::WaitLoosened, place);
  } else if (isa<device::CopyCommitOp>(op)) {
    add(op, Kind::CommitRemoved, place);
  } else if (isa<device::BarrierOp>(op)) {
    add(op, Kind::BarrierRemoved, place);
  } else if (isa<device::WarpBarrierOp>(op)) {
    add(op, Kind::WarpBarrierRemoved, place);
  } else if (auto copy = dyn_cast<device::CopyAsyncOp>(op)) {
    add(op, Kind::CopyMoved, place);
    if (!integerOf(copy.getValid()))
      add(op, Kind::CopyUnbounded, place);
  } else if (isa<device::LdMatrixOp>(op)) {
    add(op, Kind::MatrixTransposed, place);
    add(op, Kind::MatrixMoved, place);
  } else if (auto load = dyn_cast<device::LoadOp>(op)) {
    if (load.getSpace() == device::Space::Shared)
      add(op, Kind::LoadMoved, place);
  } else if (auto store = dyn_cast<device::StoreOp>(op)) {
    add(op, Kind::StoreMoved,
        (store.getSpace() == device::Space::Shared ? "shared; " : "global; ") +
            place);
  } else if (isa<device::ShuffleOp>(op)) {
    add(op, Kind::ShuffleMoved, place);
  } else if (auto power = dyn_cast<device::ApproximateOp>(op)) {
    if (power.getFunction() == device::Approximate::Exp2)
      add(op, Kind::PowerDropped, place);
  } else if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    if (shifted(compare.getPredicate()))
      add(op, Kind::CompareShifted, roleOf(compare));
    add(op, Kind::CompareDropped, roleOf(compare));
  } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
    visitSelect(select);
  } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
    static const char *const ends[] = {"starts early", "starts late",
                                       "ends early", "ends late"};
    for (unsigned variant = 0; variant < 4; ++variant)
      add(op, Kind::LoopBound, roleOf(loop) + "; " + ends[variant], variant);
  }
}

std::vector<Mutant> mutation::enumerate(device::KernelOp kernel) {
  std::vector<Mutant> mutants;
  Lister lister(mutants);
  unsigned number = 0;
  kernel.walk<WalkOrder::PreOrder>(
      [&](Operation *op) { lister.visit(op, number++); });
  return mutants;
}

//===----------------------------------------------------------------------===//
// Making the fault
//===----------------------------------------------------------------------===//

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

void Maker::make(const Mutant &mutant) {
  switch (mutant.kind) {
  case Kind::WaitRemoved:
  case Kind::CommitRemoved:
  case Kind::BarrierRemoved:
  case Kind::WarpBarrierRemoved:
    return op->erase();
  case Kind::WaitLoosened: {
    auto wait = cast<device::CopyWaitOp>(op);
    return wait.setPending(wait.getPending() + 1);
  }
  case Kind::CopyMoved: {
    auto copy = cast<device::CopyAsyncOp>(op);
    std::optional<Ring> ring = ringOf(kernel);
    return copy.getDestinationMutable().assign(
        moved(copy.getDestination(), ring ? ring->stage : copy.getBytes()));
  }
  case Kind::CopyUnbounded: {
    auto copy = cast<device::CopyAsyncOp>(op);
    return copy.getValidMutable().assign(arith::ConstantOp::create(
        b, op->getLoc(), b.getI32IntegerAttr(copy.getBytes())));
  }
  case Kind::StageNotWrapped:
  case Kind::SentinelKept:
    return becomes(cast<arith::SelectOp>(op).getFalseValue());
  case Kind::StageNotAdvanced: {
    auto select = cast<arith::SelectOp>(op);
    return becomes(
        select.getFalseValue().getDefiningOp<arith::AddIOp>().getLhs());
  }
  case Kind::MatrixTransposed: {
    auto load = cast<device::LdMatrixOp>(op);
    return load.setTranspose(!load.getTranspose());
  }
  case Kind::MatrixMoved: {
    auto load = cast<device::LdMatrixOp>(op);
    Value address = load.getAddress();
    return load.getAddressMutable().assign(moved(address, rowBytesOf(address)));
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
  Operation *found = nullptr;
  unsigned number = 0;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (number++ != mutant.operation)
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  Maker(kernel, found).make(mutant);
}
