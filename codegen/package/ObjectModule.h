//===- ObjectModule.h - A small LLVM module for an object file --*- C++ -*-===//
//
// What packages are embedded by: constants and a few functions, compiled for
// any processor of this architecture.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_PACKAGE_OBJECTMODULE_H
#define EINFALL_CODEGEN_PACKAGE_OBJECTMODULE_H

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
}

namespace einfall::package {

class ObjectModule {
public:
  /// Error: LLVM has no code generator for this architecture.
  static llvm::Expected<std::unique_ptr<ObjectModule>> create();
  ~ObjectModule();

  /// A constant aligned to 64 bytes; external where `isPublic`.
  llvm::GlobalVariable *add(const llvm::Twine &symbol, llvm::Constant *value,
                            bool isPublic);
  /// The bytes as a constant array.
  llvm::Constant *bytes(llvm::StringRef content, bool addNull = false);
  llvm::Constant *size(uint64_t value);
  /// The object file.
  llvm::Expected<std::string> emit();

  llvm::LLVMContext context;
  llvm::Module module;

private:
  explicit ObjectModule(std::unique_ptr<llvm::TargetMachine> machine);
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_OBJECTMODULE_H
