//===- Program.h - A cascade prepared for evaluation ------------*- C++ -*-===//
//
// The fields of a kernel as a graph of small nodes over numbered ranks: what
// the engine walks instead of MLIR operations. Nothing is rewritten; a node is
// one operation, or one argument or result of a *stream*: of a fold or of a
// recurrence.
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

struct Stream;

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
  TopK,         ///< coordinates along over[0], numbered by over[1]
  Select,       ///< coordinates along over[0], numbered by over[1]
  StreamResult, ///< component `component` of `stream`
  State,        ///< an argument of a stream's region
};

/// Which of a stream's values a region's argument stands for: those before the
/// coordinate or, the references of a fold, those after it.
enum class StateRole : uint8_t { Now, Old };

struct Node {
  NodeKind op;
  cascade::Kind kind;
  unsigned id = 0;
  mlir::Operation *source = nullptr;
  RankSet ranks = 0;
  llvm::SmallVector<Node *, 3> operands;
  /// Coord, Extent: the rank; At: the substituted ranks; Reduce: the reduced;
  /// TopK, Select: see there.
  llvm::SmallVector<int, 2> over;
  cascade::Function function = {};
  cascade::Monoid monoid = {};
  double real = 0;     ///< Const, Param
  int64_t whole = 0;   ///< Const, Param (bool: 0 or 1)
  unsigned tensor = 0; ///< Read: the number of the input
  Stream *stream = nullptr;
  unsigned component = 0;
  StateRole role = {};
  bool summed = false;   ///< Map: a product of reals that is summed
  bool stateful = false; ///< depends on the state of a running stream
  bool memoised = false; ///< remembered for every coordinate
  bool cached = false;   ///< remembered for the last column
};

inline bool isList(const Node &node) {
  return node.op == NodeKind::TopK || node.op == NodeKind::Select;
}

/// One field of a stream's state.
struct Component {
  cascade::Monoid monoid; ///< of a fold
  cascade::Kind kind;     ///< of the result
  RankSet ranks = 0;      ///< of the state
  Node *start = nullptr;  ///< of a recurrence
  /// Fold: what enters at a coordinate. Recurrence: the next state.
  Node *step = nullptr;
  Node *act = nullptr; ///< of a fold's accumulator
  Node *result = nullptr;
};

/// A fold or a recurrence: state that goes along ranks, one coordinate at a
/// time.
struct Stream {
  unsigned id = 0;
  llvm::SmallVector<int, 2> ranks; ///< outermost first
  unsigned references = 0;         ///< of a fold
  llvm::SmallVector<Component, 4> components;
  /// Ranks of the state that a region reduces or substitutes: the state must
  /// be held for all their coordinates at once.
  RankSet whole = 0;
  /// A recurrence: the rank that numbers its states, and its direction.
  int states = -1;
  bool backward = false;

  bool isRecurrence() const { return states >= 0; }
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
  std::deque<Stream> streams;
  llvm::SmallVector<cascade::InputOp> inputs;
  llvm::SmallVector<std::pair<cascade::ParamOp, Node *>> params;
  /// Ranks that a reduction, a list or a stream runs over.
  RankSet reduced = 0;

private:
  mlir::LogicalResult numberRanks(cascade::KernelOp kernel);
  mlir::LogicalResult add(mlir::Block &block);
  mlir::LogicalResult addFold(cascade::FoldOp op);
  mlir::LogicalResult addRecurrence(cascade::RecurrenceOp op);
  Node &newNode(NodeKind op, mlir::Value value);
  Node &newResult(Stream &stream, unsigned component, mlir::Value value,
                  bool stateful);
  void addArgument(mlir::BlockArgument argument, Stream &stream,
                   unsigned component, StateRole role);
  bool seesState(mlir::Operation *op) const;
  void findRegionRanks(Stream &stream, size_t firstNode);
  void chooseMemos();

  llvm::StringMap<int> rankIds;
  llvm::DenseMap<mlir::Value, Node *> values;
  llvm::DenseMap<mlir::Value, unsigned> inputIds;
};

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_PROGRAM_H
