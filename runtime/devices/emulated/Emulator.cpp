//===- Emulator.cpp - Loads images and runs grids -------------------------===//

#include "runtime/devices/emulated/Emulator.h"

#include "runtime/devices/emulated/Block.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>

using namespace einfall::emulated;

struct DeviceImage::Prepared {
  explicit Prepared(Image from)
      : image(std::move(from)), grid(image.grid), body(image.body) {}
  Image image;
  Code grid, body;
};

std::optional<DeviceImage> DeviceImage::load(std::string_view bytes,
                                             std::string &error) {
  std::optional<Image> image = read(bytes.data(), bytes.size(), error);
  if (!image)
    return std::nullopt;
  DeviceImage result;
  result.prepared = std::make_shared<const Prepared>(std::move(*image));
  return result;
}

std::optional<DeviceImage> DeviceImage::make(Image image, std::string &error) {
  if (std::optional<std::string> wrong = validate(image)) {
    error = "device image " + *wrong;
    return std::nullopt;
  }
  DeviceImage result;
  result.prepared = std::make_shared<const Prepared>(std::move(image));
  return result;
}

const Image &DeviceImage::contents() const { return prepared->image; }

/// Mistakes of the launch that need no execution to be seen.
static std::optional<std::string> check(const Launch &launch) {
  const Image &image = launch.image->contents();
  if (launch.arguments.size() != image.parameters.size())
    return "takes " + std::to_string(image.parameters.size()) +
           " arguments, not " + std::to_string(launch.arguments.size());
  return std::nullopt;
}

/// What cuTensorMapEncodeTiled would refuse.
static std::optional<std::string> check(const std::vector<TensorMap> &maps,
                                        const Image &image) {
  for (size_t i = 0; i < maps.size(); ++i) {
    std::string name = "map " + std::to_string(i);
    if (maps[i].base % 16)
      return name + " starts at " + hex(maps[i].base) +
             ", which is no multiple of 16";
    for (unsigned d = 0; d < image.maps[i].dimensions; ++d) {
      if (maps[i].extents[d] < 1 || maps[i].extents[d] > uint64_t(1) << 32)
        return name + " has extent " +
               std::to_string(int64_t(maps[i].extents[d])) +
               "; 1 to 2^32 are possible";
      if (d && (maps[i].strides[d - 1] % 16 ||
                maps[i].strides[d - 1] >= uint64_t(1) << 40))
        return name + " has a stride of " +
               std::to_string(int64_t(maps[i].strides[d - 1])) +
               " bytes; multiples of 16 below 2^40 are possible";
    }
  }
  return std::nullopt;
}

/// Most blocks along x, y and z, as CUDA has it.
static constexpr uint64_t maxBlocks[3] = {0x7fffffff, 65535, 65535};

Report einfall::emulated::run(const Launch &launch) {
  Report report;
  auto refuse = [&](std::string text) {
    Message message;
    if (launch.image && launch.image->prepared)
      message.kernel = launch.image->contents().name;
    message.text = std::move(text);
    report.messages.push_back(std::move(message));
    return report;
  };
  if (!launch.image || !launch.image->prepared)
    return refuse("there is no image to launch");
  const DeviceImage::Prepared &prepared = *launch.image->prepared;
  if (std::optional<std::string> wrong = check(launch))
    return refuse(*wrong);
  GlobalMemory memory;
  if (std::optional<std::string> wrong = memory.set(launch.buffers))
    return refuse(*wrong);

  std::vector<TensorMap> maps(prepared.image.maps.size());
  BlockContext grid{prepared.image, prepared.grid, launch, memory, maps};
  if (std::optional<Message> wrong =
          computeGrid(grid, report.grid, report.applies)) {
    report.messages.push_back(*wrong);
    return report;
  }
  if (!report.applies)
    return report;
  uint64_t blocks = 1;
  for (unsigned i = 0; i < 3; ++i) {
    if (report.grid[i] > maxBlocks[i])
      return refuse("its grid has " + std::to_string(int64_t(report.grid[i])) +
                    " blocks along " + "xyz"[i] + "; at most " +
                    std::to_string(maxBlocks[i]) + " are possible");
    blocks *= report.grid[i];
  }

  // Blocks run in the order first + i * stride, modulo their number.
  uint64_t stride =
      blocks > 2 ? 1 + launch.seed * 0x9e3779b97f4a7c15 % blocks : 1;
  while (blocks && std::gcd(stride, blocks) != 1)
    ++stride;
  uint64_t first = blocks ? launch.seed % blocks : 0;

  if (std::optional<std::string> wrong = check(maps, prepared.image);
      wrong && blocks)
    return refuse(*wrong);
  BlockContext body{prepared.image, prepared.body, launch, memory, maps};
  std::atomic<uint64_t> next = 0;
  std::mutex lock;
  std::vector<std::pair<uint64_t, Message>> found;
  auto work = [&] {
    std::optional<Block> block;
    for (;;) {
      uint64_t turn = next.fetch_add(1);
      if (turn >= blocks)
        break;
      uint64_t number =
          uint64_t((first + (unsigned __int128)(turn)*stride) % blocks);
      if (!block)
        block.emplace(body);
      std::optional<Message> wrong = block->run(
          {number % report.grid[0], number / report.grid[0] % report.grid[1],
           number / report.grid[0] / report.grid[1]},
          number);
      if (!wrong)
        continue;
      std::lock_guard<std::mutex> guard(lock);
      found.emplace_back(number, std::move(*wrong));
      if (found.size() >= launch.reports)
        next = blocks;
    }
    if (block) {
      std::lock_guard<std::mutex> guard(lock);
      report.counters.add(block->counters);
    }
  };
  uint64_t workers = launch.threads
                         ? launch.threads
                         : std::max(1u, std::thread::hardware_concurrency());
  workers = std::min(workers, blocks);
  std::vector<std::thread> threads;
  for (uint64_t i = 1; i < workers; ++i)
    threads.emplace_back(work);
  if (workers)
    work();
  for (std::thread &thread : threads)
    thread.join();

  std::stable_sort(
      found.begin(), found.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
  for (auto &[number, message] : found)
    report.messages.push_back(std::move(message));
  report.ok = report.messages.empty();
  return report;
}
