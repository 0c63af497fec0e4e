//===- Compile.cpp - einfall compile --------------------------------------===//

#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Pipeline.h"

using namespace einfall::driver;

int einfall::driver::compile(const Options &options) {
  Session session(options);
  std::optional<Stage> stage = options.emit.empty()
                                   ? stageOfPath(options.output)
                                   : stageNamed(options.emit);
  if (!stage) {
    session.error("the suffix of " + options.output + " names no stage")
        .remedy("write --emit=STAGE, or a file that ends with .mlir .ll .s .o "
                "or .smt2");
    return exitUsage;
  }
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  cascade::KernelOp kernel = program->kernel(options.kernel);
  if (!kernel)
    return exitInput;
  PipelineOptions pipeline;
  pipeline.until = *stage;
  pipeline.target = options.target;
  pipeline.fixedExtents = knownExtents(kernel, options, /*defaults=*/false);
  auto result = compileKernel(kernel, pipeline, session);
  if (!result || !session.succeeded(writeFile(options.output, result->text)))
    return exitInput;
  return session.result();
}
