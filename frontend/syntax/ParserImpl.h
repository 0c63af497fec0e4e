//===- ParserImpl.h - The parser's state (internal) -------------*- C++ -*-===//
//
// Shared by Parser.cpp (declarations, statements), ParseExpr.cpp (expressions)
// and ParseHints.cpp (what a writer may have meant). A parse function that
// fails has reported its error and returns null or false; the caller recovers.
//
//===----------------------------------------------------------------------===//

#ifndef EINFALL_FRONTEND_SYNTAX_PARSERIMPL_H
#define EINFALL_FRONTEND_SYNTAX_PARSERIMPL_H

#include "frontend/syntax/Lexer.h"
#include "frontend/syntax/Parser.h"
#include <optional>

namespace einfall::ein {

class ParserImpl {
public:
  ParserImpl(File &file, std::vector<Token> tokens,
             DiagnosticEngine &diagnostics)
      : file(file), tokens(std::move(tokens)), diagnostics(diagnostics) {}

  void parseFile();

private:
  // Tokens.
  const Token &peek(unsigned ahead = 0) const {
    size_t i = at + ahead;
    return tokens[i < tokens.size() ? i : tokens.size() - 1];
  }
  bool atKind(TokenKind kind) const { return peek().is(kind); }
  Token take() {
    Token token = peek();
    if (!token.is(TokenKind::Eof))
      ++at;
    return token;
  }
  bool accept(TokenKind kind) {
    if (!atKind(kind))
      return false;
    take();
    return true;
  }
  bool acceptWord(llvm::StringRef word) {
    if (!peek().isWord(word))
      return false;
    take();
    return true;
  }
  /// Reports "expected X WHERE, found Y" at the current token.
  void expected(const llvm::Twine &what, llvm::StringRef remedy = {});
  bool expect(TokenKind kind, const llvm::Twine &where);
  /// Takes the bracket that closes the one at `open`, or reports it missing:
  /// where its line ends, if that is where it is missed.
  bool expectClose(TokenKind kind, SourceRange open, const llvm::Twine &where);
  bool expectName(Identifier &name, const llvm::Twine &what);
  SourceRange rangeFrom(uint32_t begin) const {
    return {begin, at ? tokens[at - 1].range.end : begin};
  }
  uint32_t begin() const { return peek().range.begin; }

  // Declarations.
  void parseKernel();
  bool parseGradient(Kernel &kernel);
  void parseDef();
  bool parseParams(llvm::SmallVectorImpl<Param> &params, bool typed);
  bool parseParam(Param &param, bool typed);
  void parseSchedule();
  bool parseShard(llvm::SmallVectorImpl<Shard> &shards);
  bool parseNames(llvm::SmallVectorImpl<Identifier> &names,
                  const llvm::Twine &what);
  void recoverToDeclaration();

  // Statements.
  bool parseBlock(llvm::ArrayRef<Stmt *> &body, unsigned depth);
  Stmt *parseStatement(unsigned depth);
  bool parseRank(Stmt &stmt);
  bool parseBindings(llvm::SmallVectorImpl<RankBinding> &bindings);
  bool parseEquation(Stmt &stmt);
  /// Goes on at the current token only if that is past `failed`, where the
  /// statement began.
  void recoverToStatement(size_t failed);

  // Expressions (ParseExpr.cpp).
  Expr *parseExpr(unsigned depth) { return parseOr(depth); }
  Expr *parseOr(unsigned depth);
  Expr *parseAnd(unsigned depth);
  Expr *parseNot(unsigned depth);
  Expr *parseComparison(unsigned depth);
  Expr *parseSum(unsigned depth);
  Expr *parseProduct(unsigned depth);
  Expr *parseSigned(unsigned depth);
  Expr *parsePrimary(unsigned depth);
  Expr *parseNumber();
  Expr *parseNamed(unsigned depth);
  Expr *parseRestricted(unsigned depth);
  /// After the opening bracket.
  bool parseArgs(llvm::SmallVectorImpl<Expr *> &args, TokenKind close,
                 bool restricted, unsigned depth);
  bool tooDeep(unsigned depth);
  Expr *makeNary(ExprKind kind, llvm::ArrayRef<Expr *> args,
                 llvm::ArrayRef<Operator> ops);

  // What is meant by text of other languages (ParseHints.cpp).
  struct Hint {
    std::string remedy, title; // the title of a fix, if there are edits
    std::vector<Edit> edits;
  };
  static void add(DiagnosticEngine::Builder &error, const Hint &hint);
  std::optional<Hint> hintAtToken() const;
  std::optional<Hint> hintAfterValue() const;
  std::optional<Hint> hintForComment() const;
  bool reportForeignStatement();
  bool reportAssignInValue();
  void skipArgumentName();

  File &file;
  std::vector<Token> tokens;
  DiagnosticEngine &diagnostics;
  size_t at = 0;
};

} // namespace einfall::ein

#endif // EINFALL_FRONTEND_SYNTAX_PARSERIMPL_H
