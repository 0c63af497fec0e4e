//===- LexerTest.cpp - From text to tokens --------------------------------===//

#include "frontend/syntax/Lexer.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

using namespace einfall::ein;

namespace {
struct Lexed {
  SourceManager sources;
  DiagnosticEngine diagnostics;
  std::vector<Token> tokens;
  explicit Lexed(std::string text) {
    unsigned id = sources.add("test.ein", std::move(text));
    tokens = lex(sources, id, diagnostics);
  }
  std::string spelled() const {
    std::string result;
    for (const Token &token : tokens)
      if (!token.is(TokenKind::Eof))
        result += (result.empty() ? "" : " ") + token.text.str();
    return result;
  }
};
} // namespace

TEST(Lexer, SplitsOperatorsAndNames) {
  Lexed lexed("S[h,p]=a<=b!=c..|m| -> x_1 % 2");
  EXPECT_FALSE(lexed.diagnostics.hasErrors());
  EXPECT_EQ(lexed.spelled(), "S [ h , p ] = a <= b != c .. | m | -> x_1 % 2");
}

TEST(Lexer, TellsRangesFromReals) {
  Lexed lexed("0..4 1.5 2e-3 7. 1e 3.e2");
  ASSERT_FALSE(lexed.diagnostics.hasErrors());
  std::vector<TokenKind> kinds;
  for (const Token &token : lexed.tokens)
    kinds.push_back(token.kind);
  using K = TokenKind;
  EXPECT_EQ(kinds,
            (std::vector<K>{K::Integer, K::DotDot, K::Integer, K::Real, K::Real,
                            K::Real, K::Integer, K::Name, K::Real, K::Eof}));
}

TEST(Lexer, SkipsCommentsAndMarksLines) {
  Lexed lexed("a // b é\n  c d");
  ASSERT_EQ(lexed.tokens.size(), 4u);
  EXPECT_TRUE(lexed.tokens[0].startsLine);
  EXPECT_TRUE(lexed.tokens[1].startsLine);
  EXPECT_FALSE(lexed.tokens[2].startsLine);
  EXPECT_FALSE(lexed.diagnostics.hasErrors());
}

TEST(Lexer, ReportsStrangeCharactersOnceARun) {
  Lexed lexed("a $$$ b \xC3\xA9\xC3\xA9 c & d");
  EXPECT_EQ(lexed.spelled(), "a b c & d");
  ASSERT_EQ(lexed.diagnostics.getErrorCount(), 3u);
  EXPECT_EQ(lexed.diagnostics.get()[0].message, "`$$$` belongs to no token");
  EXPECT_EQ(lexed.diagnostics.get()[1].message,
            "characters outside ASCII stand only in comments");
  EXPECT_EQ(lexed.diagnostics.get()[2].notes[0].message, "write `and`");
}

TEST(Lexer, TakesOperatorsOfOthersForOurs) {
  Lexed lexed("a =< b => c <> d || |m| ** e @ f ! g \u2212 h \u00b7 i");
  std::vector<TokenKind> kinds;
  for (const Token &token : lexed.tokens)
    if (!token.is(TokenKind::Name))
      kinds.push_back(token.kind);
  using K = TokenKind;
  EXPECT_EQ(kinds, (std::vector<K>{K::LessEqual, K::GreaterEqual, K::NotEqual,
                                   K::KwOr, K::Bar, K::Bar, K::Star, K::Star,
                                   K::KwNot, K::Minus, K::Star, K::Eof}));
  EXPECT_EQ(lexed.diagnostics.getErrorCount(), 9u);
  for (const Diagnostic &diagnostic : lexed.diagnostics.get())
    EXPECT_FALSE(diagnostic.notes.empty()) << diagnostic.message;
}

TEST(Lexer, EndsExtentsBesideEachOther) {
  Lexed lexed("|m||n|");
  EXPECT_FALSE(lexed.diagnostics.hasErrors());
  EXPECT_EQ(lexed.spelled(), "| m | | n |");
}

TEST(Lexer, EndsOnEveryByte) {
  for (int byte = 0; byte < 256; ++byte) {
    Lexed lexed(std::string(3, static_cast<char>(byte)));
    ASSERT_FALSE(lexed.tokens.empty());
    EXPECT_TRUE(lexed.tokens.back().is(TokenKind::Eof)) << byte;
  }
}
