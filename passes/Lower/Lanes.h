//===- Lanes.h - Values of a kernel, one vector at a time -------*- C++ -*-===//
//
// Small pieces of IR that the tile lowering is made of. A *lane value* is what
// a field has at W coordinates that differ in one rank only, the lane rank: a
// vector, or a scalar where all lanes agree. Scalars stay scalars until they
// meet a vector, so what does not depend on the lane is computed once.
//
// Reals are f32; integers are i64 as scalars and i32 in vectors; truth values
// are i1.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_LANES_H
#define EINFALL_PASSES_LOWER_LANES_H

#include "dialect/Cascade/Cascade.h"

namespace einfall {

inline bool isVector(mlir::Value value) {
  return mlir::isa<mlir::VectorType>(value.getType());
}

/// No `present`: surely present.
struct Lanes {
  mlir::Value value;
  mlir::Value present;
};

/// Builds arithmetic on scalars and on vectors of `width` lanes.
class LaneBuilder {
public:
  LaneBuilder(mlir::MLIRContext *context, mlir::Location location,
              unsigned width, bool scalef)
      : b(context), location(location), width(width), scalef(scalef) {}
  virtual ~LaneBuilder() = default;

  mlir::Location loc() const { return location; }

  // Scalars.
  mlir::Value constant(int64_t value);
  mlir::Value real(double value);
  mlir::Value truth(bool value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, int64_t y);
  mlir::Value minimum(mlir::Value x, mlir::Value y);
  mlir::Value maximum(mlir::Value x, mlir::Value y);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x,
                      mlir::Value y);
  /// Rounds a value that is not negative up or down to a multiple of `unit`.
  mlir::Value roundUp(mlir::Value x, int64_t unit);
  mlir::Value roundDown(mlir::Value x, int64_t unit);

  // Lane values.
  mlir::VectorType vectorOf(mlir::Type element);
  mlir::Value zeroVector();
  mlir::Value splat(double value);
  /// A scalar in every lane (i64 becomes i32); a vector as it is.
  mlir::Value broadcast(mlir::Value value);
  /// base, base + 1, ... as a vector of i32.
  mlir::Value count(mlir::Value base);
  /// Conjunction; null stands for true.
  mlir::Value both(mlir::Value x, mlir::Value y);
  /// `condition ? x : y`; a null condition is true.
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  mlir::Value fma(mlir::Value x, mlir::Value y, mlir::Value z);
  /// The greater; NaN of either goes through.
  mlir::Value greater(mlir::Value x, mlir::Value y);
  mlir::Value smaller(mlir::Value x, mlir::Value y);
  /// W vectors of W lanes: lane j of vector i becomes lane i of vector j.
  void transpose(llvm::SmallVectorImpl<mlir::Value> &vectors);
  /// Any lane of a vector of i1.
  mlir::Value anyLane(mlir::Value condition);
  /// A scalar function on lane values.
  virtual mlir::Value apply(cascade::Function function,
                            llvm::ArrayRef<mlir::Value> operands);
  /// The exponential of a vector of distances to references, where a relative
  /// error in proportion to the distance does no harm.
  mlir::Value exponentialOfDistance(mlir::Value x);

  // Memory.
  mlir::Type pointer();
  /// `base + index` elements of `type`; index may be a vector of i64.
  virtual mlir::Value element(mlir::Value base, mlir::Value index,
                              mlir::Type type);
  virtual mlir::Value loadScalar(mlir::Value address, mlir::Type type);
  mlir::Value loadVector(mlir::Value address, mlir::Type elementType,
                         unsigned lanes = 0);
  void store(mlir::Value value, mlir::Value address);
  void prefetch(mlir::Value address);
  /// The real, integer or truth value that a storage element stands for.
  mlir::Value decode(mlir::Value raw, mlir::Type storage);
  mlir::Value encode(mlir::Value value, mlir::Type storage);

  // Control.
  using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value from, mlir::Value to,
                                      int64_t step, mlir::ValueRange init,
                                      LoopBody body);
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);

protected:
  mlir::OpBuilder b;
  mlir::Location location;
  unsigned width;
  bool scalef; ///< the target multiplies by powers of two (AVX-512)

private:
  /// Brings two lane values to one shape.
  void match(mlir::Value &x, mlir::Value &y);
  mlir::Value exponential(mlir::Value x);
  mlir::Value scale(mlir::Value p, mlir::Value n);
  /// Coefficients from the highest power down.
  mlir::Value polynomial(mlir::Value x, llvm::ArrayRef<double> coefficients);
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_LANES_H
