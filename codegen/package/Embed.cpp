//===- Embed.cpp - A package as an object file ----------------------------===//

#include "codegen/package/Embed.h"

#include "codegen/cpu/CpuTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Path.h"
#include "llvm/Target/TargetMachine.h"

using namespace einfall;

std::string einfall::package::identifierOf(llvm::StringRef path) {
  std::string name;
  for (char c : llvm::sys::path::stem(path))
    name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(name.begin(), '_');
  return name;
}

llvm::Expected<std::string>
einfall::package::embedObject(llvm::StringRef bytes, llvm::StringRef name) {
  auto machine = cpu::CpuTarget::portable().createMachine();
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module("einfall", context);
  module.setDataLayout((*machine)->createDataLayout());
  module.setTargetTriple((*machine)->getTargetTriple());
  auto add = [&](const llvm::Twine &symbol, llvm::Constant *value) {
    auto *global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, value, symbol);
    global->setAlignment(llvm::Align(64));
  };
  add(name + "_efk",
      llvm::ConstantDataArray::getString(context, bytes, /*AddNull=*/false));
  llvm::Type *size = module.getDataLayout().getIntPtrType(context);
  add(name + "_efk_size", llvm::ConstantInt::get(size, bytes.size()));
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("the target cannot emit object files");
  passes.run(module);
  return std::string(object.begin(), object.end());
}

std::string einfall::package::embedHeader(llvm::StringRef name) {
  std::string guard = "EINFALL_PACKAGE_" + name.upper() + "_H";
  std::string symbol = (name + "_efk").str();
  return "/* Made by einfall compile: the package in the object beside it. */\n"
         "#ifndef " +
         guard + "\n#define " + guard +
         "\n\n"
         "#include <stddef.h>\n\n"
         "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
         "/* For einfall_package_open_memory. */\n"
         "extern const unsigned char " +
         symbol +
         "[];\n"
         "extern const size_t " +
         symbol +
         "_size;\n\n"
         "#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}
