//===- Mutants.cpp - What can go wrong at each operation ------------------===//

#include "test/mutation/Mutants.h"

#include "test/mutation/Roles.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;
using Predicate = arith::CmpIPredicate;

llvm::StringRef mutation::name(Kind kind) {
  static constexpr llvm::StringLiteral names[] = {"wait removed",
                                                  "wait loosened",
                                                  "parity flipped",
                                                  "arrival removed",
                                                  "arrivals miscounted",
                                                  "bytes miscounted",
                                                  "commit removed",
                                                  "fence removed",
                                                  "barrier removed",
                                                  "warp barrier removed",
                                                  "copy moved",
                                                  "copy unbounded",
                                                  "box moved",
                                                  "barrier mistaken",
                                                  "stage not wrapped",
                                                  "stage not advanced",
                                                  "map extent changed",
                                                  "map stride changed",
                                                  "map box changed",
                                                  "swizzle changed",
                                                  "descriptor strides changed",
                                                  "operand transposed",
                                                  "registers kept",
                                                  "matrix transposed",
                                                  "matrix moved",
                                                  "shared load moved",
                                                  "store moved",
                                                  "comparison off by one",
                                                  "comparison dropped",
                                                  "mask dropped",
                                                  "shuffle moved",
                                                  "2^x replaced by 1",
                                                  "sentinel kept",
                                                  "loop bound off by a step",
                                                  "condition dropped"};
  static_assert(std::size(names) == size_t(Kind::ConditionDropped) + 1);
  return names[size_t(kind)];
}

