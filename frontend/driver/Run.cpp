//===- Run.cpp - einfall run ----------------------------------------------===//

#include "dialect/Interpreter/Compare.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Launcher.h"
#include "frontend/driver/Progress.h"
#include "frontend/driver/TensorFile.h"
#include "frontend/driver/Usage.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;

/// Fills the outputs from the reference interpreter.
static bool interpret(cascade::KernelOp kernel,
                      const KernelArguments &arguments) {
  auto interpreter =
      interpreter::Interpreter::create(kernel, arguments.forInterpreter());
  if (mlir::failed(interpreter))
    return false;
  for (auto [info, tensor] :
       llvm::zip_equal(arguments.interface.outputs, arguments.getOutputs())) {
    auto values = interpreter->evaluateAll(interpreter->getOutput(info.name));
    if (mlir::failed(values))
      return false;
    for (auto [i, value] : llvm::enumerate(*values))
      interpreter::storeElement(tensor.view.element, tensor.view.data, i,
                                value);
  }
  return true;
}

/// What inputs that were not given hold.
static void printRandom(const KernelArguments &arguments,
                        const Options &options) {
  std::string text = arguments.describeRandom(options);
  if (!text.empty())
    llvm::outs() << text << "\n";
}

static bool writeOutputs(const KernelArguments &arguments, Session &session) {
  std::vector<OutputFile> files;
  for (const auto &[name, path] : session.options.outputs)
    for (auto [info, tensor] :
         llvm::zip_equal(arguments.interface.outputs, arguments.getOutputs()))
      if (name.empty() || info.name == name)
        files.push_back({path, info.name, &tensor});
  return session.succeeded(writeTensorFiles(files));
}

/// Compares the outputs with the reference interpreter and prints the reports.
/// The exit code.
static int verify(Launcher &launcher, Session &session) {
  auto checker = interpreter::Checker::create(
      launcher.kernel, launcher.arguments->forInterpreter(), {},
      session.options.tf32);
  if (mlir::failed(checker))
    return exitInput;
  bool good = true;
  for (auto [info, tensor] :
       llvm::zip_equal(launcher.arguments->interface.outputs,
                       launcher.arguments->getOutputs())) {
    std::optional<Progress> progress(session.options.quiet);
    progress->say("comparing " + info.name + " with the interpreter");
    auto report = checker->check(info.name, tensor.view);
    progress.reset();
    if (mlir::failed(report))
      return exitInput;
    llvm::outs() << report->text() << "\n";
    good &= report->accepted;
  }
  if (good)
    return exitSuccess;
  session.error("the result is wrong: this is a fault of the compiler");
  return exitInternal;
}

int einfall::driver::run(const Options &options) {
  Session session(options);
  if (!targetOfDevice(options.device)) {
    auto error = session.error("there is no device `" + options.device + "`");
    std::string all = deviceNames();
    std::vector<std::string> names;
    for (llvm::StringRef name : llvm::split(all, ", "))
      names.push_back(name.str());
    if (std::string near = nearestName(options.device, names); !near.empty())
      error.remedy("did you mean `" + near + "`?");
    error.remedy("devices of this build: " + all);
    return exitMissing;
  }
  if (options.interpret) {
    std::unique_ptr<Program> program = Program::load(session);
    cascade::KernelOp kernel =
        program ? program->kernel(options.kernel) : cascade::KernelOp();
    if (!kernel)
      return exitInput;
    auto arguments = KernelArguments::create(
        kernel, session, program->randomRanges(kernel), program->fixedExtents);
    if (!arguments || !interpret(kernel, *arguments) ||
        !writeOutputs(*arguments, session))
      return exitInput;
    llvm::outs() << arguments->interface.name << " ["
                 << arguments->describeExtents() << "] interpreted\n";
    printRandom(*arguments, options);
    return session.result();
  }
  std::optional<Progress> progress(options.quiet);
  progress->say("compiling");
  std::unique_ptr<Launcher> launcher = Launcher::create(session);
  if (!launcher)
    return session.isToolMissing ? exitMissing : exitInput;
  progress->say("running on " + launcher->place());
  std::optional<double> seconds = launcher->launch();
  progress.reset();
  if (!seconds)
    return exitInternal;
  llvm::outs() << launcher->arguments->interface.name << " ["
               << launcher->arguments->describeExtents()
               << (isPackage(options.file) ? "] loaded in " : "] compiled in ")
               << llvm::format("%.2f s", launcher->compileSeconds)
               << ", ran in " << llvm::format("%.3f ms", *seconds * 1e3)
               << " on " << launcher->place() << "\n";
  if (options.counters)
    llvm::outs() << launcher->counted();
  int code = options.verify ? verify(*launcher, session) : exitSuccess;
  printRandom(*launcher->arguments, options);
  if (code != exitSuccess)
    return code;
  if (!writeOutputs(*launcher->arguments, session))
    return exitInput;
  return session.result();
}
