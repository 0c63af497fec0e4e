//===- Source.h - Source texts and places in them ---------------*- C++ -*-===//
//
// A SourceManager holds every text of one compilation (the user's file, the
// prelude) in one space of 32-bit offsets, so that a place is a number and a
// range is two. Texts live as long as the manager.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_SOURCE_H
#define EINFALL_FRONTEND_SYNTAX_SOURCE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace einfall::ein {

/// A half-open range of bytes. Offset 0 belongs to no text and means "nowhere".
struct SourceRange {
  uint32_t begin = 0;
  uint32_t end = 0;

  bool isValid() const { return begin != 0; }
  /// The smallest range that holds both; an invalid one adds nothing.
  SourceRange join(SourceRange other) const {
    if (!isValid())
      return other;
    if (!other.isValid())
      return *this;
    return {begin < other.begin ? begin : other.begin,
            end > other.end ? end : other.end};
  }
};

/// A place as people count: lines and columns start at 1, columns are bytes.
struct LineColumn {
  unsigned line = 1;
  unsigned column = 1;
};

class SourceManager {
public:
  /// The longest text that is read; more is a diagnosed error of the reader.
  static constexpr uint32_t maxBytes = 64u << 20;

  /// Takes a text; returns its id. `text` must not exceed maxBytes.
  unsigned add(std::string name, std::string text);

  llvm::StringRef getText(unsigned id) const { return buffers[id]->text; }
  llvm::StringRef getName(unsigned id) const { return buffers[id]->name; }
  /// The offset of the first byte of text `id`.
  uint32_t getBase(unsigned id) const { return buffers[id]->base; }
  unsigned size() const { return buffers.size(); }

  /// The text that holds `offset`, or none.
  std::optional<unsigned> find(uint32_t offset) const;
  LineColumn getLineColumn(uint32_t offset) const;
  /// The whole line (1-based) of text `id`, without its line end.
  llvm::StringRef getLine(unsigned id, unsigned line) const;
  /// The text of a range.
  llvm::StringRef getText(SourceRange range) const;

private:
  struct Buffer {
    std::string name, text;
    uint32_t base = 0;
    std::vector<uint32_t> lineStarts; // offsets within the text
  };
  std::vector<std::unique_ptr<Buffer>> buffers;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_SOURCE_H
