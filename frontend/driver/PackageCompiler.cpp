//===- PackageCompiler.cpp - Kernels and their versions in one file -------===//

#include "frontend/driver/PackageCompiler.h"

#include "codegen/package/HostLibrary.h"
#include "codegen/package/KernelPlanOf.h"
#include "frontend/driver/Version.inc"
#include "runtime/core/HostFeatures.h"

using namespace einfall;
using namespace einfall::driver;
using runtime::KernelPlan;
using runtime::PartKind;
using runtime::VersionPlan;

PackageCompiler::PackageCompiler(Session &session) : session(session) {
  plan.producer = "einfall " EINFALL_VERSION " (" EINFALL_GIT_HASH ")";
}

void PackageCompiler::addSource(llvm::StringRef name, llvm::StringRef text) {
  plan.source = writer.add(PartKind::Source, text.str());
  plan.sourceName = name.str();
}

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
  for (const auto &programs : result.versions) {
    VersionPlan made = version;
    made.entry = programs.front().name;
    made.image = writer.add(PartKind::DeviceImage, programs.front().image);
    for (const auto &program : llvm::drop_begin(programs))
      made.then.push_back(
          {program.name, writer.add(PartKind::DeviceImage, program.image)});
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
  report = result->report;
  if (target == "cpu")
    return addHostLibrary(*result, std::move(version), into);
  addImages(*result, version, into);
  return true;
}

bool PackageCompiler::add(cascade::KernelOp kernel,
                          llvm::ArrayRef<std::string> targets,
                          const llvm::StringMap<int64_t> &fixed) {
  auto made = package::kernelPlanOf(kernel, fixed);
  if (!made)
    return session.succeeded(made.takeError());
  for (const std::string &target : targets)
    if (!addVersions(kernel, target, fixed, *made))
      return false;
  plan.kernels.push_back(std::move(*made));
  return true;
}
