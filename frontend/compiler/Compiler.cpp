//===- Compiler.cpp - From a text to a package in memory ------------------===//

#include "frontend/compiler/Compiler.h"

#include "codegen/nvidia/Assembler.h"
#include "codegen/package/HostLibrary.h"
#include "frontend/compiler/PackageCache.h"
#include "frontend/driver/Cache.h"
#include "frontend/driver/PackageCompiler.h"
#include "frontend/driver/Version.inc"

#include "llvm/Support/Path.h"

#include <dlfcn.h>
#include <sys/stat.h>

using namespace einfall;
using namespace einfall::compiler;

/// What this code is: its version, and the file that it was loaded from.
static const std::string &producer() {
  static const std::string text = [] {
    std::string name = "einfall " EINFALL_VERSION " " EINFALL_GIT_HASH;
    Dl_info info;
    struct stat file;
    if (dladdr(reinterpret_cast<void *>(&producer), &info) && info.dli_fname &&
        stat(info.dli_fname, &file) == 0)
      name += " " + std::to_string(file.st_size) + " " +
              std::to_string(file.st_mtim.tv_sec) + "." +
              std::to_string(file.st_mtim.tv_nsec);
    return name;
  }();
  return text;
}

/// The assembler that code for GPUs goes through: its faults are those of its
/// version, and the code that avoids them differs. Looked for once.
static const std::string &assemblerOf() {
  static const std::string text = [] {
    auto found = nvidia::Assembler::find();
    if (found)
      return found->path + " " + found->version.str();
    llvm::consumeError(found.takeError());
    return std::string("none");
  }();
  return text;
}

/// Everything that decides a package, each preceded by its length.
static std::string keyOf(std::string_view text, const CompileOptions &options) {
  std::string all;
  auto add = [&](std::string_view part) {
    all += std::to_string(part.size()) + ":";
    all += part;
  };
  add(producer());
  add(options.name);
  add(options.kernel);
  add(std::to_string(options.targets.size()));
  for (const std::string &target : options.targets)
    add(target);
  add(std::to_string(options.extents.size()));
  for (const auto &[rank, extent] : options.extents)
    add(rank + "=" + std::to_string(extent));
  add(options.prove ? "proved" : "not proved");
  for (const std::string &feature : package::packagedFeatures())
    add(feature);
  if (llvm::any_of(options.targets,
                   [](const std::string &target) { return target != "cpu"; }))
    add(assemblerOf());
  add(text);
  return cacheKey(all);
}

static bool make(std::string_view text, const CompileOptions &options,
                 Compilation &made) {
  driver::Options command;
  command.file = options.name;
  command.kernel = options.kernel;
  command.defines = options.extents;
  command.targets = options.targets;
  command.prove = options.prove;
  if (options.json)
    command.diagnostics = driver::Options::Format::Json;
  driver::Session session(command, &made.diagnostics);
  made.status = EINFALL_INVALID_SOURCE;
  auto program = driver::Program::load(
      session, options.name, llvm::StringRef(text.data(), text.size()));
  if (!program)
    return false;
  driver::PackageCompiler compiler(session);
  auto kernels = program->kernels(options.kernel);
  for (cascade::KernelOp kernel : kernels)
    if (!compiler.add(
            kernel, options.targets,
            driver::knownExtents(kernel, command, /*defaults=*/false))) {
      if (session.isToolMissing)
        made.status = EINFALL_MISSING;
      return false;
    }
  if (kernels.empty())
    return false;
  compiler.addSource(llvm::sys::path::filename(options.name),
                     program->sourceText);
  made.package = compiler.finish();
  made.status = EINFALL_OK;
  return true;
}

Compilation einfall::compiler::compile(std::string_view text,
                                       const CompileOptions &given) {
  CompileOptions options = given;
  if (options.targets.empty())
    options.targets = {"cpu"};
  Compilation made;
  std::vector<std::string> known = driver::targetNames();
  for (const std::string &target : options.targets)
    if (!llvm::is_contained(known, target)) {
      made.status = EINFALL_MISSING;
      made.diagnostics = "error: there is no target `" + target +
                         "`\nnote: it is one of " + llvm::join(known, ", ") +
                         "\n";
      return made;
    }
  if (!options.cache) {
    make(text, options, made);
    return made;
  }
  PackageCache cache(driver::cacheDirectory("packages"));
  std::string key = keyOf(text, options);
  PackageCache::Lock lock = cache.lock(key);
  if (std::optional<std::string> found = cache.find(key)) {
    made.package = std::move(*found);
    made.wasCached = true;
    return made;
  }
  if (make(text, options, made) && made.diagnostics.empty())
    cache.put(key, made.package); // what has warnings is to give them again
  return made;
}
