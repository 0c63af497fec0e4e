//===- Usage.h - What a command line may have meant -------------*- C++ -*-===//
//
// Names and paths near to one that does not exist. Nothing of MLIR or LLVM: the
// reader of arguments uses it too.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_DRIVER_USAGE_H
#define EINFALL_FRONTEND_DRIVER_USAGE_H

#include <string>
#include <vector>

namespace einfall::driver {

/// The name that is near enough to be meant; empty where none is.
std::string nearestName(const std::string &name,
                        const std::vector<std::string> &names);

/// An existing file that is near to `path`, which does not exist: a misspelt
/// folder or file, a suffix left out, the name of an example; empty where
/// nothing is.
std::string nearestPath(const std::string &path);

/// "; did you mean `near`?", or nothing where it is empty.
std::string didYouMean(const std::string &near);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_USAGE_H
