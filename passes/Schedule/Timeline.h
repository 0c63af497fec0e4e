//===- Timeline.h - When the parts of a block's work are done ---*- C++ -*-===//
//
// Plays the trace of a block (BlockTrace.h) on the units of one SM at their
// peak rates: copies share one way from L2, products one set of matrix units,
// exponentials and other arithmetic one set of each; waits and barriers are
// obeyed as the program states them. No latencies, no conflicts, no other
// block: it shows what overlaps and what stands in line, and the least time a
// tile can take by this program. A model, and labelled so wherever it is shown.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_SCHEDULE_TIMELINE_H
#define EINFALL_PASSES_SCHEDULE_TIMELINE_H

#include "codegen/targets/Machine.h"
#include "passes/Schedule/BlockTrace.h"

namespace einfall {

/// Work of one kind in one piece, in clocks of the machine.
struct TimelineSpan {
  unsigned group; ///< of BlockTrace
  BlockEvent::Kind kind;
  double begin, end;
  int64_t tile;
};

struct Timeline {
  std::vector<std::string> groups;
  std::vector<TimelineSpan> spans;
  /// Of one tile in the steady state: of the last that was played, from the
  /// end of the one before. 0: fewer than three were.
  double clocksPerTile = 0;
  /// Clocks of that in which each unit works.
  double copyClocks = 0, matrixClocks = 0, specialClocks = 0,
         arithmeticClocks = 0;
  /// Warps that wait for what nobody does: the trace is incomplete, and there
  /// is nothing to show.
  bool isStuck = false;
};

Timeline playTrace(const std::vector<WarpGroupTrace> &trace,
                   const Machine &machine);

} // namespace einfall

#endif // EINFALL_PASSES_SCHEDULE_TIMELINE_H
