//===- NvidiaLayouts.h - Fragments, swizzles and boxes of NVIDIA -*- C++
//-*-===//
//
// Layouts of NVIDIA's matrix instructions and shared-memory formats, sm_80 and
// sm_90a, each with the section of the PTX ISA (version 9.2) it is read from.
// Names of dimensions: register (elements of a thread), lane (of a warp), warp
// (of a warpgroup); row, column; byte.
//
// An operand is a matrix (row, column) as the ISA draws it: A is M x K, B is
// K x N, the accumulators C and D are M x N.
//
// What is not here: sparse and integer matrix instructions, 4- and 6-bit types,
// tcgen05, im2col tensor maps, the 32-byte-atom swizzles of sm_100.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_LAYOUT_NVIDIALAYOUTS_H
#define EINFALL_DIALECT_LAYOUT_NVIDIALAYOUTS_H

#include "dialect/Layout/Layout.h"

namespace einfall::layout::nvidia {

inline constexpr int64_t warpLanes = 32;
inline constexpr int64_t warpgroupWarps = 4;

//===----------------------------------------------------------------------===//
// mma.sync.m16n8kK
//===----------------------------------------------------------------------===//

/// A of mma.m16n8kK, (register, lane) -> (row 16, column k), for elements of 8,
/// 16 or 32 bits; k is 128 or 256 bits of elements (k8 and k16 for f16 and
/// bf16, k4 and k8 for tf32, k16 and k32 for 8 bits). Sections 9.7.14.5.7
/// (m16n8k8), 9.7.14.5.8 (m16n8k16), 9.7.14.5.9 and .10 (8 bits).
OrError<Layout> mmaA(int64_t elementBits, int64_t k);

/// B of the same, (register, lane) -> (row k, column 8).
OrError<Layout> mmaB(int64_t elementBits, int64_t k);

/// C and D of every mma.m16n8kK, f16 or f32: (register 4, lane 32) ->
/// (row 16, column 8). Same sections.
Layout mmaC();

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix (.m8n8.b16)
//===----------------------------------------------------------------------===//

/// What the registers hold, (register 2*count, lane) -> (matrix count, row 8,
/// column 8): row is the one whose address a lane gives, column counts 16-bit
/// elements in it. Sections 9.7.14.5.15 (ldmatrix), 9.7.14.5.16 (stmatrix).
OrError<Layout> matrixFragment(int64_t count, bool transposed);

/// Whose address is used, (lane) -> (matrix count, row 8): lanes 8i .. 8i+7
/// give the rows of matrix i. With count < 4 the higher lanes are free: the
/// hardware ignores their addresses.
OrError<Layout> matrixAddress(int64_t count);

//===----------------------------------------------------------------------===//
// wgmma.m64nNkK
//===----------------------------------------------------------------------===//

/// D of wgmma.m64nNkK, (register N/2, lane, warp 4) -> (row 64, column N) for
/// N = 8, 16, ..., 256. Section 9.7.15.5.1.1.1.
OrError<Layout> wgmmaD(int64_t n);

/// A in registers, (register, lane, warp 4) -> (row 64, column k) with k 256
/// bits of elements. Sections 9.7.15.5.1.1.1 to .3.
OrError<Layout> wgmmaA(int64_t elementBits);

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

/// How 16-byte chunks are exchanged within rows of that many bytes.
enum class Swizzle { None, B32, B64, B128 };

/// Bytes of a swizzled row: 32, 64, 128; 16 for None.
int64_t swizzleBytes(Swizzle swizzle);
/// Bytes after which the pattern repeats: 256, 512, 1024; 128 for None.
int64_t swizzlePeriod(Swizzle swizzle);
std::string_view swizzleName(Swizzle swizzle);

/// The exchange on addresses, byte -> byte, on `bytes` bytes (a multiple of the
/// period): bits 4.. are XORed with bits 7.. of the address, 1, 2 or 3 of them.
/// Its own inverse. PTX ISA, Tensors, Swizzling Modes.
OrError<Layout> swizzleMap(Swizzle swizzle, int64_t bytes);

/// A row-major tile, (row, column) -> byte, with `rowBytes` from row to row.
OrError<Layout> rowMajor(int64_t rows, int64_t columns, int64_t elementBytes,
                         int64_t rowBytes);

/// One box of a tensor map in shared memory, (row, column) -> byte: rows packed
/// one after the other, then swizzled. Refuses what cuTensorMapEncodeTiled
/// refuses (more than 256 coordinates per dimension, rows no multiple of 16
/// bytes, rows longer than the swizzle), and rows shorter than the swizzle.
OrError<Layout> tmaBox(int64_t rows, int64_t columns, int64_t elementBytes,
                       Swizzle swizzle);

/// A tile of several boxes side by side, each as wide as the swizzle (16 bytes
/// for None), one after the other in memory: (row, column) -> byte. This is the
/// K-major form of wgmma's operands, core matrices included.
OrError<Layout> boxedTile(int64_t rows, int64_t columns, int64_t elementBytes,
                          Swizzle swizzle);

//===----------------------------------------------------------------------===//
// Operands of wgmma in shared memory
//===----------------------------------------------------------------------===//

enum class Major { K, MN };

/// The canonical layout that a matrix descriptor means, (mn, k) -> byte from a
/// start address at a multiple of the swizzle's period. Sections 9.7.15.5.1.2
/// (layout), .2.1.1 and .2.1.2 (the two offsets), .2.1.3 (canonical layouts).
/// The offsets are bytes, multiples of 16, and of the period where swizzled.
/// `leadingOffset` has no meaning for a swizzled K-major operand.
struct WgmmaOperand {
  Major major;
  Swizzle swizzle;
  int64_t leadingOffset; ///< bytes
  int64_t strideOffset;  ///< bytes
};
OrError<Layout> wgmmaOperand(const WgmmaOperand &operand, int64_t mn, int64_t k,
                             int64_t elementBytes);

/// The descriptor's offsets under which the hardware reads `memory`, a layout
/// (mn, k) -> byte, as it lies: found from the layout and checked against the
/// canonical form at every point.
OrError<WgmmaOperand> wgmmaOperandOf(const Layout &memory, Major major,
                                     Swizzle swizzle, int64_t elementBytes);

/// The 64-bit descriptor of an operand at a shared-memory address: start
/// address in bits 0-13, leading offset in 16-29, stride offset in 32-45 (all
/// in 16 bytes), base offset 0, swizzle in 62-63. Section 9.7.15.5.1.2.2.
uint64_t encodeDescriptor(const WgmmaOperand &operand, uint32_t startAddress);

} // namespace einfall::layout::nvidia

#endif // EINFALL_DIALECT_LAYOUT_NVIDIALAYOUTS_H
