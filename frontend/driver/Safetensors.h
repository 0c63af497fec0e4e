//===- Safetensors.h - Tensors in .safetensors files ------------*- C++ -*-===//
//
// Reads and writes the safetensors format: eight bytes with the length of a
// header in JSON, the header (type, shape and place of every tensor), the data.
// A file is believed only where it agrees with itself: names occur once, sizes
// follow from types and shapes, and the tensors fill the data without gaps and
// overlaps. Of the data only what is asked for is read.
//
// Types are F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 I32 I16 I8 U8 BOOL. Written
// files appear whole or not at all.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_SAFETENSORS_H
#define EINFALL_FRONTEND_DRIVER_SAFETENSORS_H

#include "frontend/driver/HostTensor.h"

#include "llvm/Support/Error.h"

namespace einfall::driver {

/// The greatest header that is read, in bytes; that of the format's own
/// library.
inline constexpr uint64_t maxSafetensorsHeader = 100'000'000;

/// The tensor `name` of a file, for a kernel that wants `element`. A BF16 one
/// is also read from F32 (rounded), elements smaller than a byte from a byte
/// each.
///
/// Errors name the file and what is wrong with it, with the numbers: the file
/// contradicts itself, has no such tensor, or one of another type.
llvm::Expected<HostTensor> readSafetensors(llvm::StringRef path,
                                           llvm::StringRef name,
                                           interpreter::Element element);

/// The names of the tensors of a file, in the order of its header.
llvm::Expected<std::vector<std::string>> safetensorNames(llvm::StringRef path);

struct NamedTensor {
  std::string name;
  const HostTensor *tensor;
};

/// Writes tensors in row-major order, in the order given, by a temporary file
/// and a rename. Error: two have one name, or elements smaller than a byte.
llvm::Error writeSafetensors(llvm::StringRef path,
                             llvm::ArrayRef<NamedTensor> tensors);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_SAFETENSORS_H
