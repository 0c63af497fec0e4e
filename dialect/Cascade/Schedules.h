//===- Schedules.h - What the user fixes of a kernel's schedule -*- C++ -*-===//
//
// A source may have several schedules for a kernel, some for one target. As
// long as the target is open they are all in the attribute
// `cascade.schedules`, in the order of the source, as dictionaries:
//
//   cascade.schedules = [{schedule = {tile = {m = 64}}},
//                        {for = "sm_90a", schedule = {stages = 2}}]
//
// What passes obey is the kernel's own `schedule`: `chooseSchedule` sets it for
// a target. A source whose schedules are all for every target sets it at once.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_DIALECT_CASCADE_SCHEDULES_H
#define EINFALL_DIALECT_CASCADE_SCHEDULES_H

#include "dialect/Cascade/Cascade.h"

namespace einfall::cascade {

/// A schedule and what it is for; an empty target is every target.
struct TargetedSchedule {
  llvm::StringRef target;
  mlir::DictionaryAttr schedule;
};

/// Those of `kernel`, the last of them the strongest.
llvm::SmallVector<TargetedSchedule> schedulesOf(KernelOp kernel);

/// Gives `kernel` these schedules in place of those it has.
void setSchedules(KernelOp kernel, llvm::ArrayRef<TargetedSchedule> schedules);

/// Leaves `kernel` the last of its schedules that is for `target`, or none.
void chooseSchedule(KernelOp kernel, llvm::StringRef target);

} // namespace einfall::cascade

#endif // EINFALL_DIALECT_CASCADE_SCHEDULES_H
