//===- Build.h - Typed nodes of the elaborated cascade ----------*- C++ -*-===//
//
// Makes nodes, checks their types (rules type.1 to type.3), unites their ranks
// and follows their presence. Every function returns noNode after an error, and
// takes noNode for an operand that failed before, silently.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SEMA_BUILD_H
#define EINFALL_FRONTEND_SEMA_BUILD_H

#include "frontend/sema/Elaborated.h"
#include "frontend/sema/Presence.h"
#include "frontend/syntax/Diagnostics.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>

namespace einfall::ein {

inline bool anyFailed(llvm::ArrayRef<NodeId> nodes) {
  return llvm::is_contained(nodes, noNode);
}

inline RankSet unite(const RankSet &a, const RankSet &b) {
  RankSet result;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(),
                 std::back_inserter(result));
  return result;
}

class Builder {
public:
  static constexpr unsigned maxNodes = 400000;

  Builder(ElaboratedKernel &kernel, DiagnosticEngine &diagnostics)
      : kernel(kernel), diagnostics(diagnostics) {}

  NodeId coord(RankId rank, SourceRange range);
  /// Of a ragged rank: high - low, a field over its parent.
  NodeId extent(RankId rank, SourceRange range);
  NodeId integer(int64_t value, SourceRange range);
  NodeId real(double value, SourceRange range);
  NodeId boolean(bool value, SourceRange range);
  NodeId param(unsigned input, SourceRange range);
  NodeId read(unsigned input, llvm::ArrayRef<NodeId> indices,
              SourceRange range);
  NodeId ref(TensorId tensor, SourceRange range);
  NodeId map(MapFn fn, llvm::ArrayRef<NodeId> operands, SourceRange range);
  /// ops[i] is Add or Sub.
  NodeId sum(llvm::ArrayRef<NodeId> operands, llvm::ArrayRef<MapFn> ops,
             SourceRange range);
  /// ops[i] is Mul or Div; a division of integers becomes FloorDiv.
  NodeId product(llvm::ArrayRef<NodeId> operands, llvm::ArrayRef<MapFn> ops,
                 SourceRange range);
  NodeId compare(MapFn fn, NodeId left, NodeId right, SourceRange range);
  NodeId conjunction(llvm::ArrayRef<NodeId> conditions, SourceRange range);
  NodeId where(NodeId value, NodeId condition, SourceRange range,
               AbsenceCause cause = AbsenceCause::Condition,
               uint32_t access = 0);
  NodeId orElse(NodeId value, NodeId fallback, SourceRange range);
  NodeId at(NodeId value, llvm::ArrayRef<RankId> over,
            llvm::ArrayRef<NodeId> indices, SourceRange range);
  NodeId reduce(ReduceFn fn, llvm::ArrayRef<RankId> over, NodeId value,
                SourceRange range);
  NodeId topK(NodeId value, NodeId count, RankId over, RankId index,
              SourceRange range);
  NodeId select(NodeId condition, RankId over, RankId index, SourceRange range);
  /// Floor or ceiling of an integer quotient, exact (rule type.3).
  NodeId exactQuotient(MapFn floorOrCeil, NodeId dividend, NodeId divisor,
                       SourceRange range);

  /// The node as a real, an integer, a truth value; `what` names the place in
  /// the message: "an index", "the condition".
  NodeId toReal(NodeId node);
  NodeId wantInt(NodeId node, Rule rule, const llvm::Twine &what);
  NodeId wantBool(NodeId node, const llvm::Twine &what);
  /// Makes the kinds of all nodes equal: real if one is, otherwise as they are.
  bool unify(llvm::MutableArrayRef<NodeId> nodes, const llvm::Twine &what);

  /// Whether two nodes are the same expression, as far as a short look tells.
  bool sameNode(NodeId a, NodeId b, unsigned depth = 0) const;
  /// The value of an integer node that is known at compile time.
  std::optional<int64_t> constant(NodeId node, unsigned depth = 0) const;

  /// Reports with the calls that led here as notes.
  DiagnosticEngine::Builder error(SourceRange range, Rule rule,
                                  const llvm::Twine &message);
  DiagnosticEngine::Builder warning(SourceRange range, Rule rule,
                                    const llvm::Twine &message) {
    return diagnostics.warning(range, rule, message);
  }
  bool hadError() const { return failed; }
  /// Where a coordinate or an extent is used more than once, its nodes differ
  /// in their places only: from here on the first stands for all.
  void shareLeaves();

  ElaboratedKernel &kernel;
  PresenceTable presence;
  /// Calls being inlined, outermost first.
  std::vector<std::pair<std::string, SourceRange>> calls;
  /// Accesses made so far whose index may lie outside: `index` in
  /// first .. first + |rank| + offset, without rank in 0 .. offset. Implied
  /// sums look at those of their operands (rule sum.6) and cut the list back.
  struct Access {
    NodeId index;
    std::optional<RankId> rank;
    int64_t offset, first;
    SourceRange range;
    uint32_t number = 0; // in `accesses`, and 1 more
  };
  std::vector<Access> outside;
  /// All of them, with what is indexed, for messages.
  struct Indexed {
    Access access;
    std::string tensor; // empty for an argument of a def
    SourceRange declared;
  };
  std::vector<Indexed> accesses;
  /// The condition that the index of an access lies inside.
  NodeId inside(const Access &access);

  /// What preconditions say: inputs whose elements lie in 0 .. |rank|, and
  /// ranks with at least one coordinate.
  llvm::DenseMap<unsigned, RankId> elementsInside;
  llvm::DenseSet<RankId> nonEmpty;

private:
  NodeId add(Node node);
  Node make(NodeKind kind, llvm::ArrayRef<NodeId> operands, SourceRange range);
  bool isInside(NodeId index, RankId base, int64_t offset, int64_t first);
  bool sameExtent(RankId a, RankId b) const;
  bool checkNumber(NodeId node, llvm::StringRef op);
  bool isNonEmpty(RankId rank) const;
  /// Notes that `access` of `tensor` may lie outside, as the presence of its
  /// value says.
  PresenceId mayLieOutside(Access &access, std::string tensor,
                           SourceRange declared);
  /// The floored quotient that an integer is made of.
  NodeId findQuotient(NodeId node) const;

  DiagnosticEngine &diagnostics;
  llvm::DenseMap<RankId, NodeId> raggedExtents;
  llvm::DenseSet<NodeId> quotients; // that were reported
  bool failed = false, overflow = false;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SEMA_BUILD_H
