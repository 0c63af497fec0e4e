//===- Interface.cpp - What libeinfall_rt calls of the compiler -----------===//
//
// compiler.h is implemented in libeinfall_rt, which opens this library and asks
// for its table of functions (runtime/core/CompilerTable.h).
//
//===----------------------------------------------------------------------===//

#include "frontend/compiler/Compiler.h"
#include "runtime/core/CompilerTable.h"

#include <new>

using namespace einfall;
using compiler::Compilation;
using compiler::CompileOptions;

struct EinfallCompilation : Compilation {};

/// Null strings and lists are what the header says of them.
static CompileOptions toOptions(const EinfallCompileOptions *given) {
  CompileOptions options;
  if (!given)
    return options;
  if (given->name)
    options.name = given->name;
  if (given->kernel)
    options.kernel = given->kernel;
  for (size_t i = 0; i < given->target_count; ++i)
    options.targets.emplace_back(given->targets[i]);
  for (size_t i = 0; i < given->extent_count; ++i)
    options.extents[given->extents[i].rank] = given->extents[i].extent;
  options.prove = !given->without_proofs;
  options.cache = !given->without_cache;
  options.json = given->json_diagnostics;
  return options;
}

static EinfallCompilation *compileText(const char *text, size_t length,
                                       const EinfallCompileOptions *options) {
  auto *made = new (std::nothrow) EinfallCompilation;
  if (!made)
    return nullptr;
  if (options && options->size < sizeof(EinfallCompileOptions)) {
    made->status = EINFALL_INVALID_ARGUMENT;
    made->diagnostics = "error: EinfallCompileOptions::size is " +
                        std::to_string(options->size) + ", not " +
                        std::to_string(sizeof(EinfallCompileOptions)) + "\n";
    return made;
  }
  static_cast<Compilation &>(*made) = compiler::compile(
      {text ? text : "", text ? length : 0}, toOptions(options));
  return made;
}

static const EinfallCompilerTable table = {
    EINFALL_COMPILER_TABLE_VERSION,
    compileText,
    [](const EinfallCompilation *made) { return made->status; },
    [](const EinfallCompilation *made) { return made->diagnostics.c_str(); },
    [](const EinfallCompilation *made, size_t *size) -> const void * {
      if (size)
        *size = made->package.size();
      return made->package.empty() ? nullptr : made->package.data();
    },
    [](const EinfallCompilation *made) -> int32_t { return made->wasCached; },
    [](EinfallCompilation *made) { delete made; },
};

extern "C" EINFALL_API const EinfallCompilerTable *einfall_compiler_table() {
  return &table;
}
