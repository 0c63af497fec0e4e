//===- Mutator.cpp - Programs changed by their grammar --------------------===//

#include "test/fuzz/Mutator.h"

#include "frontend/sema/Builtins.h"
#include "frontend/syntax/Lexer.h"
#include "frontend/syntax/Parser.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <random>

using namespace einfall;
using namespace einfall::ein;
using fuzz::Mutator;
using llvm::StringRef;

namespace {
/// A parsed text, and the places that a change may choose from.
class Places {
public:
  explicit Places(std::string_view text) {
    id = sources.add("mutated.ein", std::string(text));
    file = parse(sources, id, diagnostics);
    tokens = lex(sources, id, diagnostics);
    for (Kernel *kernel : file->kernels) {
      definitions.push_back(kernel->range);
      for (auto params : {kernel->inputs, kernel->outputs})
        for (Param &param : params)
          add(param);
      add(kernel->body);
    }
    for (Def *def : file->defs) {
      definitions.push_back(def->range);
      add(def->body);
    }
    for (RankBinding &binding : file->defaults)
      add(binding);
  }

  StringRef text() const { return sources.getText(id); }
  StringRef text(SourceRange range) const { return sources.getText(range); }
  uint32_t base() const { return sources.getBase(id); }

  std::vector<Expr *> expressions; ///< none of them within indices on the left
  std::vector<Stmt *> statements;
  std::vector<SourceRange> definitions;
  std::vector<SourceRange> types, numbers;
  std::vector<Token> tokens; ///< the last one is the end

private:
  void add(Expr *expr) {
    if (!expr)
      return;
    expressions.push_back(expr);
    if (expr->kind == ExprKind::Integer || expr->kind == ExprKind::Real)
      numbers.push_back(expr->range);
    for (Expr *arg : expr->args)
      add(arg);
  }
  void add(Param &param) {
    types.push_back(param.type.range);
    for (Expr *dim : param.dims)
      add(dim);
    add(param.value);
    add(param.filler);
  }
  void add(RankBinding &binding) {
    add(binding.low);
    add(binding.high);
    add(binding.value);
  }
  void add(llvm::ArrayRef<Stmt *> body) {
    for (Stmt *stmt : body) {
      statements.push_back(stmt);
      for (Expr *index : stmt->left)
        add(index);
      add(stmt->value);
      add(stmt->condition);
      for (RankBinding &binding : stmt->bindings)
        add(binding);
      for (Expr *condition : stmt->conditions)
        add(condition);
      add(stmt->body);
    }
  }

  SourceManager sources;
  DiagnosticEngine diagnostics;
  std::unique_ptr<File> file;
  unsigned id;
};

/// One change of a text.
class Change {
public:
  Change(const Places &places, const Mutator::Pool &pool,
         std::mt19937_64 &random)
      : places(places), pool(pool), random(random) {}

  /// The changed text; nothing where this kind of change finds no place.
  std::optional<std::string> make();

private:
  size_t pick(size_t count) { return random() % count; }
  template <typename List> auto &oneOf(const List &list) {
    return list[pick(std::size(list))];
  }
  bool chance(unsigned of) { return pick(of) == 0; }

  std::string replaced(SourceRange range, StringRef by) {
    std::string text = places.text().str();
    text.replace(range.begin - places.base(), range.end - range.begin,
                 by.str());
    return text;
  }
  std::string inserted(uint32_t at, StringRef what) {
    return replaced({at, at}, what);
  }
  std::string exchanged(SourceRange a, SourceRange b);

  /// An expression of this program, or of another.
  std::string anyExpression();
  /// A rank or tensor of this program.
  std::string anyName();
  std::string anyNumber();
  std::string wrapped(StringRef expression);

  std::optional<std::string> changeExpression();
  std::optional<std::string> changeStatement();
  std::optional<std::string> changeDefinition();
  std::optional<std::string> changeToken();

  const Places &places;
  const Mutator::Pool &pool;
  std::mt19937_64 &random;
};
} // namespace

std::string Change::exchanged(SourceRange a, SourceRange b) {
  if (b.begin < a.begin)
    std::swap(a, b);
  std::string first = places.text(a).str(), second = places.text(b).str();
  if (a.end > b.begin) // one within the other: the inner one alone
    return replaced(a, second);
  std::string text = places.text().str();
  text.replace(b.begin - places.base(), b.end - b.begin, first);
  text.replace(a.begin - places.base(), a.end - a.begin, second);
  return text;
}

std::string Change::anyExpression() {
  if (!pool.expressions.empty() && chance(2))
    return oneOf(pool.expressions);
  if (!places.expressions.empty())
    return places.text(oneOf(places.expressions)->range).str();
  return anyNumber();
}

std::string Change::anyName() {
  for (int attempt = 0; attempt < 20; ++attempt)
    if (const Token &token = oneOf(places.tokens); token.is(TokenKind::Name))
      return token.text.str();
  return "m";
}

