//===- LowerMatrix.cpp - Matrix units of a warp ---------------------------===//

#include "codegen/nvidia/Emit.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

static LogicalResult lowerLdMatrix(device::LdMatrixOp op,
                                   PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  int64_t count = op.getCount();
  Type type = count == 1 ? emit.i32() : emit.structOf(emit.i32(), count);
  Value loaded = emit.intrinsic(
      llvm::formatv("llvm.nvvm.ldmatrix.sync.aligned.m8n8.x{0}{1}.b16.p3",
                    count, op.getTranspose() ? ".trans" : "")
          .str(),
      type, emit.sharedPointer(op.getAddress()));
  SmallVector<Value> registers =
      count == 1 ? SmallVector<Value>{loaded} : emit.elements(loaded);
  rewriter.replaceOp(op, emit.vector(op.getResult().getType(), registers));
  return success();
}

static LogicalResult lowerMma(device::MmaOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  bool half = op.getType() == device::Pair::F16;
  SmallVector<Value> operands = emit.elements(op.getA());
  llvm::append_range(operands, emit.elements(op.getB()));
  if (half) {
    // LLVM wants pairs of f16 as vectors, but pairs of bf16 as i32.
    Type pair = VectorType::get(2, rewriter.getF16Type());
    for (Value &operand : operands)
      operand = emit.bitcast(pair, operand);
  }
  llvm::append_range(operands, emit.elements(op.getC()));
  Value product =
      emit.intrinsic(llvm::formatv("llvm.nvvm.mma.m16n8k{0}.row.col.{1}",
                                   op.getDepth(), half ? "f32.f32" : "bf16")
                         .str(),
                     emit.structOf(emit.f32(), 4), operands);
  rewriter.replaceOp(
      op, emit.vector(op.getResult().getType(), emit.elements(product)));
  return success();
}

static LogicalResult lowerToTf32(device::ToTf32Op op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(
      op, emit.intrinsic("llvm.nvvm.f2tf32.rna", emit.i32(), op.getValue()));
  return success();
}

static LogicalResult lowerMmaTf32(device::MmaTf32Op op,
                                  PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  SmallVector<Value> operands = emit.elements(op.getA());
  llvm::append_range(operands, emit.elements(op.getB()));
  llvm::append_range(operands, emit.elements(op.getC()));
  Value product = emit.intrinsic("llvm.nvvm.mma.m16n8k8.row.col.tf32",
                                 emit.structOf(emit.f32(), 4), operands);
  rewriter.replaceOp(
      op, emit.vector(op.getResult().getType(), emit.elements(product)));
  return success();
}

void einfall::nvidia::addMatrixPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerLdMatrix);
  patterns.add(lowerMma);
  patterns.add(lowerToTf32);
  patterns.add(lowerMmaTf32);
}
