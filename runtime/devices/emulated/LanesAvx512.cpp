//===- LanesAvx512.cpp - Lane functions for AVX-512 ---===//

#include "runtime/devices/emulated/Lanes.h"

using namespace einfall::emulated;

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include <immintrin.h>

namespace {
#include "runtime/devices/emulated/LaneFunctions.inc"
} // namespace

const LaneTable *einfall::emulated::laneTableAvx512() {
  bool runs =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  return runs ? &table : nullptr;
}
#else
const LaneTable *einfall::emulated::laneTableAvx512() { return nullptr; }
#endif
