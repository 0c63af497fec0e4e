//===- TensorFile.h - Tensors by the names of their files -------*- C++ -*-===//
//
// What `--in` and `--out` take: FILE.npy, FILE.safetensors (the tensor of the
// argument's name) and FILE.safetensors:NAME.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_TENSORFILE_H
#define EINFALL_FRONTEND_DRIVER_TENSORFILE_H

#include "frontend/driver/HostTensor.h"

#include "llvm/Support/Error.h"

namespace einfall::driver {

/// Where an argument is in a file.
struct TensorPlace {
  std::string file, name;
  bool isSafetensors = false;

  /// `argument` is its name in the kernel.
  static TensorPlace of(llvm::StringRef text, llvm::StringRef argument);
};

/// Reads the input `argument`. Errors: those of readNpy(), toTensor() and
/// readSafetensors().
llvm::Expected<HostTensor> readTensor(llvm::StringRef text,
                                      llvm::StringRef argument,
                                      interpreter::Element element);

struct OutputFile {
  std::string text, argument;
  const HostTensor *tensor;
};

/// Writes outputs; those of one .safetensors file together, in their order.
llvm::Error writeTensorFiles(llvm::ArrayRef<OutputFile> outputs);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_TENSORFILE_H
