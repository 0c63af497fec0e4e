//===- Planner.h - The three steps of planning ------------------*- C++ -*-===//
//
// Private to Plan*.cpp: the state that the steps of Plan.h share.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_PLANNER_H
#define EINFALL_PASSES_DERIVE_PLANNER_H

#include "passes/Derive/Plan.h"

namespace einfall::derive {

/// alpha * exp(u) * rest, alpha without streamed ranks, rest streamed.
struct Summand {
  Poly alpha;
  Poly u;
  Monomial rest;
  unsigned level;
};

/// A member in normal form.
struct Normal {
  cascade::ReduceOp op;
  std::vector<Summand> summands;
  Domain streamed, complete;
  bool isSum = false;
};

/// Plans the members of one stream.
class Planner {
public:
  Planner(Stream &stream, const llvm::DenseSet<mlir::Operation *> &asWritten)
      : stream(stream), algebra(stream.algebra), asWritten(asWritten) {}

  Plan run(llvm::ArrayRef<cascade::ReduceOp> members) {
    for (cascade::ReduceOp member : members)
      normalise(member);
    for (Normal &normal : normals)
      findCentres(normal);
    for (Normal &normal : normals)
      finish(normal);
    rewriteAffected();
    return std::move(plan);
  }

private:
  // Step 1.
  void normalise(cascade::ReduceOp op);
  void normaliseExtremum(Normal &normal, unsigned base);
  Summand split(Normal &normal, const Monomial &monomial,
                const Rational &coefficient, unsigned base);
  void plain(Normal &normal, unsigned level);
  void miss(cascade::ReduceOp op, llvm::StringRef rule, mlir::Value offending,
            std::string text);
  bool isNonPositive(const Poly &u, const Normal &normal);

  // Step 2.
  struct Centre {
    Poly u;
    AtomId y;
    unsigned level;
    Domain domain;
  };
  void findCentres(Normal &normal);
  std::optional<Poly> mean(const std::map<int, Poly> &alphas);
  std::map<int, Poly> shift(const std::map<int, Poly> &alphas, AtomId q);
  std::optional<unsigned> referenceFor(const Normal &normal, const Poly &u,
                                       unsigned level);
  unsigned centreFor(const Normal &normal, const Centre &centre);
  unsigned accumulator(Component wanted);

  // Step 3.
  void finish(Normal &normal);
  void finishSum(Normal &normal, Finish &result);
  void guard(const Normal &normal, Finish &result);
  bool vanishes(const Poly &form, llvm::ArrayRef<unsigned> accumulators);
  bool isSafe(const Poly &exponent);
  bool isAffected(mlir::Value value);
  Poly reopen(mlir::Value value);
  Poly refine(const Poly &poly);
  bool isPositiveOn(AtomId atom, const Domain &present);
  void rewriteAffected();

  unsigned addComponent(Component component) {
    component.level = std::max(component.level, 1u);
    plan.levels = std::max(plan.levels, component.level);
    plan.components.push_back(std::move(component));
    return plan.components.size() - 1;
  }

  Stream &stream;
  Algebra &algebra;
  const llvm::DenseSet<mlir::Operation *> &asWritten;
  Plan plan;
  std::vector<Normal> normals;
  std::vector<Centre> centres;
  /// The component of a member that is one, and the form of one that is not.
  llvm::DenseMap<mlir::Operation *, unsigned> componentOf;
  std::map<mlir::Operation *, Poly> formOf;
  llvm::DenseMap<mlir::Value, bool> affected;
};

/// `monomial` without a factor.
inline Monomial without(Monomial monomial, AtomId atom) {
  llvm::erase_if(monomial.factors,
                 [&](auto &factor) { return factor.first == atom; });
  return monomial;
}

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_PLANNER_H