std::string Change::anyNumber() {
  static constexpr const char *numbers[] = {
      "0",    "1",   "-1",  "2",    "3",          "7",
      "16",   "64",  "0.5", "1e30", "1e-30",      "inf",
      "-inf", "0.0", "100", "1000", "2147483648", "9223372036854775807"};
  return oneOf(numbers);
}

/// The expression with something around it.
std::string Change::wrapped(StringRef expression) {
  std::string inner = expression.str();
  switch (pick(9)) {
  case 0: {
    const Builtin &builtin = getBuiltins()[pick(getBuiltins().size())];
    std::string call = builtin.name.str();
    if (builtin.kind == BuiltinKind::Reduce ||
        builtin.kind == BuiltinKind::TopK ||
        builtin.kind == BuiltinKind::Select)
      call += "[" + anyName() + "]";
    call += "(" + inner;
    for (unsigned arg = 1; arg < builtin.minArgs; ++arg)
      call += ", " + (chance(2) ? anyNumber() : anyExpression());
    return call + ")";
  }
  case 1: {
    static constexpr const char *defs[] = {
        "softmax", "softmax_one", "logsumexp", "mean", "variance", "normalize"};
    return std::string(oneOf(defs)) + "[" + anyName() + "](" + inner + ")";
  }
  case 2:
    return "-(" + inner + ")";
  case 3:
    return "or_else(" + inner + ", " + anyNumber() + ")";
  case 4:
    return "sum[" + anyName() + "](" + inner + " where " + anyExpression() +
           ")";
  case 5:
    return "if(" + anyExpression() + ", " + inner + ", " + anyExpression() +
           ")";
  case 6: {
    static constexpr const char *operators[] = {" + ",      " - ",  " * ",
                                                " / ",      " % ",  " < ",
                                                " <= ",     " == ", " > ",
                                                " != ",     " or ", " and ",
                                                " in 0 .. "};
    return "(" + inner + oneOf(operators) + anyExpression() + ")";
  }
  case 7:
    return "(" + inner + " + " + anyNumber() + ")";
  default:
    return anyName() + "[" + inner + "]";
  }
}

std::optional<std::string> Change::changeExpression() {
  if (places.expressions.empty())
    return std::nullopt;
  Expr *expr = oneOf(places.expressions);
  switch (pick(8)) {
  case 0:
  case 1:
    return replaced(expr->range, anyExpression());
  case 2:
    return exchanged(expr->range, oneOf(places.expressions)->range);
  case 3:
  case 4:
    return replaced(expr->range, wrapped(places.text(expr->range)));
  case 5: // unwrapped
    if (expr->args.empty())
      return std::nullopt;
    return replaced(expr->range, places.text(oneOf(expr->args)->range));
  case 6: // another function, or the same over other ranks
    if (expr->kind != ExprKind::Call || !expr->name.range.isValid())
      return std::nullopt;
    if (!expr->ranks.empty() && chance(2)) {
      RankGroup &group = oneOf(expr->ranks);
      if (group.ranks.empty())
        return std::nullopt;
      return replaced(oneOf(group.ranks).range, anyName());
    }
    return replaced(expr->name.range,
                    getBuiltins()[pick(getBuiltins().size())].name);
  default:
    if (places.numbers.empty())
      return std::nullopt;
    return replaced(oneOf(places.numbers), anyNumber());
  }
}

std::optional<std::string> Change::changeStatement() {
  if (places.statements.empty())
    return std::nullopt;
  const Stmt *stmt = oneOf(places.statements);
  const Stmt *other = oneOf(places.statements);
  switch (pick(9)) {
  case 0:
    return replaced(stmt->range, "");
  case 1: // again, or one of another program, behind it
    return inserted(stmt->range.end,
                    "\n  " + (pool.statements.empty() || chance(2)
                                  ? places.text(other->range).str()
                                  : oneOf(pool.statements)));
  case 2:
    return exchanged(stmt->range, other->range);
  case 3:
    return replaced(stmt->range, "each " + anyName() + " {\n" +
                                     places.text(stmt->range).str() + "\n}");
  case 4: // a condition more, or instead
    if (stmt->kind != StmtKind::Equation)
      return std::nullopt;
    if (stmt->condition)
      return chance(2) ? replaced(stmt->condition->range, anyExpression())
                       : inserted(stmt->condition->range.end,
                                  " and " + anyExpression());
    return inserted(stmt->range.end, " where " + anyExpression());
  case 5: // the other side of a condition: two equations of one tensor
    if (stmt->kind != StmtKind::Equation || !stmt->condition)
      return std::nullopt;
    return inserted(stmt->range.end,
                    "\n" +
                        places
                            .text(SourceRange{stmt->range.begin,
                                              stmt->condition->range.begin})
                            .str() +
                        "not (" + places.text(stmt->condition->range).str() +
                        ")");
  case 6:
    if (!stmt->left.empty())
      return replaced(oneOf(stmt->left)->range,
                      chance(2) ? anyName() : anyExpression());
    return std::nullopt;
  case 7: { // a rank of its own, of any kind
    std::string rank = anyName();
    static constexpr const char *forms[] = {"", "2", "ceil(|m| / 2)"};
    const char *form = oneOf(forms);
    return inserted(stmt->range.begin,
                    *form ? "rank " + rank + " = " + form + "\n"
                          : "rank " + rank + " of " + anyName() + " in " +
                                anyNumber() + " .. " + anyExpression() + "\n");
  }
  default:
    return inserted(stmt->range.begin, "require " + anyExpression() + "\n");
  }
}

