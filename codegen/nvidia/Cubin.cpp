//===- Cubin.cpp - From device programs to machine code -------------------===//

#include "codegen/nvidia/Cubin.h"

#include "dialect/Device/Device.h"

#include "mlir/IR/BuiltinOps.h"

using namespace einfall;
using namespace einfall::nvidia;

llvm::Expected<Cubin> einfall::nvidia::compileToCubin(
    mlir::ModuleOp module, const GpuTarget &target, const Assembler &assembler,
    const PtxOptions &ptxOptions, const AssembleOptions &assemblyOptions) {
  auto ptx = compileToPtx(module, target, ptxOptions);
  if (!ptx)
    return ptx.takeError();
  auto assembly = assembler.assemble(*ptx, target, assemblyOptions);
  if (!assembly)
    return assembly.takeError();
  for (auto kernel : module.getOps<device::KernelOp>()) {
    const KernelResources *resources =
        assembly->report.find(kernel.getSymName());
    if (!resources)
      return llvm::createStringError("the assembler says nothing of kernel '" +
                                     kernel.getSymName() + "'");
    if (llvm::Error error = checkResources(
            *resources, target, kernel.getThreads(), kernel.getShared()))
      return error;
  }
  return Cubin{std::move(*ptx), std::move(assembly->cubin),
               std::move(assembly->report)};
}
