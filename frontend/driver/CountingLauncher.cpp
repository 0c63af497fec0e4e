//===- CountingLauncher.cpp - A CPU kernel that is counted ----------------===//

#include "frontend/driver/CountingLauncher.h"

#include "codegen/cpu/CountAccesses.h"
#include "codegen/cpu/CpuModule.h"
#include "runtime/devices/emulated/Emulator.h"

#include "llvm/Support/FormatVariadic.h"

#include <chrono>

using namespace einfall;
using namespace einfall::driver;

namespace {
/// Accesses by the tensor that they fall into.
struct AccessCounts {
  struct Range {
    const emulated::Buffer *tensor;
    uintptr_t begin, end;
    uint64_t loaded = 0, stored = 0;
  };
  std::vector<Range> ranges;

  void add(uintptr_t address, int64_t bytes, bool isStore) {
    for (Range &range : ranges)
      if (address >= range.begin && address < range.end)
        (isStore ? range.stored : range.loaded) += bytes;
  }
};
} // namespace

/// Of the kernel that runs in this thread.
static thread_local AccessCounts *currentCounts = nullptr;

static void countAccess(const void *address, int64_t bytes, int32_t isStore) {
  if (currentCounts)
    currentCounts->add(reinterpret_cast<uintptr_t>(address), bytes, isStore);
}

CountingLauncher::CountingLauncher(Session &session, unsigned threads)
    : Launcher(session), threads(threads) {}
CountingLauncher::~CountingLauncher() = default;

bool CountingLauncher::load(PipelineResult result) {
  auto module = cpu::CpuModule::load(
      llvm::MemoryBuffer::getMemBufferCopy(result.text, "kernel"),
      {{cpu::countAccessName, reinterpret_cast<void *>(&countAccess)}});
  if (!module)
    return session.succeeded(module.takeError());
  code = std::move(*module);
  auto found = code->lookup(arguments->interface.name);
  if (!found)
    return session.succeeded(found.takeError());
  entry = std::make_unique<cpu::CpuKernel>(*found);
  return true;
}

std::optional<double> CountingLauncher::launch() {
  EinfallCpuArguments launch = arguments->forCpu();
  launch.threads = threads;
  size_t own = entry->workspace(&launch), shared = entry->shared(&launch);
  AlignedBytes workspace = AlignedBytes::allocate(own + 64),
               common = AlignedBytes::allocate(shared + 64);
  if (!workspace.data() || !common.data()) {
    session.error("no memory for a workspace of " + llvm::Twine(own + shared) +
                  " bytes");
    return std::nullopt;
  }
  std::vector<emulated::Buffer> tensors = deviceBuffers(*arguments);
  AccessCounts counts;
  for (const emulated::Buffer &tensor : tensors) {
    auto begin = reinterpret_cast<uintptr_t>(tensor.data);
    counts.ranges.push_back({&tensor, begin, begin + tensor.bytes});
  }
  auto begin = std::chrono::steady_clock::now();
  currentCounts = &counts;
  int64_t items;
  for (int64_t phase = 0; (items = entry->items(&launch, phase)) >= 0; ++phase)
    entry->run(&launch, phase, 0, items, workspace.data(), common.data());
  currentCounts = nullptr;
  uint64_t sum = 0;
  counters.clear();
  for (const AccessCounts::Range &range : counts.ranges) {
    sum += range.loaded + range.stored;
    counters += llvm::formatv("{0}: {1} bytes loaded, {2} stored\n",
                              range.tensor->name, range.loaded, range.stored);
  }
  bytes = sum;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
      .count();
}
