//===- Ptx.cpp - From device programs to PTX text -------------------------===//

#include "codegen/nvidia/Ptx.h"

#include "codegen/nvidia/DeviceToLLVM.h"
#include "dialect/Device/Device.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/Reassociate.h"
#include "llvm/Transforms/Scalar/SCCP.h"
#include "llvm/Transforms/Scalar/Scalarizer.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

#include <mutex>

using namespace einfall;
using namespace einfall::nvidia;

/// Registers the target once. Shared memory has less than 2^32 bytes, and with
/// 32-bit pointers its addresses cost one register; LLVM takes that choice as
/// an option of the process only.
static void initializeTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    auto &options = llvm::cl::getRegisteredOptions();
    if (auto found = options.find("nvptx-short-ptr"); found != options.end())
      found->second->addOccurrence(0, "nvptx-short-ptr", "true");
  });
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const GpuTarget &gpu) {
  initializeTarget();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return llvm::createStringError("no code generator for " +
                                   triple.getTriple() + ": " + message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, gpu.name, llvm::formatv("+ptx{0}", gpu.ptxVersion).str(), options,
      std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return llvm::createStringError("cannot generate code for " + gpu.name);
  return machine;
}

/// What the architecture cannot hold is refused with the numbers.
static llvm::Error checkKernel(device::KernelOp kernel, const GpuTarget &gpu) {
  llvm::StringRef name = kernel.getSymName(), target = gpu.name;
  const BlockLimits &limits = gpu.reference().block;
  if (kernel.getTarget() != target)
    return llvm::createStringError(llvm::formatv(
        "kernel '{0}' was lowered for {1}, not for {2}; lower it again", name,
        kernel.getTarget(), target));
  if (int64_t(kernel.getShared()) > limits.sharedBytes)
    return llvm::createStringError(llvm::formatv(
        "kernel '{0}' needs {1} bytes of shared memory per block, {2} has {3}; "
        "use smaller tiles or fewer stages",
        name, kernel.getShared(), target, limits.sharedBytes));
  if (int64_t(kernel.getThreads()) > limits.threads)
    return llvm::createStringError(llvm::formatv(
        "kernel '{0}' needs {1} threads per block, {2} has {3}; use fewer "
        "warps",
        name, kernel.getThreads(), target, limits.threads));
  return llvm::Error::success();
}

/// Assembly with effects acts on warps: it must not become dependent on more
/// conditions than it stands under, which LLVM calls convergent.
static void markConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
        if (auto *assembly =
                llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand()))
          if (assembly->hasSideEffects())
            call->addFnAttr(llvm::Attribute::Convergent);
}

/// What is worth doing before the code generator, which numbers values and
/// simplifies addresses itself, and the assembler, which allocates and
/// schedules. LLVM's pipeline at O3 takes more than twice as long, and the
/// assembler makes 2 to 5 % more instructions of its loops (attention, sm_80,
/// D64 to D160), and as many if loops are rotated here.
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

  llvm::ScalarizerPassOptions scalars;
  scalars.ScalarizeMinBits = 32; // a pair of halves stays one register
  scalars.ScalarizeLoadStore = false;
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::ScalarizerPass(scalars));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::SCCPPass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(
      llvm::InstCombinePass(llvm::InstCombineOptions().setMaxIterations(1)));
  passes.addPass(llvm::ReassociatePass());
  passes.addPass(
      llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                            /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::ADCEPass());
  passes.addPass(llvm::SimplifyCFGPass());
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      passes.run(function, functions);
}

llvm::Expected<std::string>
einfall::nvidia::compileToPtx(mlir::ModuleOp source, const GpuTarget &target,
                              const PtxOptions &options) {
  for (auto kernel : source.getOps<device::KernelOp>())
    if (llvm::Error error = checkKernel(kernel, target))
      return error;
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();

  mlir::OwningOpRef<mlir::ModuleOp> copy = source.clone();
  mlir::PassManager lowering(copy->getContext());
  lowering.addPass(createDeviceToLLVMPass());
  if (mlir::failed(lowering.run(*copy)))
    return llvm::createStringError("lowering to the LLVM dialect failed");

  mlir::MLIRContext &dialects = *copy->getContext();
  mlir::registerBuiltinDialectTranslation(dialects);
  mlir::registerLLVMDialectTranslation(dialects);
  mlir::registerNVVMDialectTranslation(dialects);
  llvm::LLVMContext context;
  context.setDiscardValueNames(!options.llvmIR);
  std::unique_ptr<llvm::Module> module =
      mlir::translateModuleToLLVMIR(*copy, context, "einfall");
  if (!module)
    return llvm::createStringError("translation to LLVM IR failed");
  module->setDataLayout((*machine)->createDataLayout());
  module->setTargetTriple((*machine)->getTargetTriple());
  markConvergent(*module);
  optimize(*module, **machine);
  if (options.llvmIR) {
    llvm::raw_string_ostream stream(*options.llvmIR);
    module->print(stream, nullptr);
  }

  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager emission;
  if ((*machine)->addPassesToEmitFile(emission, stream, nullptr,
                                      llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("LLVM cannot write PTX");
  emission.run(*module);
  return std::string(text.begin(), text.end());
}
