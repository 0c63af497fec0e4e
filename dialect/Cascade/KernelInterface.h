//===- KernelInterface.h - The arguments of a kernel ------------*- C++ -*-===//
//
// What a caller of a kernel has to know, read off its inputs, parameters and
// outputs. Everything downstream (interpreter, lowering, launch, command line)
// numbers arguments and ranks as this does.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_CASCADE_KERNELINTERFACE_H
#define EINFALL_DIALECT_CASCADE_KERNELINTERFACE_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::cascade {

struct KernelInterface {
  struct Tensor {
    std::string name;
    mlir::Type element;                  ///< storage type
    llvm::SmallVector<std::string> dims; ///< the rank of each dimension
  };
  struct Param {
    std::string name;
    mlir::Type storage;
    bool hasDefault;
  };

  std::string name;
  llvm::SmallVector<Tensor> inputs;  ///< in the order of cascade.input
  llvm::SmallVector<Param> params;   ///< in the order of cascade.param
  llvm::SmallVector<Tensor> outputs; ///< in the order of cascade.output
  /// Every rank of an input, of a cascade.rank or of an output, in that order,
  /// each once.
  llvm::SmallVector<std::string> ranks;

  static KernelInterface of(KernelOp kernel);

  /// The position of `rank` in `ranks`; it must be there.
  unsigned rankNumber(llvm::StringRef rank) const;
  /// The position in EinfallCpuArguments::strides of the first stride of tensor
  /// `number`, inputs first, then outputs.
  unsigned firstStride(unsigned number) const;
};

} // namespace einfall::cascade

#endif // EINFALL_DIALECT_CASCADE_KERNELINTERFACE_H
