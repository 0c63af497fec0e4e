//===- Faults.h - Faults put into derived kernels ---------------*- C++ -*-===//
//
// The mistakes that kernels of this kind are known for, as changes of the IR of
// a kernel with one `cascade.fold`. A comparison that lets one pass is useless:
// every fault is a test of the error rule.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_NUMERICS_FAULTS_H
#define EINFALL_TEST_NUMERICS_FAULTS_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::numerics {

enum class Fault {
  KeyDropped,      ///< one coordinate of the stream never enters
  MaskOffByOne,    ///< a comparison of the mask is strict, or is not
  RescaleSkipped,  ///< act leaves the last accumulator as it is
  RescaleInverted, ///< act takes the old reference for the new one
  TailUnmasked,    ///< a sum takes in zeros past the end of the keys
  ScaleForgotten,  ///< the factor of the scores is 1
  StaleReference,  ///< the step subtracts nothing
};

llvm::ArrayRef<Fault> allFaults();
llvm::StringRef name(Fault fault);

/// Puts `fault` into `kernel`. False where the kernel has no place for it.
bool inject(cascade::KernelOp kernel, Fault fault);

} // namespace einfall::numerics

#endif // EINFALL_TEST_NUMERICS_FAULTS_H
