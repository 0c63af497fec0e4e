//===- Explain.cpp - einfall explain --------------------------------------===//

#include "frontend/driver/Commands.h"
#include "frontend/driver/Pipeline.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall::driver;

int einfall::driver::explain(const Options &options) {
  Session session(options);
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  std::vector<KernelReport> reports;
  for (cascade::KernelOp kernel : program->kernels(options.kernel)) {
    PipelineOptions pipeline;
    pipeline.target = options.target;
    pipeline.until = options.target == "cpu" ? Stage::Loops : Stage::Device;
    pipeline.fixedExtents = knownExtents(kernel, options, /*defaults=*/true);
    auto result = compileKernel(kernel, pipeline, session);
    if (!result)
      return exitInput;
    reports.push_back(std::move(result->report));
  }
  if (session.diagnostics.hasErrors())
    return exitInput;
  if (!options.json) {
    for (const KernelReport &report : reports)
      print(llvm::outs(), report);
    return exitSuccess;
  }
  llvm::json::Array kernels;
  for (const KernelReport &report : reports)
    kernels.push_back(toJson(report));
  llvm::json::Value value =
      llvm::json::Object{{"version", 1}, {"kernels", std::move(kernels)}};
  llvm::outs() << llvm::formatv("{0:2}", value) << "\n";
  return exitSuccess;
}
