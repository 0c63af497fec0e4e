//===- ParseHints.cpp - What a writer may have meant ----------------------===//
//
// Who knows another language writes `x if c`, `c = 4` or `x[0:4]` first. Where
// the grammar fails, these functions look at a few tokens around the place and
// name the way to say it in Ein, with edits where there is one only.
//
//===----------------------------------------------------------------------===//

#include "frontend/syntax/ParserImpl.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::StringRef;
using llvm::Twine;

void ParserImpl::add(DiagnosticEngine::Builder &error, const Hint &hint) {
  error.remedy(hint.remedy);
  if (!hint.edits.empty())
    error.fix(hint.title, hint.edits);
}

/// A quotient of Python begins a comment, which swallows a closing bracket.
std::optional<ParserImpl::Hint> ParserImpl::hintForComment() const {
  if (at == 0)
    return std::nullopt;
  const Token &last = tokens[at - 1];
  const char *from = last.text.end(), *to = peek().text.begin();
  StringRef line = StringRef(from, to - from).split('\n').first;
  size_t slashes = line.find("//");
  if (slashes == StringRef::npos)
    return std::nullopt;
  int open = 0;
  bool closes = false;
  for (char c : line.drop_front(slashes)) {
    open += c == '(' || c == '[';
    open -= c == ')' || c == ']';
    closes |= open < 0;
  }
  if (!closes)
    return std::nullopt;
  uint32_t begin = last.range.end + static_cast<uint32_t>(slashes);
  return Hint{"`//` starts a comment; `/` floors where integers meet",
              "write `/`",
              {{{begin, begin + 2}, "/"}}};
}

/// At a token that the grammar does not take there.
std::optional<ParserImpl::Hint> ParserImpl::hintAtToken() const {
  const Token &token = peek();
  TokenKind before = at ? tokens[at - 1].kind : TokenKind::Eof;
  if (std::optional<Hint> hint = hintForComment())
    return hint;
  if (token.isWord("if") || token.isWord("when")) {
    bool hasElse = false;
    for (size_t i = at; i + 1 < tokens.size() && !tokens[i + 1].startsLine; ++i)
      hasElse |= tokens[i].is(TokenKind::KwElse);
    if (hasElse)
      return Hint{"a choice is written `if(condition, x, y)`", "", {}};
    return Hint{"what a condition leaves out is written `x where condition`, a "
                "choice `if(condition, x, y)`",
                "write `where`",
                {{token.range, "where"}}};
  }
  if (token.isWord("for"))
    return Hint{"no loop is written: a rank that is not on the left is summed, "
                "and `sum[m](x)` sums over m",
                "",
                {}};
  if (token.isWord("then"))
    return Hint{"a choice is written `if(condition, x, y)`", "", {}};
  if (token.is(TokenKind::LBracket) && before == TokenKind::RBracket)
    return Hint{"all indices stand in one pair of brackets",
                "write `,`",
                {{{tokens[at - 1].range.begin, token.range.end}, ","}}};
  if (token.is(TokenKind::Equal))
    return Hint{"`==` compares; an equation is written with `=`",
                "write `=`",
                {{token.range, "="}}};
  if (token.is(TokenKind::Colon)) {
    if (peek(1).is(TokenKind::Assign))
      return Hint{"an equation is written with `=`",
                  "write `=`",
                  {{{token.range.begin, peek(1).range.end}, "="}}};
    return Hint{
        "no slice is written: a rank as an index stands for each of its "
        "coordinates, and `where` leaves some out",
        "",
        {}};
  }
  bool updates = token.is(TokenKind::Plus) || token.is(TokenKind::Minus) ||
                 token.is(TokenKind::Star) || token.is(TokenKind::Slash);
  if (updates && peek(1).is(TokenKind::Assign) &&
      token.range.end == peek(1).range.begin)
    return Hint{"nothing is updated: an equation says the whole value, and a "
                "rank that is not on the left is summed",
                "",
                {}};
  return std::nullopt;
}

