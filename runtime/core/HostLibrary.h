//===- HostLibrary.h - Code of a package in this process --------*- C++ -*-===//
//
// A shared object that lies in memory, opened by the dynamic loader: from a
// file without a name (memfd_create), or where the system has none or forbids
// to execute it, from a file in a folder that only its owner can enter, removed
// at once.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_RUNTIME_CORE_HOSTLIBRARY_H
#define EINFALL_RUNTIME_CORE_HOSTLIBRARY_H

#include "runtime/core/Status.h"

#include <string_view>

namespace einfall::runtime {

class HostLibrary {
public:
  HostLibrary() = default;
  HostLibrary(HostLibrary &&other);
  ~HostLibrary();

  /// EINFALL_SYSTEM_ERROR with what the loader says.
  Status load(std::string_view bytes);
  /// Null where there is none.
  void *find(const std::string &symbol) const;

private:
  bool open(int file, const std::string &path, std::string &error);
  void *handle = nullptr;
  /// Kept open: the loader takes libraries of one path for one library, and a
  /// number that is given again would find this one.
  int file = -1;
};

} // namespace einfall::runtime

#endif // EINFALL_RUNTIME_CORE_HOSTLIBRARY_H
