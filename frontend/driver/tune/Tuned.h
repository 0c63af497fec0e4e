//===- Tuned.h - Schedules from measured results ----------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_TUNE_TUNED_H
#define EINFALL_FRONTEND_DRIVER_TUNE_TUNED_H

#include "frontend/driver/Pipeline.h"
#include "frontend/driver/tune/Results.h"

namespace einfall::driver {

/// A hash of the kernel as written, without its schedule and without what
/// numbers its ranks are bound to: what results are of.
std::string hashOf(cascade::KernelOp kernel);

/// The processor as results name it, with the number of threads.
std::string tunedMachine(unsigned threads);

/// The record of `kernel` for `target` among `results`, which are of the file
/// `origin`: on this processor, if the target is the CPU; of the extents that
/// -D binds. Null after an error, which says what the file has.
const TuneRecord *findRecord(cascade::KernelOp kernel,
                             const TuneResults &results,
                             const std::string &origin, Session &session);

/// Gives `kernel` the fastest schedule of the results that --tuned names, if it
/// does. False after an error, which has been reported.
bool applyTuned(cascade::KernelOp kernel, Session &session);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_TUNE_TUNED_H
