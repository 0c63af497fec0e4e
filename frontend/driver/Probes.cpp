//===- Probes.cpp - What this machine can do at most ----------------------===//

#include "frontend/driver/Probes.h"
#include "frontend/driver/HostTensor.h"
#include "runtime/devices/cpu/CpuKernel.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>

#ifdef __x86_64__
#include <immintrin.h>
#endif

using namespace einfall::driver;

static double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

//===----------------------------------------------------------------------===//
// Fused multiply-adds
//===----------------------------------------------------------------------===//

// Chains that hide a latency of four cycles on two ports three times over: a
// late start of one leaves no hole.
static constexpr int chains = 24;

/// Keeps the compiler from dropping what a probe computed.
static void keep(float value) { asm volatile("" : : "x"(value)); }

template <int chains> static void fmaPortable(long rounds) {
  float sums[chains] = {};
  float a = 1.0000001f, b = 1e-7f;
  asm volatile("" : "+x"(a), "+x"(b));
  for (long i = 0; i < rounds; ++i)
    for (float &sum : sums)
      sum = sum * a + b;
  for (float sum : sums)
    keep(sum);
}

#ifdef __x86_64__
#define EINFALL_PROBE(name, isa, type, set, fma, lowest)                       \
  template <int chains>                                                        \
  __attribute__((target(isa))) static void name(long rounds) {                 \
    type a = set(1.0000001f), b = set(1e-7f), sums[chains];                    \
    for (type & sum : sums)                                                    \
      sum = b;                                                                 \
    for (long i = 0; i < rounds; ++i) {                                        \
      _Pragma("GCC unroll 24") for (int c = 0; c < chains; ++c) sums[c] =      \
          fma(sums[c], a, b);                                                  \
      asm volatile("" : "+v"(a));                                              \
    }                                                                          \
    for (type sum : sums)                                                      \
      keep(lowest(sum));                                                       \
  }
EINFALL_PROBE(fma512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps,
              _mm512_cvtss_f32)
EINFALL_PROBE(fma256, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps,
              _mm256_cvtss_f32)
#undef EINFALL_PROBE
#endif

namespace {
struct Probe {
  void (*run)(long rounds);
  void (*runOneChain)(long rounds);
  int lanes;
  const char *name;
};
} // namespace

static Probe chooseProbe() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f"))
    return {fma512<chains>, fma512<1>, 16, "AVX-512"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {fma256<chains>, fma256<1>, 8, "AVX2"};
#endif
  return {fmaPortable<chains>, fmaPortable<1>, 1, "scalar"};
}

// The probe as a kernel: its one extent is the number of items, its second the
// rounds of an item.
static int64_t probeItems(const EinfallCpuArguments *arguments, int64_t phase) {
  return phase ? -1 : arguments->extents[0];
}
static int64_t probeSize(const EinfallCpuArguments *) { return 0; }
static void probeRun(const EinfallCpuArguments *arguments, int64_t,
                     int64_t begin, int64_t end, void *, void *) {
  Probe probe = chooseProbe();
  for (int64_t item = begin; item < end; ++item)
    probe.run(arguments->extents[1]);
}

FmaRate einfall::driver::measureFmaRate(const cpu::CpuExecutor &executor,
                                        double seconds) {
  cpu::CpuKernel kernel{probeRun, probeItems, probeSize, probeSize};
  AlignedBytes workspace;
  double perRound = 2.0 * chains * chooseProbe().lanes;
  auto rateOf = [&](int64_t rounds) -> FmaRate {
    const int64_t each = 2'000;
    int64_t extents[] = {std::max<int64_t>(executor.threads(), rounds / each),
                         each};
    EinfallCpuArguments arguments{};
    arguments.extents = extents;
    if (!workspace.data())
      workspace =
          AlignedBytes::allocate(executor.workspaceSize(kernel, arguments));
    double begin = ::seconds();
    executor.launch(kernel, arguments, workspace.data());
    double time = ::seconds() - begin;
    return {perRound * extents[0] * each / time, time};
  };
  FmaRate first = rateOf(20'000);
  return rateOf(static_cast<int64_t>(seconds * first.flops / perRound));
}

double einfall::driver::measureClock() {
  Probe probe = chooseProbe();
  constexpr long rounds = 1'000'000, latency = 4;
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    double begin = seconds();
    probe.runOneChain(rounds);
    best = std::max(best, rounds * latency / (seconds() - begin));
  }
  return best;
}

