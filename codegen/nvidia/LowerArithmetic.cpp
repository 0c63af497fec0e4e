//===- LowerArithmetic.cpp - Arithmetic that arith has not ----------------===//

#include "codegen/nvidia/Emit.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

static StringRef instruction(device::Approximate function) {
  switch (function) {
  case device::Approximate::Exp2:
    return "llvm.nvvm.ex2.approx.ftz.f32";
  case device::Approximate::Log2:
    return "llvm.nvvm.lg2.approx.ftz.f";
  case device::Approximate::Reciprocal:
    return "llvm.nvvm.rcp.approx.ftz.f";
  case device::Approximate::Sin:
    return "llvm.nvvm.sin.approx.ftz.f";
  case device::Approximate::Cos:
    return "llvm.nvvm.cos.approx.ftz.f";
  case device::Approximate::Sqrt:
    return "llvm.nvvm.sqrt.approx.ftz.f";
  }
  llvm_unreachable("all functions are listed");
}

static LogicalResult lowerApproximate(device::ApproximateOp op,
                                      PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(op, emit.intrinsic(instruction(op.getFunction()),
                                        emit.f32(), op.getValue()));
  return success();
}

static LogicalResult lowerFma(device::FmaOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(op, emit.intrinsic("llvm.fma.f32", emit.f32(),
                                        {op.getX(), op.getY(), op.getZ()}));
  return success();
}

/// cvt.rn.{f16x2,bf16x2}.f32 d, a, b puts a into the upper half.
static LogicalResult lowerPack(device::PackOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  bool half = op.getType() == device::Pair::F16;
  Type type = VectorType::get(2, half ? Type(rewriter.getF16Type())
                                      : Type(rewriter.getBF16Type()));
  Value pair =
      emit.intrinsic(half ? "llvm.nvvm.ff2f16x2.rn" : "llvm.nvvm.ff2bf16x2.rn",
                     type, {op.getHigh(), op.getLow()});
  rewriter.replaceOp(op, emit.bitcast(emit.i32(), pair));
  return success();
}

/// A bf16 is the upper half of an f32; an f16 is converted.
static LogicalResult lowerUnpack(device::UnpackOp op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Location loc = op.getLoc();
  Value value = op.getValue();
  if (op.getType() == device::Pair::BF16) {
    Value low = LLVM::ShlOp::create(rewriter, loc, value, emit.constant(16));
    Value high = LLVM::AndOp::create(rewriter, loc, value,
                                     emit.constant(int32_t(0xffff0000)));
    rewriter.replaceOp(
        op, {emit.bitcast(emit.f32(), low), emit.bitcast(emit.f32(), high)});
    return success();
  }
  Value pair = emit.bitcast(VectorType::get(2, rewriter.getF16Type()), value);
  SmallVector<Value> parts;
  for (Value part : emit.elements(pair))
    parts.push_back(LLVM::FPExtOp::create(rewriter, loc, emit.f32(), part));
  rewriter.replaceOp(op, parts);
  return success();
}

void einfall::nvidia::addArithmeticPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerApproximate);
  patterns.add(lowerFma);
  patterns.add(lowerPack);
  patterns.add(lowerUnpack);
}
