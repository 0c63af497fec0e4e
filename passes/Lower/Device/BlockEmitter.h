//===- BlockEmitter.h - The parts of the block program ----------*- C++ -*-===//
//
// Internal to FoldToDevice.h: the state of one kernel while its device program
// is emitted. The parts are in FoldToDevice.cpp (launch, rows, outputs),
// BlockStream.cpp (one fold over the tiles), BlockStage.cpp (shared memory),
// BlockContract.cpp (fragments), BlockShare.cpp and BlockMerge.cpp (blocks that
// share the work of a row), BlockStray.cpp (numbers that some rows must
// not meet) and DeviceMath.cpp (functions); of Hopper's
// program in WarpgroupStream.cpp (consumers), WarpgroupLoad.cpp (the producer)
// and WarpgroupContract.cpp (products).
//
// A *fragment* holds a block of rows x columns in the lanes of a warp: value
// ((i * columns / 8) + n) * 4 + 2 h + c is row 16 i + lane / 4 + 8 h of the
// warp, column 8 n + 2 (lane mod 4) + c. *Row values* are one for each (i, h).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_DEVICE_BLOCKEMITTER_H
#define EINFALL_PASSES_LOWER_DEVICE_BLOCKEMITTER_H

#include "dialect/Device/Device.h"
#include "passes/Lower/TilePresence.h"
#include "passes/Schedule/BlockPlan.h"

namespace einfall {

using Values = llvm::SmallVector<mlir::Value>;

inline Values flatten(llvm::ArrayRef<Values> parts) {
  Values all;
  for (const Values &part : parts)
    llvm::append_range(all, part);
  return all;
}

/// Cuts `all` into parts as long as those of `like`.
inline llvm::SmallVector<Values> cut(mlir::ValueRange all,
                                     llvm::ArrayRef<Values> like) {
  llvm::SmallVector<Values> parts;
  for (const Values &part : like) {
    parts.push_back(Values(all.take_front(part.size())));
    all = all.drop_front(part.size());
  }
  return parts;
}

/// What stands for a reference that is absent.
inline double sentinelOf(cascade::Monoid monoid) {
  double infinity = std::numeric_limits<double>::infinity();
  return monoid == cascade::Monoid::Min ? infinity : -infinity;
}

class BlockEmitter : public PresenceEmitter {
public:
  /// `merges`: emits the second launch of a plan that splits.
  BlockEmitter(cascade::KernelOp kernel, const BlockPlan &plan,
               const DeviceMachine &machine, bool merges = false)
      : PresenceEmitter(kernel, /*width=*/1, /*scalef=*/false,
                        /*rowVectors=*/1),
        plan(plan), machine(machine), merges(merges) {}

  device::KernelOp run();

private:
  // What the emitter of fields asks for.
  mlir::Value element(mlir::Value base, mlir::Value index,
                      mlir::Type type) override;
  mlir::Value loadScalar(mlir::Value address, mlir::Type type) override;
  mlir::Value apply(cascade::Function function,
                    llvm::ArrayRef<mlir::Value> operands) override;
  mlir::Value weightOf(cascade::MapOp op, mlir::Value distance,
                       const Point &point, Memo &memo) override;

  // FoldToDevice.cpp
  void bindArguments(mlir::Block &block);
  void emitGrid();
  void emitBody();
  /// All folds and outputs of the rows that the block's warps keep.
  void emitRows();
  mlir::Value blocksOfRows();
  mlir::Value heads();
  Point rowPoint(unsigned fragment, unsigned half);
  /// Makes the number of the lane one that compilers know nothing of: what is
  /// computed of it is computed here, and takes no registers before.
  void forgetLane();
  /// Fields of the rows, computed before the stream.
  void hoist(mlir::Value root, llvm::ArrayRef<llvm::StringRef> ranks);
  /// Copies what was evaluated for a row (or a key) to where it holds too.
  static void keep(const Memo &from, Memo &to,
                   llvm::ArrayRef<llvm::StringRef> without);

