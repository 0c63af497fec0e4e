//===- TvmFfiModule.h - A package as a module of TVM-FFI --------*- C++ -*-===//
//
// A shared object with the bytes of a package and, for each of its kernels, a
// function `__tvm_ffi_NAME` of TVM-FFI's C ABI, which hands its arguments to
// libeinfall_rt (einfall/tvm_ffi.h), and `__tvm_ffi__doc_NAME`, which gives
// their order. `tvm_ffi.load_module` opens it. It needs libeinfall_rt, found in
// the process, beside it, where this compiler is installed, or by the loader.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_PACKAGE_TVMFFIMODULE_H
#define EINFALL_CODEGEN_PACKAGE_TVMFFIMODULE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace einfall::package {

/// The bytes of the shared object, which also defines `NAME_efk` and
/// `NAME_efk_size` as embedObject() does. Errors: LinkerMissing, what the
/// linker says, no code generator for this architecture.
llvm::Expected<std::string> tvmFfiModule(llvm::StringRef package,
                                         llvm::StringRef name,
                                         llvm::ArrayRef<std::string> kernels);

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_TVMFFIMODULE_H
