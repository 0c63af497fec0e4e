//===- Chips.h - What is known of each chip ---------------------*- C++ -*-===//
//
// One description per chip: what a block may use, what an SM has, how fast it
// is. Every machine fact of a GPU stands here and nowhere else.
//
// Sources are named per chip in Chips.cpp. Rates are peaks of the named board
// at its boost clock, used to predict and never reported as measured.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_TARGETS_CHIPS_H
#define EINFALL_CODEGEN_TARGETS_CHIPS_H

#include <cstdint>
#include <span>
#include <string_view>

namespace einfall {

struct Chip {
  std::string_view name;  ///< as `--target` takes it: "sm_80"
  std::string_view board; ///< the board that the rates are of
  /// The oldest PTX version that has every instruction that we emit, times ten.
  unsigned ptxVersion;

  // What a block may use.
  int64_t threadsPerBlock;
  int64_t registersPerThread;
  int64_t sharedPerBlock; ///< bytes, when asked for explicitly

  // What an SM has.
  int64_t threadsPerSm;
  int64_t blocksPerSm;
  int64_t registersPerSm;       ///< of 32 bits
  int64_t sharedPerSm;          ///< bytes; each block takes sharedReserved more
  int64_t sharedReserved;       ///< bytes per block
  int64_t registersPerWarpUnit; ///< registers are given to warps in these

  // The whole chip.
  int64_t sms;
  double clockHz; ///< boost
  int64_t l2Bytes;
  double memoryBytesPerSecond;

  // Per SM and clock.
  int64_t matrixFlop16; ///< f16 and bf16 into f32, dense
  int64_t matrixFlopTf32;
  int64_t fmaFlop32;
  int64_t specialOps; ///< exp2, log2, reciprocal, ...
  int64_t sharedBytes;

  // Machinery that a kernel may be written for.
  bool bulkCopies;   ///< TMA with mbarriers
  bool warpgroupMma; ///< wgmma, setmaxnreg

  /// FLOP per second on f16 and bf16, dense.
  double matrixPeak16() const { return double(sms) * matrixFlop16 * clockHz; }
};

/// Every chip, in the order in which they are listed to users.
std::span<const Chip> chips();

/// The chip of this name, or nothing.
const Chip *findChip(std::string_view name);

} // namespace einfall

#endif // EINFALL_CODEGEN_TARGETS_CHIPS_H
