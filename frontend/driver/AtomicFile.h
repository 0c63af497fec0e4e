//===- AtomicFile.h - Files that appear whole or not at all -----*- C++ -*-===//

#ifndef EINFALL_FRONTEND_DRIVER_ATOMICFILE_H
#define EINFALL_FRONTEND_DRIVER_ATOMICFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>

namespace llvm {
class raw_ostream;
class raw_fd_ostream;
} // namespace llvm

namespace einfall::driver {

/// A file that is written beside its final place and renamed by `commit`.
/// Without a commit nothing is left. "-" is standard output, which is written
/// by `commit`; a path that exists and is no regular file is written directly.
class AtomicFile {
public:
  /// Error: the folder cannot be written.
  static llvm::Expected<AtomicFile> create(llvm::StringRef path);
  AtomicFile(AtomicFile &&);
  ~AtomicFile();

  llvm::raw_ostream &os();
  /// Error: the disk is full, or the rename failed; nothing is left then.
  llvm::Error commit();

private:
  AtomicFile();
  std::string path, temporary, buffer;
  std::unique_ptr<llvm::raw_fd_ostream> file;
  std::unique_ptr<llvm::raw_ostream> text;
};

/// Writes `content` to `path`, whole or not at all.
llvm::Error writeFile(llvm::StringRef path, llvm::StringRef content);

} // namespace einfall::driver

#endif // EINFALL_FRONTEND_DRIVER_ATOMICFILE_H
