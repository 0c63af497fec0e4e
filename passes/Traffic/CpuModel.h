//===- CpuModel.h - What a CPU schedule moves, as a model -------*- C++ -*-===//
//
// Caches choose what they keep, so what crosses between them is not counted but
// modelled: as an ideal cache of the level's capacity would, which keeps what
// the schedule means it to keep. That it has room for that is an inequality of
// the claim (certificate::ScheduleTraffic::Fit), which the checker looks at;
// where it has none, the model takes the thing to be fetched again.
//
//   all that a level is asked for fits     each unit of the level moves a
//   tensor
//     into it                              once, or what is asked of it
//   else, a level that cores share         what cores read alike at one time is
//                                          moved once: min(asked, items / cores
//                                          rounded up, times the tensor)
//   else                                   what the program asks of tensors
//
// The workspace of a core crosses into a level that has room for all of it
// never (what it holds is made there). Into a smaller one, for each visit of a
// tile by a group of rows,
//
//   products   the rows' operands and the tile's panel, in; scores out
//   weights    scores in; weights stay
//   sums       the tile's other panel, in; the states in and out
//
// and for each tile the panels out, when they are packed. The rows' operands
// stay while a block of keys is multiplied with them, and weights for all
// features, where these fit; a visit that a mask cuts into parts is taken as
// one. Of programs without tiles, all that is asked of the workspace crosses.
//
// Not modelled: lines that are fetched for a part, prefetches that come too
// early, and ways.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_TRAFFIC_CPUMODEL_H
#define EINFALL_PASSES_TRAFFIC_CPUMODEL_H

#include "passes/Certificate/Certificate.h"
#include "passes/Traffic/CpuTraffic.h"

namespace einfall::traffic {

/// A level of memory, from outside inwards.
struct CpuLevel {
  std::string memory;
  int64_t units; ///< of the whole machine
  int64_t bytes; ///< of one
};

/// What crosses into each of `levels`; totals are left out. `cores` run the
/// items. Error: an extent that is needed has no value.
llvm::Expected<std::vector<certificate::ScheduleTraffic>>
cpuModelOf(const CpuTraffic &traffic, const cascade::KernelInterface &interface,
           const std::map<std::string, int64_t> &extents,
           llvm::ArrayRef<CpuLevel> levels, int64_t cores);

} // namespace einfall::traffic

#endif // EINFALL_PASSES_TRAFFIC_CPUMODEL_H
