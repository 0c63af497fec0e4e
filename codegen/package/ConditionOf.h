//===- ConditionOf.h - Preconditions that a launch checks -------*- C++ -*-===//

#ifndef EINFALL_CODEGEN_PACKAGE_CONDITIONOF_H
#define EINFALL_CODEGEN_PACKAGE_CONDITIONOF_H

#include "runtime/core/Plan.h"

namespace einfall::cascade {
class KernelOp;
} // namespace einfall::cascade

namespace einfall::package {

/// The preconditions of a kernel whose ranks and parameters `plan` has, in
/// their order. Steps are given to those that speak of extents and scalar
/// parameters alone, with arithmetic that the runtime knows
/// (runtime/core/Condition.h).
std::vector<runtime::Precondition>
preconditionsOf(cascade::KernelOp kernel, const runtime::KernelPlan &plan);

} // namespace einfall::package

#endif // EINFALL_CODEGEN_PACKAGE_CONDITIONOF_H
