//===- HostLibrary.h - CPU code that needs no compiler ----------*- C++ -*-===//
//
// Object code becomes a shared object for a package: compiled with the
// instruction sets that the runtime can check, linked by the linker that is
// there. It needs the C library and its mathematical functions, nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_PACKAGE_HOSTLIBRARY_H
#define EINFALL_CODEGEN_PACKAGE_HOSTLIBRARY_H

#include "codegen/cpu/CpuTarget.h"

#include <vector>

namespace einfall::package {

/// This processor, with those of its instruction sets that are in
/// runtime/core/HostFeatures.h and no others.
cpu::CpuTarget packagedCpu();
/// The names of those that it has.
std::vector<std::string> packagedFeatures();

/// The linker is not there; where it was looked for is in the message.
class LinkerMissing : public llvm::ErrorInfo<LinkerMissing> {
public:
  static char ID;
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override;
};

struct LinkOptions {
  std::string soname;  ///< empty: none
  std::string library; ///< the bytes of a shared object to link to
  std::string runPath; ///< where the loader looks for libraries
};

/// Links an object file into a shared object. Errors: LinkerMissing, what the
/// linker says.
llvm::Expected<std::string> linkShared(llvm::StringRef object,
                                       const LinkOptions &options = {});

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_HOSTLIBRARY_H
