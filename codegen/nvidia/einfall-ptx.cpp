//===- einfall-ptx.cpp - Device programs to PTX ---------------------------===//
//
// The developer's door to the NVIDIA code generator: a module of device kernels
// in, PTX out; with --assemble the assembler's report instead.
//
//===----------------------------------------------------------------------===//

#include "codegen/nvidia/Cubin.h"
#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

using namespace einfall;
namespace cl = llvm::cl;

static cl::OptionCategory category("einfall-ptx options");
static cl::opt<std::string> inputFile(cl::Positional, cl::desc("<input>"),
                                      cl::init("-"), cl::cat(category));
static cl::opt<std::string> outputFile("o", cl::desc("where the result goes"),
                                       cl::init("-"), cl::cat(category));
static cl::opt<std::string> target("target", cl::desc("the chip"),
                                   cl::init("sm_80"), cl::cat(category));
static cl::opt<bool> llvmIR("llvm", cl::desc("print LLVM IR, not PTX"),
                            cl::cat(category));
static cl::opt<bool> assemble("assemble",
                              cl::desc("print the assembler's report"),
                              cl::cat(category));
static cl::opt<std::string> cubin("cubin", cl::desc("where the cubin goes"),
                                  cl::cat(category));
static cl::opt<bool> listAssemblers("list-assemblers",
                                    cl::desc("print the assemblers found"),
                                    cl::cat(category));

static int fail(const llvm::Twine &message, int code) {
  llvm::WithColor::error(llvm::errs(), "einfall-ptx") << message << "\n";
  return code;
}

static void print(const nvidia::AssemblyReport &report,
                  llvm::raw_ostream &stream) {
  stream << "assembler " << report.version.str() << "\n";
  for (const nvidia::KernelResources &kernel : report.kernels)
    stream << "kernel " << kernel.name << ": " << kernel.registers
           << " registers, " << kernel.spillStoreBytes
           << " bytes spill stores, " << kernel.spillLoadBytes
           << " bytes spill loads, " << kernel.stackBytes << " bytes stack, "
           << kernel.staticSharedBytes << " bytes static shared, "
           << kernel.barriers << " barriers\n";
  for (const nvidia::AssemblyWarning &warning : report.warnings)
    stream << "warning " << warning.code << ": " << warning.text << "\n";
  for (const std::string &fault : report.faults)
    stream << "fault: " << fault << "\n";
}

/// The report, and the cubin where it was asked for. Exit code.
static int runAssembler(mlir::ModuleOp module, const GpuTarget &gpu,
                        const nvidia::PtxOptions &options,
                        llvm::raw_ostream &stream) {
  auto assembler = nvidia::Assembler::find();
  if (!assembler)
    return fail(llvm::toString(assembler.takeError()), 3);
  auto compiled = nvidia::compileToCubin(module, gpu, *assembler, options);
  if (!compiled)
    return fail(llvm::toString(compiled.takeError()), 1);
  print(compiled->report, stream);
  if (cubin.empty())
    return 0;
  std::string message;
  auto file = mlir::openOutputFile(cubin, &message);
  if (!file)
    return fail(message, 1);
  file->os().write(compiled->code.data(), compiled->code.size());
  file->keep();
  return 0;
}

int main(int argc, char **argv) {
  llvm::InitLLVM initialize(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "device programs to PTX\n");
  if (listAssemblers) {
    for (const nvidia::Assembler &found : nvidia::Assembler::candidates())
      llvm::outs() << found.version.str() << " " << found.path << "\n";
    return 0;
  }
  const GpuTarget *gpu = findTarget(target);
  if (!gpu) {
    std::string known;
    for (const GpuTarget &one : gpuTargets())
      known += (known.empty() ? "" : ", ") + one.name.str();
    return fail("there is no target '" + target + "'; known are " + known, 2);
  }

  mlir::DialectRegistry registry;
  registry.insert<device::DeviceDialect, mlir::arith::ArithDialect,
                  mlir::scf::SCFDialect, mlir::vector::VectorDialect>();
  mlir::MLIRContext context(registry);
  std::string message;
  auto input = mlir::openInputFile(inputFile, &message);
  if (!input)
    return fail(message, 1);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  mlir::SourceMgrDiagnosticHandler diagnostics(sources, &context);
  auto module = mlir::parseSourceFile<mlir::ModuleOp>(sources, &context);
  if (!module)
    return 1;

  auto output = mlir::openOutputFile(outputFile, &message);
  if (!output)
    return fail(message, 1);
  std::string ir;
  nvidia::PtxOptions options;
  options.llvmIR = llvmIR ? &ir : nullptr;
  if (assemble || !cubin.empty()) {
    if (int code = runAssembler(*module, *gpu, options, output->os()))
      return code;
    output->keep();
    return 0;
  }
  auto ptx = nvidia::compileToPtx(*module, *gpu, options);
  if (!ptx)
    return fail(llvm::toString(ptx.takeError()), 1);
  output->os() << (llvmIR ? ir : *ptx);
  output->keep();
  return 0;
}
