//===- Parser.h - From tokens to the syntax tree ----------------*- C++ -*-===//
//
// Recursive descent over the grammar of docs/language.md. After an error it
// skips to the next statement or declaration and goes on, so one run reports
// every independent error. Nesting is limited (rule syn.3): no text can exhaust
// the stack.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_PARSER_H
#define EINFALL_FRONTEND_SYNTAX_PARSER_H

#include "frontend/syntax/Ast.h"
#include "frontend/syntax/Diagnostics.h"

namespace einfall::ein {

/// The deepest nesting of brackets, calls, blocks and signs (rule syn.3).
constexpr unsigned maxNesting = 100;

/// Parses text `buffer`. Always returns a file, which holds what could be read;
/// errors are in `diagnostics`.
std::unique_ptr<File> parse(const SourceManager &sources, unsigned buffer,
                            DiagnosticEngine &diagnostics);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_PARSER_H
