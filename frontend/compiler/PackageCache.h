//===- PackageCache.h - Packages that were compiled before ------*- C++ -*-===//
//
// One file for every package, named by a hash of all that decides it. A file
// appears whole (written beside, then renamed) and is checked whole when it is
// read: whatever happens to the process or the disk, a damaged entry is never
// served. Processes that want the same package wait for the first one by a lock
// of its name, which the system releases when a process ends.
//
// The folder is used only if it is the user's own and nobody else may write to
// it: what is in it is executed.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_COMPILER_PACKAGECACHE_H
#define EINFALL_FRONTEND_COMPILER_PACKAGECACHE_H

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace einfall::compiler {

class PackageCache {
public:
  /// In `folder`, which is made if it is not there. Empty: nothing is cached.
  /// Entries beyond `most` are removed, the longest unused first.
  explicit PackageCache(std::string folder, unsigned most = 1024);

  /// Why nothing is cached; empty if something is.
  const std::string &whyNot() const { return reason; }

  /// Held while an entry is looked up and made; others with the same key wait.
  class Lock {
  public:
    Lock() = default;
    Lock(Lock &&other) : file(std::exchange(other.file, -1)) {}
    Lock &operator=(Lock &&) = delete;
    ~Lock();

  private:
    friend class PackageCache;
    int file = -1;
  };
  Lock lock(llvm::StringRef key) const;

  /// The package of `key` if it is there and sound; a damaged one is removed.
  std::optional<std::string> find(llvm::StringRef key) const;
  /// Keeps a package; what cannot be written is not kept.
  void put(llvm::StringRef key, llvm::StringRef package) const;

private:
  std::string pathOf(llvm::StringRef key, llvm::StringRef suffix) const;
  void removeOld() const;
  std::string folder, reason;
  unsigned most;
};

/// The name of an entry: a SHA-256 of `content` in hexadecimal.
std::string cacheKey(llvm::StringRef content);

} // namespace einfall::compiler

#endif // EINFALL_FRONTEND_COMPILER_PACKAGECACHE_H
