//===- HostLibrary.cpp - Code of a package in this process ----------------===//

#include "runtime/core/HostLibrary.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace einfall::runtime;

HostLibrary::HostLibrary(HostLibrary &&other)
    : handle(std::exchange(other.handle, nullptr)),
      file(std::exchange(other.file, -1)) {}

HostLibrary::~HostLibrary() {
  if (handle)
    dlclose(handle);
  if (file >= 0)
    close(file);
}

static bool writeAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return false;
    bytes.remove_prefix(count);
  }
  return true;
}

/// Opens the library and keeps `from`, or says why not.
bool HostLibrary::open(int from, const std::string &path, std::string &error) {
  handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    error = dlerror();
    close(from);
    return false;
  }
  file = from;
  return true;
}

Status HostLibrary::load(std::string_view bytes) {
  std::string error;
  int memory = memfd_create("einfall-kernel", MFD_CLOEXEC);
  if (memory >= 0 && !writeAll(memory, bytes))
    close(std::exchange(memory, -1));
  if (memory >= 0 &&
      open(memory, "/proc/self/fd/" + std::to_string(memory), error))
    return Status::success();
  const char *parent = std::getenv("TMPDIR");
  std::string folder =
      std::string(parent && *parent ? parent : "/tmp") + "/einfall-XXXXXX";
  if (!mkdtemp(folder.data()))
    return Status::failure(EINFALL_SYSTEM_ERROR,
                           "cannot make " + folder + ": " +
                               std::strerror(errno) +
                               (error.empty() ? "" : "; before, " + error));
  std::string path = folder + "/kernel.so";
  int copy = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
  if (copy < 0 || !writeAll(copy, bytes))
    error = "cannot write " + path + ": " + std::strerror(errno);
  else
    open(copy, path, error);
  unlink(path.c_str());
  rmdir(folder.c_str());
  if (handle)
    return Status::success();
  return Status::failure(EINFALL_SYSTEM_ERROR,
                         "the host library cannot be loaded: " + error);
}

void *HostLibrary::find(const std::string &symbol) const {
  return dlsym(handle, symbol.c_str());
}
