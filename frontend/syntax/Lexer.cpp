//===- Lexer.cpp - From text to tokens ------------------------------------===//

#include "frontend/syntax/Lexer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <optional>

using namespace einfall::ein;
using llvm::StringRef;

StringRef einfall::ein::describe(TokenKind kind) {
  switch (kind) {
  case TokenKind::Eof:
    return "the end of the file";
  case TokenKind::Name:
    return "a name";
  case TokenKind::Integer:
    return "an integer";
  case TokenKind::Real:
    return "a number";
  case TokenKind::LParen:
    return "`(`";
  case TokenKind::RParen:
    return "`)`";
  case TokenKind::LBracket:
    return "`[`";
  case TokenKind::RBracket:
    return "`]`";
  case TokenKind::LBrace:
    return "`{`";
  case TokenKind::RBrace:
    return "`}`";
  case TokenKind::Comma:
    return "`,`";
  case TokenKind::Semicolon:
    return "`;`";
  case TokenKind::Colon:
    return "`:`";
  case TokenKind::Assign:
    return "`=`";
  case TokenKind::Arrow:
    return "`->`";
  case TokenKind::DotDot:
    return "`..`";
  case TokenKind::Bar:
    return "`|`";
  case TokenKind::Plus:
    return "`+`";
  case TokenKind::Minus:
    return "`-`";
  case TokenKind::Star:
    return "`*`";
  case TokenKind::Slash:
    return "`/`";
  case TokenKind::Percent:
    return "`%`";
  case TokenKind::Less:
    return "`<`";
  case TokenKind::LessEqual:
    return "`<=`";
  case TokenKind::Greater:
    return "`>`";
  case TokenKind::GreaterEqual:
    return "`>=`";
  case TokenKind::Equal:
    return "`==`";
  case TokenKind::NotEqual:
    return "`!=`";
  case TokenKind::KwKernel:
    return "`kernel`";
  case TokenKind::KwDef:
    return "`def`";
  case TokenKind::KwEach:
    return "`each`";
  case TokenKind::KwWhere:
    return "`where`";
  case TokenKind::KwRank:
    return "`rank`";
  case TokenKind::KwRequire:
    return "`require`";
  case TokenKind::KwDefault:
    return "`default`";
  case TokenKind::KwElse:
    return "`else`";
  case TokenKind::KwAnd:
    return "`and`";
  case TokenKind::KwOr:
    return "`or`";
  case TokenKind::KwNot:
    return "`not`";
  case TokenKind::KwTrue:
    return "`true`";
  case TokenKind::KwFalse:
    return "`false`";
  case TokenKind::KwInf:
    return "`inf`";
  case TokenKind::KwIn:
    return "`in`";
  }
  return "a token";
}

namespace {
class Lexer {
public:
  Lexer(const SourceManager &sources, unsigned buffer,
        DiagnosticEngine &diagnostics)
      : text(sources.getText(buffer)), base(sources.getBase(buffer)),
        diagnostics(diagnostics) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 3 + 8);
    if (text.starts_with("\xEF\xBB\xBF"))
      at = 3;
    for (;;) {
      skipBlank();
      size_t begin = at;
      TokenKind kind = at == text.size() ? TokenKind::Eof : next();
      if (begin != text.size() && at == begin) {
        std::optional<TokenKind> meant = reportStrange();
        if (!meant)
          continue;
        kind = *meant;
      }
      tokens.push_back({kind,
                        startsLine,
                        {base + static_cast<uint32_t>(begin),
                         base + static_cast<uint32_t>(at)},
                        text.slice(begin, at)});
      startsLine = false;
      beforeLast = last;
      last = kind;
      if (kind == TokenKind::Eof)
        return tokens;
    }
  }

