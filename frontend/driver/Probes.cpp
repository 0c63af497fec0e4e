//===- Probes.cpp - What this machine can do at most ----------------------===//

#include "frontend/driver/Probes.h"
#include "frontend/driver/HostTensor.h"
#include "runtime/devices/cpu/CpuKernel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

using namespace einfall::driver;

static double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Runs `work(thread)` on all threads at once; the time from the common start
/// to the last end.
template <typename Work>
static double timeTogether(unsigned threads, Work work) {
  std::atomic<unsigned> ready{0};
  std::atomic<bool> go{false};
  std::vector<double> ends(threads);
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; ++i)
    workers.emplace_back([&, i] {
      ++ready;
      while (!go.load(std::memory_order_acquire))
        std::this_thread::yield();
      work(i);
      ends[i] = seconds();
    });
  while (ready != threads)
    std::this_thread::yield();
  double begin = seconds();
  go.store(true, std::memory_order_release);
  for (std::thread &worker : workers)
    worker.join();
  return *std::max_element(ends.begin(), ends.end()) - begin;
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
  for (int repeat = 0; repeat < 5; ++repeat)
    best = std::max(best, rounds * latency / timeTogether(1, [&](unsigned) {
                            probe.runOneChain(rounds);
                          }));
  return best;
}

double einfall::driver::operationsPerCycle() {
  return 2.0 * 2.0 * chooseProbe().lanes;
}

//===----------------------------------------------------------------------===//
// Reading memory
//===----------------------------------------------------------------------===//

static void readPortable(const char *data, size_t bytes) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 64 <= bytes; i += 64)
    for (int lane = 0; lane < 8; ++lane) {
      uint64_t word;
      std::memcpy(&word, data + i + 8 * lane, 8);
      sums[lane] ^= word;
    }
  for (uint64_t sum : sums)
    asm volatile("" : : "r"(sum));
}

#ifdef __x86_64__
__attribute__((target("avx512f"))) static void read512(const char *data,
                                                       size_t bytes) {
  __m512i sums[4] = {};
  for (size_t i = 0; i + 256 <= bytes; i += 256)
    for (int lane = 0; lane < 4; ++lane)
      sums[lane] =
          _mm512_xor_si512(sums[lane], _mm512_load_si512(data + i + 64 * lane));
  for (__m512i sum : sums)
    asm volatile("" : : "v"(sum));
}
#endif

double einfall::driver::measureReadBandwidth(unsigned threads) {
  auto read = readPortable;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f"))
    read = read512;
#endif
  size_t share = (size_t(512) << 20) / threads / 4096 * 4096;
  AlignedBytes memory = AlignedBytes::allocate(share * threads);
  if (!memory.data())
    return 0;
  // Each thread touches its own share first, so that it lies near it.
  timeTogether(threads, [&](unsigned thread) {
    std::memset(memory.data() + thread * share, 1, share);
  });
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat)
    best = std::max(best, share * threads /
                              timeTogether(threads, [&](unsigned thread) {
                                read(memory.data() + thread * share, share);
                              }));
  return best;
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
