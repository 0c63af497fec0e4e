//===- Commands.h - What each command does ----------------------*- C++ -*-===//
//
// A command takes the options, does its work and gives an exit code. Results go
// to standard output, everything else to standard error. None of them throws.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_COMMANDS_H
#define EINFALL_FRONTEND_DRIVER_COMMANDS_H

#include "frontend/driver/Options.h"

namespace einfall::driver {

/// Parses and analyses a file; with `explicitSums` prints every implied sum.
int check(const Options &options);
/// Derives every number of the certificate `file` again.
int checkCertificate(const Options &options);
/// Prints what was derived and proved, and the plan.
int explain(const Options &options);
/// Runs one kernel on given or random inputs, verifies, writes outputs.
int run(const Options &options);
/// Times one kernel.
int bench(const Options &options);
/// The same by the runtime library: of packages, and on CUDA devices.
int benchByRuntime(const Options &options);
bool isTimedByRuntime(const Options &options);
/// Times the best candidates of the scheduler in turns, merges results of that,
/// or takes a choice from them.
int tune(const Options &options);
/// Writes the kernel at some stage of compilation.
int compile(const Options &options);
/// Writes the kernels, compiled for all targets, as a package, or as an object
/// or a module of TVM-FFI that embeds one.
int compilePackage(const Options &options);
/// Whether the options ask for one of these.
bool isPackageOutput(const Options &options);
/// Prints the launch plan of the package `file`.
int inspect(const Options &options);
/// Prints the versions of the compiler and of what it uses.
int version();
/// Prints what is there of all that can be used; exitMissing where something is
/// missing that the CPU needs.
int doctor(const Options &options);

/// From here on a crash ends with exitInternal, after the path of a copy of the
/// source `file` has been printed.
void installCrashHandler(const std::string &file);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_COMMANDS_H
