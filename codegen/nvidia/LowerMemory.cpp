//===- LowerMemory.cpp - Loads, stores and copies -------------------------===//
//
// Vectors of 4, 8 and 16 bytes become one access each (ld.v2, ld.v4): LLVM
// splits none that is aligned to its size.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvidia/Emit.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

static Value pointerTo(Emit &emit, device::Space space, Value base,
                       Value offset) {
  return space == device::Space::Global ? emit.globalPointer(base, offset)
                                        : emit.sharedPointer(base, offset);
}

static LogicalResult lowerLoad(device::LoadOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value pointer = pointerTo(emit, op.getSpace(), op.getBase(), op.getOffset());
  Type type = op.getResult().getType();
  // An invariant load of global memory is ld.global.nc.
  rewriter.replaceOpWithNewOp<LLVM::LoadOp>(
      op, type, pointer, device::sizeInBytes(type), /*isVolatile=*/false,
      /*isNonTemporal=*/false, /*isInvariant=*/op.getReadonly());
  return success();
}

static LogicalResult lowerStore(device::StoreOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Value pointer = pointerTo(emit, op.getSpace(), op.getBase(), op.getOffset());
  rewriter.replaceOpWithNewOp<LLVM::StoreOp>(
      op, op.getValue(), pointer, device::sizeInBytes(op.getValue().getType()));
  return success();
}

/// 16 bytes go round the first-level cache; 4 and 8 can only go through it.
static LogicalResult lowerCopyAsync(device::CopyAsyncOp op,
                                    PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  int64_t bytes = op.getBytes();
  emit.intrinsic(llvm::formatv("llvm.nvvm.cp.async.{0}.shared.global.{1}.s",
                               bytes == 16 ? "cg" : "ca", bytes)
                     .str(),
                 {},
                 {emit.sharedPointer(op.getDestination()),
                  emit.globalPointer(op.getSource()), op.getValid()});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerCopyCommit(device::CopyCommitOp op,
                                     PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.intrinsic("llvm.nvvm.cp.async.commit.group", {}, {});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerCopyWait(device::CopyWaitOp op,
                                   PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.intrinsic("llvm.nvvm.cp.async.wait.group", {},
                 emit.constant(op.getPending()));
  rewriter.eraseOp(op);
  return success();
}

void einfall::nvidia::addMemoryPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerLoad);
  patterns.add(lowerStore);
  patterns.add(lowerCopyAsync);
  patterns.add(lowerCopyCommit);
  patterns.add(lowerCopyWait);
}
