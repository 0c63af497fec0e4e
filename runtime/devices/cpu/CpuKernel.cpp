//===- CpuKernel.cpp - Runs a compiled kernel on the CPU's threads --------===//

#include "runtime/devices/cpu/CpuKernel.h"

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
          threads ? threads : std::max(1u, std::thread::hardware_concurrency()))) {
}
CpuExecutor::~CpuExecutor() = default;

unsigned CpuExecutor::threads() const { return pool->threads; }

/// Workspaces of neighbouring workers share no cache line and no page colour.
static size_t stride(size_t bytes) { return (bytes + 4095) / 4096 * 4096 + 64; }

size_t CpuExecutor::workspaceSize(const CpuKernel &kernel,
                                  const EinfallCpuArguments &arguments) const {
  return stride(kernel.workspace(&arguments)) * pool->threads;
}

void CpuExecutor::launch(const CpuKernel &kernel,
                         const EinfallCpuArguments &arguments,
                         void *workspace) const {
  int64_t items = kernel.items(&arguments);
  size_t bytes = stride(kernel.workspace(&arguments));
  auto worker = [&](unsigned number, std::atomic<int64_t> &next) {
    char *own = static_cast<char *>(workspace) + number * bytes;
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < items;)
      kernel.run(&arguments, i, i + 1, own);
  };
  std::atomic<int64_t> next{0};
  unsigned workers = static_cast<unsigned>(
      std::min<int64_t>(pool->threads, std::max<int64_t>(items, 1)));
  if (workers == 1)
    return worker(0, next);
  pool->arena.execute([&] {
    tbb::parallel_for(
        0u, workers, [&](unsigned number) { worker(number, next); },
        tbb::simple_partitioner());
  });
}
