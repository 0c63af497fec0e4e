//===- Memory.h - What a schedule moves from HBM, as a model ----*- C++ -*-===//
//
// Traffic between HBM and L2 is not counted anywhere, as it depends on which
// blocks run when and on what a cache keeps. It is modelled:
//
//   * where all tensors and the workspace fit into L2 together, each is moved
//   once:
//     that is compulsory;
//   * else the blocks that run at one time (a wave) read out of L2 what they
//   read
//     alike, as they go through it together, and the next wave reads it again:
//     a tensor comes to its bytes for each wave, and to no more than its
//     sectors.
//
// Not modelled: sectors that a mask leaves out, what one wave leaves for the
// next in an L2 that is too small for all, lines that are fetched for a part.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_MEMORY_H
#define EINFALL_PASSES_TRAFFIC_MEMORY_H

#include "passes/Traffic/Traffic.h"

namespace einfall::traffic {

struct MemoryModel {
  int64_t blocksAtOnce; ///< on the whole machine
  int64_t cacheBytes;   ///< of L2
};

struct MemoryTerm {
  std::string what; ///< a tensor, or "workspace"
  certificate::Expression bytes;
};

/// To be labelled "modelled", as all of it is.
struct MemoryTraffic {
  std::vector<MemoryTerm> terms;
  /// 1 where everything fits into L2, so that each tensor is moved once.
  certificate::Expression isCompulsory;
  certificate::Expression total() const;
};

MemoryTraffic memoryTrafficOf(const Traffic &traffic,
                              const cascade::KernelInterface &interface,
                              const llvm::StringMap<int64_t> &fixed,
                              const MemoryModel &model);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_MEMORY_H
