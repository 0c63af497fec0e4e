//===- Device.h - Programs of a GPU's threads -------------------*- C++ -*-===//
//
// The dialect next to the machine: what it means is in DeviceBase.td,
// DeviceOps.td (what GPUs share), NvidiaOps.td and what that includes.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_DEVICE_DEVICE_H
#define EINFALL_DIALECT_DEVICE_DEVICE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/Device/DeviceDialect.h.inc"
#include "dialect/Device/DeviceEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/Device/DeviceAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/Device/DeviceTypes.h.inc"

#define GET_OP_CLASSES
#include "dialect/Device/DeviceOps.h.inc"

namespace einfall::device {

/// Bytes of a scalar or a vector that an access moves.
int64_t sizeInBytes(mlir::Type type);

/// The versions of a program: every kernel of the module that follows no other,
/// with those that are launched after it.
llvm::SmallVector<llvm::SmallVector<KernelOp>>
versionsOf(mlir::Operation *module);

} // namespace einfall::device

#endif // EINFALL_DIALECT_DEVICE_DEVICE_H