  // BlockStream.cpp
  /// One value, row values, or a fragment, for each component.
  using State = llvm::SmallVector<Values>;
  State initialState(const BlockFold &fold);
  State stream(const BlockFold &fold);
  /// One tile, whose operands are in shared memory `base` bytes after stage 0.
  State step(const BlockFold &fold, const State &state, mlir::Value start,
             mlir::Value base);
  /// New references, the tile's sums, and weights, from the scores of a tile.
  struct Summands {
    State state; ///< references, then sums: row values
    llvm::SmallVector<Values> weights;
    /// Some rows of the block may have a key of the tile that others have not
    /// (i1); null: never.
    mlir::Value crossed;
  };
  Summands summandsOfTile(const BlockFold &fold, const State &state,
                          llvm::ArrayRef<Values> scores, mlir::Value start);
  void advance(const BlockFold &fold, const State &state, const Summands &taken,
               State &next);
  Summands summands(const BlockFold &fold, const State &state,
                    llvm::ArrayRef<Values> scores, mlir::Value start,
                    bool whole, bool marksAbsent);
  void move(const BlockFold &fold, const State &state,
            llvm::ArrayRef<Values> newest, State &next);
  void moveRow(const BlockFold &fold, const State &state,
               mlir::ValueRange yields, mlir::ValueRange arguments, unsigned r,
               Memo &memo, State &next);
  /// The numbers that distances from unscaled references are still to be
  /// multiplied by; evaluated once for a fold.
  void takeScales(const BlockFold &fold);
  void negateIf(mlir::Value condition, Values &values);
  /// `reference` of row values, multiplied by its number if it is unscaled.
  mlir::Value scaled(unsigned reference, mlir::Value value);
  Box boxOf(const BlockFold &fold, mlir::Value start, mlir::Value keys);
  Span walk(const BlockFold &fold);
  Values quadReduce(llvm::ArrayRef<mlir::Value> rows, cascade::Monoid monoid);
  /// Over the lanes whose numbers differ in the bits of `masks`, ascending.
  Values laneReduce(llvm::ArrayRef<mlir::Value> rows, cascade::Monoid monoid,
                    llvm::ArrayRef<int64_t> masks);
  mlir::Value combine(cascade::Monoid monoid, mlir::Value x, mlir::Value y);

  // BlockStage.cpp
  /// Fills `operand` with the rows from `first` on, `base` bytes after its
  /// offset. Zero beyond `limit` rows, and where `presence` has no key.
  void stage(const SharedOperand &operand, mlir::Value first,
             const BlockFold *presence, mlir::Value base);
  void stageElements(const SharedOperand &operand, mlir::Value first,
                     const BlockFold *presence, mlir::Value base);
  void stageDirect(const SharedOperand &operand, mlir::Value first,
                   const BlockFold *presence, mlir::Value base);
  /// Stages the operands of keys that are copied directly, or the others.
  void stageKeys(const BlockFold &fold, mlir::Value start, mlir::Value base,
                 bool direct);
  mlir::Value rowExists(const SharedOperand &operand, mlir::Value outer,
                        const BlockFold *presence);
  void barrier();
  /// What the direct operands rely on, for the launch.
  mlir::Value alignedEverywhere();

  // BlockContract.cpp
  // `base`: of the stage that the keys lie in.
  Values contract(const BlockContraction &contraction, mlir::Value base);
  Values contractPairs(const BlockContraction &contraction, mlir::Value base);
  Values contractFloats(const BlockContraction &contraction, mlir::Value base);
  Values accumulate(const BlockFold &fold, const BlockMatrix &matrix,
                    llvm::ArrayRef<mlir::Value> weights, Values sums,
                    mlir::Value base);
  mlir::Value sharedLoad(mlir::Value address, int64_t offset, mlir::Type type);

