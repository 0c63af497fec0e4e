//===- LowerWarpgroup.cpp - Asynchronous products of a warpgroup ----------===//
//
// sm_90a. LLVM has no wgmma.mma_async, and MLIR's takes A from shared memory
// only, so all of it is inline PTX.
//
// A product writes its registers after the instruction; only values tie it to
// the wait. Accumulators are therefore operands and results of one register
// each ("0" ties operand 0 to result 0) of products, fences and waits: nothing
// that uses them can be moved before the wait, and nothing that makes them
// behind the fence. The moves between tied registers vanish in the assembler.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvidia/Emit.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

/// Pieces of the text and the constraints of one instruction.
namespace {
struct Instruction {
  SmallVector<Value> operands;
  std::string outputs, inputs; ///< constraints, each with a leading comma
  unsigned numOutputs = 0;

  std::string constraints() const {
    return StringRef(outputs + inputs).drop_front().str();
  }
};
} // namespace

/// How PTX holds a register: "f" or "r".
static const char *constraintOf(Type type) { return type.isF32() ? "f" : "r"; }

/// Text that has no operands of its own but keeps `values` in their registers.
static SmallVector<Value> holdValues(Emit &emit, const Twine &text,
                                     ValueRange values) {
  if (values.empty()) {
    emit.assembly(text, "", {}, {});
    return {};
  }
  Instruction instruction;
  SmallVector<Type> types;
  for (Value value : values)
    for (Value part : emit.elements(value)) {
      types.push_back(part.getType());
      instruction.outputs += std::string(",=") + constraintOf(part.getType());
      instruction.inputs += "," + std::to_string(instruction.operands.size());
      instruction.operands.push_back(part);
    }
  Value held = emit.assembly(
      text, instruction.constraints(),
      LLVM::LLVMStructType::getLiteral(emit.rewriter.getContext(), types),
      instruction.operands);
  SmallVector<Value> parts = emit.elements(held), results;
  ArrayRef<Value> left(parts);
  for (Value value : values) {
    auto type = cast<VectorType>(value.getType());
    results.push_back(
        emit.vector(type, left.take_front(type.getNumElements())));
    left = left.drop_front(type.getNumElements());
  }
  return results;
}

static LogicalResult lowerProductFence(device::WgmmaFenceOp op,
                                       PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(
      op, holdValues(emit, "wgmma.fence.sync.aligned;", op.getValues()));
  return success();
}

static LogicalResult lowerCommit(device::WgmmaCommitOp op,
                                 PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  emit.assembly("wgmma.commit_group.sync.aligned;", "", {}, {});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerProductWait(device::WgmmaWaitOp op,
                                      PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  rewriter.replaceOp(op, holdValues(emit,
                                    "wgmma.wait_group.sync.aligned " +
                                        Twine(op.getPending()) + ";",
                                    op.getValues()));
  return success();
}

static LogicalResult lowerWgmma(device::WgmmaOp op, PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  auto type = op.getResult().getType();
  unsigned count = type.getNumElements();
  Instruction instruction;
  for (unsigned index = 0; index < count; ++index)
    instruction.outputs += ",=f";
  if (op.getC())
    for (Value part : emit.elements(op.getC())) {
      instruction.inputs += "," + std::to_string(instruction.operands.size());
      instruction.operands.push_back(part);
    }
  unsigned next = count + instruction.operands.size();
  std::string a;
  bool registers = !op.getA().getType().isInteger(64);
  if (registers) {
    a = Emit::operandList(next, 4);
    llvm::append_range(instruction.operands, emit.elements(op.getA()));
    instruction.inputs += ",r,r,r,r";
    next += 4;
  } else {
    a = "$" + std::to_string(next++);
    instruction.operands.push_back(op.getA());
    instruction.inputs += ",l";
  }
  instruction.operands.push_back(op.getB());
  instruction.inputs += ",l";

  // scale-d is a predicate; the assembler folds the constant.
  StringRef element = device::stringifyPair(op.getType());
  std::string text =
      llvm::formatv("{\n\t.reg .pred adds;\n\tsetp.ne.b32 adds, {0}, 0;\n"
                    "\twgmma.mma_async.sync.aligned.m64n{1}k16.f32.{2}.{2}\n"
                    "\t{3},\n\t{4}, ${5}, adds, 1, 1{6}, {7};\n\t}",
                    op.getC() ? 1 : 0, op.getColumns(), element,
                    Emit::operandList(0, count), a, next,
                    registers            ? ""
                    : op.getTransposeA() ? ", 1"
                                         : ", 0",
                    op.getTransposeB() ? 1 : 0);
  Value product =
      emit.assembly(text, instruction.constraints(),
                    emit.structOf(emit.f32(), count), instruction.operands);
  rewriter.replaceOp(op, emit.vector(type, emit.elements(product)));
  return success();
}

static LogicalResult lowerDescriptor(device::DescriptorOp op,
                                     PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  Location loc = op.getLoc();
  uint64_t swizzle = op.getSwizzle() == 128  ? 1
                     : op.getSwizzle() == 64 ? 2
                     : op.getSwizzle() == 32 ? 3
                                             : 0;
  uint64_t fixed = (op.getLeading() >> 4) << 16 | (op.getStride() >> 4) << 32 |
                   swizzle << 62;
  Value address = emit.sharedAddress(op.getAddress());
  address = LLVM::AndOp::create(rewriter, loc, address, emit.constant(0x3ffff));
  address = LLVM::LShrOp::create(rewriter, loc, address, emit.constant(4));
  Value wide = LLVM::ZExtOp::create(rewriter, loc, emit.i64(), address);
  rewriter.replaceOpWithNewOp<LLVM::OrOp>(
      op, wide, emit.constant(static_cast<int64_t>(fixed), 64));
  return success();
}

static LogicalResult lowerSetMaxRegisters(device::SetMaxRegistersOp op,
                                          PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  bool increase = op.getDirection() == device::RegisterBudget::Increase;
  emit.assembly(Twine("setmaxnreg.") + (increase ? "inc" : "dec") +
                    ".sync.aligned.u32 " + Twine(op.getCount()) + ";",
                "", {}, {});
  rewriter.eraseOp(op);
  return success();
}

static LogicalResult lowerStMatrix(device::StMatrixOp op,
                                   PatternRewriter &rewriter) {
  Emit emit(op, rewriter);
  int64_t count = op.getCount();
  SmallVector<Value> operands = {emit.sharedAddress(op.getAddress())};
  llvm::append_range(operands, emit.elements(op.getValue()));
  std::string constraints = "r";
  for (int64_t index = 0; index < count; ++index)
    constraints += ",r";
  emit.assembly(
      llvm::formatv("stmatrix.sync.aligned.m8n8.x{0}{1}.shared.b16 [$0], {2};",
                    count, op.getTranspose() ? ".trans" : "",
                    Emit::operandList(1, count))
          .str(),
      constraints, {}, operands);
  rewriter.eraseOp(op);
  return success();
}

void einfall::nvidia::addWarpgroupPatterns(RewritePatternSet &patterns) {
  patterns.add(lowerProductFence);
  patterns.add(lowerCommit);
  patterns.add(lowerProductWait);
  patterns.add(lowerWgmma);
  patterns.add(lowerDescriptor);
  patterns.add(lowerSetMaxRegisters);
  patterns.add(lowerStMatrix);
}
