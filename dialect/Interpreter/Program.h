//===- Program.h - A cascade prepared for evaluation ------------*- C++ -*-===//
//
// The fields of a kernel as a graph of small nodes over numbered ranks: what
// the engine walks instead of MLIR operations. Nothing is rewritten; a node is
// one operation, one argument of a fold's region or one result of a fold.
//
// The only analysis is where to remember values: a node whose value would be
// computed again for coordinates that it does not depend on is memoised.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_INTERPRETER_PROGRAM_H
#define EINFALL_DIALECT_INTERPRETER_PROGRAM_H

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <deque>

namespace einfall::interpreter {

/// A set of ranks by number; a kernel may name 64.
using RankSet = uint64_t;
inline bool contains(RankSet set, int rank) {
  return rank >= 0 && (set >> rank & 1);
}

struct Fold;

enum class NodeKind : uint8_t {
  Const,
  Param,
  Coord,
  Extent,
  Read,
  Map,
  Where,
  OrElse,
  Present,
  At,
  Reduce,
  FoldResult, ///< component `component` of `fold` after the stream
  State,      ///< an argument of a fold's region
};

/// Which of a fold's values a region's argument stands for.
enum class StateRole : uint8_t { Reference, OldReference, Accumulator };

struct Node {
  NodeKind op;
  cascade::Kind kind;
  unsigned id = 0;
  mlir::Operation *source = nullptr;
  RankSet ranks = 0;
  llvm::SmallVector<Node *, 3> operands;
  /// Coord, Extent: the rank; At: the substituted ranks; Reduce: the reduced.
  llvm::SmallVector<int, 2> over;
  cascade::Function function = {};
  cascade::Monoid monoid = {};
  double real = 0;     ///< Const, Param
  int64_t whole = 0;   ///< Const, Param (bool: 0 or 1)
  unsigned tensor = 0; ///< Read: the number of the input
  Fold *fold = nullptr;
  unsigned component = 0;
  StateRole role = {};
  bool summed = false;   ///< Map: a product of reals that is summed
  bool stateful = false; ///< depends on the state of a running fold
  bool memoised = false; ///< remembered for every coordinate
  bool cached = false;   ///< remembered for the last column
};

struct Component {
  cascade::Monoid monoid;
  cascade::Kind kind; ///< of the result
  RankSet ranks = 0;
  Node *step = nullptr; ///< what enters at a coordinate
  Node *act = nullptr;  ///< accumulators only
  Node *result = nullptr;
};

struct Fold {
  unsigned id = 0;
  cascade::FoldOp op;
  llvm::SmallVector<int, 2> ranks; ///< streamed, outermost first
  unsigned references = 0;
  llvm::SmallVector<Component, 4> components;
  /// Ranks of the state that a region reduces or substitutes: the state must
  /// be held for all their coordinates at once.
  RankSet whole = 0;
};

class Program {
public:
  /// Reports what the interpreter does not take at its operation.
  static mlir::FailureOr<std::unique_ptr<Program>>
  compile(cascade::KernelOp kernel);

  int rank(llvm::StringRef name) const;
  Node *node(mlir::Value value) const { return values.lookup(value); }

  llvm::SmallVector<llvm::StringRef> rankNames;
  std::deque<Node> nodes; ///< operands before users
  std::deque<Fold> folds;
  llvm::SmallVector<cascade::InputOp> inputs;
  llvm::SmallVector<std::pair<cascade::ParamOp, Node *>> params;
  /// Ranks that a reduction or a fold runs over.
  RankSet reduced = 0;

private:
  mlir::LogicalResult numberRanks(cascade::KernelOp kernel);
  mlir::LogicalResult add(mlir::Block &block);
  mlir::LogicalResult addFold(cascade::FoldOp op);
  Node &newNode(NodeKind op, mlir::Value value);
  void findRegionRanks(Fold &fold, size_t firstNode);
  void chooseMemos();

  llvm::StringMap<int> rankIds;
  llvm::DenseMap<mlir::Value, Node *> values;
  llvm::DenseMap<mlir::Value, unsigned> inputIds;
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_PROGRAM_H