  // BlockStray.cpp
  /// The weights of a key (i32) for the rows of the lane, as f32, for a matrix.
  using WeightsOfKey = llvm::function_ref<Values(unsigned, mlir::Value)>;
  /// Adds to the accumulators of `state` what is not finite in the panels of a
  /// tile, for the rows that have the key, and makes it 0 where the panels lie,
  /// so that products may run over all keys and rows. `ready` waits for them.
  void takeStray(
      const BlockFold &fold, State &state, WeightsOfKey weightsOf,
      mlir::Value base, mlir::Value crossed,
      llvm::function_ref<void()> ready = [] {});
  mlir::Value chunkOfPanel(const SharedOperand &panel, mlir::Value number,
                           mlir::Value base);
  mlir::Value holdsStray(const SharedOperand &panel, mlir::Value base);
  Values addStray(const BlockMatrix &matrix, Values sums,
                  llvm::function_ref<Values(mlir::Value)> weightsOf,
                  mlir::Value base);
  void cleanStray(const SharedOperand &panel, mlir::Value base);
  mlir::Value anyOfRows(mlir::Value mine);
  void meetOfRows();
  /// What `of(n)` is for n = `which` of `count`.
  mlir::Value choose(mlir::Value which, unsigned count,
                     llvm::function_ref<mlir::Value(unsigned)> of);
  mlir::Value laneOfKey(mlir::Value key);
  Values weightsInFragments(llvm::ArrayRef<mlir::Value> weights,
                            mlir::Value key);
  Values weightsInPairs(const BlockMatrix &matrix, mlir::ValueRange weights,
                        mlir::Value key);

  // BlockTf32.cpp
  Values contractTf32(const BlockContraction &contraction, mlir::Value base);
  Values accumulateTf32(const BlockMatrix &matrix,
                        llvm::ArrayRef<mlir::Value> weights, Values sums,
                        mlir::Value base);
  mlir::Value tf32Registers(llvm::ArrayRef<mlir::Value> numbers);

  // BlockOutput.cpp
  struct OutputElement {
    Point point;
    mlir::Value value, exists;
  };
  void emitOutput(cascade::OutputOp output);
  void storeElement(cascade::OutputOp output, const Point &point,
                    mlir::Value value, mlir::Value exists);
  OutputElement outputAt(cascade::OutputOp output, unsigned r, unsigned k);
  bool storesWide(cascade::OutputOp output);
  void storeWide(cascade::OutputOp output);
  void transposeQuads(llvm::MutableArrayRef<mlir::Value> words);
  void storeBoxes(cascade::OutputOp output);
  mlir::Value describeOutput(cascade::OutputOp output);
  /// The rank of an output that is neither of items nor of rows; or empty.
  llvm::StringRef featureOf(cascade::OutputOp output);

  // BlockShare.cpp
  /// How many parts and how many items in a group there are; for the function
  /// at hand.
  void takeShares();
  /// Whether the version's way to share is one for the arguments; null: yes.
  mlir::Value sharesFit();
  mlir::Value launchClocks(const LaunchTerms &terms, mlir::Value count,
                           bool isMerged);
  mlir::Value packingPays();
  mlir::Value partsPay();
  mlir::Value workspaceBytes();
  mlir::Value rowCount(); ///< of a group
  mlir::Value rowsOfAllItems();
  /// Coordinates of an item rank, or groups of them.
  mlir::Value unitsAlong(llvm::StringRef rank);
  mlir::Value quotient(mlir::Value x, mlir::Value y);
  /// The point of a row of the group, by its number (i64).
  Point packedPoint(mlir::Value row);
  void takePackedRows();
  /// Where an operand is read for row (or key) `outer`.
  Point operandPoint(const SharedOperand &operand, mlir::Value outer);
  Span partOf(Span tiles);
  /// The address of what part `number` left for the row.
  mlir::Value stateOfRow(const Point &point, mlir::Value number);
  void leaveState(const BlockFold &fold, const State &state);

  // BlockMerge.cpp
  void emitMerge();
  void mergeFold(const BlockFold &fold);
  Values joinReferences(const BlockFold &fold);
  void addPart(const BlockFold &fold, mlir::Value address, mlir::Value exists,
               llvm::ArrayRef<mlir::Value> joint, Values &total);
  mlir::Value loadNumber(const BlockFold &fold, const Component &component,
                         mlir::Value address);
  Values loadColumns(const BlockFold &fold, const BlockMatrix &matrix,
                     mlir::Value address);
  /// A lane has `width` columns next to each other in each of `groups`, which
  /// are 32 * width columns apart.
  struct ColumnsOfLane {
    int64_t width, groups;
  };
  ColumnsOfLane columnsOfLane(llvm::StringRef feature) const;
  mlir::Value columnAt(llvm::StringRef feature, unsigned k);
  void emitMergedOutput(cascade::OutputOp output);
  static constexpr int64_t mergeWarps = 4; ///< of a block that merges

