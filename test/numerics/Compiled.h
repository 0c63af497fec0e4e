//===- Compiled.h - A kernel compiled for this processor --------*- C++ -*-===//

#ifndef EINFALL_TEST_NUMERICS_COMPILED_H
#define EINFALL_TEST_NUMERICS_COMPILED_H

#include "codegen/cpu/CpuModule.h"
#include "dialect/Cascade/Cascade.h"
#include "dialect/Interpreter/Random.h"

#include <memory>
#include <string>

namespace einfall::numerics {

/// The ways from a cascade to code.
enum class Lowering {
  Loops, ///< as written, element by element
  Rows,  ///< derived, one row and one split of the stream at a time
  Tiles, ///< derived, tiles of rows in vectors
};

/// Dialects and passes that the lowerings need.
void loadLoweringDialects(mlir::MLIRContext &context);

class Compiled {
public:
  /// Compiles a copy of `written`. Null with a reason where the lowering does
  /// not take this kernel; `failed` tells that apart from an error.
  static std::unique_ptr<Compiled>
  compile(cascade::KernelOp written, Lowering lowering,
          const llvm::StringMap<int64_t> &extents, std::string &reason,
          bool &failed);

  /// Runs on two threads with every workspace and output full of NaN. One
  /// tensor per output, in the kernel's order.
  std::vector<interpreter::OwnedTensor>
  run(const interpreter::Arguments &arguments,
      interpreter::Layout layout = interpreter::Layout::Dense);

private:
  cascade::KernelOp written;
  std::unique_ptr<cpu::CpuModule> code;
  cpu::CpuKernel entry{};
};

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_COMPILED_H
