//===- ParseExpr.cpp - Expressions ----------------------------------------===//
//
// From loosest to tightest: or, and, not, comparisons and `in`, + -, * / %,
// sign, access and call. Every recursion passes through tooDeep().
//
//===----------------------------------------------------------------------===//

#include "frontend/syntax/ParserImpl.h"
#include "llvm/ADT/Twine.h"
#include <cmath>

using namespace einfall::ein;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Each `%` of a product deepens the tree by one level.
static constexpr unsigned maxRemainders = 8;

bool ParserImpl::tooDeep(unsigned depth) {
  if (depth <= maxNesting)
    return false;
  diagnostics
      .error(peek().range, Rule::Syn3,
             "this nests " + Twine(depth) + " deep, the limit is " +
                 Twine(maxNesting))
      .remedy("give a part of the expression a name of its own");
  return true;
}

Expr *ParserImpl::makeNary(ExprKind kind, llvm::ArrayRef<Expr *> args,
                           llvm::ArrayRef<Operator> ops) {
  Expr *expr =
      file.makeExpr(kind, args.front()->range.join(args.back()->range));
  expr->args = file.copy<Expr *>(args);
  expr->ops = file.copy<Operator>(ops);
  return expr;
}

Expr *ParserImpl::parseOr(unsigned depth) {
  if (tooDeep(depth))
    return nullptr;
  SmallVector<Expr *, 4> args;
  do {
    Expr *arg = parseAnd(depth);
    if (!arg)
      return nullptr;
    args.push_back(arg);
  } while (accept(TokenKind::KwOr));
  return args.size() == 1 ? args[0] : makeNary(ExprKind::Or, args, {});
}

Expr *ParserImpl::parseAnd(unsigned depth) {
  SmallVector<Expr *, 4> args;
  do {
    Expr *arg = parseNot(depth);
    if (!arg)
      return nullptr;
    args.push_back(arg);
  } while (accept(TokenKind::KwAnd));
  return args.size() == 1 ? args[0] : makeNary(ExprKind::And, args, {});
}

Expr *ParserImpl::parseNot(unsigned depth) {
  if (!atKind(TokenKind::KwNot))
    return parseComparison(depth);
  uint32_t start = take().range.begin;
  if (tooDeep(depth + 1))
    return nullptr;
  Expr *arg = parseNot(depth + 1);
  if (!arg)
    return nullptr;
  Expr *expr = file.makeExpr(ExprKind::Not, {start, arg->range.end});
  expr->args = file.copy<Expr *>(llvm::ArrayRef<Expr *>(arg));
  return expr;
}

static std::optional<Operator> toComparison(TokenKind kind) {
  switch (kind) {
  case TokenKind::Less:
    return Operator::Less;
  case TokenKind::LessEqual:
    return Operator::LessEqual;
  case TokenKind::Greater:
    return Operator::Greater;
  case TokenKind::GreaterEqual:
    return Operator::GreaterEqual;
  case TokenKind::Equal:
    return Operator::Equal;
  case TokenKind::NotEqual:
    return Operator::NotEqual;
  default:
    return std::nullopt;
  }
}

Expr *ParserImpl::parseComparison(unsigned depth) {
  Expr *first = parseSum(depth);
  if (!first)
    return nullptr;
  if (accept(TokenKind::KwIn)) {
    Expr *low = parseSum(depth);
    if (!low || !expect(TokenKind::DotDot, "between the bounds of a range"))
      return nullptr;
    Expr *high = parseSum(depth);
    if (!high)
      return nullptr;
    return makeNary(ExprKind::InRange, {first, low, high}, {});
  }
  SmallVector<Expr *, 4> args{first};
  SmallVector<Operator, 4> ops{Operator::Equal};
  for (;;) {
    std::optional<Operator> op = toComparison(peek().kind);
    if (atKind(TokenKind::Assign)) {
      if (!reportAssignInValue())
        return nullptr;
      op = Operator::Equal;
    }
    if (!op)
      break;
    take();
    Expr *next = parseSum(depth);
    if (!next)
      return nullptr;
    args.push_back(next);
    ops.push_back(*op);
  }
  return args.size() == 1 ? first : makeNary(ExprKind::Compare, args, ops);
}

