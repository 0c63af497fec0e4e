//===- Embed.cpp - A package as an object file ----------------------------===//

#include "codegen/package/Embed.h"

#include "codegen/package/ObjectModule.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace einfall::package;

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
  auto made = ObjectModule::create();
  if (!made)
    return made.takeError();
  ObjectModule &object = **made;
  object.add(name + "_efk", object.bytes(bytes), /*isPublic=*/true);
  object.add(name + "_efk_size", object.size(bytes.size()), /*isPublic=*/true);
  return object.emit();
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
