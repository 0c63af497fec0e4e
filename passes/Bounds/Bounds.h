//===- Bounds.h - What any schedule of a kernel must move -------*- C++ -*-===//
//
// Finds lower bounds on the traffic of a cascade, as written, over every memory
// boundary of a machine, and says why each holds: a certificate, whose every
// number the checker derives again (passes/Certificate). The kinds of bounds
// and what they rest on are in docs/decisions/0009-bounds-and-certificates.md.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_BOUNDS_BOUNDS_H
#define EINFALL_PASSES_BOUNDS_BOUNDS_H

#include "codegen/targets/Machine.h"
#include "passes/Certificate/Certificate.h"

#include "llvm/ADT/StringMap.h"

namespace einfall {
namespace cascade {
class KernelOp;
} // namespace cascade
struct PassReport;

namespace bounds {

struct BoundsOptions {
  /// Extents of the ranks; those that the kernel computes need not be there.
  llvm::StringMap<int64_t> extents;
  /// Parameters that are not at their defaults.
  std::map<std::string, double> parameters;
  std::string target;
  /// SHA-256 of the source's text.
  std::string source;
};

struct BoundsResult {
  certificate::Certificate certificate;
  /// Why some bound is not claimed, for readers.
  std::vector<std::string> notes;
  /// What the sums of products of the cascade take: a product and a sum are
  /// two.
  double flop = 0;
};

/// The extents of all ranks: those of the options, and what the kernel computes
/// from them and from its parameters. Fails where one of a tensor is not known.
llvm::Expected<std::map<std::string, int64_t>>
extentsOf(cascade::KernelOp kernel, const BoundsOptions &options);

/// The bounds of `kernel`, a cascade as written; `derived` counts the passes
/// that its derived form makes. Fails where an extent is not known.
llvm::Expected<BoundsResult> boundsOf(cascade::KernelOp kernel,
                                      const PassReport &derived,
                                      const Machine &machine,
                                      const BoundsOptions &options);

} // namespace bounds
} // namespace einfall

#endif // EINFALL_PASSES_BOUNDS_BOUNDS_H
