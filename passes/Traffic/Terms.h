//===- Terms.h - The terms of forms, and numeric bounds ---------*- C++ -*-===//
//
// What several files that make forms (Index.h) share: polynomials as maps while
// they are computed, and arithmetic of ends that may be unknown (`unbounded`).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_TERMS_H
#define EINFALL_PASSES_TRAFFIC_TERMS_H

#include "passes/Traffic/Index.h"

namespace einfall::traffic {

using Terms = std::map<Monomial, int64_t>;

Terms termsOf(Ref a);

/// Rounded down; `b` is not 0.
inline int64_t floorQuotientOf(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/// Sums and products of ends; 0 times an unknown end is 0.
int64_t addBounds(int64_t a, int64_t b);
int64_t mulBounds(int64_t a, int64_t b);

/// The ends of a term, from those of its atoms.
void boundsOf(const Term &term, int64_t &low, int64_t &high);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_TERMS_H
