//===- Plan.h - How a kernel is launched, as data ---------------*- C++ -*-===//
//
// The launch plan of a package: what its kernels take, how extents follow from
// shapes, and for each kernel its versions with the conditions under which they
// may run, in order of preference. The runtime evaluates it; nothing in it is
// code of a machine, so a package can be checked and shown without being run.
//
// The grid of a program for a GPU is computed by the grid program that lies in
// its image for the emulated device; the same program says whether the version
// applies to the arguments (alignment, parts of a stream) and how large its
// workspace is.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_PLAN_H
#define EINFALL_RUNTIME_CORE_PLAN_H

#include "runtime/core/Condition.h"
#include "runtime/include/einfall/einfall.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace einfall::runtime {

/// Sizes of a kernel's interface; a plan that exceeds them is refused, so that
/// a launch needs no memory but its stack.
inline constexpr uint32_t maxKernels = 1024;
inline constexpr uint32_t maxTensors = 64;
inline constexpr uint32_t maxDimensions = 16;
inline constexpr uint32_t maxStrides = 256; ///< of all tensors of a kernel
inline constexpr uint32_t maxRanks = 64;
inline constexpr uint32_t maxParams = 64;
inline constexpr uint32_t maxVersions = 64;
inline constexpr uint32_t maxPrograms = 8; ///< of a version
inline constexpr uint32_t maxSteps = 256;  ///< of an expression

/// One step of an integer expression, written after its operands.
struct Step {
  enum Kind : uint8_t {
    Constant, ///< pushes `value`
    Extent,   ///< pushes the extent of rank number `value`
    Add,
    Sub,
    Mul,
    FloorDiv,
    Mod,
    Max,
    Min,
    Negate,
  };
  Kind kind = Constant;
  int64_t value = 0;
};
using Expression = std::vector<Step>;

struct RankPlan {
  std::string name;
  /// Empty: shapes bind it.
  Expression extent;
};

struct TensorPlan {
  std::string name;
  EinfallDataType type = {};
  std::vector<uint32_t> dims; ///< numbers of ranks
  bool isOutput = false;
};

struct ParamPlan {
  std::string name;
  EinfallDataType type = {};
  bool hasDefault = false;
};

struct FixedExtent {
  uint32_t rank = 0;
  int64_t extent = 0;
};

/// A number of a part of the package; the plan itself is part 0.
using PartNumber = uint32_t;

/// A program that is launched after another.
struct ProgramPlan {
  std::string entry;
  PartNumber image = 0;
};

struct VersionPlan {
  std::string target;       ///< "cpu", "sm_80"
  std::string architecture; ///< of the CPU: "x86_64"
  /// Instruction sets that a CPU must have, as HostFeatures.h names them.
  std::vector<std::string> features;
  /// Extents that the code relies on.
  std::vector<FixedExtent> fixed;
  std::string note;  ///< for people: how it runs
  std::string entry; ///< the name of the kernel in its image
  /// For the CPU a shared object, for a GPU the image of the emulated device.
  PartNumber image = 0;
  PartNumber ptx = 0, cubin = 0; ///< 0: there is none
  /// Launched in this order when `entry` has ended, with the same arguments and
  /// workspace, from the same code.
  std::vector<ProgramPlan> then;
};

struct KernelPlan {
  std::string name;
  std::vector<RankPlan> ranks;
  std::vector<TensorPlan> tensors; ///< inputs, then outputs
  std::vector<ParamPlan> params;
  /// What callers promise (`require`).
  std::vector<Precondition> preconditions;
  std::vector<VersionPlan> versions;
};

struct Plan {
  std::string producer;
  std::vector<KernelPlan> kernels;
  /// The text that the kernels were compiled from, for those who verify them,
  /// and the name of its file. 0: it was left out.
  PartNumber source = 0;
  std::string sourceName;
};

/// "f32", "bf16", ...
std::string typeName(EinfallDataType type);
/// The type of this name; one of no bits where there is none.
EinfallDataType typeNamed(std::string_view name);

/// The value, or nothing where it leaves 64 bits or divides by zero. Extents
/// that are not known yet are -1.
std::optional<int64_t> evaluate(const Expression &expression,
                                const int64_t *extents);

std::string encode(const Plan &plan);
/// Nothing, with what is wrong in `error`, where the bytes are no plan, exceed
/// the sizes above or name what is not there. `parts` is how many parts the
/// package has.
std::optional<Plan> decode(std::string_view bytes, uint32_t parts,
                           std::string &error);

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_PLAN_H
