//===- LowerBulk.cpp - Barriers in shared memory, copies of boxes ---------===//
//
// sm_90a. Inline PTX throughout: the text is what is checked, and volatile
// assembly that clobbers memory keeps its place among the accesses.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvidia/Emit.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

static LogicalResult lowerInit(device::MBarrierInitOp op,
                               PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly("mbarrier.init.shared::cta.b64 [$0], " + Twine(op.getCount()) +
                    ";",
                "r", {}, emit.sharedAddress(op.getAddress()));
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerBarrierArrive(device::MBarrierArriveOp op,
                                        PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly("mbarrier.arrive.shared::cta.b64 _, [$0];", "r", {},
                emit.sharedAddress(op.getAddress()));
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerExpect(device::MBarrierExpectOp op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly("mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", "r,r",
                {}, {emit.sharedAddress(op.getAddress()), op.getBytes()});
  rewriter.eraseOp(op);
  return success();
}

/// The labels are local to the braces, so the text may stand more than once.
static LogicalResult lowerWait(device::MBarrierWaitOp op,
                               PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value parity = LLVM::AndOp::create(rewriter, op.getLoc(), op.getParity(),
                                     emit.constant(1));
  emit.assembly("{\n"
                "\t.reg .pred complete;\n"
                "again:\n"
                "\tmbarrier.try_wait.parity.shared::cta.b64 complete, [$0], "
                "$1;\n"
                "\t@complete bra done;\n"
                "\tbra again;\n"
                "done:\n"
                "\t}",
                "r,r", {}, {emit.sharedAddress(op.getAddress()), parity});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerFence(device::FenceOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly(op.getKind() == device::Fence::MBarrierInit
                    ? "fence.mbarrier_init.release.cluster;"
                    : "fence.proxy.async.shared::cta;",
                "", {}, {});
  rewriter.eraseOp(op);
  return success();
}

//===----------------------------------------------------------------------===//
// Copies of boxes
//===----------------------------------------------------------------------===//

/// The parameter behind a map.
static Value mapPointer(Value map) {
  auto cast = map.getDefiningOp<UnrealizedConversionCastOp>();
  return cast ? cast.getOperand(0) : Value();
}

static std::string registers(size_t count) {
  std::string constraints;
  for (size_t index = 0; index < count; ++index)
    constraints += ",r";
  return constraints;
}

static LogicalResult lowerBulkLoad(device::BulkLoadOp op,
                                   PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value map = mapPointer(op.getMap());
  if (!map)
    return rewriter.notifyMatchFailure(op, "the map is no parameter");
  size_t rank = op.getCoordinates().size();
  SmallVector<Value> operands = {emit.sharedAddress(op.getDestination()), map,
                                 emit.sharedAddress(op.getBarrier())};
  llvm::append_range(operands, op.getCoordinates());
  emit.assembly(
      llvm::formatv("cp.async.bulk.tensor.{0}d.shared::cluster.global"
                    ".mbarrier::complete_tx::bytes [$0], [$1, {1}], [$2];",
                    rank, Emit::operandList(3, rank))
          .str(),
      "r,l,r" + registers(rank), {}, operands);
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerBulkStore(device::BulkStoreOp op,
                                    PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value map = mapPointer(op.getMap());
  if (!map)
    return rewriter.notifyMatchFailure(op, "the map is no parameter");
  size_t rank = op.getCoordinates().size();
  SmallVector<Value> operands = {map, emit.sharedAddress(op.getSource())};
  llvm::append_range(operands, op.getCoordinates());
  emit.assembly(
      llvm::formatv("cp.async.bulk.tensor.{0}d.global.shared::cta.bulk_group "
                    "[$0, {1}], [$1];",
                    rank, Emit::operandList(2, rank))
          .str(),
      "l,r" + registers(rank), {}, operands);
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerBulkCommit(device::BulkCommitOp op,
                                     PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly("cp.async.bulk.commit_group;", "", {}, {});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerBulkWait(device::BulkWaitOp op,
                                   PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly(Twine("cp.async.bulk.wait_group") +
                    (op.getRead() ? ".read " : " ") + Twine(op.getPending()) +
                    ";",
                "", {}, {});
  rewriter.eraseOp(op);
  return success();
}

void einfall::nvidia::addBulkPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerInit);
  patterns.add(lowerBarrierArrive);
  patterns.add(lowerExpect);
  patterns.add(lowerWait);
  patterns.add(lowerFence);
  patterns.add(lowerBulkLoad);
  patterns.add(lowerBulkStore);
  patterns.add(lowerBulkCommit);
  patterns.add(lowerBulkWait);
}
