//===- Roles.h - What an operation of a device program is for ---*- C++ -*-===//
//
// Words for mutants, read off the program alone: a comparison is known by what
// it is compared with and by what depends on it.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_ROLES_H
#define EINFALL_TEST_MUTATION_ROLES_H

#include "dialect/Device/Device.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <optional>
#include <string>

namespace einfall::mutation {

/// The selection of the next stage in a ring: its size and a stage's, in bytes.
struct Ring {
  int64_t bytes, stage;
};
std::optional<Ring> ringOf(mlir::arith::SelectOp select);
/// True where a remainder finds the stage of an iteration.
bool isRing(mlir::arith::RemUIOp remainder);
/// Of the first such selection of a kernel.
std::optional<Ring> ringOf(device::KernelOp kernel);

std::optional<int64_t> integerOf(mlir::Value value);
/// True for an infinity: what stands for no value of a maximum or minimum.
bool isSentinel(mlir::Value value);

/// "prologue", "stream", "inner loop", "staging".
std::string placeOf(mlir::Operation *op);
/// "copy, store; < |m|": what depends on a comparison, and its right side.
std::string roleOf(mlir::arith::CmpIOp compare);
std::string roleOf(mlir::arith::SelectOp select);
std::string roleOf(mlir::scf::ForOp loop);
/// Parameters that a value of the grid is computed from: "stride K.1".
std::string parametersOf(mlir::Value value);

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_ROLES_H
