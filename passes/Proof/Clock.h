//===- Clock.h - Seconds on a clock that nobody sets ------------*- C++ -*-===//

#ifndef EINFALL_PASSES_PROOF_CLOCK_H
#define EINFALL_PASSES_PROOF_CLOCK_H

#include <chrono>

namespace einfall::proof {

/// Seconds since some moment; only differences mean something.
inline double now() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_CLOCK_H
