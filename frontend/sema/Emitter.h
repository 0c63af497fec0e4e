//===- Emitter.h - Emits one kernel as a cascade ----------------*- C++ -*-===//
//
// Shared by Emit.cpp (the interface of a kernel), EmitNode.cpp (fields) and
// EmitRecurrence.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_EMITTER_H
#define EINFALL_FRONTEND_SEMA_EMITTER_H

#include "dialect/Cascade/Cascade.h"
#include "dialect/Cascade/Schedules.h"
#include "frontend/sema/Build.h"
#include "frontend/sema/Emit.h"
#include "frontend/sema/Recurrences.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/Twine.h"

namespace einfall::ein {

using llvm::ArrayRef;
using llvm::DenseMap;
using llvm::SmallVector;
using llvm::StringRef;
using mlir::Location;
using mlir::LogicalResult;
using mlir::OpBuilder;
using mlir::Type;
using mlir::Value;
using mlir::ValueRange;

class Emitter {
public:
  Emitter(mlir::ModuleOp module, const ElaboratedKernel &kernel,
          const SourceManager &sources, DiagnosticEngine &diagnostics)
      : kernel(kernel), sources(sources), diagnostics(diagnostics),
        builder(module.getBodyRegion()), places(1), recurrences(kernel) {
    builder.setInsertionPointToEnd(module.getBody());
  }

  LogicalResult run();

private:
  // What is refused.
  void refuse(SourceRange range, const llvm::Twine &what);
  LogicalResult check();

  // The interface.
  mlir::DictionaryAttr scheduleOf(const ScheduleInfo &schedule);
  void emitPreconditions(cascade::KernelOp op);
  void emitInputs();
  void emitParam(unsigned input);
  void emitRanks();
  /// An input's dimension |rank| + offset, by a rank of its own.
  struct Shifted {
    std::string name;
    RankId rank;
    int64_t offset;
  };
  bool isBoundBy(const Shifted &shifted);
  void declareBoundBy(const Shifted &shifted);
  void declareRank(SourceRange range, StringRef name, Value extent,
                   std::optional<int64_t> size);
  void declareAfterNeeds(RankId id, std::vector<bool> &declared);
  void findExtents(NodeId root, llvm::SmallVectorImpl<RankId> &ranks) const;
  Value longestPiece(const RankInfo &info);
  Value integer(int64_t number, Location loc);
  Value extentOf(StringRef rank, Location loc);
  void emitRequirements();
  Value emitProperty(Property property, unsigned input, Location loc);
  /// Numbers what the rows of a permutation are compared with.
  static std::string permutedRank(StringRef rank) {
    return (rank + "_permuted").str();
  }
  void emitOutputs();
  std::string dimName(unsigned input, unsigned dim);

  // Nodes.
  Value value(NodeId root);
  void emitAll(ArrayRef<NodeId> roots);
  Value get(NodeId id) const;
  Value emit(NodeId id);
  Value emitMap(const Node &node, Location loc);
  Value emitChain(const Node &node, Location loc);
  Value emitAt(const Node &node, Location loc);
  Value emitAt(Value field, ArrayRef<RankId> over, ArrayRef<Value> indices,
               Location loc);
  Value within(RankId ragged, Value value, Location loc);
  Value map(cascade::Function fn, ValueRange operands, Location loc) {
    return cascade::MapOp::create(builder, loc, fn, operands);
  }

  // Recurrences.
  Value history(TensorId tensor);
  void emitRecurrence(const RecurrenceGroup &group);
  Value emitState(const Node &node, const Recurrences::StateRead &read,
                  Location loc);
  /// What a node needs before it is emitted here.
  SmallVector<NodeId, 4> needsHere(NodeId id) const;

  Location loc(SourceRange range);
  Type storage(ElementType type);
  StringRef rank(RankId id) const { return kernel.ranks[id].name; }
  SmallVector<StringRef> rankNames(ArrayRef<RankId> ids) const {
    return llvm::map_to_vector(ids, [&](RankId id) { return rank(id); });
  }

  const ElaboratedKernel &kernel;
  const SourceManager &sources;
  DiagnosticEngine &diagnostics;
  OpBuilder builder;
  /// Where nodes are emitted to: the kernel, or the step of a recurrence, which
  /// holds the nodes that stand on its state.
  struct Place {
    const RecurrenceGroup *group = nullptr;
    DenseMap<NodeId, Value> values;
    DenseMap<TensorId, Value> histories; // every state of a recurrence
    SmallVector<Value> states;           // before the step, by member
  };
  std::deque<Place> places; // the innermost last
  Recurrences recurrences;
  std::vector<Value> arguments;    // of inputs: a tensor or a scalar field
  std::vector<StringRef> tensorOf; // the tensor that a node is the value of
  std::vector<std::pair<std::string, int64_t>> fixedDims; // rank, extent
  std::vector<Shifted> shiftedDims;
  bool inPrecondition = false;
  bool failed = false;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_EMITTER_H
