//===- CountAccesses.h - A kernel that tells what it touches ----*- C++ -*-===//
//
// Makes a program of the CPU tell every address that it loads from or stores
// to, and how many bytes there: before each access it calls
//
//   void einfall_count_access(const void *address, int64_t bytes, int32_t
//   store)
//
// Under a mask only lanes that take part are told, those of gathers and
// scatters one by one. It sees LLVM's instructions as they are before any is
// merged or removed, and knows nothing of tensors or of what the lowering
// meant: so its sums are evidence for closed forms read off the loops
// (passes/Traffic). Prefetches are no accesses.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_COUNTACCESSES_H
#define EINFALL_CODEGEN_CPU_COUNTACCESSES_H

#include "llvm/Support/Error.h"

namespace llvm {
class Module;
}

namespace einfall::cpu {

inline constexpr const char *countAccessName = "einfall_count_access";

/// Adds the calls to all functions of `module`. Error: an instruction touches
/// memory in a way that is not known here.
llvm::Error countAccesses(llvm::Module &module);

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_COUNTACCESSES_H
