//===- Document.cpp - One open text and what is known of it ---------------===//

#include "frontend/lsp/Document.h"
#include "frontend/sema/Elaborate.h"
#include "frontend/syntax/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

using namespace einfall;
using namespace einfall::lsp;
using ein::SourceRange;
using ein::TokenKind;
using llvm::StringRef;

Document::Document(std::string name, std::string text) {
  size_t bytes = text.size();
  if (bytes > ein::SourceManager::maxBytes)
    text.clear();
  sources.add(std::move(name), std::move(text));
  if (bytes > ein::SourceManager::maxBytes)
    diagnostics.error(
        {}, ein::Rule::None,
        "the text has " + llvm::Twine(bytes) + " bytes, at most " +
            llvm::Twine(ein::SourceManager::maxBytes) + " are read");
  else
    program = ein::analyze(sources, own, {}, diagnostics);
  // The analysis reads the prelude only where the text parses.
  prelude = sources.size() > 1
                ? 1
                : sources.add("prelude.ein", ein::getPrelude().str());
}

void Document::index() {
  if (indexed)
    return;
  indexed = true;
  ein::DiagnosticEngine ignored, syntax;
  tokens = ein::lex(sources, own, ignored);
  preludeFile = ein::parse(sources, prelude, ignored);
  for (ein::Def *def : preludeFile->defs) {
    def->isPrelude = true;
    defs[def->name.name] = def;
  }
  file = ein::parse(sources, own, syntax);
  for (ein::Def *def : file->defs)
    defs[def->name.name] = def;
  for (const ein::Def *def : file->defs)
    parts.push_back({def->range.begin, nullptr, def, nullptr, nullptr});
  for (const ein::Kernel *kernel : file->kernels)
    parts.push_back({kernel->range.begin, kernel, nullptr, nullptr, nullptr});
  for (const ein::Schedule *schedule : file->schedules)
    parts.push_back(
        {schedule->range.begin, nullptr, nullptr, schedule, nullptr});
  llvm::sort(parts,
             [](const Part &a, const Part &b) { return a.begin < b.begin; });
  // Half a tree has no scopes.
  if (syntax.hasErrors())
    return;
  for (Part &part : parts) {
    if (part.schedule || (part.kernel && part.kernel->gradient))
      continue;
    part.scope = std::make_unique<ein::Scope>();
    part.scope->kernel = part.kernel;
    part.scope->def = part.def;
    ein::resolve(*part.scope, *file, defs, {}, ignored);
  }
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

Document::Part *Document::partAt(uint32_t offset) {
  auto next = llvm::upper_bound(
      parts, offset, [](uint32_t at, const Part &p) { return at < p.begin; });
  return next == parts.begin() ? nullptr : &*std::prev(next);
}

Document::Part *Document::partOf(StringRef kernel) {
  for (Part &part : parts)
    if (part.kernel && part.kernel->name.name == kernel)
      return &part;
  return nullptr;
}

/// `name(`, or `name[...](`.
bool Document::isCalled(size_t token) const {
  size_t next = token + 1;
  if (next < tokens.size() && tokens[next].is(TokenKind::LBracket)) {
    unsigned depth = 0;
    for (; next < tokens.size(); ++next) {
      if (tokens[next].is(TokenKind::LBracket))
        ++depth;
      else if (tokens[next].is(TokenKind::RBracket) && --depth == 0)
        break;
    }
    ++next;
  }
  return next < tokens.size() && tokens[next].is(TokenKind::LParen) &&
         !tokens[next].startsLine;
}

std::optional<Meaning> Document::inScope(Meaning meaning, ein::Scope *scope) {
  if (!scope)
    return std::nullopt;
  meaning.scope = scope;
  if (scope->findTensor(meaning.name))
    meaning.kind = Meaning::Tensor;
  else if (scope->findRank(meaning.name))
    meaning.kind = Meaning::Rank;
  else
    return std::nullopt;
  return meaning;
}

std::optional<Meaning> Document::meaningAt(uint32_t offset) {
  index();
  auto found =
      llvm::upper_bound(tokens, offset, [](uint32_t at, const ein::Token &t) {
        return at < t.range.begin;
      });
  if (found == tokens.begin())
    return std::nullopt;
  size_t at = std::prev(found) - tokens.begin();
  // After the last character of a name counts as within it.
  if (!tokens[at].is(TokenKind::Name) && at > 0 &&
      tokens[at].range.begin == offset)
    --at;
  const ein::Token &token = tokens[at];
  if (!token.is(TokenKind::Name) || offset > token.range.end)
    return std::nullopt;
  Meaning meaning{Meaning::Rank, token.range, token.text};
  auto kernelNamed = [&](StringRef name) -> std::optional<Meaning> {
    Part *part = partOf(name);
    if (!part)
      return std::nullopt;
    meaning.kind = Meaning::Kernel;
    meaning.kernel = part->kernel;
    return meaning;
  };
  auto scopeOf = [&](StringRef kernel) {
    Part *part = partOf(kernel);
    return part ? part->scope.get() : nullptr;
  };
  auto is = [&](const ein::Identifier &name) {
    return name.range.begin == token.range.begin;
  };
  Part *part = partAt(token.range.begin);
  if (part && part->schedule) {
    const ein::Schedule &schedule = *part->schedule;
    if (is(schedule.kernel))
      return kernelNamed(token.text);
    if (schedule.kernel.range.isValid() &&
        token.range.begin < schedule.range.end)
      return inScope(meaning, scopeOf(schedule.kernel.name));
  } else if (part && part->kernel && part->kernel->gradient) {
    const ein::Gradient &gradient = *part->kernel->gradient;
    if (is(part->kernel->name) || is(gradient.of))
      return kernelNamed(token.text);
    if (token.range.begin < part->kernel->range.end)
      return inScope(meaning, scopeOf(gradient.of.name));
  } else if (part) {
    if (part->kernel && is(part->kernel->name)) {
      meaning.kind = Meaning::Kernel;
      meaning.kernel = part->kernel;
      return meaning;
    }
    if (part->def && is(part->def->name)) {
      meaning.kind = Meaning::Def;
      meaning.def = part->def;
      return meaning;
    }
    if (at > 0 && tokens[at - 1].is(TokenKind::Colon) &&
        ein::parseElementType(token.text)) {
      meaning.kind = Meaning::Type;
      return meaning;
    }
    if (isCalled(at)) {
      bool bracketed = tokens[at + 1].is(TokenKind::LBracket);
      if ((meaning.function = ein::findBuiltin(token.text, bracketed))) {
        meaning.kind = Meaning::Function;
        return meaning;
      }
      if ((meaning.def = defs.lookup(token.text))) {
        meaning.kind = Meaning::Def;
        return meaning;
      }
    }
    return inScope(meaning, part->scope.get());
  }
  // `default` and `shard` outside of kernels: the first that knows the rank.
  for (Part &candidate : parts)
    if (candidate.kernel && candidate.scope &&
        candidate.scope->findRank(token.text))
      return inScope(meaning, candidate.scope.get());
  return std::nullopt;
}

SourceRange Document::definition(const Meaning &meaning) const {
  switch (meaning.kind) {
  case Meaning::Rank: {
    const ein::RankSymbol *rank = meaning.scope->findRank(meaning.name);
    return rank ? rank->range : SourceRange();
  }
  case Meaning::Tensor: {
    ein::TensorSymbol *tensor = meaning.scope->findTensor(meaning.name);
    return tensor ? tensor->range : SourceRange();
  }
  case Meaning::Kernel:
    return meaning.kernel->name.range;
  case Meaning::Def:
    return meaning.def->name.range;
  case Meaning::Function:
  case Meaning::Type:
    break;
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

/// From the keyword to the closing brace.
SourceRange Document::wholeOf(const Part &part) const {
  SourceRange range = part.kernel ? part.kernel->range : part.def->range;
  if (part.kernel && part.kernel->gradient)
    return range;
  unsigned depth = 0;
  auto at = llvm::lower_bound(
      tokens, range.end,
      [](const ein::Token &t, uint32_t end) { return t.range.begin < end; });
  for (; at != tokens.end(); ++at) {
    if (at->is(TokenKind::LBrace))
      ++depth;
    if (at->is(TokenKind::RBrace) && --depth == 0)
      return range.join(at->range);
    if (depth == 0)
      break;
  }
  return range;
}

static void addStatements(llvm::ArrayRef<ein::Stmt *> body,
                          llvm::StringSet<> &seen,
                          std::vector<Symbol> &symbols) {
  auto add = [&](Symbol::Kind kind, const ein::Identifier &name,
                 SourceRange range) {
    if (seen.insert(name.name).second)
      symbols.push_back(
          {kind, name.name.str(), name.range, range.join(name.range), {}});
  };
  for (const ein::Stmt *stmt : body) {
    if (stmt->kind == ein::StmtKind::Equation)
      add(Symbol::Tensor, stmt->name, stmt->range);
    if (stmt->kind == ein::StmtKind::Rank)
      for (const ein::RankBinding &binding : stmt->bindings)
        add(Symbol::Rank, binding.rank, {});
    addStatements(stmt->body, seen, symbols);
  }
}

std::vector<Symbol> Document::symbols() {
  index();
  std::vector<Symbol> result;
  for (const Part &part : parts) {
    if (part.schedule)
      continue;
    const ein::Identifier &name =
        part.kernel ? part.kernel->name : part.def->name;
    Symbol &symbol = result.emplace_back();
    symbol.kind = part.kernel ? Symbol::Kernel : Symbol::Def;
    symbol.name = name.name.str();
    symbol.nameRange = name.range;
    symbol.range = wholeOf(part).join(name.range);
    llvm::StringSet<> seen;
    addStatements(part.kernel ? part.kernel->body : part.def->body, seen,
                  symbol.children);
  }
  return result;
}