std::optional<Predicate> mutation::shifted(Predicate predicate) {
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
  void visitGrid(Operation *op);
  bool visitHopper(Operation *op, const std::string &place);
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

void Lister::visitGrid(Operation *op) {
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    add(op, Kind::ConditionDropped, parametersOf(compare.getResult()));
  auto map = dyn_cast<device::EncodeMapOp>(op);
  if (!map)
    return;
  std::string role = "map of " + parametersOf(map.getBase());
  auto along = [&](size_t d) { return role + "; " + std::to_string(d); };
  for (size_t d = 0; d < map.getExtents().size(); ++d)
    for (unsigned more : {0, 1})
      add(op, Kind::MapExtentChanged, along(d), 2 * d + more);
  for (size_t d = 0; d < map.getStrides().size(); ++d)
    add(op, Kind::MapStrideChanged, along(d), d);
  for (auto [d, size] : llvm::enumerate(map.getBox()))
    if (d && size > 1)
      add(op, Kind::MapBoxChanged, along(d), d);
  add(op, Kind::SwizzleChanged, role);
}

/// Barriers in shared memory, bulk copies and products of warpgroups.
bool Lister::visitHopper(Operation *op, const std::string &place) {
  using namespace device;
  if (auto init = dyn_cast<MBarrierInitOp>(op)) {
    if (init.getCount() > 1)
      add(op, Kind::CountChanged, place + "; less", 0);
    add(op, Kind::CountChanged, place + "; more", 1);
  } else if (isa<MBarrierArriveOp>(op)) {
    add(op, Kind::ArrivalRemoved, place);
    add(op, Kind::BarrierMistaken, place);
  } else if (isa<ArriveOp>(op)) {
    add(op, Kind::ArrivalRemoved, "named; " + place);
  } else if (isa<MBarrierExpectOp>(op)) {
    add(op, Kind::ArrivalRemoved, "with bytes; " + place);
    add(op, Kind::BytesChanged, place + "; less", 0);
    add(op, Kind::BytesChanged, place + "; more", 1);
    add(op, Kind::BarrierMistaken, place);
  } else if (isa<MBarrierWaitOp>(op)) {
    add(op, Kind::WaitRemoved, "barrier; " + place);
    add(op, Kind::ParityFlipped, place);
    add(op, Kind::BarrierMistaken, place);
  } else if (auto fence = dyn_cast<FenceOp>(op)) {
    add(op, Kind::FenceRemoved,
        (stringifyFence(fence.getKind()) + "; " + place).str());
  } else if (auto load = dyn_cast<BulkLoadOp>(op)) {
    add(op, Kind::CopyMoved, "bulk; " + place);
    for (size_t d = 0; d < load.getCoordinates().size(); ++d)
      add(op, Kind::BoxMoved, place + "; " + std::to_string(d), d);
    add(op, Kind::BarrierMistaken, place);
  } else if (auto store = dyn_cast<BulkStoreOp>(op)) {
    add(op, Kind::CopyMoved, "bulk store; " + place);
    for (size_t d = 0; d < store.getCoordinates().size(); ++d)
      add(op, Kind::BoxMoved, place + "; " + std::to_string(d), d);
  } else if (isa<BulkCommitOp>(op)) {
    add(op, Kind::CommitRemoved, "bulk; " + place);
  } else if (isa<BulkWaitOp>(op)) {
    add(op, Kind::WaitRemoved, "bulk; " + place);
    add(op, Kind::WaitLoosened, "bulk; " + place);
  } else if (isa<WgmmaFenceOp>(op)) {
    add(op, Kind::FenceRemoved, "wgmma; " + place);
  } else if (isa<WgmmaCommitOp>(op)) {
    add(op, Kind::CommitRemoved, "wgmma; " + place);
  } else if (isa<WgmmaWaitOp>(op)) {
    add(op, Kind::WaitRemoved, "wgmma; " + place);
    add(op, Kind::WaitLoosened, "wgmma; " + place);
  } else if (auto descriptor = dyn_cast<DescriptorOp>(op)) {
    add(op, Kind::DescriptorStrides, "leading; " + place, 0);
    add(op, Kind::DescriptorStrides, "stride; " + place, 1);
    add(op, Kind::SwizzleChanged, "descriptor; " + place);
  } else if (auto product = dyn_cast<WgmmaOp>(op)) {
    if (product.getA().getType().isInteger(64))
      add(op, Kind::OperandTransposed, "A; " + place, 0);
    add(op, Kind::OperandTransposed, "B; " + place, 1);
  } else if (isa<SetMaxRegistersOp>(op)) {
    add(op, Kind::RegistersKept, place);
  } else {
    return false;
  }
  return true;
}

void Lister::visit(Operation *op, unsigned number) {
  this->number = number;
  bool isGrid = op->getParentRegion() &&
                isa<device::KernelOp>(op->getParentOp()) &&
                op->getParentRegion()->getRegionNumber() == 0;
  if (isGrid)
    return visitGrid(op);
  std::string place = placeOf(op);
  if (visitHopper(op, place))
    return;
  if (isa<device::CopyWaitOp>(op)) {
    add(op, Kind::WaitRemoved, place);
    add(op, Kind::WaitLoosened, place);
  } else if (isa<device::CopyCommitOp>(op)) {
    add(op, Kind::CommitRemoved, place);
  } else if (isa<device::BarrierOp, device::BarrierAnyOp>(op)) {
    add(op, Kind::BarrierRemoved, place);
  } else if (isa<device::WarpBarrierOp>(op)) {
    add(op, Kind::WarpBarrierRemoved, place);
  } else if (auto copy = dyn_cast<device::CopyAsyncOp>(op)) {
    add(op, Kind::CopyMoved, place);
    if (!integerOf(copy.getValid()))
      add(op, Kind::CopyUnbounded, place);
  } else if (isa<device::LdMatrixOp, device::StMatrixOp>(op)) {
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
  } else if (auto remainder = dyn_cast<arith::RemUIOp>(op)) {
    if (isRing(remainder)) {
      add(op, Kind::StageNotWrapped, place);
      add(op, Kind::StageNotAdvanced, place);
    }
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

Operation *mutation::operationOf(device::KernelOp kernel,
                                 const Mutant &mutant) {
  Operation *found = nullptr;
  unsigned number = 0;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (number++ != mutant.operation)
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}
