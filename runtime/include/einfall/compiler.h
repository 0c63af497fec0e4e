/*===- compiler.h - Compiles kernels in a running program --------*- C -*-===*\
 *
 * The compiler behind the interface of libeinfall_rt, in C99. What it gives is
a
 * package (einfall.h), in memory. libeinfall_compiler, which holds LLVM, is
 * opened at the first call and found beside libeinfall_rt, or by the variable
 * EINFALL_COMPILER, or by the dynamic loader; programs link libeinfall_rt
alone.
 *
 *   einfall_compile -> einfall_compilation_status -> package -> free
 *
 * Compilations may run in any number of threads at once. What was compiled is
 * kept in the user's cache ($EINFALL_CACHE_DIR, $XDG_CACHE_HOME/einfall,
 * ~/.cache/einfall) and found again by the text, the options, the compiler and
 * the processor; the folder must be the user's own and writable by nobody else.
 * Entries are checked whole when they are read, and compiled again where they
 * are damaged; a process that is killed leaves none that is half written.
 *
\*===----------------------------------------------------------------------===*/

#ifndef EINFALL_COMPILER_H
#define EINFALL_COMPILER_H

#include "einfall.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The extent of a rank that the code may rely on. Small ones that the text
 * contracts or stores along (head dimensions) make fast code. */
typedef struct EinfallExtent {
  const char *rank;
  int64_t extent;
} EinfallExtent;

/* All zero but `size` is a good start. Strings are read during the call only.
 */
typedef struct EinfallCompileOptions {
  size_t size;      /* sizeof(EinfallCompileOptions) */
  const char *name; /* of the text in messages; null: "<source>" */
  /* The kernel to compile; null: all of the text. */
  const char *kernel;
  /* "cpu", "sm_80", "sm_90a"; none: "cpu". */
  const char *const *targets;
  size_t target_count;
  const EinfallExtent *extents;
  size_t extent_count;
  /* Use the derivation without proving it again; the package does not say so.
   */
  int32_t without_proofs;
  /* Neither look into the cache nor write to it. */
  int32_t without_cache;
  /* Diagnostics as JSON instead of text. */
  int32_t json_diagnostics;
} EinfallCompileOptions;

typedef struct EinfallCompilation EinfallCompilation;

/* Compiles `length` bytes of Ein. `options` may be null. Gives null only where
 * there is no memory, or no compiler, which einfall_error_message() tells. */
EINFALL_API EinfallCompilation *
einfall_compile(const char *text, size_t length,
                const EinfallCompileOptions *options);

/* EINFALL_OK, EINFALL_INVALID_SOURCE (an error in the text), EINFALL_MISSING (a
 * tool or a target), EINFALL_INVALID_ARGUMENT (the options). */
EINFALL_API EinfallStatus
einfall_compilation_status(const EinfallCompilation *compilation);
/* Errors and warnings with their places, as they are printed on a terminal;
 * empty if there are none. Lives as long as the compilation. */
EINFALL_API const char *
einfall_compilation_diagnostics(const EinfallCompilation *compilation);
/* The package's bytes, which live as long as the compilation; null after an
 * error. */
EINFALL_API const void *
einfall_compilation_package(const EinfallCompilation *compilation,
                            size_t *size);
/* 1 if the cache had it. */
EINFALL_API int32_t
einfall_compilation_was_cached(const EinfallCompilation *compilation);
/* Null is allowed. */
EINFALL_API void einfall_compilation_free(EinfallCompilation *compilation);

#ifdef __cplusplus
}
#endif

#endif /* EINFALL_COMPILER_H */
