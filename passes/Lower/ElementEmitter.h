//===- ElementEmitter.h - Elements of fields as code ------------*- C++ -*-===//
//
// Turns fields into arithmetic on elements: given the coordinate of every rank,
// emits the code that computes a field there. One rank may be bound to *lanes*,
// consecutive coordinates computed side by side in a vector; whatever depends
// on it becomes a vector, whatever does not stays a scalar.
//
// Absence is a truth value next to the number, left out where a field is surely
// present. Nothing is read where it does not exist: lane accesses are masked,
// scalar accesses outside a tensor are branched around.
//
// Arithmetic: reals are f32, integers i64, truth values i1. Storage is widened
// on loading and rounded to nearest even on storing.
//
// Not handled here: reductions and folds, which the caller provides.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_ELEMENTEMITTER_H
#define EINFALL_PASSES_LOWER_ELEMENTEMITTER_H

#include "dialect/Cascade/KernelInterface.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

#include <functional>
#include <map>

namespace einfall {

/// One element of a field (or one per lane). No `present`: surely present.
struct Element {
  mlir::Value value;
  mlir::Value present;
};

/// The coordinate of a rank: an i64, or the first of `lanes` consecutive ones.
struct Coordinate {
  mlir::Value index;
  unsigned lanes = 0; ///< 0 for a single coordinate
  mlir::Value mask;   ///< lanes inside the extent; null when all are
};
using Coordinates = std::map<llvm::StringRef, Coordinate>;

class ElementEmitter {
public:
  explicit ElementEmitter(cascade::KernelOp kernel);
  virtual ~ElementEmitter() = default;

  /// Errors for storage that no element code exists for.
  llvm::LogicalResult checkStorage(llvm::StringRef target = "the CPU");

  /// Starts a function `kernel name + suffix` whose first argument points to
  /// EinfallCpuArguments, and reads the arguments from there.
  mlir::Operation *beginFunction(llvm::StringRef suffix, mlir::TypeRange inputs,
                                 mlir::TypeRange results);
  void endFunction(mlir::ValueRange results);

  /// The element of `field` at coordinates that bind all its ranks.
  Element emit(mlir::Value field, const Coordinates &at);
  /// Whether `field` is present there, without computing it. Null: surely.
  mlir::Value emitPresence(mlir::Value field, const Coordinates &at);
  /// The element, looking neither at `given` nor at what has been computed.
  Element emitHere(mlir::Value field, const Coordinates &at);

  /// Fields that the caller keeps somewhere: asked before anything is emitted.
  std::function<std::optional<Element>(mlir::Value, const Coordinates &)> given;
  /// Computes a reduction that is not given; asked once at the same place.
  std::function<Element(cascade::ReduceOp, const Coordinates &)> reduction;

  /// The address of what `read` reads, and the elements between those of two
  /// coordinates of `rank` that follow each other, where its indices are plain
  /// coordinates of it. For prefetching: nothing is looked at.
  mlir::Value addressOf(cascade::ReadOp read, const Coordinates &at);
  mlir::Value strideAlong(cascade::ReadOp read, llvm::StringRef rank);

  /// Stores an element of an output at coordinates that bind all its ranks.
  void storeOutput(cascade::OutputOp output, const Coordinates &at);

  /// How lanes lie in memory, where the caller knows: side by side (it emits
  /// code that runs only where `unitStrides` holds), or anyhow.
  enum class LaneAccess { Unknown, Dense, Strided };
  LaneAccess laneAccess = LaneAccess::Unknown;
  /// The ranks that `unitStrides` was asked for: lanes along them are Dense,
  /// lanes along others are looked at one by one.
  llvm::SmallVector<llvm::StringRef> denseRanks;

  /// Whether every input is dense along those of `ranks` that it has as a plain
  /// dimension, so that lanes along them lie side by side.
  mlir::Value unitStrides(llvm::ArrayRef<llvm::StringRef> ranks);

  /// What is computed after `openScope` may not be used after `closeScope`:
  /// call them around the filling of every region.
  void openScope() { scopes.emplace_back(); }
  void closeScope() { scopes.pop_back(); }

