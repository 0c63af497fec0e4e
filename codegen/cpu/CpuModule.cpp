//===- CpuModule.cpp - Kernels compiled into this process -----------------===//

#include "codegen/cpu/CpuModule.h"

#include "codegen/cpu/CountAccesses.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace einfall::cpu;

/// LLVM's standard pipeline, tuned to `machine`.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

/// Object code or assembly of an optimised module.
static llvm::Error emit(llvm::Module &module, llvm::TargetMachine &machine,
                        llvm::CodeGenFileType type,
                        llvm::SmallVectorImpl<char> &bytes) {
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("the target cannot emit this file type");
  passes.run(module);
  return llvm::Error::success();
}

/// Defines __truncsfbf2, f32 rounded to bf16, which code generators call for
/// every scalar of bf16 and compiler runtimes need not have. As they call it:
/// the result lies in the lower half of a vector register, as that of a float
/// does.
static void defineRoundingToBf16(llvm::Module &module) {
  llvm::IRBuilder<> builder(module.getContext());
  llvm::Type *real = builder.getFloatTy();
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(real, {real}, /*isVarArg=*/false),
      llvm::GlobalValue::WeakAnyLinkage, "__truncsfbf2", module);
  function->setVisibility(llvm::GlobalValue::HiddenVisibility);
  function->setDoesNotThrow();
  builder.SetInsertPoint(
      llvm::BasicBlock::Create(module.getContext(), "", function));
  llvm::Value *given = function->getArg(0);
  llvm::Value *bits = builder.CreateBitCast(given, builder.getInt32Ty());
  // To nearest, ties to even; a NaN stays one.
  llvm::Value *odd = builder.CreateAnd(builder.CreateLShr(bits, 16), 1);
  llvm::Value *rounded =
      builder.CreateAdd(bits, builder.CreateAdd(odd, builder.getInt32(0x7fff)));
  llvm::Value *quiet = builder.CreateOr(bits, 0x400000);
  llvm::Value *kept =
      builder.CreateSelect(builder.CreateFCmpUNO(given, given), quiet, rounded);
  builder.CreateRet(builder.CreateBitCast(builder.CreateLShr(kept, 16), real));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
einfall::cpu::compileObject(mlir::ModuleOp source,
                            const CpuCompileOptions &options) {
  auto machine = options.target.createMachine();
  if (!machine)
    return machine.takeError();
  mlir::registerBuiltinDialectTranslation(*source.getContext());
  mlir::registerLLVMDialectTranslation(*source.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      mlir::translateModuleToLLVMIR(source, context, "einfall");
  if (!module)
    return llvm::createStringError("translation to LLVM IR failed");
  module->setDataLayout((*machine)->createDataLayout());
  module->setTargetTriple((*machine)->getTargetTriple());
  if (!options.target.roundsToBf16())
    defineRoundingToBf16(*module);
  for (llvm::Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", options.target.processor);
    function.addFnAttr("target-features", options.target.features);
    function.addFnAttr("prefer-vector-width",
                       std::to_string(options.target.vectorBits));
    function.addFnAttr("min-legal-vector-width",
                       std::to_string(options.target.vectorBits));
  }
  if (options.countsAccesses)
    if (llvm::Error error = countAccesses(*module))
      return error;
  optimize(*module, **machine);
  if (options.llvmIR) {
    llvm::raw_string_ostream stream(*options.llvmIR);
    module->print(stream, nullptr);
  }
  if (options.assembly) {
    llvm::SmallVector<char, 0> text;
    std::unique_ptr<llvm::Module> copy = llvm::CloneModule(*module);
    if (auto error =
            emit(*copy, **machine, llvm::CodeGenFileType::AssemblyFile, text))
      return error;
    options.assembly->assign(text.begin(), text.end());
  }
  llvm::SmallVector<char, 0> bytes;
  if (auto error =
          emit(*module, **machine, llvm::CodeGenFileType::ObjectFile, bytes))
    return error;
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(
      std::move(bytes), /*RequiresNullTerminator=*/false);
}

CpuModule::CpuModule(std::unique_ptr<llvm::orc::LLJIT> jit)
    : jit(std::move(jit)) {}
CpuModule::~CpuModule() = default;

llvm::Expected<std::unique_ptr<CpuModule>>
CpuModule::load(std::unique_ptr<llvm::MemoryBuffer> object,
                const std::vector<std::pair<std::string, void *>> &functions) {
  // The machine is made once for its side effect: the target is registered.
  if (auto machine = CpuTarget::host().createMachine(); !machine)
    return machine.takeError();
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // Mathematical functions come from the process.
  auto symbols = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!symbols)
    return symbols.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*symbols));
  llvm::orc::SymbolMap given;
  for (const auto &[name, function] : functions)
    given[(*jit)->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  if (auto error = (*jit)->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(given))))
    return error;
  if (auto error = (*jit)->addObjectFile(std::move(object)))
    return error;
  return std::unique_ptr<CpuModule>(new CpuModule(std::move(*jit)));
}

llvm::Expected<CpuKernel> CpuModule::lookup(llvm::StringRef name) {
  auto find = [&](const char *suffix) {
    return jit->lookup((name + suffix).str());
  };
  auto run = find(""), items = find("_items"), workspace = find("_workspace"),
       shared = find("_shared");
  llvm::Error error = llvm::Error::success();
  for (auto *symbol : {&run, &items, &workspace, &shared})
    if (!*symbol)
      error = llvm::joinErrors(std::move(error), symbol->takeError());
  if (error)
    return error;
  return CpuKernel{
      run->toPtr<EinfallCpuKernel>(), items->toPtr<EinfallCpuItems>(),
      workspace->toPtr<EinfallCpuSize>(), shared->toPtr<EinfallCpuSize>()};
}
