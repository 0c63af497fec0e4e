//===- Package.cpp - einfall compile -o k.efk, einfall inspect ------------===//

#include "codegen/package/Embed.h"
#include "codegen/package/HostLibrary.h"
#include "codegen/package/TvmFfiModule.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/PackageCompiler.h"
#include "frontend/driver/Progress.h"
#include "frontend/driver/tune/Tuned.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;

/// A shared object that TVM-FFI loads.
static bool isTvmFfiModule(const Options &options) {
  return options.emit.empty() ? llvm::StringRef(options.output).ends_with(".so")
                              : options.emit == "so";
}

bool einfall::driver::isPackageOutput(const Options &options) {
  if (!options.emit.empty())
    return options.emit == "efk" || options.emit == "so";
  return llvm::StringRef(options.output).ends_with(".efk") ||
         isTvmFfiModule(options) || !options.header.empty();
}

int einfall::driver::compilePackage(const Options &options) {
  Session session(options);
  bool isModule = isTvmFfiModule(options);
  if (isModule && !options.header.empty()) {
    session.error("a module of TVM-FFI needs no header")
        .remedy("leave --header out, or write -o FILE.o");
    return exitUsage;
  }
  if (!options.header.empty() &&
      !llvm::StringRef(options.output).ends_with(".o")) {
    session
        .error("--header declares what an object embeds, and " +
               options.output + " is none")
        .remedy("write -o FILE.o --header FILE.h");
    return exitUsage;
  }
  if (options.processor != "native") {
    session.error("packages hold code for the processor that compiles them")
        .remedy("--cpu is for run, bench and stages such as .s and .o");
    return exitUsage;
  }
  if (!options.tuned.empty() && options.targets.size() > 1) {
    session.error("schedules of --tuned are for one target")
        .remedy("compile a package for each");
    return exitUsage;
  }
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  PackageCompiler compiler(session);
  auto kernels = program->kernels(options.kernel);
  for (cascade::KernelOp kernel : kernels)
    if (!applyTuned(kernel, session))
      return exitInput;
  {
    Progress progress(options.quiet);
    for (auto [i, kernel] : llvm::enumerate(kernels)) {
      progress.say(llvm::formatv(
          "compiling {0} for {1} ({2} of {3})", kernel.getSymName(),
          llvm::join(options.targets, ", "), i + 1, kernels.size()));
      if (!compiler.add(kernel, options.targets,
                        knownExtents(kernel, options, /*defaults=*/false)))
        return session.isToolMissing ? exitMissing : exitInput;
    }
  }
  if (kernels.empty())
    return exitInput;
  if (options.source)
    compiler.addSource(llvm::sys::path::filename(program->sourceName),
                       program->sourceText);
  std::string bytes = compiler.finish();
  if (!options.header.empty()) {
    std::string name = package::identifierOf(options.output);
    auto object = package::embedObject(bytes, name);
    if (!session.succeeded(object.takeError()) ||
        !session.succeeded(
            writeFile(options.header, package::embedHeader(name))))
      return exitInput;
    bytes = std::move(*object);
  }
  if (isModule) {
    std::vector<std::string> names;
    for (cascade::KernelOp kernel : kernels)
      names.push_back(kernel.getSymName().str());
    auto module = package::tvmFfiModule(
        bytes, package::identifierOf(options.output), names);
    if (llvm::Error error = module.takeError()) {
      bool isMissing = error.isA<package::LinkerMissing>();
      (void)session.succeeded(std::move(error));
      return isMissing ? exitMissing : exitInput;
    }
    bytes = std::move(*module);
  }
  if (!session.succeeded(writeFile(options.output, bytes)))
    return exitInput;
  return session.result();
}

int einfall::driver::inspect(const Options &options) {
  Session session(options);
  std::shared_ptr<const runtime::Package> package;
  runtime::Status status =
      runtime::Package::open(options.file.c_str(), package);
  if (!status.ok()) {
    session.error(status.text);
    return exitInput;
  }
  llvm::outs() << (options.details ? package->describe()
                                   : package->summarize());
  return exitSuccess;
}
