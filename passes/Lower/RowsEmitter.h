//===- RowsEmitter.h - The parts of the few-rows lowering -------*- C++ -*-===//
//
// Internal to FoldToRows.h: the state of one kernel while its code is emitted.
// The parts are in FoldToRows.cpp (functions, sizes, splits), RowsBlocks.cpp
// (blocks of rows), RowsStep.cpp (keys enter the states), RowsReduce.cpp
// (reductions inside a row), RowsAhead.cpp (what is read next) and
// RowsMerge.cpp (splits are merged and finished).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_ROWSEMITTER_H
#define EINFALL_PASSES_LOWER_ROWSEMITTER_H

#include "passes/Lower/ElementEmitter.h"
#include "passes/Lower/FoldToRows.h"
#include "passes/Lower/RowsForm.h"

namespace einfall::rows {

/// The state of one component while a split is folded or merged.
struct State {
  mlir::Value value; ///< a number; lanes of partial sums while folding
  mlir::Value flag;  ///< whether anything entered, for components with a flag
};

/// A row that is worked on.
struct Row {
  Coordinates at;
  mlir::Value state; ///< the address of its state
  /// Arguments of the step or act region while one is emitted.
  llvm::DenseMap<mlir::Value, Element> references;
  /// By component: whether keys enter; null where all do.
  llvm::SmallVector<mlir::Value> presence;
};

class RowsEmitter {
public:
  RowsEmitter(cascade::KernelOp kernel, Form form,
              const FoldToRowsOptions &options);

  /// Emits the functions of the kernel before it.
  llvm::LogicalResult run();

private:
  mlir::Location loc();
  mlir::Type i64();
  mlir::Value constant(int64_t value);
  mlir::VectorType vectorOf(cascade::Kind kind);
  mlir::Value ceilDiv(mlir::Value x, int64_t y);
  mlir::Value ceilDiv(mlir::Value x, mlir::Value y);
  mlir::Value quotient(mlir::Value x, mlir::Value y);
  mlir::Value remainder(mlir::Value x, mlir::Value y);
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

  // Blocks of rows
  /// A row rank is cut into runs that read the same, and each into parts.
  struct Cut {
    mlir::Value run;         ///< coordinates of a run; null: not shared
    mlir::Value rows;        ///< of a part
    mlir::Value parts, runs; ///< of a run; of the rank
  };
  struct Block {
    Coordinates first;
    std::map<llvm::StringRef, mlir::Value> extents; ///< of the shared ranks
    mlir::Value rows;
  };
  /// In the order of the row ranks.
  llvm::SmallVector<Cut> cuts();
  mlir::Value blockCount();
  Block blockAt(mlir::Value number);
  Coordinates rowOf(const Block &block, mlir::Value number);
  /// The number of a row among all rows.
  mlir::Value rowNumber(const Coordinates &at);
  /// Whether all rows of a block read the same; fills `agreed`.
  mlir::Value agree(const Block &block);

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

  // Phase 0: one split of one block of rows
  void foldSplit(mlir::Value item, mlir::Value shared);
  void clearState();
  /// The keys [begin, end) enter the states of `rows`.
  void foldRows(mlir::Value begin, mlir::Value end);
  /// Vectors along one rank that all rows can have in registers at a time.
  unsigned vectorsTogether();
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
  /// `count` vectors of columns at a time as long as there are that many, then
  /// one at a time; the last may be masked.
  void
  forColumnGroups(const Component &component, unsigned count,
                  llvm::function_ref<void(llvm::ArrayRef<Coordinate>)> body);
  /// One vector of keys enters the states.
  llvm::SmallVector<mlir::Value>
  foldKeys(Coordinate keys, mlir::ValueRange carried, mlir::Value end);
  llvm::SmallVector<mlir::Value> enter(mlir::ValueRange carried);
  /// The numbers of the current row's state.
  void enterNumbers(llvm::SmallVectorImpl<State> &states);
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
  /// o[f] += sum over the keys of the vector of what enters, for all rows.
  void enterColumns(unsigned number);
  /// What depends on the key but not on the column is computed once, with keys
  /// in the lanes, and laid down for enterColumns.
  void storeWeights(llvm::ArrayRef<mlir::Value> fields);
  /// Lays down which keys enter component `number` of every row; null where all
  /// do, else whether those of a lane do.
  mlir::Value storePresence(unsigned number);
  void allocateWeights();
  mlir::Value weightAddress(unsigned weight, mlir::Value key);
  mlir::Value presenceAddress(mlir::Value key);
  /// The largest parts of `value` that depend on the key but not on the column.
  void collectWeights(const Component &component, mlir::Value value,
                      llvm::SmallVectorImpl<mlir::Value> &weights);
  /// Key j of a vector of keys, never past the last.
  mlir::Value keyCoordinate(const Coordinates &at, mlir::Value j);

