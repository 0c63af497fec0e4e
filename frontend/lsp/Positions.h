//===- Positions.h - Offsets and the protocol's positions -------*- C++ -*-===//
//
// The protocol counts lines from 0 and columns in UTF-16 units from 0; a column
// past the end of its line means the end of the line.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_LSP_POSITIONS_H
#define EINFALL_FRONTEND_LSP_POSITIONS_H

#include "frontend/syntax/Source.h"

namespace llvm::lsp {
struct Position;
struct Range;
} // namespace llvm::lsp

namespace einfall::lsp {

/// The position of an offset of any text; (0, 0) for an offset in none.
llvm::lsp::Position toPosition(const ein::SourceManager &sources,
                               uint32_t offset);
llvm::lsp::Range toRange(const ein::SourceManager &sources,
                         ein::SourceRange range);
/// The offset in text `id`; every position has one, those before the text its
/// begin, those after it its end.
uint32_t toOffset(const ein::SourceManager &sources, unsigned id,
                  llvm::lsp::Position position);

} // namespace einfall::lsp

#endif // EINFALL_FRONTEND_LSP_POSITIONS_H
