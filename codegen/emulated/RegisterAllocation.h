//===- RegisterAllocation.h - Few registers for an image --------*- C++ -*-===//
//
// The emulator keeps 128 bytes a register and warp, so a program whose values
// each had a register would not fit a cache. Values that do not live at the
// same time share one: a linear scan (Poletto and Sarkar 1999) over the
// instructions, with intervals that reach to the end of every loop that they
// enter.
//
// No instruction's results share a register with its operands.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_EMULATED_REGISTERALLOCATION_H
#define EINFALL_CODEGEN_EMULATED_REGISTERALLOCATION_H

#include "runtime/devices/emulated/Program.h"

namespace einfall {

/// `program` names virtual registers: words, 64-bit registers and masks are
/// numbered by themselves, each from 0. Afterwards it names registers of the
/// machine and says how many there are.
void allocateRegisters(emulated::Program &program);

} // namespace einfall

#endif // EINFALL_CODEGEN_EMULATED_REGISTERALLOCATION_H
