//===- ObjectModule.cpp - A small LLVM module for an object file ----------===//

#include "codegen/package/ObjectModule.h"

#include "codegen/cpu/CpuTarget.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Target/TargetMachine.h"

using namespace einfall::package;

ObjectModule::ObjectModule(std::unique_ptr<llvm::TargetMachine> made)
    : module("einfall", context), machine(std::move(made)) {
  module.setDataLayout(machine->createDataLayout());
  module.setTargetTriple(machine->getTargetTriple());
}

ObjectModule::~ObjectModule() = default;

llvm::Expected<std::unique_ptr<ObjectModule>> ObjectModule::create() {
  auto machine = cpu::CpuTarget::portable().createMachine();
  if (!machine)
    return machine.takeError();
  return std::unique_ptr<ObjectModule>(new ObjectModule(std::move(*machine)));
}

llvm::GlobalVariable *ObjectModule::add(const llvm::Twine &symbol,
                                        llvm::Constant *value, bool isPublic) {
  auto *global =
      new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                               isPublic ? llvm::GlobalValue::ExternalLinkage
                                        : llvm::GlobalValue::PrivateLinkage,
                               value, symbol);
  global->setAlignment(llvm::Align(64));
  return global;
}

llvm::Constant *ObjectModule::bytes(llvm::StringRef content, bool addNull) {
  return llvm::ConstantDataArray::getString(context, content, addNull);
}

llvm::Constant *ObjectModule::size(uint64_t value) {
  return llvm::ConstantInt::get(module.getDataLayout().getIntPtrType(context),
                                value);
}

llvm::Expected<std::string> ObjectModule::emit() {
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("the target cannot emit object files");
  passes.run(module);
  return std::string(object.begin(), object.end());
}
