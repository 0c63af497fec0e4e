//===- Report.h - What the compiler did with a kernel -----------*- C++ -*-===//
//
// The content of `einfall explain`, as text and as JSON. The JSON is described
// by docs/explain.schema.json, which a test checks it against; a change here is
// a change there.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_REPORT_H
#define EINFALL_FRONTEND_DRIVER_REPORT_H

#include "passes/Certificate/SizeChoice.h"

#include "llvm/Support/JSON.h"

#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace einfall::driver {

/// One barrier of a certificate.
struct ChainLink {
  unsigned pass = 0;
  std::string name, what, place;
};

struct RankReport {
  std::string rank;
  unsigned written = 0;
  unsigned derived = 0;
  /// Why the written cascade needs that many.
  std::vector<ChainLink> chain;
  /// Why the derived one does.
  std::vector<ChainLink> derivedChain;
};

/// One use of a rule, or the rule that failed.
struct RuleReport {
  std::string rule;  ///< "R2"
  std::string place; ///< "attention.ein:7:14"
  std::string text;
  bool applied = true;
};

struct ObligationReport {
  std::string name, rule, place;
  std::string hash;
  std::string verdict; ///< "proved", "refuted", "unknown"
  double seconds = 0;
  bool cached = false;
};

struct KernelReport {
  std::string kernel;
  std::vector<RankReport> passes;
  std::vector<RuleReport> rules;
  std::vector<ObligationReport> obligations;
  /// How the kernel is run: "tiles", "loops", ...
  std::string planKind;
  std::vector<std::pair<std::string, std::string>> plan;
  /// All tiles that a GPU's program could have, with their modelled costs as
  /// exact numbers (passes/Schedule/Candidates.h).
  std::optional<llvm::json::Value> choice;
  /// That the chosen tiles are the least of them, for the certificate.
  std::optional<certificate::Choice> claim;
  std::optional<certificate::SizeChoice> sizes; ///< the same of the CPU's
};

llvm::json::Value toJson(const KernelReport &report);
void print(llvm::raw_ostream &os, const KernelReport &report);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_REPORT_H
