//===- Explanation.h - What a kernel moves, and why -------------*- C++ -*-===//
//
// Puts together what `einfall explain` says beside the derivation: the bounds
// of a kernel on a machine, the traffic of the schedule that was chosen, how
// far they are apart, and the pipeline of a tile. As text, and as a
// certificate.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_EXPLAIN_EXPLANATION_H
#define EINFALL_FRONTEND_DRIVER_EXPLAIN_EXPLANATION_H

#include "frontend/driver/Pipeline.h"
#include "passes/Bounds/Bounds.h"
#include "passes/Derive/Equations.h"
#include "passes/Schedule/Timeline.h"

namespace einfall::driver {

struct Explanation {
  bounds::BoundsResult bounds;
  /// Empty where there are bounds.
  std::string whyNoBounds;
  std::vector<Equation> derived;
  Timeline timeline;
  /// The version that a launch with these extents takes; empty on the CPU.
  std::string program;
  double clockHz = 1;
  /// Bytes that the emulated device counted between L2 and the SMs, or that a
  /// processor was asked for of tensors.
  std::optional<uint64_t> counted;
};

struct ExplainedKernel {
  KernelReport report;
  Explanation explanation;
};

/// Explains `kernel` of `program`, which the pipeline compiles as its options
/// say, on `machine`. Nothing after an error, which has been reported.
std::optional<ExplainedKernel>
explainKernel(cascade::KernelOp kernel, PipelineOptions pipeline,
              const Machine &machine, const Program &program, Session &session);

/// Runs `kernel` with random inputs and the extents of its explanation, and
/// counts: on the emulated device of the target of the options what it moves,
/// on this processor what it asks of tensors, divided as for the cores of
/// `machine`. An exit code, after an error that has been reported: exitInternal
/// where the count contradicts what the explanation claims.
int count(ExplainedKernel &kernel, const Machine &machine, Session &session);

/// How a count of bytes contradicts what `certificate` claims of the innermost
/// boundary, or, on the processor, of what is asked of tensors; empty: it does
/// not.
std::string contradiction(const certificate::Certificate &certificate,
                          uint64_t counted, bool onCpu);

/// The bounds beside the schedule, a line for each boundary.
void print(llvm::raw_ostream &os, const Explanation &explanation);
/// The same as a page.
struct PageContent;
PageContent pageOf(const ExplainedKernel &kernel, const Program &program,
                   const Machine &machine, llvm::StringRef target);

/// "attention, theorem 1 (a): (E + F)^2 P / M".
std::string describe(const certificate::Bound &bound);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_EXPLAIN_EXPLANATION_H
