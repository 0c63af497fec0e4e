//===- LowerThreads.cpp - Threads among each other ------------------------===//

#include "codegen/nvidia/Emit.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

static LogicalResult lowerThread(device::ThreadOp op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(
      op, emit.intrinsic("llvm.nvvm.read.ptx.sreg.tid.x", emit.i32(), {}));
  return success();
}

static LogicalResult lowerBlock(device::BlockOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  std::string name = "llvm.nvvm.read.ptx.sreg.ctaid.";
  name += device::stringifyDimension(op.getDimension());
  rewriter.replaceOp(op, emit.intrinsic(name, emit.i32(), {}));
  return success();
}

static LogicalResult lowerBarrier(device::BarrierOp op,
                                  PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value id = emit.constant(op.getId());
  if (auto threads = op.getThreads())
    emit.intrinsic("llvm.nvvm.barrier.cta.sync.aligned.count", {},
                   {id, emit.constant(*threads)});
  else
    emit.intrinsic("llvm.nvvm.barrier.cta.sync.aligned.all", {}, id);
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerBarrierAny(device::BarrierAnyOp op,
                                     PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value id = emit.constant(op.getId());
  Value result;
  if (auto threads = op.getThreads())
    result =
        emit.intrinsic("llvm.nvvm.barrier.cta.red.or.aligned.count", emit.i1(),
                       {id, emit.constant(*threads), op.getValue()});
  else
    result = emit.intrinsic("llvm.nvvm.barrier.cta.red.or.aligned.all",
                            emit.i1(), {id, op.getValue()});
  rewriter.replaceOp(op, result);
  return success();
}

static LogicalResult lowerArrive(device::ArriveOp op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.intrinsic("llvm.nvvm.barrier.cta.arrive.aligned.count", {},
                 {emit.constant(op.getId()), emit.constant(op.getThreads())});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerWarpBarrier(device::WarpBarrierOp op,
                                      PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.intrinsic("llvm.nvvm.bar.warp.sync", {}, emit.constant(-1));
  rewriter.eraseOp(op);
  return success();
}

/// shfl.sync over all 32 lanes. Its last operand bounds the lane: 0 below for
/// `up`, 31 above for the others.
static Value shuffle(Emit &emit, device::Shuffle mode, Value value,
                     Value operand) {
  StringRef name;
  switch (mode) {
  case device::Shuffle::Xor:
    name = "bfly";
    break;
  case device::Shuffle::Index:
    name = "idx";
    break;
  case device::Shuffle::Up:
    name = "up";
    break;
  case device::Shuffle::Down:
    name = "down";
    break;
  }
  Type type = value.getType();
  return emit.intrinsic(
      ("llvm.nvvm.shfl.sync." + name + (type.isF32() ? ".f32" : ".i32")).str(),
      type,
      {emit.constant(-1), value, operand,
       emit.constant(mode == device::Shuffle::Up ? 0 : 31)});
}

static LogicalResult lowerShuffle(device::ShuffleOp op,
                                  PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(
      op, shuffle(emit, op.getMode(), op.getValue(), op.getOperand()));
  return success();
}

static LogicalResult lowerUniform(device::UniformOp op,
                                  PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(op, shuffle(emit, device::Shuffle::Index, op.getValue(),
                                 emit.constant(0)));
  return success();
}

static LogicalResult lowerVote(device::VoteOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  std::string name =
      ("llvm.nvvm.vote." + device::stringifyVote(op.getMode()) + ".sync").str();
  rewriter.replaceOp(
      op, emit.intrinsic(name, emit.i1(), {emit.constant(-1), op.getValue()}));
  return success();
}

void einfall::nvidia::addThreadPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerThread);
  patterns.add(lowerBlock);
  patterns.add(lowerBarrier);
  patterns.add(lowerBarrierAny);
  patterns.add(lowerArrive);
  patterns.add(lowerWarpBarrier);
  patterns.add(lowerShuffle);
  patterns.add(lowerUniform);
  patterns.add(lowerVote);
}
