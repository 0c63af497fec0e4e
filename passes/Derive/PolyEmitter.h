//===- PolyEmitter.h - Polynomials as maps ----------------------*- C++ -*-===//
//
// Writes a normal form as cascade operations: common factors once, positive
// terms before negative ones, one division a product, conditions as selections.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_POLYEMITTER_H
#define EINFALL_PASSES_DERIVE_POLYEMITTER_H

#include "passes/Derive/Algebra.h"

#include "mlir/IR/Builders.h"

#include <functional>

namespace einfall::derive {

class PolyEmitter {
public:
  /// `field` gives the value of a leaf or condition, `component` that of a
  /// component, where operations are to be inserted.
  PolyEmitter(mlir::OpBuilder &builder, mlir::Location loc,
              const Algebra &algebra,
              std::function<mlir::Value(mlir::Value)> field,
              std::function<mlir::Value(unsigned)> component)
      : builder(builder), loc(loc), algebra(algebra), field(std::move(field)),
        component(std::move(component)) {}

  mlir::Value poly(const Poly &poly);
  mlir::Value monomial(const Monomial &monomial,
                       const Rational &coefficient = 1);
  /// `value` (or 1, if null) times a monomial.
  mlir::Value times(mlir::Value value, const Monomial &monomial,
                    const Rational &coefficient = 1);
  mlir::Value map(cascade::Function function,
                  llvm::ArrayRef<mlir::Value> operands);
  mlir::Value constant(double value);
  mlir::Value power(mlir::Value value, int power);

private:
  mlir::Value atom(AtomId id);
  mlir::Value sum(const Poly &poly);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const Algebra &algebra;
  std::function<mlir::Value(mlir::Value)> field;
  std::function<mlir::Value(unsigned)> component;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_POLYEMITTER_H
