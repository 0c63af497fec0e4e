//===- Package.cpp - einfall compile -o k.efk, einfall inspect ------------===//

#include "runtime/core/Package.h"
#include "codegen/package/Embed.h"
#include "codegen/package/HostLibrary.h"
#include "codegen/package/KernelPlanOf.h"
#include "frontend/driver/AtomicFile.h"
#include "frontend/driver/Commands.h"
#include "frontend/driver/Pipeline.h"
#include "frontend/driver/Version.inc"
#include "runtime/core/HostFeatures.h"

#include "llvm/Support/raw_ostream.h"

using namespace einfall;
using namespace einfall::driver;
using runtime::KernelPlan;
using runtime::PartKind;
using runtime::VersionPlan;

namespace {
class PackageCompiler {
public:
  explicit PackageCompiler(Session &session) : session(session) {}

  /// Adds a kernel with a version for every target; false after an error.
  bool add(cascade::KernelOp kernel);
  std::string finish() { return writer.finish(plan); }

private:
  bool addVersions(cascade::KernelOp kernel, const std::string &target,
                   const llvm::StringMap<int64_t> &fixed, KernelPlan &into);
  bool addHostLibrary(const PipelineResult &result, VersionPlan version,
                      KernelPlan &into);
  void addImages(const PipelineResult &result, const VersionPlan &version,
                 KernelPlan &into);

  Session &session;
  runtime::PackageWriter writer;
  runtime::Plan plan{"einfall " EINFALL_VERSION " (" EINFALL_GIT_HASH ")", {}};
};
} // namespace

bool PackageCompiler::addHostLibrary(const PipelineResult &result,
                                     VersionPlan version, KernelPlan &into) {
  auto library = package::linkShared(result.text);
  if (!library) {
    llvm::Error error = library.takeError();
    session.isToolMissing = error.isA<package::LinkerMissing>();
    return session.succeeded(std::move(error));
  }
  version.architecture = runtime::hostArchitecture();
  version.features = package::packagedFeatures();
  version.entry = into.name;
  version.image = writer.add(PartKind::HostLibrary, std::move(*library));
  into.versions.push_back(std::move(version));
  return true;
}

void PackageCompiler::addImages(const PipelineResult &result,
                                const VersionPlan &version, KernelPlan &into) {
  runtime::PartNumber ptx = 0, cubin = 0;
  if (!result.ptx.empty())
    ptx = writer.add(PartKind::Ptx, result.ptx);
  if (!result.cubin.empty())
    cubin = writer.add(PartKind::Cubin, result.cubin);
  for (auto [image, name] : llvm::zip_equal(result.images, result.programs)) {
    VersionPlan made = version;
    made.entry = name;
    made.image = writer.add(PartKind::DeviceImage, image);
    made.ptx = ptx;
    made.cubin = cubin;
    into.versions.push_back(std::move(made));
  }
}

bool PackageCompiler::addVersions(cascade::KernelOp kernel,
                                  const std::string &target,
                                  const llvm::StringMap<int64_t> &fixed,
                                  KernelPlan &into) {
  PipelineOptions options;
  options.target = target;
  options.fixedExtents = fixed;
  options.machineCode = true;
  if (target == "cpu")
    options.processor = package::packagedCpu();
  auto result = compileKernel(kernel, options, session);
  if (!result)
    return false;
  VersionPlan version;
  version.target = target;
  version.fixed = package::fixedExtents(into, fixed);
  version.note = result->report.planKind;
  for (const auto &[what, value] : result->report.plan)
    version.note += ", " + what + " " + value;
  if (target == "cpu")
    return addHostLibrary(*result, std::move(version), into);
  addImages(*result, version, into);
  return true;
}

bool PackageCompiler::add(cascade::KernelOp kernel) {
  llvm::StringMap<int64_t> fixed =
      knownExtents(kernel, session.options, /*defaults=*/false);
  auto made = package::kernelPlanOf(kernel, fixed);
  if (!made)
    return session.succeeded(made.takeError());
  for (const std::string &target : session.options.targets)
    if (!addVersions(kernel, target, fixed, *made))
      return false;
  plan.kernels.push_back(std::move(*made));
  return true;
}

int einfall::driver::compilePackage(const Options &options) {
  Session session(options);
  if (!options.header.empty() &&
      !llvm::StringRef(options.output).ends_with(".o")) {
    session
        .error("--header declares what an object embeds, and " +
               options.output + " is none")
        .remedy("write -o FILE.o --header FILE.h");
    return exitUsage;
  }
  std::unique_ptr<Program> program = Program::load(session);
  if (!program)
    return exitInput;
  PackageCompiler compiler(session);
  auto kernels = program->kernels(options.kernel);
  for (cascade::KernelOp kernel : kernels)
    if (!compiler.add(kernel))
      return session.isToolMissing ? exitMissing : exitInput;
  if (kernels.empty())
    return exitInput;
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
  llvm::outs() << package->describe();
  return exitSuccess;
}
