//===- CpuKernel.cpp - Runs a compiled kernel on the CPU's threads --------===//

#include "runtime/devices/cpu/CpuKernel.h"

#include "runtime/devices/cpu/FlushSubnormals.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <thread>

using namespace einfall::cpu;

struct CpuExecutor::Pool {
  explicit Pool(unsigned threads) : threads(threads), arena(threads) {}
  unsigned threads;
  mutable tbb::task_arena arena;
};

CpuExecutor::CpuExecutor(unsigned threads)
    : pool(std::make_unique<Pool>(
          threads ? threads
                  : std::max(1u, std::thread::hardware_concurrency()))) {}
CpuExecutor::~CpuExecutor() = default;

unsigned CpuExecutor::threads() const { return pool->threads; }

/// Workspaces of neighbouring workers share no cache line and no page colour.
static size_t stride(size_t bytes) { return (bytes + 4095) / 4096 * 4096 + 64; }

size_t CpuExecutor::workspaceSize(const CpuKernel &kernel,
                                  const EinfallCpuArguments &arguments) const {
  return stride(kernel.shared(&arguments)) +
         stride(kernel.workspace(&arguments)) * pool->threads;
}

void CpuExecutor::launch(const CpuKernel &kernel,
                         const EinfallCpuArguments &given,
                         void *workspace) const {
  EinfallCpuArguments arguments = given;
  arguments.threads = pool->threads;
  size_t bytes = stride(kernel.workspace(&arguments));
  char *own =
      static_cast<char *>(workspace) + stride(kernel.shared(&arguments));
  int64_t items;
  for (int64_t phase = 0; (items = kernel.items(&arguments, phase)) >= 0;
       ++phase) {
    std::atomic<int64_t> next{0};
    auto work = [&](unsigned worker) {
      FlushSubnormals flush;
      for (int64_t i;
           (i = next.fetch_add(1, std::memory_order_relaxed)) < items;)
        kernel.run(&arguments, phase, i, i + 1, own + worker * bytes,
                   workspace);
    };
    auto workers =
        static_cast<unsigned>(std::min<int64_t>(pool->threads, items));
    if (workers <= 1) {
      work(0);
      continue;
    }
    pool->arena.execute([&] {
      tbb::parallel_for(0u, workers, work, tbb::simple_partitioner());
    });
  }
}
