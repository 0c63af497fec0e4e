//===- Emulator.cpp - Loads images and runs grids -------------------------===//

#include "runtime/devices/emulated/Emulator.h"

#include "runtime/devices/emulated/Block.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
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

Grid DeviceImage::gridOf(const std::vector<uint64_t> &arguments) const {
  std::vector<uint64_t> all(arguments);
  all.resize(contents().parameters.size());
  std::vector<TensorMap> maps(contents().maps.size());
  return prepared->grid.evaluate(all.data(), maps.data());
}

namespace einfall::emulated {

/// One launch while it runs.
class Launcher {
public:
  explicit Launcher(const Launch &launch) : launch(launch) {}
  Report run();

private:
  /// Runs the grid of one program; false where it did not come to its end.
  bool run(const DeviceImage *image, bool isFirst);
  bool refuse(std::string text);
  bool bringWorkspace(const Grid &grid);
  bool runBlocks(const DeviceImage::Prepared &prepared, const Grid &grid,
                 const std::vector<TensorMap> &maps);

  const Launch &launch;
  const DeviceImage *image = nullptr; ///< the program at hand
  std::vector<Buffer> buffers;
  std::vector<uint64_t> arguments;
  /// Where the caller brought none.
  std::unique_ptr<std::byte[]> workspace;
  uint64_t workspaceBytes = 0;
  GlobalMemory memory;
  Report report;
};

} // namespace einfall::emulated

/// Refuses the program at hand, with `text`.
bool Launcher::refuse(std::string text) {
  Message message;
  if (image && image->prepared)
    message.kernel = image->contents().name;
  message.text = std::move(text);
  report.messages.push_back(std::move(message));
  return false;
}

Report Launcher::run() {
  buffers = launch.buffers;
  bool goesOn = run(launch.image, /*isFirst=*/true);
  for (const DeviceImage *next : launch.then)
    goesOn = goesOn && run(next, /*isFirst=*/false);
  report.ok = report.applies && report.messages.empty();
  return std::move(report);
}

/// Makes memory for a workspace that the arguments leave out.
bool Launcher::bringWorkspace(const Grid &grid) {
  constexpr uint64_t alignment = 64;
  if (grid.workspace > workspaceBytes) {
    if (workspace)
      return refuse("needs a workspace of " + std::to_string(grid.workspace) +
                    " bytes; the program before it needs " +
                    std::to_string(workspaceBytes));
    workspace.reset(new (std::nothrow)
                        std::byte[grid.workspace + 2 * alignment]);
    if (!workspace)
      return refuse("needs a workspace of " + std::to_string(grid.workspace) +
                    " bytes, for which there is no memory");
    workspaceBytes = grid.workspace;
    uintptr_t start = reinterpret_cast<uintptr_t>(workspace.get());
    start = (start + alignment - 1) / alignment * alignment;
    void *data = reinterpret_cast<void *>(start);
    std::memset(data, 0xff, workspaceBytes);
    buffers.push_back({data, workspaceBytes, true, "workspace"});
    if (std::optional<std::string> wrong = memory.set(buffers))
      return refuse(*wrong);
  }
  if (workspace)
    arguments.back() = reinterpret_cast<uintptr_t>(buffers.back().data);
  return true;
}

bool Launcher::run(const DeviceImage *program, bool isFirst) {
  image = program;
  if (!image || !image->prepared)
    return refuse("there is no image to launch");
  const DeviceImage::Prepared &prepared = *image->prepared;
  const Image &contents = prepared.image;
  arguments = launch.arguments;
  bool isWhole = arguments.size() == contents.parameters.size();
  if (!isWhole && arguments.size() != contents.argumentCount())
    return refuse("takes " + std::to_string(contents.parameters.size()) +
                  " arguments, not " + std::to_string(arguments.size()));
  arguments.resize(contents.parameters.size());
  if (std::optional<std::string> wrong = memory.set(buffers))
    return refuse(*wrong);

  std::vector<TensorMap> maps(contents.maps.size());
  Grid grid = prepared.grid.evaluate(arguments.data(), maps.data());
  if (isFirst)
    report.grid = grid.blocks;
  if (grid.fault) {
    const Location &at = contents.locations[grid.location];
    refuse(grid.fault);
    report.messages.back().operation = at.operation;
    report.messages.back().place = at.place;
    return false;
  }
  if (!grid.applies && !isFirst)
    return refuse("is none for these arguments, the program before it is");
  report.applies = grid.applies;
  if (!grid.applies)
    return false;
  if (!isWhole && !bringWorkspace(grid))
    return false;
  if (grid.isEmpty())
    return true;
  if (auto wrong = findFault(contents, grid, maps.data()))
    return refuse(*wrong);
  return runBlocks(prepared, grid, maps);
}

bool Launcher::runBlocks(const DeviceImage::Prepared &prepared,
                         const Grid &grid, const std::vector<TensorMap> &maps) {
  uint64_t blocks = grid.blocks[0] * grid.blocks[1] * grid.blocks[2];

  // Blocks run in the order first + i * stride, modulo their number.
  uint64_t stride =
      blocks > 2 ? 1 + launch.seed * 0x9e3779b97f4a7c15 % blocks : 1;
  while (std::gcd(stride, blocks) != 1)
    ++stride;
  uint64_t first = launch.seed % blocks;

  BlockContext body{prepared.image, prepared.body, launch,
                    arguments,      memory,        maps};
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
          {number % grid.blocks[0], number / grid.blocks[0] % grid.blocks[1],
           number / grid.blocks[0] / grid.blocks[1]},
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
  work();
  for (std::thread &thread : threads)
    thread.join();

  std::stable_sort(
      found.begin(), found.end(),
      [](const auto &a, const auto &b) { return a.first < b.first; });
  for (auto &[number, message] : found)
    report.messages.push_back(std::move(message));
  return found.empty();
}

Report einfall::emulated::run(const Launch &launch) {
  return Launcher(launch).run();
}
