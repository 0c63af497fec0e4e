//===- Compile.cpp - einfall compile --------------------------------------===//

#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Pipeline.h"
#include "frontend/driver/tune/Tuned.h"

using namespace einfall::driver;

int einfall::driver::compile(const Options &options) {
  if (isPackageOutput(options))
    return compilePackage(options);
  Session session(options);
  if (options.targets.size() > 1 || !options.header.empty()) {
    session
        .error(options.header.empty() ? "several targets are for packages only"
                                      : "a header is for packages only")
        .remedy("write -o FILE.efk, or -o FILE.o --header FILE.h");
    return exitUsage;
  }
  std::optional<Stage> stage = options.emit.empty()
                                   ? stageOfPath(options.output)
                                   : stageNamed(options.emit);
  if (!stage) {
    session.error("the suffix of " + options.output + " names no stage")
        .remedy("write --emit=STAGE, or a file that ends with .mlir .ll .s .o "
                ".ptx .cubin .efk .so or .smt2");
    return exitUsage;
  }
  bool isGpu = options.target != "cpu";
  if (isGpu && options.emit.empty() && *stage == Stage::Loops)
    stage = Stage::Device; // the .mlir of a GPU
  bool ofGpu =
      *stage == Stage::Device || *stage == Stage::Ptx || *stage == Stage::Cubin;
  bool ofCpu = *stage == Stage::Schedule || *stage == Stage::Loops ||
               *stage == Stage::LLVM || *stage == Stage::LLVMIR ||
               *stage == Stage::Assembly || *stage == Stage::Object;
  if (isGpu ? ofCpu : ofGpu) {
    session
        .error("target " + options.target + " has no stage " +
               stageName(*stage))
        .remedy(isGpu ? "its stages: cascade, fold, smt2, device, ptx, cubin"
                      : "name a target that has, such as --target sm_80");
    return exitUsage;
  }
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  cascade::KernelOp kernel = program->kernel(options.kernel);
  if (!kernel || !applyTuned(kernel, session))
    return exitInput;
  PipelineOptions pipeline;
  pipeline.until = *stage;
  pipeline.target = options.target;
  pipeline.fixedExtents = knownExtents(kernel, options, /*defaults=*/false);
  auto result = compileKernel(kernel, pipeline, session);
  if (!result)
    return session.isToolMissing ? exitMissing : exitInput;
  if (!session.succeeded(writeFile(options.output, result->text)))
    return exitInput;
  return session.result();
}
