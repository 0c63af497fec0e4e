//===- LanesAvx2.cpp - Lane functions for AVX2 and FMA ---===//

#include "runtime/devices/emulated/Lanes.h"

using namespace einfall::emulated;

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace {
#include "runtime/devices/emulated/LaneFunctions.inc"
} // namespace

const LaneTable *einfall::emulated::laneTableAvx2() {
  bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return runs ? &table : nullptr;
}
#else
const LaneTable *einfall::emulated::laneTableAvx2() { return nullptr; }
#endif
