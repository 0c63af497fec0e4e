//===- Positions.cpp - Offsets and the protocol's positions ---------------===//

#include "frontend/lsp/Positions.h"
#include "llvm/Support/LSP/Protocol.h"

using namespace einfall;
using llvm::StringRef;

/// How many UTF-16 units the character that begins with `lead` takes; 0 for a
/// byte that begins none.
static unsigned unitsOf(unsigned char lead) {
  return (lead & 0xC0) == 0x80 ? 0 : lead >= 0xF0 ? 2 : 1;
}

llvm::lsp::Position lsp::toPosition(const ein::SourceManager &sources,
                                    uint32_t offset) {
  std::optional<unsigned> id = sources.find(offset);
  if (!id)
    return {0, 0};
  ein::LineColumn place = sources.getLineColumn(offset);
  StringRef before =
      sources.getLine(*id, place.line).take_front(place.column - 1);
  int units = 0;
  for (unsigned char byte : before)
    units += unitsOf(byte);
  return {static_cast<int>(place.line) - 1, units};
}

llvm::lsp::Range lsp::toRange(const ein::SourceManager &sources,
                              ein::SourceRange range) {
  if (!range.isValid())
    return {};
  return {toPosition(sources, range.begin),
          toPosition(sources, std::max(range.begin, range.end))};
}

uint32_t lsp::toOffset(const ein::SourceManager &sources, unsigned id,
                       llvm::lsp::Position position) {
  StringRef text = sources.getText(id);
  size_t at = 0;
  for (int line = 0; line < position.line; ++line) {
    size_t end = text.find('\n', at);
    if (end == StringRef::npos)
      return sources.getBase(id) + text.size();
    at = end + 1;
  }
  int64_t units = position.character;
  if (position.line < 0)
    units = 0;
  while (at < text.size() && text[at] != '\n' && text[at] != '\r') {
    // Continuation bytes belong to the character before them.
    unsigned here = unitsOf(text[at]);
    if (units < here || (units == 0 && here != 0))
      break;
    units -= here;
    ++at;
  }
  return sources.getBase(id) + at;
}
