//===- Emulator.h - Runs and checks device programs on the host -*- C++ -*-===//
//
// The emulated device: executes a device image (what the device dialect says,
// one step before it becomes text for an assembler) on the host, as the machine
// would, and reports what the machine would not tell:
//
//   * accesses outside the buffers of the launch or not aligned to their size;
//   * reads of shared memory that nothing wrote, or that a copy still writes;
//   * races in shared memory, between warps and between lanes of a warp, judged
//     by what barriers order (vector clocks), not by what happened;
//   * barriers with wrong counts, deadlocks, divergence at converged
//   operations;
//   * divisions by zero.
//
// A seed decides which warp goes on and when copies land. A correct program
// gives the same bits for every seed.
//
// Counters are exact where they count what the program does. Shared-memory
// wavefronts follow a model of 32 banks of 4 bytes (half and quarter warps for
// 8 and 16 bytes) and are labelled as modelled. There is no model of time.
//
// Not emulated: caches, memory ordering between blocks, clusters, register
// budgets, the order in which matrix units add.
//
// Knows neither MLIR nor LLVM. Thread-safe: images are immutable and a launch
// owns all that it changes, except the caller's buffers.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_EMULATOR_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_EMULATOR_H

#include "runtime/devices/emulated/Grid.h"

#include <array>
#include <memory>
#include <string_view>

namespace einfall::emulated {

struct Launch;
struct Report;

/// A program that was read and found sound.
class DeviceImage {
public:
  /// Nothing, with the reason in `error`, where the bytes are no image that
  /// this version understands.
  static std::optional<DeviceImage> load(std::string_view bytes,
                                         std::string &error);

  /// An image that was made in this process; refused as `load` refuses.
  static std::optional<DeviceImage> make(Image image, std::string &error);

  /// Name, target ("sm_80", "sm_90a"), threads of a block, bytes of its shared
  /// memory, parameters.
  const Image &contents() const;

  /// What a launch with these arguments comes to, one for each parameter but
  /// the workspace.
  Grid gridOf(const std::vector<uint64_t> &arguments) const;

private:
  friend class Launcher;
  struct Prepared;
  std::shared_ptr<const Prepared> prepared;
};

/// Global memory that a launch may touch; its address is the device's.
struct Buffer {
  void *data = nullptr;
  uint64_t bytes = 0;
  bool writable = false;
  std::string name;
};

struct Launch {
  const DeviceImage *image = nullptr;
  /// Programs with the same parameters that are run after it, in this order.
  std::vector<const DeviceImage *> then;
  /// One for each parameter: the bits of an i64, i32 or f32. That of a
  /// workspace may be left out: the launch then brings memory, with every byte
  /// 0xff.
  std::vector<uint64_t> arguments;
  std::vector<Buffer> buffers;
  uint64_t seed = 0;
  /// Host threads that run blocks; 0: as many as the host has.
  unsigned threads = 0;
  /// Warp instructions that a block may execute; 0: any number.
  uint64_t limit = 0;
  /// Reports after which no more blocks are started.
  unsigned reports = 4;
};

/// One thing that is wrong. Unknown numbers are -1.
struct Message {
  std::string kernel;
  std::array<int64_t, 3> block = {-1, -1, -1};
  int warp = -1, lane = -1;
  /// The operation and its place in the source.
  std::string operation, place;
  /// What was found and what was expected.
  std::string text;
  /// What else has a part in it, each with its place.
  std::vector<std::string> notes;

  /// "place: kernel k, block (0, 0, 0), warp 1, lane 2: operation: text", then
  /// lines of notes.
  std::string str() const;
};

/// What a launch did. Sums over all warps of all blocks that ran, of all
/// programs.
struct Counters {
  uint64_t blocks = 0;
  /// Warp instructions, by Class.
  std::array<uint64_t, classCount> instructions = {};
  /// Sectors of 32 bytes that warps asked of global memory, each warp access by
  /// itself; loads, stores, asynchronous copies.
  uint64_t loadSectors = 0, storeSectors = 0, copySectors = 0;
  /// Bytes that lanes asked for.
  uint64_t loadBytes = 0, storeBytes = 0, copyBytes = 0;
  /// Modelled: wavefronts of shared memory and those beyond the fewest that the
  /// same accesses could take; loads and stores, ldmatrix, copies.
  uint64_t sharedWavefronts = 0, sharedConflicts = 0;
  uint64_t matrixWavefronts = 0, matrixConflicts = 0;
  uint64_t copyWavefronts = 0, copyConflicts = 0;
  /// Floating-point operations of matrix units, 4096 for an m16n8k16,
  /// 2048 for an m16n8k8.
  uint64_t matrixFlops = 0;
  /// Waits for copies by warps, and the bytes of copies that the warp had in
  /// flight when it came to wait: sum and greatest; and still after it.
  uint64_t waits = 0, bytesAtWaits = 0, mostBytesAtWait = 0,
           bytesAfterWaits = 0;

  uint64_t warpInstructions() const;
  /// Of all sectors of global memory.
  uint64_t globalBytes() const;
  void add(const Counters &other);
  /// One line for each, with units; modelled ones say so.
  std::string str() const;
};

struct Report {
  /// True where everything ran and nothing was found.
  bool ok = false;
  /// False where the kernel relies on something that the arguments do not have
  /// (`when` of device.launch): nothing ran, and nothing is wrong.
  bool applies = true;
  std::vector<Message> messages;
  Counters counters;
  /// Blocks of the first program.
  std::array<uint64_t, 3> grid = {0, 0, 0};

  /// All messages.
  std::string str() const;
};

/// Runs the grid, then those of the programs that follow. Mistakes of the
/// launch itself (arguments, buffers) are messages too.
Report run(const Launch &launch);

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_EMULATOR_H
