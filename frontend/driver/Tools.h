//===- Tools.h - Programs that the compiler calls ---------------*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_TOOLS_H
#define EINFALL_FRONTEND_DRIVER_TOOLS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace einfall::driver {

/// The first line that `program argument` prints, or nothing; takes 5 seconds
/// at most.
std::string firstLine(llvm::StringRef program, llvm::StringRef argument);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_TOOLS_H
