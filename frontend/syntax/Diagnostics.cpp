//===- Diagnostics.cpp - Errors with places, numbers and remedies ---------===//

#include "frontend/syntax/Diagnostics.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <cstdlib>
#include <unistd.h>

using namespace einfall::ein;
using llvm::StringRef;

namespace {
struct RuleEntry {
  const char *number, *text;
};
constexpr RuleEntry ruleTable[] = {
    {"", ""},
#define EIN_RULE(name, number, text) {number, text},
#include "frontend/syntax/Rules.def"
};
} // namespace

StringRef einfall::ein::getRuleNumber(Rule rule) {
  return ruleTable[static_cast<unsigned>(rule)].number;
}

StringRef einfall::ein::getRuleText(Rule rule) {
  return ruleTable[static_cast<unsigned>(rule)].text;
}

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

DiagnosticEngine::Builder &
DiagnosticEngine::Builder::note(SourceRange range, const llvm::Twine &message) {
  if (kept)
    engine->diagnostics.back().notes.push_back({range, message.str()});
  return *this;
}

DiagnosticEngine::Builder &
DiagnosticEngine::Builder::fix(const llvm::Twine &title,
                               std::vector<Edit> edits) {
  if (kept)
    engine->diagnostics.back().fixes.push_back({title.str(), std::move(edits)});
  return *this;
}

DiagnosticEngine::Builder &
DiagnosticEngine::Builder::wrap(const llvm::Twine &title, SourceRange range,
                                const llvm::Twine &before,
                                const llvm::Twine &after) {
  return fix(title, {{{range.begin, range.begin}, before.str()},
                     {{range.end, range.end}, after.str()}});
}

DiagnosticEngine::Builder &
DiagnosticEngine::Builder::didYouMean(SourceRange name, StringRef near,
                                      SourceRange declared) {
  if (near.empty())
    return *this;
  note(declared, "did you mean `" + near + "`?");
  return fix("write `" + near + "`", {{name, near.str()}});
}

DiagnosticEngine::Builder DiagnosticEngine::add(Severity severity,
                                                SourceRange range, Rule rule,
                                                const llvm::Twine &message) {
  if (severity == Severity::Error && ++errorCount > maxErrors)
    return Builder(this, /*kept=*/false);
  diagnostics.push_back({severity, rule, range, message.str(), {}, {}});
  return Builder(this, /*kept=*/true);
}

DiagnosticEngine::Builder DiagnosticEngine::error(SourceRange range, Rule rule,
                                                  const llvm::Twine &message) {
  return add(Severity::Error, range, rule, message);
}

DiagnosticEngine::Builder
DiagnosticEngine::warning(SourceRange range, Rule rule,
                          const llvm::Twine &message) {
  return add(Severity::Warning, range, rule, message);
}

DiagnosticEngine::Builder DiagnosticEngine::remark(SourceRange range,
                                                   const llvm::Twine &message) {
  return add(Severity::Remark, range, Rule::None, message);
}

void DiagnosticEngine::sortByPlace(size_t before) {
  std::stable_sort(diagnostics.begin() + before, diagnostics.end(),
                   [](const Diagnostic &a, const Diagnostic &b) {
                     return a.range.begin < b.range.begin;
                   });
}

//===----------------------------------------------------------------------===//
// Rendering
//===----------------------------------------------------------------------===//

namespace {
struct Painter {
  llvm::raw_ostream &os;
  bool colour;
  void put(const char *code, StringRef text) {
    if (colour)
      os << code << text << "\033[0m";
    else
      os << text;
  }
};

/// The line of `range` and a caret under its first character, tildes under the
/// rest as far as the line goes. Tabs keep their width because the margin
/// repeats them. Long lines are cut around the place.
void printSnippet(llvm::raw_ostream &os, const SourceManager &sources,
                  SourceRange range, Painter &painter) {
  std::optional<unsigned> id = sources.find(range.begin);
  if (!id)
    return;
  LineColumn place = sources.getLineColumn(range.begin);
  StringRef line = sources.getLine(*id, place.line);
  size_t column = place.column - 1;
  size_t from = column > 100 ? column - 60 : 0;
  StringRef shown = line.substr(from, 160);
  std::string number = std::to_string(place.line);
  if (number.size() < 4)
    number.insert(0, 4 - number.size(), ' ');
  os << number << " | ";
  for (char c : shown)
    os << (static_cast<unsigned char>(c) < 0x20 && c != '\t' ? '?' : c);
  os << "\n" << std::string(number.size(), ' ') << " | ";
  for (size_t i = from; i < column; ++i)
    os << (i < line.size() && line[i] == '\t' ? '\t' : ' ');
  size_t last =
      std::min<size_t>(from + shown.size(), column + (range.end - range.begin));
  std::string marks = "^";
  if (last > column + 1)
    marks.append(last - column - 1, '~');
  painter.put("\033[1;32m", marks);
  os << "\n";
}

void printPlace(llvm::raw_ostream &os, const SourceManager &sources,
                SourceRange range) {
  std::optional<unsigned> id = sources.find(range.begin);
  if (!range.isValid() || !id)
    return;
  LineColumn place = sources.getLineColumn(range.begin);
  os << sources.getName(*id) << ":" << place.line << ":" << place.column
     << ": ";
}

llvm::json::Object toJson(const SourceManager &sources, SourceRange range) {
  std::optional<unsigned> id = sources.find(range.begin);
  if (!range.isValid() || !id)
    return {};
  auto place = [&](uint32_t offset) {
    LineColumn at = sources.getLineColumn(offset);
    return llvm::json::Object{{"line", at.line}, {"column", at.column}};
  };
  return llvm::json::Object{{"file", llvm::json::fixUTF8(sources.getName(*id))},
                            {"start", place(range.begin)},
                            {"end", place(range.end)}};
}
} // namespace

