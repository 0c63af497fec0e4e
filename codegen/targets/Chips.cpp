//===- Chips.cpp - What is known of each chip -----------------------------===//

#include "codegen/targets/Chips.h"

using namespace einfall;

/// Sources: CUDA C++ Programming Guide, "Technical Specifications per Compute
/// Capability" and "Arithmetic Instructions"; NVIDIA A100 and H100 Tensor Core
/// GPU Architecture white papers (SMs, clocks, peaks, bandwidth).
static constexpr Chip table[] = {
    {.name = "sm_80",
     .board = "A100 SXM4 80 GB",
     .ptxVersion = 70,
     .threadsPerBlock = 1024,
     .registersPerThread = 255,
     .sharedPerBlock = 163 * 1024,
     .threadsPerSm = 2048,
     .blocksPerSm = 32,
     .registersPerSm = 65536,
     .sharedPerSm = 164 * 1024,
     .sharedReserved = 1024,
     .registersPerWarpUnit = 256,
     .sms = 108,
     .clockHz = 1.41e9,
     .l2Bytes = 40 << 20,
     .memoryBytesPerSecond = 2.039e12,
     .matrixFlop16 = 2048,
     .matrixFlopTf32 = 1024,
     .fmaFlop32 = 128,
     .specialOps = 16,
     .sharedBytes = 128,
     .bulkCopies = false,
     .warpgroupMma = false},
    {.name = "sm_90a",
     .board = "H100 SXM5 80 GB",
     .ptxVersion = 80,
     .threadsPerBlock = 1024,
     .registersPerThread = 255,
     .sharedPerBlock = 227 * 1024,
     .threadsPerSm = 2048,
     .blocksPerSm = 32,
     .registersPerSm = 65536,
     .sharedPerSm = 228 * 1024,
     .sharedReserved = 1024,
     .registersPerWarpUnit = 256,
     .sms = 132,
     .clockHz = 1.83e9,
     .l2Bytes = 50 << 20,
     .memoryBytesPerSecond = 3.352e12,
     .matrixFlop16 = 4096,
     .matrixFlopTf32 = 2048,
     .fmaFlop32 = 256,
     .specialOps = 16,
     .sharedBytes = 128,
     .bulkCopies = true,
     .warpgroupMma = true},
};

std::span<const Chip> einfall::chips() { return table; }

const Chip *einfall::findChip(std::string_view name) {
  for (const Chip &chip : table)
    if (chip.name == name)
      return &chip;
  return nullptr;
}
