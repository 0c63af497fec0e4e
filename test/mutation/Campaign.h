//===- Campaign.h - All mutants of a kernel's programs ----------*- C++ -*-===//
//
// Compiles a kernel for a GPU, makes every mutant of every version of its
// program and tries each, on all threads that are asked for.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_TEST_MUTATION_CAMPAIGN_H
#define EINFALL_TEST_MUTATION_CAMPAIGN_H

#include "test/mutation/Equivalence.h"
#include "test/mutation/Reasons.h"
#include "test/mutation/Trials.h"

#include <functional>

namespace einfall::mutation {

/// A mutant and what noticed it.
struct Tried {
  std::string program; ///< the version of the kernel
  Mutant mutant;
  Outcome outcome;
  std::string launch;  ///< with which it was noticed
  bool proved = false; ///< to be none (Equivalence.h)
  double seconds = 0;
};

struct CampaignOptions {
  /// Extents that the program may rely on; ranks that it has not are left out.
  std::map<std::string, int64_t> fixed;
  /// Launches.h.
  std::vector<LaunchSpec> launches;
  std::string target = "sm_80";
  /// What elements of f32 tensors are made ("bf16"); empty: as written.
  std::string type;
  /// At most so many mutants of a kind and role in a program, evenly spread; 0:
  /// all.
  unsigned sample = 0;
  /// Parts that versions which split the stream have (as `einfall --splits`);
  /// 1: none split or pack rows, 0: as many as the launch asks for.
  unsigned splits = 0;
  /// Versions are tried whose name `only` matches, or all where it is empty,
  /// but those that `without` matches; both are regular expressions.
  std::string only, without;
  unsigned threads = 0; ///< 0: one for every processor
  /// Mutants that a rule explains are tried with the first launches only.
  const Reasons *expected = nullptr;
  /// Told of every mutant as soon as it was tried, from one thread at a time.
  std::function<void(const Tried &)> onTried;
};

/// Everything that was tried with the kernel of `file`; `enumerated` counts all
/// mutants there are. Nothing after an error, which has been reported: that
/// there is nothing to try is one.
struct Campaign {
  std::string kernel;
  std::vector<std::string> versions; ///< that were tried, by name
  size_t enumerated = 0;
  std::vector<Tried> tried;
};
std::optional<Campaign> runCampaign(const std::string &file,
                                    const CampaignOptions &options);

} // namespace einfall::mutation

#endif // EINFALL_TEST_MUTATION_CAMPAIGN_H
