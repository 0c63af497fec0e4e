//===- Programs.h - A kernel's programs, to be changed ----------*- C++ -*-===//
//
// The device programs of a kernel in a context of their own, from which one
// thread makes images of any program with or without a fault.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_PROGRAMS_H
#define EINFALL_TEST_MUTATION_PROGRAMS_H

#include "runtime/devices/emulated/Emulator.h"
#include "test/mutation/Mutants.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace einfall::mutation {

class Programs {
public:
  /// `text`: of a module that was verified.
  explicit Programs(llvm::StringRef text);

  llvm::SmallVector<device::KernelOp> kernels();

  /// The numbers of the programs of each version.
  llvm::SmallVector<llvm::SmallVector<unsigned>> versions();

  /// Program `number`, with the fault of `mutant` if there is one; nothing
  /// where it cannot be translated, with `message` saying why.
  std::optional<emulated::DeviceImage> image(unsigned number,
                                             const Mutant *mutant);

  std::string message;

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_PROGRAMS_H
