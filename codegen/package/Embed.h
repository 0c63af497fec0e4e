//===- Embed.h - A package as an object file --------------------*- C++ -*-===//
//
// Puts the bytes of a package into the read-only data of an object file, and
// writes the C header that declares them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_PACKAGE_EMBED_H
#define EINFALL_CODEGEN_PACKAGE_EMBED_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace einfall::package {

/// A C identifier made of the name of a file, "my-kernel.o" -> "my_kernel".
std::string identifierOf(llvm::StringRef path);

/// An object for this architecture that defines `NAME_efk` (the bytes) and
/// `NAME_efk_size`. Error: LLVM has no code generator for it.
llvm::Expected<std::string> embedObject(llvm::StringRef bytes,
                                        llvm::StringRef name);
std::string embedHeader(llvm::StringRef name);

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_EMBED_H
