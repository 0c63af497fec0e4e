//===- Values.h - The integers of a device program as forms -----*- C++ -*-===//
//
// What is a program's own: parameters, blocks and lanes, and what lanes tell
// each other.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_VALUES_H
#define EINFALL_PASSES_TRAFFIC_VALUES_H

#include "passes/Traffic/Integers.h"
#include "passes/Traffic/Walk.h"

namespace einfall::traffic {

class Values : public Integers {
public:
  Values(device::KernelOp kernel, Pool &pool, const Parameters &parameters);

  /// Blocks along x, y, z, and the warp in its block.
  Ref blocks[3], warp;

private:
  Ref ofParameter(mlir::BlockArgument argument) override;
  Ref ofOther(mlir::Operation *op) override;
  Ref truthOfOther(mlir::Operation *op) override;
  bool findReads(mlir::Operation *op, Visit visit,
                 std::set<std::string> &to) override;
  Ref shuffled(device::ShuffleOp op);
  Ref shared(device::LoadOp load);

  device::KernelOp kernel;
  const Parameters &parameters;
};

/// The parameter whose memory an address is in, or "".
std::string tensorAt(Ref address);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_VALUES_H
