//===- Passes.h - The passes of derivation ----------------------*- C++ -*-===//
//
// Thin wrappers for einfall-opt; the compiler calls the functions behind them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_DERIVE_PASSES_H
#define EINFALL_PASSES_DERIVE_PASSES_H

namespace einfall {

/// Registers --print-passes and --derive-folds.
void registerDerivePasses();

} // namespace einfall

#endif // EINFALL_PASSES_DERIVE_PASSES_H
