//===- Roles.cpp - What an operation of a device program is for -----------===//

#include "test/mutation/Roles.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

#include <set>

using namespace mlir;
using namespace einfall;
using namespace einfall::mutation;

std::optional<int64_t> mutation::integerOf(Value value) {
  APInt number;
  if (!matchPattern(value, m_ConstantInt(&number)))
    return std::nullopt;
  return number.getSExtValue();
}

bool mutation::isSentinel(Value value) {
  APFloat number(0.0);
  return matchPattern(value, m_ConstantFloat(&number)) && number.isInfinity();
}

std::optional<Ring> mutation::ringOf(arith::SelectOp select) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpIOp>();
  auto next = select.getFalseValue().getDefiningOp<arith::AddIOp>();
  if (!compare || !next || compare.getLhs() != next.getResult() ||
      (compare.getPredicate() != arith::CmpIPredicate::sge &&
       compare.getPredicate() != arith::CmpIPredicate::eq) ||
      !select.getType().isInteger(32))
    return std::nullopt;
  std::optional<int64_t> ring = integerOf(compare.getRhs());
  std::optional<int64_t> stage = integerOf(next.getRhs());
  if (!ring || !stage)
    return std::nullopt;
  return Ring{*ring, *stage};
}

std::optional<Ring> mutation::ringOf(device::KernelOp kernel) {
  std::optional<Ring> found;
  kernel.walk([&](arith::SelectOp select) {
    if (std::optional<Ring> ring = ringOf(select);
        ring && (!found || ring->stage < found->stage))
      found = ring;
  });
  return found;
}

static std::string parameterName(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return "";
  auto kernel = dyn_cast<device::KernelOp>(argument.getOwner()->getParentOp());
  if (!kernel || argument.getArgNumber() >= kernel.getParameters().size())
    return "";
  return cast<StringAttr>(kernel.getParameters()[argument.getArgNumber()])
      .str();
}

