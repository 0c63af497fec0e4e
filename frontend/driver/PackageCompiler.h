//===- PackageCompiler.h - Kernels and their versions in one file -*- C++ -*-=//
//
// Compiles kernels for several targets and puts what that gives into a package
// (runtime/core/Package.h).
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_PACKAGECOMPILER_H
#define EINFALL_FRONTEND_DRIVER_PACKAGECOMPILER_H

#include "frontend/driver/Pipeline.h"
#include "runtime/core/Package.h"

namespace einfall::driver {

class PackageCompiler {
public:
  explicit PackageCompiler(Session &session);

  /// Adds a kernel with versions for each target; their code relies on the
  /// extents of `fixed`. False after an error, which has been reported.
  bool add(cascade::KernelOp kernel, llvm::ArrayRef<std::string> targets,
           const llvm::StringMap<int64_t> &fixed);
  /// Adds the text that the kernels are of.
  void addSource(llvm::StringRef name, llvm::StringRef text);
  /// The bytes of the package.
  std::string finish() { return writer.finish(plan); }

  /// Of what was compiled last.
  KernelReport report;

private:
  bool addVersions(cascade::KernelOp kernel, const std::string &target,
                   const llvm::StringMap<int64_t> &fixed,
                   runtime::KernelPlan &into);
  bool addHostLibrary(const PipelineResult &result,
                      runtime::VersionPlan version, runtime::KernelPlan &into);
  void addImages(const PipelineResult &result,
                 const runtime::VersionPlan &version,
                 runtime::KernelPlan &into);

  Session &session;
  runtime::PackageWriter writer;
  runtime::Plan plan;
};

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_PACKAGECOMPILER_H