/// At a token after a complete equation.
std::optional<ParserImpl::Hint> ParserImpl::hintAfterValue() const {
  const Token &token = peek();
  if (std::optional<Hint> hint = hintAtToken())
    return hint;
  if (tokens[at - 1].isWord("if"))
    return Hint{"a choice is written `if(condition, x, y)`", "", {}};
  switch (token.kind) {
  case TokenKind::RParen:
  case TokenKind::RBracket:
    return Hint{("this `" + token.text + "` closes no bracket").str(),
                ("remove `" + token.text + "`").str(),
                {{token.range, ""}}};
  case TokenKind::KwWhere:
    return Hint{"conditions are joined by `and`",
                "write `and`",
                {{token.range, "and"}}};
  case TokenKind::KwElse:
    return Hint{"an output declares what is stored where it is absent, as in "
                "`y[m]: f32 else 0`; within an equation write `or_else(x, v)`",
                "",
                {}};
  default:
    break;
  }
  // `sum[m] x`
  if (at < 4 || !tokens[at - 1].is(TokenKind::RBracket))
    return std::nullopt;
  size_t open = at - 1;
  while (open > 0 && !tokens[open].is(TokenKind::LBracket))
    --open;
  StringRef reductions[] = {"sum", "max", "min", "any", "all", "count", "mean"};
  if (open == 0 || !llvm::is_contained(reductions, tokens[open - 1].text))
    return std::nullopt;
  return Hint{("what is reduced stands in parentheses: `" +
               tokens[open - 1].text + "[..](x)`")
                  .str(),
              "",
              {}};
}

/// A statement of another language. Whether one was reported.
bool ParserImpl::reportForeignStatement() {
  const Token &token = peek();
  if (!token.is(TokenKind::Name) || !peek(1).is(TokenKind::Name) ||
      peek(1).startsLine)
    return false;
  auto report = [&](StringRef remedy) {
    return diagnostics
        .error(token.range, Rule::Syn1,
               "`" + token.text + "` starts no statement")
        .remedy(remedy);
  };
  if (token.text == "let" || token.text == "var" || token.text == "const") {
    report("an equation is its name, `=` and a value")
        .fix("remove `" + token.text + "`",
             {{{token.range.begin, peek(1).range.begin}, ""}});
    return true;
  }
  if (token.text == "for") {
    report("no loop is written: an equation holds for all coordinates of the "
           "ranks on its left; `each b, h { ... }` writes them once");
    return true;
  }
  if (token.text == "return") {
    report("an output is defined by the equation of its name");
    return true;
  }
  return false;
}

/// At a `=` after a value. Whether a comparison is meant; otherwise the line
/// before was not finished, and the statement at the current token is next.
bool ParserImpl::reportAssignInValue() {
  // A name or an access that starts a line, after an operator, is a left side.
  size_t start = at - 1;
  if (tokens[start].is(TokenKind::RBracket))
    while (start > 0 && !tokens[start].is(TokenKind::LBracket) &&
           !tokens[start].startsLine)
      --start;
  if (start > 0 && tokens[start].is(TokenKind::LBracket))
    --start;
  TokenKind before = start ? tokens[start - 1].kind : TokenKind::Eof;
  bool dangles = before == TokenKind::Plus || before == TokenKind::Minus ||
                 before == TokenKind::Star || before == TokenKind::Slash ||
                 before == TokenKind::Percent;
  if (tokens[start].is(TokenKind::Name) && tokens[start].startsLine &&
      dangles) {
    diagnostics.error(tokens[start - 1].range, Rule::Syn1,
                      "expected an operand after `" + tokens[start - 1].text +
                          "`, found the next equation");
    at = start;
    return false;
  }
  diagnostics
      .error(peek().range, Rule::Syn1, "`=` defines, it does not compare")
      .remedy("write `==`")
      .fix("write `==`", {{peek().range, "=="}});
  return true;
}

/// `k = 16` as an argument: reported, and taken for `16`.
void ParserImpl::skipArgumentName() {
  if (!atKind(TokenKind::Name) || !peek(1).is(TokenKind::Assign))
    return;
  diagnostics
      .error({peek().range.begin, peek(1).range.end}, Rule::Syn1,
             "an argument is given by its position, not by a name")
      .remedy("leave out `" + peek().text + " =`")
      .fix("remove `" + peek().text + " =`",
           {{{peek().range.begin, peek(2).range.begin}, ""}});
  take();
  take();
}
