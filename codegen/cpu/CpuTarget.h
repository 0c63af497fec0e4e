//===- CpuTarget.h - What the CPU code generator compiles for ---*- C++ -*-===//
//
// A processor as LLVM names it, and the one fact that lowering needs of it: how
// wide its vectors are. `host` is asked at run time, so a binary built
// elsewhere uses AVX-512 where it finds it and the portable path where it does
// not.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_CPU_CPUTARGET_H
#define EINFALL_CODEGEN_CPU_CPUTARGET_H

#include "llvm/Support/Error.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
}

namespace einfall::cpu {

struct CpuTarget {
  std::string triple;
  std::string processor; ///< as `-mcpu` takes it
  std::string features;  ///< as `-mattr` takes it
  unsigned vectorBits;   ///< of the widest vectors worth using: 128, 256, 512
  unsigned vectorRegisters;  ///< how many of them there are
  int64_t l1Bytes = 32768;   ///< first-level data cache of a core
  int64_t l2Bytes = 1048576; ///< second-level cache of a core

  /// f32 elements of one vector.
  unsigned lanes() const { return vectorBits / 32; }
  /// Whether LLVM rounds f32 to bf16 without a call.
  bool roundsToBf16() const;

  /// The processor that runs this program.
  static CpuTarget host();
  /// Any x86-64 with AVX2 and FMA (x86-64-v3), or the plain processor of
  /// another architecture.
  static CpuTarget portable();

  /// "native", or one of the names below; nothing for others.
  static std::optional<CpuTarget> named(llvm::StringRef name);
  /// "native", "x86-64" (SSE2), "x86-64-v3" (AVX2), "x86-64-v4" (AVX-512) and
  /// "aarch64" (NEON).
  static std::vector<std::string> names();
  /// What this processor lacks to run the code, for people; empty: nothing.
  std::string lackingHere() const;

  /// Errors: the triple names a target that this LLVM was built without.
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const;
};

} // namespace einfall::cpu

#endif // EINFALL_CODEGEN_CPU_CPUTARGET_H
