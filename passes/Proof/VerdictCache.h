//===- VerdictCache.h - Verdicts on disk by content -------------*- C++ -*-===//
//
// Remembers what a solver said about a text. The key is a SHA-256 of the
// SMT-LIB script and the solver's version, so nothing has to be invalidated;
// one small file holds one verdict and its own checksum. Files that are
// damaged, or not ours, count as absent; they are never an error.
//
// The directory belongs to the user alone: it is made with mode 0700, and one
// that somebody else owns or may write to is not used. The checksum detects
// damage, not malice.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_PASSES_PROOF_VERDICTCACHE_H
#define EINFALL_PASSES_PROOF_VERDICTCACHE_H

#include "passes/Proof/Counterexample.h"

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace einfall::proof {

class VerdictCache {
public:
  struct Entry {
    bool proved = false;
    /// Where it was refuted, the solver's model.
    Assignment model;
  };

  /// An empty directory name means no cache.
  explicit VerdictCache(llvm::StringRef directory);

  /// SHA-256 in hexadecimal of `script` for that solver.
  static std::string key(llvm::StringRef script, llvm::StringRef solver);

  std::optional<Entry> lookup(llvm::StringRef key) const;
  /// Written to a temporary file and renamed, so readers see all or nothing.
  void store(llvm::StringRef key, const Entry &entry) const;

  /// Why the directory is not used; empty where it is, or where none was named.
  llvm::StringRef refusal() const { return reason; }

private:
  std::string pathOf(llvm::StringRef key) const;
  std::string directory, reason;
};

} // namespace einfall::proof

#endif // EINFALL_PASSES_PROOF_VERDICTCACHE_H
