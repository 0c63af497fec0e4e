//===- Npy.h - Arrays in NumPy's .npy files ---------------------*- C++ -*-===//
//
// Reads and writes the .npy format, versions 1 to 3 (NumPy enhancement proposal
// 1). A file is believed only where it agrees with itself: the header must
// parse, and the data must be exactly as long as the header says. Written
// files appear whole or not at all.
//
// NumPy has no bfloat16: such an array is read from f32 (rounded) or from raw
// 2-byte elements (`V2`, `u2`), and written as f32, which holds it exactly.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_NPY_H
#define EINFALL_FRONTEND_DRIVER_NPY_H

#include "frontend/driver/HostTensor.h"

#include "llvm/Support/Error.h"

namespace einfall::driver {

/// What an .npy file holds. `descr` is the element type as NumPy writes it.
struct NpyArray {
  std::string descr;
  unsigned itemSize = 0; ///< bytes
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides; ///< in elements; Fortran order allowed
  AlignedBytes data;
};

/// Errors name the file and what is wrong with it, with the numbers.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// The array as a tensor of `element`. Elements smaller than a byte have a byte
/// each in the file. Error: the file's type is another one.
llvm::Expected<HostTensor> toTensor(NpyArray array, llvm::StringRef path,
                                    interpreter::Element element);

/// Writes a tensor in row-major order, by a temporary file and a rename.
llvm::Error writeNpy(llvm::StringRef path, const HostTensor &tensor);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_NPY_H