  // What is read next
  struct Ahead {
    cascade::ReadOp read;
    mlir::Value address; ///< of the first key, at the other rank's coordinate 0
    mlir::Value stride;  ///< from key to key, in elements
    int64_t lines;       ///< of a key
  };
  /// Finds where the keys lie that are fetched while those from `key` on enter.
  void lookAhead(mlir::Value key);
  /// Cache lines of one key.
  int64_t linesOf(const Sharing::Streamed &streamed);
  /// Asks for a share of their lines. The shares of `iterations` iterations in
  /// phase 0, the contraction, and phase 1, the accumulation, are all of them.
  void fetchAhead(mlir::Value iteration, int64_t iterations, unsigned phase);

  // Reductions inside the row
  /// Elements that ElementEmitter does not make itself.
  std::optional<Element> lookup(mlir::Value field, const Coordinates &at);
  Element reduceAt(cascade::ReduceOp reduce, const Coordinates &at);
  mlir::Value startOf(cascade::Monoid monoid);
  /// A place to reduce at: coordinates of a row.
  struct Place {
    unsigned row;
    Coordinates at;
  };
  /// Reduces along `rank` in vectors at several places side by side; a vector
  /// of partial results for each. With `turns`, what is read next is fetched
  /// meanwhile, a share of it in each turn.
  llvm::SmallVector<mlir::Value> reduceAlong(cascade::ReduceOp reduce,
                                             llvm::StringRef rank,
                                             llvm::ArrayRef<Place> places,
                                             int64_t turn = 0,
                                             int64_t turns = 0);
  /// The reduction for the keys in the lanes of `at`, for each of `which`.
  llvm::SmallVector<mlir::Value> reduceKeys(cascade::ReduceOp reduce,
                                            llvm::StringRef rank,
                                            const Coordinates &at,
                                            llvm::ArrayRef<unsigned> which);
  /// One vector of two: lanes with `bit` hold those of y combined with their
  /// neighbours `bit` lanes away, the others those of x. Doing so for bit 1, 2,
  /// 4, ... reduces as many vectors as there are lanes, lane i vector i.
  mlir::Value mergeLanes(cascade::Monoid monoid, mlir::Value x, mlir::Value y,
                         int64_t bit);
  /// Whether `at` is where the current row is, for the ranks of `field`.
  bool isAtRow(mlir::Value field, const Coordinates &at);

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
  unsigned lanes, registers;
  llvm::StringMap<int64_t> extents; ///< that are likely
  unsigned rowsTogether;            ///< of a block, in registers
  llvm::SmallVector<Row> rows;      ///< that are worked on
  unsigned current = 0;             ///< one of them
  mlir::Value lastKey;              ///< the last key that enters
  /// Indices that are equal for all of `rows`, while they are several.
  llvm::DenseMap<mlir::Value, Element> agreed;
  /// Reductions along the keys that enter, by row, and the block of code that
  /// they are computed in for all rows together.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> joint;
  mlir::Block *jointBlock = nullptr;
  llvm::SmallVector<Ahead> ahead;
  bool fetching = false; ///< a contraction of this step fetches already
  /// Weights while columns enter, by number, and which key it is.
  llvm::DenseMap<mlir::Value, unsigned> weights;
  mlir::Value weightBuffer, presenceBuffer, currentKey;
  /// Results of the fold while the finish is emitted.
  llvm::DenseMap<mlir::Value, unsigned> results;
  llvm::SmallVector<State> finalNumbers;
};

} // namespace einfall::rows

#endif // EINFALL_PASSES_LOWER_ROWSEMITTER_H
