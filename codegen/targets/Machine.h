//===- Machine.h - What is known of a machine -------------------*- C++ -*-===//
//
// A machine is described by one JSON file, codegen/targets/machines/NAME.json
// (docs/machines.md says what each entry means): its memories, what they are
// worth per second, what its units do per clock, and what a block of threads
// may use. Every machine fact stands there and nowhere else. The files are in
// the library as text, are read and checked once, and every value names its
// unit here.
//
// A user may name a file of his own. It is data from outside: what is wrong in
// it is an error that names the entry, its value and the limit. What a *target*
// can hold in the end is checked against the description that is built in
// (GpuTarget::reference), whatever file the schedule was chosen from.
//
// Rates are peaks, used to predict and never reported as measured; `basis` says
// of every group whether it was published, follows from what was, was measured
// or is conjectured.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_TARGETS_MACHINE_H
#define EINFALL_CODEGEN_TARGETS_MACHINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace einfall {

/// How a group of facts is known.
enum class Basis { Published, Derived, Measured, Conjectured };

/// "published", ...
llvm::StringRef nameOf(Basis basis);

struct Memory {
  std::string name; ///< "registers"
  int64_t bytes;    ///< of one unit
};

/// Memories that lie at the same distance from the arithmetic.
struct MemoryLevel {
  std::string name;             ///< "L2"
  int64_t units;                ///< side by side on the machine
  std::vector<Memory> memories; ///< of one unit
  /// From the level outside into all units together; 0 for the outermost.
  double bytesPerSecond = 0;
  int64_t sectorBytes = 0; ///< moved at once, at least
  int64_t lineBytes = 0;
  Basis basis = Basis::Conjectured;
};

/// What one unit (an SM, a CU, a core) multiplies and adds per clock on its
/// matrix units, dense.
struct MatrixRate {
  std::string operands;    ///< "f16", "bf16", "tf32", "fp8"
  std::string accumulator; ///< "f32"
  int64_t flopPerClock;    ///< a product and a sum are two
};

/// What a block of threads may use.
struct BlockLimits {
  int64_t threads = 0;
  int64_t registersPerThread = 0; ///< of 32 bits
  int64_t sharedBytes = 0;        ///< when asked for explicitly
};

/// What one unit has for its blocks.
struct UnitLimits {
  int64_t threads = 0;
  int64_t blocks = 0;
  int64_t registers = 0;            ///< of 32 bits
  int64_t registersPerWarpUnit = 0; ///< registers are given to warps in these
  int64_t sharedBytes = 0;          ///< each block takes sharedReserved more
  int64_t sharedReservedBytes = 0;  ///< per block
};

struct Machine {
  std::string name;         ///< of the file: "h100-sxm5"
  std::string title;        ///< "NVIDIA H100 SXM5 80 GB"
  std::string architecture; ///< "sm_90a", "gfx942", "x86-64"
  std::string sha256;       ///< of the file's bytes, in hexadecimal digits

  double clockHz = 0; ///< at which rates are reached

  std::string unit;         ///< "SM", "CU", "core"
  int64_t units = 0;        ///< on the machine
  int64_t warpLanes = 0;    ///< threads that go together; of a vector of f32
  int64_t clusterUnits = 1; ///< units whose blocks may share their memories

  std::vector<MemoryLevel> levels; ///< outermost first; the last is `unit`'s

  std::vector<MatrixRate> matrix;
  std::vector<std::string> matrixShapes; ///< of instructions: "m16n8k16"
  int64_t fmaFlopPerClock = 0;           ///< of a unit, in f32
  int64_t specialPerClock = 0; ///< exp2, log2, reciprocals of a unit; 0: none
  int64_t sharedBytesPerClock = 0; ///< of a unit's shared memory or L1
  int64_t barrierClocks = 0;       ///< that a wait takes where all are there
  /// From a load to what it brings: from the outermost level, and from the
  /// cache that all units share.
  int64_t memoryClocks = 0, cacheClocks = 0;
  /// From the end of a launch to the first clocks of the next one in a row.
  int64_t launchNanoseconds = 0;

  BlockLimits block; ///< zeros where there are no blocks of threads
  UnitLimits perUnit;

  bool hasBulkCopies = false;   ///< TMA with mbarriers
  bool hasWarpgroupMma = false; ///< wgmma, setmaxnreg
  bool hasTensorMemory = false; ///< accumulators of their own (tcgen05)

  /// Of the rate for operands of this type into f32; 0 where there is none.
  int64_t matrixFlopPerClock(llvm::StringRef operands) const;
  /// FLOP per second on f16 or bf16, dense.
  double matrixPeak16() const {
    return double(units) * matrixFlopPerClock("f16") * clockHz;
  }
  /// Into the level of this number, with `level` > 0.
  double bytesPerSecond(size_t level) const {
    return levels[level].bytesPerSecond;
  }
};

/// Between two neighbouring levels: what lies inside is everything nearer to
/// the arithmetic, registers included.
struct Boundary {
  std::string name;           ///< "HBM to L2"
  int64_t units;              ///< insides, side by side
  std::vector<Memory> inside; ///< of one of them, innermost last
  double bytesPerSecond;      ///< over it, into all units together
  int64_t sectorBytes;
  Basis basis; ///< of the bandwidth

  /// Bytes of all that lies inside one unit.
  int64_t capacityBytes() const;
};

/// The boundaries of `machine`, outermost first. Where kernels share memories
/// within clusters of `cluster` units, those count as one innermost unit.
std::vector<Boundary> boundariesOf(const Machine &machine, int64_t cluster = 1);

/// Every description that is built in, in the order in which they are listed.
llvm::ArrayRef<Machine> machines();
const Machine *findMachine(llvm::StringRef name);

/// Reads a description. Errors name `origin`, the entry, its value and what it
/// may be.
llvm::Expected<Machine> parseMachine(llvm::StringRef text,
                                     llvm::StringRef origin);
/// The description that is built in under this name, or that of a file, whose
/// name ends in .json.
llvm::Expected<Machine> loadMachine(llvm::StringRef nameOrPath);

/// What `--target` names beside the processor: an architecture that there is a
/// code generator for.
struct GpuTarget {
  llvm::StringRef name; ///< "sm_80"
  /// The oldest PTX version that has every instruction that we emit, times ten.
  unsigned ptxVersion;
  llvm::StringRef machine; ///< what schedules are chosen for by default

  /// The description of that machine, whose limits are the target's.
  const Machine &reference() const;
};

/// In the order in which they are listed to users.
llvm::ArrayRef<GpuTarget> gpuTargets();
const GpuTarget *findTarget(llvm::StringRef name);

/// The machine that `nameOrPath` describes, or the target's own where that is
/// empty. Errors also where it is of another architecture.
llvm::Expected<Machine> machineFor(const GpuTarget &target,
                                   llvm::StringRef nameOrPath);

} // namespace einfall

#endif // EINFALL_CODEGEN_TARGETS_MACHINE_H
