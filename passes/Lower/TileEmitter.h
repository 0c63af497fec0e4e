//===- TileEmitter.h - The parts of the CPU tile program --------*- C++ -*-===//
//
// Internal to the lowering of TileToVector.h: the state of one kernel while its
// code is emitted. The parts are in TileToVector.cpp (items and groups),
// TilePack.cpp (operands in the order of use), TileStream.cpp (one fold) and
// TileBlocks.cpp (register blocks).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_LOWER_TILEEMITTER_H
#define EINFALL_PASSES_LOWER_TILEEMITTER_H

#include "passes/Lower/TilePresence.h"
#include "passes/Schedule/TilePlan.h"

namespace einfall {

/// Weights of matrix accumulators: a product over (key, row) in scratch.
struct Weights {
  Factors factors;
  llvm::SmallVector<mlir::Value> conditions;
  mlir::Value address; ///< [keyTile][rows]
};

/// A packed operand over keys and one other rank.
struct Panel {
  Factors factors;
  llvm::StringRef rank;
  int64_t extent;
  bool byKeys; ///< of a contraction (else of a matrix accumulator)
  mlir::Value address;
};

/// Where one fold keeps its things.
struct FoldBuffers {
  const FoldPlan *plan;
  llvm::SmallVector<mlir::Value> state; ///< one for each component
  llvm::DenseMap<mlir::Value, mlir::Value> rowOperands; ///< by contraction
  llvm::SmallVector<Panel> panels;
  llvm::SmallVector<Weights> weights;
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> scores;
  /// Costly values of rows, kept for the whole stream, and of keys, for a tile.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> rows, keys;
};

/// The part of the stream that is worked on.
struct Tile {
  mlir::Value start;    ///< coordinate of its first key
  mlir::Value present;  ///< keys that exist
  mlir::Value from, to; ///< keys to visit, multiples of the block
  bool whole;
};

class TileEmitter : public PresenceEmitter {
public:
  TileEmitter(cascade::KernelOp kernel, const TilePlan &plan,
              const CpuMachine &machine)
      : PresenceEmitter(kernel, plan.lanes, plan.lanes == 16, plan.rowVectors),
        plan(plan) {
    b.setInsertionPoint(kernel);
  }

  void run();

private:
  // TileToVector.cpp
  void emitSizes();
  void emitKernel();
  void emitItem(mlir::Value item);
  void emitOutput(cascade::OutputOp output, const Point &point);
  mlir::Value heads();
  /// How the groups of rows of a head are shared among items.
  struct Division {
    mlir::Value groups; ///< of a head
    mlir::Value size;   ///< groups of a whole item
    mlir::Value whole;  ///< whole items; then three that halve the rest
    mlir::Value first, second, third;
    mlir::Value items; ///< of a head that are not empty
  };
  Division divide();
  /// The point of row vector `part` of the group at hand.
  Point rowPoint(const Point &group, unsigned part);
  /// Scratch of `floats` elements, aligned to a cache line.
  mlir::Value scratch(int64_t floats);
  /// Computes the largest parts of `root` that neither range over `ranks` nor
  /// depend on `arguments`, for all rows of the group, and binds them.
  void hoist(mlir::Value root, llvm::ArrayRef<llvm::StringRef> ranks,
             mlir::ValueRange arguments, const Point &group);

  // TilePack.cpp
  void allocate(FoldBuffers &fold);
  void findCostly(mlir::Value value, FoldBuffers &fold);
  void findScores(mlir::Value value, FoldBuffers &fold);
  void packRows(FoldBuffers &fold, const Point &group);
  void packKeys(FoldBuffers &fold, const Point &item, const Tile &tile);
  void packPanel(FoldBuffers &fold, const Panel &panel, const Point &item,
                 const Tile &tile);
  mlir::Value
  unitStrides(llvm::ArrayRef<std::pair<cascade::ReadOp, unsigned>> reads);
  /// The address of a row of a panel operand in memory, for prefetching; null
  /// when it is not one plain read.
  mlir::Value prefetchAddress(const Panel &panel, const Point &item,
                              mlir::Value key);
  Lanes product(llvm::ArrayRef<Factor> factors, const Point &point, Memo &memo);

  // TileStream.cpp
  void stream(FoldBuffers &fold, const Point &item, mlir::Value count);
  void markVisits(const FoldBuffers &fold, bool ofTiles);
  void initState(FoldBuffers &fold, const Point &group);
  void step(FoldBuffers &fold, const Point &group, const Tile &tile);
  Box box(FoldBuffers &fold, const Point &group, mlir::Value rows,
          mlir::Value start, mlir::Value keys);
  Span walk(FoldBuffers &fold, const Point &item, mlir::Value count);
  /// Bounds within a tile: [from, firstWhole) and [lastWhole, to) are tested
  /// key by key, everything in [firstWhole, lastWhole) is present.
  struct Segments {
    mlir::Value from, firstWhole, lastWhole, to;
  };
  Segments cut(FoldBuffers &fold, const Point &group, const Tile &tile,
               mlir::Value all);
  Point keyPoint(FoldBuffers &fold, const Point &row, const Tile &tile,
                 mlir::Value local);
  void hoistWithin(mlir::Value root, llvm::ArrayRef<llvm::StringRef> ranks,
                   const Point &group, FoldBuffers &fold);
  bool dependsOn(mlir::Value value, mlir::ValueRange arguments);

  /// One pass over the keys and rows of a tile.
  struct TilePass {
    llvm::SmallVector<const Contraction *> contractions;
    llvm::SmallVector<const Component *> sums; ///< or greatest, least, first
    llvm::SmallVector<mlir::Value> init;       ///< rowVectors for each
    llvm::ArrayRef<std::pair<mlir::Value, mlir::Value>> scores;
    llvm::ArrayRef<Weights> weights;
    bool fast; ///< a NaN may be lost in an order
  };
  llvm::SmallVector<mlir::Value> pass(FoldBuffers &fold, const TilePass &what,
                                      const Point &group, const Tile &tile);
  void visit(FoldBuffers &fold, const TilePass &what, const Point &group,
             const Tile &tile, mlir::Value local,
             llvm::ArrayRef<llvm::SmallVector<mlir::Value>> contracted,
             llvm::SmallVector<mlir::Value> &carried);

  // TileBlocks.cpp
  llvm::SmallVector<mlir::Value> contract(FoldBuffers &fold,
                                          const Contraction &contraction,
                                          const Point &group, const Tile &tile,
                                          mlir::Value local, bool prefetching);
  void prefetchNext(FoldBuffers &fold, const Point &group, const Tile &tile,
                    mlir::Value local, mlir::Value chunk, int64_t chunks);
  void accumulate(FoldBuffers &fold, const Component &component,
                  const Point &group, const Tile &tile);

  int64_t rows() const { return int64_t(plan.rowVectors) * plan.lanes; }
  Panel &panelOf(FoldBuffers &fold, llvm::ArrayRef<Factor> factors,
                 bool byKeys);

  const TilePlan &plan;
  mlir::Value workspace;
  int64_t used = 0; ///< bytes of the workspace
};

} // namespace einfall

#endif // EINFALL_PASSES_LOWER_TILEEMITTER_H
