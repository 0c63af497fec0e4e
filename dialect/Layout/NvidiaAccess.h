//===- NvidiaAccess.h - ldmatrix plans, banks, choice of swizzle -*- C++
//-*-===//
//
// What NVIDIA's shared memory and its matrix loads make of layouts. Nothing is
// tabled: whether ldmatrix can serve a fragment from a tile, which lane gives
// which address and how many wavefronts that takes follow from the addresses.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_NVIDIAACCESS_H
#define EINFALL_DIALECT_LAYOUT_NVIDIAACCESS_H

#include "dialect/Layout/Access.h"
#include "dialect/Layout/NvidiaLayouts.h"

namespace einfall::layout::nvidia {

/// 32 banks of 4 bytes; a phase moves at most 128 bytes: up to 4 bytes a lane
/// the whole warp, 8 bytes half-warps, 16 bytes quarter-warps (CUDA C++
/// Programming Guide, Shared Memory; the phases of wide accesses are known by
/// measurement).
const BankModel &sharedMemory();

/// How ldmatrix loads a fragment from a tile (or stmatrix stores it). Matrix i
/// of the fragment is its i-th 32-bit register: elements i * pack and
/// following.
struct MatrixAccess {
  struct Instruction {
    int64_t firstMatrix;
    int64_t count; ///< 4, 2 or 1
  };
  bool transposed;
  int64_t pack; ///< elements of a 32-bit register
  /// Fours first, then what is left.
  std::vector<Instruction> instructions;
  /// Where the rows start: (row 8, matrix, warp, ...) -> element. Composed with
  /// the tile it gives byte addresses, whose `parts` separate what depends on
  /// the lane from the constant of an instruction.
  Layout rowOf;

  /// The coordinates in `rowOf` of the address that a lane gives: lanes 8i to
  /// 8i + 7 give the rows of the instruction's matrix i. Lanes that the
  /// instruction ignores repeat its last matrix.
  Steps rowOfLane(const Instruction &instruction, int64_t lane) const;
};

/// The plan for a fragment R: (register, lane, ...) -> element in a tile
/// M: element -> byte. Fails with the reason where ldmatrix cannot serve it.
OrError<MatrixAccess> matrixAccess(const Layout &registers,
                                   const Layout &memory, int64_t elementBytes);

/// Wavefronts of the plan for the worst warp, all instructions together.
OrError<AccessCost> matrixAccessCost(const MatrixAccess &access,
                                     const Layout &memory);

/// What a warp pays for a fragment from a tile: by ldmatrix where that serves
/// it, else by the widest vector access.
OrError<AccessCost> fragmentCost(const Layout &registers, const Layout &memory,
                                 int64_t elementBytes);

/// Wavefronts beyond the least that a matrix unit needs to read the cores of an
/// operand, eight runs of 16 bytes each, worst over all of them: 0 is free of
/// conflicts. `memory` is (mn, k) -> byte.
OrError<int64_t> coreConflicts(const Layout &memory, Major major,
                               int64_t elementBytes);

/// Wavefronts beyond the least when a box arrives, 128 bytes of successive
/// 16-byte chunks at a time, row by row: 0 for every box that the tensor map
/// accepts. `memory` is (row, column) -> byte.
OrError<int64_t> arrivalConflicts(const Layout &memory, int64_t elementBytes);

/// A tile in shared memory: boxes under a swizzle, or rows with a pad.
struct SharedTile {
  Layout layout; ///< (row, column) -> byte
  Swizzle swizzle;
  int64_t padBytes; ///< after each row; 0 where boxes are used
  int64_t bytes;    ///< of shared memory
  int64_t conflicts;
};

/// The tile with the fewest conflicts over all `fragments` that are read from
/// or written to it; among equals first the widest swizzle, then plain rows,
/// then unswizzled 16-byte columns, then a pad of 16 bytes, which a tensor map
/// cannot make (`needsBoxes`).
OrError<SharedTile> chooseTile(int64_t rows, int64_t columns,
                               int64_t elementBytes,
                               const std::vector<Layout> &fragments,
                               bool needsBoxes);

} // namespace einfall::layout::nvidia

#endif // EINFALL_DIALECT_LAYOUT_NVIDIAACCESS_H
