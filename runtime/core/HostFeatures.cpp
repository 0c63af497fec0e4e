//===- HostFeatures.cpp - Instruction sets of this processor --------------===//

#include "runtime/core/HostFeatures.h"

using namespace einfall::runtime;

std::string_view einfall::runtime::hostArchitecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

const std::vector<HostFeature> &einfall::runtime::hostFeatures() {
#if defined(__x86_64__)
#define EINFALL_HAS(llvmName, gccName)                                         \
  { llvmName, __builtin_cpu_supports(gccName) != 0 }
  static const std::vector<HostFeature> features = {
      EINFALL_HAS("sse3", "sse3"),
      EINFALL_HAS("ssse3", "ssse3"),
      EINFALL_HAS("sse4.1", "sse4.1"),
      EINFALL_HAS("sse4.2", "sse4.2"),
      EINFALL_HAS("popcnt", "popcnt"),
      EINFALL_HAS("avx", "avx"),
      EINFALL_HAS("avx2", "avx2"),
      EINFALL_HAS("fma", "fma"),
      EINFALL_HAS("f16c", "f16c"),
      EINFALL_HAS("bmi", "bmi"),
      EINFALL_HAS("bmi2", "bmi2"),
      EINFALL_HAS("lzcnt", "lzcnt"),
      EINFALL_HAS("movbe", "movbe"),
      EINFALL_HAS("avx512f", "avx512f"),
      EINFALL_HAS("avx512cd", "avx512cd"),
      EINFALL_HAS("avx512dq", "avx512dq"),
      EINFALL_HAS("avx512bw", "avx512bw"),
      EINFALL_HAS("avx512vl", "avx512vl"),
      EINFALL_HAS("avx512ifma", "avx512ifma"),
      EINFALL_HAS("avx512vbmi", "avx512vbmi"),
      EINFALL_HAS("avx512vbmi2", "avx512vbmi2"),
      EINFALL_HAS("avx512vnni", "avx512vnni"),
      EINFALL_HAS("avx512bitalg", "avx512bitalg"),
      EINFALL_HAS("avx512vpopcntdq", "avx512vpopcntdq"),
      EINFALL_HAS("avx512bf16", "avx512bf16"),
      EINFALL_HAS("avx512fp16", "avx512fp16"),
      EINFALL_HAS("gfni", "gfni"),
  };
#undef EINFALL_HAS
#else
  static const std::vector<HostFeature> features;
#endif
  return features;
}