std::optional<std::string> Change::changeDefinition() {
  if (places.definitions.empty())
    return std::nullopt;
  SourceRange range = oneOf(places.definitions);
  switch (pick(5)) {
  case 0: {
    if (places.types.empty())
      return std::nullopt;
    SourceRange type = oneOf(places.types);
    static constexpr const char *types[] = {
        "f32",  "f16", "bf16", "f8e4m3",      "f8e5m2",      "i32",
        "bool", "i8",  "f32",  "u4 packed m", "i4 packed e", "u2 packed f"};
    if (!type.isValid())
      return std::nullopt;
    return replaced(type, oneOf(types));
  }
  case 1:
    if (pool.definitions.empty())
      return std::nullopt;
    return inserted(range.begin, oneOf(pool.definitions) + "\n");
  case 2:
    return inserted(places.base() + places.text().size(),
                    "\ndefault " + anyName() + " = " + anyNumber() + "\n");
  case 3: // a dimension or an argument more
    for (int attempt = 0; attempt < 20; ++attempt)
      if (const Token &token = oneOf(places.tokens);
          token.is(TokenKind::RBracket) || token.is(TokenKind::RParen))
        return inserted(token.range.begin, ", " + anyName());
    return std::nullopt;
  default: // a name is another one, everywhere
    std::string from = anyName(), to = anyName();
    std::string text;
    uint32_t last = places.base();
    for (const Token &token : places.tokens) {
      text += places.text(SourceRange{last, token.range.begin});
      text += token.is(TokenKind::Name) && token.text == from
                  ? to
                  : token.text.str();
      last = token.range.end;
    }
    return text;
  }
}

std::optional<std::string> Change::changeToken() {
  const Token &token = oneOf(places.tokens), &other = oneOf(places.tokens);
  if (token.is(TokenKind::Eof) || other.is(TokenKind::Eof))
    return std::nullopt;
  switch (pick(5)) {
  case 0:
    return replaced(token.range, "");
  case 1:
    return replaced(token.range, other.text);
  case 2:
    return inserted(token.range.end, " " + other.text.str());
  case 3: // another name where a name stands
    if (!token.is(TokenKind::Name))
      return std::nullopt;
    return replaced(token.range, anyName());
  default: {
    if (token.kind < TokenKind::Plus || token.kind > TokenKind::NotEqual)
      return std::nullopt;
    static constexpr const char *operators[] = {
        "+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "and", "or"};
    return replaced(token.range, oneOf(operators));
  }
  }
}

std::optional<std::string> Change::make() {
  size_t kind = pick(20);
  if (kind < 9)
    return changeExpression();
  if (kind < 14)
    return changeStatement();
  if (kind < 17)
    return changeDefinition();
  return changeToken();
}

//===----------------------------------------------------------------------===//
// The mutator
//===----------------------------------------------------------------------===//

static void keep(std::vector<std::string> &list, StringRef text,
                 uint64_t &seen) {
  constexpr size_t maxLength = 600;
  if (text.size() > maxLength)
    return;
  if (list.size() < Mutator::Pool::maxKept)
    list.push_back(text.str());
  else
    list[++seen * 0x9e3779b97f4a7c15 % list.size()] = text.str();
}

static void learnFrom(const Places &places, Mutator::Pool &pool,
                      uint64_t &seen) {
  for (const Expr *expr : places.expressions)
    if (expr->kind > ExprKind::Name)
      keep(pool.expressions, places.text(expr->range), seen);
  for (const Stmt *stmt : places.statements)
    keep(pool.statements, places.text(stmt->range), seen);
  for (SourceRange range : places.definitions)
    keep(pool.definitions, places.text(range), seen);
}

void Mutator::learn(std::string_view program) {
  learnFrom(Places(program), pool, seen);
}

std::string Mutator::mutate(std::string_view program, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text(program);
  for (size_t changes = 1 + random() % 4; changes--;) {
    Places places(text);
    if (text.size() == program.size())
      learnFrom(places, pool, seen);
    for (int attempt = 0; attempt < 8; ++attempt)
      if (auto changed = Change(places, pool, random).make()) {
        text = std::move(*changed);
        break;
      }
  }
  return text;
}
