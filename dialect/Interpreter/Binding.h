//===- Binding.h - A kernel together with its arguments ---------*- C++ -*-===//

#ifndef EINFALL_DIALECT_INTERPRETER_BINDING_H
#define EINFALL_DIALECT_INTERPRETER_BINDING_H

#include "dialect/Interpreter/Interpreter.h"
#include "dialect/Interpreter/Program.h"

namespace einfall::interpreter {

struct Binding {
  cascade::KernelOp kernel;
  std::unique_ptr<Program> program; ///< parameters hold their values
  std::vector<int64_t> extents;     ///< by rank number
  std::vector<Tensor> tensors;      ///< by input number
};

/// Checks `arguments` against the interface of `kernel` and evaluates extents
/// and parameters, in single precision if asked. With `needsData` false the
/// inputs may be missing as long as every extent is known.
mlir::FailureOr<Binding> bind(cascade::KernelOp kernel,
                              const Arguments &arguments, bool single,
                              bool needsData = true);

} // namespace einfall::interpreter

#endif // EINFALL_DIALECT_INTERPRETER_BINDING_H
