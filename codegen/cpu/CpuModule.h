//===- CpuModule.h - Kernels compiled into this process ---------*- C++ -*-===//
//
// From a module of the LLVM dialect to machine code: translation, optimisation
// for the target, an object file, and (for the host) the object linked into the
// process. Ahead-of-time and just-in-time users get the same object.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_CPUMODULE_H
#define EINFALL_CODEGEN_CPU_CPUMODULE_H

#include "codegen/cpu/CpuTarget.h"
#include "runtime/devices/cpu/CpuKernel.h"

#include "llvm/Support/MemoryBuffer.h"

namespace llvm::orc {
class LLJIT;
}
namespace mlir {
class ModuleOp;
}

namespace einfall::cpu {

/// What `compileObject` should leave behind besides the object.
struct CpuCompileOptions {
  CpuTarget target = CpuTarget::host();
  /// When set, receives the optimised LLVM IR as text.
  std::string *llvmIR = nullptr;
  /// When set, receives the assembly.
  std::string *assembly = nullptr;
  /// The program tells what it touches (CountAccesses.h).
  bool countsAccesses = false;
};

/// Compiles a module of llvm operations to an object file. Errors name the step
/// that failed.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compileObject(mlir::ModuleOp module, const CpuCompileOptions &options);

/// An object file linked into the process. Kernels that it hands out live as
/// long as it does.
class CpuModule {
public:
  /// `functions` that it calls, by name, beside those of the process.
  static llvm::Expected<std::unique_ptr<CpuModule>>
  load(std::unique_ptr<llvm::MemoryBuffer> object,
       const std::vector<std::pair<std::string, void *>> &functions = {});
  ~CpuModule();

  /// The entry points of a kernel. Error: there is no kernel `name`.
  llvm::Expected<CpuKernel> lookup(llvm::StringRef name);

private:
  explicit CpuModule(std::unique_ptr<llvm::orc::LLJIT> jit);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_CPUMODULE_H
