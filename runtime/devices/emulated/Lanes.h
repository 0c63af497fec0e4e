//===- Lanes.h - What a warp computes lane by lane --------------*- C++ -*-===//
//
// One function for each instruction whose lanes do not know of each other. It
// computes all 32 lanes, active or not: what an inactive lane computes is never
// looked at, because moves out of regions write active lanes only.
//
// The functions are compiled several times, for the vector instructions that
// hosts may have; all give the same bits: f32 is IEEE, nothing is contracted,
// and functions that a machine approximates are computed in double and rounded
// once (a real machine differs by its own error, up to 2 units in the last
// place for exp2).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_LANES_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_LANES_H

#include "runtime/devices/emulated/Program.h"

namespace einfall::emulated {

/// Operands that are words are indices into `words`, in lanes (32 a register);
/// those that are masks index `masks`.
using LaneFunction = void (*)(uint32_t *words, uint32_t *masks,
                              const uint32_t *operands, uint32_t immediate);

/// D = A B + C of one warp; operands as those of Opcode::Mma. Fragments are
/// laid out as in the PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating
/// point type". Products are exact; they are added to C in order of k in
/// double, and the sum is rounded once to f32 (the order of hardware is not
/// specified). A result that is not a number is 0x7fffffff.
struct LaneTable {
  LaneFunction (*function)(Opcode opcode, uint16_t sub);
  LaneFunction mma[2];
  /// Operands as those of Opcode::MmaShallow; "Matrix Fragments for
  /// mma.m16n8k8"; computed as above.
  LaneFunction mmaShallow[2];
  /// Operands as those of Opcode::MmaTf32; "Matrix Fragments for mma.m16n8k8".
  /// The 13 bits below tf32 are not looked at; products are exact, and added as
  /// above.
  LaneFunction mmaTf32;
};

/// The table for this host.
const LaneTable &laneTable();

/// The tables that were compiled; those that the host cannot run are null.
const LaneTable *laneTableBase();
const LaneTable *laneTableAvx2();
const LaneTable *laneTableAvx512();

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_LANES_H
