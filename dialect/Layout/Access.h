//===- Access.h - What it costs to reach memory in a layout -----*- C++ -*-===//
//
// A register layout R: (register, lane, ...) -> element and a memory layout M:
// element -> byte give the address M(R(x)) of everything a thread holds. From
// the addresses alone follow the widest vector access, the wavefronts of shared
// memory (a bank serves one word per wavefront; lanes that ask for the same
// word share it) and the sectors of global memory. Nothing is assumed about the
// form of the layouts: addresses are enumerated.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_ACCESS_H
#define EINFALL_DIALECT_LAYOUT_ACCESS_H

#include "dialect/Layout/Layout.h"

namespace einfall::layout {

/// How shared memory serves a warp. An access of `bytes` per lane goes in
/// phases, one group of lanes each; a phase takes as many wavefronts as the
/// busiest bank has different words.
struct BankModel {
  struct Phases {
    int64_t bytes;                           ///< per lane
    std::vector<std::vector<int64_t>> lanes; ///< groups of lanes
  };
  int64_t banks;
  int64_t bankBytes;
  std::vector<Phases> phases; ///< by bytes per lane, ascending

  /// The phases of accesses of that many bytes, or of the next wider ones.
  const Phases *phasesFor(int64_t bytes) const;
};

/// Address of a lane that takes no part.
inline constexpr int64_t noAddress = -1;

/// Wavefronts, and how many there would be without conflicts: one per phase
/// that has a lane.
struct AccessCost {
  int64_t instructions = 0;
  int64_t wavefronts = 0;
  int64_t leastWavefronts = 0;
  int64_t conflicts() const { return wavefronts - leastWavefronts; }
  AccessCost &operator+=(const AccessCost &other);
};

/// The cost of one instruction; `addresses` holds one byte address per lane.
OrError<AccessCost> warpAccess(const BankModel &model,
                               const std::vector<int64_t> &addresses,
                               int64_t bytes);

/// Sectors of `sectorBytes` that the lanes of one instruction touch.
int64_t sectorsTouched(const std::vector<int64_t> &addresses, int64_t bytes,
                       int64_t sectorBytes);

/// One vector access per group of registers, in the order of their addresses.
/// Every thread may use it: the same registers are neighbours in all of them,
/// and the first lies at a multiple of the width.
struct VectorAccess {
  int64_t bytes;
  std::vector<std::vector<int64_t>> registers;
};

/// The widest access of at most `maxBytes`, for a buffer whose start is aligned
/// to `baseAlignment` bytes. The register layout's dimension "register" counts
/// elements; its outputs are the inputs of `memory`, whose output is "byte".
OrError<VectorAccess> widestAccess(const Layout &registers,
                                   const Layout &memory, int64_t elementBytes,
                                   int64_t maxBytes = 16,
                                   int64_t baseAlignment = 16);

/// What one warp pays to load or store all its registers by the widest access:
/// the sum over instructions, for the worst of the warps.
OrError<AccessCost> sharedAccess(const BankModel &model,
                                 const Layout &registers, const Layout &memory,
                                 int64_t elementBytes);

/// What one warp pays for the same in global memory: instructions, and sectors
/// of `sectorBytes` that they touch; the least is the sectors that hold the
/// elements if every byte of them is used.
struct GlobalCost {
  int64_t instructions = 0;
  int64_t sectors = 0;
  int64_t leastSectors = 0;
};
OrError<GlobalCost> globalAccess(const Layout &registers, const Layout &memory,
                                 int64_t elementBytes,
                                 int64_t baseAlignment = 16,
                                 int64_t sectorBytes = 32);

/// How `lanes` x `warps` threads copy a row-major tile in vectors of
/// `vectorElements`: (register, lane, warp) -> (row, column). As many lanes go
/// along a row as divide its vectors, so that rows of 80 halves (ten vectors)
/// are copied by two lanes each, five times. Fails where the threads do not
/// divide the rows.
OrError<Layout> copyLayout(int64_t rows, int64_t columns,
                           int64_t vectorElements, int64_t lanes,
                           int64_t warps);

/// Byte address of one register of one lane: memory(registers(x)).
int64_t byteAddress(const Layout &registers, const Layout &memory,
                    const Steps &x);

/// Every input of `registers` but "register" and "lane": one entry per
/// combination of coordinates (warps, blocks).
std::vector<Steps> otherCoordinates(const Layout &registers);

} // namespace einfall::layout

#endif // EINFALL_DIALECT_LAYOUT_ACCESS_H
