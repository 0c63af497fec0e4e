//===- TvmFfiModule.cpp - A package as a module of TVM-FFI ----------------===//

#include "codegen/package/TvmFfiModule.h"

#include "codegen/package/HostLibrary.h"
#include "codegen/package/ObjectModule.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace einfall;
using namespace einfall::package;

static constexpr llvm::StringLiteral runtimeLibrary = "libeinfall_rt.so.0";
static constexpr llvm::StringLiteral callName = "einfall_tvm_ffi_call_packed";
static constexpr llvm::StringLiteral describeName = "einfall_tvm_ffi_describe";

/// Folders in which libeinfall_rt lies beside this compiler.
static std::vector<std::string> runtimeFolders() {
  static int anchor;
  llvm::SmallString<128> prefix(
      llvm::sys::fs::getMainExecutable("einfall", &anchor));
  llvm::sys::path::remove_filename(prefix);
  llvm::sys::path::remove_filename(prefix);
  std::vector<std::string> folders;
  for (llvm::StringRef folder : {"lib", "lib/" EINFALL_MULTIARCH}) {
    llvm::SmallString<128> path(prefix);
    llvm::sys::path::append(path, folder, runtimeLibrary);
    if (!llvm::sys::fs::exists(path))
      continue;
    llvm::sys::path::remove_filename(path);
    folders.push_back(path.str().str());
  }
  return folders;
}

/// A shared object of the runtime's name that defines what modules call of it:
/// they are linked against this, so that no runtime need be there.
static llvm::Expected<std::string> standIn() {
  auto made = ObjectModule::create();
  if (!made)
    return made.takeError();
  ObjectModule &object = **made;
  for (llvm::StringRef name : {callName, describeName})
    object.add(name, object.size(0), /*isPublic=*/true);
  auto code = object.emit();
  if (!code)
    return code.takeError();
  LinkOptions options;
  options.soname = runtimeLibrary.str();
  return linkShared(*code, options);
}

namespace {
/// The functions of one kernel.
class KernelFunctions {
public:
  KernelFunctions(ObjectModule &object, llvm::Constant *package, uint64_t size)
      : object(object), builder(object.context), package(package), size(size),
        pointer(llvm::PointerType::getUnqual(object.context)),
        number(llvm::Type::getInt32Ty(object.context)),
        // TVMFFISafeCallType
        type(llvm::FunctionType::get(
            number, {pointer, pointer, number, pointer}, /*isVarArg=*/false)) {}

  void add(llvm::StringRef name) {
    // EinfallTvmFfiKernel
    llvm::Constant *fields[] = {
        llvm::ConstantPointerNull::get(pointer), package, object.size(size),
        object.add(name + ".name", object.bytes(name, /*addNull=*/true),
                   /*isPublic=*/false)};
    llvm::GlobalVariable *kernel = object.add(
        name + ".kernel", llvm::ConstantStruct::getAnon(object.context, fields),
        /*isPublic=*/false);
    kernel->setConstant(false);
    llvm::Function *call = begin("__tvm_ffi_" + name);
    builder.CreateRet(builder.CreateCall(
        object.module.getOrInsertFunction(callName, type),
        {kernel, call->getArg(1), call->getArg(2), call->getArg(3)}));
    llvm::Function *describe = begin("__tvm_ffi__doc_" + name);
    builder.CreateRet(
        builder.CreateCall(object.module.getOrInsertFunction(
                               describeName, number, pointer, pointer),
                           {kernel, describe->getArg(3)}));
  }

private:
  llvm::Function *begin(const llvm::Twine &name) {
    auto *function = llvm::Function::Create(
        type, llvm::Function::ExternalLinkage, name, object.module);
    builder.SetInsertPoint(
        llvm::BasicBlock::Create(object.context, "", function));
    return function;
  }

  ObjectModule &object;
  llvm::IRBuilder<> builder;
  llvm::Constant *package;
  uint64_t size;
  llvm::PointerType *pointer;
  llvm::Type *number;
  llvm::FunctionType *type;
};
} // namespace

llvm::Expected<std::string>
einfall::package::tvmFfiModule(llvm::StringRef package, llvm::StringRef name,
                               llvm::ArrayRef<std::string> kernels) {
  auto made = ObjectModule::create();
  if (!made)
    return made.takeError();
  ObjectModule &object = **made;
  llvm::Constant *bytes =
      object.add(name + "_efk", object.bytes(package), /*isPublic=*/true);
  object.add(name + "_efk_size", object.size(package.size()),
             /*isPublic=*/true);
  KernelFunctions functions(object, bytes, package.size());
  for (llvm::StringRef kernel : kernels)
    functions.add(kernel);
  auto code = object.emit();
  if (!code)
    return code.takeError();
  auto runtime = standIn();
  if (!runtime)
    return runtime.takeError();
  LinkOptions options;
  options.library = std::move(*runtime);
  options.runPath = "$ORIGIN";
  for (const std::string &folder : runtimeFolders())
    options.runPath += ":" + folder;
  return linkShared(*code, options);
}
