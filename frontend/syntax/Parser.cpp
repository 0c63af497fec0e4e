//===- Parser.cpp - Declarations and statements ---------------------------===//

#include "frontend/syntax/Parser.h"
#include "frontend/syntax/ParserImpl.h"
#include "llvm/ADT/Twine.h"

using namespace einfall::ein;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

//===----------------------------------------------------------------------===//
// Tokens and recovery
//===----------------------------------------------------------------------===//

void ParserImpl::expected(const Twine &what, StringRef remedy) {
  const Token &token = peek();
  std::string found = describe(token.kind).str();
  if (token.is(TokenKind::Name) || token.is(TokenKind::Integer) ||
      token.is(TokenKind::Real))
    found = ("`" + token.text.take_front(40) + "`").str();
  auto error = diagnostics.error(token.range, Rule::Syn1,
                                 "expected " + what + ", found " + found);
  if (std::optional<Hint> hint = hintAtToken())
    add(error, *hint);
  else if (token.kind >= TokenKind::KwKernel)
    error.note("`" + token.text + "` is a reserved word");
  if (!remedy.empty())
    error.remedy(remedy);
}

bool ParserImpl::expect(TokenKind kind, const Twine &where) {
  if (accept(kind))
    return true;
  expected(describe(kind) + " " + where);
  return false;
}

bool ParserImpl::expectClose(TokenKind kind, SourceRange open,
                             const Twine &where) {
  if (accept(kind))
    return true;
  bool atEnd = peek().startsLine || atKind(TokenKind::RBrace) ||
               atKind(TokenKind::Semicolon) || atKind(TokenKind::Arrow) ||
               atKind(TokenKind::Eof);
  if (!atEnd) {
    expected(describe(kind) + " " + where);
    return false;
  }
  uint32_t end = tokens[at - 1].range.end;
  StringRef spelled = kind == TokenKind::RParen ? ")" : "]";
  auto error = diagnostics.error({end, end}, Rule::Syn1,
                                 "expected `" + spelled + "` " + where);
  error.note(open, "this bracket is not closed");
  if (std::optional<Hint> hint = hintForComment())
    add(error, *hint);
  else if (kind == TokenKind::RParen)
    error.fix("write `)`", {{{end, end}, ")"}});
  return false;
}

bool ParserImpl::expectName(Identifier &name, const Twine &what) {
  if (!atKind(TokenKind::Name)) {
    expected(what);
    return false;
  }
  Token token = take();
  name = {token.text, token.range};
  return true;
}

bool ParserImpl::parseNames(llvm::SmallVectorImpl<Identifier> &names,
                            const Twine &what) {
  do {
    names.emplace_back();
    if (!expectName(names.back(), what))
      return false;
  } while (accept(TokenKind::Comma));
  return true;
}

/// Skips to the next token that can start a declaration: a keyword at the start
/// of a line, outside of what the braces seen on the way enclose.
void ParserImpl::recoverToDeclaration() {
  while (!atKind(TokenKind::Eof)) {
    if (peek().startsLine &&
        (atKind(TokenKind::KwKernel) || atKind(TokenKind::KwDef) ||
         peek().isWord("schedule") || peek().isWord("shard")))
      return;
    take();
  }
}