Expr *ParserImpl::parseSum(unsigned depth) {
  SmallVector<Expr *, 4> args;
  SmallVector<Operator, 4> ops;
  uint32_t start = begin();
  Operator op = Operator::Add;
  if (accept(TokenKind::Minus))
    op = Operator::Subtract;
  else
    accept(TokenKind::Plus);
  for (;;) {
    Expr *arg = parseProduct(depth);
    if (!arg)
      return nullptr;
    args.push_back(arg);
    ops.push_back(op);
    if (accept(TokenKind::Plus))
      op = Operator::Add;
    else if (accept(TokenKind::Minus))
      op = Operator::Subtract;
    else
      break;
  }
  if (args.size() == 1 && ops[0] == Operator::Add)
    return args[0];
  if (args.size() == 1) {
    Expr *expr = file.makeExpr(ExprKind::Negate, {start, args[0]->range.end});
    expr->args = file.copy<Expr *>(args);
    return expr;
  }
  Expr *expr = makeNary(ExprKind::Sum, args, ops);
  expr->range.begin = start;
  return expr;
}

Expr *ParserImpl::parseProduct(unsigned depth) {
  SmallVector<Expr *, 4> args;
  SmallVector<Operator, 4> ops;
  auto finish = [&] {
    return args.size() == 1 ? args[0] : makeNary(ExprKind::Product, args, ops);
  };
  Expr *first = parseSigned(depth);
  if (!first)
    return nullptr;
  args.push_back(first);
  ops.push_back(Operator::Multiply);
  for (unsigned remainders = 0;;) {
    TokenKind kind = peek().kind;
    if (kind != TokenKind::Star && kind != TokenKind::Slash &&
        kind != TokenKind::Percent)
      return finish();
    take();
    Expr *next = parseSigned(depth);
    if (!next)
      return nullptr;
    if (kind == TokenKind::Percent) {
      // Everything to the left is the dividend, as for `/`.
      if (++remainders > maxRemainders) {
        diagnostics.error(next->range, Rule::Syn3,
                          "more than " + Twine(maxRemainders) +
                              " remainders in one product");
        return nullptr;
      }
      Expr *left = finish();
      args = {makeNary(ExprKind::Remainder, {left, next}, {})};
      ops = {Operator::Multiply};
      continue;
    }
    args.push_back(next);
    ops.push_back(kind == TokenKind::Star ? Operator::Multiply
                                          : Operator::Divide);
  }
}

Expr *ParserImpl::parseSigned(unsigned depth) {
  if (!atKind(TokenKind::Minus))
    return parsePrimary(depth);
  uint32_t start = take().range.begin;
  if (tooDeep(depth + 1))
    return nullptr;
  Expr *arg = parseSigned(depth + 1);
  if (!arg)
    return nullptr;
  Expr *expr = file.makeExpr(ExprKind::Negate, {start, arg->range.end});
  expr->args = file.copy<Expr *>(llvm::ArrayRef<Expr *>(arg));
  return expr;
}

Expr *ParserImpl::parseNumber() {
  Token token = take();
  if (token.is(TokenKind::Integer)) {
    Expr *expr = file.makeExpr(ExprKind::Integer, token.range);
    if (token.text.getAsInteger(10, expr->intValue))
      diagnostics.error(token.range, Rule::Lex2,
                        "the integer " + token.text.take_front(40) +
                            " does not fit in 64 bits");
    return expr;
  }
  Expr *expr = file.makeExpr(ExprKind::Real, token.range);
  if (token.text.getAsDouble(expr->realValue, /*AllowInexact=*/true) ||
      !std::isfinite(expr->realValue))
    diagnostics
        .error(token.range, Rule::Lex2,
               "the number " + token.text.take_front(40) + " is out of range")
        .remedy("write `inf` for infinity")
        .fix("write `inf`", {{token.range, "inf"}});
  return expr;
}

Expr *ParserImpl::parsePrimary(unsigned depth) {
  Token token = peek();
  switch (token.kind) {
  case TokenKind::Integer:
  case TokenKind::Real:
    return parseNumber();
  case TokenKind::KwInf: {
    take();
    Expr *expr = file.makeExpr(ExprKind::Real, token.range);
    expr->realValue = HUGE_VAL;
    return expr;
  }
  case TokenKind::KwTrue:
  case TokenKind::KwFalse: {
    take();
    Expr *expr = file.makeExpr(ExprKind::Bool, token.range);
    expr->intValue = token.is(TokenKind::KwTrue);
    return expr;
  }
  case TokenKind::Bar: {
    take();
    Expr *expr = file.makeExpr(ExprKind::Extent, token.range);
    if (!expectName(expr->name, "the rank whose extent is meant"))
      return nullptr;
    if (!atKind(TokenKind::Bar)) {
      diagnostics
          .error(peek().range, Rule::Syn1,
                 "expected `|` after the rank `" + expr->name.name + "`")
          .remedy("`|m|` is the extent of a rank; write `abs(x)` for an "
                  "absolute value");
      return nullptr;
    }
    take();
    expr->range = rangeFrom(token.range.begin);
    return expr;
  }
  case TokenKind::LParen: {
    take();
    Expr *expr = parseRestricted(depth + 1);
    if (!expr)
      return nullptr;
    if (!expectClose(TokenKind::RParen, token.range,
                     "to close this parenthesis"))
      return nullptr;
    expr->parenthesised = true;
    expr->range = rangeFrom(token.range.begin);
    return expr;
  }
  case TokenKind::Name:
    return parseNamed(depth);
  default:
    expected("an expression");
    return nullptr;
  }
}

