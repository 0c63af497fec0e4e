//===- ChildProcess.h - A program that can be killed ------------*- C++ -*-===//
//
// Runs a program without a shell, collects what it prints, and kills it when
// the clock on the wall says so.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_CODEGEN_NVIDIA_CHILDPROCESS_H
#define EINFALL_CODEGEN_NVIDIA_CHILDPROCESS_H

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace einfall::nvidia {

struct ChildResult {
  int status = 0;     ///< as it exited
  std::string output; ///< both streams, in order of arrival
};

/// `command` is the path of the program and its arguments. Errors: it cannot be
/// started, was ended by a signal, or took longer than `seconds`.
llvm::Expected<ChildResult> runChild(const std::vector<std::string> &command,
                                     double seconds);

} // namespace einfall::nvidia

#endif // EINFALL_CODEGEN_NVIDIA_CHILDPROCESS_H