  // Regions. Scopes are opened and closed for the caller.
  /// `for i in [from, to) step`, carrying `init`.
  llvm::SmallVector<mlir::Value>
  loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange init,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value,
                                                         mlir::ValueRange)>
           body);
  /// `if condition then .. else ..`, both yielding values of the same types.
  llvm::SmallVector<mlir::Value>
  branch(mlir::Value condition, mlir::TypeRange types,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> then,
         llvm::function_ref<llvm::SmallVector<mlir::Value>()> otherwise);

  // Numbers.
  mlir::Type pointer();
  mlir::Type elementType(cascade::Kind kind);
  mlir::Value constant(int64_t value);
  mlir::Value truth(bool value);
  mlir::Value real(double value);
  mlir::Value zero(mlir::Type type);
  mlir::Value iota(unsigned lanes); ///< 0, 1, 2, ... as i64
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value sub(mlir::Value x, mlir::Value y);
  mlir::Value mul(mlir::Value x, mlir::Value y);
  mlir::Value less(mlir::Value x, mlir::Value y);
  mlir::Value conjunction(mlir::Value x, mlir::Value y); ///< null is true
  mlir::Value disjunction(mlir::Value x, mlir::Value y);
  mlir::Value negation(mlir::Value x);
  /// `condition ? x : y`; a null condition is true. Scalars are spread over
  /// lanes where needed.
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y);
  /// A scalar over as many lanes as `like` has.
  mlir::Value spread(mlir::Value value, mlir::Type like);
  virtual mlir::Value apply(cascade::Function function, cascade::Kind kind,
                            llvm::ArrayRef<mlir::Value> operands);
  /// `x (+) y` of a monoid with one value (not argmax, not first).
  mlir::Value combine(cascade::Monoid monoid, cascade::Kind kind, mlir::Value x,
                      mlir::Value y);

  // Memory.
  virtual mlir::Value element(mlir::Value base, mlir::Value index,
                              mlir::Type type);
  virtual mlir::Value loadRaw(mlir::Value base, mlir::Value index,
                              mlir::Type type);
  /// Loads and widens: one element, or `lanes` consecutive ones under `mask`.
  mlir::Value load(mlir::Value base, mlir::Value index, mlir::Type storage);
  mlir::Value loadLanes(mlir::Value address, mlir::Type storage, unsigned lanes,
                        mlir::Value mask);
  void store(mlir::Value value, mlir::Value base, mlir::Value index,
             mlir::Type storage);
  /// Stores a value of the type that memory has.
  virtual void storeRaw(mlir::Value value, mlir::Value base, mlir::Value index);

  mlir::Value extent(llvm::StringRef rank) { return extents.at(rank); }
  mlir::Location loc() { return kernel.getLoc(); }
  mlir::OpBuilder &builder() { return b; }

protected:
  virtual Element emitParam(cascade::ParamOp param, const Coordinates &at);
  virtual Element emitMap(cascade::MapOp map, const Coordinates &at);
  /// The position of an operation among those of its kind in the kernel.
  template <typename OpTy> unsigned numberOf(OpTy op) {
    unsigned number = 0;
    for (auto other : kernel.getBody().getOps<OpTy>()) {
      if (other == op)
        break;
      ++number;
    }
    return number;
  }

  cascade::KernelOp kernel;
  cascade::KernelInterface interface;
  mlir::OpBuilder b;
  std::map<llvm::StringRef, mlir::Value> extents;
  llvm::SmallVector<mlir::Value> data, strides;

private:
  Element emitRead(cascade::ReadOp read, const Coordinates &at);
  /// The lanes of a read: which lie where.
  struct LanesRead {
    unsigned lanes = 0;
    mlir::Value stride;      ///< elements from one lane to the next
    llvm::StringRef rank;    ///< that lanes run along
    mlir::Value mask;        ///< lanes inside the extent; null when all are
    bool consecutive = true; ///< no index with lanes but plain coordinates
  };
  Element readAt(cascade::ReadOp read, llvm::ArrayRef<mlir::Value> indices,
                 mlir::Value condition, const LanesRead &lane);
  Element emitAt(cascade::AtOp at, const Coordinates &coordinates);
  mlir::Value applyReal(cascade::Function function,
                        llvm::ArrayRef<mlir::Value> x);
  mlir::Value applyInt(cascade::Function function,
                       llvm::ArrayRef<mlir::Value> x);
  mlir::Value applyBool(cascade::Function function,
                        llvm::ArrayRef<mlir::Value> x);
  mlir::Value widen(mlir::Value raw, mlir::Type storage);
  mlir::Value inside(mlir::Value index, mlir::Value size);
  Element guarded(mlir::Value condition, cascade::Kind kind,
                  llvm::function_ref<Element()> body);
  mlir::Value stride(unsigned tensor, unsigned dimension);

  /// Elements already computed, one map per region that is being filled.
  std::vector<std::map<llvm::SmallVector<void *>, Element>> scopes;
  mlir::Value paramPointers;
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_ELEMENTEMITTER_H
