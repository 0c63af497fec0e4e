//===- Grid.h - What a launch of a device image comes to --------*- C++ -*-===//
//
// Evaluates the grid program of an image: how many blocks there are, whether
// the kernel is one for these arguments, and the tensors that its maps
// describe. Every device launches by it, an emulated and a real one, so that
// both obey one text. It computes with integers only and touches no memory
// beyond its own stack.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_DEVICES_EMULATED_GRID_H
#define EINFALL_RUNTIME_DEVICES_EMULATED_GRID_H

#include "runtime/devices/emulated/Program.h"

#include <array>

namespace einfall::emulated {

/// A tensor in global memory that a map describes: elements along each
/// dimension, the innermost first, and strides in bytes of all but that.
struct TensorMap {
  uint64_t base = 0;
  std::array<uint64_t, 5> extents = {};
  std::array<uint64_t, 4> strides = {};
};

struct Grid {
  /// Blocks along x, y and z.
  std::array<uint64_t, 3> blocks = {0, 0, 0};
  /// False where the kernel relies on something that the arguments do not have.
  bool applies = false;
  /// Bytes of the workspace.
  uint64_t workspace = 0;
  /// Where an evaluation stopped, and why; null where it did not.
  const char *fault = nullptr;
  uint32_t location = 0;

  bool isEmpty() const { return !blocks[0] || !blocks[1] || !blocks[2]; }
};

class GridProgram {
public:
  /// Of an image that `validate` accepted.
  explicit GridProgram(const Image &image);

  /// `arguments` are the bits of the image's parameters, where that of the
  /// workspace may be anything, and `maps` has room for its maps. Allocates
  /// nothing.
  Grid evaluate(const uint64_t *arguments, TensorMap *maps) const;

  /// True where the kernel is one for any arguments.
  bool isUnconditional() const;

private:
  struct Step {
    Opcode opcode;
    uint16_t sub;
    uint32_t location, operands;
    /// If: its Else or EndIf; Else: its EndIf; Loop: its Next; Next: its Loop.
    uint32_t partner = 0;
    uint64_t immediate;
  };
  uint32_t words, masks, mapCount;
  std::vector<Step> steps;
  std::vector<uint32_t> operands;
};

/// Whether a grid program may hold it.
bool isOfGrid(Opcode opcode);

/// What no device can launch, or nothing: more blocks than a grid has, or maps
/// that cuTensorMapEncodeTiled refuses. Of a grid that is not empty.
std::optional<std::string> findFault(const Image &image, const Grid &grid,
                                     const TensorMap *maps);

} // namespace einfall::emulated

#endif // EINFALL_RUNTIME_DEVICES_EMULATED_GRID_H
