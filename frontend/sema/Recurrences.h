//===- Recurrences.h - Tensors that are defined along a rank ----*- C++ -*-===//
//
// Which recurrences of a kernel are defined from each other, and what of the
// kernel stands between one state and the next. Rule rec.1 is checked here as
// far as it is a matter of what a step reads.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_RECURRENCES_H
#define EINFALL_FRONTEND_SEMA_RECURRENCES_H

#include "frontend/sema/Elaborated.h"
#include "frontend/syntax/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace einfall::ein {

/// Recurrences along one rank that are defined from each other.
struct RecurrenceGroup {
  llvm::SmallVector<TensorId, 2> members;
  RankId rank = 0;
  bool backward = false;
  /// Nodes that the steps need and that stand on the state before them.
  llvm::DenseSet<NodeId> stateful;
  /// What the stateful nodes need that is not stateful, and the starts.
  std::vector<NodeId> outside;
};

struct Recurrences {
  explicit Recurrences(const ElaboratedKernel &kernel);

  std::vector<RecurrenceGroup> groups;
  llvm::DenseMap<TensorId, unsigned> groupOf;
  /// Recurrences that are defined from each other, but neither along one rank
  /// in one direction nor one inside the step of the other.
  std::vector<std::pair<TensorId, TensorId>> conflicts;

  /// What node `id` needs: operands, the value of the tensor that it refers to,
  /// start and step of all that are defined with it.
  llvm::SmallVector<NodeId, 4> needs(NodeId id) const;

  /// Which state of a member of `group` a stateful At reads.
  struct StateRead {
    TensorId tensor;
    unsigned operand; ///< of the index of the state among `over`
    enum { Before, After, Other } which;
  };
  std::optional<StateRead> stateRead(NodeId id,
                                     const RecurrenceGroup &group) const;

private:
  void findStateful(RecurrenceGroup &group);
  bool isInside(TensorId inner, TensorId outer) const;
  const ElaboratedKernel &kernel;
};

/// Reports steps that read what the states so far do not give.
bool checkRecurrences(const ElaboratedKernel &kernel,
                      DiagnosticEngine &diagnostics);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_RECURRENCES_H
