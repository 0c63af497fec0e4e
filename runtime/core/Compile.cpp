//===- Compile.cpp - Opens the compiler and hands calls on ----------------===//

#include "runtime/core/CompilerTable.h"
#include "runtime/core/LastError.h"

#include <cstdlib>
#include <dlfcn.h>
#include <vector>

using namespace einfall::runtime;

namespace {
struct Compiler {
  const EinfallCompilerTable *table = nullptr;
  std::string whyNot;
};
} // namespace

/// Where the compiler may be, the first that is there counts.
static std::vector<std::string> compilerPaths() {
  const char *name = "libeinfall_compiler.so.0";
  if (const char *given = std::getenv("EINFALL_COMPILER"); given && *given)
    return {given};
  std::vector<std::string> paths;
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&compilerPaths), &info) &&
      info.dli_fname) {
    std::string own = info.dli_fname;
    if (size_t slash = own.rfind('/'); slash != std::string::npos)
      paths.push_back(own.substr(0, slash + 1) + name);
  }
  paths.push_back(name);
  return paths;
}

static Compiler openCompiler() {
  Compiler compiler;
  std::string tried;
  for (const std::string &path : compilerPaths()) {
    void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      tried += std::string(tried.empty() ? "" : "; ") + dlerror();
      continue;
    }
    auto *table = reinterpret_cast<const EinfallCompilerTable *(*)()>(
        dlsym(handle, "einfall_compiler_table"));
    if (table && table()->version == EINFALL_COMPILER_TABLE_VERSION) {
      compiler.table = table();
      return compiler;
    }
    compiler.whyNot = path + " is no compiler of version " + einfall_version();
    return compiler;
  }
  compiler.whyNot = "the compiler cannot be opened: " + tried +
                    "; install it, or name it by EINFALL_COMPILER";
  return compiler;
}

/// Opened once and never closed: its code may be on the stacks of other
/// threads.
static const Compiler &compiler() {
  static const Compiler *opened = new Compiler(openCompiler());
  return *opened;
}

EinfallCompilation *einfall_compile(const char *text, size_t length,
                                    const EinfallCompileOptions *options) {
  EinfallCompilation *made = nullptr;
  (void)guarded([&] {
    if (!compiler().table)
      return Status::failure(EINFALL_MISSING, compiler().whyNot);
    made = compiler().table->compile(text, length, options);
    return made ? Status::success()
                : Status::failure(EINFALL_SYSTEM_ERROR, "no memory");
  });
  return made;
}

// Where there is a compilation, there is a compiler.

EinfallStatus
einfall_compilation_status(const EinfallCompilation *compilation) {
  return compilation ? compiler().table->status(compilation)
                     : EINFALL_INVALID_ARGUMENT;
}

const char *
einfall_compilation_diagnostics(const EinfallCompilation *compilation) {
  return compilation ? compiler().table->diagnostics(compilation) : "";
}

const void *einfall_compilation_package(const EinfallCompilation *compilation,
                                        size_t *size) {
  if (size)
    *size = 0;
  return compilation ? compiler().table->package(compilation, size) : nullptr;
}

int32_t einfall_compilation_was_cached(const EinfallCompilation *compilation) {
  return compilation ? compiler().table->was_cached(compilation) : 0;
}

void einfall_compilation_free(EinfallCompilation *compilation) {
  if (compilation)
    compiler().table->release(compilation);
}
