//===- Program.h - The instructions of a device image -----------*- C++ -*-===//
//
// What an image holds once it is read: two programs for a machine whose
// registers hold one value per lane. `body` is run by every warp of a block,
// `grid` by the host as if it were one warp, to learn how many blocks there
// are.
//
// Registers are numbered in words of 32 lanes (128 bytes); 64-bit registers
// take two words and masks (one bit a lane) are counted by themselves. Control
// is structured: If/Else/EndIf and Loop/Next nest, and nothing jumps.
//
// A Program that `validate` accepted can be executed whatever it holds: every
// operand lies in the register file and every region has its end.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_PROGRAM_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_PROGRAM_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace einfall::emulated {

/// Lanes of a warp.
inline constexpr unsigned warpLanes = 32;

/// Sizes that an image may ask for; what exceeds them is refused.
inline constexpr uint64_t maxInstructions = 1 << 22;
inline constexpr uint64_t maxRegisters = 1 << 14;
inline constexpr uint64_t maxGridRegisters = 1 << 12;
inline constexpr uint32_t maxMaps = 32;
inline constexpr uint32_t maxSharedBytes = 232448;
inline constexpr uint32_t maxThreads = 1024;
inline constexpr uint32_t maxNesting = 256;
inline constexpr uint32_t barrierCount = 16;

enum class Opcode : uint16_t {
#define EINFALL_OPCODE(name, operands, kind) name,
#include "runtime/devices/emulated/Opcodes.def"
};
inline constexpr unsigned opcodeCount = 0
#define EINFALL_OPCODE(name, operands, kind) +1
#include "runtime/devices/emulated/Opcodes.def"
    ;

/// Classes that instructions are counted by.
enum class Class : uint8_t {
  Control,
  Integer,
  Float,
  Special,
  LoadGlobal,
  StoreGlobal,
  LoadShared,
  StoreShared,
  Copy,
  Barrier,
  Shuffle,
  LdMatrix,
  Mma,
  Wgmma,
};
inline constexpr unsigned classCount = 14;

/// "mma", "load global", ...
const char *name(Class kind);
Class classOf(Opcode opcode);

enum class Division : uint16_t {
  Signed,
  Unsigned,
  RemainderSigned,
  RemainderUnsigned,
  FloorSigned,
  CeilSigned,
  CeilUnsigned,
};
enum class IntegerTest : uint16_t {
  Equal,
  NotEqual,
  SignedLess,
  SignedLessEqual,
  SignedGreater,
  SignedGreaterEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
};
/// Bit 0: true when equal, 1: when greater, 2: when less, 3: when unordered.
inline constexpr unsigned floatTests = 16;
enum class Function : uint16_t { Exp2, Log2, Reciprocal, Sin, Cos, Sqrt };
enum class Half : uint16_t { F16, BF16 };
enum class ShuffleMode : uint16_t { Xor, Index, Up, Down };

/// `sub` of a load or store of `count` elements of `elementBytes` bytes.
constexpr uint16_t access(unsigned elementBytes, unsigned count) {
  return uint16_t(elementBytes << 8 | count);
}
constexpr unsigned elementBytes(uint16_t sub) { return sub >> 8; }
constexpr unsigned elementCount(uint16_t sub) { return sub & 255; }

/// `sub` of a product of a warpgroup, D = A B (+ C) on 64 x columns x 16.
struct Product {
  Half type;
  bool transposeA, transposeB, registersA, adds;
  unsigned columns;

  uint16_t encode() const {
    return uint16_t(unsigned(type) | transposeA << 1 | transposeB << 2 |
                    registersA << 3 | adds << 4 | columns / 8 << 5);
  }
  static Product decode(uint16_t sub) {
    return {Half(sub & 1), bool(sub & 2),  bool(sub & 4),
            bool(sub & 8), bool(sub & 16), unsigned(sub >> 5) * 8};
  }
};

struct Instruction {
  Opcode opcode;
  uint16_t sub = 0;
  /// Index of a Location.
  uint32_t location = 0;
  /// Index of the first operand in Program::operands.
  uint32_t operands = 0;
  uint64_t immediate = 0;
};

struct Program {
  /// Words of 32 lanes, and masks.
  uint32_t words = 0, masks = 0;
  std::vector<Instruction> code;
  std::vector<uint32_t> operands;
};

/// Where an instruction comes from: the operation and its place in the source.
struct Location {
  std::string operation, place;
};

/// What is fixed of a tensor map: boxes, innermost dimension first.
struct MapShape {
  uint32_t elementBytes = 2, dimensions = 1, swizzle = 0;
  uint32_t box[5] = {1, 1, 1, 1, 1};

  uint64_t boxBytes() const {
    uint64_t bytes = elementBytes;
    for (unsigned i = 0; i < dimensions; ++i)
      bytes *= box[i];
    return bytes;
  }
};

/// `Workspace` is the address of memory that the launch brings; at most one,
/// the last.
enum class ParameterType : uint8_t { I64, I32, F32, Workspace };
constexpr bool isWide(ParameterType type) {
  return type == ParameterType::I64 || type == ParameterType::Workspace;
}
struct Parameter {
  std::string name;
  ParameterType type;
};

struct Image {
  std::string name, target;
  uint32_t threads = 32, shared = 0;
  std::vector<Parameter> parameters;
  std::vector<Location> locations;
  std::vector<MapShape> maps;
  Program grid, body;

  bool hasWorkspace() const {
    return !parameters.empty() &&
           parameters.back().type == ParameterType::Workspace;
  }
  /// Those that callers know of.
  size_t argumentCount() const { return parameters.size() - hasWorkspace(); }
};

/// The operands of an instruction as letters of Opcodes.def, or nothing where
/// `sub` is none of the opcode's.
std::optional<std::string> signature(Opcode opcode, uint16_t sub);

/// True where all lanes of a warp must come together.
bool isConverged(Opcode opcode);

/// True for the instructions of sm_90a.
bool isHopper(Opcode opcode);

/// What makes the image impossible to run, or nothing.
std::optional<std::string> validate(const Image &image);

/// The image as bytes, little endian, with a version and a hash; and back.
/// Reading refuses what `write` did not write and what `validate` refuses.
std::string write(const Image &image);
std::optional<Image> read(const void *bytes, uint64_t size, std::string &error);

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_PROGRAM_H
