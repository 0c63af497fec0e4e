//===- Results.h - Measured choices of tiles, as a file ---------*- C++ -*-===//
//
// What `einfall tune` measured: for a kernel, on a machine, at some extents,
// the seconds of several schedules that were timed in turns. A file holds many
// such records; files are merged, records of other machines, extents or
// versions of a kernel stay apart. Every entry of a file is checked when it is
// read; one that was not written by `einfall tune`, or is damaged, is refused.
//
// docs/tune.md describes the format. No MLIR here.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_TUNE_RESULTS_H
#define EINFALL_FRONTEND_DRIVER_TUNE_RESULTS_H

#include "frontend/driver/Options.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace einfall::driver {

struct TunedCandidate {
  ChosenSchedule schedule;
  double modelled = 0; ///< by the cost model, over its first choice; 0: unknown
  unsigned rounds = 0; ///< that it was timed in
  /// Seconds of a launch: median, 10th and 90th percentile.
  double seconds = 0, low = 0, high = 0;
};

/// One kernel on one machine.
struct TuneRecord {
  std::string kernel;
  std::string hash;      ///< of the kernel as written, without a schedule
  std::string target;    ///< "cpu", "sm_90a"
  std::string processor; ///< as --cpu named it; of GPUs "native"
  std::string machine;   ///< "... (AVX-512), 2 threads"
  std::map<std::string, int64_t> extents;
  std::string version;                    ///< of einfall
  int64_t measured = 0;                   ///< seconds since 1970
  std::vector<TunedCandidate> candidates; ///< the least by the model first

  /// Rounds of the candidate that was timed least.
  unsigned rounds() const;
  /// The fastest by its median; of equals the first.
  const TunedCandidate &best() const;
  bool isOfSame(const TuneRecord &other) const;
};

struct TuneResults {
  std::vector<TuneRecord> records;

  /// Takes `record`; of two that are of the same kernel, machine and extents
  /// the one with more rounds stays, of these the newer one.
  void add(TuneRecord record);
  std::string toText() const;
};

/// Reads a file of results. Errors name the file, the entry and what is wrong.
llvm::Expected<TuneResults> readResults(const std::string &path);
llvm::Expected<TuneResults> parseResults(llvm::StringRef text,
                                         const std::string &origin);

/// "schedule f for cpu { tile p = 768, m = 80 }": pasted into a source it
/// chooses the same again.
std::string scheduleText(const std::string &kernel, const std::string &target,
                         const ChosenSchedule &schedule);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_TUNE_RESULTS_H
