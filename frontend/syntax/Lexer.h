//===- Lexer.h - From text to tokens ----------------------------*- C++ -*-===//
//
// A total function: every text gives a list of tokens that ends in Eof. A
// character that belongs to no token is reported once per run of such
// characters and skipped; operators of other languages and of print (`&&`, `!`,
// `=<`, `**`, `@`) are reported and give the token that is meant.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_LEXER_H
#define EINFALL_FRONTEND_SYNTAX_LEXER_H

#include "frontend/syntax/Diagnostics.h"
#include "frontend/syntax/Source.h"
#include <vector>

namespace einfall::ein {

enum class TokenKind : uint8_t {
  Eof,
  Name,
  Integer,
  Real,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  Comma,
  Semicolon,
  Colon,
  Assign,
  Arrow,
  DotDot,
  Bar,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
  // Reserved words.
  KwKernel,
  KwDef,
  KwEach,
  KwWhere,
  KwRank,
  KwRequire,
  KwDefault,
  KwElse,
  KwAnd,
  KwOr,
  KwNot,
  KwTrue,
  KwFalse,
  KwInf,
  KwIn,
};

/// How a token is named in a message: "`where`", "a name".
llvm::StringRef describe(TokenKind kind);

struct Token {
  TokenKind kind = TokenKind::Eof;
  bool startsLine = false; // the first token of its line
  SourceRange range;
  llvm::StringRef text;

  bool is(TokenKind other) const { return kind == other; }
  /// A name with this spelling: words such as `of` and `wrt` are not reserved.
  bool isWord(llvm::StringRef word) const {
    return kind == TokenKind::Name && text == word;
  }
};

std::vector<Token> lex(const SourceManager &sources, unsigned buffer,
                       DiagnosticEngine &diagnostics);

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_LEXER_H
