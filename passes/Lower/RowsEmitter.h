//===- RowsEmitter.h - The parts of the few-rows lowering -------*- C++ -*-===//
//
// Internal to FoldToRows.h: the state of one kernel while its code is emitted.
// The parts are in FoldToRows.cpp (functions, sizes, splits), RowsStep.cpp
// (keys enter the state), RowsReduce.cpp (reductions inside a row) and
// RowsMerge.cpp (splits are merged and finished).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_ROWSEMITTER_H
#define EINFALL_PASSES_LOWER_ROWSEMITTER_H

#include "passes/Lower/ElementEmitter.h"
#include "passes/Lower/RowsForm.h"

namespace einfall::rows {

/// The state of one component while a split is folded or merged.
struct State {
  mlir::Value value; ///< a number; lanes of partial sums while folding
  mlir::Value flag;  ///< whether anything entered, for components with a flag
};

class RowsEmitter {
public:
  RowsEmitter(cascade::KernelOp kernel, Form form, unsigned lanes);

  /// Emits the functions of the kernel before it.
  llvm::LogicalResult run();

private:
  mlir::Location loc();
  mlir::Type i64();
  mlir::Value constant(int64_t value);
  mlir::VectorType vectorOf(cascade::Kind kind);
  mlir::Value ceilDiv(mlir::Value x, int64_t y);
  mlir::Value minimum(mlir::Value x, mlir::Value y);
  mlir::Value maximum(mlir::Value x, mlir::Value y);

  // Sizes: how a stream is split, where a state lies
  mlir::Value rowCount();
  /// Enough items to keep many cores busy, and enough keys in each to forget
  /// the cost of merging.
  mlir::Value splitCount();
  /// Bytes of one state: a number and a flag of eight bytes each for every
  /// component, then the columns.
  mlir::Value stateBytes();
  mlir::Value columnBytes(const Component &component);
  mlir::Value stateAddress(mlir::Value shared, mlir::Value row,
                           mlir::Value split);
  mlir::Value slotAddress(mlir::Value state, unsigned component, unsigned slot);
  mlir::Value columnAddress(mlir::Value state, unsigned component);
  void emitItems();
  void emitSizes();

  // The kernel
  void emitKernel();
  /// The ranks that lanes run along.
  llvm::SmallVector<llvm::StringRef> laneRanks();
  Coordinates rowCoordinates(mlir::Value row);
  mlir::Value identity(const Component &component);
  /// Numbers without a flag are kept as one partial result per lane.
  bool isPartial(const Component &component);
  /// The carried values of a fold, component by component: value, then flag.
  llvm::SmallVector<State> unpack(mlir::ValueRange carried);
  llvm::SmallVector<mlir::Value> pack(llvm::ArrayRef<State> states);

  // Phase 0: one split of one row
  void foldSplit(mlir::Value item, mlir::Value shared);
  /// Results outside the fold that the row needs as single numbers.
  void emitRowReductions(const Coordinates &at);
  mlir::Value acrossLanes(cascade::Monoid monoid, mlir::Value vector);
  /// Loops over the columns of a component in vectors; the last may be masked.
  void forColumns(const Component &component,
                  llvm::function_ref<void(Coordinate)> body);
  /// The state's columns are padded to whole vectors: no mask is needed there.
  mlir::Value loadColumn(mlir::Value from, unsigned component, mlir::Value f);
  void storeColumn(mlir::Value value, unsigned component, mlir::Value f);
  void clearColumn(unsigned component);
  /// One vector of keys enters the state.
  llvm::SmallVector<mlir::Value> foldKeys(const Coordinates &row,
                                          Coordinate keys,
                                          mlir::ValueRange carried,
                                          mlir::Value end);
  llvm::SmallVector<mlir::Value> enter(const Coordinates &at,
                                       llvm::ArrayRef<mlir::Value> presence,
                                       mlir::ValueRange carried);
  mlir::Value firstPresent(mlir::Value x, mlir::Value present);
  /// Binds the arguments of the step region to the references.
  void bindReferences(llvm::ArrayRef<State> states);
  /// Binds the arguments of the act region. A reference that is not there yet
  /// equals the new one, which makes the action the identity.
  void bindAct(llvm::ArrayRef<State> before, llvm::ArrayRef<State> after,
               llvm::function_ref<mlir::Value(unsigned)> accumulator);
  /// What the act region makes of accumulator `component`.
  mlir::Value acted(unsigned component, Coordinate column = {});
  /// Accumulators follow references that have moved.
  void reReference(llvm::ArrayRef<State> before,
                   llvm::MutableArrayRef<State> states);
  /// o[f] += sum over the keys of the vector of what enters.
  void enterColumns(unsigned number, const Coordinates &at,
                    mlir::Value present);
  /// The largest parts of `value` that depend on the key but not on the column.
  void collectWeights(const Component &component, mlir::Value value,
                      llvm::SmallVectorImpl<mlir::Value> &weights);
  /// Key j of a vector of keys, never past the last.
  mlir::Value keyCoordinate(const Coordinates &at, unsigned j);

  // Reductions inside the row
  /// Elements that ElementEmitter does not make itself.
  std::optional<Element> lookup(mlir::Value field, const Coordinates &at);
  Element reduceAt(cascade::ReduceOp reduce, const Coordinates &at);
  mlir::Value startOf(cascade::Monoid monoid);
  /// Reduces along `rank` in vectors, for `count` keys side by side.
  Element reduceAlong(cascade::ReduceOp reduce, llvm::StringRef rank,
                      const Coordinates &at, unsigned count,
                      llvm::function_ref<Coordinates(unsigned)> keyAt);

  // Phase 1: merge the splits of a row and finish it
  llvm::SmallVector<State> loadNumbers(mlir::Value from);
  void finishRow(mlir::Value row, mlir::Value shared);
  /// Acts both states to a joint reference and adds them; columns in place.
  llvm::SmallVector<mlir::Value> merge(llvm::SmallVector<State> mine,
                                       mlir::Value otherState);
  /// A result of the fold, for the finish.
  Element finalState(unsigned number, const Coordinates &at);

  Form form;
  ElementEmitter emitter;
  mlir::OpBuilder &b;
  unsigned lanes;
  Coordinates currentRow; ///< the row that is worked on
  mlir::Value state;      ///< the address of its state
  mlir::Value lastKey;    ///< the last key of the split
  /// Arguments of the step or act region while one is emitted.
  llvm::DenseMap<mlir::Value, Element> references;
  /// Weights of single keys while columns enter, and which key it is.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> perKey;
  unsigned currentKey = 0;
  /// Results of the fold while the finish is emitted.
  llvm::DenseMap<mlir::Value, unsigned> results;
  llvm::SmallVector<State> finalNumbers;
};

} // namespace einfall::rows

#endif // EINFALL_PASSES_LOWER_ROWSEMITTER_H
