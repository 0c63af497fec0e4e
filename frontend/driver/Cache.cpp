//===- Cache.cpp - Where the compiler keeps what it may find again --------===//

#include "frontend/driver/Cache.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>

std::string einfall::driver::cacheDirectory(const char *part) {
  llvm::SmallString<128> path;
  auto from = [&](const char *variable, llvm::StringRef inside) {
    const char *value = std::getenv(variable);
    if (!value || !*value)
      return false;
    path = value;
    llvm::sys::path::append(path, inside);
    return true;
  };
  if (!from("EINFALL_CACHE_DIR", "") && !from("XDG_CACHE_HOME", "einfall") &&
      !from("HOME", ".cache/einfall"))
    return "";
  if (llvm::sys::fs::create_directories(path, /*IgnoreExisting=*/true,
                                        llvm::sys::fs::owner_all))
    return "";
  llvm::sys::path::append(path, part);
  return path.str().str();
}
