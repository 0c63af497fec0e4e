//===- Domain.h - Where a field is present ----------------------*- C++ -*-===//
//
// The domain of a field as a conjunction of facts: this field is present, that
// condition is true. Derivation may move factors of a sum about only if every
// summand keeps its domain exactly, so domains are compared as sets of facts:
// more facts, smaller domain. A field without facts is *total*.
//
// A read is total where each index is the coordinate of the rank that names
// the dimension, or provably inside it (h*|g|/|h| for a rank g).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_DOMAIN_H
#define EINFALL_PASSES_DERIVE_DOMAIN_H

#include "dialect/Cascade/Cascade.h"

#include "llvm/ADT/DenseMap.h"

namespace einfall::derive {

struct Fact {
  mlir::Value value;
  /// The condition `value` is true; otherwise: `value` is present.
  bool truth = false;
  bool operator==(const Fact &o) const {
    return value == o.value && truth == o.truth;
  }
};

/// Facts in the order of first appearance, each once.
using Domain = llvm::SmallVector<Fact, 4>;

void addFacts(Domain &domain, const Domain &facts);
bool hasFact(const Domain &domain, const Fact &fact);
/// Whether every fact of `weaker` is among those of `stronger`.
bool implies(const Domain &stronger, const Domain &weaker);
bool sameDomain(const Domain &a, const Domain &b);

/// Computes domains with a memory. Valid as long as the values it has seen are.
class Domains {
public:
  const Domain &get(mlir::Value value);
  bool isTotal(mlir::Value value) { return get(value).empty(); }

private:
  Domain compute(mlir::Value value);
  /// The facts that make a bool true, beyond its presence.
  void assume(mlir::Value condition, Domain &domain);

  llvm::DenseMap<mlir::Value, Domain> known;
};

} // namespace einfall::derive

#endif // EINFALL_PASSES_DERIVE_DOMAIN_H