  // WarpgroupStream.cpp
  /// Where a role is in the ring of tiles: its number in shared memory, and the
  /// parity of the phase of its barriers.
  struct Turn {
    mlir::Value stage, parity; ///< i32
  };
  Turn firstTurn();
  Turn after(Turn turn);
  /// Of the barriers of a fold: which one, and of which stage.
  enum class Signal { RowsFull, KeysFull, KeysEmpty, PanelsFull, PanelsEmpty };
  mlir::Value barrierOf(const BlockFold &fold, Signal signal,
                        mlir::Value stage = {});
  /// Also keeps the block's coordinates, which reloadCoordinates gets again.
  void makeBarriers();
  void reloadCoordinates();
  void emitRoles();
  Values loopOverTiles(mlir::Value from, mlir::Value to, mlir::ValueRange init,
                       LoopBody body);
  State streamBoxes(const BlockFold &fold);
  State streamPipelined(const BlockFold &fold, const State &state, Span tiles);
  void release(const BlockFold &fold, Signal signal, mlir::Value stage);
  /// Waits until it is this warpgroup's turn to begin products. `last`: takes
  /// what is left over of the first one's.
  void takeTurn(bool last);
  /// Gives the turn to the next warpgroup; `first`: to the first one.
  void passTurn(bool first);
  bool alternates() const { return plan.consumers() > 1; }

  // WarpgroupLoad.cpp
  Values describeBoxes();
  void produce(const BlockFold &fold);
  void loadBoxes(const SharedOperand &operand, mlir::Value first,
                 mlir::Value base, mlir::Value barrier);

  // WarpgroupContract.cpp
  /// Accumulators (vectors of f32) of scores, begun and not awaited.
  mlir::Value beginScores(const BlockContraction &contraction,
                          mlir::Value base);
  /// The same of an accumulator that takes `weights` (vectors of pairs).
  mlir::Value beginSums(const BlockMatrix &matrix, mlir::ValueRange weights,
                        mlir::Value sums, mlir::Value base);
  Values packWeights(const BlockFold &fold, llvm::ArrayRef<Values> weights);
  /// Returns `values` as they are when all but `pending` groups have landed.
  Values await(int64_t pending, mlir::ValueRange values);
  mlir::Value joined(llvm::ArrayRef<mlir::Value> scalars);
  Values scalarsOf(mlir::Value vector);

  // Small things.
  mlir::Value integer(int64_t value); ///< i32
  mlir::Value narrow(mlir::Value value);
  mlir::Value wide(mlir::Value value);
  mlir::Value addI(mlir::Value x, mlir::Value y);
  mlir::Value mulI(mlir::Value x, int64_t y);
  mlir::Value shuffleXor(mlir::Value value, int64_t mask);
  mlir::Value exp2(mlir::Value value);
  mlir::Value fmaScalar(mlir::Value x, mlir::Value y, mlir::Value z);

  unsigned keyFragments() const { return plan.keys / 8; }
  unsigned rowsOfThread() const { return plan.fragments * 2; }

  const BlockPlan &plan;
  const DeviceMachine &machine;
  const bool merges;
  mlir::Value thread, lane; ///< i32
  mlir::Value warp;         ///< i32, among those that keep rows
  mlir::Value blockOfRows;  ///< the number of the block's rows, i32
  mlir::Value firstRow;     ///< of the block, i64
  Values maps;              ///< of the launch
  Point item;
  mlir::Value workspace;   ///< its address
  mlir::Value parts, part; ///< of the stream: how many, and the block's
  /// Of packed rows: items in a group, the rows of the block as coordinates of
  /// the row rank, and those of the thread.
  mlir::Value group;
  Span rowSpan;
  llvm::SmallVector<Point> rowPoints;
  llvm::SmallVector<Memo> rowMemos; ///< what is known of each row
  /// Of the fold at hand, by its reference: the size of the number that is left
  /// out of scores, and whether it is negative.
  struct Scale {
    mlir::Value size, isNegative;
  };
  std::map<unsigned, Scale> scales;
  /// Fragments of accumulators that are complete, by their field.
  llvm::DenseMap<mlir::Value, Values> results;
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_DEVICE_BLOCKEMITTER_H
