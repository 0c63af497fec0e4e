//===- Tuned.cpp - Schedules from measured results ------------------------===//

#include "frontend/driver/tune/Tuned.h"
#include "dialect/Cascade/Schedules.h"

#include "frontend/driver/Probes.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace einfall;
using namespace einfall::driver;

std::string einfall::driver::hashOf(cascade::KernelOp kernel) {
  mlir::OwningOpRef<cascade::KernelOp> copy(kernel.clone());
  cascade::setSchedules(*copy, {});
  // Neither does what -D and `default` bind ranks to.
  for (auto rank :
       llvm::make_early_inc_range(copy->getBody().getOps<cascade::RankOp>())) {
    mlir::Operation *extent =
        rank.getExtent() ? rank.getExtent().getDefiningOp() : nullptr;
    if (extent && !llvm::isa<cascade::ConstOp>(extent))
      continue;
    rank.erase();
    if (extent && extent->use_empty())
      extent->erase();
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os, mlir::OpPrintingFlags().useLocalScope());
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(text));
  return llvm::toHex(digest, /*LowerCase=*/true).substr(0, 32);
}

std::string einfall::driver::tunedMachine(unsigned threads) {
  return describeProcessor() + ", " + std::to_string(threads) +
         (threads == 1 ? " thread" : " threads");
}

static std::string extentsOf(const TuneRecord &record) {
  std::string text;
  for (const auto &[rank, extent] : record.extents)
    text += (text.empty() ? "" : ", ") + rank + " = " + std::to_string(extent);
  return text;
}

/// The machine without its threads.
static llvm::StringRef processorOf(llvm::StringRef machine) {
  return machine.rsplit(", ").first;
}

const TuneRecord *einfall::driver::findRecord(cascade::KernelOp kernel,
                                              const TuneResults &results,
                                              const std::string &origin,
                                              Session &session) {
  const Options &options = session.options;
  std::string name = kernel.getSymName().str(), hash = hashOf(kernel);
  std::string here = describeProcessor();
  std::vector<const TuneRecord *> left;
  std::string reason = "it has no results of the kernel";
  unsigned stage = 0; // how far a record came
  auto stop = [&](unsigned at, const std::string &why) {
    if (at >= stage)
      stage = at, reason = why;
  };
  for (const TuneRecord &record : results.records) {
    if (record.kernel != name)
      continue;
    if (record.hash != hash) {
      stop(1, "its results are of another version of the kernel");
      continue;
    }
    if (record.target != options.target ||
        (record.target == "cpu" && record.processor != options.processor)) {
      stop(2, "its results are for " + record.target +
                  (record.target == "cpu" ? " (--cpu " + record.processor + ")"
                                          : ""));
      continue;
    }
    if (record.target == "cpu" && processorOf(record.machine) != here) {
      stop(3, "its results are of " + processorOf(record.machine).str() +
                  "; this is " + here);
      continue;
    }
    auto differs = llvm::find_if(options.defines, [&](const auto &define) {
      auto found = record.extents.find(define.first);
      return found != record.extents.end() && found->second != define.second;
    });
    if (differs != options.defines.end()) {
      stop(4, "its results are at " + extentsOf(record));
      continue;
    }
    left.push_back(&record);
  }
  if (left.size() == 1)
    return left.front();
  if (left.empty()) {
    session.error(origin + " says no schedule of `" + name + "`: " + reason)
        .remedy("measure it with `einfall tune`");
    return nullptr;
  }
  auto error = session.error(origin + " has " + llvm::Twine(left.size()) +
                             " results of `" + name + "` that fit");
  for (const TuneRecord *record : left)
    error.note("on " + record->machine + " at " + extentsOf(*record));
  error.remedy("choose one by its extents, with -D");
  return nullptr;
}

bool einfall::driver::applyTuned(cascade::KernelOp kernel, Session &session) {
  const std::string &path = session.options.tuned;
  if (path.empty())
    return true;
  llvm::Expected<TuneResults> results = readResults(path);
  if (!results)
    return session.succeeded(results.takeError());
  const TuneRecord *record = findRecord(kernel, *results, path, session);
  if (!record)
    return false;
  setSchedule(kernel, record->best().schedule);
  return true;
}
