//===- DeviceToLLVM.cpp - From device programs to the LLVM dialect --------===//

#include "codegen/nvidia/DeviceToLLVM.h"

#include "codegen/nvidia/Emit.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace einfall;
using namespace einfall::nvidia;

//===----------------------------------------------------------------------===//
// Emit
//===----------------------------------------------------------------------===//

Type Emit::structOf(Type type, int64_t count) {
  return LLVM::LLVMStructType::getLiteral(rewriter.getContext(),
                                          SmallVector<Type>(count, type));
}

Value Emit::constant(int64_t value, unsigned bits) {
  return LLVM::ConstantOp::create(
      rewriter, loc,
      IntegerAttr::get(IntegerType::get(rewriter.getContext(), bits), value));
}

Value Emit::intrinsic(StringRef name, Type result, ValueRange operands) {
  StringAttr callee = rewriter.getStringAttr(name);
  if (result)
    return LLVM::CallIntrinsicOp::create(rewriter, loc, result, callee,
                                         operands)
        .getResults();
  LLVM::CallIntrinsicOp::create(rewriter, loc, callee, operands);
  return {};
}

Value Emit::assembly(const Twine &text, StringRef constraints, Type result,
                     ValueRange operands) {
  std::string all =
      (constraints + (constraints.empty() ? "" : ",") + "~{memory}").str();
  auto call = LLVM::InlineAsmOp::create(
      rewriter, loc, result ? TypeRange(result) : TypeRange(), operands,
      text.str(), all, /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  return result ? call.getRes() : Value();
}

static Value addBytes(Emit &emit, Value pointer, Value bytes) {
  return LLVM::GEPOp::create(emit.rewriter, emit.loc, pointer.getType(),
                             emit.rewriter.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value Emit::sharedPointer(Value base, Value offset) {
  auto type = LLVM::LLVMPointerType::get(rewriter.getContext(), 3);
  Value start = LLVM::AddressOfOp::create(rewriter, loc, type, sharedName);
  Value pointer = addBytes(*this, start, base);
  return offset ? addBytes(*this, pointer, offset) : pointer;
}

Value Emit::globalPointer(Value base, Value offset) {
  auto type = LLVM::LLVMPointerType::get(rewriter.getContext(), 1);
  Value pointer = LLVM::IntToPtrOp::create(rewriter, loc, type, base);
  return offset ? addBytes(*this, pointer, offset) : pointer;
}

Value Emit::sharedAddress(Value base) {
  return LLVM::PtrToIntOp::create(rewriter, loc, i32(), sharedPointer(base));
}

Value Emit::bitcast(Type type, Value value) {
  return LLVM::BitcastOp::create(rewriter, loc, type, value);
}

Value Emit::element(Value aggregate, int64_t index) {
  if (isa<VectorType>(aggregate.getType()))
    return LLVM::ExtractElementOp::create(rewriter, loc, aggregate,
                                          constant(index));
  return LLVM::ExtractValueOp::create(rewriter, loc, aggregate, index);
}

SmallVector<Value> Emit::elements(Value aggregate) {
  int64_t count;
  if (auto vector = dyn_cast<VectorType>(aggregate.getType()))
    count = vector.getNumElements();
  else
    count = cast<LLVM::LLVMStructType>(aggregate.getType()).getBody().size();
  SmallVector<Value> parts;
  for (int64_t index = 0; index < count; ++index)
    parts.push_back(element(aggregate, index));
  return parts;
}

Value Emit::vector(VectorType type, ValueRange elements) {
  Value result = LLVM::PoisonOp::create(rewriter, loc, type);
  for (auto [index, element] : llvm::enumerate(elements))
    result = LLVM::InsertElementOp::create(rewriter, loc, result, element,
                                           constant(index));
  return result;
}

std::string Emit::operandList(size_t first, size_t count) {
  std::string list = "{";
  for (size_t index = 0; index < count; ++index)
    list += (index ? ", $" : "$") + std::to_string(first + index);
  return list + "}";
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static LogicalResult lowerReturn(device::ReturnOp op,
                                 PatternRewriter &rewriter) {
  rewriter.replaceOpWithNewOp<LLVM::ReturnOp>(op, ValueRange());
  return success();
}

/// A map is 128 bytes of parameters that bulk copies read in place. Without
/// "grid_constant" LLVM would copy them to the stack of each thread.
static void passMap(LLVM::LLVMFuncOp function, unsigned number) {
  OpBuilder builder(function.getBody());
  BlockArgument argument = function.getBody().getArgument(number);
  Type map = argument.getType();
  argument.setType(LLVM::LLVMPointerType::get(builder.getContext()));
  auto cast = UnrealizedConversionCastOp::create(builder, function.getLoc(),
                                                 map, argument);
  argument.replaceAllUsesExcept(cast.getResult(0), cast);
  function.setArgAttr(
      number, LLVM::LLVMDialect::getByValAttrName(),
      TypeAttr::get(LLVM::LLVMArrayType::get(builder.getI8Type(), 128)));
  function.setArgAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(64));
  function.setArgAttr(number, NVVM::NVVMDialect::getGridConstantAttrName(),
                      builder.getUnitAttr());
}

/// The function of a kernel, with the kernel's body moved into it.
static void makeFunction(device::KernelOp kernel) {
  OpBuilder builder(kernel);
  MLIRContext *context = builder.getContext();
  Region &body = kernel.getBody();
  SmallVector<Type> types;
  SmallVector<unsigned> maps;
  for (BlockArgument argument : body.getArguments()) {
    bool isMap = isa<device::TensorMapType>(argument.getType());
    types.push_back(isMap ? LLVM::LLVMPointerType::get(context)
                          : argument.getType());
    if (isMap)
      maps.push_back(argument.getArgNumber());
  }
  auto function = LLVM::LLVMFuncOp::create(
      builder, kernel.getLoc(), kernel.getSymName(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                    builder.getUnitAttr());
  function->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                    builder.getDenseI32ArrayAttr(
                        {static_cast<int32_t>(kernel.getThreads())}));
  // One block at a time: registers change hands (setmaxnreg) only where the
  // assembler knows how many there are, and where no number is named it aims at
  // three blocks of 128 threads and spills to reach it.
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    builder.getI32IntegerAttr(1));
  function.getBody().takeBody(body);
  for (unsigned number : maps)
    passMap(function, number);
  kernel.erase();
}

static void declareShared(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
  LLVM::GlobalOp::create(builder, module.getLoc(), bytes, /*isConstant=*/false,
                         LLVM::Linkage::External, sharedName, Attribute(),
                         /*alignment=*/1024, /*addrSpace=*/3);
}

static LogicalResult convertAll(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter types(context);
  ConversionTarget target(*context);
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
  target.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();
  RewritePatternSet patterns(context);
  patterns.add(lowerReturn);
  addMemoryPatterns(patterns);
  addThreadPatterns(patterns);
  addArithmeticPatterns(patterns);
  addMatrixPatterns(patterns);
  addBulkPatterns(patterns);
  addWarpgroupPatterns(patterns);
  populateSCFToControlFlowConversionPatterns(patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  return applyFullConversion(module, target, std::move(patterns));
}

namespace {
struct DeviceToLLVMPass
    : public PassWrapper<DeviceToLLVMPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DeviceToLLVMPass)

  StringRef getArgument() const final { return "device-to-llvm"; }
  StringRef getDescription() const final {
    return "turn device kernels into functions of NVIDIA's instructions";
  }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<LLVM::LLVMDialect, NVVM::NVVMDialect, arith::ArithDialect,
                    cf::ControlFlowDialect>();
  }

  void runOnOperation() final {
    ModuleOp module = getOperation();
    auto kernels = llvm::to_vector(module.getOps<device::KernelOp>());
    if (kernels.empty())
      return;
    for (device::KernelOp kernel : kernels)
      makeFunction(kernel);
    declareShared(module);

    // One conversion for all dialects: each walks and folds every operation.
    if (failed(convertAll(module)))
      return signalPassFailure();
    // The maps' casts have served.
    module.walk([](UnrealizedConversionCastOp cast) {
      if (cast.use_empty())
        cast.erase();
    });
  }
};
} // namespace

std::unique_ptr<Pass> einfall::nvidia::createDeviceToLLVMPass() {
  return std::make_unique<DeviceToLLVMPass>();
}