void einfall::ein::printText(llvm::raw_ostream &os,
                             const SourceManager &sources,
                             const DiagnosticEngine &diagnostics, bool colour) {
  Painter painter{os, colour};
  for (const Diagnostic &diagnostic : diagnostics.get()) {
    printPlace(os, sources, diagnostic.range);
    if (diagnostic.severity == Severity::Error)
      painter.put("\033[1;31m", "error: ");
    else if (diagnostic.severity == Severity::Warning)
      painter.put("\033[1;35m", "warning: ");
    else
      painter.put("\033[1;34m", "remark: ");
    os << diagnostic.message << "\n";
    if (diagnostic.range.isValid())
      printSnippet(os, sources, diagnostic.range, painter);
    for (const Note &note : diagnostic.notes) {
      printPlace(os, sources, note.range);
      painter.put("\033[1;36m", "note: ");
      os << note.message << "\n";
      if (note.range.isValid())
        printSnippet(os, sources, note.range, painter);
    }
    if (diagnostic.rule != Rule::None) {
      painter.put("\033[1;36m", "note: ");
      os << "rule [" << getRuleNumber(diagnostic.rule)
         << "]: " << getRuleText(diagnostic.rule) << "\n";
    }
  }
  if (diagnostics.getErrorCount() > DiagnosticEngine::maxErrors)
    os << "and " << diagnostics.getErrorCount() - DiagnosticEngine::maxErrors
       << " more errors\n";
}

void einfall::ein::printJson(llvm::raw_ostream &os,
                             const SourceManager &sources,
                             const DiagnosticEngine &diagnostics) {
  llvm::json::Array list;
  for (const Diagnostic &diagnostic : diagnostics.get()) {
    llvm::json::Array notes;
    for (const Note &note : diagnostic.notes)
      notes.push_back(
          llvm::json::Object{{"message", llvm::json::fixUTF8(note.message)},
                             {"range", toJson(sources, note.range)}});
    llvm::json::Array fixes;
    for (const Fix &fix : diagnostic.fixes) {
      llvm::json::Array edits;
      for (const Edit &edit : fix.edits)
        edits.push_back(
            llvm::json::Object{{"range", toJson(sources, edit.range)},
                               {"text", llvm::json::fixUTF8(edit.text)}});
      fixes.push_back(
          llvm::json::Object{{"title", llvm::json::fixUTF8(fix.title)},
                             {"edits", std::move(edits)}});
    }
    list.push_back(llvm::json::Object{
        {"severity", diagnostic.severity == Severity::Error     ? "error"
                     : diagnostic.severity == Severity::Warning ? "warning"
                                                                : "remark"},
        {"message", llvm::json::fixUTF8(diagnostic.message)},
        {"rule", getRuleNumber(diagnostic.rule)},
        {"ruleText", getRuleText(diagnostic.rule)},
        {"range", toJson(sources, diagnostic.range)},
        {"notes", std::move(notes)},
        {"fixes", std::move(fixes)}});
  }
  os << llvm::formatv("{0:2}", llvm::json::Value(std::move(list))) << "\n";
}

bool einfall::ein::wantsColour() {
  const char *noColour = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && (!noColour || !*noColour);
}

StringRef einfall::ein::nearest(StringRef name,
                                llvm::ArrayRef<StringRef> candidates) {
  if (name.size() > 64)
    return {};
  unsigned limit = name.size() <= 3 ? 1 : name.size() <= 6 ? 2 : 3;
  StringRef best;
  unsigned bestDistance = limit + 1;
  for (StringRef candidate : candidates) {
    if (candidate.size() > 64 || candidate == name)
      continue;
    unsigned distance = name.edit_distance(candidate, true, limit);
    // `K` and `k` differ by a slip of the shift key.
    if (name.equals_insensitive(candidate))
      distance = 0;
    // A name of one letter is near to every other: only case may differ.
    else if (name.size() == 1)
      continue;
    if (distance < bestDistance)
      bestDistance = distance, best = candidate;
  }
  return best;
}
