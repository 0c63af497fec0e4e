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
      : image(std::move(from)), grid(image), body(image.body) {}
  Image image;
  GridProgram grid;
  Code body;
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
  Grid grid = prepared.grid.evaluate(launch.arguments.data(), maps.data());
  report.grid = grid.blocks;
  if (grid.fault) {
    const Location &at = prepared.image.locations[grid.location];
    refuse(grid.fault);
    report.messages.back().operation = at.operation;
    report.messages.back().place = at.place;
    return report;
  }
  report.applies = grid.applies;
  if (!grid.applies)
    return report;
  if (!grid.isEmpty())
    if (auto wrong = findFault(prepared.image, grid, maps.data()))
      return refuse(*wrong);
  uint64_t blocks = grid.blocks[0] * grid.blocks[1] * grid.blocks[2];

  // Blocks run in the order first + i * stride, modulo their number.
  uint64_t stride =
      blocks > 2 ? 1 + launch.seed * 0x9e3779b97f4a7c15 % blocks : 1;
  while (blocks && std::gcd(stride, blocks) != 1)
    ++stride;
  uint64_t first = blocks ? launch.seed % blocks : 0;

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
