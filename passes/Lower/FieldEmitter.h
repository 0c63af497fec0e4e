//===- FieldEmitter.h - Fields at vectors of coordinates --------*- C++ -*-===//
//
// Evaluates the fields of a cascade on demand at W coordinates at a time. What
// has been computed before (a contraction in registers, the state of a fold, a
// tile in scratch memory) is *bound* to its field and found again; all else is
// computed where it is used.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_FIELDEMITTER_H
#define EINFALL_PASSES_LOWER_FIELDEMITTER_H

#include "dialect/Cascade/KernelInterface.h"
#include "passes/Lower/Lanes.h"

#include <map>

namespace einfall {

/// Where fields are evaluated: one coordinate of every rank but the lane rank,
/// of which there are W consecutive ones.
struct Point {
  std::map<llvm::StringRef, mlir::Value> at; ///< scalar coordinates, i64
  /// Coordinates to read at where `at` may lie outside the rank.
  std::map<llvm::StringRef, mlir::Value> readAt;
  llvm::StringRef lane;
  mlir::Value base;        ///< coordinate of lane 0
  mlir::Value limit;       ///< when set, lanes from here on read at limit - 1
  unsigned valid = 0;      ///< when set, lanes from here on are not read at all
  bool contiguous = false; ///< neighbouring lanes are neighbours in memory
  bool whole = false;      ///< nothing is absent here
  unsigned part = 0;       ///< the number of this vector in its group of rows
  mlir::Value group;       ///< the number of this group of rows
  mlir::Value local;       ///< the coordinate of the stream within its tile
};

/// A field that is known already.
struct Binding {
  enum Kind {
    Register,  ///< `parts[0]`
    Rows,      ///< `parts[point.part]`
    RowBuffer, ///< address[group][part][lane]
    Matrix,    ///< address[group][feature][part][lane]
    Tile,      ///< address[local][part][lane]
    Stream     ///< address[local]
  };
  Kind kind;
  llvm::SmallVector<Lanes> parts;
  mlir::Value address;
  llvm::StringRef feature; ///< of Matrix
  int64_t featureRows = 0; ///< of Matrix: rows of one group
  /// Set for references: this value stands for absence.
  std::optional<double> sentinel;
  /// It holds values only; what exists follows from the field itself.
  bool isKept = false;
};

using Memo = llvm::DenseMap<mlir::Value, Lanes>;

class FieldEmitter : public LaneBuilder {
protected:
  FieldEmitter(cascade::KernelOp kernel, unsigned width, bool scalef,
               unsigned rowVectors);

  /// Starts a function with the launch arguments in its first argument.
  void loadArguments(mlir::Value arguments);

  /// Extents that follow from others are computed, so that constants show. What
  /// depends on parameters, whose values may depend on extents, stays as the
  /// launch gives it.
  void computeExtents();
  mlir::Value extent(llvm::StringRef rank) { return extents.at(rank); }

  /// The field at `point`. `memo` holds what was evaluated at it before.
  Lanes eval(mlir::Value field, const Point &point, Memo &memo);
  /// e to the power of `op`, the distance of a value from a reference of the
  /// fold at hand, which at `point` is `distance`.
  virtual mlir::Value weightOf(cascade::MapOp op, mlir::Value distance,
                               const Point &point, Memo &memo);
  /// Whether the field is there, without its value; null where it surely is.
  mlir::Value presence(mlir::Value field, const Point &point, Memo &memo);

  /// The position of an operation among those of its kind.
  template <typename OpTy> unsigned numberOf(OpTy op) {
    unsigned number = 0;
    for (auto other : kernel.getBody().getOps<OpTy>()) {
      if (other == op)
        break;
      ++number;
    }
    return number;
  }
  mlir::Value stride(unsigned tensor, unsigned dim) {
    return strides[interface.firstStride(tensor) + dim];
  }

  cascade::KernelOp kernel;
  cascade::KernelInterface interface;
  unsigned rowVectors;
  llvm::DenseMap<mlir::Value, Binding> bindings;
  /// Quotients by a divisor that is known, and its reciprocals (Rows).
  llvm::DenseMap<mlir::Value, Binding> reciprocals;
  llvm::SmallVector<mlir::Value> data, strides;
  mlir::Value threads; ///< of the launch, 0 where that is not known
  std::map<llvm::StringRef, mlir::Value> extents;

private:
  Lanes compute(mlir::Value field, const Point &point, Memo &memo);
  Lanes load(const Binding &binding, mlir::Value field, const Point &point);
  Lanes readParam(cascade::ParamOp param, const Point &point);
  Lanes read(cascade::ReadOp op, const Point &point, Memo &memo);
  Lanes reduce(cascade::ReduceOp op, const Point &point, const Memo &memo);
  /// Whether index `dim` of a read lies inside the tensor; null: surely.
  mlir::Value inside(cascade::ReadOp op, unsigned dim, const Point &point,
                     Memo &memo);

  mlir::Value params;
};

/// exp, log and the like: worth keeping rather than computing again.
bool isCostly(cascade::Function function);

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_FIELDEMITTER_H
