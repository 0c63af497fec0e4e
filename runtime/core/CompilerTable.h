//===- CompilerTable.h - Between the runtime and the compiler ---*- C++ -*-===//
//
// libeinfall_compiler exports one function, `einfall_compiler_table`, which
// gives this table. Both libraries are of one version; another one is refused.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_COMPILERTABLE_H
#define EINFALL_RUNTIME_CORE_COMPILERTABLE_H

#include "runtime/include/einfall/compiler.h"

#define EINFALL_COMPILER_TABLE_VERSION 1u

struct EinfallCompilerTable {
  uint64_t version;
  EinfallCompilation *(*compile)(const char *text, size_t length,
                                 const EinfallCompileOptions *options);
  EinfallStatus (*status)(const EinfallCompilation *);
  const char *(*diagnostics)(const EinfallCompilation *);
  const void *(*package)(const EinfallCompilation *, size_t *size);
  int32_t (*was_cached)(const EinfallCompilation *);
  void (*release)(EinfallCompilation *);
};

#endif // EINFALL_RUNTIME_CORE_COMPILERTABLE_H
