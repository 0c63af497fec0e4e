//===- PackageCache.cpp - Packages that were compiled before --------------===//

#include "frontend/compiler/PackageCache.h"

#include "frontend/driver/AtomicFile.h"
#include "runtime/core/Package.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace einfall;
using namespace einfall::compiler;
using llvm::StringRef;

std::string einfall::compiler::cacheKey(StringRef content) {
  llvm::SHA256 hash;
  hash.update(content);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

PackageCache::PackageCache(std::string where, unsigned most)
    : folder(std::move(where)), most(most) {
  if (folder.empty()) {
    reason = "there is no folder for it: set EINFALL_CACHE_DIR or HOME";
    return;
  }
  if (std::error_code code = llvm::sys::fs::create_directories(
          folder, /*IgnoreExisting=*/true, llvm::sys::fs::owner_all)) {
    reason = folder + " cannot be made: " + code.message();
    return;
  }
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    reason = folder + " is no folder";
  else if (info.st_uid != geteuid())
    reason = folder + " belongs to another user";
  else if (info.st_mode & (S_IWGRP | S_IWOTH))
    reason = folder + " can be written by others: chmod 700 it";
}

std::string PackageCache::pathOf(StringRef key, StringRef suffix) const {
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, key + suffix);
  return path.str().str();
}

PackageCache::Lock::~Lock() {
  if (file >= 0)
    close(file); // releases the lock
}

PackageCache::Lock PackageCache::lock(StringRef key) const {
  Lock lock;
  if (!reason.empty())
    return lock;
  // One file for each first byte of the keys: locks are no entries to clear.
  std::string path = pathOf("lock-" + key.take_front(2).str(), "");
  lock.file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                   S_IRUSR | S_IWUSR);
  while (lock.file >= 0 && flock(lock.file, LOCK_EX) != 0 && errno == EINTR) {
  }
  return lock;
}

std::optional<std::string> PackageCache::find(StringRef key) const {
  if (!reason.empty())
    return std::nullopt;
  std::string path = pathOf(key, ".efk");
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0)
    return std::nullopt;
  struct stat info;
  bool own = fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
             info.st_uid == geteuid();
  auto buffer = own ? llvm::MemoryBuffer::getOpenFile(
                          file, path, info.st_size,
                          /*RequiresNullTerminator=*/false, /*IsVolatile=*/true)
                    : std::error_code(EPERM, std::generic_category());
  std::optional<std::string> bytes;
  std::shared_ptr<const runtime::Package> package;
  if (buffer)
    bytes = (*buffer)->getBuffer().str();
  if (bytes && !runtime::Package::read(*bytes, package).ok())
    bytes.reset();
  if (bytes)
    futimens(file, nullptr); // used now
  else
    unlink(path.c_str());
  close(file);
  return bytes;
}

void PackageCache::put(StringRef key, StringRef package) const {
  if (!reason.empty())
    return;
  llvm::consumeError(driver::writeFile(pathOf(key, ".efk"), package));
  removeOld();
}

/// Entries, and what killed processes left of entries.
void PackageCache::removeOld() const {
  struct Entry {
    llvm::sys::TimePoint<> used;
    std::string path;
  };
  std::vector<Entry> entries;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end;
       it != end && !code; it.increment(code)) {
    if (llvm::sys::path::filename(it->path()).starts_with("lock-"))
      continue;
    if (auto status = it->status())
      entries.push_back({status->getLastModificationTime(), it->path()});
  }
  if (entries.size() <= most)
    return;
  llvm::sort(entries,
             [](const Entry &a, const Entry &b) { return a.used < b.used; });
  entries.resize(entries.size() - most);
  for (const Entry &entry : entries)
    llvm::sys::fs::remove(entry.path);
}
