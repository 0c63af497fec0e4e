//===- Emit.h - How one operation becomes one instruction -------*- C++ -*-===//
//
// Internal to codegen/nvidia. Each Lower*.cpp adds one rewrite per operation;
// they all speak through `Emit`, which makes LLVM operations at the place of
// the operation that is rewritten.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_EMIT_H
#define EINFALL_CODEGEN_NVIDIA_EMIT_H

#include "dialect/Device/Device.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/PatternMatch.h"

namespace einfall::nvidia {

/// The name of the block's shared memory in LLVM and PTX.
inline constexpr llvm::StringLiteral sharedName = "einfall_shared";

class Emit {
public:
  Emit(mlir::Operation *op, mlir::PatternRewriter &rewriter)
      : rewriter(rewriter), loc(op->getLoc()) {
    rewriter.setInsertionPoint(op);
  }

  mlir::Type i1() { return rewriter.getI1Type(); }
  mlir::Type i32() { return rewriter.getI32Type(); }
  mlir::Type i64() { return rewriter.getI64Type(); }
  mlir::Type f32() { return rewriter.getF32Type(); }
  /// A structure of `count` times `type`.
  mlir::Type structOf(mlir::Type type, int64_t count);

  mlir::Value constant(int64_t value, unsigned bits = 32);

  /// A call of an LLVM intrinsic, by its full name. Without `result` a null
  /// value is returned.
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type result,
                        mlir::ValueRange operands);
  /// PTX as it stands. Volatile, and it clobbers memory.
  mlir::Value assembly(const llvm::Twine &text, llvm::StringRef constraints,
                       mlir::Type result, mlir::ValueRange operands);

  /// The pointers of `base + offset` in the two spaces; the offset may be null.
  mlir::Value sharedPointer(mlir::Value base, mlir::Value offset = {});
  mlir::Value globalPointer(mlir::Value base, mlir::Value offset = {});
  /// `base` (bytes from the start of the block's shared memory) as the machine
  /// addresses it.
  mlir::Value sharedAddress(mlir::Value base);

  mlir::Value bitcast(mlir::Type type, mlir::Value value);
  /// Element `index` of a vector or a structure.
  mlir::Value element(mlir::Value aggregate, int64_t index);
  /// The elements of a vector, or of a structure.
  llvm::SmallVector<mlir::Value> elements(mlir::Value aggregate);
  /// A vector of these elements.
  mlir::Value vector(mlir::VectorType type, mlir::ValueRange elements);

  /// "{$2, $3, $4}" for the operands of assembly from `first` on.
  static std::string operandList(size_t first, size_t count);

  mlir::PatternRewriter &rewriter;
  mlir::Location loc;
};

void addMemoryPatterns(mlir::RewritePatternSet &patterns);
void addThreadPatterns(mlir::RewritePatternSet &patterns);
void addArithmeticPatterns(mlir::RewritePatternSet &patterns);
void addMatrixPatterns(mlir::RewritePatternSet &patterns);
void addBulkPatterns(mlir::RewritePatternSet &patterns);
void addWarpgroupPatterns(mlir::RewritePatternSet &patterns);

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_EMIT_H
