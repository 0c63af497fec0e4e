//===- Stream.h - A kernel seen from one set of streamed ranks --*- C++ -*-===//
//
// With respect to a set R of ranks, the reductions over exactly R that are to
// become folds are the *members*. Every other value is streamed (it ranges over
// R) or complete (it does not), and has a level: how many traversals of R must
// be over before it is known, which is the greatest level of a member that it
// depends on, however indirectly.
//
// `open` brings a field into the algebra's normal form. It looks inside only
// where that is needed: where a field is streamed *and* depends on members, or
// where an exponential has to be seen. All else stays one atom, as written, so
// that nothing is rearranged (and rounded differently) without a reason.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_STREAM_H
#define EINFALL_PASSES_DERIVE_STREAM_H

#include "passes/Derive/Algebra.h"
#include "passes/Derive/Domain.h"

namespace einfall::derive {

class Stream {
public:
  Stream(llvm::ArrayRef<llvm::StringRef> ranks,
         llvm::ArrayRef<cascade::ReduceOp> members);

  llvm::ArrayRef<llvm::StringRef> getRanks() const { return ranks; }
  bool isMember(mlir::Operation *op) const { return members.contains(op); }
  bool carries(mlir::Value value) const;

  /// Levels are given in the order of definition: a member's level must be set
  /// before the level of a value that depends on it is asked for.
  void setLevel(mlir::Operation *member, unsigned level);
  unsigned level(mlir::Value value);

  Poly open(mlir::Value value);
  /// A field as one atom.
  AtomId leaf(mlir::Value value);

  /// Greater than 0 at every present coordinate, or, for a member, wherever
  /// something was summed.
  bool isPositive(mlir::Value value, unsigned depth = 0);
  /// As isPositive, where the sums in it have something to sum because at
  /// least one coordinate of `present` exists.
  bool isPositiveOn(mlir::Value value, const Domain &present);
  /// At most 0 wherever present; `bound` finds the member that is a maximum.
  bool isNonPositive(mlir::Value value);
  /// Whether `upper` is at least `member` wherever both are present.
  static bool dominates(mlir::Value upper, mlir::Value member);

  /// Streamed and complete parts that a mixed field is made of, by name.
  void describeMixture(mlir::Value mixed, llvm::SmallVectorImpl<std::string> &c,
                       llvm::SmallVectorImpl<std::string> &rho);

  Algebra algebra;
  Domains domains;

private:
  bool holdsExp(mlir::Value value);
  Poly openMap(cascade::MapOp map, mlir::Value value);

  llvm::SmallVector<llvm::StringRef> ranks;
  llvm::DenseSet<mlir::Operation *> members;
  llvm::DenseMap<mlir::Operation *, unsigned> memberLevels;
  llvm::DenseMap<mlir::Value, unsigned> levels;
  std::map<void *, Poly> opened;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_STREAM_H