private:
  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }

  void skipBlank() {
    while (at < text.size()) {
      char c = text[at];
      if (c == '\n')
        startsLine = true, ++at;
      else if (llvm::isSpace(c))
        ++at;
      else if (c == '/' && peek(1) == '/')
        while (at < text.size() && text[at] != '\n')
          ++at;
      else
        return;
    }
  }

  static bool isNameStart(char c) { return llvm::isAlpha(c) || c == '_'; }
  static bool isNameChar(char c) { return llvm::isAlnum(c) || c == '_'; }

  TokenKind take(size_t length, TokenKind kind) {
    at += length;
    return kind;
  }

  /// The next token; leaves `at` where it was if no token starts here.
  TokenKind next() {
    char c = peek(), d = peek(1);
    if (isNameStart(c))
      return name();
    if (llvm::isDigit(c) || (c == '.' && llvm::isDigit(d)))
      return number();
    switch (c) {
    case '(':
      return take(1, TokenKind::LParen);
    case ')':
      return take(1, TokenKind::RParen);
    case '[':
      return take(1, TokenKind::LBracket);
    case ']':
      return take(1, TokenKind::RBracket);
    case '{':
      return take(1, TokenKind::LBrace);
    case '}':
      return take(1, TokenKind::RBrace);
    case ',':
      return take(1, TokenKind::Comma);
    case ';':
      return take(1, TokenKind::Semicolon);
    case ':':
      return take(1, TokenKind::Colon);
    case '|':
      // `|m||` ends an extent, `a || b` is of another language.
      return d == '|' &&
                     !(last == TokenKind::Name && beforeLast == TokenKind::Bar)
                 ? foreign(2, "or", TokenKind::KwOr)
                 : take(1, TokenKind::Bar);
    case '+':
      return take(1, TokenKind::Plus);
    case '*':
      return d == '*' ? foreign(2, "pow(x, y)", TokenKind::Star)
                      : take(1, TokenKind::Star);
    case '/':
      return take(1, TokenKind::Slash);
    case '%':
      return take(1, TokenKind::Percent);
    case '-':
      return d == '>' ? take(2, TokenKind::Arrow) : take(1, TokenKind::Minus);
    case '<':
      if (d == '>')
        return foreign(2, "!=", TokenKind::NotEqual);
      return d == '=' ? take(2, TokenKind::LessEqual)
                      : take(1, TokenKind::Less);
    case '>':
      return d == '=' ? take(2, TokenKind::GreaterEqual)
                      : take(1, TokenKind::Greater);
    case '=':
      if (d == '<')
        return foreign(2, "<=", TokenKind::LessEqual);
      if (d == '>')
        return foreign(2, ">=", TokenKind::GreaterEqual);
      return d == '=' ? take(2, TokenKind::Equal) : take(1, TokenKind::Assign);
    case '!':
      return d == '=' ? take(2, TokenKind::NotEqual) : TokenKind::Eof;
    case '.':
      return d == '.' ? take(2, TokenKind::DotDot) : TokenKind::Eof;
    default:
      return TokenKind::Eof;
    }
  }

  TokenKind name() {
    size_t begin = at;
    while (isNameChar(peek()))
      ++at;
    return llvm::StringSwitch<TokenKind>(text.slice(begin, at))
        .Case("kernel", TokenKind::KwKernel)
        .Case("def", TokenKind::KwDef)
        .Case("each", TokenKind::KwEach)
        .Case("where", TokenKind::KwWhere)
        .Case("rank", TokenKind::KwRank)
        .Case("require", TokenKind::KwRequire)
        .Case("default", TokenKind::KwDefault)
        .Case("else", TokenKind::KwElse)
        .Case("and", TokenKind::KwAnd)
        .Case("or", TokenKind::KwOr)
        .Case("not", TokenKind::KwNot)
        .Case("true", TokenKind::KwTrue)
        .Case("false", TokenKind::KwFalse)
        .Case("inf", TokenKind::KwInf)
        .Case("in", TokenKind::KwIn)
        .Default(TokenKind::Name);
  }

  TokenKind number() {
    TokenKind kind = TokenKind::Integer;
    while (llvm::isDigit(peek()))
      ++at;
    // `0..n` is a range, not a real.
    if (peek() == '.' && peek(1) != '.') {
      kind = TokenKind::Real;
      ++at;
      while (llvm::isDigit(peek()))
        ++at;
    }
    if (peek() == 'e' || peek() == 'E') {
      size_t digits = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (llvm::isDigit(peek(digits))) {
        kind = TokenKind::Real;
        at += digits;
        while (llvm::isDigit(peek()))
          ++at;
      }
    }
    return kind;
  }

  DiagnosticEngine::Builder error(SourceRange range, const llvm::Twine &what) {
    return diagnostics.error(range, Rule::Lex1, what);
  }

  SourceRange rangeFrom(size_t begin) const {
    return {base + static_cast<uint32_t>(begin),
            base + static_cast<uint32_t>(at)};
  }

  /// The operator of another language is reported and taken for the one that
  /// is meant, so that the parser finds nothing more to say. It is replaced by
  /// `ours` unless that is a call.
  TokenKind foreign(size_t length, StringRef ours, TokenKind meant) {
    StringRef theirs = text.substr(at, length);
    at += length;
    SourceRange range = rangeFrom(at - length);
    auto builder = error(range, "`" + theirs + "` is no operator");
    builder.remedy("write `" + ours + "`");
    if (ours.ends_with(")"))
      return meant;
    // A word stands apart from its neighbours.
    std::string written = ours.str();
    if (llvm::isAlpha(ours.front())) {
      StringRef before = text.take_front(at - length).take_back();
      if (!before.empty() && !llvm::isSpace(before[0]) && before != "(")
        written.insert(0, " ");
      if (!llvm::isSpace(peek()))
        written += " ";
    }
    builder.fix("write `" + ours + "`", {{range, written}});
    return meant;
  }

  /// Characters of papers that have a spelling in ASCII.
  std::optional<TokenKind> takeTypeset() {
    struct Typeset {
      StringRef bytes, ours;
      TokenKind kind;
    };
    static const Typeset list[] = {
        {"\xE2\x89\xA4", "<=", TokenKind::LessEqual},
        {"\xE2\x89\xA5", ">=", TokenKind::GreaterEqual},
        {"\xE2\x89\xA0", "!=", TokenKind::NotEqual},
        {"\xE2\x88\x92", "-", TokenKind::Minus},
        {"\xC3\x97", "*", TokenKind::Star},
        {"\xC2\xB7", "*", TokenKind::Star},
        {"\xE2\x88\x9E", "inf", TokenKind::KwInf},
    };
    for (const Typeset &typeset : list) {
      if (!text.substr(at).starts_with(typeset.bytes))
        continue;
      at += typeset.bytes.size();
      SourceRange range = rangeFrom(at - typeset.bytes.size());
      error(range, "characters outside ASCII stand only in comments")
          .remedy("write `" + typeset.ours + "`")
          .fix("write `" + typeset.ours + "`", {{range, typeset.ours.str()}});
      return typeset.kind;
    }
    return std::nullopt;
  }

  /// A character that starts no token: what is meant, where that is known.
  std::optional<TokenKind> reportStrange() {
    size_t begin = at;
    if (std::optional<TokenKind> meant = takeTypeset())
      return meant;
    switch (peek()) {
    case '&':
      return foreign(peek(1) == '&' ? 2 : 1, "and", TokenKind::KwAnd);
    case '!':
      return foreign(1, "not", TokenKind::KwNot);
    case '^':
      return foreign(1, "pow(x, y)", TokenKind::Star);
    case '@': {
      ++at;
      auto builder = error(rangeFrom(begin), "`@` is no operator");
      builder.remedy("a contraction is a product of named ranks that are not "
                     "on the left: `Q[p,e] * K[m,e]`");
      if (last == TokenKind::RBracket)
        builder.fix("write `*`", {{rangeFrom(begin), "*"}});
      return TokenKind::Star;
    }
    case '?':
      ++at;
      error(rangeFrom(begin), "`?` is no operator")
          .remedy("a choice is written `if(condition, x, y)`");
      // What follows is no Ein either.
      while (at < text.size() && !StringRef("\n;}").contains(text[at]))
        ++at;
      return std::nullopt;
    case '#':
      while (at < text.size() && text[at] != '\n')
        ++at;
      error({rangeFrom(begin).begin, rangeFrom(begin).begin + 1},
            "`#` starts no comment")
          .remedy("write `//`")
          .fix("write `//`",
               {{{rangeFrom(begin).begin, rangeFrom(begin).begin + 1}, "//"}});
      return std::nullopt;
    default:
      break;
    }
    while (at < text.size() && !llvm::isSpace(text[at])) {
      unsigned char c = text[at];
      if (c < 0x80 &&
          (isNameChar(c) || StringRef("()[]{},;:|+*/%-<>=").contains(c)))
        break;
      ++at;
    }
    StringRef strange = text.slice(begin, at);
    if (!llvm::all_of(strange.take_front(16), llvm::isPrint)) {
      error(rangeFrom(begin),
            "characters outside ASCII stand only in comments");
    } else {
      error(rangeFrom(begin),
            "`" + strange.take_front(16) + "` belongs to no token");
    }
    return std::nullopt;
  }

  StringRef text;
  uint32_t base;
  DiagnosticEngine &diagnostics;
  size_t at = 0;
  bool startsLine = true;
  TokenKind last = TokenKind::Eof, beforeLast = TokenKind::Eof;
};
} // namespace

std::vector<Token> einfall::ein::lex(const SourceManager &sources,
                                     unsigned buffer,
                                     DiagnosticEngine &diagnostics) {
  return Lexer(sources, buffer, diagnostics).run();
}
