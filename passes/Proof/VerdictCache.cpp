//===- VerdictCache.cpp - Verdicts on disk by content ---------------------===//

#include "passes/Proof/VerdictCache.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using llvm::SmallVector;
using llvm::StringRef;

namespace einfall::proof {

static constexpr StringRef header = "einfall verdict 1";

static std::string sha256(std::initializer_list<StringRef> parts) {
  llvm::SHA256 hash;
  for (StringRef part : parts) {
    // The length keeps ("ab", "c") apart from ("a", "bc").
    hash.update(std::to_string(part.size()) + ":");
    hash.update(part);
  }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

VerdictCache::VerdictCache(StringRef name) {
  if (name.empty())
    return;
  llvm::sys::fs::create_directories(llvm::sys::path::parent_path(name));
  std::string path = name.str();
  if (::mkdir(path.c_str(), 0700) && errno != EEXIST) {
    reason = "cannot make '" + path + "': " + std::strerror(errno);
    return;
  }
  struct stat status;
  if (::stat(path.c_str(), &status) || !S_ISDIR(status.st_mode))
    reason = "'" + path + "' is not a directory";
  else if (status.st_uid != ::geteuid())
    reason = "'" + path + "' belongs to another user";
  else if (status.st_mode & 077)
    reason = "'" + path + "' is open to other users: its mode must be 0700";
  else
    directory = path;
}

std::string VerdictCache::key(StringRef script, StringRef solver) {
  return sha256({header, solver, script});
}

std::string VerdictCache::pathOf(StringRef key) const {
  SmallVector<char, 128> path(directory.begin(), directory.end());
  llvm::sys::path::append(path, key + ".verdict");
  return std::string(path.begin(), path.end());
}

/// The whole of a regular file of ours that is small, or nothing.
static std::optional<std::string> readOwn(const std::string &path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0)
    return std::nullopt;
  std::optional<std::string> text;
  struct stat status;
  if (!::fstat(file, &status) && S_ISREG(status.st_mode) &&
      status.st_uid == ::geteuid() && status.st_size < (1 << 20)) {
    text.emplace(status.st_size, '\0');
    if (::read(file, text->data(), text->size()) != status.st_size)
      text.reset();
  }
  ::close(file);
  return text;
}

std::optional<VerdictCache::Entry> VerdictCache::lookup(StringRef key) const {
  if (directory.empty())
    return std::nullopt;
  std::optional<std::string> text = readOwn(pathOf(key));
  if (!text)
    return std::nullopt;
  // The last line is the checksum of all before it.
  auto [body, checksum] = StringRef(*text).rtrim('\n').rsplit('\n');
  if (checksum != sha256({key, body}))
    return std::nullopt;
  SmallVector<StringRef> lines;
  body.split(lines, '\n');
  if (lines.size() < 2 || lines[0] != header ||
      (lines[1] != "proved" && lines[1] != "refuted"))
    return std::nullopt;
  Entry entry;
  entry.proved = lines[1] == "proved";
  for (StringRef line : llvm::ArrayRef(lines).drop_front(2)) {
    auto [name, value] = line.split('\t');
    entry.model.emplace_back(name.str(), value.str());
  }
  return entry;
}

void VerdictCache::store(StringRef key, const Entry &entry) const {
  if (directory.empty())
    return;
  std::string body = header.str();
  body += entry.proved ? "\nproved" : "\nrefuted";
  for (auto &[name, value] : entry.model)
    body += "\n" + name + "\t" + value;
  std::string text = body + "\n" + sha256({key, body}) + "\n";

  std::string target = pathOf(key), temporary = target + ".XXXXXX";
  int file = ::mkstemp(temporary.data()); // mode 0600
  if (file < 0)
    return;
  bool written = ::write(file, text.data(), text.size()) ==
                 static_cast<ssize_t>(text.size());
  written &= ::close(file) == 0;
  if (!written || ::rename(temporary.c_str(), target.c_str()))
    ::unlink(temporary.c_str());
}

} // namespace einfall::proof