template <typename OpTy> static bool holds(Region &region) {
  return region.walk([](OpTy) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

template <typename OpTy> static bool holdsShared(Region &region) {
  return region
      .walk([](OpTy op) {
        return op.getSpace() == device::Space::Shared ? WalkResult::interrupt()
                                                      : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The words for a loop alone.
static std::string wordOf(scf::ForOp loop) {
  Region &body = loop.getRegion();
  if (holds<device::BarrierOp>(body) || holds<device::MBarrierWaitOp>(body))
    return holds<device::CopyAsyncOp>(body) ||
                   holds<device::MBarrierWaitOp>(body) ||
                   holdsShared<device::StoreOp>(body)
               ? "stream"
               : "stream without tiles";
  if (holdsShared<device::StoreOp>(loop.getRegion()))
    return "staging";
  return "inner loop";
}

bool mutation::isRing(arith::RemUIOp remainder) {
  std::optional<int64_t> stages = integerOf(remainder.getRhs());
  if (!stages || *stages < 2 || *stages > 16)
    return false;
  // Of what a loop counts.
  Value of = remainder.getLhs();
  for (unsigned i = 0; i < 3; ++i) {
    if (auto argument = dyn_cast<BlockArgument>(of)) {
      auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      return loop && wordOf(loop) == "stream";
    }
    Operation *op = of.getDefiningOp();
    if (!isa<arith::ArithDialect>(op->getDialect()) || !op->getNumOperands())
      return false;
    of = op->getOperand(0);
  }
  return false;
}

std::string mutation::roleOf(scf::ForOp loop) { return wordOf(loop); }

std::string mutation::placeOf(Operation *op) {
  std::string place;
  bool seen = false;
  for (auto loop = op->getParentOfType<scf::ForOp>(); loop;
       loop = loop->getParentOfType<scf::ForOp>())
    place = wordOf(loop) + (place.empty() ? "" : ", ") + place;
  if (!place.empty())
    return place;
  // Before the stream or after it.
  for (Operation *before = op; before && !isa<device::KernelOp>(before);
       before = before->getParentOp())
    for (Operation *other = before->getPrevNode(); other;
         other = other->getPrevNode())
      if (auto loop = dyn_cast<scf::ForOp>(other))
        seen |= StringRef(wordOf(loop)).starts_with("stream");
  return seen ? "epilogue" : "prologue";
}

/// The tensor that an address lies in.
static std::string tensorOf(Value address) {
  std::string names = parametersOf(address);
  SmallVector<StringRef> parts;
  StringRef(names).split(parts, " + ");
  std::string tensors;
  for (StringRef part : parts)
    if (!part.starts_with("stride ") && !part.starts_with("|") &&
        !part.starts_with("has "))
      tensors += (tensors.empty() ? "" : ", ") + part.str();
  return tensors;
}

static std::string tensorsLoaded(Region &region) {
  std::set<std::string> tensors;
  region.walk([&](device::LoadOp load) {
    if (load.getSpace() == device::Space::Global)
      tensors.insert(tensorOf(load.getBase()));
  });
  return llvm::join(tensors, ", ");
}

static device::CopyAsyncOp copyWith(arith::SelectOp valid) {
  for (Operation *user : valid->getUsers())
    if (auto copy = dyn_cast<device::CopyAsyncOp>(user))
      return copy;
  return {};
}

static void collectUses(Value value, std::set<std::string> &words,
                        llvm::SetVector<Operation *> &seen) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (!seen.insert(user))
      continue;
    if (isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(user)) {
      collectUses(user->getResult(0), words, seen);
    } else if (auto select = dyn_cast<arith::SelectOp>(user)) {
      if (select.getType().isInteger(1))
        collectUses(select.getResult(), words, seen);
      else if (device::CopyAsyncOp copy = copyWith(select))
        words.insert("copy of " + tensorOf(copy.getSource()));
      else if (ringOf(select))
        words.insert("stage");
      else if (isSentinel(select.getFalseValue()))
        words.insert("score");
      else if (matchPattern(select.getFalseValue(), m_AnyZeroFloat()))
        words.insert("summand");
      else
        words.insert("value");
    } else if (auto branch = dyn_cast<scf::IfOp>(user)) {
      bool both = !branch.getElseRegion().empty();
      if (holds<device::CopyAsyncOp>(branch.getThenRegion()))
        words.insert("copies of a tile");
      else if (holds<device::StoreOp>(branch.getThenRegion()))
        words.insert("store");
      else if (both && holds<device::LoadOp>(branch.getThenRegion()))
        words.insert("staging of " + tensorsLoaded(branch.getThenRegion()));
      else if (both && branch.getNumResults() > 4)
        words.insert("whole tile");
      else
        words.insert("branch");
    } else {
      words.insert(user->getName().getStringRef().str());
    }
  }
}

static std::string joined(const std::set<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : " + ") + word;
  return text;
}

std::string mutation::roleOf(arith::CmpIOp compare) {
  std::set<std::string> words;
  llvm::SetVector<Operation *> seen;
  collectUses(compare.getResult(), words, seen);
  std::string side = parameterName(compare.getRhs());
  if (side.empty())
    side = integerOf(compare.getRhs()) ? "number" : "value";
  return joined(words) + "; " +
         arith::stringifyCmpIPredicate(compare.getPredicate()).str() + " " +
         side + "; " + placeOf(compare);
}

std::string mutation::roleOf(arith::SelectOp select) {
  Value other = select.getFalseValue();
  std::string what = isSentinel(other)                       ? "score"
                     : matchPattern(other, m_AnyZeroFloat()) ? "summand"
                                                             : "value";
  return what + "; " + placeOf(select);
}

std::string mutation::parametersOf(Value value) {
  std::set<std::string> names;
  llvm::SetVector<Value> work;
  work.insert(value);
  for (size_t i = 0; i < work.size(); ++i) {
    std::string name = parameterName(work[i]);
    if (!name.empty())
      names.insert(name);
    if (Operation *op = work[i].getDefiningOp())
      work.insert(op->operand_begin(), op->operand_end());
  }
  return joined(names);
}