/// Skips to the next line that can start a statement, or to the closing brace.
void ParserImpl::recoverToStatement(size_t failed) {
  unsigned open = 0;
  for (bool first = at == failed; !atKind(TokenKind::Eof); first = false) {
    const Token &token = peek();
    if (token.is(TokenKind::KwKernel) || token.is(TokenKind::KwDef))
      return;
    if (token.is(TokenKind::RBrace) && open == 0)
      return;
    if (!first && token.startsLine && open == 0 &&
        (token.is(TokenKind::Name) || token.is(TokenKind::KwRank) ||
         token.is(TokenKind::KwEach) || token.is(TokenKind::KwRequire) ||
         token.is(TokenKind::KwDefault)))
      return;
    if (token.is(TokenKind::LBrace))
      ++open;
    if (token.is(TokenKind::RBrace))
      --open;
    bool semicolon = token.is(TokenKind::Semicolon);
    take();
    if (semicolon && open == 0)
      return;
  }
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

void ParserImpl::parseFile() {
  while (!atKind(TokenKind::Eof)) {
    size_t before = at;
    if (atKind(TokenKind::KwKernel)) {
      parseKernel();
    } else if (atKind(TokenKind::KwDef)) {
      parseDef();
    } else if (peek().isWord("schedule")) {
      parseSchedule();
    } else if (peek().isWord("shard")) {
      Schedule *schedule = file.make<Schedule>();
      SmallVector<Shard, 1> shards;
      schedule->range = take().range;
      if (parseShard(shards)) {
        schedule->range = rangeFrom(schedule->range.begin);
        schedule->shards = file.copy<Shard>(shards);
        file.schedules.push_back(schedule);
      } else {
        recoverToDeclaration();
      }
    } else if (atKind(TokenKind::KwDefault)) {
      take();
      SmallVector<RankBinding, 4> bindings;
      if (parseBindings(bindings))
        file.defaults.insert(file.defaults.end(), bindings.begin(),
                             bindings.end());
      else
        recoverToDeclaration();
    } else if (!accept(TokenKind::Semicolon)) {
      expected("`kernel`, `def`, `schedule`, `shard` or `default`");
      take();
      recoverToDeclaration();
    }
    if (at == before)
      take();
  }
}

bool ParserImpl::parseParam(Param &param, bool typed) {
  if (!expectName(param.name, "a name"))
    return false;
  SmallVector<Expr *, 4> dims;
  if (accept(TokenKind::LBracket) &&
      !parseArgs(dims, TokenKind::RBracket, /*restricted=*/false, 0))
    return false;
  param.dims = file.copy<Expr *>(dims);
  if (!typed) {
    bool isTyped = atKind(TokenKind::Colon);
    if (!isTyped && !atKind(TokenKind::Assign))
      return true;
    diagnostics
        .error(peek().range, Rule::Syn1,
               isTyped ? "a def has no types" : "a parameter has no default")
        .remedy(isTyped ? "leave out the type: a def is inlined"
                        : "only a scalar input of a kernel has one");
    return false;
  }
  if (!atKind(TokenKind::Colon)) {
    expected("`:` and an element type after `" + param.name.name + "`",
             "inputs and outputs are declared as in `Q[p,e]: bf16`");
    return false;
  }
  take();
  if (!expectName(param.type, "an element type"))
    return false;
  if (acceptWord("packed") &&
      !expectName(param.packed, "the rank along which elements are packed"))
    return false;
  if (accept(TokenKind::Assign) && !(param.value = parseExpr(0)))
    return false;
  if (accept(TokenKind::KwElse) && !(param.filler = parseExpr(0)))
    return false;
  return true;
}

bool ParserImpl::parseParams(llvm::SmallVectorImpl<Param> &params, bool typed) {
  SourceRange open = peek().range;
  if (!expect(TokenKind::LParen, "before the parameters"))
    return false;
  if (accept(TokenKind::RParen))
    return true;
  do {
    params.emplace_back();
    if (!parseParam(params.back(), typed))
      return false;
  } while (accept(TokenKind::Comma));
  return expectClose(TokenKind::RParen, open, "after the parameters");
}

void ParserImpl::parseKernel() {
  uint32_t start = take().range.begin;
  Kernel *kernel = file.make<Kernel>();
  bool ok = expectName(kernel->name, "the name of the kernel");
  if (ok && accept(TokenKind::Assign)) {
    if (!parseGradient(*kernel))
      return recoverToDeclaration();
    kernel->range = rangeFrom(start);
    file.kernels.push_back(kernel);
    return;
  }
  SmallVector<Param, 8> inputs, outputs;
  ok = ok && parseParams(inputs, /*typed=*/true) &&
       expect(TokenKind::Arrow, "before the outputs");
  if (ok) {
    do {
      outputs.emplace_back();
      ok = parseParam(outputs.back(), /*typed=*/true);
    } while (ok && accept(TokenKind::Comma));
  }
  if (!ok)
    return recoverToDeclaration();
  kernel->inputs = file.copy<Param>(inputs);
  kernel->outputs = file.copy<Param>(outputs);
  kernel->range = rangeFrom(start);
  file.kernels.push_back(kernel);
  parseBlock(kernel->body, 0);
}

/// `= grad NAME wrt a, b saving c, d`
bool ParserImpl::parseGradient(Kernel &kernel) {
  if (!acceptWord("grad")) {
    expected("`grad`");
    return false;
  }
  kernel.gradient = file.make<Gradient>();
  SmallVector<Identifier, 4> wrt, saving;
  if (!expectName(kernel.gradient->of, "the name of a kernel"))
    return false;
  if (!acceptWord("wrt")) {
    expected("`wrt` and the inputs to differentiate by");
    return false;
  }
  if (!parseNames(wrt, "an input"))
    return false;
  if (acceptWord("saving") && !parseNames(saving, "an output"))
    return false;
  kernel.gradient->wrt = file.copy<Identifier>(wrt);
  kernel.gradient->saving = file.copy<Identifier>(saving);
  return true;
}

void ParserImpl::parseDef() {
  uint32_t start = take().range.begin;
  Def *def = file.make<Def>();
  SmallVector<Identifier, 2> ranks;
  SmallVector<Param, 4> params;
  bool ok = expectName(def->name, "the name of the def");
  if (ok && accept(TokenKind::LBracket))
    ok = parseNames(ranks, "a rank parameter") &&
         expect(TokenKind::RBracket, "after the rank parameters");
  ok = ok && parseParams(params, /*typed=*/false) &&
       expect(TokenKind::Arrow, "before the result") &&
       parseParam(def->result, /*typed=*/false);
  if (!ok)
    return recoverToDeclaration();
  def->ranks = file.copy<Identifier>(ranks);
  def->params = file.copy<Param>(params);
  def->range = rangeFrom(start);
  file.defs.push_back(def);
  parseBlock(def->body, 0);
}

/// `shard` p, m over ring
bool ParserImpl::parseShard(llvm::SmallVectorImpl<Shard> &shards) {
  Shard &shard = shards.emplace_back();
  SmallVector<Identifier, 2> ranks;
  if (!parseNames(ranks, "a rank to shard"))
    return false;
  if (!acceptWord("over")) {
    expected("`over` and how the devices exchange");
    return false;
  }
  shard.ranks = file.copy<Identifier>(ranks);
  return expectName(shard.over, "ring, alltoall, allgather or state");
}

/// `schedule K [for TARGET] { tile p = 128, m = 176; stages 2; shard m over
/// ring }`
void ParserImpl::parseSchedule() {
  uint32_t start = take().range.begin;
  Schedule *schedule = file.make<Schedule>();
  bool ok = expectName(schedule->kernel, "the kernel to schedule");
  if (ok && acceptWord("for"))
    ok = expectName(schedule->target, "a target");
  if (!ok || !expect(TokenKind::LBrace, "before the schedule"))
    return recoverToDeclaration();
  SmallVector<TileSize, 4> tiles;
  SmallVector<Shard, 2> shards;
  while (!atKind(TokenKind::RBrace) && !atKind(TokenKind::Eof)) {
    if (accept(TokenKind::Semicolon))
      continue;
    if (acceptWord("tile")) {
      do {
        tiles.emplace_back();
        if (!expectName(tiles.back().rank, "a rank to tile") ||
            !expect(TokenKind::Assign, "and a tile size") ||
            !(tiles.back().size = parseExpr(0))) {
          tiles.pop_back();
          return recoverToDeclaration();
        }
      } while (accept(TokenKind::Comma));
    } else if (acceptWord("stages")) {
      if (!(schedule->stages = parseExpr(0)))
        return recoverToDeclaration();
    } else if (acceptWord("shard")) {
      if (!parseShard(shards))
        return recoverToDeclaration();
    } else {
      expected("`tile`, `stages` or `shard`");
      return recoverToDeclaration();
    }
  }
  if (!expect(TokenKind::RBrace, "after the schedule"))
    return recoverToDeclaration();
  schedule->range = rangeFrom(start);
  schedule->tiles = file.copy<TileSize>(tiles);
  schedule->shards = file.copy<Shard>(shards);
  file.schedules.push_back(schedule);
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

bool ParserImpl::parseBlock(llvm::ArrayRef<Stmt *> &body, unsigned depth) {
  SourceRange open = peek().range;
  if (!expect(TokenKind::LBrace, "before the equations")) {
    recoverToDeclaration();
    return false;
  }
  std::vector<Stmt *> statements;
  bool separated = true;
  while (!atKind(TokenKind::RBrace)) {
    if (atKind(TokenKind::Eof) || atKind(TokenKind::KwKernel) ||
        atKind(TokenKind::KwDef)) {
      expected("`}`");
      diagnostics.error(open, Rule::Syn1, "this `{` is not closed");
      break;
    }
    if (accept(TokenKind::Semicolon)) {
      separated = true;
      continue;
    }
    if (!separated && !peek().startsLine) {
      std::optional<Hint> hint = hintAfterValue();
      auto error =
          diagnostics.error(peek().range, hint ? Rule::Syn1 : Rule::Syn2,
                            "expected an operator or the end of the line, "
                            "found `" +
                                peek().text.take_front(40) + "`");
      if (hint)
        add(error, *hint);
      else
        error
            .remedy("put the next statement on a line of its own or write `;` "
                    "before it; a product is written with `*`")
            .fix("write `;`",
                 {{{peek().range.begin, peek().range.begin}, "; "}});
      recoverToStatement(at);
      continue;
    }
    size_t before = at;
    if (Stmt *stmt = parseStatement(depth)) {
      statements.push_back(stmt);
      separated = false;
    } else {
      recoverToStatement(before);
      separated = true;
    }
    if (at == before)
      take();
  }
  accept(TokenKind::RBrace);
  body = file.copy<Stmt *>(statements);
  return true;
}

Stmt *ParserImpl::parseStatement(unsigned depth) {
  uint32_t start = begin();
  Stmt *stmt = file.make<Stmt>();
  bool ok = false;
  switch (peek().kind) {
  case TokenKind::KwRank:
    ok = parseRank(*stmt);
    break;
  case TokenKind::KwDefault: {
    take();
    stmt->kind = StmtKind::Default;
    SmallVector<RankBinding, 4> bindings;
    ok = parseBindings(bindings);
    stmt->bindings = file.copy<RankBinding>(bindings);
    break;
  }
  case TokenKind::KwRequire: {
    take();
    stmt->kind = StmtKind::Require;
    SmallVector<Expr *, 4> conditions;
    do {
      Expr *condition = parseExpr(0);
      if (!condition)
        return nullptr;
      conditions.push_back(condition);
    } while (accept(TokenKind::Comma));
    stmt->conditions = file.copy<Expr *>(conditions);
    ok = true;
    break;
  }
  case TokenKind::KwEach: {
    take();
    stmt->kind = StmtKind::Each;
    SmallVector<Identifier, 4> ranks;
    if (tooDeep(depth + 1) || !parseNames(ranks, "a rank"))
      return nullptr;
    stmt->ranks = file.copy<Identifier>(ranks);
    ok = parseBlock(stmt->body, depth + 1);
    break;
  }
  default:
    ok = parseEquation(*stmt);
    break;
  }
  if (!ok)
    return nullptr;
  stmt->range = rangeFrom(start);
  return stmt;
}

/// name = expr, ...
bool ParserImpl::parseBindings(llvm::SmallVectorImpl<RankBinding> &bindings) {
  do {
    bindings.emplace_back();
    if (!expectName(bindings.back().rank, "a rank") ||
        !expect(TokenKind::Assign, "and an extent") ||
        !(bindings.back().value = parseExpr(0)))
      return false;
  } while (accept(TokenKind::Comma));
  return true;
}

/// rank r = 64, c = ceil(|m| / 64) | rank p of s in lo .. hi
bool ParserImpl::parseRank(Stmt &stmt) {
  take();
  stmt.kind = StmtKind::Rank;
  SmallVector<RankBinding, 4> bindings;
  do {
    RankBinding &binding = bindings.emplace_back();
    if (!expectName(binding.rank, "a rank"))
      return false;
    if (acceptWord("of")) {
      if (!expectName(binding.parent, "the rank that it depends on") ||
          !expect(TokenKind::KwIn, "and the bounds of the ragged rank") ||
          !(binding.low = parseSum(0)) ||
          !expect(TokenKind::DotDot, "between the bounds") ||
          !(binding.high = parseSum(0)))
        return false;
    } else if (!expect(TokenKind::Assign, "and an extent, or `of`") ||
               !(binding.value = parseExpr(0))) {
      return false;
    }
  } while (accept(TokenKind::Comma));
  stmt.bindings = file.copy<RankBinding>(bindings);
  return true;
}

bool ParserImpl::parseEquation(Stmt &stmt) {
  stmt.kind = StmtKind::Equation;
  if (reportForeignStatement() || !expectName(stmt.name, "a statement"))
    return false;
  SmallVector<Expr *, 4> left;
  if (accept(TokenKind::LBracket) &&
      !parseArgs(left, TokenKind::RBracket, /*restricted=*/false, 0))
    return false;
  stmt.left = file.copy<Expr *>(left);
  if (!expect(TokenKind::Assign, "after the left side of an equation") ||
      !(stmt.value = parseExpr(0)))
    return false;
  if (accept(TokenKind::KwWhere) && !(stmt.condition = parseExpr(0)))
    return false;
  return true;
}

std::unique_ptr<File> einfall::ein::parse(const SourceManager &sources,
                                          unsigned buffer,
                                          DiagnosticEngine &diagnostics) {
  auto file = std::make_unique<File>();
  file->buffer = buffer;
  size_t before = diagnostics.get().size();
  ParserImpl(*file, lex(sources, buffer, diagnostics), diagnostics).parseFile();
  // The lexer has reported what it found in the whole text first.
  diagnostics.sortByPlace(before);
  return file;
}
