//===- Candidates.h - The shapes that a kernel's tiles may have -*- C++ -*-===//
//
// Every shape of the space that a program's tiles are chosen from, with its
// cost or the reason why it cannot be: what shows that no other was better, and
// what another would break or cost (`explain --why-not`).
//
// The space: rows that a block keeps, keys of a tile, stages of the ring. For
// Hopper's program the plan takes the least of it by the cost model; the
// program without roles has rules instead (BlockPlan.cpp), whose choice is
// shown among the candidates.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_CANDIDATES_H
#define EINFALL_PASSES_SCHEDULE_CANDIDATES_H

#include "passes/Schedule/CostModel.h"

#include "llvm/Support/JSON.h"

namespace einfall {

struct Candidate {
  int64_t rows = 0, keys = 0, stages = 0;
  std::string rejection; ///< empty: it fits
  // Where it fits:
  int64_t threads = 0, registers = 0, sharedBytes = 0;
  BlockCost cost;
};

struct CandidateSpace {
  Staging staging;
  std::string row;                  ///< the rank that rows are of
  std::vector<std::string> streams; ///< the ranks that keys are of
  std::vector<Candidate> candidates;
  std::optional<size_t> chosen;
  /// The chosen one is the least of the space by the cost model.
  bool isLeast() const;
};

/// The space of a version; no candidates where there is no such version, with
/// the `reason`.
CandidateSpace candidatesOf(cascade::KernelOp kernel,
                            const DeviceMachine &machine,
                            const llvm::StringMap<int64_t> &extents,
                            Staging staging, std::string &reason);

/// The staging of the version that a launch with aligned tensors takes first,
/// leaving aside those for few rows.
Staging preferredStaging(cascade::KernelOp kernel, const DeviceMachine &machine,
                         const llvm::StringMap<int64_t> &extents);

/// The space as data for a certificate: costs are exact numbers "n/d" in clocks
/// of a row and a key, with the parts that they are the maxima and sums of.
llvm::json::Object toJson(const CandidateSpace &space, const Machine &machine);

/// What another choice of some sizes, by rank or "stages", breaks or costs
/// against the plan, in words.
std::string whyNot(cascade::KernelOp kernel, const DeviceMachine &machine,
                   const llvm::StringMap<int64_t> &extents,
                   const llvm::StringMap<int64_t> &asked);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_CANDIDATES_H
