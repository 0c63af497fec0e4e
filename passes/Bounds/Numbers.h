//===- Numbers.h - What a bound comes to ------------------------*- C++ -*-===//
//
// The bytes of a claim, in exact arithmetic, rounded down once at the end. The
// checker derives them by itself (passes/Certificate); a disagreement is a
// fault of one of the two, and refused.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_BOUNDS_NUMBERS_H
#define EINFALL_PASSES_BOUNDS_NUMBERS_H

#include "passes/Certificate/Certificate.h"

namespace einfall::bounds {

/// Of `bound` over `boundary`; may be negative, where it says nothing.
mpz_class bytesOf(const certificate::Certificate &certificate,
                  const certificate::Boundary &boundary,
                  const certificate::Bound &bound);

} // namespace einfall::bounds

#endif // EINFALL_PASSES_BOUNDS_NUMBERS_H
