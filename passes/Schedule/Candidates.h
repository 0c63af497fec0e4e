//===- Candidates.h - The shapes that a kernel's tiles may have -*- C++ -*-===//
//
// Every shape of the space that a program's tiles are chosen from, with its
// cost or what it needs too much of: what shows that no other was better, and
// what another would break or cost (`explain --why-not`).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_CANDIDATES_H
#define EINFALL_PASSES_SCHEDULE_CANDIDATES_H

#include "passes/Certificate/Choice.h"
#include "passes/Schedule/CostModel.h"
#include "passes/Schedule/TileSpace.h"

#include "llvm/Support/JSON.h"

namespace einfall {

struct Candidate {
  TileShape shape;
  std::optional<Excess> excess; ///< nothing: it fits
  std::string rejection;        ///< the same in words
  // Where it fits:
  int64_t threads = 0, registers = 0, sharedBytes = 0;
  BlockCost cost;
};

struct CandidateSpace {
  BlockPlan plan; ///< as it was chosen
  TileSpace space;
  std::vector<Candidate> candidates; ///< in the order of the space
  /// Nothing where no shape has registers enough.
  std::optional<size_t> chosen;

  size_t fitting() const;
};

/// The space of the version with this staging that shares nothing; nothing and
/// the `reason` where there is no such version.
std::optional<CandidateSpace>
candidatesOf(cascade::KernelOp kernel, const DeviceMachine &machine,
             const llvm::StringMap<int64_t> &extents, Staging staging,
             std::string &reason);

/// The staging of the version that a launch with aligned tensors takes first,
/// leaving aside those for few rows.
Staging preferredStaging(cascade::KernelOp kernel, const DeviceMachine &machine,
                         const llvm::StringMap<int64_t> &extents);

/// That the chosen shape is the least, as a claim that can be derived again.
/// Only where there is one.
certificate::Choice claimOf(const CandidateSpace &space,
                            const Machine &machine);

/// The space as data: costs are exact numbers "n/d" in clocks of a row and a
/// key, with the parts that they are the maxima and sums of.
llvm::json::Object toJson(const CandidateSpace &space, const Machine &machine);

/// What another choice of some sizes, by rank or "stages", breaks or costs
/// against the plan, in words.
std::string whyNot(cascade::KernelOp kernel, const DeviceMachine &machine,
                   const llvm::StringMap<int64_t> &extents,
                   const llvm::StringMap<int64_t> &asked);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_CANDIDATES_H