double einfall::driver::operationsPerCycle() {
  return 2.0 * 2.0 * chooseProbe().lanes;
}

//===----------------------------------------------------------------------===//
// Reading memory
//===----------------------------------------------------------------------===//

// A piece of memory is read as several streams, which is faster than one: the
// prefetchers of hardware follow each within a page, and ours go beyond.
static constexpr size_t pieceBytes = size_t(4) << 20, pieceCount = 128;
static constexpr size_t streams = 4, streamBytes = pieceBytes / streams;
static constexpr size_t bytesAhead = 2048;

static void readPortable(const char *piece) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i < streamBytes; i += 64)
    for (size_t stream = 0; stream < streams; ++stream) {
      const char *line = piece + stream * streamBytes + i;
      __builtin_prefetch(line + bytesAhead);
      for (int lane = 0; lane < 8; ++lane) {
        uint64_t word;
        std::memcpy(&word, line + 8 * lane, 8);
        sums[lane] ^= word;
      }
    }
  for (uint64_t sum : sums)
    asm volatile("" : : "r"(sum));
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void read512(const char *piece) {
  __m512i sums[streams] = {};
  for (size_t i = 0; i < streamBytes; i += 64)
    for (size_t stream = 0; stream < streams; ++stream) {
      const char *line = piece + stream * streamBytes + i;
      _mm_prefetch(line + bytesAhead, _MM_HINT_T0);
      sums[stream] = _mm512_xor_si512(sums[stream], _mm512_load_si512(line));
    }
  for (__m512i sum : sums)
    asm volatile("" : : "v"(sum));
}
#endif

// The probe as a kernel: its items are pieces of the memory, from the second
// extent on, in a ring.
static void probeReads(const EinfallCpuArguments *arguments, int64_t,
                       int64_t begin, int64_t end, void *, void *) {
  auto read = readPortable;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f"))
    read = read512;
#endif
  for (int64_t item = begin; item < end; ++item) {
    size_t piece = (arguments->extents[1] + item) % pieceCount;
    read(static_cast<const char *>(arguments->data[0]) + piece * pieceBytes);
  }
}

ReadProbe::ReadProbe(const cpu::CpuExecutor &executor)
    : executor(executor),
      memory(AlignedBytes::allocate(pieceBytes * pieceCount)) {
  if (memory.data())
    std::memset(memory.data(), 1, memory.size());
}

double ReadProbe::sweep(int64_t pieces) {
  cpu::CpuKernel kernel{probeReads, probeItems, probeSize, probeSize};
  int64_t extents[] = {pieces, next};
  void *data[] = {memory.data()};
  EinfallCpuArguments arguments{};
  arguments.extents = extents;
  arguments.data = data;
  if (!workspace.data())
    workspace =
        AlignedBytes::allocate(executor.workspaceSize(kernel, arguments));
  next = (next + pieces) % pieceCount;
  double begin = ::seconds();
  executor.launch(kernel, arguments, workspace.data());
  return static_cast<double>(pieces * pieceBytes) / (::seconds() - begin);
}

double ReadProbe::measure(double seconds) {
  if (!memory.data())
    return 0;
  if (!rate)
    rate = sweep(pieceCount / 4);
  auto pieces = static_cast<int64_t>(seconds * rate / pieceBytes);
  return rate = sweep(std::clamp<int64_t>(pieces, 8, pieceCount));
}

std::string einfall::driver::describeProcessor() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, name = "unknown processor";
  while (std::getline(file, line))
    if (line.rfind("model name", 0) == 0) {
      name = line.substr(std::min(line.size(), line.find(':') + 2));
      break;
    }
  return name + " (" + chooseProbe().name + ")";
}
