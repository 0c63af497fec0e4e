//===- Compiler.h - From a text to a package in memory ----------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_COMPILER_COMPILER_H
#define EINFALL_FRONTEND_COMPILER_COMPILER_H

#include "runtime/include/einfall/compiler.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace einfall::compiler {

struct CompileOptions {
  std::string name = "<source>", kernel;
  std::vector<std::string> targets;
  std::map<std::string, int64_t> extents;
  bool prove = true, cache = true, json = false;
};

struct Compilation {
  EinfallStatus status = EINFALL_OK;
  std::string diagnostics, package;
  bool wasCached = false;
};

/// Thread-safe: a compilation shares nothing with another but the cache.
Compilation compile(std::string_view text, const CompileOptions &options);

} // namespace einfall::compiler

#endif // EINFALL_FRONTEND_COMPILER_COMPILER_H
