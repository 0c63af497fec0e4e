//===- KernelPlanOf.h - The launch plan of a kernel -------------*- C++ -*-===//
//
// Reads off a kernel as written what its callers have to give: tensors, scalar
// parameters, ranks and the expressions of their extents. Versions are added by
// whoever compiles them.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_PACKAGE_KERNELPLANOF_H
#define EINFALL_CODEGEN_PACKAGE_KERNELPLANOF_H

#include "runtime/core/Plan.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace einfall::cascade {
class KernelOp;
} // namespace einfall::cascade

namespace einfall::package {

/// `fixed` are extents bound when the kernel is compiled; those that no tensor
/// has become part of the plan.
///
/// Errors: an element type that is no whole number of bytes, an extent that is
/// no integer expression of other extents, a size beyond runtime/core/Plan.h.
llvm::Expected<runtime::KernelPlan>
kernelPlanOf(cascade::KernelOp kernel, const llvm::StringMap<int64_t> &fixed);

/// The fixed extents of ranks of `plan`, in the order of its ranks.
std::vector<runtime::FixedExtent>
fixedExtents(const runtime::KernelPlan &plan,
             const llvm::StringMap<int64_t> &fixed);

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_KERNELPLANOF_H
