//===- Schedules.cpp - What the user fixes of a kernel's schedule ---------===//

#include "dialect/Cascade/Schedules.h"

#include "llvm/ADT/STLExtras.h"

using namespace einfall;
using namespace einfall::cascade;
using mlir::ArrayAttr;
using mlir::DictionaryAttr;
using mlir::StringAttr;

static constexpr llvm::StringLiteral attribute = "cascade.schedules";

llvm::SmallVector<TargetedSchedule> cascade::schedulesOf(KernelOp kernel) {
  llvm::SmallVector<TargetedSchedule> found;
  if (DictionaryAttr schedule = kernel.getScheduleAttr())
    found.push_back({"", schedule});
  if (auto all = kernel->getAttrOfType<ArrayAttr>(attribute))
    for (auto entry : all.getAsRange<DictionaryAttr>()) {
      auto target = entry.getAs<StringAttr>("for");
      if (auto schedule = entry.getAs<DictionaryAttr>("schedule"))
        found.push_back({target ? target.getValue() : "", schedule});
    }
  return found;
}

void cascade::setSchedules(KernelOp kernel,
                           llvm::ArrayRef<TargetedSchedule> schedules) {
  kernel.removeScheduleAttr();
  kernel->removeAttr(attribute);
  if (schedules.empty())
    return;
  if (llvm::all_of(schedules,
                   [](const auto &one) { return one.target.empty(); })) {
    if (!schedules.back().schedule.empty())
      kernel.setScheduleAttr(schedules.back().schedule);
    return;
  }
  mlir::Builder builder(kernel.getContext());
  llvm::SmallVector<mlir::Attribute> entries;
  for (const TargetedSchedule &one : schedules) {
    llvm::SmallVector<mlir::NamedAttribute, 2> entry{
        builder.getNamedAttr("schedule", one.schedule)};
    if (!one.target.empty())
      entry.push_back(
          builder.getNamedAttr("for", builder.getStringAttr(one.target)));
    entries.push_back(builder.getDictionaryAttr(entry));
  }
  kernel->setAttr(attribute, builder.getArrayAttr(entries));
}

void cascade::chooseSchedule(KernelOp kernel, llvm::StringRef target) {
  std::optional<TargetedSchedule> chosen;
  for (const TargetedSchedule &one : schedulesOf(kernel))
    if (one.target.empty() || one.target == target)
      chosen = {"", one.schedule};
  if (chosen)
    setSchedules(kernel, *chosen);
  else
    setSchedules(kernel, {});
}
