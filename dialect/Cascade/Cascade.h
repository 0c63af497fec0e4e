//===- Cascade.h - Cascades of extended einsums -----------------*- C++ -*-===//
//
// The dialect of the mathematics: fields over named ranks, pointwise maps,
// reductions and folds. What it means is in CascadeOps.td, how it came to be so
// in docs/decisions/0001-fields-and-folds.md.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_CASCADE_CASCADE_H
#define EINFALL_DIALECT_CASCADE_CASCADE_H

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

#include "dialect/Cascade/CascadeDialect.h.inc"
#include "dialect/Cascade/CascadeEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/Cascade/CascadeTypes.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/Cascade/CascadeAttrs.h.inc"

#define GET_OP_CLASSES
#include "dialect/Cascade/CascadeOps.h.inc"

namespace einfall::cascade {

/// The type of a value that is known to be a field.
inline FieldType fieldType(mlir::Value value) {
  return llvm::cast<FieldType>(value.getType());
}

/// The strings of a StrArrayAttr.
llvm::SmallVector<llvm::StringRef> names(mlir::ArrayAttr array);

/// The number of operands of a scalar function: 1, 2 or (select) 3.
unsigned arity(Function function);

/// The kind of `function` applied to operands of these kinds, or nothing where
/// the function is not defined on them.
std::optional<Kind> resultKind(Function function,
                               llvm::ArrayRef<Kind> operands);

/// The kind that elements of a storage type are read as: floating-point types
/// are real, i1 is bool, other integers are int; nothing for other types.
std::optional<Kind> storageKind(mlir::Type type);

/// The union of the ranks of several fields, as a field of `kind`.
FieldType joinRanks(mlir::MLIRContext *context, Kind kind,
                    mlir::TypeRange fields);

} // namespace einfall::cascade

#endif // EINFALL_DIALECT_CASCADE_CASCADE_H
