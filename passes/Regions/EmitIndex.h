//===- EmitIndex.h - Closed forms as arith operations -----------*- C++ -*-===//
//
// Emits a closed form of a mask as `arith` operations on index (or another
// integer type) and i1, for loop bounds and for the test that chooses a tile's
// body. Shared parts are emitted once per emitter.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_REGIONS_EMITINDEX_H
#define EINFALL_PASSES_REGIONS_EMITINDEX_H

#include "passes/Regions/Region.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir {
class OpBuilder;
} // namespace mlir

namespace einfall::regions {

/// Emits at one insertion point: values are kept for reuse, so an emitter must
/// not outlive the block it began in.
class IndexEmitter {
public:
  /// `symbol` gives the value, of the integer type or i1, of a symbol: a bound
  /// of the tile or a leaf. It may give null for one that it does not know.
  using SymbolValue = llvm::function_ref<mlir::Value(Term)>;

  /// Integers are of `type`; null means index.
  IndexEmitter(mlir::OpBuilder &builder, mlir::Location loc, SymbolValue symbol,
               mlir::Type type = {})
      : builder(builder), loc(loc), symbol(symbol), type(type) {}

  /// Fails on a symbol without a value and on what is not a closed form.
  mlir::FailureOr<mlir::Value> emit(Term term);

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
  SymbolValue symbol;
  mlir::Type type;
  llvm::DenseMap<Term, mlir::Value> done;
};

} // namespace einfall::regions

#endif // EINFALL_PASSES_REGIONS_EMITINDEX_H