/// name | name[indices] | name[ranks](args) | name(args)
Expr *ParserImpl::parseNamed(unsigned depth) {
  Token token = take();
  Expr *expr = file.makeExpr(ExprKind::Name, token.range);
  expr->name = {token.text, token.range};
  SmallVector<Expr *, 4> args;
  SmallVector<RankGroup, 4> groups;
  if (atKind(TokenKind::LBracket)) {
    size_t open = at;
    take();
    // Look for a call: its brackets hold ranks and groups of ranks only.
    bool isCall = false, groupsOnly = true;
    unsigned level = 1;
    for (size_t i = at; i < tokens.size() && level; ++i) {
      TokenKind kind = tokens[i].kind;
      if (kind == TokenKind::LBracket || kind == TokenKind::LParen)
        ++level;
      else if (kind == TokenKind::RBracket || kind == TokenKind::RParen)
        --level;
      else if (kind != TokenKind::Name && kind != TokenKind::Comma)
        groupsOnly = false;
      if (kind == TokenKind::LBracket)
        groupsOnly = false;
      if (!level)
        isCall = i + 1 < tokens.size() && tokens[i + 1].is(TokenKind::LParen) &&
                 !tokens[i + 1].startsLine;
      if (!groupsOnly)
        break;
    }
    if (isCall && groupsOnly) {
      SmallVector<Identifier, 4> names;
      do {
        names.clear();
        if (accept(TokenKind::LParen)) {
          if (!parseNames(names, "a rank") ||
              !expect(TokenKind::RParen, "after a group of ranks"))
            return nullptr;
        } else {
          names.emplace_back();
          if (!expectName(names.back(), "a rank"))
            return nullptr;
        }
        groups.push_back({file.copy<Identifier>(names)});
      } while (accept(TokenKind::Comma));
      if (!expect(TokenKind::RBracket, "after the ranks of a call"))
        return nullptr;
      expr->ranks = file.copy<RankGroup>(groups);
    } else {
      at = open + 1;
      if (!parseArgs(args, TokenKind::RBracket, /*restricted=*/false, depth))
        return nullptr;
      expr->kind = ExprKind::Index;
      expr->args = file.copy<Expr *>(args);
      expr->range = rangeFrom(token.range.begin);
      if (atKind(TokenKind::LParen) && !peek().startsLine) {
        diagnostics
            .error(peek().range, Rule::Syn1,
                   "the brackets of a call hold ranks, not expressions")
            .note(expr->range, "in the call of `" + token.text + "`");
        return nullptr;
      }
      return expr;
    }
  }
  if (!atKind(TokenKind::LParen) || (expr->ranks.empty() && peek().startsLine))
    return expr;
  take();
  if (!parseArgs(args, TokenKind::RParen, /*restricted=*/true, depth))
    return nullptr;
  expr->kind = ExprKind::Call;
  expr->args = file.copy<Expr *>(args);
  expr->range = rangeFrom(token.range.begin);
  return expr;
}

/// expr [where condition]
Expr *ParserImpl::parseRestricted(unsigned depth) {
  Expr *value = parseExpr(depth);
  if (!value || !accept(TokenKind::KwWhere))
    return value;
  Expr *condition = parseExpr(depth);
  return condition ? makeNary(ExprKind::Where, {value, condition}, {})
                   : nullptr;
}

bool ParserImpl::parseArgs(llvm::SmallVectorImpl<Expr *> &args, TokenKind close,
                           bool restricted, unsigned depth) {
  SourceRange open = tokens[at - 1].range;
  if (atKind(close)) {
    expected(close == TokenKind::RParen ? "an argument" : "an index");
    return false;
  }
  do {
    if (restricted)
      skipArgumentName();
    Expr *arg = restricted ? parseRestricted(depth + 1) : parseExpr(depth + 1);
    if (!arg)
      return false;
    args.push_back(arg);
  } while (accept(TokenKind::Comma));
  return expectClose(close, open,
                     close == TokenKind::RParen ? "after the arguments"
                                                : "after the indices");
}
