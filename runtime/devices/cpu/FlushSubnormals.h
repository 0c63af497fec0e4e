//===- FlushSubnormals.h - Arithmetic without subnormal numbers -*- C++ -*-===//
//
// A processor takes a hundred cycles for an operation on a subnormal number,
// and softmax weights far from the maximum are such numbers. Within its scope
// they are zero, as operands and as results; what the caller had set comes
// back.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_CPU_FLUSHSUBNORMALS_H
#define EINFALL_RUNTIME_DEVICES_CPU_FLUSHSUBNORMALS_H

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace einfall::cpu {

class FlushSubnormals {
public:
#if defined(__x86_64__)
  FlushSubnormals() : saved(_mm_getcsr()) {
    _mm_setcsr(saved | 0x8040); // flush to zero, denormals are zero
  }
  ~FlushSubnormals() { _mm_setcsr(saved); }

private:
  unsigned saved;
#elif defined(__aarch64__)
  FlushSubnormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved));
    asm volatile("msr fpcr, %0" ::"r"(saved | (uint64_t(1) << 24)));
  }
  ~FlushSubnormals() { asm volatile("msr fpcr, %0" ::"r"(saved)); }

private:
  uint64_t saved;
#else
  FlushSubnormals() {}
  ~FlushSubnormals() {}
#endif
  FlushSubnormals(const FlushSubnormals &) = delete;
  FlushSubnormals &operator=(const FlushSubnormals &) = delete;
};

} // namespace einfall::cpu

#endif // EINFALL_RUNTIME_DEVICES_CPU_FLUSHSUBNORMALS_H
