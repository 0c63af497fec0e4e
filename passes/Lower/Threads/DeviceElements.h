//===- DeviceElements.h - Elements of fields in a GPU's thread --*- C++ -*-===//
//
// ElementEmitter with a GPU's memory and functions: the code of one thread for
// one element of a field. Addresses are integers; tensors are read as what no
// thread of the grid writes. A quotient or remainder by an integer zero does
// not exist.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_THREADS_DEVICEELEMENTS_H
#define EINFALL_PASSES_LOWER_THREADS_DEVICEELEMENTS_H

#include "dialect/Device/Device.h"
#include "passes/Lower/ElementEmitter.h"

namespace einfall {

class DeviceElements : public ElementEmitter {
public:
  explicit DeviceElements(cascade::KernelOp kernel) : ElementEmitter(kernel) {}

  /// The parameters of a device kernel, as FoldToDevice.h lists them.
  void listParameters(llvm::SmallVectorImpl<std::string> &names,
                      llvm::SmallVectorImpl<mlir::Type> &types);
  /// Starts a region of a device kernel whose `block` has these parameters as
  /// arguments; `endRegion` after it was filled.
  void beginRegion(mlir::Block &block);
  void endRegion() { closeScope(); }

  mlir::Value apply(cascade::Function function, cascade::Kind kind,
                    llvm::ArrayRef<mlir::Value> operands) override;

  // Shared memory, at i32 addresses.
  mlir::Value loadShared(mlir::Value address, mlir::Type type);
  void storeShared(mlir::Value value, mlir::Value address);
  mlir::Value integer(int64_t value); ///< i32
  mlir::Value narrow(mlir::Value value);

protected:
  mlir::Value element(mlir::Value base, mlir::Value index,
                      mlir::Type type) override;
  mlir::Value loadRaw(mlir::Value base, mlir::Value index,
                      mlir::Type type) override;
  void storeRaw(mlir::Value value, mlir::Value base,
                mlir::Value index) override;
  Element emitParam(cascade::ParamOp param, const Coordinates &at) override;
  Element emitMap(cascade::MapOp map, const Coordinates &at) override;

private:
  /// By parameter: its value, and an i32 that is 0 where none was given.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> params;
};

/// Whether a quotient or remainder may be absent for its divisor.
bool mayDivideByZero(cascade::MapOp map);

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_THREADS_DEVICEELEMENTS_H
